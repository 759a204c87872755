//! Removes from the source entries what may not leave, and every link to it.
//!
//! First each entry is judged by itself; then what belongs to a withheld entry goes with it (members by childLink, the
//! issues of a plan, the entries of a withheld encounter); then groups that have nothing left; then links.

use super::Screened;
use super::exclusions::Exclusions;
use super::subject::{Hit, encounter_hit, entry_hit, has_unknown_code, is_drug, strip_drug};
use crate::record::{Encounter, Event, Fate, Ledger, Marks, Policy, Reason, Record};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Removes what may not leave from the source entries. The list is applied whatever the supplier, unless the settings
/// exempt this one; marks are heeded whatever the supplier.
#[must_use]
pub fn screen(mut record: Record, exclusions: &Exclusions, supplier: &str) -> Screened {
    let exclusions = &exclusions.for_supplier(supplier);
    let mut ledger = Ledger::default();
    for (at, (id, kind)) in record.unidentified.iter().enumerate() {
        // A key of its own: an entry of that id may well be a source.
        ledger.note(&format!("{id}#{at}"), kind, Fate::Omitted(Reason::NoIdentity));
    }
    record.problems.retain(|_, problem| !problem.deleted);
    let Verdicts { whole, events, encounters } = Verdicts::of(&record, exclusions);
    for (event, ground) in record.events.iter().zip(&events) {
        if let Some(ground) = ground {
            ledger.note(&event.id, &event.kind, Fate::Omitted(ground.reason()));
        }
    }
    for (encounter, ground) in record.encounters.iter().zip(&encounters) {
        if let Some(ground) = ground {
            ledger.note(&encounter.id, "ENC", Fate::Omitted(ground.reason()));
        }
    }
    if whole {
        return Screened { record: Record::default(), ledger };
    }
    keep(&mut record.events, &events);
    keep(&mut record.encounters, &encounters);
    unlink(&mut record);
    for event in record.events.iter_mut().filter(|event| is_drug(event)) {
        strip_drug(event, exclusions);
    }
    Screened { record, ledger }
}

/// Why one entry goes. Screening needs no more than [`Ground::reason`]; the rest is told by `explain`.
#[derive(Clone, Copy)]
pub(super) enum Ground<'l> {
    /// The mark on the patient, which is on everything.
    Patient,
    /// Its own mark.
    Hidden,
    /// Its own policy.
    Restricted,
    /// Deleted at the source.
    Deleted,
    /// The list.
    Listed(Hit<'l>),
    /// The encounter at this place is withheld, and it is a component of it.
    OfEncounter(usize),
    /// The event at this place goes, and it is a member or an issue of it.
    BelongsTo(usize, Reason),
    /// Its kind is outside the Detailed Care Record.
    OutsideRecord,
    /// Consultation text.
    Uncoded,
    /// No coding of it is of a known code system, and the settings withhold such entries in this view.
    UnknownCode,
    /// A report or group that says nothing.
    Empty,
}

impl Ground<'_> {
    /// The one word for it.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Patient
            | Self::Hidden
            | Self::Restricted
            | Self::Listed(_)
            | Self::OfEncounter(_)
            | Self::UnknownCode => Reason::Withheld,
            Self::Deleted => Reason::Deleted,
            Self::BelongsTo(_, reason) => reason,
            Self::OutsideRecord => Reason::OutsideRecord,
            Self::Uncoded => Reason::Uncoded,
            Self::Empty => Reason::Empty,
        }
    }
}

/// What is to become of each entry, in the record's order; none stays.
pub(super) struct Verdicts<'l> {
    /// The record as a whole is withheld.
    whole: bool,
    /// Of the events.
    pub events: Vec<Option<Ground<'l>>>,
    /// Of the encounters.
    pub encounters: Vec<Option<Ground<'l>>>,
}

