//! How the entries of one record hang together: built once, in one pass, so that mapping stays linear.

use crate::record::{Event, Record};
use std::collections::{HashMap, HashSet};

/// Indexes over a record. Where an id comes twice, the first entry holds it.
#[derive(Default)]
pub(super) struct Graph<'a> {
    events: HashMap<&'a str, usize>,
    encounters: HashMap<&'a str, &'a str>,
    parents: HashMap<usize, Vec<usize>>,
    issues: HashMap<usize, Vec<usize>>,
    specimens: HashMap<usize, (usize, u8)>,
    /// What specimens name themselves.
    named_by_specimen: HashSet<usize>,
    replaced: HashMap<usize, usize>,
    encounter_ids: HashSet<&'a str>,
    problems: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    /// Reads the links of a record.
    pub(super) fn of(record: &'a Record) -> Self {
        let mut graph = Self::default();
        for (at, event) in record.events.iter().enumerate() {
            if !event.id.is_empty() {
                graph.events.entry(&event.id).or_insert(at);
            }
        }
        for encounter in record.encounters.iter().filter(|encounter| !encounter.id.is_empty()) {
            graph.encounter_ids.insert(&encounter.id);
            for event in &encounter.components {
                graph.encounters.entry(event).or_insert(&encounter.id);
            }
        }
        for (at, event) in record.events.iter().enumerate() {
            if !graph.is_first(at, event) {
                continue;
            }
            for child in &event.children {
                let Some(child) = graph.event(child).filter(|child| *child != at) else { continue };
                let parents: &mut Vec<usize> = graph.parents.entry(child).or_default();
                if parents.last() != Some(&at) {
                    parents.push(at);
                }
            }
            let plan = event.issue.as_ref().and_then(|issue| issue.plan.as_deref()).and_then(|plan| graph.event(plan));
            if let Some(plan) = plan {
                graph.issues.entry(plan).or_default().push(at);
            }
            graph.read_specimens(record, at, event);
            graph.read_replacement(record, at, event);
        }
        for (id, problem) in record.problems.iter().filter(|(_, problem)| !problem.deleted) {
            for link in &problem.links {
                let problems: &mut Vec<&'a str> = graph.problems.entry(link).or_default();
                if problems.last() != Some(&id.as_str()) {
                    problems.push(id);
                }
            }
        }
        graph
    }

    /// The tests and batteries of each specimen, and the tests of those batteries.
    fn read_specimens(&mut self, record: &Record, at: usize, event: &Event) {
        let specimens = event.report.iter().flat_map(|report| &report.specimens);
        for (number, specimen) in (0..=u8::MAX).zip(specimens) {
            for member in specimen.members.iter().filter_map(|id| self.event(id)).collect::<Vec<_>>() {
                // A battery that another specimen names already has its tests there too.
                if !self.named_by_specimen.insert(member) {
                    continue;
                }
                let of_battery = record.events.get(member).into_iter().flat_map(|battery| &battery.children);
                let of_battery: Vec<usize> = of_battery.filter_map(|id| self.event(id)).collect();
                for test in std::iter::once(member).chain(of_battery) {
                    self.specimens.entry(test).or_insert((at, number));
                }
            }
        }
    }

    /// A plan that was changed names the plan that came in its place.
    fn read_replacement(&mut self, record: &Record, at: usize, event: &Event) {
        let plan = event.medication.as_ref().filter(|plan| plan.cancellation_reason.as_deref() == Some("CHG"));
        let next = plan.and_then(|plan| plan.cancellation_link.as_deref()).and_then(|id| self.event(id));
        let is_plan = |next: &usize| record.events.get(*next).is_some_and(|next| next.kind == "MED");
        if let Some(next) = next.filter(|next| *next != at && event.kind == "MED").filter(is_plan) {
            self.replaced.entry(next).or_insert(at);
        }
    }

    /// The place of an event.
    pub(super) fn event(&self, id: &str) -> Option<usize> {
        self.events.get(id).copied()
    }

    /// Whether the event at this place holds its id.
    pub(super) fn is_first(&self, at: usize, event: &Event) -> bool {
        self.event(&event.id) == Some(at)
    }

    /// The encounter that an event is a component of.
    pub(super) fn encounter(&self, event: &str) -> Option<&'a str> {
        self.encounters.get(event).copied()
    }

    /// The events whose member this one is.
    pub(super) fn parents(&self, at: usize) -> &[usize] {
        self.parents.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The issues of a plan.
    pub(super) fn issues(&self, plan: usize) -> &[usize] {
        self.issues.get(&plan).map_or(&[], Vec::as_slice)
    }

    /// The report and the number in it of the specimen that an event tested.
    pub(super) fn specimen(&self, test: usize) -> Option<(usize, u8)> {
        self.specimens.get(&test).copied()
    }

    /// The plan in whose place a plan came.
    pub(super) fn replaced(&self, plan: usize) -> Option<usize> {
        self.replaced.get(&plan).copied()
    }

    /// Whether an encounter has this id.
    pub(super) fn is_encounter(&self, id: &str) -> bool {
        self.encounter_ids.contains(id)
    }

    /// The problems that link to an event.
    pub(super) fn problems(&self, event: &str) -> &[&'a str] {
        self.problems.get(event).map_or(&[], Vec::as_slice)
    }
}
