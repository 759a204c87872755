//! Reads one TOML table field by field, noting every problem and every field that is not known.

use super::Problem;
use crate::clock::from_millis;
use time::{Date, OffsetDateTime};
use toml::{Table, Value};

/// The longest text of a register.
const LONGEST: usize = 500;

/// One table, its place, and what has been asked of it.
pub(super) struct Fields<'t> {
    table: &'t Table,
    at: String,
    known: Vec<&'static str>,
}

/// What has been found wrong so far.
#[derive(Default)]
pub(super) struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn add(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.0.push(Problem { at: at.into(), what: what.into() });
    }
}

impl<'t> Fields<'t> {
    pub fn new(table: &'t Table, at: impl Into<String>) -> Self {
        Self { table, at: at.into(), known: Vec::new() }
    }

    pub fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    fn value(&mut self, name: &'static str) -> Option<&'t Value> {
        self.known.push(name);
        self.table.get(name)
    }

    fn needed<T>(&self, problems: &mut Problems, name: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.table.contains_key(name) {
            problems.add(self.path(name), "is missing");
        }
        value
    }

    /// A text that may be absent, read by `parse`.
    pub fn parsed<T>(
        &mut self,
        problems: &mut Problems,
        name: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        let parsed = value.as_str().and_then(parse);
        if parsed.is_none() {
            problems.add(self.path(name), format!("is not {what}"));
        }
        parsed
    }

    /// A text that must be there, read by `parse`.
    pub fn needed_parsed<T>(
        &mut self,
        problems: &mut Problems,
        name: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.parsed(problems, name, what, parse);
        self.needed(problems, name, value)
    }

    /// A text that must be there.
    pub fn text(&mut self, problems: &mut Problems, name: &'static str) -> Option<String> {
        self.needed_parsed(problems, name, "a text of 1 to 500 characters", |text| {
            let fits =
                !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
            fits.then(|| text.trim().to_owned())
        })
    }

    /// A list of texts, each read by `parse`, each once; empty when absent.
    pub fn texts<T: PartialEq>(
        &mut self,
        problems: &mut Problems,
        name: &'static str,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            problems.add(self.path(name), "is not a list");
            return Vec::new();
        };
        let mut parsed = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = format!("{}[{index}]", self.path(name));
            match item.as_str().and_then(&parse) {
                Some(value) if parsed.contains(&value) => problems.add(at, "is there twice"),
                Some(value) => parsed.push(value),
                None => problems.add(at, format!("is not {what}")),
            }
        }
        parsed
    }

    /// A whole number that may be absent.
    pub fn number(&mut self, problems: &mut Problems, name: &'static str) -> Option<i64> {
        let value = self.value(name)?.as_integer();
        if value.is_none() {
            problems.add(self.path(name), "is not a whole number");
        }
        value
    }

    /// A day that may be absent.
    pub fn day(&mut self, problems: &mut Problems, name: &'static str) -> Option<Date> {
        let value = self.value(name)?;
        let day = value
            .as_datetime()
            .filter(|at| at.time.is_none() && at.offset.is_none())
            .and_then(|at| at.date)
            .and_then(|date| super::super::days::day(&date.to_string()));
        if day.is_none() {
            problems.add(self.path(name), "is not a day (2026-01-31, without quotes)");
        }
        day
    }

    /// A day that must be there.
    pub fn needed_day(&mut self, problems: &mut Problems, name: &'static str) -> Option<Date> {
        let day = self.day(problems, name);
        self.needed(problems, name, day)
    }

    /// An instant that may be absent.
    pub fn instant(&mut self, problems: &mut Problems, name: &'static str) -> Option<OffsetDateTime> {
        let value = self.value(name)?;
        let at = value
            .as_datetime()
            .filter(|at| at.offset.is_some())
            .and_then(|at| super::super::days::span(&at.to_string()))
            .filter(|span| span.exact)
            .map(|span| from_millis(crate::clock::millis(span.from)));
        if at.is_none() {
            problems.add(self.path(name), "is not an instant with an offset (2026-01-31T12:00:00Z, without quotes)");
        }
        at
    }

    /// A list of tables, with their places; empty when absent.
    pub fn tables(&mut self, problems: &mut Problems, name: &'static str) -> Vec<Fields<'t>> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(items) = value.as_array() else {
            problems.add(self.path(name), "is not a list of tables");
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = format!("{}[{index}]", self.path(name));
            match item.as_table() {
                Some(table) => tables.push(Fields::new(table, at)),
                None => problems.add(at, "is not a table"),
            }
        }
        tables
    }

    /// Blames every field that was never asked for.
    pub fn finish(self, problems: &mut Problems) {
        for name in self.table.keys().filter(|name| !self.known.contains(&name.as_str())) {
            problems.add(self.path(name), "is not a known field");
        }
    }
}
