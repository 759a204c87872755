//! `MedicationStatement`: what the patient is or was on, one for each plan, and one for each issue without its plan.
//!
//! | FHIR | OpenHR |
//! | --- | --- |
//! | status | repeats by drugStatus, acutes by dates (EMIS calls every acute cancelled); a cancellation stops both |
//! | medication | code as dm+d and EMIS drug code, term; else local mixture |
//! | effective | firstIssueDate or effectiveTime, to cancellation or expiry when no longer current |
//! | dateAsserted, informationSource | effectiveTime or availabilityTimeStamp, authorising |
//! | dosage | dosage |
//! | extension | last issue, prescribed elsewhere |
//! | reasonReference | problems that link to it |
//! | note | prescription type, quantity, number of issues, review date, private prescription, qualifiers |

use super::maker::{Links, Maker};
use super::parts::{self, note, text};
use super::rules::rules;
use super::{codes, dates, tags};
use crate::kinds::Kind;
use crate::record::{Event, Medication, PartialDate, Supply};
use mig_fhir_model::Resource;
use mig_fhir_model::resources::{self, MedicationStatementEffective, MedicationStatementMedication};
use mig_fhir_model::types::{self as fhir, ExtensionValue};
use time::Date;

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
                extra: vec!["Issue without its authorisation".to_owned()],
            };
            statement(maker, event, &issue.supply, told);
        }
        _ => {
            let plan = event.medication.as_deref().unwrap_or(&blank);
            let last = last_issue(maker, at, plan);
            let status = plan_status(maker, event, plan, last);
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
                place: tags::place_plan(match status {
                    "active" => Some(true),
                    "unknown" if plan.status.as_deref() != Some("N") => None,
                    _ => Some(false),
                }),
                extra: plan_notes(plan),
            };
            statement(maker, event, &plan.supply, told);
        }
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
            .and_then(reason)
            .map(|words| parts::worded(words.to_owned()))
            .into_iter()
            .collect(),
        medication: MedicationStatementMedication::CodeableConcept(Box::new(drug(maker, event, supply))),
        subject: maker.subject(&mut links),
        context: maker.encounter(&mut links, &event.id),
        effective: period.map(MedicationStatementEffective::Period),
        date_asserted: event.effective.and_then(dates::date_time).or_else(|| Maker::recorded(event)).map(Into::into),
        information_source: maker.staff(&mut links, event.authorising.as_deref()),
        reason_reference: maker.problems(&mut links, &event.id),
        note: notes(maker, event, supply)
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

