//! Search with the tables of the catalogue, over tiny released resources. It stands here because search may not name
//! the catalogue. Longer than a module may be: cases are listed, not computed.

use super::table;
use crate::ids::{LogicalId, NhsNumber, OdsCode, Sealer, Suffix, UserId};
use crate::kinds::{Kind, View};
use crate::release::{Exclusions, Held, HeldFacts, Released, release};
use crate::search::{
    CursorError, Holder, NHS_NUMBER_SYSTEM, PAGE, Page, PatientNamed, Query, QueryError, everything, find, run,
};
use mig_fhir_model::{Resource, resources, types};
use proptest::prelude::*;
use std::sync::Arc;

const NUMBER: &str = "9990000018";
const OTHER: &str = "9990000026";

fn sealer() -> Sealer {
    Sealer::new(0, &[7; 64])
}

fn patient() -> NhsNumber {
    NhsNumber::parse(NUMBER).expect("valid")
}

fn holder(user: &str, organisation: &str) -> Holder {
    Holder { user: UserId::parse(user).expect("valid"), organisation: OdsCode::parse(organisation).expect("valid") }
}

fn pairs(query: &[(&str, &str)]) -> Vec<(String, String)> {
    query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(kind: Kind, query: &[(&str, &str)], lenient: bool) -> Result<Query, QueryError> {
    Query::parse(kind, table(kind), &pairs(query), lenient, &sealer())
}

fn of_patient(kind: Kind, query: &[(&str, &str)]) -> Query {
    let identifier = format!("{NHS_NUMBER_SYSTEM}|{NUMBER}");
    let mut all = vec![("patient.identifier", identifier.as_str())];
    all.extend(query);
    parse(kind, &all, false).expect("understood")
}

fn coded(system: &str, code: &str) -> types::CodeableConcept {
    types::CodeableConcept {
        coding: vec![types::Coding { system: Some(system.into()), code: Some(code.into()), ..Default::default() }],
        ..Default::default()
    }
}

fn condition(legacy: &str, code: &str, onset: Option<&str>, with_problem: bool, recorder: Option<&LogicalId>) -> Held {
    let reference = |to: String| types::Reference { reference: Some(to.into()), ..Default::default() };
    let resource = resources::Condition {
        id: Some(sealer().seal(patient(), legacy, Suffix(0)).as_str().into()),
        clinical_status: Some(Box::new(coded(
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
            if with_problem { "active" } else { "inactive" },
        ))),
        code: Some(Box::new(coded("http://snomed.info/sct", code))),
        subject: Box::new(reference(format!("Patient/{}", sealer().seal_patient(patient())))),
        onset: onset.map(|onset| resources::ConditionOnset::DateTime(onset.into())),
        recorder: recorder.map(|id| Box::new(reference(format!("Practitioner/{id}")))),
        ..Default::default()
    };
    hold(
        Kind::Condition,
        sealer().seal(patient(), legacy, Suffix(0)),
        Resource::Condition(Box::new(resource)),
        with_problem,
        recorder.map(|id| (Kind::Practitioner, id.clone())).into_iter().collect(),
    )
}

fn practitioner(legacy: &str) -> (LogicalId, Held) {
    let id = sealer().seal(patient(), legacy, Suffix(0));
    let resource = resources::Practitioner { id: Some(id.as_str().into()), ..Default::default() };
    let held = hold(Kind::Practitioner, id.clone(), Resource::Practitioner(Box::new(resource)), false, Vec::new());
    (id, held)
}

fn hold(kind: Kind, id: LogicalId, resource: Resource, with_problem: bool, references: Vec<(Kind, LogicalId)>) -> Held {
    let facts = HeldFacts { tags: vec!["Problems"], with_problem, references, placed_in: vec![View::Problems] };
    Held::new(kind, id, resource, facts)
}

fn released(held: Vec<Held>) -> Vec<Arc<Released>> {
    let exclusions = Exclusions::builtin().expect("the built-in list");
    release(held, &exclusions, View::ALL, patient()).into_iter().map(Arc::new).collect()
}

fn codes(page: &Page) -> Vec<String> {
    let code = |resource: &Arc<Released>| -> String {
        let json: serde_json::Value = serde_json::from_slice(resource.json()).expect("JSON");
        json["code"]["coding"][0]["code"].as_str().expect("a code").to_owned()
    };
    page.matches.iter().map(code).collect()
}

#[test]
fn a_query_is_compared_with_so_many_values_and_with_each_once() {
    let id = sealer().seal_patient(patient());
    let values =
        |first: usize, count: usize| (first..first + count).map(|nth| format!("v{nth}")).collect::<Vec<_>>().join(",");
    let asked = |more: &[(&str, String)]| {
        let mut all = vec![("patient", id.as_str())];
        all.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
        parse(Kind::Condition, &all, false)
    };
    for name in ["code", "code:text", "code:not", "_id"] {
        assert!(asked(&[(name, values(0, 100))]).is_ok(), "{name}");
        let wrong = asked(&[(name, values(0, 101))]).expect_err(name);
        assert_eq!((wrong.parameter.as_str(), wrong.code), (name, "invalid"));
        assert!(asked(&[(name, format!("{},{}", values(0, 100), values(0, 100)))]).is_ok(), "{name}: each once");
    }
    let hundreds = |count: usize| (0..count).map(|nth| ("code", values(100 * nth, 100))).collect::<Vec<_>>();
    assert!(asked(&hundreds(4)).is_ok());
    let mut more = hundreds(4);
    more.push(("code", values(0, 100)));
    assert!(asked(&more).is_ok(), "the same again costs nothing");
    more.push(("code:text", "one".to_owned()));
    assert_eq!(asked(&more).expect_err("401 values").parameter, "code:text");
}

#[test]
fn an_include_said_again_is_said_once_and_a_date_orders_once() {
    let id = sealer().seal_patient(patient());
    let mut all = vec![("patient", id.as_str())];
    all.extend([("_include", "Condition:asserter"); 200]);
    let query = parse(Kind::Condition, &all, false).expect("understood");
    assert_eq!(query.self_query(), format!("patient={id}&_include=Condition:asserter"));
    for (sort, understood) in [
        ("onset-date", true),
        ("-onset-date,recorded-date", true),
        ("onset-date,onset-date", false),
        ("onset-date,-onset-date", false),
        ("recorded-date,onset-date,recorded-date", false),
    ] {
        let query = parse(Kind::Condition, &[("patient", id.as_str()), ("_sort", sort)], false);
        assert_eq!(query.err().map(|wrong| wrong.parameter), (!understood).then(|| "_sort".to_owned()), "{sort}");
    }
}

#[test]
fn an_nhs_number_in_a_wrong_parameter_is_refused_or_left_out_of_the_self_link() {
    let id = sealer().seal_patient(patient());
    let asked = |kind: Kind, name: &str, value: &str| {
        let whose = if kind == Kind::Patient { "_id" } else { "patient" };
        parse(kind, &[(whose, id.as_str()), (name, value)], false)
    };
    let nhs = format!("{NHS_NUMBER_SYSTEM}|9990151059");
    for (kind, name, value) in [
        (Kind::Condition, "code", "9990151059"),
        (Kind::Condition, "code", "x,9990151059"),
        (Kind::Condition, "code", "|9990151059"),
        (Kind::Condition, "code", "9990151059|"),
        (Kind::Condition, "code", "9990151059|x"),
        (Kind::Condition, "code", nhs.as_str()),
        (Kind::Condition, "code:not", "9990151059"),
        (Kind::Condition, "code:text", "a 9990151059"),
        (Kind::Condition, "code:text", "999 015 1059"),
        (Kind::Condition, "code:text", "x|999-015-1059"),
        (Kind::Condition, "code:text", "5 9990151059"),
        (Kind::Condition, "_tag", "9990151059"),
        (Kind::Condition, "_id", "x9990151059"),
        (Kind::Condition, "_id", "x|9990151059"),
        (Kind::Condition, "encounter", "9990151059"),
        (Kind::Condition, "encounter", "9990151059."),
        (Kind::Condition, "encounter", "9990151059/x"),
        (Kind::Condition, "onset-date", "2024-05-01T10:00:00.9990151059Z"),
        (Kind::Patient, "given", "x9990151059"),
        (Kind::Patient, "family:contains", "9990151059x"),
    ] {
        let wrong = asked(kind, name, value).err().map(|wrong| (wrong.parameter, wrong.code));
        assert_eq!(wrong, Some((name.to_owned(), "invalid")), "{name}={value}");
    }
    let nobody = parse(Kind::Patient, &[("_id", "9990151059x")], false).expect("an unknown patient");
    assert_eq!(nobody.self_query(), "");
    for (name, value, said) in [
        ("code", "http://snomed.info/sct|9990151059", false),
        ("code:not", "x|9990151059", false),
        ("_tag", "mig-view|9990151059", false),
        ("code", "http://snomed.info/sct|9990151058", true),
        ("code", "999015105910591059", true),
        ("code:text", "9990151058", true),
        ("onset-date", "ge2024-05-01", true),
    ] {
        let query = asked(Kind::Condition, name, value).unwrap_or_else(|_| panic!("{name}={value}"));
        assert_eq!(query.self_query().contains(&format!("&{name}=")), said, "{}", query.self_query());
    }
}

#[test]
fn every_spelling_of_the_one_patient_is_understood() {
    let id = sealer().seal_patient(patient());
    let identifier = format!("{NHS_NUMBER_SYSTEM}|{NUMBER}");
    let (by_path, by_url) = (format!("Patient/{id}"), format!("https://a.test/FHIR/R4/Patient/{id}"));
    for (kind, name, value) in [
        (Kind::Condition, "patient", id.as_str()),
        (Kind::Condition, "patient", by_path.as_str()),
        (Kind::Condition, "subject", by_url.as_str()),
        (Kind::Condition, "patient:Patient", id.as_str()),
        (Kind::Condition, "patient.identifier", identifier.as_str()),
        (Kind::Condition, "patient:identifier", identifier.as_str()),
        (Kind::Condition, "subject:Patient.identifier", identifier.as_str()),
        (Kind::AllergyIntolerance, "patient.identifier", identifier.as_str()),
        (Kind::Patient, "identifier", identifier.as_str()),
        (Kind::Patient, "identifier", NUMBER),
        (Kind::Patient, "_id", id.as_str()),
    ] {
        let query = parse(kind, &[(name, value)], false).expect(name);
        assert_eq!(*query.patient(), PatientNamed::Known(patient()), "{kind} {name}");
        assert!(query.self_query().ends_with(id.as_str()), "{}", query.self_query());
    }
}

/// A query, and the parameter and code of its error.
type Case<'a> = (Kind, &'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn a_query_that_is_not_understood_names_its_parameter_and_never_its_value() {
    let id = sealer().seal_patient(patient());
    let other = sealer().seal_patient(NhsNumber::parse(OTHER).expect("valid"));
    let wrong = format!("{NHS_NUMBER_SYSTEM}|9990000019");
    let both = format!("{id},{other}");
    let known = ("patient", id.as_str());
    let cases: &[Case<'_>] = &[
        (Kind::Condition, &[], "patient", "required"),
        (Kind::Patient, &[], "identifier", "required"),
        (Kind::Condition, &[("_id", id.as_str())], "patient", "required"),
        (Kind::Condition, &[("patient.identifier", &wrong)], "patient.identifier", "invalid"),
        (Kind::Patient, &[("identifier", &wrong)], "identifier", "invalid"),
        (Kind::Condition, &[known, ("patient", other.as_str())], "patient", "invalid"),
        (Kind::Condition, &[("patient", &both)], "patient", "invalid"),
        (Kind::Condition, &[known, ("subject", "unknown")], "subject", "invalid"),
        (Kind::Condition, &[("patient", "Practitioner/1")], "patient", "invalid"),
        (Kind::Condition, &[("patient", "")], "patient", "invalid"),
        (Kind::AllergyIntolerance, &[known, ("subject", id.as_str())], "subject", "not-supported"),
        (Kind::Condition, &[known, ("colour", "9990000018")], "colour", "not-supported"),
        (Kind::Condition, &[known, ("9990000018", "x")], "?", "not-supported"),
        (Kind::Condition, &[known, ("code:above", "1")], "code:above", "not-supported"),
        (Kind::Condition, &[known, ("code:missing", "perhaps")], "code:missing", "invalid"),
        (Kind::Condition, &[known, ("code:exact", "1")], "code:exact", "not-supported"),
        (Kind::Condition, &[known, ("_id:text", "1")], "_id:text", "not-supported"),
        (Kind::Condition, &[known, ("category:text", "1")], "category:text", "not-supported"),
        (Kind::Condition, &[known, ("onset-date:not", "2020")], "onset-date:not", "not-supported"),
        (Kind::Condition, &[known, ("encounter:not", "1")], "encounter:not", "not-supported"),
        (
            Kind::Condition,
            &[known, ("patient.birthdate:missing", "true")],
            "patient.birthdate:missing",
            "not-supported",
        ),
        (Kind::Condition, &[known, ("_count:missing", "true")], "_count:missing", "not-supported"),
        (Kind::Condition, &[known, ("_sort:iterate", "onset-date")], "_sort:iterate", "not-supported"),
        (Kind::Condition, &[known, ("_sort", "code")], "_sort", "not-supported"),
        (Kind::Condition, &[known, ("_sort", "onset-date,colour")], "_sort", "not-supported"),
        (Kind::Condition, &[known, ("_sort", "")], "_sort", "invalid"),
        (Kind::Condition, &[known, ("_sort", "onset-date"), ("_sort", "-onset-date")], "_sort", "invalid"),
        (Kind::Patient, &[("_id", id.as_str()), ("_sort", "birthdate")], "_sort", "not-supported"),
        (Kind::Condition, &[known, ("_summary", "yes")], "_summary", "invalid"),
        (Kind::Condition, &[known, ("_summary", "text"), ("_include", "Condition:recorder")], "_summary", "invalid"),
        (Kind::Condition, &[known, ("_elements", "colour")], "_elements", "not-supported"),
        (Kind::Condition, &[known, ("_elements", "code,")], "_elements", "not-supported"),
        (Kind::Condition, &[known, ("_elements", "code"), ("_summary", "data")], "_elements", "invalid"),
        (Kind::Condition, &[known, ("_total", "some")], "_total", "invalid"),
        (Kind::Condition, &[known, ("subject:Group", "1")], "subject:Group", "not-supported"),
        (Kind::Condition, &[known, ("onset-date", "lately")], "onset-date", "invalid"),
        (Kind::Condition, &[known, ("code", "")], "code", "invalid"),
        (Kind::Condition, &[known, ("_id", NUMBER)], "_id", "invalid"),
        (Kind::Condition, &[known, ("_count", "-1")], "_count", "invalid"),
        (Kind::Condition, &[known, ("_count", "1"), ("_count", "2")], "_count", "invalid"),
        (Kind::Condition, &[known, ("_include", "Condition:encounter")], "_include", "not-supported"),
        (Kind::Condition, &[known, ("_include", "Encounter:location")], "_include", "not-supported"),
        (Kind::Condition, &[known, ("_lastUpdated", "gt2020")], "_lastUpdated", "not-supported"),
        (Kind::Condition, &[known, ("patient.birthdate", "1980")], "patient.birthdate", "invalid"),
        (Kind::Patient, &[("_id", id.as_str()), ("birthdate", "ge1980-01-01")], "birthdate", "invalid"),
    ];
    for (kind, query, parameter, code) in cases {
        let error = parse(*kind, query, false).expect_err(parameter);
        assert_eq!((error.parameter.as_str(), error.code), (*parameter, *code), "{query:?}");
        assert!(!error.to_string().contains("999"), "{error}");
    }
}

#[test]
fn leniency_passes_over_unknown_parameters_but_never_over_a_modifier() {
    let id = sealer().seal_patient(patient());
    let known = ("patient", id.as_str());
    let query = parse(Kind::Condition, &[known, ("colour", "red"), ("9990000018", "x")], true).expect("lenient");
    assert_eq!(query.ignored(), ["colour", "?"]);
    assert!(!query.self_query().contains("colour"));
    let query = [known, ("_sort", "colour"), ("_elements", "colour"), ("_summary", "false")];
    let query = parse(Kind::Condition, &query, true).expect("lenient");
    assert_eq!(query.ignored(), ["_sort", "_elements"]);
    assert!(query.self_query().ends_with("&_summary=false"), "{}", query.self_query());
    assert!(parse(Kind::Condition, &[known, ("code:above", "1")], true).is_err());
    assert!(parse(Kind::Condition, &[known, ("onset-date", "lately")], true).is_err());
    assert!(parse(Kind::Condition, &[known, ("_summary", "yes")], true).is_err());
}

#[test]
fn an_id_that_is_none_of_ours_is_an_unknown_patient() {
    let entry = sealer().seal(patient(), "an entry", Suffix(0));
    for id in ["1", NUMBER, entry.as_str(), "https://elsewhere.test/Patient/17"] {
        let query = parse(Kind::Condition, &[("patient", id)], false).expect("well formed");
        assert_eq!(*query.patient(), PatientNamed::Unknown, "{id}");
        assert!(!query.self_query().contains(NUMBER));
    }
    let query = parse(Kind::Patient, &[("identifier", "https://elsewhere.test|1")], false).expect("well formed");
    assert_eq!(*query.patient(), PatientNamed::Unknown);
}

#[test]
fn a_self_link_says_what_was_understood_without_the_nhs_number_and_reads_the_same_again() {
    let query = of_patient(
        Kind::Condition,
        &[
            ("code", "http://snomed.info/sct|1,2"),
            ("onset-date", "ge2020"),
            ("_count", "5000"),
            ("_tag", "mig-view|Problems"),
        ],
    );
    let link = query.self_query();
    assert!(!link.contains(NUMBER), "{link}");
    assert!(link.contains("code=http://snomed.info/sct%7C1,2"), "{link}");
    assert!(link.ends_with("_count=1000"), "{link}");
    let repeated: Vec<(String, String)> = link
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace("%7C", "|")))
        .collect();
    let again = Query::parse(Kind::Condition, table(Kind::Condition), &repeated, false, &sealer());
    assert_eq!(again.expect("understood").self_query(), link);
}

