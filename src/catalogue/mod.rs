//! One row per FHIR type: its views, its profile, what it can be searched by.
//!
//! Data, and the choice of views that follows from it (CONTRACT section 2). Routes, search, CapabilityStatement and
//! OpenAPI derive from the rows; a further type is a further row. Decides nothing about callers.

mod elements;
mod kept;
mod parameters;
mod rows;
#[cfg(test)]
mod search_tests;

pub use kept::{KEPT, Kept, KeptInteraction, PUBLIC};

use crate::kinds::{Kind, View};
use crate::search::{Include, Parameter, Table};

/// What the service knows of one type of the record.
#[derive(Debug)]
pub struct Row {
    /// The type.
    pub kind: Kind,
    /// The views that hold it. At least one must be agreed.
    pub own: &'static [View],
    /// Views that are asked too, where agreed.
    pub consulted: &'static [View],
    /// Views of other types that bring some of it. `$everything` shows it, so a read asks them too, where agreed; a search
    /// does not.
    pub also_read: &'static [View],
    /// Whether the Summary stands in where none of its own is agreed.
    pub summary_serves: bool,
    /// The profile that its resources are built to.
    pub profile: Option<&'static str>,
    /// What it can be searched by, beside what every type has. Empty: it cannot be searched, only read.
    pub parameters: &'static [Parameter],
    /// What a search of it can include.
    pub includes: &'static [Include],
    /// For people.
    pub documentation: &'static str,
}

impl Row {
    /// Whether it can be searched: all but what exists only because something refers to it.
    #[must_use]
    pub fn is_searchable(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// The word for it in a SMART scope.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        self.kind.as_str()
    }

    /// What `search` needs of it.
    #[must_use]
    pub fn table(&self) -> Table {
        Table { parameters: self.parameters, includes: self.includes, elements: elements::of(self.kind) }
    }
}

/// The row of a type.
#[must_use]
pub fn row(kind: Kind) -> &'static Row {
    match kind {
        Kind::Patient => &rows::PATIENT,
        Kind::Condition => &rows::CONDITION,
        Kind::MedicationStatement => &rows::MEDICATION_STATEMENT,
        Kind::MedicationRequest => &rows::MEDICATION_REQUEST,
        Kind::AllergyIntolerance => &rows::ALLERGY_INTOLERANCE,
        Kind::Flag => &rows::FLAG,
        Kind::Observation => &rows::OBSERVATION,
        Kind::DiagnosticReport => &rows::DIAGNOSTIC_REPORT,
        Kind::Procedure => &rows::PROCEDURE,
        Kind::Immunization => &rows::IMMUNIZATION,
        Kind::Encounter => &rows::ENCOUNTER,
        Kind::ServiceRequest => &rows::SERVICE_REQUEST,
        Kind::Practitioner => &rows::PRACTITIONER,
        Kind::PractitionerRole => &rows::PRACTITIONER_ROLE,
        Kind::Organization => &rows::ORGANIZATION,
        Kind::Location => &rows::LOCATION,
        Kind::Specimen => &rows::SPECIMEN,
    }
}

/// The search tables of a type.
#[must_use]
pub fn table(kind: Kind) -> Table {
    row(kind).table()
}

/// Which views answer a request under an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The views to fetch.
    pub fetch: Vec<View>,
    /// Whether a type is served by the Summary alone: a warning says so.
    pub only_summary: bool,
    /// Views that hold what was asked for and are outside the agreement: a warning names them.
    pub outside_agreement: Vec<View>,
    /// Types that the agreement does not cover, and that an `$everything` therefore leaves out.
    pub left_out: Vec<Kind>,
}

/// The plan for one type; `None` when the agreement covers none of what holds it (403).
#[must_use]
pub fn plan(kind: Kind, agreed: &[View]) -> Option<Plan> {
    plan_all(&[kind], agreed)
}

