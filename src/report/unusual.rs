//! Viewing that is out of the ordinary, by rules that are data (`unusual.toml`). Each finding says which rule, what was
//! measured, against what, and where to begin reading; it names no patient and accuses nobody.
//!
//! Memory holds one day of the trail at most: an hour or a day is judged when it is over, and forgotten.

use super::sheet::Sheet;
use super::{of_record, population, shown, stratifier};
use crate::audit::{Ending, Entry};
use crate::clock::to_london;
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use time::{Date, OffsetDateTime, Weekday};

pub(super) const COLUMNS: &[&str] = &[
    "rule",
    "day",
    "hour",
    "organisation",
    "user",
    "name",
    "measured",
    "more_than",
    "explanation",
    "rules_version",
    "first_audit_event",
];

const BUILTIN: &str = include_str!("unusual.toml");

/// What a rule measures.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Measure {
    Patients,
    Views,
    Practices,
    Overrides,
    RefusedPatients,
    AfterRefusal,
    OutOfHours,
    OnePatient,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Window {
    Hour,
    Day,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleRow {
    id: String,
    measure: Measure,
    window: Window,
    more_than: u64,
    says: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: u8,
    to: u8,
    weekends: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    hours: Hours,
    #[serde(default)]
    rule: Vec<RuleRow>,
}

#[derive(Debug)]
struct Rule {
    id: String,
    measure: Measure,
    window: Window,
    more_than: u64,
    says: String,
}

/// The rules, cheap to clone.
#[derive(Debug, Clone)]
pub struct Rules(Arc<Set>);

#[derive(Debug)]
struct Set {
    version: String,
    hours: Hours,
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads rules in the notation of the built-in ones.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if file.hours.from > 24 || file.hours.to > 24 || file.hours.from > file.hours.to {
            return Err("hours: from and to are hours of one day".to_owned());
        }
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(file.rule.len());
        for RuleRow { id, measure, window, more_than, says } in file.rule {
            if !ids.insert(id.clone()) {
                return Err(format!("rule {id}: told twice"));
            }
            rules.push(Rule { id, measure, window, more_than, says });
        }
        Ok(Self(Arc::new(Set { version: file.version, hours: file.hours, rules })))
    }

    /// The built-in rules.
    ///
    /// # Errors
    /// None in a program whose tests have run.
    pub fn builtin() -> Result<Self, String> {
        Self::parse(BUILTIN)
    }
}

/// What one user of one organisation did in a window.
#[derive(Default)]
struct Tally {
    name: String,
    first: String,
    views: u64,
    out_of_hours: u64,
    overrides: u64,
    patients: HashMap<u64, u64>,
    practices: BTreeSet<String>,
    refused: HashSet<u64>,
    after_refusal: HashSet<u64>,
}

impl Tally {
    fn measured(&self, measure: Measure) -> u64 {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        match measure {
            Measure::Patients => count(self.patients.len()),
            Measure::Views => self.views,
            Measure::Practices => count(self.practices.len()),
            Measure::Overrides => self.overrides,
            Measure::RefusedPatients => count(self.refused.len()),
            Measure::AfterRefusal => count(self.after_refusal.len()),
            Measure::OutOfHours => self.out_of_hours,
            Measure::OnePatient => self.patients.values().copied().max().unwrap_or(0),
        }
    }

    fn note(&mut self, entry: &Entry, out_of_hours: bool, refused_today: bool) {
        if self.first.is_empty() {
            (self.first, self.name) = (entry.id(), entry.name().to_owned());
        }
        if entry.starts_override() {
            self.overrides += 1;
        } else if shown(entry) {
            self.views += 1;
            self.out_of_hours += u64::from(out_of_hours);
            if let Some(patient) = entry.patient() {
                *self.patients.entry(patient).or_default() += 1;
                if refused_today {
                    self.after_refusal.insert(patient);
                }
            }
            if !entry.practice().is_empty() && !self.practices.contains(entry.practice()) {
                self.practices.insert(entry.practice().to_owned());
            }
        } else if of_record(entry) && by_will(entry.ending()) {
            self.refused.extend(entry.patient());
        }
    }
}