fn plan_status(maker: &Maker<'_>, event: &Event, plan: &Medication, last: Option<PartialDate>) -> &'static str {
    if plan.has_cancellation {
        return "stopped";
    }
    let acute = plan.supply.prescription_type.as_deref() == Some("A");
    match (plan.status.as_deref(), acute) {
        // Never active: not an error, and not taken as far as is known.
        (Some("N"), _) => "unknown",
        (status, true) => match (supplied_until(last.or(event.effective), &plan.supply), status) {
            (Some(until), _) if until >= maker.today => "active",
            (Some(_), _) => "completed",
            (None, Some("A")) => "active",
            (None, _) => "unknown",
        },
        (Some("A"), false) => "active",
        (Some("C"), false) => "completed",
        _ => "unknown",
    }
}

fn issue_status(maker: &Maker<'_>, event: &Event, cancelled: bool) -> (&'static str, Option<PartialDate>) {
    match supplied_until(event.effective, &event.issue.as_ref().map(|i| i.supply.clone()).unwrap_or_default()) {
        _ if cancelled => ("stopped", None),
        Some(until) if until < maker.today => {
            ("completed", event.effective.filter(|d| dates::to_the_day(*d)).map(|_| PartialDate::Day(until)))
        }
        // Still within its supply, or undated: whether it is being taken is not known.
        _ => ("unknown", None),
    }
}

/// The last day that a supply covers: its date and its duration, 28 days where none is recorded.
fn supplied_until(from: Option<PartialDate>, supply: &Supply) -> Option<Date> {
    let days = supply.duration_days.filter(|days| *days > 0).unwrap_or(rules().issue_days);
    from.and_then(dates::last_day).map(|day| dates::days_after(day, days))
}

/// The latest of the plan's own last issue and its issues in the record.
fn last_issue(maker: &Maker<'_>, at: usize, plan: &Medication) -> Option<PartialDate> {
    let issues = maker.graph.issues(at).iter().filter_map(|at| maker.record.events.get(*at));
    let dates_of =
        issues.filter(|issue| !issue.issue.as_ref().is_some_and(|i| i.cancelled)).filter_map(|i| i.effective);
    dates_of.chain(plan.last_issue).max_by_key(|date| dates::last_day(*date))
}

fn drug(maker: &mut Maker<'_>, event: &Event, supply: &Supply) -> fhir::CodeableConcept {
    let term = event.term.as_deref();
    let said = codes::concept(event.code.as_ref(), term, true, &mut |what| maker.degrade(what));
    said.or_else(|| mixture(maker, supply).map(parts::worded)).unwrap_or_else(|| {
        maker.degrade("drug-unnamed");
        parts::worded("Medicine not named in the source record".to_owned())
    })
}

/// A local mixture: its name, else what it is made of.
fn mixture(maker: &Maker<'_>, supply: &Supply) -> Option<String> {
    let mixture = maker.record.mixtures.get(supply.mixture.as_deref()?)?;
    mixture.name.as_deref().and_then(text).or_else(|| constituents(maker, supply))
}

fn constituents(maker: &Maker<'_>, supply: &Supply) -> Option<String> {
    let mixture = maker.record.mixtures.get(supply.mixture.as_deref()?)?;
    let part = |(code, strength): &(crate::record::Code, Option<String>)| {
        parts::joined([codes::display(code).as_deref(), strength.as_deref()])
    };
    let all: Vec<String> = mixture.constituents.iter().filter_map(part).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn notes(maker: &Maker<'_>, event: &Event, supply: &Supply) -> impl Iterator<Item = String> {
    let kind = match supply.prescription_type.as_deref() {
        Some("A") => Some("acute"),
        Some("R") => Some("repeat"),
        Some("D") => Some("repeat dispensing"),
        Some("U") => Some("automatic"),
        _ => None,
    };
    let quantity =
        parts::joined([supply.quantity.as_deref(), supply.unit.as_deref()]).filter(|_| supply.quantity.is_some());
    let words = supply.quantity_text.as_deref().and_then(text).filter(|words| quantity.as_ref() != Some(words));
    let days = supply.duration_days.filter(|days| *days > 0);
    let made_of = constituents(maker, supply);
    [
        kind.map(|kind| format!("Prescription type: {kind}")),
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

fn plan_notes(plan: &Medication) -> Vec<String> {
    let issued = plan.issues.filter(|count| *count > 0);
    let authorised = plan.authorised_issues.filter(|count| *count > 0);
    [
        (plan.status.as_deref() == Some("N")).then(|| "Never active".to_owned()),
        issued.map(|count| format!("Number of issues: {count}")),
        authorised.map(|count| format!("Issues authorised: {count}")),
        plan.review.and_then(dates::date_time).map(|date| format!("Review date: {date}")),
        plan.expiry.and_then(dates::date_time).map(|date| format!("Authorisation expires: {date}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The reason of a cancellation, from its code alone: the text beside it is not carried (WIRE section 6).
fn reason(code: &str) -> Option<&'static str> {
    match code {
        "ERR" => Some("Prescribed in error"),
        "CON" => Some("Contraindication"),
        "CHG" => Some("Changed"),
        "CLN" => Some("Clinical reason"),
        "REQ" => Some("Requested by the patient"),
        "PHARM" => Some("Pharmacy"),
        "FAIL" => Some("Failed"),
        _ => None,
    }
}

/// Issued outside the practice: hospital, out of hours, over the counter.
fn elsewhere(method: &str) -> Option<fhir::Extension> {
    if !matches!(method, "O" | "OH" | "OOOH" | "OTC") {
        return None;
    }
    let system = "https://fhir.hl7.org.uk/CodeSystem/UKCore-MedicationPrescribingOrganizationType";
    let value =
        parts::concept(system, "prescribed-by-another-organisation", Some("Prescribed by another organisation"));
    Some(parts::extension(PRESCRIBER, ExtensionValue::CodeableConcept(Box::new(value))))
}
