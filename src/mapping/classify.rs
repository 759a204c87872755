//! Which resources each entry becomes, decided for the whole record before any is built, so that nothing is referred to
//! that is not made.

use super::codes;
use super::concept_map::{self, Map};
use super::dates;
use super::graph::Graph;
use super::rules::{Known, Meaning};
use crate::kinds::View;
use crate::record::{Event, Reason, Record};

/// What becomes of one event.
#[derive(Default, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "one entry may be several of these at once")]
pub(super) struct Shape {
    /// A Condition.
    pub condition: bool,
    /// An `AllergyIntolerance`.
    pub allergy: bool,
    /// A Procedure.
    pub procedure: bool,
    /// An Observation of its own.
    pub observation: bool,
    /// A `MedicationStatement` of its own.
    pub statement: bool,
    /// The place of the event whose resource it is a component of: a blood pressure, a plan.
    pub part_of: Option<usize>,
    /// Why it is nothing of these.
    pub omitted: Option<Reason>,
    /// What its codes are certain to mean.
    pub known: Known,
}

impl Shape {
    /// Whether it becomes any resource of its own.
    pub(super) fn is_made(&self) -> bool {
        self.condition || self.allergy || self.procedure || self.observation || self.statement
    }

    /// Whether its codes mean this.
    pub(super) fn means(&self, meaning: Meaning) -> bool {
        self.known.meanings.has(meaning)
    }
}

/// The problem that an event defines, unless it was deleted at the source.
pub(super) fn is_problem(record: &Record, event: &Event) -> bool {
    record.problems.get(&event.id).is_some_and(|problem| !problem.deleted)
}

/// Decides for every event of a record, in its order.
pub(super) fn classify(record: &Record, graph: &Graph<'_>, view: View) -> Vec<Shape> {
    let events = &record.events;
    let mut shapes: Vec<Shape> = events
        .iter()
        .enumerate()
        .map(|(at, event)| if graph.is_first(at, event) { alone(record, graph, at, event, view) } else { unnamed() })
        .collect();
    fold_readings(events, graph, &mut shapes);
    drop_empty_groups(events, graph, &mut shapes);
    for shape in &mut shapes {
        let made = shape.is_made();
        shape.omitted = shape.omitted.filter(|_| !made && shape.part_of.is_none());
    }
    shapes
}

fn unnamed() -> Shape {
    Shape { omitted: Some(Reason::NoIdentity), ..Shape::default() }
}

/// What an event is by itself.
fn alone(record: &Record, graph: &Graph<'_>, at: usize, event: &Event, view: View) -> Shape {
    let drug = matches!(event.kind.as_str(), "MED" | "ISS");
    let mut known = event.code.as_ref().map(|code| codes::known(code, drug)).unwrap_or_default();
    let coded = event.code.as_ref().is_some_and(|code| code.code.is_some());
    known.meanings.join(codes::words(event.term.as_deref(), coded));
    let means = |meaning| known.meanings.has(meaning);
    let problem = is_problem(record, event);
    let mut shape = Shape { known, condition: problem, ..Shape::default() };
    let allergy = means(Meaning::Allergy) || means(Meaning::NoKnownAllergy);
    match event.kind.as_str() {
        "MED" => shape.statement = true,
        "ISS" => match plan_of(record, graph, event) {
            Some(plan) => shape.part_of = Some(plan),
            None => shape.statement = true,
        },
        "ALL" => shape.allergy = true,
        "VAL" | "INV" => {
            shape.observation = true;
            shape.allergy = allergy && (problem || event.kind == "VAL");
        }
        "OBS" => {
            if event.code.is_none() && !problem {
                shape.omitted = Some(Reason::Uncoded);
                return shape;
            }
            shape.allergy = allergy;
            shape.procedure = means(Meaning::Operation) && !means(Meaning::NotDone);
            let placed = allergy || shape.procedure || super::tags::place_observation(event, &shape, view).is_certain();
            let bare = event.value.is_none() && event.children.is_empty() && graph.parents(at).is_empty();
            let filed = bare && means(Meaning::FiledAsDiagnosis);
            shape.condition |= (means(Meaning::Diagnosis) || filed) && !allergy;
            // What no rule knows is what the view that brought it says it is.
            if !placed && !shape.condition && bare && !means(Meaning::NotDone) {
                shape.condition = view == View::Diagnosis;
                shape.procedure = view == View::Procedures;
            }
            shape.observation = !bare || !(shape.condition || shape.allergy || shape.procedure);
        }
        // Outside the Detailed Care Record, problem or not (CONTRACT section 2).
        kind if concept_map::row(Map::EventType, kind).is_some_and(|row| row.target().is_none()) => {
            shape.condition = false;
            shape.omitted = Some(Reason::OutsideRecord);
        }
        _ => {
            shape.allergy = problem && allergy;
            shape.omitted = Some(Reason::NotServed);
        }
    }
    shape
}

