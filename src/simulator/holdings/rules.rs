//! Which view an event belongs to: the rules of `views.toml`, read once. Never looks at marks or policies, since a view
//! holds withheld entries too; that is the reader's to judge.

use super::tree::Node;
use crate::kinds::View;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const READ_V2: &str = "2.16.840.1.113883.2.1.6.2";
const READ_4: &str = "2.16.840.1.113883.2.1.6.1";
const CTV3: &str = "2.16.840.1.113883.2.1.3.2.4.14";
const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";

/// Views as bits, in the order of [`View::ALL`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Views(u16);

impl Views {
    /// Whether the view is among them.
    pub fn has(self, view: View) -> bool {
        self.0 & bit(view) != 0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

fn bit(view: View) -> u16 {
    View::ALL.iter().position(|other| *other == view).map_or(0, |at| 1 << at)
}

/// Where an event goes: always, while it is recent, while it is current.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Placing {
    /// Whatever its date.
    pub always: Views,
    /// Only while it is recent.
    pub recent: Views,
    /// Only while it is current medication.
    pub current: Views,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[allow(dead_code, reason = "for people")]
    version: String,
    acute_days: u16,
    problems: BTreeMap<String, BTreeSet<String>>,
    encounters: Encounters,
    sets: BTreeMap<String, Set>,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encounters {
    views: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Set {
    read: Vec<String>,
    local: Vec<String>,
    snomed: BTreeSet<String>,
    systems_ending: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Rule {
    views: Vec<String>,
    types: Vec<String>,
    any_of: Vec<String>,
    none_of: Vec<String>,
    coded: Option<bool>,
    has_value: Option<bool>,
    unplaced: Option<bool>,
    recent: bool,
    current: bool,
}

/// The rules in force.
pub(super) struct Rules {
    file: File,
    masks: Vec<Views>,
    encounters: Views,
}

/// The built-in rules.
pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let read = Rules::read(include_str!("../views.toml"));
    debug_assert!(read.is_some(), "views.toml is read by a test");
    read.unwrap_or_else(Rules::nothing)
});

/// One coding of an event, classified.
enum Coding<'a> {
    /// A Read code, dots and synonym suffix stripped.
    Read(&'a str),
    /// A local code that only looks like Read.
    Local(&'a str),
    /// A SNOMED id.
    Snomed(&'a str),
    /// Anything else, by its system.
    Other(&'a str),
}

/// What the rules look at.
struct Facts<'a> {
    kind: &'a str,
    codings: Vec<Coding<'a>>,
    coded: bool,
    has_value: bool,
}

impl Rules {
    fn read(text: &str) -> Option<Self> {
        let file: File = toml::from_str(text).ok()?;
        let mask = |names: &[String]| {
            names.iter().try_fold(Views::default(), |mut views, name| {
                views.add(Views(bit(View::parse(name)?)));
                Some(views)
            })
        };
        let masks = file.rules.iter().map(|rule| mask(&rule.views)).collect::<Option<Vec<_>>>()?;
        let encounters = mask(&file.encounters.views)?;
        let named = |names: &[String]| names.iter().all(|name| file.sets.contains_key(name));
        let sound = file.rules.iter().all(|rule| named(&rule.any_of) && named(&rule.none_of))
            && file.problems.keys().all(|name| View::parse(name).is_some());
        sound.then_some(Self { file, masks, encounters })
    }

    fn nothing() -> Self {
        let file = File {
            version: String::new(),
            acute_days: 0,
            problems: BTreeMap::new(),
            encounters: Encounters { views: Vec::new() },
            sets: BTreeMap::new(),
            rules: Vec::new(),
        };
        Self { file, masks: Vec::new(), encounters: Views::default() }
    }

    /// The least time for which an acute prescription is current.
    pub fn acute_days(&self) -> u16 {
        self.file.acute_days
    }

    /// Whether the view holds encounters.
    pub fn holds_encounters(&self, view: View) -> bool {
        self.encounters.has(view)
    }

    /// Whether the view holds a problem of this status. One that no view names counts as none: a word that nobody knows
    /// must not lose the problem.
    pub fn holds_problem(&self, view: View, status: Option<&str>) -> bool {
        let named = |status: &&str| self.file.problems.values().any(|statuses| statuses.contains(*status));
        let status = status.filter(named).unwrap_or("-");
        self.file.problems.get(view.as_str()).is_some_and(|statuses| statuses.contains(status))
    }

    /// Where an event goes by its type and codes.
    pub fn place(&self, kind: &str, event: &Node<'_>) -> Placing {
        let code = event.first("code");
        let mut codings = Vec::new();
        let mut coded = false;
        if let Some(code) = code {
            collect(code, &mut codings);
            coded = code.attribute("code").is_some() || code.attribute("displayName").is_some();
        }
        let has_value =
            event.first("observation").and_then(|o| o.first("value")).is_some_and(|v| v.elements().next().is_some());
        let facts = Facts { kind, codings, coded, has_value };
        let mut placing = Placing::default();
        for (rule, views) in self.file.rules.iter().zip(&self.masks) {
            if self.holds(rule, &facts) {
                let slot = match (rule.recent, rule.current) {
                    (true, _) => &mut placing.recent,
                    (false, true) => &mut placing.current,
                    (false, false) => &mut placing.always,
                };
                slot.add(*views);
            }
        }
        placing
    }

    fn holds(&self, rule: &Rule, facts: &Facts<'_>) -> bool {
        let in_set =
            |name: &String| self.file.sets.get(name).is_some_and(|set| facts.codings.iter().any(|c| set.has(c)));
        rule.types.iter().any(|kind| kind == facts.kind)
            && (rule.any_of.is_empty() || rule.any_of.iter().any(in_set))
            && !rule.none_of.iter().any(in_set)
            && rule.coded.is_none_or(|coded| coded == facts.coded)
            && rule.has_value.is_none_or(|has| has == facts.has_value)
            && rule.unplaced.is_none_or(|unplaced| unplaced != self.judged(facts))
    }

    fn judged(&self, facts: &Facts<'_>) -> bool {
        facts.codings.iter().any(|coding| match coding {
            Coding::Read(_) => true,
            other => self.file.sets.values().any(|set| set.has(other)),
        })
    }
}

impl Set {
    fn has(&self, coding: &Coding<'_>) -> bool {
        match coding {
            Coding::Read(code) => self.read.iter().any(|prefix| code.starts_with(prefix.as_str())),
            Coding::Local(code) => self.local.iter().any(|prefix| code.starts_with(prefix.as_str())),
            Coding::Snomed(id) => self.snomed.contains(*id),
            Coding::Other(system) => self.systems_ending.as_ref().is_some_and(|end| system.ends_with(end.as_str())),
        }
    }
}

/// The code and its translations, whatever their depth; qualifiers say something else.
fn collect<'a>(code: &'a Node<'_>, out: &mut Vec<Coding<'a>>) {
    if let (Some(value), Some(system)) = (code.attribute("code"), code.attribute("codeSystem")) {
        out.push(classify(value, system));
    }
    for translation in code.all("translation") {
        collect(translation, out);
    }
}

fn classify<'a>(code: &'a str, system: &'a str) -> Coding<'a> {
    match system {
        READ_V2 | READ_4 | CTV3 => {
            let stem = code.split_once('-').map_or(code, |(stem, _)| stem);
            let local = code.starts_with("EMIS") || code.starts_with('^') || code.starts_with("ALLERGY");
            // Seven characters are a code and its two-character term code.
            let stem = if stem.len() == 7 { stem.get(..5).unwrap_or(stem) } else { stem };
            if local || stem.len() > 5 {
                Coding::Local(code)
            } else if system == CTV3 && stem.starts_with('X') {
                Coding::Other(system)
            } else {
                Coding::Read(stem.trim_end_matches('.'))
            }
        }
        SNOMED => Coding::Snomed(code),
        _ if code.starts_with("EMIS") || code.starts_with('^') || code.starts_with("ALLERGY") => Coding::Local(code),
        _ => Coding::Other(system),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::read_fragment;
    use super::*;

    fn views(xml: &str) -> Vec<&'static str> {
        let event = read_fragment(xml).expect("readable");
        let kind = event.text_of("eventType").unwrap_or_default();
        let placing = RULES.place(&kind, &event);
        View::ALL.iter().filter(|view| placing.always.has(**view)).map(|view| view.as_str()).collect()
    }

    fn coded(kind: &str, code: &str, system: &str) -> Vec<&'static str> {
        views(&format!(
            "<event><eventType>{kind}</eventType><code codeSystem=\"{system}\" code=\"{code}\" displayName=\"x\"/><observation/></event>"
        ))
    }

    #[test]
    fn the_data_file_is_sound() {
        let rules = Rules::read(include_str!("../views.toml")).expect("sound");
        assert!(!rules.file.rules.is_empty() && rules.holds_encounters(View::Events));
        assert!(rules.holds_problem(View::Summary, Some("A")) && !rules.holds_problem(View::Summary, Some("I")));
        assert!(rules.holds_problem(View::Problems, None) && rules.holds_problem(View::Summary, Some("Q")));
    }

    #[test]
    fn a_view_that_does_not_exist_makes_the_data_file_unsound() {
        let text = include_str!("../views.toml").replace("[\"Medication\"]", "[\"Medicine\"]");
        assert!(Rules::read(&text).is_none());
        assert!(
            Rules::read(&include_str!("../views.toml").replace("any_of = [\"operation\"]", "any_of = [\"none\"]"))
                .is_none()
        );
    }

    #[test]
    fn read_codes_place_an_observation_whatever_their_shape() {
        for code in ["H33", "H33..", "H06z0-1", "H33z011", "C10"] {
            assert_eq!(coded("OBS", code, READ_V2), ["Diagnosis"], "{code}");
        }
        assert_eq!(coded("OBS", "7901", READ_V2), ["Procedures"]);
        assert_eq!(coded("OBS", "5352-1", READ_V2), ["Investigations"]);
        assert_eq!(coded("OBS", "8I2J", READ_V2), ["RisksAndWarnings"]);
        assert_eq!(coded("OBS", "8H2", READ_V2), ["Events"]);
        assert_eq!(coded("OBS", "14L1", READ_V2), ["Summary", "RisksAndWarnings"]);
        assert_eq!(coded("VAL", "2469", READ_V2), ["Examination"]);
        assert_eq!(coded("VAL", "22A", READ_V2), ["Investigations"]);
        assert!(coded("OBS", "137R", READ_V2).is_empty() && coded("DRY", "246", READ_V2).is_empty());
    }

    #[test]
    fn what_cannot_be_judged_is_never_lost() {
        assert_eq!(coded("OBS", "EMISNQNO1", READ_V2), ["Diagnosis"]);
        assert_eq!(coded("OBS", "195967001", SNOMED), ["Diagnosis"]);
        assert_eq!(coded("OBS", "XE0YX", CTV3), ["Diagnosis"]);
        assert_eq!(coded("OBS", "80146002", SNOMED), ["Procedures"]);
        assert_eq!(
            views("<event><eventType>OBS</eventType><code codeSystem=\"UNKNOWN\" displayName=\"Itch\"/></event>"),
            ["Diagnosis"]
        );
        assert!(
            views(
                "<event><eventType>OBS</eventType><code codeSystem=\"UNKNOWN\" displayName=\" \" code=\"\"/></event>"
            )
            .is_empty()
        );
        assert!(views("<event><eventType>OBS</eventType><displayTerm>said so</displayTerm></event>").is_empty());
    }

    #[test]
    fn the_ids_of_the_data_file_have_right_check_digits() {
        for id in RULES.file.sets.values().flat_map(|set| &set.snomed) {
            assert!(super::super::super::generate::is_sctid(id), "{id}");
        }
    }
}
