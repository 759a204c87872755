//! `MedicationStatement`: what the patient is or was on, one for each plan, and one for each issue without a plan of its drug.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | repeats by drugStatus, acutes by dates (EMIS calls every acute cancelled); a cancellation stops both |
//! | medication | code as dm+d and EMIS drug code, term; else local mixture |
//! | effective | firstIssueDate or effectiveTime, to cancellation or expiry when no longer current |
//! | dateAsserted, informationSource | effectiveTime or availabilityTimeStamp, authorising |
//! | dosage | dosage |
//! | extension | last issue, prescribed elsewhere |
//! | basedOn | the `MedicationRequest` of the same entry |
//! | reasonReference | problems that link to it |
//! | note | prescription type, quantity, number of issues, review date, private prescription, qualifiers |

use super::concept_map::{self, Map, Target};
use super::maker::{Links, Maker};
use super::parts::{self, note, text};
use super::{codes, dates, prescription, tags};
use crate::kinds::Kind;
use crate::record::{Event, Medication, PartialDate, Supply};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, MedicationStatementEffective, MedicationStatementMedication};
use mig_fhir_model::types::{self as fhir, ExtensionValue};

const LAST_ISSUE: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-MedicationStatementLastIssueDate";
const PRESCRIBER: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-MedicationPrescribingOrganizationType";

pub(super) fn make<'a>(maker: &mut Maker<'a>, at: usize, event: &'a Event) {
    let blank = Medication::default();
    match &event.issue {
        Some(issue) if event.kind == "ISS" => {
            let (status, end) = issue_status(maker, event, issue.cancelled);
            let told = Told {
                status,
                stopped_for: issue.cancellation_reason.as_deref().filter(|_| issue.cancelled),
                start: event.effective,
                end,
                last_issue: event.effective,
                method: issue.method.as_deref(),
                place: tags::place_issue(),
                extra: vec![unplanned(maker, issue.plan.as_deref()).to_owned()],
            };
            statement(maker, event, &issue.supply, told);
        }
        _ => {
            let plan = event.medication.as_deref().unwrap_or(&blank);
            let last = prescription::last_issue(maker, at, plan);
            let status = prescription::plan_status(maker, event, plan, last);
            let cancelled = plan.cancelled.map(PartialDate::Time);
            let told = Told {
                status,
                stopped_for: plan.cancellation_reason.as_deref().filter(|_| status == "stopped"),
                start: plan.first_issue.or(event.effective),
                end: match status {
                    "active" | "unknown" => None,
                    _ => cancelled.or(plan.expiry),
                },
                last_issue: last,
                method: plan.last_issue_method.as_deref(),
                place: tags::place_plan(prescription::is_current(status, plan)),
                extra: plan_notes(plan),
            };
            statement(maker, event, &plan.supply, told);
        }
    }
}

/// Why an issue is told by itself: the plan that it names is not here, or is of another drug.
fn unplanned(maker: &Maker<'_>, plan: Option<&str>) -> &'static str {
    let named = plan.and_then(|plan| maker.graph.event(plan)).and_then(|at| maker.record.events.get(at));
    if named.is_some_and(|plan| plan.kind == "MED") {
        "Issue of another medicine than its authorisation"
    } else {
        "Issue without its authorisation"
    }
}

/// What a plan and an issue tell differently.
struct Told<'t> {
    status: &'static str,
    stopped_for: Option<&'t str>,
    start: Option<PartialDate>,
    end: Option<PartialDate>,
    last_issue: Option<PartialDate>,
    method: Option<&'t str>,
    place: tags::Place,
    extra: Vec<String>,
}