/// Refused because of what the patient wants or who cares for them; that nobody has been asked yet is ordinary.
fn by_will(ending: Ending<'_>) -> bool {
    matches!(ending, Ending::Refused("CONSENT_REFUSED" | "OPTED_OUT" | "RELATIONSHIP"))
}

type Who = (String, String);

pub(super) struct Unusual {
    rules: Rules,
    day: Option<Date>,
    hour: u8,
    of_day: BTreeMap<Who, Tally>,
    of_hour: BTreeMap<Who, Tally>,
}

impl Unusual {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, day: None, hour: 0, of_day: BTreeMap::new(), of_hour: BTreeMap::new() }
    }

    pub(super) fn page(&mut self, entries: &[Entry], sheet: &mut Sheet) {
        for entry in entries.iter().filter(|entry| entry.starts_override() || of_record(entry)) {
            let at = to_london(entry.at());
            if self.day != Some(at.date()) {
                self.end(sheet);
                self.day = Some(at.date());
            } else if self.hour != at.hour() {
                self.judge(Window::Hour, sheet);
            }
            self.hour = at.hour();
            let out_of_hours = is_out_of_hours(self.rules.0.hours, at);
            let who = (entry.organisation().to_owned(), entry.user().to_owned());
            let day = self.of_day.entry(who.clone()).or_default();
            let refused_today = entry.patient().is_some_and(|patient| day.refused.contains(&patient));
            day.note(entry, out_of_hours, refused_today);
            self.of_hour.entry(who).or_default().note(entry, out_of_hours, refused_today);
        }
    }

    pub(super) fn end(&mut self, sheet: &mut Sheet) {
        self.judge(Window::Hour, sheet);
        self.judge(Window::Day, sheet);
    }

    fn judge(&mut self, window: Window, sheet: &mut Sheet) {
        let tallies = std::mem::take(match window {
            Window::Hour => &mut self.of_hour,
            Window::Day => &mut self.of_day,
        });
        let Some(day) = self.day else { return };
        let (day, hour) = (day.to_string(), format!("{:02}:00", self.hour));
        let hour = if window == Window::Hour { hour.as_str() } else { "" };
        let set = &self.rules.0;
        for ((organisation, user), tally) in &tallies {
            for rule in set.rules.iter().filter(|rule| rule.window == window) {
                let measured = tally.measured(rule.measure);
                if measured <= rule.more_than {
                    continue;
                }
                if sheet.is_csv() {
                    let (measured, more_than) = (measured.to_string(), rule.more_than.to_string());
                    sheet.row([
                        rule.id.as_str(),
                        &day,
                        hour,
                        organisation,
                        user,
                        &tally.name,
                        &measured,
                        &more_than,
                        &rule.says,
                        &set.version,
                        &tally.first,
                    ]);
                    continue;
                }
                let mut stratifiers = vec![
                    stratifier("viewing organisation", organisation),
                    stratifier("user", user),
                    stratifier("day", &day),
                ];
                if !hour.is_empty() {
                    stratifiers.push(stratifier("hour", hour));
                }
                stratifiers.push(stratifier("first audit event", &tally.first));
                sheet.item(&json!({
                    "code": {
                        "coding": [{ "system": super::CODES, "code": rule.id, "version": set.version }],
                        "text": rule.says,
                    },
                    "population": [
                        population("measured", measured),
                        population("more-than", rule.more_than),
                    ],
                    "stratifier": stratifiers,
                }));
            }
        }
    }
}

fn is_out_of_hours(hours: Hours, at: OffsetDateTime) -> bool {
    let weekend = matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday);
    (weekend && !hours.weekends) || !(hours.from..hours.to).contains(&at.hour())
}
