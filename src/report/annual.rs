//! The annual return (7.3.5): access and relationships in numbers, by viewing organisation and practice, without patients
//! or staff. One number a line, so that a return of another year has the same columns.
//!
//! To count patients and users once, it holds a number for each of them: memory grows with the population, never with the
//! events.

use super::sheet::Sheet;
use super::{ReportError, Request, of_record, population, shown, stratifier};
use crate::audit::{AsAt, AuditScope, Ending, Entry, Interaction};
use crate::clock::millis;
use crate::store::{Clauses, Store, StoreError};
use serde_json::json;
use sqlx::Row as _;
use std::collections::{BTreeMap, HashSet};

pub(super) const COLUMNS: &[&str] = &["organisation", "practice", "measure", "reason", "count"];

/// What is counted of one organisation and practice.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(&'static str, String), u64>,
    /// An NHS number without its check digit.
    patients: HashSet<u32>,
    users: HashSet<String>,
}

#[derive(Default)]
pub(super) struct Annual {
    tallies: BTreeMap<(String, String), Tally>,
}

impl Annual {
    pub(super) fn page(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Some((measure, reason)) = measured(entry) else { continue };
            let place = (entry.organisation().to_owned(), entry.practice().to_owned());
            let tally = self.tallies.entry(place).or_default();
            *tally.counts.entry((measure, reason.to_owned())).or_default() += 1;
            if shown(entry) {
                if entry.override_category().is_some() {
                    *tally.counts.entry(("accesses-by-override", String::new())).or_default() += 1;
                }
                tally.patients.extend(entry.patient().and_then(|number| u32::try_from(number / 10).ok()));
                if !tally.users.contains(entry.user()) {
                    tally.users.insert(entry.user().to_owned());
                }
            }
        }
    }

    pub(super) async fn end(
        &mut self,
        store: &Store,
        request: &Request,
        as_at: &AsAt,
        sheet: &mut Sheet,
    ) -> Result<(), ReportError> {
        // Relationships belong to a viewing organisation, not to a practice.
        if !matches!(request.scope, Some(AuditScope::Practice(_))) && request.practice.is_none() {
            self.relationships(store, request, as_at).await?;
        }
        for ((organisation, practice), tally) in std::mem::take(&mut self.tallies) {
            let mut counts = tally.counts;
            for (measure, count) in [("patients-viewed", tally.patients.len()), ("users-viewing", tally.users.len())] {
                if count > 0 {
                    counts.insert((measure, String::new()), u64::try_from(count).unwrap_or(u64::MAX));
                }
            }
            if sheet.is_csv() {
                for ((measure, reason), count) in &counts {
                    sheet.row([organisation.as_str(), &practice, measure, reason, &count.to_string()]);
                }
                continue;
            }
            let mut stratifiers = vec![stratifier("viewing organisation", &organisation)];
            if !practice.is_empty() {
                stratifiers.push(stratifier("practice", &practice));
            }
            let populations: Vec<_> = counts
                .iter()
                .map(|((measure, reason), count)| {
                    let code = if reason.is_empty() { (*measure).to_owned() } else { format!("{measure}.{reason}") };
                    population(&code, *count)
                })
                .collect();
            sheet.item(&json!({
                "code": { "text": "Access by one viewing organisation to records of one practice" },
                "population": populations,
                "stratifier": stratifiers,
            }));
        }
        Ok(())
    }

    /// Relationships that stood, began and ended in the period, as the register has them now.
    async fn relationships(&mut self, store: &Store, request: &Request, as_at: &AsAt) -> Result<(), StoreError> {
        let from = request.from.map_or(i64::MIN, millis);
        let before = request.before.map_or_else(|| millis(as_at.at).saturating_add(1), millis);
        let mut query = Clauses::new("SELECT organisation, COUNT(*), ");
        query.push("SUM(CASE WHEN COALESCE(start, created) >= ").push_bind(from).push(" THEN 1 ELSE 0 END), ");
        query.push("SUM(CASE WHEN finish < ").push_bind(before).push(" THEN 1 ELSE 0 END), COUNT(DISTINCT patient) ");
        query
            .push("FROM relationship WHERE status IN ('active', 'finished', 'onhold') AND created < ")
            .push_bind(before);
        query.push(" AND COALESCE(start, created) < ").push_bind(before);
        query.push(" AND (finish IS NULL OR finish > ").push_bind(from).push(")");
        if let Some(AuditScope::Organisation(code)) = &request.scope {
            query.push(" AND organisation = ").push_bind(code.to_string());
        }
        query.push(" GROUP BY organisation ORDER BY organisation");
        for row in query.build().fetch_all(store.reader()).await? {
            let organisation: String = row.try_get(0)?;
            let tally = self.tallies.entry((organisation, String::new())).or_default();
            let names = ["relationships", "relationships-begun", "relationships-ended", "relationship-patients"];
            for (position, name) in names.into_iter().enumerate() {
                let count: i64 = row.try_get(position + 1)?;
                tally.counts.insert((name, String::new()), u64::try_from(count).unwrap_or(0));
            }
        }
        Ok(())
    }
}

/// What an event counts as, and the reason beside it.
fn measured(entry: &Entry) -> Option<(&'static str, &str)> {
    if entry.starts_override() {
        return Some(("overrides", entry.override_category().unwrap_or_default()));
    }
    if of_record(entry) {
        return Some(match entry.ending() {
            Ending::Answered => ("accesses", ""),
            Ending::Refused(reason) => ("accesses-refused", reason),
            Ending::Failed => ("accesses-failed", ""),
            Ending::Interrupted => ("accesses-interrupted", ""),
        });
    }
    let answered = entry.ending() == Ending::Answered;
    match (entry.resource_type(), entry.interaction()) {
        ("Consent", Interaction::Create) if answered => Some(("consents-recorded", "")),
        ("EpisodeOfCare", Interaction::Create) if answered => Some(("relationships-registered", "")),
        ("AuditEvent", _) => Some(("audit-readings", "")),
        _ => None,
    }
}
