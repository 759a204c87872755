//! The list against the published vectors, and against damage.

use super::*;

const READ: Option<&str> = Some("2.16.840.1.113883.2.1.6.2");
const CTV3: Option<&str> = Some("2.16.840.1.113883.2.1.3.2.4.14");
const SNOMED: Option<&str> = Some("2.16.840.1.113883.2.1.3.2.4.15");

fn list() -> Exclusions {
    Exclusions::builtin().expect("the list of this build")
}

#[test]
fn the_published_vectors_hold() {
    let list = list();
    for code in
        ["A541.", "A541", "A541.00", "A5416", "A541z00", "E2260", "7E07011", "A7040", "ZV02B00", "K2144", "A541-1"]
    {
        assert!(list.excludes_coding(READ, code), "{code} is on the list");
    }
    for code in [
        "A54..", "A542.", "A54z.11", "e225.", "7E08800", "A704.", "ZV02.", "65Q1.", "a541.", ".....", "", "EMISNQ1",
        "A",
    ] {
        assert!(!list.excludes_coding(READ, code), "{code} is not on the list");
    }
    assert!(list.excludes_coding(CTV3, "XE0xc"));
    assert!(!list.excludes_coding(CTV3, "XE0vs"));
    assert!(list.excludes_coding(CTV3, "L05"), "padded with dots");
    assert!(!list.excludes_coding(CTV3, "L051."), "a prefix says nothing in this terminology");
    assert!(list.excludes_coding(SNOMED, "62479008"));
    assert!(!list.excludes_coding(SNOMED, "38341003"));
    assert!(list.excludes_coding(READ, "^ESCTHS799053"));
    assert!(!list.excludes_coding(READ, "^ESCTHS799054"));
}

#[test]
fn codes_are_compared_within_their_own_system_only() {
    let list = list();
    for system in ["2.16.840.1.113883.2.1.6.1", "http://loinc.org", "EMISPREPARATION", "MULTILEX"] {
        assert!(!list.excludes_coding(Some(system), "A788."), "{system}");
        assert!(!list.excludes_coding(Some(system), "62479008"), "{system}");
    }
    assert!(!list.excludes_coding(READ, "62479008"));
    assert!(!list.excludes_coding(READ, "XE0xc"));
    assert!(list.excludes_coding(None, "62479008"), "an identifier without a system has only one home");
}

#[test]
fn a_rubric_is_matched_by_equality_in_any_spelling() {
    let list = list();
    for term in [
        "H/O: venereal disease",
        "  gonorrhoea CARRIER ",
        "[X]Gender identity disorders",
        "[V]Hepatitis B carrier",
        "In vitro fertilisation",
        "Syphilis (disorder)",
        "Syphilis",
        "Legally-induced abortion",
        "Gonorrhoea carrier (finding)",
    ] {
        assert!(list.excludes_term(term), "{term}");
    }
    for term in [
        "discussed chlamydial infection leaflet",
        "Herpes labialis",
        "Hepatitis B vaccination",
        "",
        " ",
        "[X]",
        "AIDS leaflet",
    ] {
        assert!(!list.excludes_term(term), "{term}");
    }
}

#[test]
fn every_line_of_the_list_is_found_by_its_code_and_its_rubric() {
    let list = list();
    assert_eq!(list.version(), "1.0.0");
    assert!(list.entries().iter().all(|entry| entry.row > 0 || entry.system == "refset"));
    assert!(list.entries().len() > 230);
    for entry in list.entries() {
        let system = match entry.system.as_str() {
            "read-v2" => READ,
            "ctv3" => CTV3,
            "emis" => Some("https://fhir.hl7.org.uk/Id/egton-codes"),
            _ => SNOMED,
        };
        if !entry.code.is_empty() {
            assert!(list.excludes_coding(system, &entry.code), "{}", entry.code);
        }
        if entry.row > 0 {
            assert!(list.excludes_term(&entry.rubric), "{}", entry.rubric);
        }
    }
}

#[test]
fn an_unknown_code_system_is_told_from_a_known_one() {
    for (system, code) in
        [(READ, "H33.."), (CTV3, "H33.."), (SNOMED, "38341003"), (Some("EMISLOCAL"), "X"), (None, "38341003")]
    {
        assert!(is_known(system, code), "{code}");
    }
    for (system, code) in
        [(Some("http://loinc.org"), "1-8"), (SNOMED, "X1"), (None, "H33.."), (Some("UNKNOWN"), "H33..")]
    {
        assert!(!is_known(system, code), "{code}");
    }
}

#[test]
fn a_scope_of_one_view_is_that_of_the_settings() {
    let rules = Rules { withhold_unknown: vec![View::Events], ..Rules::default() };
    let list = Lists::load(&crate::release::Sources::default(), &rules).expect("lists").on(time::Date::MIN);
    assert!(list.for_view(View::Events).withholds_unknown());
    assert!(!list.for_view(View::Summary).withholds_unknown() && !list.withholds_unknown());
    assert!(!list.for_view(View::Events).for_view(View::Summary).withholds_unknown());
    assert!(list.for_view(View::Events).for_supplier("EMIS").withholds_unknown());
}

#[test]
fn a_list_of_one_line_finds_that_line_and_nothing_beside_it() {
    let only = list().entries().iter().find(|entry| entry.code == "A788.").cloned().expect("on the list");
    let tables = Tables::of(&[only], &crate::release::lists::hierarchy::Hierarchy::default());
    assert_eq!(tables.coding(READ, "A788."), Some(0));
    assert_eq!(tables.coding(READ, "A788z"), Some(0));
    assert!(["A789.", "B788.", "a788.", "1788.", "H33.."].iter().all(|code| tables.coding(READ, code).is_none()));
    assert!(!tables.judges_medicines());
}
