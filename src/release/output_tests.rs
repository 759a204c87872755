//! The second net, the agreed views, and what becomes of references.

use super::*;
use crate::ids::LogicalId;
use crate::release::HeldFacts;
use mig_fhir_model::{Resource, resources, types};

const PATIENT: &str = "9990000018";

fn reference(to: &str) -> types::Reference {
    types::Reference { reference: Some(to.into()), ..types::Reference::default() }
}

fn concept(system: &str, code: &str, text: &str) -> types::CodeableConcept {
    let coding = types::Coding { system: Some(system.into()), code: Some(code.into()), ..types::Coding::default() };
    types::CodeableConcept { coding: vec![coding], text: Some(text.into()), ..types::CodeableConcept::default() }
}

#[allow(clippy::unnecessary_wraps, reason = "as the field wants it")]
fn meta() -> Option<Box<types::Meta>> {
    let label = |code: &str| types::Coding {
        system: Some("http://terminology.hl7.org/CodeSystem/v3-ActCode".into()),
        code: Some(code.into()),
        ..types::Coding::default()
    };
    Some(Box::new(types::Meta { security: vec![label("NOINTEGRATE"), label("DELAU")], ..types::Meta::default() }))
}

fn observation(id: &str, code: types::CodeableConcept) -> resources::Observation {
    resources::Observation {
        id: Some(id.into()),
        meta: meta(),
        status: "final".into(),
        code: Box::new(code),
        subject: Some(Box::new(reference("Patient/p"))),
        ..resources::Observation::default()
    }
}

fn plain(id: &str) -> resources::Observation {
    let quantity = types::Quantity { value: Some("5.10".into()), ..types::Quantity::default() };
    let value = resources::ObservationValue::Quantity(Box::new(quantity));
    let observation = observation(id, concept("http://snomed.info/sct", "38341003", "Something plain"));
    resources::Observation { value: Some(value), ..observation }
}

fn held_with(kind: Kind, id: &str, resource: Resource, placed_in: &[View], with_problem: bool) -> Held {
    let facts =
        HeldFacts { tags: vec!["Investigations"], with_problem, references: Vec::new(), placed_in: placed_in.to_vec() };
    Held::new(kind, LogicalId::parse(id).expect("id"), resource, facts)
}

fn held(observation: resources::Observation) -> Held {
    let id = observation.id.as_ref().and_then(|id| id.value.clone()).expect("id");
    held_with(Kind::Observation, &id, Resource::Observation(Box::new(observation)), &[], false)
}

fn practitioner(id: &str) -> Held {
    let resource = resources::Practitioner { id: Some(id.into()), meta: meta(), ..resources::Practitioner::default() };
    held_with(Kind::Practitioner, id, Resource::Practitioner(Box::new(resource)), &[], false)
}

fn patient(id: &str, nhs_number: &str) -> Held {
    let identifier = types::Identifier {
        system: Some("https://fhir.nhs.uk/Id/nhs-number".into()),
        value: Some(nhs_number.into()),
        ..types::Identifier::default()
    };
    let resource = resources::Patient {
        id: Some(id.into()),
        meta: meta(),
        identifier: vec![identifier],
        ..resources::Patient::default()
    };
    held_with(Kind::Patient, id, Resource::Patient(Box::new(resource)), &[], false)
}

/// Made once: every test of a run asks for it.
fn list() -> Exclusions {
    static LIST: OnceLock<Exclusions> = OnceLock::new();
    LIST.get_or_init(|| Exclusions::builtin().expect("the list of this build")).clone()
}

fn released(held: Vec<Held>) -> Vec<Released> {
    release(held, &list(), &[View::Investigations], NhsNumber::parse(PATIENT).expect("valid"))
}

fn names(released: &[Released]) -> Vec<String> {
    released.iter().map(|resource| format!("{}/{}", resource.kind(), resource.id())).collect()
}

fn json(released: &Released) -> serde_json::Value {
    serde_json::from_slice(released.json()).expect("JSON")
}

