//! Where an entry belongs in the Detailed Care Record: the view and sub-section tags, computed from the entry alone, so
//! that they are the same on every route. What the rules cannot place keeps the view that brought it.

use super::classify::Shape;
use super::rules::{Group, Meaning};
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
    /// A view with certainty, and a sub-section of it.
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
    let mut place = Place::default();
    match current {
        Some(true) => {
            place = place.with(View::Problems, Some("Problems.current")).with(View::Summary, Some("Summary.problems"));
        }
        Some(false) => place = place.with(View::Problems, Some("Problems.past")),
        None => {}
    }
    if diagnosis {
        let section = current.map(|current| if current { "Diagnosis.current" } else { "Diagnosis.past" });
        place = place.with(View::Diagnosis, section);
    }
    place.or_as_brought(brought)
}

/// A plan: current, past, or neither with certainty.
pub(super) fn place_plan(current: Option<bool>) -> Place {
    match current {
        Some(true) => Place::default()
            .with(View::Medication, Some("Medication.current"))
            .with(View::Summary, Some("Summary.medication")),
        Some(false) => Place::default().with(View::Medication, Some("Medication.past")),
        None => Place::default().with(View::Medication, None),
    }
}

/// An issue.
pub(super) fn place_issue() -> Place {
    Place::default().with(View::Medication, Some("Medication.issues"))
}

/// An allergy.
pub(super) fn place_allergy() -> Place {
    Place::default()
        .with(View::RisksAndWarnings, Some("RisksAndWarnings.allergies"))
        .with(View::Summary, Some("Summary.allergies"))
}

/// A procedure: an operation with certainty, or what the view said.
pub(super) fn place_procedure(operation: bool, brought: View) -> Place {
    if operation {
        return Place::default().with(View::Procedures, Some("Procedures.operations"));
    }
    Place::default().or_as_brought(brought)
}

/// An immunisation, given or not.
pub(super) fn place_immunization() -> Place {
    Place::default().with(View::Procedures, Some("Procedures.immunisations"))
}

/// A contraindication, or an alert of another kind.
pub(super) fn place_flag(contraindication: bool) -> Place {
    let section = contraindication.then_some("RisksAndWarnings.contraindications");
    Place::default().with(View::RisksAndWarnings, section)
}

/// An encounter.
pub(super) fn place_encounter() -> Place {
    Place::default().with(View::Events, Some("Events.encounters"))
}

/// A stay in hospital.
pub(super) fn place_stay() -> Place {
    Place::default().with(View::Events, Some("Events.admissions"))
}

/// A referral, for admission or for anything else.
pub(super) fn place_referral(admission: bool) -> Place {
    Place::default().with(View::Events, Some(if admission { "Events.admissions" } else { "Events.referrals" }))
}

/// A report, before it is known to be recent.
pub(super) fn place_report(group: Option<Group>) -> Place {
    Place::default().with(View::Investigations, Some(section(group.unwrap_or(Group::Other))))
}

/// An observation, before it is known to be recent.
pub(super) fn place_observation(event: &Event, shape: &Shape, brought: View) -> Place {
    let pressure = [Meaning::BloodPressure, Meaning::Systolic, Meaning::Diastolic].iter().any(|m| shape.means(*m));
    let place = if pressure {
        Place::default().with(View::Examination, Some("Examination.bloodPressures"))
    } else if shape.means(Meaning::Contraindication) {
        Place::default().with(View::RisksAndWarnings, Some("RisksAndWarnings.contraindications"))
    } else if shape.means(Meaning::Admission) {
        Place::default().with(View::Events, Some("Events.admissions"))
    } else if let Some(group) = group(event, shape) {
        Place::default().with(View::Investigations, Some(section(group)))
    } else {
        Place::default()
    };
    place.or_as_brought(brought)
}

/// The same for a test of the last months.
pub(super) fn recent(place: Place) -> Place {
    if !place.views.contains(&View::Investigations) {
        return place;
    }
    place.with(View::Investigations, Some("Investigations.recent")).with(View::Summary, Some("Summary.tests"))
}

/// The investigation group. Examination holds blood pressures alone, so that a measurement whose code is known not to be
/// one counts as another test.
pub(super) fn group(event: &Event, shape: &Shape) -> Option<Group> {
    let measured =
        matches!(event.kind.as_str(), "VAL" | "INV") && (shape.known.is_read || shape.means(Meaning::VitalSign));
    shape.known.group.or(measured.then_some(Group::Other))
}

const fn section(group: Group) -> &'static str {
    match group {
        Group::Biochemistry => "Investigations.biochemistry",
        Group::Ecg => "Investigations.ecg",
        Group::Haematology => "Investigations.haematology",
        Group::Imaging => "Investigations.imaging",
        Group::Microbiology => "Investigations.microbiology",
        Group::Cytology => "Investigations.cytology",
        Group::Physiology => "Investigations.physiology",
        Group::Urinalysis => "Investigations.urinalysis",
        Group::Other => "Investigations.other",
    }
}
