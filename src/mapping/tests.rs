//! The rows of the mapping tables, one by one, and what must hold of any record. Long because it is one list of cases.

use super::maker::Made;
use super::{Context, make};
use crate::ids::{NhsNumber, Sealer};
use crate::kinds::{Kind, View};
use crate::record::{
    Address, Code, Encounter, Event, Fate, Issue, Ledger, LocalMixture, Medication, Organisation, PartialDate, Patient,
    Person, Problem, Range, Reason, Record, Role, Supply, User, UserInRole, Value,
};
use serde_json::{Value as Json, json};
use time::macros::{date, datetime};

const READ: &str = "2.16.840.1.113883.2.1.6.2";
const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";

fn code(system: &str, code: &str, display: &str) -> Code {
    Code { code: Some(code.into()), system: Some(system.into()), display: Some(display.into()), ..Default::default() }
}

pub(super) fn coded(id: &str, kind: &str, read: &str, term: &str) -> Event {
    Event {
        id: id.into(),
        kind: kind.into(),
        code: Some(code(READ, read, term)),
        term: Some(term.into()),
        effective: Some(PartialDate::Day(date!(2026 - 11 - 02))),
        ..Default::default()
    }
}

pub(super) fn numeric(value: &str, units: &str) -> Value {
    Value::Numeric { operator: None, value: value.into(), units: Some(units.into()), ucum: None, range: None }
}

pub(super) fn valued(id: &str, read: &str, term: &str, value: &str, units: &str) -> Event {
    Event { value: Some(numeric(value, units)), ..coded(id, "VAL", read, term) }
}

pub(super) fn plan(id: &str, status: &str, kind: &str) -> Event {
    let supply = Supply { prescription_type: Some(kind.into()), ..Default::default() };
    let medication = Medication { supply, status: Some(status.into()), ..Default::default() };
    let drug = code("EMISPREPARATION", "AMCA1", "Amoxicillin 500mg capsules");
    Event {
        code: Some(drug),
        medication: Some(Box::new(medication)),
        ..coded(id, "MED", "", "Amoxicillin 500mg capsules")
    }
}

pub(super) fn issue(id: &str, plan: Option<&str>) -> Event {
    let issue = Issue { plan: plan.map(Into::into), ..Default::default() };
    let drug = code("EMISPREPARATION", "AMCA1", "Amoxicillin 500mg capsules");
    Event { code: Some(drug), issue: Some(Box::new(issue)), ..coded(id, "ISS", "", "Amoxicillin 500mg capsules") }
}

pub(super) fn record(events: Vec<Event>) -> Record {
    Record { events, ..Default::default() }
}

pub(super) fn number() -> NhsNumber {
    NhsNumber::parse("9990000018").expect("valid")
}

pub(super) struct Outcome {
    pub resources: Vec<(Kind, String, Json)>,
    views: Vec<Vec<View>>,
    pub ledger: Ledger,
}

impl Outcome {
    pub(super) fn of(&self, kind: Kind) -> Vec<&Json> {
        self.resources.iter().filter(|(k, ..)| *k == kind).map(|(.., json)| json).collect()
    }

    pub(super) fn one(&self, kind: Kind) -> &Json {
        let all = self.of(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all[0]
    }
}

pub(super) fn mapped_in(record: &Record, view: View) -> Outcome {
    let sealer = Sealer::new(0, &[7; 64]);
    let context = Context {
        patient: number(),
        sealer: &sealer,
        view,
        practice: ("A82001", Some("The Surgery")),
        now: datetime!(2026-11-24 10:00 UTC),
    };
    let mut ledger = Ledger::default();
    let (made, _) = make(record, &mut ledger, &context);
    let mut views = Vec::new();
    let resources = made
        .into_iter()
        .map(|Made { kind, id, resource, facts }| {
            views.push(facts.placed_in);
            let bytes = mig_fhir_model::to_json(&resource).expect("valid");
            (kind, id.as_str().to_owned(), serde_json::from_slice(&bytes).expect("JSON"))
        })
        .collect();
    Outcome { resources, views, ledger }
}

pub(super) fn mapped(record: &Record) -> Outcome {
    mapped_in(record, View::Summary)
}

pub(super) fn tags(resource: &Json) -> Vec<&str> {
    let tags = resource["meta"]["tag"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(tags.iter().all(|tag| tag["system"] == "urn:x-mig-fhir:CodeSystem:view"));
    tags.iter().filter_map(|tag| tag["code"].as_str()).collect()
}

fn pressure(children: Vec<Event>) -> Record {
    let links = children.iter().map(|child| child.id.clone()).collect();
    let panel = Event { children: links, ..coded("bp", "INV", "246", "O/E - blood pressure reading") };
    record(std::iter::once(panel).chain(children).collect())
}

fn systolic(id: &str, value: &str) -> Event {
    valued(id, "2469", "O/E - Systolic BP reading", value, "mm Hg")
}

fn diastolic(id: &str, value: &str) -> Event {
    valued(id, "246A", "O/E - Diastolic BP reading", value, "mm Hg")
}

#[test]
fn a_problem_is_a_problem_list_item_with_its_significance_and_never_a_severity() {
    let mut whole = record(vec![coded("p1", "OBS", "C10", "Diabetes mellitus")]);
    let problem = Problem {
        status: Some("A".into()),
        significance: Some("S".into()),
        expected_duration: Some(("D".into(), 28)),
        ..Default::default()
    };
    whole.problems.insert("p1".into(), problem);
    let outcome = mapped(&whole);
    let condition = outcome.one(Kind::Condition);
    let id = outcome.resources[0].1.clone();
    let patient = Sealer::new(0, &[7; 64]).seal_patient(number());
    assert_eq!(
        *condition,
        json!({
            "resourceType": "Condition",
            "id": id,
            "meta": {
                "profile": ["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Condition"],
                "security": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOINTEGRATE"},
                    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "DELAU"}
                ],
                "tag": [
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Problems"},
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Problems.current"},
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Summary"},
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Summary.problems"},
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Diagnosis"},
                    {"system": "urn:x-mig-fhir:CodeSystem:view", "code": "Diagnosis.current"}
                ]
            },
            "extension": [{
                "url": "urn:x-mig-fhir:StructureDefinition:problem-significance",
                "valueCode": "major"
            }],
            "clinicalStatus": {"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}
            ]},
            "category": [{"coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}
            ]}],
            "code": {
                "coding": [{
                    "system": "http://read.info/readv2", "code": "C10..", "display": "Diabetes mellitus",
                    "userSelected": true
                }],
                "text": "Diabetes mellitus"
            },
            "subject": {"reference": format!("Patient/{patient}")},
            "onsetDateTime": "2026-11-02",
            "note": [{"text": "Expected duration: 28 days"}]
        })
    );
}