/// The plan for several types at once; `None` when none of them is covered.
///
/// Types that are only referred to come in the same views as what refers to them, so that beside others they ask for
/// none; alone they are asked of every view.
#[must_use]
pub fn plan_all(kinds: &[Kind], agreed: &[View]) -> Option<Plan> {
    let kinds = leading(kinds);
    let mut fetch = Vec::new();
    let mut held_by = Vec::new();
    let mut plan = Plan { fetch: Vec::new(), only_summary: false, outside_agreement: Vec::new(), left_out: Vec::new() };
    for kind in &kinds {
        let row = row(*kind);
        held_by.extend(row.own.iter().chain(row.consulted));
        let covered = row.own.iter().any(|view| agreed.contains(view));
        if covered {
            fetch.extend(row.own.iter().chain(row.consulted));
        } else if row.summary_serves && agreed.contains(&View::Summary) {
            plan.only_summary = true;
            fetch.push(View::Summary);
            fetch.extend(row.consulted);
        } else {
            plan.left_out.push(*kind);
        }
    }
    if plan.left_out.len() == kinds.len() {
        return None;
    }
    plan.fetch = in_order(&fetch, |view| agreed.contains(&view));
    plan.outside_agreement = in_order(&held_by, |view| !agreed.contains(&view));
    Some(plan)
}

/// Every view that could serve these types, were it agreed.
#[must_use]
pub fn wanted(kinds: &[Kind]) -> Vec<View> {
    let mut views = required(kinds);
    for kind in leading(kinds) {
        views.extend(row(kind).consulted);
    }
    in_order(&views, |_| true)
}

/// Views of which at least one must be agreed.
#[must_use]
pub fn required(kinds: &[Kind]) -> Vec<View> {
    let mut views = Vec::new();
    for kind in leading(kinds) {
        let row = row(kind);
        views.extend(row.own);
        views.extend(row.summary_serves.then_some(View::Summary));
    }
    in_order(&views, |_| true)
}

/// The types that choose the views.
fn leading(kinds: &[Kind]) -> Vec<Kind> {
    let leading: Vec<Kind> = kinds.iter().copied().filter(|kind| !kind.is_referred_to()).collect();
    if leading.is_empty() { kinds.to_vec() } else { leading }
}

