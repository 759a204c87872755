//! Each ConceptMap is valid FHIR, and each of its rows is what the mapping really does: a record with that word in it
//! becomes a resource with that code, and a word without a target becomes none.

use super::super::tests::{coded, mapped_in, plan, record, valued};
use super::*;
use crate::kinds::{Kind, View};
use crate::record::{
    Address, Code, Encounter, Event, Fate, Organisation, Patient, Person, Problem, Range, Reason, Record, Role, User,
    UserInRole, Value,
};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

fn whole(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}

fn texts(value: &Json, member: &str) -> Vec<String> {
    value[member].as_array().into_iter().flatten().filter_map(|v| v["code"].as_str().map(Into::into)).collect()
}

#[test]
fn every_map_of_the_folder_is_loaded_and_is_valid_fhir() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/mapping");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, TEXTS.len());
    let mut urls = BTreeSet::new();
    for (map, text) in TEXTS {
        let json = whole(text);
        // Unknown members, wrong types and cardinalities do not survive this.
        mig_fhir_model::json_to_xml(text.as_bytes()).unwrap_or_else(|_| panic!("{map:?} is not FHIR"));
        assert_eq!((&json["resourceType"], &json["status"]), (&json!("ConceptMap"), &json!("active")));
        let id = json["id"].as_str().expect("id");
        assert_eq!(json["url"], format!("urn:x-mig-fhir:ConceptMap:{id}"));
        assert!(urls.insert(id.to_owned()) && json["description"].as_str().is_some_and(|said| said.len() > 40));
        assert_eq!(rows(*map).len(), json["group"].as_array().expect("groups").len(), "{map:?} is read");
        for group in json["group"].as_array().expect("groups") {
            let codes = texts(group, "element");
            assert!(!codes.is_empty() && codes.iter().collect::<BTreeSet<_>>().len() == codes.len(), "{map:?}");
            for target in group["element"].as_array().expect("elements").iter().filter_map(|e| e["target"].as_array()) {
                for target in target {
                    let equivalence = target["equivalence"].as_str().expect("equivalence");
                    assert!(["equivalent", "wider", "relatedto", "unmatched"].contains(&equivalence), "{equivalence}");
                    // cmd-1: what is not an exact match says why where it may be narrower; unmatched has no code.
                    assert_eq!(equivalence == "unmatched", target.get("code").is_none(), "{map:?}");
                }
            }
        }
    }
}

/// Every code of every coding and every plain code below a value.
fn codes(value: &Json, into: &mut BTreeSet<String>) {
    match value {
        Json::Object(members) => members.values().for_each(|value| codes(value, into)),
        Json::Array(items) => items.iter().for_each(|value| codes(value, into)),
        Json::String(text) => {
            into.insert(text.clone());
        }
        _ => {}
    }
}

fn says(value: &Json, code: &str) -> bool {
    let mut all = BTreeSet::new();
    codes(value, &mut all);
    all.contains(code)
}

fn problem(status: Option<&str>, significance: Option<&str>, episodicity: Option<&str>) -> Json {
    let event = Event { episodicity: episodicity.map(Into::into), ..coded("p", "OBS", "C10", "Diabetes mellitus") };
    let mut whole = record(vec![event]);
    let problem =
        Problem { status: status.map(Into::into), significance: significance.map(Into::into), ..Problem::default() };
    whole.problems.insert("p".into(), problem);
    mapped_in(&whole, View::Problems).one(Kind::Condition).clone()
}

fn observed(change: impl FnOnce(&mut Event)) -> Json {
    let mut event = valued("v", "44P", "Serum cholesterol", "5.0", "nobody's unit");
    change(&mut event);
    mapped_in(&record(vec![event]), View::Investigations).one(Kind::Observation).clone()
}

fn ranged(range: Range) -> Json {
    let range = Range { low: Some((None, "1".into())), ..range };
    observed(|event| {
        event.value = Some(Value::Numeric {
            operator: None,
            value: "5".into(),
            units: None,
            ucum: None,
            range: Some(Box::new(range)),
        });
    })["referenceRange"][0]
        .clone()
}

fn person(change: impl FnOnce(&mut Person)) -> Json {
    let mut whole = Record::default();
    let mut person = Person::default();
    change(&mut person);
    whole.persons.insert("p".into(), person);
    whole.patient = Some(Patient { person: Some("p".into()), ..Patient::default() });
    mapped_in(&whole, View::PatientDetails).one(Kind::Patient).clone()
}

