//! The sections: the code system of views as checked in, read once. A further sub-section is a further concept there.

use crate::kinds::View;
use serde::Deserialize;
use std::sync::LazyLock;

const VIEWS: &str = include_str!("../../profiles/terminology/CodeSystem-view.json");

/// A view with its sub-sections.
#[derive(Clone)]
pub(super) struct Outline {
    pub code: &'static str,
    pub title: &'static str,
    pub parts: Vec<Part>,
}

/// A sub-section.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub code: &'static str,
    pub title: &'static str,
}

#[derive(Deserialize)]
struct CodeSystem<'a> {
    #[serde(borrow)]
    concept: Vec<Concept<'a>>,
}

#[derive(Deserialize)]
struct Concept<'a> {
    code: &'a str,
    display: &'a str,
}

static CONCEPTS: LazyLock<Vec<Concept<'static>>> = LazyLock::new(|| {
    // Checked in and tested; were it unreadable, the sections would have their codes as titles and no sub-sections.
    serde_json::from_str::<CodeSystem<'static>>(VIEWS).map(|system| system.concept).unwrap_or_default()
});

static OUTLINES: LazyLock<Vec<(View, Outline)>> =
    LazyLock::new(|| View::ALL.iter().map(|view| (*view, outline(*view))).collect());

fn outline(view: View) -> Outline {
    let code = view.as_str();
    let title = CONCEPTS.iter().find(|concept| concept.code == code).map_or(code, |concept| concept.display);
    let is_part = |concept: &&Concept| concept.code.split_once('.').is_some_and(|(view, _)| view == code);
    let parts = CONCEPTS.iter().filter(is_part).map(|part| Part { code: part.code, title: part.display }).collect();
    Outline { code, title, parts }
}

/// The section of a view.
pub(super) fn of(view: View) -> &'static Outline {
    static BLANK: Outline = Outline { code: "", title: "", parts: Vec::new() };
    OUTLINES.iter().find(|(known, _)| *known == view).map_or(&BLANK, |(_, outline)| outline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_concept_is_a_view_or_a_sub_section_of_one() {
        assert!(!CONCEPTS.is_empty());
        for concept in CONCEPTS.iter() {
            let view = concept.code.split('.').next().expect("a word");
            assert!(View::parse(view).is_some(), "{}", concept.code);
        }
        for view in View::ALL {
            assert!(CONCEPTS.iter().any(|concept| concept.code == view.as_str()), "{view}");
        }
        let parts: usize = View::ALL.iter().map(|view| of(*view).parts.len()).sum();
        assert_eq!(parts + View::ALL.len(), CONCEPTS.len(), "each is a section");
    }

    #[test]
    fn the_sub_sections_are_those_of_clause_5_2_1() {
        let codes = |view: View| -> Vec<&str> {
            of(view).parts.iter().filter_map(|part| part.code.split_once('.')).map(|(_, part)| part).collect()
        };
        assert_eq!(codes(View::Problems), ["current", "past"]);
        assert_eq!(codes(View::Medication), ["current", "past", "issues"]);
        assert_eq!(codes(View::RisksAndWarnings), ["allergies", "contraindications"]);
        assert_eq!(codes(View::Procedures), ["operations", "immunisations"]);
        assert_eq!(codes(View::Investigations).len(), 10);
        assert_eq!(codes(View::Events), ["encounters", "admissions", "referrals"]);
        assert_eq!(codes(View::Summary), ["problems", "medication", "allergies", "tests"]);
        assert!(codes(View::PatientDetails).is_empty());
    }
}
