//! What a list is made of, for `check` and the public page: parts, their versions, when they end, what changed.

use super::super::exclusions::Layer;
use super::day;
use time::Date;

/// What changed in the built-in parts.
const HISTORY: &str = include_str!("../../../profiles/terminology/exclusion-history.tsv");

/// One part of what is withheld.
#[derive(Debug, Clone)]
pub struct Part {
    /// For people.
    pub title: String,
    /// Its layer; the appendix's own two layers are one part.
    pub layer: Layer,
    /// Its version.
    pub version: String,
    /// How many lines it has.
    pub lines: usize,
    /// The first day on which a line of it ends, with which the list changes.
    pub ends: Option<Date>,
    /// What changed, newest first.
    pub changes: Vec<Change>,
}

/// One change of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version that it made.
    pub version: String,
    /// When.
    pub date: Date,
    /// What, for people.
    pub text: String,
}

/// What changed in a built-in part, newest first: lines of title, version, day and words.
pub(super) fn history(title: &str) -> Vec<Change> {
    let mut changes: Vec<Change> = HISTORY
        .lines()
        .filter_map(|line| {
            let mut cells = line.splitn(4, '\t');
            let (of, version, date, text) = (cells.next()?, cells.next()?, day(cells.next()?)?, cells.next()?);
            (of == title).then(|| Change { version: version.to_owned(), date, text: text.to_owned() })
        })
        .collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.date));
    changes
}