#[test]
fn a_search_is_sorted_by_dates_and_what_has_none_comes_last_either_way() {
    let pool = released(vec![
        condition("1", "none", None, true, None),
        condition("2", "old", Some("1990-05-01"), true, None),
        condition("3", "none too", None, true, None),
        condition("4", "new", Some("2020"), true, None),
        condition("5", "new too", Some("2020-01-01"), true, None),
    ]);
    let sorted = |sort: &str| codes(&run(&of_patient(Kind::Condition, &[("_sort", sort)]), &pool).expect("first page"));
    assert_eq!(sorted("onset-date"), ["old", "new", "new too", "none", "none too"]);
    assert_eq!(sorted("-onset-date"), ["new", "new too", "old", "none", "none too"]);
    // By what none has everything is alike, and the next date decides.
    assert_eq!(sorted("abatement-date"), ["none", "old", "none too", "new", "new too"]);
    assert_eq!(sorted("-abatement-date,onset-date"), sorted("onset-date"));
}

#[test]
fn a_subset_keeps_labels_and_what_must_stay_and_says_that_it_is_one() {
    let (who, held_who) = practitioner("p1");
    let pool = released(vec![condition("1", "a", Some("2020"), true, Some(&who)), held_who]);
    let said = |asked: &[(&str, &str)]| {
        let page = run(&of_patient(Kind::Condition, asked), &pool).expect("first page");
        let one = |resource: &Arc<Released>, is_match| -> serde_json::Value {
            let own = table(resource.kind()).elements;
            serde_json::from_slice(&page.shape.of(resource, own, is_match)).expect("JSON")
        };
        (page.matches.first().map(|found| one(found, true)), page.included.first().map(|along| one(along, false)))
    };
    let members = |json: &serde_json::Value| -> Vec<String> {
        let names = json.as_object().expect("an object").keys();
        let mut names: Vec<String> =
            names.filter(|name| !matches!(name.as_str(), "id" | "resourceType")).cloned().collect();
        names.sort();
        names
    };
    let is_subset = |json: &serde_json::Value| json["meta"]["tag"].to_string().contains("SUBSETTED");
    let include = ("_include", "Condition:recorder");
    let (whole, along) = said(&[include]);
    let (whole, along) = (whole.expect("a match"), along.expect("included"));
    assert_eq!(members(&whole), ["clinicalStatus", "code", "meta", "onsetDateTime", "recorder", "subject"]);
    assert!(!is_subset(&whole) && !is_subset(&along));
    for (asked, left, included) in [
        (("_summary", "true"), vec!["clinicalStatus", "code", "meta", "onsetDateTime", "recorder", "subject"], true),
        (("_summary", "data"), vec!["clinicalStatus", "code", "meta", "onsetDateTime", "recorder", "subject"], true),
        (("_elements", "onset"), vec!["clinicalStatus", "meta", "onsetDateTime", "subject"], false),
        (("_elements", "onset[x],code"), vec!["clinicalStatus", "code", "meta", "onsetDateTime", "subject"], false),
        (("_elements", "note"), vec!["clinicalStatus", "meta", "subject"], false),
    ] {
        let (found, along) = said(&[asked, include]);
        let (found, along) = (found.expect("a match"), along.expect("included"));
        assert_eq!(
            (members(&found), is_subset(&found)),
            (left.into_iter().map(str::to_owned).collect(), true),
            "{asked:?}"
        );
        assert_eq!(is_subset(&along), included, "{asked:?}");
        assert_eq!(found["meta"]["security"], whole["meta"]["security"]);
        for tag in whole["meta"]["tag"].as_array().expect("tags") {
            assert!(found["meta"]["tag"].as_array().expect("tags").contains(tag));
        }
    }
    let (found, _) = said(&[("_summary", "text")]);
    assert_eq!(members(&found.expect("a match")), ["clinicalStatus", "meta", "subject"]);
    assert_eq!(said(&[("_summary", "false"), include]), (Some(whole), Some(along)));
    assert_eq!(said(&[("_summary", "count"), include]), (None, None));
}

