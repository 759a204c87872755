//! Overrides and how their reviews stand (6.5, 7.3.6). It starts from the chain, not from the reviews: an override whose
//! review is gone shows. CSV lists them, without patients; the MeasureReport counts them.

use super::sheet::Sheet;
use super::{ReportError, population, stratifier};
use crate::audit::{AsAt, Entry};
use crate::clock::rfc3339;
use crate::register::review::{self, Review, ReviewStatus};
use crate::store::Store;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const COLUMNS: &[&str] = &[
    "recorded",
    "organisation",
    "user",
    "name",
    "role",
    "reason",
    "after_refusal",
    "review",
    "outcome",
    "reviewer",
    "days",
    "task",
    "audit_event",
];

#[derive(Default)]
pub(super) struct Overrides {
    /// Organisation and reason to what was counted.
    counts: BTreeMap<(String, String), BTreeMap<&'static str, u64>>,
}

impl Overrides {
    pub(super) async fn page(
        &mut self,
        store: &Store,
        as_at: &AsAt,
        entries: &[Entry],
        sheet: &mut Sheet,
    ) -> Result<(), ReportError> {
        for entry in entries {
            let review = match entry.target() {
                Some(consent) => review::of_consent(store.reader(), consent).await?,
                None => None,
            };
            let category = entry.override_category().unwrap_or_default();
            if !sheet.is_csv() {
                self.count(entry, review.as_ref());
                continue;
            }
            let state = review.as_ref().map_or("missing", |review| review.status.as_str());
            let outcome = review.as_ref().and_then(|review| review.outcome).map_or("", |outcome| outcome.as_str());
            let reviewer = review.as_ref().and_then(|review| review.reviewer.as_ref());
            let reviewer = reviewer.map_or("", |reviewer| reviewer.as_str());
            // A review that is open grows older with the trail.
            let until = match &review {
                Some(review) if review.status == ReviewStatus::Completed => review.updated,
                _ => as_at.at,
            };
            let days = (until - entry.at()).whole_days().max(0).to_string();
            let task = review.as_ref().map_or("", |review| review.id.as_str());
            let (recorded, id) = (rfc3339(entry.at()), entry.id());
            sheet.row([
                recorded.as_str(),
                entry.organisation(),
                entry.user(),
                entry.name(),
                entry.role(),
                category,
                if entry.after_refusal() { "yes" } else { "no" },
                state,
                outcome,
                reviewer,
                &days,
                task,
                &id,
            ]);
        }
        Ok(())
    }

    fn count(&mut self, entry: &Entry, review: Option<&Review>) {
        let category = entry.override_category().unwrap_or_default();
        let counts = self.counts.entry((entry.organisation().to_owned(), category.to_owned())).or_default();
        let mut add = |what| *counts.entry(what).or_default() += 1;
        add("overrides");
        if entry.after_refusal() {
            add("after-refusal");
        }
        match review {
            None => add("review-missing"),
            Some(review) => {
                add(match review.status {
                    ReviewStatus::Requested => "review-requested",
                    ReviewStatus::InProgress => "review-in-progress",
                    ReviewStatus::Completed => "review-completed",
                });
                if let Some(outcome) = review.outcome {
                    add(outcome.as_str());
                }
            }
        }
    }

    pub(super) fn end(&mut self, sheet: &mut Sheet) {
        for ((organisation, category), counts) in std::mem::take(&mut self.counts) {
            let populations: Vec<_> = counts.iter().map(|(what, count)| population(what, *count)).collect();
            sheet.item(&json!({
                "code": { "text": "Overrides of one viewing organisation for one reason" },
                "population": populations,
                "stratifier": [stratifier("viewing organisation", &organisation), stratifier("reason", &category)],
            }));
        }
    }
}
