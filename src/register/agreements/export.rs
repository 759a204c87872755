//! The notation out: registers as the TOML that [`super::import`] reads back to the same.

use super::{Enrolment, Registers, Signatory, SignedAgreement, Suspension};
use crate::register::days::day_text;
use time::{Date, OffsetDateTime};
use toml::{Table, Value};

/// Writes registers in the notation of the import.
#[must_use]
pub fn export(registers: &Registers) -> String {
    let mut file = Table::new();
    put(&mut file, "agreement", list(&registers.agreements, agreement));
    put(&mut file, "enrolment", list(&registers.enrolments, enrolment));
    put(&mut file, "suspension", list(&registers.suspensions, suspension));
    // A table of texts, numbers, dates and tables always has a notation.
    toml::to_string(&file).unwrap_or_default()
}

fn put(table: &mut Table, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        table.insert(name.to_owned(), value);
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Table) -> Option<Value> {
    (!items.is_empty()).then(|| Value::Array(items.iter().map(|item| Value::Table(write(item))).collect()))
}

#[allow(clippy::unnecessary_wraps, reason = "the form that `put` takes")]
fn text(value: &(impl ToString + ?Sized)) -> Option<Value> {
    Some(Value::String(value.to_string()))
}

fn texts<T: ToString>(values: &[T]) -> Option<Value> {
    (!values.is_empty()).then(|| Value::Array(values.iter().map(|value| Value::String(value.to_string())).collect()))
}

fn day(day: Date) -> Option<Value> {
    day_text(day).parse().ok().map(Value::Datetime)
}

fn instant(at: OffsetDateTime) -> Option<Value> {
    crate::clock::rfc3339(at).parse().ok().map(Value::Datetime)
}

pub(super) fn agreement(agreement: &SignedAgreement) -> Table {
    let (terms, mut table) = (&agreement.terms, Table::new());
    put(&mut table, "id", text(&terms.id));
    put(&mut table, "viewer", text(&terms.viewer));
    put(&mut table, "views", texts(&terms.views));
    put(&mut table, "from", day(terms.from));
    put(&mut table, "until", terms.until.and_then(day));
    put(&mut table, "override_reasons", texts(&terms.override_reasons));
    put(&mut table, "clinician_roles", texts(&terms.clinician_roles));
    put(&mut table, "assurance", terms.assurance.map(|level| Value::Integer(level.into())));
    put(&mut table, "client_networks", texts(&terms.client_networks));
    put(&mut table, "consent_minutes", Some(Value::Integer(terms.consent_minutes)));
    put(&mut table, "status", text(&terms.status));
    put(
        &mut table,
        "sharer",
        list(&terms.sharers, |sharer| {
            let mut table = Table::new();
            put(&mut table, "practice", text(&sharer.practice));
            put(&mut table, "joined", day(sharer.joined));
            put(&mut table, "left", sharer.left.and_then(day));
            table
        }),
    );
    put(&mut table, "signatory", list(&agreement.signatories, signatory));
    put(
        &mut table,
        "assurance",
        list(&agreement.assurances, |(organisation, date)| {
            let mut table = Table::new();
            put(&mut table, "organisation", text(organisation));
            put(&mut table, "date", day(*date));
            table
        }),
    );
    table
}

fn signatory(signatory: &Signatory) -> Table {
    let mut table = Table::new();
    put(&mut table, "organisation", text(&signatory.organisation));
    put(&mut table, "name", text(&signatory.name));
    put(&mut table, "role", text(&signatory.role));
    put(&mut table, "date", day(signatory.date));
    put(
        &mut table,
        "approvals",
        list(&signatory.approvals, |approval| {
            let mut table = Table::new();
            put(&mut table, "name", text(&approval.name));
            put(&mut table, "date", day(approval.date));
            table
        }),
    );
    table
}

pub(super) fn enrolment(enrolment: &Enrolment) -> Table {
    let mut table = Table::new();
    put(&mut table, "user", text(&enrolment.user));
    put(&mut table, "organisation", text(&enrolment.organisation));
    put(&mut table, "role", text(&enrolment.role));
    put(&mut table, "terms_accepted", enrolment.terms_accepted.and_then(day));
    put(&mut table, "trained", enrolment.trained.and_then(day));
    put(&mut table, "until", enrolment.until.and_then(day));
    table
}

pub(super) fn suspension(suspension: &Suspension) -> Table {
    let mut table = Table::new();
    put(&mut table, "target", text(&suspension.target));
    if !suspension.subject.is_empty() {
        put(&mut table, "subject", text(&suspension.subject));
    }
    put(&mut table, "reason", text(&suspension.reason));
    put(&mut table, "by", text(&suspension.by));
    put(&mut table, "since", suspension.since.and_then(instant));
    put(&mut table, "until", suspension.until.and_then(instant));
    table
}
