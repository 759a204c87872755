//! Where an entry belongs in the Detailed Care Record: the view and sub-section tags, computed from the entry alone, so
//! that they are the same on every route. What the rules cannot place keeps the view that brought it.

use super::classify::Shape;
use super::rules::{Fact, Group, Meaning, rules};
use crate::kinds::View;
use crate::record::Event;

/// The tags of a resource and the views that it is certain to belong to.
#[derive(Default, Clone)]
pub(super) struct Place {
    /// Codes of the code system of views.
    pub tags: Vec<&'static str>,
    /// Empty when the rules cannot place it.
    pub views: Vec<View>,
}

impl Place {
    /// What the data compute from what is certain.
    pub(super) fn of(facts: impl IntoIterator<Item = Fact>) -> Self {
        facts.into_iter().fold(Self::default(), Self::and)
    }

    /// The same with one more certainty.
    pub(super) fn and(mut self, fact: Fact) -> Self {
        for (view, code) in rules().sections(fact) {
            self = self.with(*view, Some(code));
        }
        self
    }

    /// A view with certainty, and a part of it.
    pub(super) fn with(mut self, view: View, section: Option<&'static str>) -> Self {
        if !self.views.contains(&view) {
            self.views.push(view);
            self.tags.push(view.as_str());
        }
        self.tags.extend(section.filter(|section| !self.tags.contains(section)));
        self
    }

    /// Whether a rule placed it.
    pub(super) fn is_certain(&self) -> bool {
        !self.views.is_empty()
    }

    /// The view that brought it, where no rule placed it.
    fn or_as_brought(mut self, view: View) -> Self {
        if !self.is_certain() {
            self.tags = vec![view.as_str()];
        }
        self
    }
}

/// A problem or a diagnosis. `current` is absent when it is no problem.
pub(super) fn place_condition(current: Option<bool>, diagnosis: bool, brought: View) -> Place {
    let facts = match (current, diagnosis) {
        (Some(true), true) => &[Fact::CurrentProblem, Fact::CurrentDiagnosis][..],
        (Some(true), false) => &[Fact::CurrentProblem],
        (Some(false), true) => &[Fact::PastProblem, Fact::PastDiagnosis],
        (Some(false), false) => &[Fact::PastProblem],
        (None, true) => &[Fact::Diagnosis],
        (None, false) => &[],
    };
    Place::of(facts.iter().copied()).or_as_brought(brought)
}

/// A plan: current, past, or neither with certainty.
pub(super) fn place_plan(current: Option<bool>) -> Place {
    Place::of([match current {
        Some(true) => Fact::CurrentPlan,
        Some(false) => Fact::PastPlan,
        None => Fact::Plan,
    }])
}

/// An issue.
pub(super) fn place_issue() -> Place {
    Place::of([Fact::Issue])
}

/// An allergy.
pub(super) fn place_allergy() -> Place {
    Place::of([Fact::Allergy])
}

/// A procedure: an operation with certainty, or what the view said.
pub(super) fn place_procedure(operation: bool, brought: View) -> Place {
    Place::of(operation.then_some(Fact::Operation)).or_as_brought(brought)
}

/// An immunisation, given or not.
pub(super) fn place_immunization() -> Place {
    Place::of([Fact::Immunisation])
}

/// A contraindication, or an alert of another kind.
pub(super) fn place_flag(contraindication: bool) -> Place {
    Place::of([if contraindication { Fact::Contraindication } else { Fact::Alert }])
}

/// An encounter.
pub(super) fn place_encounter() -> Place {
    Place::of([Fact::Encounter])
}

/// A stay in hospital.
pub(super) fn place_stay() -> Place {
    Place::of([Fact::Admission])
}

/// A referral, for admission or for anything else.
pub(super) fn place_referral(admission: bool) -> Place {
    Place::of([if admission { Fact::Admission } else { Fact::Referral }])
}

/// A report, before it is known to be recent.
pub(super) fn place_report(group: Option<Group>) -> Place {
    Place::of([Fact::from(group.unwrap_or(Group::Other))])
}

/// An observation, before it is known to be recent.
pub(super) fn place_observation(event: &Event, shape: &Shape, brought: View) -> Place {
    let pressure = [Meaning::BloodPressure, Meaning::Systolic, Meaning::Diastolic].iter().any(|m| shape.means(*m));
    let fact = if pressure {
        Some(Fact::BloodPressure)
    } else if shape.means(Meaning::Contraindication) {
        Some(Fact::Contraindication)
    } else if shape.means(Meaning::Admission) {
        Some(Fact::Admission)
    } else {
        group(event, shape).map(Fact::from)
    };
    Place::of(fact).or_as_brought(brought)
}

/// The same for a test of the last months.
pub(super) fn recent(place: Place) -> Place {
    if place.views.contains(&View::Investigations) { place.and(Fact::RecentTest) } else { place }
}

/// The investigation group. Examination holds blood pressures alone, so that a measurement whose code is known not to be
/// one counts as another test.
pub(super) fn group(event: &Event, shape: &Shape) -> Option<Group> {
    let measured = event.value.is_some() || !event.children.is_empty() || matches!(event.kind.as_str(), "VAL" | "INV");
    let judged = shape.known.is_read || shape.means(Meaning::VitalSign);
    shape.known.group.or((measured && judged).then_some(Group::Other))
}
