//! What was asked of the record, event by event: the practice access report, and all that one user viewed. No patient is
//! named; whoever may see the patient finds the AuditEvent by its id.

use super::of_record;
use super::sheet::Sheet;
use crate::audit::{Audit, Ending, Entry};
use crate::clock::rfc3339;

pub(super) const COLUMNS: &[&str] = &[
    "practice",
    "recorded",
    "organisation",
    "user",
    "name",
    "role",
    "asked_for",
    "interaction",
    "views",
    "basis",
    "after_refusal",
    "agreement",
    "outcome",
    "reason",
    "audit_event",
];

pub(super) fn page(audit: &Audit, entries: &[Entry], sheet: &mut Sheet) {
    for entry in entries.iter().filter(|entry| of_record(entry)) {
        if !sheet.is_csv() {
            sheet.event(&audit.unnamed_event(entry));
            continue;
        }
        let (recorded, id, views) = (rfc3339(entry.at()), entry.id(), entry.views().join(" "));
        let basis = basis(entry);
        let (outcome, reason) = outcome(entry.ending());
        sheet.row([
            entry.practice(),
            &recorded,
            entry.organisation(),
            entry.user(),
            entry.name(),
            entry.role(),
            entry.resource_type(),
            entry.interaction().code(),
            &views,
            &basis,
            if entry.after_refusal() { "yes" } else { "no" },
            entry.agreement(),
            outcome,
            reason,
            &id,
        ]);
    }
}

fn basis(entry: &Entry) -> String {
    match (entry.override_category(), entry.consent()) {
        (Some(category), _) => format!("override {category}"),
        (None, Some(_)) => "consent".to_owned(),
        (None, None) => String::new(),
    }
}

/// The word of an ending, and why.
pub(super) fn outcome(ending: Ending<'_>) -> (&'static str, &str) {
    match ending {
        Ending::Answered => ("answered", ""),
        Ending::Refused(reason) => ("refused", reason),
        Ending::Failed => ("failed", ""),
        Ending::Interrupted => ("interrupted", ""),
    }
}