/// The plan that an issue is a component of: present, and of the same drug. An issue of another drug stands alone.
fn plan_of(record: &Record, graph: &Graph<'_>, issue: &Event) -> Option<usize> {
    let at = graph.event(issue.issue.as_ref()?.plan.as_deref()?)?;
    let plan = record.events.get(at).filter(|plan| plan.kind == "MED")?;
    same_drug(issue, plan).then_some(at)
}

fn same_drug(issue: &Event, plan: &Event) -> bool {
    let (Some(a), Some(b)) = (&issue.code, &plan.code) else {
        let mixture = |supply: Option<&crate::record::Supply>| supply.and_then(|s| s.mixture.clone());
        let issued = mixture(issue.issue.as_ref().map(|issue| &issue.supply));
        let planned = mixture(plan.medication.as_ref().map(|plan| &plan.supply));
        return issue.term == plan.term && (issued.is_none() || planned.is_none() || issued == planned);
    };
    let said = |code: &crate::record::Code| code.code.clone();
    if a.code.is_none() || b.code.is_none() {
        return a.display == b.display;
    }
    a.code == b.code
        || a.translations.iter().filter_map(said).any(|x| b.translations.iter().any(|y| said(y).as_ref() == Some(&x)))
}

/// Readings of a blood pressure become components of its group.
fn fold_readings(events: &[Event], graph: &Graph<'_>, shapes: &mut [Shape]) {
    for (at, event) in events.iter().enumerate() {
        let group = shapes.get(at).is_some_and(|shape| shape.observation && shape.means(Meaning::BloodPressure));
        if !group || !graph.is_first(at, event) {
            continue;
        }
        for child in event.children.iter().filter_map(|id| graph.event(id)).filter(|child| *child != at) {
            // A reading of another day is no part of this one.
            let same_day = |reading: &Event| {
                reading
                    .effective
                    .is_none_or(|date| event.effective.and_then(dates::first_day) == dates::first_day(date))
            };
            let leaf = events.get(child).is_some_and(|event| event.children.is_empty() && same_day(event));
            if let Some(shape) = shapes.get_mut(child)
                && leaf
                && shape.observation
                && (shape.means(Meaning::Systolic) || shape.means(Meaning::Diastolic))
            {
                shape.observation = false;
                shape.part_of = Some(at);
            }
        }
    }
}

/// A group without value and without a member that is made is not made either (CONTRACT section 7).
fn drop_empty_groups(events: &[Event], graph: &Graph<'_>, shapes: &mut [Shape]) {
    let mut alive: Vec<bool> = shapes
        .iter()
        .zip(events)
        .map(|(shape, event)| {
            let group = event.kind == "INV" && event.value.as_ref().and_then(super::quantity::said).is_none();
            (shape.observation && !group) || (shape.part_of.is_some() && event.kind != "ISS")
        })
        .collect();
    let mut news: Vec<usize> = alive.iter().enumerate().filter_map(|(at, alive)| alive.then_some(at)).collect();
    while let Some(at) = news.pop() {
        for parent in graph.parents(at) {
            if let Some(parent_alive) = alive.get_mut(*parent)
                && !*parent_alive
            {
                *parent_alive = true;
                news.push(*parent);
            }
        }
    }
    for (shape, alive) in shapes.iter_mut().zip(alive) {
        if shape.observation && !alive {
            shape.observation = false;
            shape.omitted = Some(Reason::Empty);
        }
    }
}