#[test]
fn a_count_says_its_total_whatever_else_is_asked() {
    let pool = released(vec![condition("1", "a", None, true, None)]);
    for (asked, says_total) in [
        (vec![("_total", "none")], false),
        (vec![("_total", "estimate")], true),
        (vec![("_total", "accurate")], true),
        (vec![("_total", "none"), ("_count", "0")], true),
        (vec![("_total", "none"), ("_summary", "count")], true),
    ] {
        let page = run(&of_patient(Kind::Condition, &asked), &pool).expect("first page");
        assert_eq!((page.total, page.says_total), (1, says_total), "{asked:?}");
        assert_eq!(page.matches.is_empty(), asked.len() == 2, "{asked:?}");
    }
}

#[test]
fn the_birth_date_is_carried_and_not_compared() {
    let query = of_patient(Kind::Condition, &[("patient.birthdate", "1980-02-29")]);
    assert_eq!(query.birth_date(), Some(time::macros::date!(1980 - 02 - 29)));
    let pool = released(vec![condition("1", "a", None, true, None)]);
    assert_eq!(run(&query, &pool).expect("first page").total, 1);
}

#[test]
fn repeated_parameters_are_and_and_commas_are_or() {
    let pool = released(vec![
        condition("1", "a", Some("2020-01-01"), true, None),
        condition("2", "b", Some("2021-01-01"), true, None),
        condition("3", "c", None, false, None),
    ]);
    let found = |query: &[(&str, &str)]| codes(&run(&of_patient(Kind::Condition, query), &pool).expect("first page"));
    assert_eq!(found(&[]), ["b", "a", "c"]);
    assert_eq!(found(&[("code", "a,b")]), ["b", "a"]);
    assert_eq!(found(&[("code", "a,b"), ("onset-date", "lt2021")]), ["a"]);
    assert_eq!(found(&[("clinical-status", "active")]), ["b", "a"]);
    assert_eq!(found(&[("onset-date", "ge2020-06"), ("onset-date", "le2021-01-01")]), ["b"]);
    assert_eq!(found(&[("onset-date", "ne2021")]), ["a"]);
    assert!(found(&[("code", "http://loinc.org|a")]).is_empty());
    let page = run(&of_patient(Kind::Condition, &[("_count", "0")]), &pool).expect("first page");
    assert_eq!((page.total, page.matches.len()), (3, 0));
    assert!(page.next(&sealer(), &holder("1", "A1")).is_none());
}