#[test]
fn a_past_problem_is_inactive_with_its_end_and_an_active_one_keeps_its_end_as_a_note() {
    for (status, clinical, abates) in [("I", "inactive", true), ("A", "active", false)] {
        let mut whole = record(vec![coded("p1", "OBS", "H33", "Asthma")]);
        let end = Some(PartialDate::Month(2020, 3));
        let problem = Problem { status: Some(status.into()), end, ..Default::default() };
        whole.problems.insert("p1".into(), problem);
        let outcome = mapped(&whole);
        let condition = outcome.one(Kind::Condition);
        assert_eq!(condition["clinicalStatus"]["coding"][0]["code"], clinical);
        assert_eq!(condition["abatementDateTime"] == "2020-03", abates);
        assert_eq!(condition["note"][0]["text"] == "Problem end date: 2020-03", !abates);
        assert!(condition.get("severity").is_none());
    }
}

#[test]
fn a_diagnosis_that_is_no_problem_claims_no_clinical_status() {
    let outcome = mapped(&record(vec![coded("d", "OBS", "H33", "Asthma")]));
    let condition = outcome.one(Kind::Condition);
    assert!(condition.get("clinicalStatus").is_none());
    assert_eq!(condition["category"][0]["coding"][0]["code"], "encounter-diagnosis");
    assert_eq!(tags(condition), ["Diagnosis"]);
    assert_eq!(outcome.views[0], [View::Diagnosis]);
}

#[test]
fn a_problem_links_its_observations_as_evidence_and_is_the_reason_of_medicines() {
    let mut whole = record(vec![
        coded("p1", "OBS", "C10", "Diabetes mellitus"),
        valued("v1", "44P", "Serum cholesterol", "4.10", "mmol/L"),
        plan("m1", "A", "R"),
    ]);
    let links = vec!["v1".into(), "m1".into(), "elsewhere".into()];
    whole.problems.insert("p1".into(), Problem { status: Some("A".into()), links, ..Default::default() });
    let outcome = mapped(&whole);
    let observation = format!("Observation/{}", outcome.one(Kind::Observation)["id"].as_str().expect("id"));
    let condition = outcome.one(Kind::Condition);
    assert_eq!(condition["evidence"], json!([{"detail": [{"reference": observation}]}]));
    let condition = format!("Condition/{}", condition["id"].as_str().expect("id"));
    assert_eq!(outcome.one(Kind::MedicationStatement)["reasonReference"], json!([{"reference": condition}]));
}

#[test]
fn an_allergy_that_defines_a_problem_is_both_and_the_problems_end_does_not_end_it() {
    let mut whole = record(vec![coded("a1", "ALL", "14L1", "H/O: penicillin allergy")]);
    let end = Some(PartialDate::Year(2019));
    whole.problems.insert("a1".into(), Problem { status: Some("I".into()), end, ..Default::default() });
    let outcome = mapped(&whole);
    assert_eq!(outcome.one(Kind::Condition)["clinicalStatus"]["coding"][0]["code"], "inactive");
    let allergy = outcome.one(Kind::AllergyIntolerance);
    assert_eq!(allergy["clinicalStatus"]["coding"][0]["code"], "active");
    assert_eq!(allergy["verificationStatus"]["coding"][0]["code"], "unconfirmed");
    assert_eq!(allergy["category"], json!(["medication"]));
    assert_eq!(allergy["recordedDate"], "2026-11-02");
    assert!(allergy.get("onsetDateTime").is_none());
    assert_eq!(tags(allergy), ["RisksAndWarnings", "RisksAndWarnings.allergies", "Summary", "Summary.allergies"]);
}

