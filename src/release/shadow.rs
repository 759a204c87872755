//! A second list beside the one in force: what it would withhold more or less is counted by code of the list and topic, in
//! memory and for the process as a whole. It never touches what leaves, and nothing of it is told of any one record: the
//! counts become visible in batches, so that no request shows by itself.

use super::exclusions::{ExclusionEntry, Exclusions};
use super::lists::Lists;
use super::screen::{Ground, Verdicts};
use crate::kinds::View;
use crate::record::{Reason, Record};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use time::Date;

/// So many views are compared before their counts are shown.
const BATCH: u32 = 100;

/// What differs: in which direction, topic, terminology, code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Whether the shadow withholds what the list in force releases; else the other way round.
    pub more: bool,
    /// The topic of the line that makes the difference; `linked` where the entry only belongs to one that differs.
    pub topic: String,
    /// The terminology of that line.
    pub system: String,
    /// The code of that line; `rubric` for one that has none.
    pub code: String,
}

/// A list that runs beside the one in force.
pub struct Shadow {
    lists: Lists,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    compared: u32,
    counts: BTreeMap<Difference, u64>,
}

impl Shadow {
    pub(super) fn new(lists: Lists) -> Self {
        Self { lists, waiting: Mutex::default() }
    }

    /// Its list in force on a day.
    #[must_use]
    pub fn on(&self, day: Date) -> Exclusions {
        self.lists.on(day)
    }

    /// Compares what the two lists make of one view of a record, and counts.
    pub fn compare(&self, record: &Record, in_force: &Exclusions, day: Date, supplier: &str, view: View) {
        let shadow = self.on(day).for_supplier(supplier).for_view(view);
        let found = differences(record, &in_force.for_supplier(supplier).for_view(view), &shadow);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (difference, count) in found {
            *waiting.counts.entry(difference).or_default() += count;
        }
        waiting.compared += 1;
        if waiting.compared < BATCH {
            return;
        }
        let Waiting { counts, .. } = std::mem::take(&mut *waiting);
        drop(waiting);
        for (Difference { more, topic, system, code }, count) in counts {
            let change = if more { "more" } else { "less" };
            metrics::counter!("mig_exclusions_shadow_total",
                "change" => change, "topic" => topic, "system" => system, "code" => code)
            .increment(count);
        }
    }
}

/// What the two lists make of a record, where they differ.
#[must_use]
pub fn differences(record: &Record, in_force: &Exclusions, shadow: &Exclusions) -> BTreeMap<Difference, u64> {
    let (now, then) = (Verdicts::of(record, in_force), Verdicts::of(record, shadow));
    let now = now.events.into_iter().chain(now.encounters);
    let mut counts = BTreeMap::new();
    for (now, then) in now.zip(then.events.into_iter().chain(then.encounters)) {
        let withheld = |ground: Option<Ground<'_>>| ground.is_some_and(|ground| ground.reason() == Reason::Withheld);
        let (more, ground) = match (withheld(now), withheld(then)) {
            (false, true) => (true, then),
            (true, false) => (false, now),
            _ => continue,
        };
        *counts.entry(Difference::of(more, ground)).or_default() += 1;
    }
    counts
}

impl Difference {
    fn of(more: bool, ground: Option<Ground<'_>>) -> Self {
        let of_line = |line: &ExclusionEntry| {
            let code = if line.code.is_empty() { "rubric" } else { &line.code };
            (line.group.clone(), line.system.clone(), code.to_owned())
        };
        let word = |word: &str| (word.to_owned(), String::new(), String::new());
        let (topic, system, code) = match ground {
            Some(Ground::Listed(hit)) => of_line(hit.line()),
            Some(Ground::UnknownCode) => word("unknown-code"),
            _ => word("linked"),
        };
        Self { more, topic, system, code }
    }
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