#[test]
fn of_two_entries_with_one_id_the_one_with_its_problem_is_shown_wherever_it_comes() {
    for order in [[true, false], [false, true]] {
        let held = order.map(|with_problem| condition("1", "a", None, with_problem, None));
        let pool = released(held.into_iter().collect());
        let page = run(&of_patient(Kind::Condition, &[]), &pool).expect("first page");
        assert_eq!(page.total, 1);
        assert!(page.matches.iter().all(|resource| resource.with_problem()));
        let id = sealer().seal(patient(), "1", Suffix(0));
        assert!(find(Kind::Condition, &id, &pool).expect("there").with_problem());
        assert!(find(Kind::Observation, &id, &pool).is_none());
        assert_eq!(everything(&pool, &[Kind::Condition]).len(), 1);
    }
}

#[test]
fn includes_are_what_the_matches_of_the_page_refer_to_and_nothing_else() {
    let ((one, held_one), (two, held_two)) = (practitioner("p1"), practitioner("p2"));
    let pool = released(vec![
        condition("1", "a", Some("2021"), true, Some(&one)),
        condition("2", "b", Some("2020"), true, Some(&two)),
        held_one,
        held_two,
    ]);
    let query = of_patient(Kind::Condition, &[("_include", "Condition:recorder"), ("code", "b")]);
    assert!(query.returnable().contains(&Kind::Practitioner));
    let page = run(&query, &pool).expect("first page");
    assert_eq!((page.total, page.included.len()), (1, 1));
    assert_eq!(page.included.first().map(|resource| resource.id().clone()), Some(two.clone()));
    assert!(run(&of_patient(Kind::Condition, &[]), &pool).expect("first page").included.is_empty());
    let narrowed = of_patient(Kind::Condition, &[("_include", "Condition:recorder:Organization")]);
    assert!(parse(Kind::Condition, &[("patient", "x"), ("_include", "Condition:recorder:Location")], false).is_err());
    assert!(narrowed.returnable().contains(&Kind::Organization));
}