#[test]
fn what_screening_let_through_is_caught_in_the_output_in_fhir_spelling() {
    let caught = [
        concept("http://snomed.info/sct", "62479008", "Something"),
        concept("http://read.info/readv2", "A788.00", "Something"),
        concept("http://read.info/ctv3", "XE0xc", "Something"),
        concept("urn:oid:2.16.840.1.113883.2.1.6.2", "A541", "Something"),
        concept("https://fhir.hl7.org.uk/Id/egton-codes", "^ESCTST652568", "Something"),
        concept("http://example.org", "1", "[X]Gender identity disorders"),
    ];
    for code in caught {
        assert!(released(vec![held(observation("x", code.clone()))]).is_empty());
        let component =
            resources::ObservationComponent { code: Box::new(code), ..resources::ObservationComponent::default() };
        let with = resources::Observation { component: vec![component], ..plain("y") };
        assert!(released(vec![held(with)]).is_empty(), "inside a component");
    }
    let text = resources::ObservationValue::String("H/O: \"venereal\" disease".into());
    assert!(
        released(vec![held(resources::Observation { value: Some(text), ..plain("z") })]).is_empty(),
        "escaped text"
    );
    assert_eq!(names(&released(vec![held(plain("ok"))])), ["Observation/ok"]);
}

