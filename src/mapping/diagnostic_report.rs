//! `DiagnosticReport`: every report (REP) that has a value, or a result that is made. A group without a report is an
//! Observation with members; no report is made up for it.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | final; preliminary where a result is |
//! | category | dataType: PATH LAB, RAD RAD, the others in words; the investigation group |
//! | code | code and term; else "diagnostic studies report" |
//! | effective | the specimen's time where there is one specimen, else effectiveTime |
//! | issued | issueDate where it has a time, else availabilityTimeStamp |
//! | performer | serviceOrganisation, authorising |
//! | specimen | the specimens of released results |
//! | result | batteries, and tests that are in no battery of it |
//! | conclusion | the report's own value. The report's summary is not carried |

use super::classify::Shape;
use super::maker::{Links, Maker};
use super::quantity::{self, Said};
use super::rules::Group;
use super::{dates, observation, parts, specimen, tags};
use crate::kinds::Kind;
use crate::record::{Event, PartialDate, Report};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, DiagnosticReportEffective};
use mig_fhir_model::types as fhir;
use std::collections::BTreeSet;

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let mut links = Links::default();
    let results = results(maker, event);
    let group = group(maker, event, shape, &results);
    let place = tags::place_report(group);
    let place = if observation::is_recent(maker, event) { tags::recent(place) } else { place };
    let specimens = specimen::of_report(maker, event);
    let status = status(maker, event, &results);
    let id = maker.id(&event.id);
    let specimen = specimens.iter().map(|(id, _)| *links.refer(Kind::Specimen, id.clone())).collect();
    let effective = match specimens.as_slice() {
        [(_, one)] => specimen::taken(one).or(event.effective),
        _ => event.effective,
    };
    let report = event.report.as_ref();
    let issued = match report.and_then(|report| report.issued) {
        Some(PartialDate::Time(at)) => Some(at),
        said => {
            if said.is_some() {
                // An instant has a time, and none is made up.
                maker.degrade("issue-date-without-time");
            }
            event.available
        }
    };
    let service = report.and_then(|report| report.service_organisation.as_deref());
    let performer = [maker.organisation(&mut links, service), maker.staff(&mut links, event.authorising.as_deref())];
    let resource = resources::DiagnosticReport {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::DiagnosticReport), &place.tags)),
        status: status.into(),
        category: category(report, group),
        code: Box::new(code(maker, event)),
        subject: Some(maker.subject(&mut links)),
        encounter: maker.encounter(&mut links, &event.id),
        effective: effective.and_then(dates::date_time).map(|date| DiagnosticReportEffective::DateTime(date.into())),
        issued: issued.and_then(dates::instant).map(Into::into),
        performer: performer.into_iter().flatten().map(|who| *who).collect(),
        specimen,
        result: results.into_iter().map(|result| *maker.refer(&mut links, Kind::Observation, result)).collect(),
        conclusion: conclusion(event).map(Into::into),
        ..Default::default()
    };
    for (id, specimen) in specimens {
        specimen::make(maker, id, specimen);
    }
    let problem = super::classify::is_problem(maker.record, event);
    maker.add(Kind::DiagnosticReport, id, Resource::DiagnosticReport(Box::new(resource)), place, problem, links);
}

/// The Observations of a report: each once, and none that a battery of the same report already has.
fn results<'a>(maker: &Maker<'a>, event: &'a Event) -> Vec<&'a str> {
    let record = maker.record;
    let batteries = event.children.iter().filter_map(|id| maker.graph.event(id)).filter_map(|at| record.events.get(at));
    let within: BTreeSet<&str> = batteries
        .filter(|battery| battery.kind != "REP" && battery.id != event.id)
        .flat_map(|battery| battery.children.iter().filter(|child| **child != battery.id).map(String::as_str))
        .collect();
    let told = |children: &mut dyn Iterator<Item = &'a String>| {
        let mut seen = BTreeSet::new();
        children.filter_map(|child| observation::of(maker, child)).filter(|told| seen.insert(*told)).collect()
    };
    let direct: Vec<&'a str> = told(&mut event.children.iter().filter(|child| !within.contains(child.as_str())));
    // Batteries that name each other in a ring are all within one another.
    if direct.is_empty() { told(&mut event.children.iter()) } else { direct }
}