#[test]
fn a_text_that_the_wire_profile_keeps_is_the_note_of_an_allergy_and_of_nothing_else() {
    let text = |mut event: Event| {
        event.associated_texts = vec!["Rash as a child".to_owned()];
        event
    };
    let allergy = text(coded("a1", "ALL", "14L1", "H/O: penicillin allergy"));
    let other = text(coded("o1", "OBS", "H33", "Asthma"));
    let outcome = mapped_in(&record(vec![allergy, other]), View::RisksAndWarnings);
    assert_eq!(outcome.one(Kind::AllergyIntolerance)["note"][0]["text"], "Rash as a child");
    let noted = outcome.resources.iter().filter(|(.., json)| json.to_string().contains("Rash as a child"));
    assert_eq!(noted.count(), 1);
}

#[test]
fn an_allergy_filed_as_an_observation_surfaces_and_its_category_is_only_what_is_certain() {
    for (read, category) in [("14L", json!(["medication"])), ("SN53", Json::Null), ("ZV14", json!(["medication"]))] {
        let outcome = mapped(&record(vec![coded("o", "OBS", read, "An allergy")]));
        assert_eq!(outcome.one(Kind::AllergyIntolerance)["category"], category, "{read}");
        assert!(outcome.of(Kind::Observation).is_empty());
        assert!(outcome.of(Kind::Condition).is_empty());
    }
    let family = mapped(&record(vec![coded("o", "OBS", "12L", "FH: allergy")]));
    assert!(family.of(Kind::AllergyIntolerance).is_empty());
}

#[test]
fn a_target_drug_is_the_substance_of_a_reaction_without_information_on_its_manifestation() {
    let drug = code("EMISAPPROVEDNAMEALLERGY", "PE1", "Penicillin");
    let event = Event { target_drug: Some(Box::new(drug)), ..coded("a", "ALL", "14L", "H/O: drug allergy") };
    let outcome = mapped(&record(vec![event]));
    let reaction = &outcome.one(Kind::AllergyIntolerance)["reaction"][0];
    assert_eq!(reaction["substance"]["text"], "Penicillin");
    assert_eq!(reaction["manifestation"][0]["coding"][0]["code"], "NI");
}

#[test]
fn no_known_allergies_is_said_when_coded_and_stands_beside_others() {
    let none = code(SNOMED, "716186003", "No known allergy");
    let none = Event { code: Some(none), ..coded("n", "OBS", "", "No known allergy") };
    let outcome = mapped(&record(vec![none, coded("a", "ALL", "14L1", "H/O: penicillin allergy")]));
    let allergies = outcome.of(Kind::AllergyIntolerance);
    assert_eq!(allergies.len(), 2);
    assert_eq!(allergies[0]["code"]["coding"][0]["code"], "716186003");
    assert!(allergies[0].get("category").is_none());
}

#[test]
fn a_paired_blood_pressure_is_one_observation_with_loinc_codes() {
    let outcome = mapped(&pressure(vec![systolic("s", "142"), diastolic("d", "88")]));
    let panel = outcome.one(Kind::Observation);
    assert_eq!(
        panel["code"]["coding"][1],
        json!({
            "system": "http://loinc.org", "code": "85354-9",
            "display": "Blood pressure panel with all children optional", "userSelected": false
        })
    );
    assert_eq!(panel["component"][0]["code"]["coding"][1]["code"], "8480-6");
    assert_eq!(
        panel["component"][0]["valueQuantity"],
        json!({
            "value": 142, "unit": "mm Hg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"
        })
    );
    assert_eq!(panel["component"][1]["code"]["coding"][1]["code"], "8462-4");
    assert_eq!(panel["category"][0]["coding"][0]["code"], "vital-signs");
    assert_eq!(panel["effectiveDateTime"], "2026-11-02");
    assert_eq!(tags(panel), ["Examination", "Examination.bloodPressures"]);
    assert_eq!(panel["meta"]["profile"], json!(["https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation"]));
    assert_eq!(outcome.ledger.fate("s"), Some(Fate::Component));
    assert_eq!(outcome.ledger.fate("bp"), Some(Fate::Source));
}

#[test]
fn a_reading_that_is_missing_is_said_to_be_absent() {
    let outcome = mapped(&pressure(vec![systolic("s", "142")]));
    let panel = outcome.one(Kind::Observation);
    assert_eq!(panel["component"][1]["dataAbsentReason"]["coding"][0]["code"], "unknown");
    assert_eq!(panel["component"][1]["code"]["coding"][1]["code"], "8462-4");
    assert!(panel["component"][1].get("valueQuantity").is_none());
}

#[test]
fn two_diastolics_keep_every_reading_and_claim_no_loinc_code() {
    let outcome = mapped(&pressure(vec![systolic("s", "142"), diastolic("d1", "88"), diastolic("d2", "84")]));
    let panel = outcome.one(Kind::Observation);
    assert_eq!(panel["component"].as_array().map(Vec::len), Some(3));
    assert!(!panel.to_string().contains("loinc"));
}

#[test]
fn a_reading_without_its_unit_or_its_day_claims_no_loinc_code() {
    let mut unitless = systolic("s", "142");
    unitless.value = Some(numeric("142", ""));
    assert!(
        !mapped(&pressure(vec![unitless, diastolic("d", "88")])).one(Kind::Observation).to_string().contains("loinc")
    );
    let mut monthly = pressure(vec![systolic("s", "142"), diastolic("d", "88")]);
    for event in &mut monthly.events {
        event.effective = Some(PartialDate::Month(2026, 11));
    }
    let outcome = mapped(&monthly);
    assert_eq!(outcome.one(Kind::Observation)["effectiveDateTime"], "2026-11");
    assert!(!outcome.one(Kind::Observation).to_string().contains("loinc"));
}

