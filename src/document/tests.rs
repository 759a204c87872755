use super::*;
use crate::ids::{NhsNumber, Sealer, Suffix};
use crate::release::{Exclusions, Held, HeldFacts, release};
use mig_fhir_model::{Resource, resources, types};

fn sealer() -> Sealer {
    Sealer::new(0, &[7; 64])
}

fn patient() -> NhsNumber {
    NhsNumber::parse("9990000018").expect("valid")
}

fn id(legacy: &str) -> LogicalId {
    sealer().seal(patient(), legacy, Suffix(0))
}

fn reference(to: String) -> types::Reference {
    types::Reference { reference: Some(to.into()), ..Default::default() }
}

fn condition(legacy: &str, onset: Option<&str>, tags: &[&'static str], recorder: Option<&str>) -> Held {
    let id_of = id(legacy);
    let resource = resources::Condition {
        id: Some(id_of.as_str().into()),
        code: Some(Box::new(types::CodeableConcept { text: Some(legacy.into()), ..Default::default() })),
        subject: Box::new(reference(format!("Patient/{}", sealer().seal_patient(patient())))),
        onset: onset.map(|onset| resources::ConditionOnset::DateTime(onset.into())),
        recorder: recorder.map(|recorder| Box::new(reference(format!("Practitioner/{}", id(recorder))))),
        ..Default::default()
    };
    let references = recorder.map(|recorder| (Kind::Practitioner, id(recorder))).into_iter().collect();
    held(Kind::Condition, id_of, Resource::Condition(Box::new(resource)), tags, references)
}

fn practitioner(legacy: &str) -> Held {
    let resource = resources::Practitioner {
        id: Some(id(legacy).as_str().into()),
        name: vec![types::HumanName { family: Some(legacy.into()), ..Default::default() }],
        ..Default::default()
    };
    held(Kind::Practitioner, id(legacy), Resource::Practitioner(Box::new(resource)), &[], Vec::new())
}

fn held(
    kind: Kind,
    id: LogicalId,
    resource: Resource,
    tags: &[&'static str],
    references: Vec<(Kind, LogicalId)>,
) -> Held {
    let facts = HeldFacts { tags: tags.to_vec(), with_problem: false, references, placed_in: Vec::new() };
    Held::new(kind, id, resource, facts)
}

fn released(held: Vec<Held>) -> Vec<Arc<Released>> {
    let exclusions = Exclusions::builtin().expect("the list");
    release(held, &exclusions, View::ALL, patient()).into_iter().map(Arc::new).collect()
}

fn find<'d>(document: &'d Document, code: &str) -> &'d Section {
    let all = document.sections.iter().flat_map(|section| [section].into_iter().chain(&section.sections));
    all.into_iter().find(|section| section.code == Some(code)).expect("a section")
}

fn terms(document: &Document, code: &str) -> Vec<LogicalId> {
    find(document, code).entries.iter().map(|(_, id)| id.clone()).collect()
}

#[test]
fn an_empty_record_has_every_section_and_each_says_that_this_proves_nothing() {
    let document = compose(&[], &[], &[]);
    assert_eq!(document.sections.len(), 10);
    let views: Vec<Option<&str>> = document.sections.iter().map(|section| section.code).collect();
    assert_eq!(views, View::ALL.iter().map(|view| Some(view.as_str())).collect::<Vec<_>>());
    for section in document.sections.iter().flat_map(|section| [section].into_iter().chain(&section.sections)) {
        assert_eq!(section.empty, Some(Empty::NoneShown), "{}", section.title);
        let text = section.text.as_deref().expect("a text");
        assert!(text.contains("<p>No entries are shown. This does not mean that none exist.</p>"), "{text}");
    }
    assert!(document.entries.is_empty() && document.subject.is_none() && document.practice.is_none());
}

#[test]
fn no_reason_of_emptiness_says_that_none_exist_or_that_something_is_withheld() {
    for empty in [Empty::NoneShown, Empty::OutsideAgreement] {
        assert!(!["nilknown", "withheld"].contains(&empty.code()));
    }
    assert_eq!(Empty::NoneShown.text(), "No entries are shown. This does not mean that none exist.");
}

#[test]
fn an_entry_stands_in_every_section_that_it_is_tagged_with_and_once_in_the_bundle() {
    let tags = ["Problems", "Problems.current", "Summary", "Summary.problems"];
    let document = compose(&released(vec![condition("a", None, &tags, Some("lee")), practitioner("lee")]), &[], &[]);
    assert_eq!(terms(&document, "Problems.current"), [id("a")]);
    assert_eq!(terms(&document, "Summary.problems"), [id("a")]);
    assert!(terms(&document, "Problems").is_empty(), "what a sub-section holds is not said twice");
    assert_eq!(
        find(&document, "Problems").empty,
        None,
        "a section with a sub-section that holds something is not empty"
    );
    assert_eq!(find(&document, "Problems.past").empty, Some(Empty::NoneShown));
    let names: Vec<_> = document.entries.iter().map(|entry| (entry.kind(), entry.id().clone())).collect();
    assert_eq!(names, [(Kind::Condition, id("a")), (Kind::Practitioner, id("lee"))]);
    assert!(find(&document, "Problems.current").text.as_deref().expect("a text").contains("<td>lee</td>"));
}

#[test]
fn what_only_its_view_is_known_of_stands_in_the_view_itself() {
    let document = compose(&released(vec![condition("a", None, &["Diagnosis"], None)]), &[], &[]);
    assert_eq!(terms(&document, "Diagnosis"), [id("a")]);
    assert!(find(&document, "Diagnosis").text.as_deref().expect("a text").contains("<table>"));
    assert_eq!(document.sections.len(), 10);
}

#[test]
fn what_belongs_to_no_section_of_the_agreement_is_not_lost() {
    let pool = released(vec![condition("a", None, &["Problems", "Problems.past"], None)]);
    let document = compose(&pool, &[View::Problems], &[]);
    assert_eq!(find(&document, "Problems").empty, Some(Empty::OutsideAgreement));
    assert!(find(&document, "Problems").sections.is_empty() && find(&document, "Problems").entries.is_empty());
    let last = document.sections.last().expect("a section");
    assert_eq!((last.code, last.entries.len()), (None, 1));
    assert_eq!(document.entries.len(), 1);
}

#[test]
fn the_newest_comes_first_and_the_undated_last() {
    let tags = ["Problems", "Problems.past"];
    let all = [("old", Some("1999")), ("undated", None), ("new", Some("2024-05-01")), ("middle", Some("2010-06"))];
    let pool = released(all.iter().map(|(name, onset)| condition(name, *onset, &tags, None)).collect());
    let document = compose(&pool, &[], &[]);
    assert_eq!(terms(&document, "Problems.past"), ["new", "middle", "old", "undated"].map(id));
    let again = compose(&pool, &[], &[]);
    assert_eq!(again.sections[2].sections[1].text, document.sections[2].sections[1].text);
}

#[test]
fn a_type_that_the_agreement_does_not_cover_is_in_no_section() {
    let pool = released(vec![condition("a", None, &["Problems", "Problems.past"], None)]);
    let document = compose(&pool, &[], &[Kind::Condition]);
    assert!(document.entries.is_empty());
    assert_eq!(find(&document, "Problems.past").empty, Some(Empty::NoneShown));
}