/// The report's own group, else the one that all of its results have.
fn group(maker: &Maker<'_>, event: &Event, shape: &Shape, results: &[&str]) -> Option<Group> {
    let radiology = event.report.as_ref().is_some_and(|report| report.data_type.as_deref() == Some("RAD"));
    let own = shape.known.group.filter(|group| *group != Group::Other);
    let mut groups = results.iter().map(|result| maker.shape(result).and_then(|shape| shape.known.group));
    let first = groups.next().flatten().filter(|first| groups.all(|group| group == Some(*first)));
    own.or(radiology.then_some(Group::Imaging)).or(first)
}

fn status(maker: &Maker<'_>, event: &Event, results: &[&str]) -> &'static str {
    let events = results.iter().filter_map(|id| maker.graph.event(id)).filter_map(|at| maker.record.events.get(at));
    let unfinished = |event: &Event| matches!(observation::status(event), "preliminary" | "registered");
    match observation::status(event) {
        "final" if events.into_iter().any(unfinished) => "preliminary",
        status => status,
    }
}

/// A report's own type, where a code says it.
fn coded_type(report: &Report) -> Option<&'static str> {
    match report.data_type.as_deref()? {
        "PATH" => Some("LAB"),
        "RAD" => Some("RAD"),
        _ => None,
    }
}

/// A report's own type, where words must say it.
fn worded_type(report: &Report) -> Option<&'static str> {
    match report.data_type.as_deref()? {
        "DIS" => Some("Discharge"),
        "OUT" => Some("Outpatient"),
        "OOH" => Some("Out of hours"),
        "SCR" => Some("Screening"),
        _ => None,
    }
}

/// Whether its own type is said.
pub(super) fn says_type(report: &Report) -> bool {
    coded_type(report).or(worded_type(report)).is_some()
}

fn category(report: Option<&Report>, group: Option<Group>) -> Vec<fhir::CodeableConcept> {
    let kind = report.and_then(coded_type);
    let of_group = match group {
        Some(Group::Biochemistry) => Some("CH"),
        Some(Group::Haematology) => Some("HM"),
        Some(Group::Microbiology) => Some("MB"),
        Some(Group::Cytology) => Some("CP"),
        Some(Group::Immunology) => Some("IMM"),
        Some(Group::Ecg) => Some("EC"),
        Some(Group::Physiology) => Some("PF"),
        Some(Group::Imaging) => Some("RAD"),
        Some(Group::Urinalysis) => Some("LAB"),
        Some(Group::Other) | None => None,
    };
    let mut codes: Vec<&str> = kind.into_iter().chain(of_group).collect();
    codes.dedup();
    let words = report.and_then(worded_type);
    let concept = |code| parts::concept("http://terminology.hl7.org/CodeSystem/v2-0074", code, None);
    codes.into_iter().map(concept).chain(words.map(|words| parts::worded(words.to_owned()))).collect()
}

fn code(maker: &mut Maker<'_>, event: &Event) -> fhir::CodeableConcept {
    if event.code.is_some() {
        return maker.concept(event);
    }
    let mut plain = parts::concept("http://snomed.info/sct", "721981007", Some("Diagnostic studies report"));
    plain.text = event.term.as_deref().and_then(parts::text).map(Into::into);
    plain
}

fn conclusion(event: &Event) -> Option<String> {
    match quantity::said(event.value.as_ref()?)? {
        Said::Text(text) => Some(text),
        Said::Quantity(quantity) => {
            let unit = quantity.unit.and_then(|unit| unit.value);
            let value = quantity.value.and_then(|value| value.value);
            let comparator = quantity.comparator.and_then(|comparator| comparator.value);
            let number = [comparator, value].into_iter().flatten().collect::<String>();
            parts::joined([Some(number.as_str()), unit.as_deref()])
        }
    }
}