#[test]
fn a_resource_that_passes_is_encoded_once_and_keeps_its_digits() {
    let all = released(vec![held(resources::Observation {
        meta: {
            let mut meta = meta();
            let tag = types::Coding {
                system: Some(super::super::finding::VIEW_SYSTEM.into()),
                code: Some("Investigations".into()),
                ..types::Coding::default()
            };
            if let Some(meta) = &mut meta {
                meta.tag = vec![tag];
            }
            meta
        },
        ..plain("a")
    })]);
    let text = std::str::from_utf8(all[0].json()).expect("text");
    assert!(text.starts_with(r#"{"resourceType":"Observation""#) && text.contains("5.10"));
    assert_eq!(text.matches("NOINTEGRATE").count(), 1);
    assert_eq!(text.matches("CodeSystem:view").count(), 1);
}

#[test]
fn labels_and_tags_that_are_missing_are_added_and_the_rest_stays_as_it_was() {
    for (meta, securities) in [
        (None, 2),
        (
            Some(Box::new(types::Meta {
                security: meta().expect("meta").security[..1].to_vec(),
                ..types::Meta::default()
            })),
            2,
        ),
    ] {
        let all = released(vec![held(resources::Observation { meta, ..plain("a") })]);
        let text = std::str::from_utf8(all[0].json()).expect("text");
        assert!(text.starts_with(r#"{"resourceType":"Observation","id":"a","meta":{"#), "{text}");
        assert!(text.contains("5.10"), "{text}");
        let value = json(&all[0]);
        assert_eq!(value["meta"]["security"].as_array().map(Vec::len), Some(securities));
        assert_eq!(value["meta"]["tag"][0]["code"], "Investigations");
        assert_eq!(value["subject"]["reference"], "Patient/p");
    }
}

#[test]
fn only_what_lies_with_certainty_outside_the_agreed_views_goes() {
    let condition = |id: &str| {
        let condition = resources::Condition {
            id: Some(id.into()),
            meta: meta(),
            subject: Box::new(reference("Patient/p")),
            ..resources::Condition::default()
        };
        Resource::Condition(Box::new(condition))
    };
    let allergy = resources::AllergyIntolerance {
        id: Some("al".into()),
        meta: meta(),
        patient: Box::new(reference("Patient/p")),
        ..resources::AllergyIntolerance::default()
    };
    let outside = &[View::Problems];
    let both = &[View::Problems, View::Investigations];
    let all = released(vec![
        held_with(Kind::Observation, "o1", Resource::Observation(Box::new(plain("o1"))), outside, false),
        held_with(Kind::Observation, "o2", Resource::Observation(Box::new(plain("o2"))), both, false),
        held_with(Kind::Observation, "o3", Resource::Observation(Box::new(plain("o3"))), &[], false),
        held_with(Kind::Condition, "c1", condition("c1"), outside, false),
        held_with(Kind::Condition, "c2", condition("c2"), outside, true),
        held_with(Kind::AllergyIntolerance, "al", Resource::AllergyIntolerance(Box::new(allergy)), outside, false),
    ]);
    assert_eq!(names(&all), ["Observation/o2", "Observation/o3", "Condition/c2", "AllergyIntolerance/al"]);
}

#[test]
fn a_reference_to_what_did_not_pass_is_taken_away_and_nothing_else() {
    let bad = held(observation("bad", concept("http://snomed.info/sct", "62479008", "x")));
    let panel = resources::Observation {
        has_member: vec![reference("Observation/bad"), reference("Observation/good")],
        derived_from: vec![reference("Observation/bad")],
        ..observation("panel", concept("http://snomed.info/sct", "38341003", "Panel"))
    };
    let empty = resources::Observation {
        has_member: vec![reference("Observation/bad")],
        ..observation("empty", concept("http://snomed.info/sct", "38341003", "Panel"))
    };
    let above = resources::Observation {
        has_member: vec![reference("Observation/empty"), reference("Observation/good")],
        ..observation("above", concept("http://snomed.info/sct", "38341003", "Panel"))
    };
    let valued = resources::Observation { has_member: vec![reference("Observation/bad")], ..plain("valued") };
    let mut facts = held(above);
    facts.references = vec![
        (Kind::Observation, LogicalId::parse("empty").expect("id")),
        (Kind::Observation, LogicalId::parse("good").expect("id")),
    ];
    let all = released(vec![bad, held(panel), held(empty), facts, held(valued), held(plain("good"))]);
    assert_eq!(names(&all), ["Observation/panel", "Observation/above", "Observation/valued", "Observation/good"]);
    let panel = json(&all[0]);
    assert_eq!(panel["hasMember"], serde_json::json!([{ "reference": "Observation/good" }]));
    assert!(panel.get("derivedFrom").is_none());
    assert_eq!(json(&all[1])["hasMember"].as_array().map(Vec::len), Some(1));
    assert_eq!(all[1].references(), [(Kind::Observation, LogicalId::parse("good").expect("id"))]);
    assert!(json(&all[2]).get("hasMember").is_none());
    let text = std::str::from_utf8(all[2].json()).expect("text");
    assert!(text.starts_with(r#"{"resourceType""#) && text.contains("5.10"), "{text}");
    assert!(all.iter().all(|r| !String::from_utf8_lossy(r.json()).contains("/bad")));
}

#[test]
fn a_resource_that_lost_a_reference_still_leads_to_its_staff() {
    let bad = held(observation("bad", concept("http://snomed.info/sct", "62479008", "x")));
    let with = resources::Observation {
        derived_from: vec![reference("Observation/bad")],
        performer: vec![reference("Practitioner/mine")],
        ..plain("a")
    };
    assert_eq!(names(&released(vec![bad, practitioner("mine"), held(with)])), ["Practitioner/mine", "Observation/a"]);
}

#[test]
fn no_label_and_no_tag_is_forgotten_because_another_is_there() {
    let tagged = |security: Vec<types::Coding>| {
        let tag = types::Coding {
            system: Some(super::super::finding::VIEW_SYSTEM.into()),
            code: Some("Investigations".into()),
            ..types::Coding::default()
        };
        Some(Box::new(types::Meta { security, tag: vec![tag], ..types::Meta::default() }))
    };
    let labels = meta().expect("meta").security;
    for meta in
        [meta(), tagged(Vec::new()), tagged(labels[..1].to_vec()), tagged(labels[1..].to_vec()), tagged(labels.clone())]
    {
        let all = released(vec![held(resources::Observation { meta, ..plain("a") })]);
        let text = std::str::from_utf8(all[0].json()).expect("text");
        for once in ["\"NOINTEGRATE\"", "\"DELAU\"", "CodeSystem:view"] {
            assert_eq!(text.matches(once).count(), 1, "{once}: {text}");
        }
    }
}

#[test]
fn staff_that_nothing_released_leads_to_are_left_out() {
    let by = |id: &str, who: &str| resources::Observation { performer: vec![reference(who)], ..plain(id) };
    let bad = resources::Observation {
        performer: vec![reference("Practitioner/theirs")],
        ..observation("bad", concept("http://snomed.info/sct", "62479008", "x"))
    };
    let role = resources::PractitionerRole {
        id: Some("role".into()),
        meta: meta(),
        practitioner: Some(Box::new(reference("Practitioner/through"))),
        ..resources::PractitionerRole::default()
    };
    let all = released(vec![
        practitioner("mine"),
        practitioner("theirs"),
        practitioner("nobodys"),
        practitioner("through"),
        held_with(Kind::PractitionerRole, "role", Resource::PractitionerRole(Box::new(role)), &[], false),
        held(by("a", "Practitioner/mine")),
        held(by("b", "PractitionerRole/role")),
        held(bad),
    ]);
    assert_eq!(
        names(&all),
        ["Practitioner/mine", "Practitioner/through", "PractitionerRole/role", "Observation/a", "Observation/b"]
    );
}

#[test]
fn another_patient_and_all_that_is_about_them_is_never_released() {
    assert!(released(vec![patient("p", "9990000026"), held(plain("a"))]).is_empty());
    assert_eq!(released(vec![patient("p", PATIENT), held(plain("a"))]).len(), 2);
}

/// What a type that nobody here has thought of would look like: the check goes by names of members, not by types.
fn found(resource: &serde_json::Value, is_medicine: bool) -> Finding {
    let list = list();
    find(resource.to_string().as_bytes(), &list, PATIENT, is_medicine).expect("JSON")
}

#[test]
fn codings_and_words_are_found_wherever_they_stand_in_a_type_of_any_shape() {
    use serde_json::json;
    let coding = json!({ "system": "http://snomed.info/sct", "code": "62479008" });
    let named = json!({ "code": "^ESCTHS799053", "system": "urn:x-mig-fhir:CodeSystem:openhr-EMISLOCAL" });
    let late = json!({ "code": "A788.00", "display": "x", "system": "http://read.info/readv2" });
    for bad in [
        json!({ "vaccineCode": { "coding": [coding] } }),
        json!({ "reasonCode": [{ "coding": [{ "display": "x" }, coding] }] }),
        json!({ "valueCodeableConcept": { "coding": [named] } }),
        json!({ "category": [{ "coding": [late] }] }),
        json!({ "extension": [{ "url": "u", "valueCoding": coding }] }),
        json!({ "contained": [{ "resourceType": "Specimen", "type": { "coding": [coding] } }] }),
        json!({ "entry": [{ "item": { "concept": coding } }] }),
        json!({ "code": { "text": "Gonorrhoea carrier" } }),
        json!({ "conclusion": "[V]Gonorrhoea carrier" }),
        json!({ "note": [{ "text": "gonorrhea CARRIER" }] }),
        json!({ "dosageInstruction": [{ "patientInstruction": "Gonorrhoea carrier" }] }),
        json!({ "description": "Gonorrhoea carrier" }),
        json!({ "referenceRange": [{ "text": "Gonorrhoea carrier" }] }),
        json!({ "subject": { "reference": "Patient/p", "display": "Gonorrhoea carrier" } }),
        json!({ "name": ["Gonorrhoea carrier"] }),
        json!({ "valueQuantity": { "value": 1, "unit": "Gonorrhoea carrier" } }),
        json!({ "extension": [{ "url": "u", "value": "Gonorrhoea carrier" }] }),
    ] {
        assert!(found(&bad, false).excluded, "{bad}");
    }
    for good in [
        json!({ "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "38341003" }], "text": "AIDS leaflet" } }),
        json!({ "identifier": [{ "system": "urn:x", "value": "Gonorrhoea carrier" }] }),
        json!({ "id": "Gonorrhoea carrier", "url": "Gonorrhoea carrier" }),
        json!({ "code": { "text": "Mifepristone 200mg tablets" } }),
        // Days are never words, by whichever end of its name a member says that it is one.
        json!({ "effectiveInstant": "Gonorrhoea carrier", "assertedDateTime": "Gonorrhoea carrier" }),
    ] {
        assert!(!found(&good, true).excluded, "{good}");
    }
}

#[test]
fn references_are_found_however_they_are_written() {
    let all = serde_json::json!({
        "basedOn": [{ "reference": "ServiceRequest/1" }],
        "specimen": [{ "reference": "https://facade.example/FHIR/R4/Specimen/2" }],
        "result": [{ "reference": "Observation/3/_history/1" }, { "reference": "#inside" }],
    });
    assert_eq!(found(&all, false).references, ["ServiceRequest/1", "Specimen/2", "Observation/3", "#inside"]);
}

#[test]
fn the_name_of_a_medicine_counts_on_medicines_alone() {
    let rules = crate::release::Rules { medicines_approved: Some("x".to_owned()), ..Default::default() };
    let sources = crate::release::Sources { revealing_medicines: true, ..Default::default() };
    let list = crate::release::Lists::load(&sources, &rules).expect("lists").on(time::Date::MIN);
    let resource = br#"{"medicationCodeableConcept":{"text":"Mifepristone 200mg tablets"}}"#;
    let excluded = |list: &Exclusions, medicine| find(resource, list, PATIENT, medicine).expect("JSON").excluded;
    assert!(excluded(&list, true) && !excluded(&list, false));
    let other = br#"{"medicationCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"322236009"}]}}"#;
    assert!(!find(other, &list, PATIENT, true).expect("JSON").excluded, "a medicine that points to nothing");
    assert!(!excluded(&Exclusions::builtin().expect("the list"), true));
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
    std::io::Write::write_all(&mut file, b"system,code\ndmd,322236009\n").expect("written");
    let sources = crate::release::Sources { files: vec![file.path().to_owned()], ..sources };
    let list = crate::release::Lists::load(&sources, &rules).expect("lists").on(time::Date::MIN);
    assert!(find(other, &list, PATIENT, true).expect("JSON").excluded, "by its code");
    assert!(!find(other, &list, PATIENT, false).expect("JSON").excluded, "no medicine");
}

#[test]
fn an_element_goes_with_the_reference_that_it_was_there_for() {
    use serde_json::{Value, json};
    let gone: HashSet<String> = ["Condition/x".to_owned(), "Observation/y".to_owned()].into();
    let left = |resource: Value| match edit::without_references(&resource.to_string(), &gone) {
        Some(Stripped::Left(text)) => serde_json::from_str::<Value>(&text).expect("JSON"),
        Some(Stripped::Void) => Value::Null,
        None => panic!("it is JSON"),
    };
    let x = json!({ "reference": "Condition/x", "display": "x" });
    let z = json!({ "reference": "Condition/z" });
    for (before, after) in [
        (json!({ "reasonReference": [x, z] }), json!({ "reasonReference": [z] })),
        (json!({ "a": 1, "reasonReference": [x] }), json!({ "a": 1 })),
        (json!({ "a": 1, "encounter": x }), json!({ "a": 1 })),
        (json!({ "entry": [{ "date": "2026", "item": x }, { "item": z }] }), json!({ "entry": [{ "item": z }] })),
        (json!({ "a": 1, "diagnosis": [{ "rank": 1, "condition": x }] }), json!({ "a": 1 })),
        (json!({ "a": 1, "performer": [{ "function": {}, "actor": x }] }), json!({ "a": 1 })),
        (json!({ "participant": [{ "type": "t", "individual": x }] }), json!({ "participant": [{ "type": "t" }] })),
        (json!({ "a": 1, "extension": [{ "url": "u", "valueReference": x }] }), json!({ "a": 1 })),
        (
            json!({ "section": [{ "title": "t", "entry": [x, z] }] }),
            json!({ "section": [{ "title": "t", "entry": [z] }] }),
        ),
        (json!({ "a": 1, "basedOn": [{ "reference": "https://e/R4/Condition/x/_history/2" }] }), json!({ "a": 1 })),
        (json!({ "subject": x }), Value::Null),
        (json!({ "patient": x }), Value::Null),
        (json!({ "target": [x] }), Value::Null),
        (json!({ "target": [x, z] }), json!({ "target": [z] })),
        (json!({ "medicationReference": x }), Value::Null),
        (json!({ "code": {}, "result": [x] }), Value::Null),
        (json!({ "code": {}, "hasMember": [x] }), Value::Null),
        (json!({ "result": [x], "conclusion": "c" }), json!({ "conclusion": "c" })),
        (json!({ "result": [x], "presentedForm": [{ "title": "t" }] }), json!({ "presentedForm": [{ "title": "t" }] })),
        (json!({ "hasMember": [x], "valueString": "v" }), json!({ "valueString": "v" })),
        (json!({ "hasMember": [x], "component": [1] }), json!({ "component": [1] })),
        (
            json!({ "hasMember": [x], "dataAbsentReason": { "text": "t" } }),
            json!({ "dataAbsentReason": { "text": "t" } }),
        ),
        (json!({ "hasMember": [x], "result": [z] }), json!({ "result": [z] })),
    ] {
        assert_eq!(left(before.clone()), after, "{before}");
    }
}
