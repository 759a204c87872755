//! In which order matches come: by the dates asked for, else newest first. Ties keep the record's order, and what has no
//! such date comes last, whichever way.

use super::index;
use super::parameter::{Parameter, Table};
use crate::release::{IndexValue, Released};
use std::collections::HashSet;
use std::sync::Arc;

/// An order that was asked for; empty for the one that nobody asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Order(Vec<Key>);

#[derive(Debug, Clone, Copy)]
struct Key {
    parameter: &'static str,
    descending: bool,
}

impl Order {
    /// Reads `_sort`; `None` when a name in it is no date of the type, or stands there twice: a second time orders nothing.
    pub(super) fn parse(raw: &str, table: Table) -> Option<Self> {
        let mut known = HashSet::new();
        let key = |word: &str| {
            let (name, descending) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
            let parameter = table.sorts().find(|known| *known == name)?;
            known.insert(parameter).then_some(Key { parameter, descending })
        };
        raw.split(',').map(key).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Puts matches into the order.
    pub(super) fn apply(&self, matches: &mut [Arc<Released>], table: &'static [Parameter]) {
        if self.0.is_empty() {
            let dates: Vec<&str> =
                table.iter().filter(|parameter| parameter.sorts()).map(|parameter| parameter.name).collect();
            if !dates.is_empty() {
                // By the first date that each has.
                let newest = |resource: &Arc<Released>| {
                    dates.iter().map(|date| place(resource, table, date, true)).find(|(undated, _)| !undated)
                };
                matches.sort_by_cached_key(|resource| newest(resource).unwrap_or(UNDATED));
            }
            return;
        }
        matches.sort_by_cached_key(|resource| {
            self.0.iter().map(|key| place(resource, table, key.parameter, key.descending)).collect::<Vec<_>>()
        });
    }
}

/// The place of what has no date.
const UNDATED: (bool, i64) = (true, 0);

/// Where a resource comes by one date. Of several values the one counts that comes first in the order asked for (R4 search,
/// "Sorting").
fn place(resource: &Released, table: &'static [Parameter], name: &str, descending: bool) -> (bool, i64) {
    let starts = index::values(resource, table, name).iter().filter_map(|value| match value {
        IndexValue::Period(from, _) => Some(*from),
        _ => None,
    });
    // The complement turns the order round without an edge at which it would overflow.
    let first = if descending { starts.max().map(|start| !start) } else { starts.min() };
    first.map_or(UNDATED, |first| (false, first))
}