#[test]
fn a_reading_of_another_day_keeps_its_own_date() {
    let mut other = diastolic("d", "88");
    other.effective = Some(PartialDate::Day(date!(2026 - 11 - 01)));
    let outcome = mapped(&pressure(vec![systolic("s", "142"), other]));
    let all = outcome.of(Kind::Observation);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["effectiveDateTime"], "2026-11-01");
    assert_eq!(all[0]["hasMember"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_lone_reading_and_a_blood_pressure_without_value_are_plain_observations() {
    let whole = record(vec![systolic("s", "142"), coded("v", "VAL", "246", "O/E - blood pressure reading")]);
    let outcome = mapped(&whole);
    assert_eq!(outcome.of(Kind::Observation).len(), 2);
    for observation in outcome.of(Kind::Observation) {
        assert!(observation.get("component").is_none());
        assert!(!observation.to_string().contains("loinc"));
        assert_eq!(tags(observation), ["Examination", "Examination.bloodPressures"]);
    }
    let empty = mapped(&pressure(Vec::new()));
    assert!(empty.of(Kind::Observation).is_empty());
    assert_eq!(empty.ledger.fate("bp"), Some(Fate::Omitted(Reason::Empty)));
}

#[test]
fn a_battery_has_its_released_members_in_order_and_an_empty_one_is_not_made() {
    let battery = |id: &str, children: &[&str]| Event {
        children: children.iter().map(|child| (*child).into()).collect(),
        ..coded(id, "INV", "424", "Full blood count")
    };
    let whole = record(vec![
        battery("fbc", &["hb", "gone", "plt", "fbc"]),
        valued("hb", "423", "Haemoglobin estimation", "131", "g/L"),
        valued("plt", "42P", "Platelet count", "250", "10*9/L"),
        battery("empty", &["gone", "nested"]),
        battery("nested", &["empty"]),
    ]);
    let outcome = mapped(&whole);
    let id = |at: usize| format!("Observation/{}", outcome.of(Kind::Observation)[at]["id"].as_str().expect("id"));
    assert_eq!(outcome.of(Kind::Observation).len(), 3);
    assert_eq!(outcome.of(Kind::Observation)[0]["hasMember"], json!([{"reference": id(1)}, {"reference": id(2)}]));
    assert_eq!(outcome.ledger.fate("nested"), Some(Fate::Omitted(Reason::Empty)));
    assert_eq!(
        tags(outcome.of(Kind::Observation)[1]),
        ["Investigations", "Investigations.haematology", "Investigations.recent", "Summary", "Summary.tests"]
    );
}

#[test]
fn a_value_keeps_its_digits_its_range_and_says_why_it_is_abnormal() {
    let mut event = valued("v", "44P", "Serum cholesterol", "7.10", "mmol/L");
    let range = Range {
        low: Some((None, "3.0".into())),
        high: Some((None, "6.50".into())),
        units: Some("mmol/L".into()),
        ..Default::default()
    };
    event.value = Some(Value::Numeric {
        operator: Some(">=".into()),
        value: "7.10".into(),
        units: Some("mmol/L".into()),
        ucum: None,
        range: Some(Box::new(range)),
    });
    event.abnormal = Some((true, Some(String::new())));
    event.effective = Some(PartialDate::Year(2020));
    event.available = Some(datetime!(2020-07-01 09:00 UTC));
    let sealer = Sealer::new(0, &[7; 64]);
    let whole = record(vec![event]);
    let context = Context {
        patient: number(),
        sealer: &sealer,
        view: View::Investigations,
        practice: ("A82001", None),
        now: datetime!(2026-11-24 10:00 UTC),
    };
    let (made, _) = make(&whole, &mut Ledger::default(), &context);
    let text = String::from_utf8(mig_fhir_model::to_json(&made[0].resource).expect("valid")).expect("text");
    assert!(text.contains(r#""value":7.10,"comparator":">=""#), "{text}");
    assert!(text.contains(r#""high":{"value":6.50,"#));
    assert!(text.contains(r#""code":"H""#));
    assert!(text.contains(r#""issued":"2020-07-01T10:00:00+01:00""#));
    assert!(text.contains(r#""effectiveDateTime":"2020""#));
    assert_eq!(made[0].facts.tags, ["Investigations", "Investigations.biochemistry"]);
}

#[test]
fn a_value_without_a_value_is_its_code() {
    let outcome = mapped(&record(vec![coded("v", "VAL", "4672", "Urine protein test negative")]));
    let observation = outcome.one(Kind::Observation);
    assert!(observation.get("dataAbsentReason").is_none());
    assert_eq!(observation["status"], "final");
    assert_eq!(observation["category"][0]["coding"][0]["code"], "laboratory");
}

#[test]
fn text_keeps_its_lines_and_qualifiers_become_notes() {
    let mut event = coded("v", "VAL", "4JJ", "Swab");
    event.value = Some(Value::Text { value: " Line one\nLine two ".into(), range: None });
    let name = Code { display: Some("Laterality".into()), ..Default::default() };
    let left = Code { display: Some("Left".into()), ..Default::default() };
    event.code.as_mut().expect("code").qualifiers.push((name, left));
    event.result_status = Some("IN".into());
    let outcome = mapped(&record(vec![event]));
    let observation = outcome.one(Kind::Observation);
    assert_eq!(observation["valueString"], "Line one\nLine two");
    assert_eq!(observation["note"], json!([{"text": "Laterality: Left"}]));
    assert_eq!(observation["status"], "preliminary");
}

#[test]
fn an_operation_is_a_procedure_with_its_partial_date_and_a_refusal_is_not() {
    let mut operation = coded("o", "OBS", "7J0", "Total hip replacement");
    operation.effective = Some(PartialDate::Month(2012, 6));
    let outcome = mapped(&record(vec![operation, coded("r", "OBS", "8I3", "Operation refused")]));
    let procedure = outcome.one(Kind::Procedure);
    assert_eq!(procedure["status"], "completed");
    assert_eq!(procedure["performedDateTime"], "2012-06");
    assert_eq!(tags(procedure), ["Procedures", "Procedures.operations"]);
    assert_eq!(outcome.of(Kind::Observation).len(), 1);
}

#[test]
fn what_no_rule_knows_is_what_its_view_says_and_keeps_that_view() {
    let unknown = || {
        let code = code("1.2.826.0.1.99", "ZZ9", "An unknown term");
        record(vec![Event { code: Some(code), ..coded("u", "OBS", "", "An unknown term") }])
    };
    for (view, kind) in [
        // The view's word alone makes no diagnosis.
        (View::Diagnosis, Kind::Observation),
        (View::Procedures, Kind::Procedure),
        (View::Examination, Kind::Observation),
    ] {
        let outcome = mapped_in(&unknown(), view);
        assert_eq!(tags(outcome.one(kind)), [view.as_str()]);
        assert!(outcome.views[0].is_empty());
        assert_eq!(outcome.one(kind)["category"], Json::Null);
        assert_eq!(outcome.one(kind)["code"]["coding"][0]["system"], "urn:oid:1.2.826.0.1.99");
    }
}

#[test]
fn contraindications_and_admissions_have_their_own_sections() {
    let contra = mapped(&record(vec![coded("c", "OBS", "8I24", "Aspirin contraindicated")]));
    assert_eq!(tags(contra.one(Kind::Flag)), ["RisksAndWarnings", "RisksAndWarnings.contraindications"]);
    assert_eq!(contra.resources.len(), 1, "no allergy, no observation");
    let admitted = mapped(&record(vec![coded("a", "OBS", "8H2", "Emergency hospital admission")]));
    assert_eq!(tags(admitted.one(Kind::ServiceRequest)), ["Events", "Events.admissions"]);
    assert_eq!(admitted.resources.len(), 1, "no encounter without dates");
}

#[test]
fn a_repeat_follows_its_status_and_an_acute_its_dates() {
    let acute = |effective, days| {
        let mut event = plan("m", "C", "A");
        event.effective = Some(PartialDate::Day(effective));
        event.medication.as_mut().expect("plan").supply.duration_days = days;
        event
    };
    let mut stopped = plan("m", "C", "R");
    stopped.medication.as_mut().expect("plan").has_cancellation = true;
    stopped.medication.as_mut().expect("plan").cancelled = Some(datetime!(2026-10-01 09:00 UTC));
    for (event, status, section) in [
        (plan("m", "A", "R"), "active", Some("Medication.current")),
        (plan("m", "C", "R"), "completed", Some("Medication.past")),
        (plan("m", "N", "R"), "unknown", Some("Medication.past")),
        (stopped, "stopped", Some("Medication.past")),
        // Seven days from the 17th end on the 24th, today: the last day counts.
        (acute(date!(2026 - 11 - 17), Some(7)), "active", Some("Medication.current")),
        (acute(date!(2026 - 11 - 16), Some(7)), "completed", Some("Medication.past")),
        (acute(date!(2026 - 10 - 27), None), "active", Some("Medication.current")),
        (acute(date!(2026 - 10 - 26), Some(0)), "completed", Some("Medication.past")),
    ] {
        let outcome = mapped(&record(vec![event]));
        let statement = outcome.one(Kind::MedicationStatement);
        assert_eq!(statement["status"], status);
        assert_eq!(tags(statement).get(1).copied(), section, "{status}");
    }
}

#[test]
fn an_issue_is_an_order_of_its_plan_and_makes_an_acute_current() {
    let mut acute = plan("m", "C", "A");
    acute.effective = Some(PartialDate::Day(date!(2026 - 01 - 01)));
    let outcome = mapped(&record(vec![acute, issue("i", Some("m"))]));
    let statement = outcome.one(Kind::MedicationStatement);
    assert_eq!(statement["status"], "active");
    assert_eq!(statement["extension"][0]["valueDateTime"], "2026-11-02");
    assert_eq!(statement["effectivePeriod"], json!({"start": "2026-01-01"}));
    assert_eq!(outcome.ledger.fate("i"), Some(Fate::Source));
    let requests = outcome.of(Kind::MedicationRequest);
    assert_eq!((&requests[0]["intent"], &requests[0]["status"]), (&json!("plan"), &json!("active")));
    assert_eq!((&requests[1]["intent"], &requests[1]["status"]), (&json!("order"), &json!("completed")));
    let plan = format!("MedicationRequest/{}", requests[0]["id"].as_str().expect("id"));
    assert_eq!(requests[1]["basedOn"], json!([{"reference": plan}]));
    assert_eq!(statement["basedOn"], json!([{"reference": plan}]));
}

#[test]
fn an_issue_without_its_plan_or_of_another_drug_is_never_lost() {
    let mut other = issue("i2", Some("m"));
    other.code = Some(code("EMISPREPARATION", "FLUC1", "Flucloxacillin 500mg capsules"));
    other.term = Some("Flucloxacillin 500mg capsules".into());
    let outcome = mapped(&record(vec![plan("m", "A", "R"), other, issue("i3", Some("elsewhere")), issue("i4", None)]));
    assert_eq!(outcome.of(Kind::MedicationStatement).len(), 4);
    let lone = outcome.of(Kind::MedicationStatement)[3];
    assert_eq!(lone["status"], "unknown");
    assert_eq!(tags(lone), ["Medication", "Medication.issues"]);
}

#[test]
fn a_medicine_has_its_dmd_code_dosage_and_quantity_and_its_inverted_end_is_dropped() {
    let mut event = plan("m", "C", "R");
    event.code.as_mut().expect("code").translations.push(code(SNOMED, "322236009", "Paracetamol 500mg tablets"));
    let medication = event.medication.as_mut().expect("plan");
    medication.supply.dosage = Some("One twice a day".into());
    medication.supply.quantity = Some("28.0".into());
    medication.supply.unit = Some("tablet(s)".into());
    medication.first_issue = Some(PartialDate::Day(date!(2020 - 05 - 02)));
    medication.expiry = Some(PartialDate::Day(date!(2020 - 05 - 01)));
    let outcome = mapped(&record(vec![event]));
    let statement = outcome.one(Kind::MedicationStatement);
    let codings = &statement["medicationCodeableConcept"]["coding"];
    assert_eq!(codings[0]["system"], "https://fhir.hl7.org.uk/Id/emis-drug-codes");
    assert_eq!(codings[0]["userSelected"], true);
    assert_eq!(codings[1]["system"], "https://dmd.nhs.uk");
    assert_eq!(codings[1]["userSelected"], false);
    assert_eq!(statement["dosage"], json!([{"text": "One twice a day"}]));
    assert_eq!(statement["note"][1]["text"], "Quantity: 28.0 tablet(s)");
    assert_eq!(statement["effectivePeriod"], json!({"start": "2020-05-02"}));
}

#[test]
fn a_local_mixture_says_what_it_is_made_of() {
    let mut event = plan("m", "A", "R");
    (event.code, event.term) = (None, None);
    event.medication.as_mut().expect("plan").supply.mixture = Some("x".into());
    let mut whole = record(vec![event]);
    let part = (code("EMISCONSTITUENT", "C1", "Coal tar"), Some("5%".to_owned()));
    whole.mixtures.insert("x".into(), LocalMixture { name: None, constituents: vec![part] });
    let outcome = mapped(&whole);
    assert_eq!(outcome.one(Kind::MedicationStatement)["medicationCodeableConcept"], json!({"text": "Coal tar 5%"}));
}

fn staffed() -> Record {
    let mut whole = Record::default();
    let person = Person { surname: Some("Ash".into()), title: Some("Dr".into()), ..Default::default() };
    whole.persons.insert("staff".into(), Person { birth_date: Some(date!(1970 - 01 - 01)), ..person });
    whole.users.insert("u".into(), User { person: Some("staff".into()) });
    let role =
        Role { name: Some("General Practitioner".into()), organisation: Some("org".into()), ..Default::default() };
    whole.roles.insert("r".into(), role);
    let identifiers = vec![("GP".into(), "1234567".into()), ("Spurious".into(), "x".into())];
    let user_in_role = UserInRole { user: Some("u".into()), role: Some("r".into()), identifiers };
    whole.users_in_role.insert("u".into(), user_in_role);
    let organisation =
        Organisation { name: Some("The Surgery".into()), national_code: Some("A82001".into()), ..Default::default() };
    whole.organisations.insert("org".into(), organisation);
    whole.locations.insert("loc".into(), crate::record::Location { name: Some("Branch".into()), ..Default::default() });
    whole
}

#[test]
fn an_encounter_has_its_participants_its_place_and_its_length() {
    let mut whole = staffed();
    whole.encounters.push(Encounter {
        id: "e".into(),
        effective: Some(PartialDate::Time(datetime!(2026-07-01 09:00 +1))),
        authorising: Some("u".into()),
        entered_by: Some("missing".into()),
        organisation: Some("org".into()),
        location: Some("loc".into()),
        location_type: Some(Code { display: Some("Telephone consultation".into()), ..Default::default() }),
        duration: Some(("N".into(), 10)),
        components: vec!["o".into()],
        complete: true,
        ..Default::default()
    });
    whole.encounters.push(Encounter { id: "empty".into(), ..Default::default() });
    whole.events.push(Event { authorising: Some("u".into()), ..coded("o", "OBS", "1371", "Never smoked") });
    let outcome = mapped_in(&whole, View::Events);
    let encounter = outcome.of(Kind::Encounter)[0];
    assert_eq!(encounter["status"], "finished");
    assert_eq!(encounter["class"]["code"], "VR");
    assert_eq!(encounter["period"], json!({"start": "2026-07-01T09:00:00+01:00", "end": "2026-07-01T09:10:00+01:00"}));
    assert_eq!(encounter["participant"].as_array().map(Vec::len), Some(1));
    assert_eq!(encounter["type"], json!([{"text": "Telephone consultation"}]));
    assert_eq!(outcome.of(Kind::Encounter)[1]["status"], "unknown");
    let id = format!("Encounter/{}", encounter["id"].as_str().expect("id"));
    assert_eq!(outcome.one(Kind::Observation)["encounter"]["reference"], id);
    assert_eq!(
        outcome.one(Kind::Practitioner)["identifier"],
        json!([
            {"system": "https://fhir.hl7.org.uk/Id/gmc-number", "value": "1234567"}
        ])
    );
    assert!(outcome.one(Kind::Practitioner).get("birthDate").is_none());
    assert_eq!(outcome.one(Kind::PractitionerRole)["code"], json!([{"text": "General Practitioner"}]));
    assert_eq!(outcome.one(Kind::Location)["name"], "Branch");
    assert_eq!(outcome.one(Kind::Organization)["identifier"][0]["value"], "A82001");
    assert_no_dangling_references(&outcome);
}

#[test]
fn a_patient_holds_what_the_agreement_lists_and_no_more() {
    let mut whole = staffed();
    let home = Address {
        kind: Some("H".into()),
        lines: vec!["1 High Street".into()],
        town: Some("Leeds".into()),
        postcode: Some("LS1 1AA".into()),
        ..Default::default()
    };
    let person = Person {
        birth_date: Some(date!(1950 - 02 - 03)),
        sex: Some("F".into()),
        forenames: Some("Ann Jane".into()),
        calling_name: Some("Annie".into()),
        surname: Some("Oak".into()),
        title: Some("Mrs".into()),
        addresses: vec![Address { kind: Some("W".into()), ..home.clone() }, home],
    };
    whole.persons.insert("p".into(), person);
    whole.patient = Some(Patient {
        id: "pat".into(),
        person: Some("p".into()),
        registered_gp: Some("u".into()),
        usual_gp: Some("u".into()),
        date_of_death: Some(PartialDate::Month(2026, 1)),
        ..Default::default()
    });
    let outcome = mapped_in(&whole, View::PatientDetails);
    let patient = outcome.one(Kind::Patient);
    assert_eq!(
        patient["identifier"],
        json!([{
            "extension": [{
                "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus",
                "valueCodeableConcept": {"coding": [{
                    "system": "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland",
                    "code": "01", "display": "Number present and verified"
                }]}
            }],
            "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"
        }])
    );
    assert_eq!(
        patient["name"],
        json!([{
            "use": "official", "text": "Mrs Ann Jane Oak", "family": "Oak", "given": ["Ann", "Jane"], "prefix": ["Mrs"]
        }])
    );
    assert_eq!(
        patient["address"],
        json!([{
            "use": "home", "line": ["1 High Street"], "city": "Leeds", "postalCode": "LS1 1AA"
        }])
    );
    assert_eq!(patient["gender"], "female");
    assert_eq!(patient["birthDate"], "1950-02-03");
    assert_eq!(patient["deceasedDateTime"], "2026-01");
    assert_eq!(patient["generalPractitioner"].as_array().map(Vec::len), Some(1));
    assert_eq!(tags(patient), ["PatientDetails"]);
    assert!(!patient.to_string().contains("Annie"));
    let members: Vec<&str> = patient.as_object().expect("object").keys().map(String::as_str).collect();
    let allowed = [
        "resourceType",
        "id",
        "meta",
        "identifier",
        "name",
        "address",
        "gender",
        "birthDate",
        "deceasedDateTime",
        "generalPractitioner",
        "managingOrganization",
    ];
    assert!(members.iter().all(|member| allowed.contains(member)), "{members:?}");
    assert!(mapped_in(&whole, View::Summary).of(Kind::Patient).is_empty());
    assert_no_dangling_references(&outcome);
}

#[test]
fn the_practice_as_located_stands_in_where_the_record_does_not_hold_it() {
    let whole = Record { patient: Some(Patient::default()), ..Default::default() };
    let outcome = mapped_in(&whole, View::PatientDetails);
    let organisation = outcome.one(Kind::Organization);
    assert_eq!(organisation["name"], "The Surgery");
    assert_eq!(organisation["identifier"][0]["value"], "A82001");
    assert_no_dangling_references(&outcome);
}

/// Every reference leads to what was made, but for the patient, whom another view holds; what is noted is what is written.
fn assert_no_dangling_references(outcome: &Outcome) {
    fn collect(value: &Json, found: &mut Vec<String>) {
        match value {
            Json::Object(members) => {
                if let Some(Json::String(reference)) = members.get("reference") {
                    found.push(reference.clone());
                }
                members.values().for_each(|value| collect(value, found));
            }
            Json::Array(items) => items.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut ids: Vec<String> = outcome.resources.iter().map(|(kind, id, _)| format!("{kind}/{id}")).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "no id twice in one type");
    for (_, _, resource) in &outcome.resources {
        let mut found = Vec::new();
        collect(resource, &mut found);
        assert!(found.iter().all(|r| r.starts_with("Patient/") || ids.contains(r)), "{found:?}");
    }
}

/// A record of every kind of entry, links that lead nowhere and links that lead in circles.
fn mixed(count: usize) -> Record {
    let mut whole = staffed();
    let kinds =
        ["OBS", "VAL", "INV", "MED", "ISS", "ALL", "IMM", "REF", "REP", "ALT", "DRY", "ATT", "FH", "TR", "OH", "QQ"];
    let codes =
        ["246", "2469", "246A", "424", "C10", "14L1", "7J0", "8I2", "8H2", "22A", "1371", "EMISNQ12", "H06z0-1"];
    for at in 0..count {
        let id = format!("e{at}");
        let mut event = coded(&id, kinds[at % kinds.len()], codes[at % codes.len()], "A term");
        event.authorising = Some(if at % 3 == 0 { "u".into() } else { "nobody".into() });
        event.value = if at % 4 == 0 { None } else { Some(numeric("1.0", "mm Hg")) };
        event.children = (0..at % 4).map(|n| format!("e{}", (at * 7 + n * 13) % (count + 5))).collect();
        if event.kind == "ISS" {
            event.issue =
                Some(Box::new(Issue { plan: Some(format!("e{}", at.saturating_sub(1))), ..Default::default() }));
        }
        if at % 5 == 0 {
            let links = vec![format!("e{}", (at * 3) % (count + 3)), id.clone()];
            let parents = vec![(format!("e{}", (at + 5) % count), None)];
            whole.problems.insert(id.clone(), Problem { parents, links, ..Default::default() });
        }
        whole.events.push(event);
    }
    let components = (0..count).step_by(2).map(|at| format!("e{at}")).collect();
    whole.encounters.push(Encounter { id: "enc".into(), components, complete: true, ..Default::default() });
    whole
}

#[test]
fn every_entry_has_one_fate_and_no_reference_dangles_on_any_view() {
    let whole = mixed(800);
    for view in View::ALL {
        let outcome = mapped_in(&whole, *view);
        assert_no_dangling_references(&outcome);
        assert_eq!(outcome.ledger.iter().count(), whole.events.len() + whole.encounters.len());
        let sources = outcome.ledger.iter().filter(|(.., fate)| *fate == Fate::Source).count();
        assert!(outcome.resources.len() >= sources);
        for (kind, _, resource) in &outcome.resources {
            let labels = &resource["meta"]["security"];
            assert_eq!((&labels[0]["code"], &labels[1]["code"]), (&json!("NOINTEGRATE"), &json!("DELAU")), "{kind}");
            assert!(resource["meta"].get("lastUpdated").is_none());
            assert_eq!(tags(resource).is_empty(), kind.is_referred_to());
        }
    }
}

#[test]
fn an_entry_that_rules_place_has_the_same_tags_on_every_route() {
    let whole = mixed(200);
    let first = mapped_in(&whole, View::Problems);
    let second = mapped_in(&whole, View::Events);
    let placed = first.resources.iter().zip(&first.views).filter(|(_, views)| !views.is_empty());
    for ((kind, id, resource), _) in placed {
        let same = second.resources.iter().find(|(k, i, _)| k == kind && i == id).expect("made on both routes");
        assert_eq!(resource, &same.2);
    }
}

#[test]
fn kinds_outside_the_record_and_kinds_not_served_are_counted_apart() {
    let mut whole = record(vec![
        coded("dry", "DRY", "246", "Recall"),
        coded("imm", "IMM", "65E", "Influenza vaccination"),
        coded("odd", "ZZZ", "65E", "Influenza vaccination"),
        coded("problem", "IMM", "65F", "Hepatitis B vaccination"),
        Event { code: None, ..coded("text", "OBS", "", "Free text of a consultation") },
        coded("twice", "OBS", "1371", "Never smoked"),
        coded("twice", "VAL", "1371", "Never smoked"),
        coded("", "OBS", "1371", "Never smoked"),
    ]);
    whole.problems.insert("problem".into(), Problem { status: Some("A".into()), ..Default::default() });
    let outcome = mapped(&whole);
    assert_eq!(outcome.ledger.fate("dry"), Some(Fate::Omitted(Reason::OutsideRecord)));
    assert_eq!(outcome.ledger.fate("imm"), Some(Fate::Source));
    assert_eq!(outcome.ledger.fate("odd"), Some(Fate::Omitted(Reason::NotServed)));
    assert_eq!(outcome.ledger.fate("problem"), Some(Fate::Source));
    assert_eq!(outcome.ledger.fate("text"), Some(Fate::Omitted(Reason::Uncoded)));
    assert_eq!(outcome.ledger.fate(""), Some(Fate::Omitted(Reason::NoIdentity)));
    assert_eq!(outcome.of(Kind::Condition).len(), 1);
    assert_eq!(outcome.of(Kind::Observation).len(), 1);
}

#[path = "served_tests.rs"]
mod served;

#[test]
fn mapping_costs_grow_with_the_record_and_not_with_its_square() {
    let time = |count| {
        let whole = mixed(count);
        let start = std::time::Instant::now();
        assert!(!mapped_entries(&whole).is_empty());
        start.elapsed()
    };
    time(500);
    let (small, large) = (time(2_000), time(16_000));
    assert!(large < small * 40 + std::time::Duration::from_millis(200), "{small:?} for 2,000, {large:?} for 16,000");
}

fn mapped_entries(whole: &Record) -> Vec<Made> {
    let sealer = Sealer::new(0, &[7; 64]);
    let context = Context {
        patient: number(),
        sealer: &sealer,
        view: View::Summary,
        practice: ("A82001", None),
        now: datetime!(2026-11-24 10:00 UTC),
    };
    make(whole, &mut Ledger::default(), &context).0
}
