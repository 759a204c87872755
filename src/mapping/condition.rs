//! Condition: problems, and diagnoses that are no problem.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | clinicalStatus | problem status A, HP, PP active, I inactive; none for what is no problem |
//! | verificationStatus | unconfirmed for a potential problem, else none |
//! | category | problem-list-item, or encounter-diagnosis where the code is certain to be a disorder |
//! | severity | a coded severity qualifier; never the significance |
//! | extension | significance, original status, episodicity, related problems |
//! | code | the defining event's code and term |
//! | onset, abatement | effectiveTime; endTime of an inactive problem (con-4) |
//! | recordedDate, recorder, asserter | availabilityTimeStamp, enteredBy, authorising |
//! | evidence | linked Observations and reports |
//! | note | end of an active problem, expected duration, owner, how it is related to others, odd status |

use super::classify::{Shape, is_problem};
use super::concept_map::{self, Map, Target};
use super::maker::{Links, Maker};
use super::parts::{self, note};
use super::rules::Meaning;
use super::{codes, dates, tags};
use crate::kinds::Kind;
use crate::record::{Event, Problem};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, ConditionAbatement, ConditionEvidence, ConditionOnset};
use mig_fhir_model::types::{self as fhir, ExtensionValue};
use std::collections::HashSet;

const SIGNIFICANCE: &str = "urn:x-mig-fhir:StructureDefinition:problem-significance";
const STATUS: &str = "urn:x-mig-fhir:StructureDefinition:problem-status";
const CLINICAL: &str = "http://terminology.hl7.org/CodeSystem/condition-clinical";
const VERIFICATION: &str = "http://terminology.hl7.org/CodeSystem/condition-ver-status";
const RELATED: &str = "http://hl7.org/fhir/StructureDefinition/condition-related";
const EPISODE: &str = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-ConditionEpisode";

pub(super) fn make<'a>(maker: &mut Maker<'a>, event: &'a Event, shape: &Shape) {
    let record = maker.record;
    let problem = record.problems.get(&event.id).filter(|_| is_problem(record, event));
    let clinical = problem.map(clinical_status);
    let current = clinical.map(|status| status == "active");
    let mut links = Links::default();
    let diagnosis = shape.means(Meaning::Diagnosis) || shape.means(Meaning::FiledAsDiagnosis);
    let place = tags::place_condition(current, diagnosis, maker.context.view);
    let mut extension = Vec::new();
    let mut evidence = Vec::new();
    if let Some(problem) = problem {
        extension.extend(significance(problem));
        extension.extend(original_status(problem));
        extension.extend(related(maker, &mut links, event, problem));
        evidence = linked(maker, &mut links, problem);
    }
    extension.extend(episode(event));
    let relationships = problem.map(|problem| relationships(maker, event, problem)).unwrap_or_default();
    let id = maker.id(&event.id);
    let ended = problem.filter(|_| current == Some(false)).and_then(|problem| problem.end).and_then(dates::date_time);
    let resource = resources::Condition {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::Condition), &place.tags)),
        extension,
        clinical_status: clinical.map(|code| Box::new(parts::concept(CLINICAL, code, None))),
        verification_status: problem
            .and_then(|problem| concept_map::target_of(Map::ProblemStatus, VERIFICATION, problem.status.as_deref()?))
            .map(|status| Box::new(status.concept())),
        severity: codes::severity(event.code.as_ref()).map(|(severity, _)| Box::new(severity)),
        category: category(problem.is_some(), shape).into_iter().collect(),
        code: Some(Box::new(maker.concept(event))),
        subject: maker.subject(&mut links),
        encounter: maker.encounter(&mut links, &event.id),
        onset: event.effective.and_then(dates::date_time).map(|date| ConditionOnset::DateTime(date.into())),
        abatement: ended.map(|date| ConditionAbatement::DateTime(date.into())),
        recorded_date: Maker::recorded(event).map(Into::into),
        recorder: maker.staff(&mut links, event.entered_by.as_deref()),
        asserter: maker.staff(&mut links, event.authorising.as_deref()),
        evidence,
        note: codes::qualifiers(event.code.as_ref())
            .chain(problem.into_iter().flat_map(|problem| notes(problem, current)))
            .chain(relationships)
            .chain(episodicity_note(event))
            .collect(),
        ..Default::default()
    };
    let resource = Resource::Condition(Box::new(resource));
    maker.add(Kind::Condition, id, resource, place, problem.is_some(), links);
}