impl<'l> Verdicts<'l> {
    /// Judges; takes nothing away.
    pub(super) fn of(record: &Record, exclusions: &'l Exclusions) -> Self {
        if record.patient.as_ref().is_some_and(|patient| mark(&patient.marks, &record.policies).is_some()) {
            let (events, encounters) = (record.events.len(), record.encounters.len());
            return Self {
                whole: true,
                events: vec![Some(Ground::Patient); events],
                encounters: vec![Some(Ground::Patient); encounters],
            };
        }
        let of_encounter = |encounter: &Encounter| {
            mark(&encounter.marks, &record.policies)
                .or_else(|| encounter_hit(encounter, exclusions).map(Ground::Listed))
                .or(encounter.marks.deleted.then_some(Ground::Deleted))
        };
        let encounters: Vec<_> = record.encounters.iter().map(of_encounter).collect();
        Self { whole: false, events: judge(record, &encounters, exclusions), encounters }
    }
}

/// Hidden, or under a policy that restricts. A policy that is not in the record restricts.
fn mark<'l>(marks: &Marks, policies: &BTreeMap<String, Policy>) -> Option<Ground<'l>> {
    let restricted = |id: &String| policies.get(id).is_none_or(|policy| policy.restricts);
    if marks.hidden {
        return Some(Ground::Hidden);
    }
    marks.policy.as_ref().is_some_and(restricted).then_some(Ground::Restricted)
}

fn judge<'l>(
    record: &Record,
    encounters: &[Option<Ground<'l>>],
    exclusions: &'l Exclusions,
) -> Vec<Option<Ground<'l>>> {
    let events = &record.events;
    let at: HashMap<&str, usize> = events.iter().enumerate().map(|(at, event)| (event.id.as_str(), at)).collect();
    let find = |id: &String| at.get(id.as_str()).copied();
    let mut issues: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if let Some(plan) = event.issue.as_ref().and_then(|issue| issue.plan.as_ref()).and_then(find) {
            issues.entry(plan).or_default().push(index);
        }
    }

    let mut fates: Vec<Option<Ground<'l>>> = events.iter().map(|event| alone(event, record, exclusions)).collect();
    for (at, (encounter, ground)) in record.encounters.iter().zip(encounters).enumerate() {
        if ground.is_some_and(|ground| ground.reason() == Reason::Withheld) {
            for component in encounter.components.iter().filter_map(find) {
                if reason_at(&fates, component) != Some(Reason::Withheld) {
                    set(&mut fates, component, Ground::OfEncounter(at));
                }
            }
        }
    }
    // What belongs to a withheld entry is withheld; what belongs to a deleted one is deleted with it.
    for reason in [Reason::Withheld, Reason::Deleted] {
        // An entry whose code is not known takes nothing with it: it is not known to be sensitive, and its members may be
        // what is never withheld by a setting.
        let takes_others = |at: &usize| !matches!(fates.get(*at), Some(Some(Ground::UnknownCode)));
        let mut waiting: Vec<usize> =
            (0..fates.len()).filter(|at| reason_at(&fates, *at) == Some(reason)).filter(takes_others).collect();
        while let Some(index) = waiting.pop() {
            let members = events.get(index).into_iter().flat_map(|event| &event.children).filter_map(find);
            let issues = issues.get(&index).into_iter().flatten().copied();
            for taken in members.chain(issues) {
                let fate = reason_at(&fates, taken);
                if fate != Some(Reason::Withheld) && fate != Some(reason) {
                    set(&mut fates, taken, Ground::BelongsTo(index, reason));
                    waiting.push(taken);
                }
            }
        }
    }
    drop_empty(record, &mut fates, find);
    fates
}

/// What an entry's own marks, kind and codes make of it.
fn alone<'l>(event: &Event, record: &Record, exclusions: &'l Exclusions) -> Option<Ground<'l>> {
    if let Some(mark) = mark(&event.marks, &record.policies) {
        return Some(mark);
    }
    if event.marks.deleted {
        return Some(Ground::Deleted);
    }
    // Before the kinds: what belongs to an excluded entry of any kind goes with it.
    if let Some(hit) = entry_hit(event, &record.mixtures, exclusions) {
        return Some(Ground::Listed(hit));
    }
    match event.kind.as_str() {
        "DRY" | "ATT" | "FH" | "TR" | "OH" => Some(Ground::OutsideRecord),
        "OBS" | "REF" if uncoded(event) && !defines_problem(event, record) => Some(Ground::Uncoded),
        _ => (exclusions.withholds_unknown() && has_unknown_code(event)).then_some(Ground::UnknownCode),
    }
}

