//! What plans and issues of medicines have in common: the drug, its supply, whether it is current, why it was stopped.
//!
//! Whether a plan is current lies with its status for repeats and with its dates for acutes, since EMIS calls every acute
//! cancelled. Called by the mappings of `MedicationRequest` and `MedicationStatement`, which must never tell differently.

use super::concept_map::{self, Map};
use super::maker::Maker;
use super::parts::{self, text};
use super::rules::rules;
use super::{codes, dates};
use crate::record::{Event, Medication, PartialDate, Supply};
use mig_fhir_model::types as fhir;
use time::Date;

/// Whether a plan is active, completed, stopped or unknown.
pub(super) fn plan_status(
    maker: &Maker<'_>,
    event: &Event,
    plan: &Medication,
    last: Option<PartialDate>,
) -> &'static str {
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
        (status, false) => {
            let said = status.and_then(|status| concept_map::target(Map::DrugStatus, status));
            said.map_or("unknown", |status| status.code.as_str())
        }
    }
}

/// Whether a plan of that status is current, past, or neither with certainty.
pub(super) fn is_current(status: &str, plan: &Medication) -> Option<bool> {
    match status {
        "active" => Some(true),
        "unknown" if plan.status.as_deref() != Some("N") => None,
        _ => Some(false),
    }
}

/// The last day that a supply covers: its date and its duration, 28 days where none is recorded.
pub(super) fn supplied_until(from: Option<PartialDate>, supply: &Supply) -> Option<Date> {
    let days = supply.duration_days.filter(|days| *days > 0).unwrap_or(rules().issue_days);
    from.and_then(dates::last_day).map(|day| dates::days_after(day, days))
}

/// The latest of the plan's own last issue and its issues in the record.
pub(super) fn last_issue(maker: &Maker<'_>, at: usize, plan: &Medication) -> Option<PartialDate> {
    let issues = maker.graph.issues(at).iter().filter_map(|at| maker.record.events.get(*at));
    let dates_of =
        issues.filter(|issue| !issue.issue.as_ref().is_some_and(|i| i.cancelled)).filter_map(|i| i.effective);
    dates_of.chain(plan.last_issue).max_by_key(|date| dates::last_day(*date))
}

/// What is prescribed: its code and term, else its local mixture.
pub(super) fn drug(maker: &mut Maker<'_>, event: &Event, supply: &Supply) -> fhir::CodeableConcept {
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

/// What a local mixture is made of.
pub(super) fn constituents(maker: &Maker<'_>, supply: &Supply) -> Option<String> {
    let mixture = maker.record.mixtures.get(supply.mixture.as_deref()?)?;
    let part = |(code, strength): &(crate::record::Code, Option<String>)| {
        parts::joined([codes::display(code).as_deref(), strength.as_deref()])
    };
    let all: Vec<String> = mixture.constituents.iter().filter_map(part).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The reason of a cancellation, from its code alone: the text beside it is not carried (WIRE section 6).
pub(super) fn reason(code: &str) -> Option<&'static str> {
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

/// Whether a method of issue says that this practice did not prescribe it, and who did, in words.
pub(super) fn elsewhere(method: Option<&str>) -> Option<&'static str> {
    match method? {
        "O" => Some("Prescribed outside the practice"),
        "OH" => Some("Prescribed at a hospital"),
        "OOOH" => Some("Prescribed out of hours"),
        "OTC" => Some("Obtained over the counter"),
        _ => None,
    }
}

/// The name of a prescription type.
pub(super) fn type_name(supply: &Supply) -> Option<&'static str> {
    match supply.prescription_type.as_deref()? {
        "A" => Some("acute"),
        "R" => Some("repeat"),
        "D" => Some("repeat dispensing"),
        "U" => Some("automatic"),
        _ => None,
    }
}

/// What a plan says that has no element of its own.
pub(super) fn plan_notes(plan: &Medication) -> Vec<String> {
    let authorised = plan.authorised_issues.filter(|count| *count > 0);
    [
        (plan.status.as_deref() == Some("N")).then(|| "Never active".to_owned()),
        authorised.map(|count| format!("Issues authorised: {count}")),
        plan.review.and_then(dates::date_time).map(|date| format!("Review date: {date}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
