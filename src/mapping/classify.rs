//! Which resources each entry becomes, decided for the whole record before any is built, so that nothing is referred to
//! that is not made.

use super::codes::{self, Scheme};
use super::concept_map::{self, Map};
use super::dates;
use super::graph::Graph;
use super::rules::{Known, Meaning};
use crate::kinds::View;
use crate::record::{Code, Event, Reason, Record};

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
    /// A `MedicationRequest`.
    pub prescription: bool,
    /// An Immunization.
    pub immunization: bool,
    /// A Flag.
    pub flag: bool,
    /// A `ServiceRequest`.
    pub referral: bool,
    /// An Encounter: a stay in hospital.
    pub stay: bool,
    /// A `DiagnosticReport`.
    pub report: bool,
    /// The place of the event whose resource it is a component of: a blood pressure.
    pub part_of: Option<usize>,
    /// Why it is nothing of these.
    pub omitted: Option<Reason>,
    /// What its codes are certain to mean.
    pub known: Known,
}

impl Shape {
    /// Whether it becomes any resource of its own.
    pub(super) fn is_made(&self) -> bool {
        self.condition
            || self.allergy
            || self.procedure
            || self.observation
            || self.prescription
            || self.immunization
            || self.flag
            || self.referral
            || self.stay
            || self.report
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
        "MED" => (shape.prescription, shape.statement) = (true, true),
        // What is taken is told by the plan; an issue tells of it only where no plan of the same drug does.
        "ISS" => (shape.prescription, shape.statement) = (true, plan_of(record, graph, event).is_none()),
        "ALL" => shape.allergy = true,
        "ALT" => (shape.flag, shape.allergy) = (true, allergy),
        "IMM" => (shape.immunization, shape.allergy) = (true, problem && allergy),
        "REP" => (shape.report, shape.allergy) = (true, problem && allergy),
        "REF" => {
            shape.referral = event.code.is_some() || problem;
            shape.allergy = problem && allergy;
            shape.omitted = Some(Reason::Uncoded);
        }
        "VAL" | "INV" => {
            (shape.stay, shape.referral) = admission(graph, at, event, &shape);
            shape.observation = !shape.stay && !shape.referral;
            shape.allergy = allergy && (problem || event.kind == "VAL");
            shape.flag = event.kind == "VAL" && means(Meaning::Contraindication);
        }
        "OBS" => {
            if event.code.is_none() && !problem {
                shape.omitted = Some(Reason::Uncoded);
                return shape;
            }
            shape.allergy = allergy;
            shape.procedure = means(Meaning::Operation) && !means(Meaning::NotDone);
            shape.flag = means(Meaning::Contraindication);
            (shape.stay, shape.referral) = admission(graph, at, event, &shape);
            let placed = allergy || shape.procedure || super::tags::place_observation(event, &shape, view).is_certain();
            let bare = is_bare(graph, at, event);
            let filed = bare && means(Meaning::FiledAsDiagnosis);
            shape.condition |= (means(Meaning::Diagnosis) || filed) && !allergy;
            // What no rule knows is what the view that brought it says it is; but a local code, or words alone, among the
            // diagnoses are no diagnosis for that.
            if !placed && !shape.condition && bare && !means(Meaning::NotDone) {
                shape.condition = view == View::Diagnosis && event.code.as_ref().is_some_and(is_clinical);
                shape.procedure = view == View::Procedures;
            }
            let told = shape.condition || shape.allergy || shape.procedure || shape.flag || shape.referral;
            shape.observation = !(shape.stay || bare && told);
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

/// A concept of a clinical terminology, by its code or a translation.
fn is_clinical(code: &Code) -> bool {
    let mut all = std::iter::once(code).chain(&code.translations);
    all.any(|code| matches!(codes::scheme(code, false), Some((Scheme::Snomed | Scheme::Ctv3, _))))
}

/// Nothing but a code: no value, no members, member of nothing.
fn is_bare(graph: &Graph<'_>, at: usize, event: &Event) -> bool {
    event.value.is_none() && event.children.is_empty() && graph.parents(at).is_empty()
}

/// Whether a code of admission is a stay, or the request for one. A code alone is a note that somebody was to be admitted;
/// a stay it is only where its dates say so.
fn admission(graph: &Graph<'_>, at: usize, event: &Event, shape: &Shape) -> (bool, bool) {
    if !shape.means(Meaning::Admission) || !event.children.is_empty() || !graph.parents(at).is_empty() {
        return (false, false);
    }
    let stay = super::encounter::days(event).is_some() && !graph.is_encounter(&event.id);
    (stay, event.value.is_none())
}

/// The plan that tells of an issue: present, and of the same drug. An issue of another drug stands alone.
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

/// A report or group without value and without a member that is made is not made either (CONTRACT section 7).
fn drop_empty_groups(events: &[Event], graph: &Graph<'_>, shapes: &mut [Shape]) {
    let mut alive: Vec<bool> = shapes
        .iter()
        .zip(events)
        .map(|(shape, event)| {
            let group = event.kind == "INV" && event.value.as_ref().and_then(super::quantity::said).is_none();
            (shape.observation && !group) || shape.part_of.is_some()
        })
        .collect();
    let mut news: Vec<usize> = alive.iter().enumerate().filter_map(|(at, alive)| alive.then_some(at)).collect();
    // A report may say something itself, but is no member of a group.
    for ((alive, shape), event) in alive.iter_mut().zip(shapes.iter()).zip(events) {
        *alive |= shape.report && event.value.as_ref().and_then(super::quantity::said).is_some();
    }
    while let Some(at) = news.pop() {
        for parent in graph.parents(at) {
            if let Some(parent_alive) = alive.get_mut(*parent)
                && !*parent_alive
            {
                *parent_alive = true;
                if shapes.get(*parent).is_some_and(|shape| shape.observation) {
                    news.push(*parent);
                }
            }
        }
    }
    for (shape, alive) in shapes.iter_mut().zip(alive) {
        if (shape.observation || shape.report) && !alive {
            (shape.observation, shape.report) = (false, false);
            shape.omitted = Some(Reason::Empty);
        }
    }
}