/// None for what only the view that brought it calls a diagnosis.
fn category(problem: bool, shape: &Shape) -> Option<fhir::CodeableConcept> {
    let code = match (problem, shape.means(Meaning::Diagnosis)) {
        (true, _) => "problem-list-item",
        (false, true) => "encounter-diagnosis",
        (false, false) => return None,
    };
    Some(parts::concept("http://terminology.hl7.org/CodeSystem/condition-category", code, None))
}

/// A status that is not recorded, or that nobody knows, must not hide the problem: active, and a note says so.
fn clinical_status(problem: &Problem) -> &'static str {
    let status = problem.status.as_deref().unwrap_or("");
    concept_map::target_of(Map::ProblemStatus, CLINICAL, status).map_or("active", |status| status.code.as_str())
}

fn significance(problem: &Problem) -> Option<fhir::Extension> {
    let significance = concept_map::target(Map::ProblemSignificance, problem.significance.as_deref()?)?;
    Some(parts::extension(SIGNIFICANCE, ExtensionValue::Code(significance.code.as_str().into())))
}

/// Statuses that active alone would lose.
fn original_status(problem: &Problem) -> Option<fhir::Extension> {
    const SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:problem-status";
    let status = concept_map::target_of(Map::ProblemStatus, SYSTEM, problem.status.as_deref()?)?;
    Some(parts::extension(STATUS, ExtensionValue::Code(status.code.as_str().into())))
}

fn related<'a>(
    maker: &mut Maker<'a>,
    links: &mut Links,
    event: &'a Event,
    problem: &'a Problem,
) -> Vec<fhir::Extension> {
    let parents = problem.parents.iter().map(|(parent, _)| parent.as_str()).filter(|parent| *parent != event.id);
    let made: Vec<&'a str> = parents.filter(|parent| maker.shape(parent).is_some_and(|s| s.condition)).collect();
    let reference = |parent| ExtensionValue::Reference(maker.refer(links, Kind::Condition, parent));
    made.into_iter().map(reference).map(|value| parts::extension(RELATED, value)).collect()
}

/// A relationship in the schema's words, which do not say which of the two replaced the other, or evolved from it.
fn relationship(kind: &str) -> Option<&'static str> {
    match kind {
        "COMB" => Some("combining"),
        "GRP" => Some("grouped under"),
        "REP" => Some("replacement"),
        "EVO" => Some("evolution"),
        _ => None,
    }
}

/// How it is related to the problems that it refers to: the reference cannot say.
fn relationships(maker: &Maker<'_>, event: &Event, problem: &Problem) -> Vec<fhir::Annotation> {
    let shown = problem
        .parents
        .iter()
        .filter(|(parent, _)| *parent != event.id && maker.shape(parent).is_some_and(|shape| shape.condition));
    let word = |(_, kind): &(String, Option<String>)| relationship(kind.as_deref()?);
    shown.filter_map(word).map(|word| note(format!("Relationship to the related problem: {word}"))).collect()
}

/// Linked Observations and reports as evidence. Links of other types are told from the other end, as their reason.
fn linked<'a>(maker: &mut Maker<'a>, links: &mut Links, problem: &'a Problem) -> Vec<ConditionEvidence> {
    let (mut detail, mut told) = (Vec::new(), HashSet::new());
    for link in &problem.links {
        if let Some(observation) = super::observation::of(maker, link)
            && told.insert((Kind::Observation, observation))
        {
            detail.push(*maker.refer(links, Kind::Observation, observation));
        }
        if maker.shape(link).is_some_and(|shape| shape.report) && told.insert((Kind::DiagnosticReport, link.as_str())) {
            detail.push(*maker.refer(links, Kind::DiagnosticReport, link));
        }
    }
    detail.into_iter().map(|one| ConditionEvidence { detail: vec![one], ..Default::default() }).collect()
}

