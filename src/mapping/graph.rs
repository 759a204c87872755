//! How the entries of one record hang together: built once, in one pass, so that mapping stays linear.

use crate::record::{Event, Record};
use std::collections::HashMap;

/// Indexes over a record. Where an id comes twice, the first entry holds it.
#[derive(Default)]
pub(super) struct Graph<'a> {
    events: HashMap<&'a str, usize>,
    encounters: HashMap<&'a str, &'a str>,
    parents: HashMap<usize, Vec<usize>>,
    issues: HashMap<usize, Vec<usize>>,
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
        }
        for (id, problem) in record.problems.iter().filter(|(_, problem)| !problem.deleted) {
            for link in &problem.links {
                graph.problems.entry(link).or_default().push(id);
            }
        }
        graph
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

    /// The problems that link to an event.
    pub(super) fn problems(&self, event: &str) -> &[&'a str] {
        self.problems.get(event).map_or(&[], Vec::as_slice)
    }
}
