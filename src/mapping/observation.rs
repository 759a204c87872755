//! Observation: values, results and findings; groups and blood pressures build on it.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | resultStatus: none final, PR and IN preliminary, NA registered |
//! | category | from the investigation group and what the code means |
//! | code | code and term |
//! | effective, issued | effectiveTime, availabilityTimeStamp |
//! | performer | authorising |
//! | specimen | the specimen of the report that names it |
//! | value | numeric with comparator and unit, or text; none where the code is the result |
//! | interpretation | of an abnormal flag: high or low where said or computed, else abnormal |
//! | referenceRange | range |
//! | hasMember | child links of a group |
//! | component | readings of a blood pressure |

use super::classify::{Shape, is_problem};
use super::concept_map::{self, Map};
use super::maker::{Links, Maker};
use super::quantity::{self, Said};
use super::rules::{Group, Meaning, rules};
use super::tags::{self, Place};
use super::{blood_pressure, codes, condition, dates, panel, parts};
use crate::kinds::Kind;
use crate::record::Event;
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, ObservationEffective, ObservationReferenceRange, ObservationValue};
use mig_fhir_model::types as fhir;

pub(super) fn make<'a>(maker: &mut Maker<'a>, at: usize, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let place = place(maker, event, shape);
    let id = maker.id(&event.id);
    let mut resource = resources::Observation {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Observation), &place.tags)),
        status: status(event).into(),
        category: category(event, shape).into_iter().collect(),
        code: Box::new(maker.concept(event)),
        subject: Some(maker.subject(&mut links)),
        encounter: maker.encounter(&mut links, &event.id),
        effective: event.effective.and_then(dates::date_time).map(|date| ObservationEffective::DateTime(date.into())),
        issued: Maker::recorded(event).map(Into::into),
        performer: maker.staff(&mut links, event.authorising.as_deref()).map(|who| *who).into_iter().collect(),
        value: value(maker, event),
        interpretation: interpretation(event),
        note: codes::qualifiers(event.code.as_ref())
            .chain(condition::episodicity(event))
            .chain(event.unfiled.then(|| parts::note("Not yet filed by the practice".to_owned())))
            .collect(),
        reference_range: reference_range(event),
        specimen: specimen(maker, &mut links, at),
        ..Default::default()
    };
    resource.has_member = panel::members(maker, &mut links, at, event);
    if shape.means(Meaning::BloodPressure) {
        blood_pressure::complete(maker, at, event, &mut resource);
    }
    let problem = is_problem(maker.record, event);
    maker.add(Kind::Observation, id, Resource::Observation(Box::new(resource)), place, problem, links);
}

/// The legacy id of the Observation that tells of an event: its own, or the blood pressure it is a component of.
pub(super) fn of<'a>(maker: &Maker<'a>, event: &str) -> Option<&'a str> {
    let at = maker.graph.event(event)?;
    let shape = maker.shapes.get(at)?;
    let told = if shape.observation { Some(at) } else { shape.part_of };
    told.and_then(|at| maker.record.events.get(at)).map(|event| event.id.as_str())
}

/// What was tested, where a report of this view says so. The battery or test named by the specimen has it made.
fn specimen(maker: &mut Maker<'_>, links: &mut Links, at: usize) -> Option<Box<fhir::Reference>> {
    let record = maker.record;
    let (report, number) = maker.graph.specimen(at)?;
    let made = maker.shapes.get(report).is_some_and(|shape| shape.report);
    let report = record.events.get(report).filter(|_| made)?;
    let specimen = report.report.as_ref()?.specimens.get(usize::from(number))?;
    if !specimen.members.iter().any(|member| of(maker, member).is_some()) {
        return None;
    }
    Some(links.refer(Kind::Specimen, maker.specimen_id(&report.id, number)?))
}

fn place(maker: &Maker<'_>, event: &Event, shape: &Shape) -> Place {
    let place = tags::place_observation(event, shape, maker.context.view);
    if is_recent(maker, event) { tags::recent(place) } else { place }
}

/// What may be recent must be seen among the recent: a partial date by its last day, and what has no date at all.
pub(super) fn is_recent(maker: &Maker<'_>, event: &Event) -> bool {
    let since = dates::months_before(maker.today, rules().recent_months);
    event.effective.and_then(dates::last_day).zip(since).is_none_or(|(day, since)| day >= since)
}

/// The status that a result status says.
pub(super) fn status(event: &Event) -> &'static str {
    let Some(said) = event.result_status.as_deref().filter(|said| !said.is_empty()) else { return "final" };
    match concept_map::target(Map::ResultStatus, said).map(|status| status.code.as_str()) {
        // A result that is not available and is there.
        Some("registered") if event.value.is_some() => "unknown",
        status => status.unwrap_or("unknown"),
    }
}

fn category(event: &Event, shape: &Shape) -> Option<fhir::CodeableConcept> {
    let vital = [Meaning::VitalSign, Meaning::BloodPressure, Meaning::Systolic, Meaning::Diastolic];
    let code = if vital.iter().any(|meaning| shape.means(*meaning)) {
        "vital-signs"
    } else if shape.means(Meaning::SocialHistory) {
        "social-history"
    } else {
        match tags::group(event, shape)? {
            Group::Biochemistry
            | Group::Haematology
            | Group::Immunology
            | Group::Microbiology
            | Group::Cytology
            | Group::Urinalysis => "laboratory",
            Group::Imaging => "imaging",
            Group::Ecg | Group::Physiology => "procedure",
            Group::Other => return None,
        }
    };
    Some(parts::concept("http://terminology.hl7.org/CodeSystem/observation-category", code, None))
}

fn value(maker: &mut Maker<'_>, event: &Event) -> Option<ObservationValue> {
    match quantity::said(event.value.as_ref()?)? {
        Said::Quantity(quantity) => Some(ObservationValue::Quantity(quantity)),
        Said::Text(text) => {
            if matches!(event.value, Some(crate::record::Value::Numeric { .. })) {
                maker.degrade("value-as-text");
            }
            Some(ObservationValue::String(text.into()))
        }
    }
}

/// What an abnormal flag says. No flag says nothing, and never "normal".
pub(super) fn interpretation(event: &Event) -> Vec<fhir::CodeableConcept> {
    let Some((true, description)) = &event.abnormal else { return Vec::new() };
    let words = description.as_deref().and_then(parts::text);
    let flag = |word: &str| concept_map::target(Map::AbnormalFlag, word);
    // A description that says no more than "abnormal" leaves it to the range to say which way.
    let told = words.as_deref().and_then(|words| flag(&words.to_ascii_uppercase())).filter(|told| told.code != "A");
    let said = told.or_else(|| event.value.as_ref().and_then(quantity::outside).and_then(flag));
    // Neither way is certain: outside its range.
    let said = said.or_else(|| flag("OR"));
    let mut concept = said.map(concept_map::Target::concept).unwrap_or_default();
    concept.text = words.map(Into::into);
    vec![concept]
}

/// The range of an event's value.
pub(super) fn reference_range(event: &Event) -> Vec<ObservationReferenceRange> {
    let range = event.value.as_ref().and_then(quantity::range_of);
    range.and_then(quantity::reference_range).into_iter().collect()
}