/// A deleted problem has left its event.
fn defines_problem(event: &Event, record: &Record) -> bool {
    record.problems.get(&event.id).is_some_and(|problem| !problem.deleted)
}

fn uncoded(event: &Event) -> bool {
    event.code.as_ref().is_none_or(|code| code.code.is_none() && code.display.is_none())
}

fn reason_at(fates: &[Option<Ground<'_>>], at: usize) -> Option<Reason> {
    fates.get(at).copied().flatten().map(Ground::reason)
}

fn set<'l>(fates: &mut [Option<Ground<'l>>], at: usize, ground: Ground<'l>) {
    if let Some(slot) = fates.get_mut(at) {
        *slot = Some(ground);
    }
}

/// A report or group says something if it has a value, defines a problem, or leads to a member that does. Worked out
/// from the members upwards, so that groups of groups, and groups that name each other in a ring, come out right.
fn drop_empty(record: &Record, fates: &mut [Option<Ground<'_>>], find: impl Fn(&String) -> Option<usize>) {
    let events = &record.events;
    let is_group = |event: &Event| matches!(event.kind.as_str(), "REP" | "INV");
    if !events.iter().any(is_group) {
        return;
    }
    let mut parents: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| is_group(event)) {
        for child in event.children.iter().filter_map(&find) {
            parents.entry(child).or_default().push(index);
        }
    }
    let left = |at: usize| fates.get(at).is_some_and(Option::is_none);
    let mut says: Vec<bool> = events
        .iter()
        .enumerate()
        .map(|(at, event)| left(at) && (!is_group(event) || event.value.is_some() || defines_problem(event, record)))
        .collect();
    let mut waiting: Vec<usize> = says.iter().enumerate().filter(|(_, says)| **says).map(|(at, _)| at).collect();
    while let Some(index) = waiting.pop() {
        for parent in parents.get(&index).into_iter().flatten() {
            if let Some(slot) = says.get_mut(*parent).filter(|slot| !**slot && left(*parent)) {
                *slot = true;
                waiting.push(*parent);
            }
        }
    }
    for (fate, says) in fates.iter_mut().zip(says) {
        if fate.is_none() && !says {
            *fate = Some(Ground::Empty);
        }
    }
}

fn keep<T>(items: &mut Vec<T>, fates: &[Option<Ground<'_>>]) {
    let mut fate = fates.iter();
    items.retain(|_| fate.next().is_some_and(Option::is_none));
}

/// Takes away every link whose other end is not here: withheld, or held by another view. The two look alike.
fn unlink(record: &mut Record) {
    let left: HashSet<String> = record.events.iter().map(|event| event.id.clone()).collect();
    for event in &mut record.events {
        let own = event.id.clone();
        tidy(&mut event.children, |id| *id != own && left.contains(id));
        for specimen in event.report.iter_mut().flat_map(|report| &mut report.specimens) {
            tidy(&mut specimen.members, |id| left.contains(id));
        }
        if let Some(plan) = &mut event.medication {
            plan.cancellation_link = plan.cancellation_link.take().filter(|link| left.contains(link));
        }
        if let Some(issue) = &mut event.issue {
            issue.plan = issue.plan.take().filter(|plan| left.contains(plan));
        }
    }
    for encounter in &mut record.encounters {
        tidy(&mut encounter.components, |id| left.contains(id));
    }
    record.problems.retain(|id, _| left.contains(id));
    let problems: HashSet<String> = record.problems.keys().cloned().collect();
    for (id, problem) in &mut record.problems {
        tidy(&mut problem.links, |link| left.contains(link));
        problem.parents.retain(|(parent, _)| parent != id && problems.contains(parent));
    }
}

/// Keeps what passes, each once.
fn tidy(links: &mut Vec<String>, passes: impl Fn(&String) -> bool) {
    if links.is_empty() {
        return;
    }
    let mut seen = HashSet::with_capacity(links.len());
    links.retain(|id| passes(id) && seen.insert(id.clone()));
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
