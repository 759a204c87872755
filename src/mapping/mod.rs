//! Screened legacy entries to held FHIR, pure; one file per FHIR type.
//!
//! Mapping never decides what may leave: it sees only what `release::screen` left, and what it makes is [`Held`]. Every
//! entry it is handed has one fate in the ledger. Odd data degrades its own entry, counted by a fixed word, and nothing
//! else. [`classify`] decides what each entry becomes, `rules.toml` what is certain, [`tags`] where it belongs; the file
//! of each FHIR type reads as its mapping table. Called by `views`.

mod allergy_intolerance;
mod blood_pressure;
mod classify;
mod codes;
mod concept_map;
mod condition;
mod dates;
mod diagnostic_report;
mod encounter;
mod flag;
mod graph;
mod immunization;
mod location;
mod maker;
mod medication_request;
mod medication_statement;
mod observation;
mod organization;
mod panel;
mod parts;
mod patient;
mod prescription;
mod procedure;
mod quantity;
mod rules;
mod service_request;
mod specimen;
mod staff;
mod tags;
mod unsaid;
#[cfg(test)]
mod tests;

use crate::ids::{NhsNumber, Sealer};
use crate::kinds::View;
use crate::record::{Fate, Ledger, Reason, Record};
use crate::release::{Held, Screened};
use maker::{Made, Maker};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

/// What mapping needs beside the record.
pub struct Context<'a> {
    /// The patient whose record it is.
    pub patient: NhsNumber,
    /// Makes logical ids.
    pub sealer: &'a Sealer,
    /// The view that brought the record.
    pub view: View,
    /// The practice that keeps it, as located: code and name.
    pub practice: (&'a str, Option<&'a str>),
    /// "Today", for what is current and what is recent.
    pub now: OffsetDateTime,
}

/// What mapping made.
pub struct Mapped {
    /// The resources.
    pub held: Vec<Held>,
    /// What became of every entry.
    pub ledger: Ledger,
    /// What the source said and FHIR cannot, by a fixed word: counts only.
    pub degraded: BTreeMap<&'static str, u64>,
}

/// Maps one view. Linear in the record.
#[must_use]
pub fn map(screened: &Screened, context: &Context<'_>) -> Mapped {
    let mut ledger = screened.ledger();
    let (made, degraded) = make(screened.record(), &mut ledger, context);
    for (what, count) in &degraded {
        metrics::counter!("mig_fhir_mapping_degraded_total", "what" => *what).increment(*count);
    }
    Mapped { held: made.into_iter().map(Made::hold).collect(), ledger, degraded }
}

/// Makes every resource of one view, and what they refer to; notes the fate of every entry.
fn make<'a>(
    record: &'a Record,
    ledger: &mut Ledger,
    context: &'a Context<'a>,
) -> (Vec<Made>, BTreeMap<&'static str, u64>) {
    let graph = graph::Graph::of(record);
    let shapes = classify::classify(record, &graph, context.view);
    let mut maker = Maker::new(record, context, &graph, &shapes);
    if context.view == View::PatientDetails {
        patient::make(&mut maker);
    }
    for (at, (event, shape)) in record.events.iter().zip(&shapes).enumerate() {
        if shape.condition {
            condition::make(&mut maker, event, shape);
        }
        if shape.allergy {
            allergy_intolerance::make(&mut maker, event, shape);
        }
        if shape.procedure {
            procedure::make(&mut maker, event, shape);
        }
        if shape.observation {
            observation::make(&mut maker, at, event, shape);
        }
        if shape.report {
            diagnostic_report::make(&mut maker, event, shape);
        }
        if shape.statement {
            medication_statement::make(&mut maker, at, event);
        }
        if shape.prescription {
            medication_request::make(&mut maker, at, event);
        }
        if shape.immunization {
            immunization::make(&mut maker, event, shape);
        }
        if shape.flag {
            flag::make(&mut maker, event, shape);
        }
        if shape.referral {
            service_request::make(&mut maker, event, shape);
        }
        if shape.stay {
            encounter::make_stay(&mut maker, event);
        }
        if shape.is_made() {
            unsaid::count(&mut maker, event);
        }
        ledger.note(&event.id, &event.kind, fate(shape));
    }
    let mut seen = BTreeSet::new();
    for encounter in &record.encounters {
        let first = !encounter.id.is_empty() && seen.insert(encounter.id.as_str());
        if first {
            encounter::make(&mut maker, encounter);
        }
        let fate = if first { Fate::Source } else { Fate::Omitted(Reason::NoIdentity) };
        ledger.note(&encounter.id, "ENC", fate);
    }
    staff::make(&mut maker);
    location::make(&mut maker);
    organization::make(&mut maker);
    (maker.made, maker.degraded)
}

fn fate(shape: &classify::Shape) -> Fate {
    if shape.is_made() {
        Fate::Source
    } else if shape.part_of.is_some() {
        Fate::Component
    } else {
        Fate::Omitted(shape.omitted.unwrap_or(Reason::Unmappable))
    }
}