#[test]
fn an_include_goes_on_to_what_a_role_leads_to_only_when_iterated() {
    let reference = |to: String| Some(Box::new(types::Reference { reference: Some(to.into()), ..Default::default() }));
    let (who, held_who) = practitioner("p1");
    let role = sealer().seal(patient(), "r1", Suffix(0));
    let held_role = resources::PractitionerRole {
        id: Some(role.as_str().into()),
        practitioner: reference(format!("Practitioner/{who}")),
        ..Default::default()
    };
    let entry = resources::Encounter {
        id: Some(sealer().seal(patient(), "1", Suffix(0)).as_str().into()),
        status: "finished".into(),
        class: Box::default(),
        participant: vec![resources::EncounterParticipant {
            individual: reference(format!("PractitionerRole/{role}")),
            ..Default::default()
        }],
        ..Default::default()
    };
    let pool = released(vec![
        hold(
            Kind::Encounter,
            sealer().seal(patient(), "1", Suffix(0)),
            Resource::Encounter(Box::new(entry)),
            false,
            vec![(Kind::PractitionerRole, role.clone())],
        ),
        hold(
            Kind::PractitionerRole,
            role,
            Resource::PractitionerRole(Box::new(held_role)),
            false,
            vec![(Kind::Practitioner, who)],
        ),
        held_who,
    ]);
    let included = |query: &[(&str, &str)]| {
        let page = run(&of_patient(Kind::Encounter, query), &pool).expect("first page");
        page.included.iter().map(|resource| resource.kind()).collect::<Vec<_>>()
    };
    let participant = ("_include", "Encounter:participant");
    assert_eq!(included(&[participant]), [Kind::PractitionerRole]);
    let on = ("_include:iterate", "PractitionerRole:practitioner");
    assert_eq!(included(&[participant, on]), [Kind::PractitionerRole, Kind::Practitioner]);
    assert!(included(&[on]).is_empty());
}

