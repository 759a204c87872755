//! Why each entry that goes does so: the verdicts of the screening itself, put into words. For the command line and
//! synthetic records; no answer of the service is ever made of it.

use super::exclusions::{ExclusionEntry, Exclusions};
use super::screen::{Ground, Verdicts};
use super::subject::{Hit, drug_loses, is_drug};
use crate::record::{Event, Reason, Record};
use std::collections::HashSet;
use std::fmt;

/// An entry that goes.
pub struct Explanation<'a> {
    /// Its legacy id.
    pub id: &'a str,
    /// Its event type; `ENC` for an encounter.
    pub kind: &'a str,
    /// The word under which it is counted.
    pub reason: Reason,
    /// The rule that took it.
    pub rule: Rule<'a>,
}

/// The rule that took an entry. Its display names what the list or the record's own structure says, never a value of it.
pub enum Rule<'a> {
    /// The mark on the patient, which is on everything.
    Patient,
    /// `hidden=true`.
    Hidden,
    /// A confidentiality policy that restricts, or that the record does not hold.
    Restricted,
    /// Deleted at the source.
    Deleted,
    /// A coding of it is on the list.
    Coding(&'a ExclusionEntry),
    /// A term of it equals one of the list.
    Term(&'a ExclusionEntry),
    /// It is a medicine that the list names.
    Medicine(&'a ExclusionEntry),
    /// It is a component of this encounter, which is withheld.
    OfEncounter(&'a str),
    /// It is a member or an issue of this entry, which goes.
    BelongsTo(&'a str),
    /// Its kind is outside the Detailed Care Record.
    OutsideRecord,
    /// Consultation text.
    Uncoded,
    /// No coding of it is of a known code system, and the settings withhold such entries in this view.
    UnknownCode,
    /// A report or group that says nothing.
    Empty,
    /// It has no id, or that of an earlier entry.
    NoIdentity,
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patient => f.write_str("the patient is marked hidden or restricted"),
            Self::Hidden => f.write_str("marked hidden"),
            Self::Restricted => f.write_str("private: under a confidentiality policy that restricts"),
            Self::Deleted => f.write_str("deleted at the source"),
            Self::Coding(line) => {
                let below = if line.include_descendants { " and below" } else { "" };
                let place = Place(line);
                write!(f, "list {place}, by code: {} {}{below}, {}", line.system, line.code, confidence(line))
            }
            Self::Term(line) => write!(f, "list {}, by term, {}", Place(line), confidence(line)),
            Self::Medicine(line) => write!(f, "list {}, a medicine that points to it", Place(line)),
            Self::UnknownCode => f.write_str("no known code system, which the settings withhold in this view"),
            Self::OfEncounter(id) => write!(f, "component of the withheld encounter {id}"),
            Self::BelongsTo(id) => write!(f, "belongs to {id}, which goes"),
            Self::OutsideRecord => f.write_str("its kind is outside the Detailed Care Record"),
            Self::Uncoded => f.write_str("uncoded: consultation text"),
            Self::Empty => f.write_str("a report or group without value or member left"),
            Self::NoIdentity => f.write_str("no id, or that of an earlier entry"),
        }
    }
}

/// Row, topic, layer and version of a line; what a deployment adds has no row.
struct Place<'a>(&'a ExclusionEntry);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.0;
        let group = if line.group.is_empty() { "no topic" } else { &line.group };
        if line.row == 0 {
            write!(f, "addition ({group})")?;
        } else {
            write!(f, "row {} ({group})", line.row)?;
        }
        write!(f, ", layer {} {}", line.layer, line.version)
    }
}

fn confidence(line: &ExclusionEntry) -> &str {
    if line.confidence.is_empty() { "confidence not said" } else { &line.confidence }
}

/// What an entry that stays loses, because of what goes.
pub struct Loss<'a> {
    /// The entry's legacy id.
    pub id: &'a str,
    /// Its event type; `ENC` for an encounter, `PRB` for a problem.
    pub kind: &'a str,
    /// How many of its links lead to what goes.
    pub links: usize,
    /// Qualifiers and texts that name what is on the list.
    pub parts: Vec<Rule<'a>>,
}