/// Summary last: of an entry that two views brought the first is shown, and Summary holds a plan without its issues.
fn in_order(views: &[View], keep: impl Fn(View) -> bool) -> Vec<View> {
    let mut ordered: Vec<View> = View::ALL.iter().copied().filter(|view| views.contains(view) && keep(*view)).collect();
    ordered.sort_by_key(|view| *view == View::Summary);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{COMMON, ROOT, Use};

    #[test]
    fn the_views_of_each_type_are_those_of_the_contract() {
        use View::{
            Diagnosis, Events, Examination, Investigations, Medication, PatientDetails, Problems, Procedures,
            RisksAndWarnings,
        };
        let table: [(Kind, &[View], &[View], bool); 12] = [
            (Kind::Patient, &[PatientDetails], &[], false),
            (Kind::Condition, &[Problems, Diagnosis], &[], true),
            (Kind::MedicationStatement, &[Medication], &[], true),
            (Kind::MedicationRequest, &[Medication], &[], true),
            (Kind::AllergyIntolerance, &[RisksAndWarnings], &[Problems, Diagnosis], true),
            (Kind::Flag, &[RisksAndWarnings], &[], false),
            (Kind::Observation, &[Investigations, Examination], &[], true),
            (Kind::DiagnosticReport, &[Investigations], &[], true),
            (Kind::Procedure, &[Procedures], &[], false),
            (Kind::Immunization, &[Procedures], &[], false),
            (Kind::Encounter, &[Events], &[], false),
            (Kind::ServiceRequest, &[Events], &[], false),
        ];
        for (kind, own, consulted, summary) in table {
            let row = row(kind);
            assert_eq!((row.kind, row.own, row.consulted, row.summary_serves), (kind, own, consulted, summary));
        }
        for kind in Kind::ALL.iter().filter(|kind| kind.is_referred_to()) {
            assert_eq!(row(*kind).own, View::ALL, "{kind}");
            assert!(!row(*kind).is_searchable(), "{kind}");
        }
    }

    #[test]
    fn own_and_consulted_views_are_fetched_where_agreed() {
        let plan = plan(Kind::AllergyIntolerance, &[View::RisksAndWarnings, View::Diagnosis]).expect("covered");
        assert_eq!(plan.fetch, [View::Diagnosis, View::RisksAndWarnings]);
        assert_eq!(plan.outside_agreement, [View::Problems]);
        assert!(!plan.only_summary);
    }

    #[test]
    fn the_summary_stands_in_where_none_of_a_types_own_views_is_agreed() {
        let summary = [View::Summary];
        let served = [
            Kind::Condition,
            Kind::MedicationStatement,
            Kind::MedicationRequest,
            Kind::AllergyIntolerance,
            Kind::Observation,
            Kind::DiagnosticReport,
        ];
        for kind in served {
            let plan = plan(kind, &summary).expect("covered");
            assert_eq!((plan.fetch.as_slice(), plan.only_summary), (summary.as_slice(), true), "{kind}");
        }
        for kind in
            [Kind::Patient, Kind::Flag, Kind::Procedure, Kind::Immunization, Kind::Encounter, Kind::ServiceRequest]
        {
            assert_eq!(plan(kind, &summary), None, "{kind}");
        }
        let both = plan(Kind::Condition, &[View::Summary, View::Problems]).expect("covered");
        assert_eq!((both.fetch, both.only_summary), (vec![View::Problems], false));
    }

    #[test]
    fn a_consulted_view_alone_does_not_cover_a_type() {
        assert_eq!(plan(Kind::AllergyIntolerance, &[View::Problems]), None);
        assert_eq!(plan(Kind::Condition, &[]), None);
    }

    #[test]
    fn everything_leaves_out_what_the_agreement_does_not_cover() {
        let plan = plan_all(Kind::ALL, &[View::PatientDetails, View::Summary]).expect("covered");
        assert_eq!(plan.fetch, [View::PatientDetails, View::Summary]);
        assert_eq!(
            plan.left_out,
            [Kind::Flag, Kind::Procedure, Kind::Immunization, Kind::Encounter, Kind::ServiceRequest]
        );
        assert!(plan.only_summary);
        assert!(plan_all(Kind::ALL, View::ALL).is_some_and(|plan| plan.left_out.is_empty()));
    }

    #[test]
    fn what_is_only_referred_to_is_asked_of_every_view_alone_and_of_none_beside_others() {
        let every = wanted(&[Kind::Practitioner]);
        assert!(View::ALL.iter().all(|view| every.contains(view)) && every.last() == Some(&View::Summary));
        assert_eq!(wanted(&[Kind::Condition, Kind::Practitioner]), [View::Problems, View::Diagnosis, View::Summary]);
        assert_eq!(required(&[Kind::AllergyIntolerance]), [View::RisksAndWarnings, View::Summary]);
        assert_eq!(plan(Kind::Location, &[View::Events]).expect("covered").fetch, [View::Events]);
    }

    #[test]
    fn every_parameter_has_a_definition_and_every_table_names_the_patient() {
        for kind in Kind::ALL {
            let row = row(*kind);
            let mut names = std::collections::BTreeSet::new();
            for parameter in row.parameters {
                assert!(names.insert(parameter.name), "{kind} {} twice", parameter.name);
                let chained = parameter.name.contains('.');
                assert_eq!(parameter.definition.is_empty(), chained, "{kind} {}", parameter.name);
                let read = !parameter.paths.is_empty();
                assert_eq!(read, parameter.usage == Use::Filter, "{kind} {}", parameter.name);
            }
            if row.is_searchable() {
                let names_patient = |parameter: &Parameter| parameter.usage == Use::PatientIdentifier;
                assert!(row.parameters.iter().any(names_patient), "{kind}");
            }
            assert!(row.includes.iter().all(|include| include.targets.iter().all(|kind| kind.is_referred_to())));
        }
        assert!(COMMON.iter().any(|parameter| parameter.name == "_tag"));
    }

    #[test]
    fn what_a_search_reads_or_follows_is_an_element_of_its_type() {
        for kind in Kind::ALL {
            let table = table(*kind);
            let mut names = std::collections::BTreeSet::new();
            for element in ROOT.iter().chain(table.elements) {
                assert!(names.insert(element.name), "{kind} {} twice", element.name);
            }
            let known = |path: &str| {
                let member = path.split('.').next().expect("a name");
                let of_type = |stem: &str| member.strip_prefix(stem).is_some_and(|of_type| !of_type.is_empty());
                names.iter().any(|name| *name == member || name.strip_suffix("[x]").is_some_and(of_type))
            };
            let read = table.parameters.iter().flat_map(|parameter| parameter.paths);
            let followed =
                table.includes.iter().filter(|include| include.source == *kind).flat_map(|include| include.paths);
            for path in read.chain(followed) {
                assert!(known(path), "{kind} {path}");
            }
        }
    }

    #[test]
    fn a_search_can_be_sorted_where_it_has_dates_and_every_type_but_patient_has() {
        for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to()) {
            let sorts = table(*kind).offered().any(|parameter| parameter.usage == Use::Sort);
            assert_eq!(sorts, table(*kind).sorts().next().is_some(), "{kind}");
            assert_eq!(sorts, *kind != Kind::Patient, "{kind}");
        }
    }
}