#[test]
fn everything_brings_along_what_its_entries_refer_to() {
    let (who, held_who) = practitioner("p1");
    let pool = released(vec![condition("1", "a", None, true, Some(&who)), held_who]);
    let id = sealer().seal_patient(patient());
    let ask = |query: &[(&str, &str)]| Query::everything(&id, Kind::ALL, &pairs(query), false, &sealer());
    let page = run(&ask(&[]).expect("understood"), &pool).expect("first page");
    assert_eq!((page.total, page.included.len()), (1, 1));
    let page = run(&ask(&[("_type", "Practitioner")]).expect("understood"), &pool).expect("first page");
    assert_eq!((page.total, page.included.len()), (1, 0));
    assert_eq!(ask(&[("_since", "2020")]).expect_err("by instalments").code, "not-supported");
    assert_eq!(ask(&[("_type", "Binary")]).expect_err("not served").parameter, "_type");
}

#[test]
fn a_page_link_is_for_its_holder_and_ends_when_the_record_changes() {
    let make = |codes: &[&str]| {
        released(
            codes.iter().enumerate().map(|(at, code)| condition(&at.to_string(), code, None, true, None)).collect(),
        )
    };
    let pool = make(&["a", "b", "c"]);
    let page = run(&of_patient(Kind::Condition, &[("_count", "2")]), &pool).expect("first page");
    let holder_of_it = holder("1", "A1");
    let link = page.next(&sealer(), &holder_of_it).expect("a second page");
    assert!(!link.contains(NUMBER));
    let open = |link: &str, holder: &Holder| Query::from_cursor(link, table, Kind::ALL, &sealer(), holder);
    assert_eq!(open(&link, &holder("2", "A1")).expect_err("another user"), CursorError::NotTheHolder);
    assert_eq!(open(&link, &holder("1", "B1")).expect_err("another organisation"), CursorError::NotTheHolder);
    let id = sealer().seal_patient(patient());
    for forged in ["", "x", &link[1..], id.as_str()] {
        assert_eq!(open(forged, &holder_of_it).expect_err("forged"), CursorError::Unreadable, "{forged}");
    }
    let second = open(&link, &holder_of_it).expect("its holder");
    let page = run(&second, &pool).expect("unchanged");
    assert_eq!((codes(&page), page.total), (vec!["c".to_owned()], 3));
    assert_eq!(page.self_query, format!("{PAGE}={link}"));
    for changed in [vec!["a", "b"], vec!["a", "b", "d"], vec!["a", "b", "c", "d"], vec![], vec!["b", "a", "c"]] {
        assert!(run(&second, &make(&changed)).is_err(), "{changed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_pages_together_are_the_filter_of_everything_in_the_order_asked_for(
        entries in proptest::collection::vec((0u8..40, proptest::option::of(1990u16..1996), any::<bool>()), 0..60),
        size in 1usize..9,
        sort in proptest::option::of(any::<bool>()),
        filter in 0usize..6,
        shape in proptest::option::of(0usize..4),
    ) {
        const FILTERS: [&[(&str, &str)]; 6] = [
            &[],
            &[("onset-date", "ge1993")],
            &[("onset-date:missing", "true")],
            &[("clinical-status", "active")],
            &[("clinical-status:not", "active"), ("onset-date:missing", "false")],
            &[("code:text", "none has words")],
        ];
        const SHAPES: [(&str, &str); 4] =
            [("_summary", "true"), ("_summary", "data"), ("_elements", "code"), ("_total", "none")];
        let held = entries.iter().map(|(legacy, year, with_problem)| {
            let onset = year.map(|year| year.to_string());
            condition(&legacy.to_string(), "a", onset.as_deref(), *with_problem, None)
        });
        let pool = released(held.collect());
        // The same by hand, from the record's order.
        let year = |json: &serde_json::Value| json["onsetDateTime"].as_str().map(|year| year.parse::<i64>().expect("a year"));
        let mut expected: Vec<(serde_json::Value, LogicalId)> = everything(&pool, &[Kind::Condition])
            .iter()
            .map(|resource| (serde_json::from_slice(resource.json()).expect("JSON"), resource.id().clone()))
            .filter(|(json, _): &(serde_json::Value, LogicalId)| {
                let active = json["clinicalStatus"]["coding"][0]["code"] == "active";
                match filter {
                    0 => true,
                    1 => year(json).is_some_and(|year| year >= 1993),
                    2 => year(json).is_none(),
                    3 => active,
                    4 => !active && year(json).is_some(),
                    _ => false,
                }
            })
            .collect();
        let ascending = sort == Some(true);
        expected.sort_by_key(|(json, _)| {
            year(json).map_or((true, 0), |year| (false, if ascending { year } else { -year }))
        });
        let expected: Vec<LogicalId> = expected.into_iter().map(|(_, id)| id).collect();

        let (sealer, holder, count) = (sealer(), holder("1", "A1"), size.to_string());
        let mut asked = FILTERS[filter].to_vec();
        asked.push(("_count", &count));
        asked.extend(sort.map(|ascending| ("_sort", if ascending { "onset-date" } else { "-onset-date" })));
        asked.extend(shape.map(|shape| SHAPES[shape]));
        let mut page = run(&of_patient(Kind::Condition, &asked), &pool).expect("first page");
        let mut together: Vec<LogicalId> = Vec::new();
        loop {
            prop_assert_eq!(page.total, expected.len());
            prop_assert_eq!(page.says_total, shape != Some(3));
            together.extend(page.matches.iter().map(|resource| resource.id().clone()));
            let Some(link) = page.next(&sealer, &holder) else { break };
            prop_assert_eq!(page.matches.len(), size);
            let query = Query::from_cursor(&link, table, Kind::ALL, &sealer, &holder).expect("its holder");
            page = run(&query, &pool).expect("unchanged");
        }
        prop_assert_eq!(&together, &expected);
        let distinct: std::collections::HashSet<_> = together.iter().collect();
        prop_assert_eq!(distinct.len(), together.len());
    }

    #[test]
    fn the_pages_together_are_the_whole_result_and_nothing_twice(
        entries in proptest::collection::vec((0u8..40, proptest::option::of(1990u16..2000), any::<bool>()), 0..60),
        size in 1usize..9,
        everything in any::<bool>(),
    ) {
        let held = entries.iter().map(|(legacy, year, with_problem)| {
            let onset = year.map(|year| year.to_string());
            condition(&legacy.to_string(), "a", onset.as_deref(), *with_problem, None)
        });
        let pool = released(held.collect());
        let (sealer, holder) = (sealer(), holder("1", "A1"));
        let count = size.to_string();
        let ask = |query: &[(&str, &str)]| if everything {
            Query::everything(&sealer.seal_patient(patient()), Kind::ALL, &pairs(query), false, &sealer).expect("understood")
        } else {
            of_patient(Kind::Condition, query)
        };
        let ids = |page: &Page| page.matches.iter().map(|resource| resource.id().clone()).collect::<Vec<_>>();
        let whole = run(&ask(&[]), &pool).expect("first page");
        let mut page = run(&ask(&[("_count", &count)]), &pool).expect("first page");
        let mut together = ids(&page);
        while let Some(link) = page.next(&sealer, &holder) {
            prop_assert_eq!(page.matches.len(), size);
            let query = Query::from_cursor(&link, table, Kind::ALL, &sealer, &holder).expect("its holder");
            page = run(&query, &pool).expect("unchanged");
            prop_assert_eq!(page.total, whole.total);
            together.extend(ids(&page));
        }
        prop_assert_eq!(&together, &ids(&whole));
        let distinct: std::collections::HashSet<_> = together.iter().collect();
        prop_assert_eq!(distinct.len(), together.len());
    }
}