fn notes(problem: &Problem, current: Option<bool>) -> impl Iterator<Item = fhir::Annotation> {
    let status = problem.status.as_deref().filter(|status| !status.trim().is_empty());
    // The word itself stays behind: what stands in place of an enumeration may be anything.
    let defaulted = match status {
        None => Some("Problem status not recorded: shown as active"),
        Some(word) if concept_map::row(Map::ProblemStatus, word).is_none() => {
            Some("Problem status not recognised: shown as active")
        }
        Some(_) => None,
    };
    // An end on a problem that is still active cannot be an abatement.
    let end = problem.end.filter(|_| current == Some(true)).and_then(dates::date_time);
    let duration = problem.expected_duration.as_ref().filter(|(_, value)| *value > 0);
    [
        defaulted.map(str::to_owned),
        end.map(|end| format!("Problem end date: {end}")),
        duration.and_then(|(unit, value)| Some(format!("Expected duration: {value} {}", unit_name(unit)?))),
        owner(problem).map(|owner| format!("Problem owner: {owner}")),
    ]
    .into_iter()
    .flatten()
    .map(note)
}

/// Counts what a problem says that FHIR is not told.
pub(super) fn count_unsaid(problem: &Problem, count: &mut impl FnMut(&'static str, bool)) {
    let said = |word: &Option<String>| word.as_deref().filter(|word| !word.trim().is_empty()).map(str::to_owned);
    let unknown = |map, word: Option<String>| word.is_some_and(|word| concept_map::row(map, &word).is_none());
    count("problem-status", unknown(Map::ProblemStatus, said(&problem.status)));
    count("problem-significance", unknown(Map::ProblemSignificance, said(&problem.significance)));
    count("problem-owner", problem.owner.is_some() && owner(problem).is_none());
    let unit = problem.expected_duration.as_ref().filter(|(_, value)| *value > 0).map(|(unit, _)| unit.as_str());
    count("duration-unit", unit.is_some_and(|unit| unit_name(unit).is_none()));
    for (_, kind) in &problem.parents {
        count("problem-relationship", kind.as_deref().is_some_and(|kind| relationship(kind).is_none()));
    }
}

/// Whose problem it is, in words.
fn owner(problem: &Problem) -> Option<&'static str> {
    match problem.owner.as_deref() {
        Some("IND") => Some("individual"),
        Some("FAM") => Some("family"),
        Some("COM") => Some("community"),
        _ => None,
    }
}

/// The name of a duration's unit; none for a word that is none.
fn unit_name(unit: &str) -> Option<&'static str> {
    match unit {
        "D" => Some("days"),
        "W" => Some("weeks"),
        "M" => Some("months"),
        "Y" => Some("years"),
        "H" => Some("hours"),
        "N" => Some("minutes"),
        "S" => Some("seconds"),
        _ => None,
    }
}

fn episode(event: &Event) -> Option<fhir::Extension> {
    let value = concept_map::target(Map::Episodicity, event.episodicity.as_deref()?).map(Target::concept)?;
    Some(parts::extension(EPISODE, ExtensionValue::CodeableConcept(Box::new(value))))
}

/// Episodicities that the extension has no code for.
fn episodicity_note(event: &Event) -> Option<fhir::Annotation> {
    let word = match event.episodicity.as_deref()? {
        "FLA" => "flare-up",
        "CHG" => "changed",
        "EVO" => "evolved",
        "OUT" => "outcome",
        _ => return None,
    };
    Some(note(format!("Episodicity: {word}")))
}

/// Episodicity as a note, for the types that have no element for it.
pub(super) fn episodicity(event: &Event) -> Option<fhir::Annotation> {
    let word = match event.episodicity.as_deref()? {
        "FIRST" => "first",
        "NEW" => "new",
        "REV" => "review",
        "END" => "ended",
        _ => return episodicity_note(event),
    };
    Some(note(format!("Episodicity: {word}")))
}