/// Every entry that stays and loses a link, a qualifier or a text, in the record's order.
#[must_use]
pub fn losses<'a>(record: &'a Record, exclusions: &'a Exclusions) -> Vec<Loss<'a>> {
    let verdicts = Verdicts::of(record, exclusions);
    let goes: HashSet<&str> = record
        .events
        .iter()
        .zip(&verdicts.events)
        .filter(|(_, ground)| ground.is_some())
        .map(|(e, _)| e.id.as_str())
        .collect();
    let lost = |links: &[String]| links.iter().filter(|id| goes.contains(id.as_str())).count();
    let encounters = record.encounters.iter().zip(&verdicts.encounters).filter(|(_, ground)| ground.is_none());
    let encounters = encounters.map(|(encounter, _)| Loss {
        id: &encounter.id,
        kind: "ENC",
        links: lost(&encounter.components),
        parts: Vec::new(),
    });
    let of_event = |event: &'a Event| {
        let parts = if is_drug(event) { drug_loses(event, exclusions) } else { Vec::new() };
        Loss {
            id: &event.id,
            kind: &event.kind,
            // An issue goes with its plan: that link is never lost by an entry that stays.
            links: lost(&event.children),
            parts: parts.into_iter().map(Rule::of).collect(),
        }
    };
    let stay = record.events.iter().zip(&verdicts.events).filter(|(_, ground)| ground.is_none());
    let problems = record.problems.iter().filter(|(id, problem)| !problem.deleted && !goes.contains(id.as_str()));
    let problems = problems.map(|(id, problem)| {
        let parents = problem.parents.iter().filter(|(parent, _)| goes.contains(parent.as_str())).count();
        Loss { id, kind: "PRB", links: lost(&problem.links) + parents, parts: Vec::new() }
    });
    let all = encounters.chain(stay.map(|(event, _)| of_event(event))).chain(problems);
    all.filter(|loss| loss.links > 0 || !loss.parts.is_empty()).collect()
}

impl<'a> Rule<'a> {
    fn of(hit: Hit<'a>) -> Self {
        match hit {
            Hit::Coding(line) => Self::Coding(line),
            Hit::Term(line) => Self::Term(line),
            Hit::Medicine(line) => Self::Medicine(line),
        }
    }
}

/// Every entry that [`super::screen`] would take from this record, in the record's order, and why.
#[must_use]
pub fn explain<'a>(record: &'a Record, exclusions: &'a Exclusions) -> Vec<Explanation<'a>> {
    let verdicts = Verdicts::of(record, exclusions);
    let rule = |ground: Ground<'a>| match ground {
        Ground::Patient => Rule::Patient,
        Ground::Hidden => Rule::Hidden,
        Ground::Restricted => Rule::Restricted,
        Ground::Deleted => Rule::Deleted,
        Ground::Listed(hit) => Rule::of(hit),
        Ground::UnknownCode => Rule::UnknownCode,
        Ground::OfEncounter(at) => Rule::OfEncounter(record.encounters.get(at).map_or("", |encounter| &encounter.id)),
        Ground::BelongsTo(at, _) => Rule::BelongsTo(record.events.get(at).map_or("", |event| &event.id)),
        Ground::OutsideRecord => Rule::OutsideRecord,
        Ground::Uncoded => Rule::Uncoded,
        Ground::Empty => Rule::Empty,
    };
    let unidentified = record.unidentified.iter().map(|(id, kind)| Explanation {
        id,
        kind,
        reason: Reason::NoIdentity,
        rule: Rule::NoIdentity,
    });
    let encounters = record.encounters.iter().map(|encounter| (encounter.id.as_str(), "ENC")).zip(verdicts.encounters);
    let events = record.events.iter().map(|event| (event.id.as_str(), event.kind.as_str())).zip(verdicts.events);
    let judged = encounters.chain(events).filter_map(|((id, kind), ground)| {
        ground.map(|ground| Explanation { id, kind, reason: ground.reason(), rule: rule(ground) })
    });
    unidentified.chain(judged).collect()
}