/// What a record with this word becomes, where the map's target should be.
#[allow(clippy::too_many_lines, reason = "one arm a map")]
fn outcome(map: Map, group: usize, word: &str) -> Json {
    match map {
        Map::AbnormalFlag => {
            observed(|event| event.abnormal = Some((true, Some(word.into()))))["interpretation"].clone()
        }
        Map::AddressType => {
            let address = Address { kind: Some(word.into()), lines: vec!["1 Road".into()], ..Address::default() };
            person(|person| person.addresses = vec![address])["address"].clone()
        }
        Map::AllergyCategory => {
            let code = Code { code: Some("X1".into()), system: Some(word.into()), ..Code::default() };
            let event = Event { code: Some(code), ..coded("a", "ALL", "", "Penicillin") };
            mapped_in(&record(vec![event]), View::RisksAndWarnings).one(Kind::AllergyIntolerance)["category"].clone()
        }
        Map::CodeSystem => {
            // As a problem it is a Condition whatever its code.
            let condition = |code: &str| {
                let code = Code { code: Some(code.into()), system: Some(word.into()), ..Code::default() };
                let mut whole = record(vec![Event { code: Some(code), ..coded("a", "OBS", "", "Asthma") }]);
                whole.problems.insert("a".into(), Problem::default());
                mapped_in(&whole, View::Problems).one(Kind::Condition)["code"].clone()
            };
            let codings = condition("195967001")["coding"][0].clone();
            // A number is SNOMED CT or an EMIS code by its form; the other schemes are what they say.
            if word.ends_with("6.3") {
                return condition("EMISX");
            }
            if word.ends_with("6.2") {
                return observed(|_| ())["code"].clone();
            }
            codings
        }
        Map::ConsultationType => {
            let encounter = Encounter { id: "e".into(), consultation_type: Some(word.into()), ..Encounter::default() };
            let whole = Record { encounters: vec![encounter], ..Record::default() };
            mapped_in(&whole, View::Events).one(Kind::Encounter)["class"].clone()
        }
        Map::DrugStatus => mapped_in(&record(vec![plan("m", word, "R")]), View::Medication)
            .one(Kind::MedicationStatement)["status"]
            .clone(),
        Map::Episodicity => problem(Some("A"), None, Some(word))["extension"].clone(),
        Map::EventType => {
            let mut event = coded("x", word, "1371", "Never smoked");
            event.children = vec!["member".into()];
            let member = valued("member", "44P", "Serum cholesterol", "5.0", "mmol/L");
            let mapped = mapped_in(&record(vec![event, member]), View::Events);
            if mapped.ledger.fate("x") == Some(Fate::Omitted(Reason::OutsideRecord)) {
                return Json::Null;
            }
            // An issue without its plan is a MedicationStatement too.
            let own = mapped.resources.iter().filter(|(_, id, _)| *id == mapped.resources[0].1);
            json!(own.map(|(kind, ..)| kind.as_str()).collect::<Vec<_>>())
        }
        Map::IssueMethod => {
            let mut event = plan("m", "A", "R");
            event.medication.as_mut().expect("plan").last_issue_method = Some(word.into());
            mapped_in(&record(vec![event]), View::Medication).one(Kind::MedicationStatement)["extension"].clone()
        }
        Map::Operator => {
            let value =
                Value::Numeric { operator: Some(word.into()), value: "5".into(), units: None, ucum: None, range: None };
            let said = observed(|event| event.value = Some(value));
            assert_eq!(said["valueQuantity"]["value"], 5, "known operators never leave a value as text");
            said["valueQuantity"]["comparator"].clone()
        }
        Map::ProblemSignificance => problem(Some("A"), Some(word), None)["extension"].clone(),
        Map::ProblemStatus => {
            let said = problem(Some(word), None, None);
            [&said["clinicalStatus"], &said["verificationStatus"], &said["extension"]][group].clone()
        }
        Map::RangeQualifier => ranged(Range { qualifier: Some(word.into()), ..Range::default() })["type"].clone(),
        Map::ResultStatus => observed(|event| {
            event.result_status = Some(word.into());
            event.value = None;
        })["status"]
            .clone(),
        Map::Severity => {
            let snomed = |code: &str| Code {
                code: Some(code.into()),
                system: Some("2.16.840.1.113883.2.1.3.2.4.15".into()),
                ..Code::default()
            };
            let mut event = coded("a", "ALL", "14L1", "H/O: penicillin allergy");
            event.code.as_mut().expect("code").qualifiers.push((snomed("246112005"), snomed(word)));
            mapped_in(&record(vec![event]), View::RisksAndWarnings).one(Kind::AllergyIntolerance)["reaction"].clone()
        }
        Map::Sex => person(|person| person.sex = Some(word.into()))["gender"].clone(),
        Map::Units => observed(|event| {
            event.value = Some(Value::Numeric {
                operator: None,
                value: "5".into(),
                units: Some(word.into()),
                ucum: None,
                range: None,
            });
        })["valueQuantity"]["code"]
            .clone(),
        Map::UserIdentifier => {
            let mut whole = record(vec![Event { authorising: Some("u".into()), ..coded("o", "OBS", "1371", "x") }]);
            whole.users.insert("u".into(), User { person: None });
            whole.roles.insert("r".into(), Role::default());
            whole.organisations.insert("o".into(), Organisation::default());
            let identifiers = vec![(word.to_owned(), "1234567".to_owned())];
            whole.users_in_role.insert("u".into(), UserInRole { user: Some("u".into()), role: None, identifiers });
            mapped_in(&whole, View::Events).one(Kind::Practitioner)["identifier"].clone()
        }
    }
}