fn statement<'a>(maker: &mut Maker<'a>, event: &'a Event, supply: &Supply, told: Told<'_>) {
    let mut links = Links::default();
    let id = maker.id(&event.id);
    let (period, inverted) = parts::period(told.start, told.end);
    if inverted {
        maker.degrade("period-inverted");
    }
    let last = told.last_issue.and_then(dates::date_time);
    let resource = resources::MedicationStatement {
        id: Some(id.as_str().into()),
        meta: Some(parts::meta(Some(Kind::MedicationStatement), &told.place.tags)),
        extension: last
            .map(|date| parts::extension(LAST_ISSUE, ExtensionValue::DateTime(date.into())))
            .into_iter()
            .chain(told.method.and_then(elsewhere))
            .collect(),
        status: told.status.into(),
        status_reason: told
            .stopped_for
            .and_then(prescription::reason)
            .map(|words| parts::worded(words.to_owned()))
            .into_iter()
            .collect(),
        medication: MedicationStatementMedication::CodeableConcept(Box::new(prescription::drug(maker, event, supply))),
        subject: maker.subject(&mut links),
        context: maker.encounter(&mut links, &event.id),
        effective: period.map(MedicationStatementEffective::Period),
        date_asserted: event.effective.and_then(dates::date_time).or_else(|| Maker::recorded(event)).map(Into::into),
        information_source: maker.staff(&mut links, event.authorising.as_deref()),
        based_on: vec![*maker.refer(&mut links, Kind::MedicationRequest, &event.id)],
        reason_reference: maker.problems(&mut links, &event.id),
        note: notes(maker, event, supply)
            .chain(prescription::elsewhere(told.method).map(str::to_owned))
            .chain(told.extra)
            .map(note)
            .chain(codes::qualifiers(event.code.as_ref()))
            .collect(),
        dosage: supply
            .dosage
            .as_deref()
            .and_then(text)
            .map(|words| fhir::Dosage { text: Some(words.into()), ..Default::default() })
            .into_iter()
            .collect(),
        ..Default::default()
    };
    let problem = super::classify::is_problem(maker.record, event);
    let resource = Resource::MedicationStatement(Box::new(resource));
    maker.add(Kind::MedicationStatement, id, resource, told.place, problem, links);
}

fn issue_status(maker: &Maker<'_>, event: &Event, cancelled: bool) -> (&'static str, Option<PartialDate>) {
    match prescription::supplied_until(
        event.effective,
        &event.issue.as_ref().map(|i| i.supply.clone()).unwrap_or_default(),
    ) {
        _ if cancelled => ("stopped", None),
        Some(until) if until < maker.today => {
            ("completed", event.effective.filter(|d| dates::to_the_day(*d)).map(|_| PartialDate::Day(until)))
        }
        // Still within its supply, or undated: whether it is being taken is not known.
        _ => ("unknown", None),
    }
}

fn plan_notes(plan: &Medication) -> Vec<String> {
    let issued = plan.issues.filter(|count| *count > 0).map(|count| format!("Number of issues: {count}"));
    let expires = plan.expiry.and_then(dates::date_time).map(|date| format!("Authorisation expires: {date}"));
    prescription::plan_notes(plan).into_iter().chain(issued).chain(expires).collect()
}

fn notes(maker: &Maker<'_>, event: &Event, supply: &Supply) -> impl Iterator<Item = String> {
    let quantity =
        parts::joined([supply.quantity.as_deref(), supply.unit.as_deref()]).filter(|_| supply.quantity.is_some());
    let words = supply.quantity_text.as_deref().and_then(text).filter(|words| quantity.as_ref() != Some(words));
    let days = supply.duration_days.filter(|days| *days > 0);
    let made_of = prescription::constituents(maker, supply);
    [
        prescription::type_name(supply).map(|kind| format!("Prescription type: {kind}")),
        quantity.map(|quantity| format!("Quantity: {quantity}")),
        words.map(|words| format!("Quantity as written: {words}")),
        days.map(|days| format!("Duration of each issue: {days} days")),
        made_of.map(|parts| format!("Constituents: {parts}")),
        supply.private_prescription.then(|| "Private prescription".to_owned()),
        super::condition::episodicity(event).and_then(|note| note.text.value),
    ]
    .into_iter()
    .flatten()
}

/// Issued outside the practice: hospital, out of hours, over the counter.
fn elsewhere(method: &str) -> Option<fhir::Extension> {
    let value = concept_map::target(Map::IssueMethod, method).map(Target::concept)?;
    Some(parts::extension(PRESCRIBER, ExtensionValue::CodeableConcept(Box::new(value))))
}
