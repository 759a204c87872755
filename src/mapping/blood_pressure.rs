//! Blood pressures: the readings of a group as components (reference/openhr-content.md section 8.5).
//!
//! LOINC codes are given only where the base R4 profile is met, since validators hold any resource with such a code to
//! it: one systolic and one diastolic, each with a value in mmHg or a reason for its absence, date to the day. Every
//! other group keeps its source codes and all of its readings. UK Core 2.0.2 has no such profile, so none is claimed.

use super::maker::Maker;
use super::observation;
use super::parts;
use super::quantity::{self, Said};
use super::rules::Meaning;
use super::{codes, dates, graph::Graph};
use crate::record::Event;
use mig_fhir_model::resources::{Observation, ObservationComponent, ObservationComponentValue};
use mig_fhir_model::types as fhir;

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";

struct Side {
    meaning: Meaning,
    loinc: &'static str,
    snomed: &'static str,
    words: &'static str,
}

const SIDES: [Side; 2] = [
    Side { meaning: Meaning::Systolic, loinc: "8480-6", snomed: "271649006", words: "Systolic blood pressure" },
    Side { meaning: Meaning::Diastolic, loinc: "8462-4", snomed: "271650006", words: "Diastolic blood pressure" },
];

/// Adds the readings that are components of this group, and the LOINC codes where they may stand.
pub(super) fn complete<'a>(maker: &mut Maker<'a>, at: usize, event: &'a Event, panel: &mut Observation) {
    let readings = readings(maker.graph, at, event, maker);
    if readings.is_empty() {
        return;
    }
    let of_side = |side: &Side| readings.iter().filter(|(_, meaning)| *meaning == side.meaning).count();
    let met = SIDES.iter().all(|side| of_side(side) <= 1)
        && event.effective.is_some_and(dates::to_the_day)
        && panel.value.is_none()
        && readings.iter().all(|(reading, _)| is_pressure_or_absent(reading));
    let mut worst = observation::status(event);
    for side in &SIDES {
        for (reading, _) in readings.iter().filter(|(_, meaning)| *meaning == side.meaning) {
            if worst == "final" {
                worst = observation::status(reading);
            }
            panel.note.extend(codes::qualifiers(reading.code.as_ref()));
            let mut component = component(maker, reading);
            if met {
                component.code.coding.push(mapped(LOINC, side.loinc, side.words));
            }
            panel.component.push(component);
        }
        if of_side(side) == 0 {
            panel.component.push(absent(side, met));
        }
    }
    panel.status = worst.into();
    if met {
        panel.code.coding.push(mapped(LOINC, "85354-9", "Blood pressure panel with all children optional"));
    }
}

fn readings<'a>(graph: &Graph<'a>, at: usize, event: &'a Event, maker: &Maker<'a>) -> Vec<(&'a Event, Meaning)> {
    let mut seen = std::collections::BTreeSet::new();
    let children = event.children.iter().filter_map(|id| graph.event(id)).filter(|child| seen.insert(*child));
    let part = |child: usize| {
        let shape = maker.shapes.get(child).filter(|shape| shape.part_of == Some(at))?;
        let meaning = if shape.means(Meaning::Systolic) { Meaning::Systolic } else { Meaning::Diastolic };
        Some((maker.record.events.get(child)?, meaning))
    };
    children.filter_map(part).collect()
}

fn is_pressure_or_absent(reading: &Event) -> bool {
    let Some(value) = &reading.value else { return true };
    match quantity::said(value) {
        None => true,
        Some(Said::Quantity(quantity)) => quantity.code == Some("mm[Hg]".into()),
        Some(Said::Text(_)) => false,
    }
}

fn component(maker: &mut Maker<'_>, reading: &Event) -> ObservationComponent {
    let value = reading.value.as_ref().and_then(quantity::said).map(|said| match said {
        Said::Quantity(quantity) => ObservationComponentValue::Quantity(quantity),
        Said::Text(text) => ObservationComponentValue::String(text.into()),
    });
    ObservationComponent {
        code: Box::new(maker.concept(reading)),
        data_absent_reason: value.is_none().then(|| Box::new(unknown())),
        value,
        interpretation: observation::interpretation(reading),
        reference_range: observation::reference_range(reading),
        ..Default::default()
    }
}

/// The reading that the group lacks: said to be absent, never left to be guessed.
fn absent(side: &Side, met: bool) -> ObservationComponent {
    let mut code = fhir::CodeableConcept {
        coding: vec![mapped(SNOMED, side.snomed, side.words)],
        text: Some(side.words.into()),
        ..Default::default()
    };
    code.coding.extend(met.then(|| mapped(LOINC, side.loinc, side.words)));
    ObservationComponent { code: Box::new(code), data_absent_reason: Some(Box::new(unknown())), ..Default::default() }
}

fn unknown() -> fhir::CodeableConcept {
    parts::concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown", Some("Unknown"))
}

fn mapped(system: &str, code: &str, display: &str) -> fhir::Coding {
    fhir::Coding { user_selected: Some(false.into()), ..parts::coding(system, code, Some(display)) }
}