#[test]
fn every_row_is_what_the_mapping_does() {
    let mut rows = 0;
    for (map, text) in TEXTS {
        let json = whole(text);
        for (at, group) in json["group"].as_array().expect("groups").iter().enumerate() {
            let targets = |element: &Json| texts(element, "target");
            let possible: BTreeSet<String> =
                group["element"].as_array().expect("elements").iter().flat_map(targets).collect();
            for element in group["element"].as_array().expect("elements") {
                let word = element["code"].as_str().expect("code");
                let said = outcome(*map, at, word);
                let target = targets(element).into_iter().next();
                match &target {
                    Some(code) => assert!(says(&said, code), "{map:?} {word}: {code} is not in {said}"),
                    None => assert!(!possible.iter().any(|code| says(&said, code)), "{map:?} {word}: {said}"),
                }
                rows += 1;
            }
        }
    }
    assert!(rows > 100, "{rows}");
}

/// The one target that hangs on its context: a SNOMED CT id on a medicine is dm+d.
#[test]
fn a_medicine_takes_the_target_of_its_context() {
    let mut event = plan("m", "A", "R");
    event.code = Some(Code {
        code: Some("322236009".into()),
        system: Some("2.16.840.1.113883.2.1.3.2.4.15".into()),
        ..Code::default()
    });
    let mapped = mapped_in(&record(vec![event]), View::Medication);
    let said = &mapped.one(Kind::MedicationStatement)["medicationCodeableConcept"]["coding"][0]["system"];
    let row = row(Map::CodeSystem, "2.16.840.1.113883.2.1.3.2.4.15").expect("a row");
    assert_eq!(said, row.target_in("medicine").expect("a target").code.as_str());
}

#[test]
fn a_word_that_no_map_knows_is_degraded_and_never_an_error() {
    let condition = problem(Some("?"), Some("?"), Some("?"));
    assert_eq!(condition["clinicalStatus"]["coding"][0]["code"], "active");
    assert_eq!(condition["note"][0]["text"], "Problem status not recognised: shown as active");
    let condition = problem(None, Some("A"), None);
    assert_eq!(condition["note"][0]["text"], "Problem status not recorded: shown as active");
    assert!(condition.get("extension").is_none());
    let observation = observed(|event| {
        event.result_status = Some("?".into());
        event.abnormal = Some((true, Some("?".into())));
    });
    assert_eq!(
        (&observation["status"], &observation["interpretation"][0]["coding"][0]["code"]),
        (&json!("unknown"), &json!("A"))
    );
    assert_eq!(observation["valueQuantity"], json!({"value": 5.0, "unit": "nobody's unit"}));
    assert!(person(|person| person.sex = Some("?".into())).get("gender").is_none());
    let unknown = mapped_in(&record(vec![coded("q", "QQ", "1371", "Never smoked")]), View::Events);
    assert_eq!(unknown.ledger.fate("q"), Some(Fate::Omitted(Reason::NotServed)));
}
