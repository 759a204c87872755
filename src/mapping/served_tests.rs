//! Prescriptions, immunisations, flags, referrals, stays, reports and specimens: the rows of their tables.

use super::*;
use crate::record::{PartialDate, Referral, Report, Specimen};

fn supplied(event: &mut Event, dosage: &str, quantity: &str, unit: &str, days: i64) {
    let supply = match (&mut event.medication, &mut event.issue) {
        (Some(plan), _) => &mut plan.supply,
        (_, Some(issue)) => &mut issue.supply,
        _ => panic!("no supply"),
    };
    supply.dosage = Some(dosage.into());
    supply.quantity = Some(quantity.into());
    supply.unit = Some(unit.into());
    supply.duration_days = Some(days);
}

#[test]
fn a_plan_is_a_request_whose_quantity_keeps_its_digits_and_its_words() {
    let mut event = plan("m", "A", "R");
    supplied(&mut event, "One daily", "28.0", "tablet(s)", 28);
    let medication = event.medication.as_mut().expect("plan");
    medication.issues = Some(4);
    medication.expiry = Some(PartialDate::Day(date!(2027 - 01 - 31)));
    medication.supply.private_prescription = true;
    let outcome = mapped(&record(vec![event]));
    let request = outcome.one(Kind::MedicationRequest);
    assert_eq!(request["status"], "active");
    assert_eq!(request["intent"], "plan");
    assert_eq!(request["authoredOn"], "2026-11-02");
    assert_eq!(request["category"][0]["coding"][0]["code"], "community");
    assert_eq!(request["courseOfTherapyType"]["coding"][0]["code"], "continuous");
    assert_eq!(request["dosageInstruction"], json!([{"text": "One daily"}]));
    assert_eq!(request["substitution"], json!({"allowedBoolean": false}));
    assert_eq!(request["dispenseRequest"]["validityPeriod"], json!({"start": "2026-11-02", "end": "2027-01-31"}));
    let quantity = request["dispenseRequest"]["quantity"].as_object().expect("a quantity");
    assert_eq!((quantity.len(), &quantity["unit"]), (2, &json!("tablet(s)")), "no measure is made of it");
    assert_eq!(request["dispenseRequest"]["expectedSupplyDuration"]["code"], "d");
    assert_eq!(
        request["extension"][0]["extension"],
        json!([
            {"url": "numberOfPrescriptionsIssued", "valueUnsignedInt": 4},
            {"url": "authorisationExpiryDate", "valueDateTime": "2027-01-31"}
        ])
    );
    assert_eq!(request["note"], json!([{"text": "Private prescription"}]));
    assert_eq!(tags(request), tags(outcome.one(Kind::MedicationStatement)));
}

#[test]
fn a_request_and_its_statement_never_tell_differently_and_a_left_out_dosage_reads_like_none() {
    for (status, kind) in [("A", "R"), ("C", "R"), ("N", "R"), ("C", "A"), ("", "")] {
        let outcome = mapped(&record(vec![plan("m", status, kind)]));
        let request = outcome.one(Kind::MedicationRequest);
        assert_eq!(request["status"], outcome.one(Kind::MedicationStatement)["status"]);
        assert_eq!(request["dosageInstruction"][0]["text"], "Not recorded");
    }
}

#[test]
fn a_cancelled_issue_says_so_and_one_in_error_is_an_error() {
    for (reason, status) in [(None, "cancelled"), (Some("ERR"), "entered-in-error"), (Some("REQ"), "cancelled")] {
        let mut event = issue("i", None);
        let said = event.issue.as_mut().expect("issue");
        (said.cancelled, said.cancellation_reason) = (true, reason.map(Into::into));
        let outcome = mapped(&record(vec![event]));
        let order = outcome.one(Kind::MedicationRequest);
        assert_eq!(order["status"], status);
        assert_eq!(order["statusReason"].is_null(), reason.is_none());
        assert_eq!(tags(order), ["Medication", "Medication.issues"]);
    }
}

#[test]
fn an_issue_has_its_plans_type_its_own_as_a_note_and_its_own_period() {
    let mut order = issue("i", Some("m"));
    supplied(&mut order, "One daily", "7", "tablet", 7);
    let said = order.issue.as_mut().expect("issue");
    said.supply.prescription_type = Some("A".into());
    said.method = Some("OH".into());
    let outcome = mapped(&record(vec![plan("m", "A", "R"), order]));
    let order = outcome.of(Kind::MedicationRequest)[1];
    assert_eq!(order["courseOfTherapyType"]["coding"][0]["code"], "continuous");
    assert_eq!(order["dispenseRequest"]["validityPeriod"], json!({"start": "2026-11-02", "end": "2026-11-09"}));
    assert_eq!(order["reportedBoolean"], true);
    assert!(order.get("category").is_none());
    let notes = ["Prescribed at a hospital", "Prescription type of this issue: acute"];
    assert_eq!(order["note"], json!([{"text": notes[0]}, {"text": notes[1]}]));
}

#[test]
fn a_plan_that_was_changed_is_the_prior_prescription_of_the_one_it_names() {
    let mut old = plan("old", "C", "R");
    let said = old.medication.as_mut().expect("plan");
    said.has_cancellation = true;
    said.cancellation_reason = Some("CHG".into());
    said.cancellation_link = Some("new".into());
    let outcome = mapped(&record(vec![old, plan("new", "A", "R")]));
    let requests = outcome.of(Kind::MedicationRequest);
    let old = format!("MedicationRequest/{}", requests[0]["id"].as_str().expect("id"));
    assert_eq!(requests[0]["status"], "stopped");
    assert_eq!(requests[0]["statusReason"]["text"], "Changed");
    assert_eq!(requests[1]["priorPrescription"]["reference"], old);
    assert_no_dangling_references(&outcome);
}

#[test]
fn an_immunisation_keeps_its_procedure_and_says_that_the_product_is_unknown() {
    let mut event = coded("i", "IMM", "65E", "Influenza vaccination");
    let given = event.code.as_mut().expect("code");
    given.translations.push(code(SNOMED, "86198006", "Influenza vaccination"));
    let named = |words: &str| Code { display: Some(words.into()), ..Default::default() };
    given.qualifiers.push((named("Batch number"), named("AB12")));
    given.qualifiers.push((named("Laterality"), named("Left")));
    given.qualifiers.push((named("Site"), named("Deltoid")));
    given.qualifiers.push((named("Certainty"), named("Definite")));
    event.available = Some(datetime!(2026-11-02 09:00 UTC));
    let outcome = mapped(&record(vec![event]));
    let immunization = outcome.one(Kind::Immunization);
    assert_eq!(immunization["status"], "completed");
    assert_eq!(immunization["vaccineCode"]["coding"][0]["code"], "UNK");
    assert_eq!(immunization["vaccineCode"]["text"], "Influenza vaccination");
    let procedure = &immunization["extension"][0]["valueCodeableConcept"];
    assert_eq!(procedure["coding"][1]["code"], "86198006");
    assert_eq!(immunization["occurrenceDateTime"], "2026-11-02");
    assert_eq!(immunization["recorded"], "2026-11-02T09:00:00+00:00");
    assert_eq!(immunization["lotNumber"], "AB12");
    assert_eq!(immunization["site"], json!({"text": "Left, Deltoid"}));
    assert_eq!(immunization["note"], json!([{"text": "Certainty: Definite"}]));
    assert!(immunization.get("primarySource").is_none());
    assert_eq!(tags(immunization), ["Procedures", "Procedures.immunisations"]);
}

#[test]
fn a_vaccine_that_is_coded_is_the_vaccine() {
    let mut event = coded("i", "IMM", "65E", "Influenza vaccination");
    let product = code(SNOMED, "39113611000001102", "A vaccine");
    event.code.as_mut().expect("code").translations.push(product);
    let outcome = mapped(&record(vec![event]));
    let vaccine = &outcome.one(Kind::Immunization)["vaccineCode"];
    assert_eq!(vaccine["coding"][0]["system"], "https://dmd.nhs.uk");
    assert_eq!(vaccine["coding"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_immunisation_that_was_not_given_is_never_completed_and_an_odd_one_is_never_lost() {
    for (read, term) in
        [("9OX5", "Influenza vaccination declined"), ("8I2F", "Influenza vaccination"), ("68NE", "No consent")]
    {
        let outcome = mapped(&record(vec![coded("i", "IMM", read, term)]));
        let immunization = outcome.one(Kind::Immunization);
        assert_eq!(
            (&immunization["status"], &immunization["statusReason"]["text"]),
            (&json!("not-done"), &json!(term))
        );
    }
    let odd = Event { code: None, term: None, effective: None, ..coded("i", "IMM", "", "") };
    let outcome = mapped(&record(vec![odd]));
    let immunization = outcome.one(Kind::Immunization);
    assert_eq!(immunization["occurrenceString"], "unknown");
    assert_eq!(immunization["vaccineCode"]["coding"][0]["code"], "UNK");
}

#[test]
fn an_alert_is_a_flag_that_claims_no_profile() {
    let mut whole = staffed();
    whole.events.push(Event { authorising: Some("u".into()), ..coded("a", "ALT", "9b0", "Needs a ground floor room") });
    let outcome = mapped_in(&whole, View::RisksAndWarnings);
    let flag = outcome.one(Kind::Flag);
    assert_eq!(flag["status"], "active");
    assert_eq!(flag["category"][0]["coding"][0]["code"], "safety");
    assert_eq!(flag["period"], json!({"start": "2026-11-02"}));
    assert!(flag["meta"].get("profile").is_none());
    assert!(flag["author"]["reference"].as_str().is_some_and(|to| to.starts_with("PractitionerRole/")));
    assert_eq!(tags(flag), ["RisksAndWarnings"]);
    assert_no_dangling_references(&outcome);
}

#[test]
fn a_measured_contraindication_is_a_flag_and_keeps_its_value() {
    let event = Event { value: Some(numeric("3", "mg")), ..coded("c", "OBS", "8I24", "Aspirin contraindicated") };
    let outcome = mapped(&record(vec![event]));
    assert_eq!(outcome.of(Kind::Flag).len(), 1);
    assert_eq!(outcome.one(Kind::Observation)["valueQuantity"]["value"], 3);
}

fn referral(id: &str, referral: Referral) -> Event {
    Event { referral: Some(Box::new(referral)), ..coded(id, "REF", "8H46", "Dermatological referral") }
}

#[test]
fn a_referral_is_a_request_of_unknown_outcome_to_whom_it_was_made() {
    let mut whole = staffed();
    let said = Referral {
        speciality: Some("Dermatology".into()),
        target_organisation: Some("org".into()),
        target_user: Some("u".into()),
        urgency: Some("W".into()),
        request_type: Some("OUT".into()),
        direction: Some("OUT".into()),
        ubrn: Some("0000 1234 5678".into()),
        mode: Some("E".into()),
        nhs: Some(false),
        dated: Some(PartialDate::Day(date!(2026 - 12 - 01))),
        ..Default::default()
    };
    whole.events.push(Event { authorising: Some("u".into()), ..referral("r", said) });
    let outcome = mapped_in(&whole, View::Events);
    let request = outcome.one(Kind::ServiceRequest);
    assert_eq!((&request["status"], &request["intent"]), (&json!("unknown"), &json!("order")));
    assert_eq!(request["priority"], "urgent");
    assert_eq!(request["identifier"], json!([{"system": "https://fhir.nhs.uk/Id/UBRN", "value": "000012345678"}]));
    assert_eq!(request["performerType"], json!({"text": "Dermatology"}));
    assert_eq!(request["performer"].as_array().map(Vec::len), Some(2));
    assert_eq!(request["occurrenceDateTime"], "2026-12-01");
    let words: Vec<&str> =
        request["note"].as_array().expect("notes").iter().filter_map(|n| n["text"].as_str()).collect();
    assert_eq!(words, ["Request type: outpatient", "Two week wait", "Mode: electronic", "Not an NHS referral"]);
    assert_eq!(tags(request), ["Events", "Events.referrals"]);
    assert_no_dangling_references(&outcome);
}

#[test]
fn an_incoming_referral_has_its_sender_a_rejected_one_is_revoked_and_words_are_no_booking_number() {
    let mut whole = staffed();
    let said = Referral {
        direction: Some("IN".into()),
        source_organisation: Some("org".into()),
        rejected: true,
        ubrn: Some("see letter".into()),
        request_type: Some("ADM".into()),
        ..Default::default()
    };
    whole.events.push(Event { authorising: Some("u".into()), ..referral("r", said) });
    let outcome = mapped_in(&whole, View::Events);
    let request = outcome.one(Kind::ServiceRequest);
    assert_eq!(request["status"], "revoked");
    assert!(request["requester"]["reference"].as_str().is_some_and(|to| to.starts_with("Organization/")));
    assert!(request.get("identifier").is_none());
    assert_eq!(tags(request), ["Events", "Events.admissions"]);
}

#[test]
fn an_uncoded_referral_is_dropped_unless_it_defines_a_problem() {
    let words = |id: &str| Event { code: None, ..referral(id, Referral::default()) };
    let mut whole = record(vec![words("r"), words("p")]);
    whole.problems.insert("p".into(), Problem { status: Some("A".into()), ..Default::default() });
    let outcome = mapped(&whole);
    assert_eq!(outcome.ledger.fate("r"), Some(Fate::Omitted(Reason::Uncoded)));
    assert_eq!(outcome.ledger.fate("p"), Some(Fate::Source));
    assert_eq!(outcome.of(Kind::ServiceRequest).len(), 1);
    assert_eq!(outcome.of(Kind::Condition).len(), 1);
}

#[test]
fn an_admission_is_an_encounter_only_where_its_dates_say_how_long_it_was() {
    let stay = |value: &str, units: &str| valued("a", "8H2", "Emergency hospital admission", value, units);
    let outcome = mapped(&record(vec![stay("3", "days")]));
    let encounter = outcome.one(Kind::Encounter);
    assert_eq!(encounter["class"]["code"], "IMP");
    assert_eq!(encounter["status"], "finished");
    assert_eq!(encounter["period"], json!({"start": "2026-11-02", "end": "2026-11-05"}));
    assert_eq!(encounter["type"][0]["text"], "Emergency hospital admission");
    assert_eq!(tags(encounter), ["Events", "Events.admissions"]);
    assert_eq!(outcome.resources.len(), 1);
    for odd in [
        stay("3", "hours"),
        stay("2.5", "days"),
        Event { effective: Some(PartialDate::Year(2020)), ..stay("3", "days") },
    ] {
        let outcome = mapped(&record(vec![odd]));
        assert_eq!(outcome.resources.len(), 1);
        assert_eq!(tags(outcome.one(Kind::Observation)), ["Events", "Events.admissions"]);
    }
}

fn report(id: &str, children: &[&str]) -> Event {
    let report = Report {
        data_type: Some("PATH".into()),
        issued: Some(PartialDate::Time(datetime!(2026-11-03 12:00 UTC))),
        specimens: vec![Specimen {
            kind: Some("Blood".into()),
            sampled: Some(PartialDate::Day(date!(2026 - 11 - 01))),
            members: children.iter().map(|child| (*child).into()).collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let children = children.iter().map(|child| (*child).into()).collect();
    Event { report: Some(report), children, ..coded(id, "REP", "4...", "Pathology report") }
}

fn battery(id: &str, children: &[&str]) -> Event {
    Event {
        children: children.iter().map(|child| (*child).into()).collect(),
        ..coded(id, "INV", "424", "Full blood count")
    }
}

#[test]
fn a_report_has_its_batteries_its_own_tests_and_its_specimen_and_no_test_twice() {
    let whole = record(vec![
        report("rep", &["fbc", "hb", "na", "gone"]),
        battery("fbc", &["hb"]),
        valued("hb", "423", "Haemoglobin estimation", "131", "g/L"),
        valued("na", "44I5", "Serum sodium", "140", "mmol/L"),
    ]);
    let outcome = mapped(&whole);
    let observations = outcome.of(Kind::Observation);
    let id = |at: usize| format!("Observation/{}", observations[at]["id"].as_str().expect("id"));
    let report = outcome.one(Kind::DiagnosticReport);
    assert_eq!(report["status"], "final");
    assert_eq!(report["result"], json!([{"reference": id(0)}, {"reference": id(2)}]));
    assert_eq!(report["category"][0]["coding"][0]["code"], "LAB");
    assert_eq!(report["effectiveDateTime"], "2026-11-01");
    assert_eq!(report["issued"], "2026-11-03T12:00:00+00:00");
    let specimen = outcome.one(Kind::Specimen);
    let reference = format!("Specimen/{}", specimen["id"].as_str().expect("id"));
    assert_eq!(report["specimen"], json!([{"reference": reference}]));
    assert!(observations.iter().all(|observation| observation["specimen"]["reference"] == reference));
    assert_eq!(specimen["type"], json!({"text": "Blood"}));
    assert_eq!(specimen["collection"], json!({"collectedDateTime": "2026-11-01"}));
    assert!(tags(report).contains(&"Summary.tests"));
    assert_no_dangling_references(&outcome);
}

#[test]
fn a_report_without_value_or_result_is_not_made_whatever_the_cause_and_takes_its_specimen_with_it() {
    let mut whole = record(vec![
        report("empty", &[]),
        report("gone", &["withheld"]),
        report("nested", &["empty", "gone"]),
        report("other", &["ref"]),
        referral("ref", Referral::default()),
        battery("group", &["empty"]),
    ]);
    let told = Event { value: Some(Value::Text { value: "No growth".into(), range: None }), ..report("told", &[]) };
    whole.events.push(told);
    let outcome = mapped(&whole);
    for id in ["empty", "gone", "nested", "other", "group"] {
        assert_eq!(outcome.ledger.fate(id), Some(Fate::Omitted(Reason::Empty)), "{id}");
    }
    assert_eq!(outcome.one(Kind::DiagnosticReport)["conclusion"], "No growth");
    assert!(outcome.of(Kind::Specimen).is_empty());
    assert_eq!(outcome.of(Kind::ServiceRequest).len(), 1);
}

#[test]
fn batteries_that_name_each_other_are_still_results() {
    let whole = record(vec![
        report("rep", &["a", "b"]),
        battery("a", &["b", "hb"]),
        battery("b", &["a"]),
        valued("hb", "423", "Haemoglobin estimation", "131", "g/L"),
    ]);
    let outcome = mapped(&whole);
    assert_eq!(outcome.one(Kind::DiagnosticReport)["result"].as_array().map(Vec::len), Some(2));
    assert_eq!(outcome.one(Kind::DiagnosticReport)["category"][1]["coding"][0]["code"], "HM");
}

#[test]
fn a_report_is_evidence_of_its_problem_and_a_problem_the_reason_of_what_it_led_to() {
    let mut whole = record(vec![
        coded("p", "OBS", "C10", "Diabetes mellitus"),
        report("rep", &["na"]),
        valued("na", "44I5", "Serum sodium", "140", "mmol/L"),
        referral("ref", Referral::default()),
        coded("imm", "IMM", "65E", "Influenza vaccination"),
        plan("m", "A", "R"),
    ]);
    let links = ["rep", "ref", "imm", "m"].map(Into::into).to_vec();
    whole.problems.insert("p".into(), Problem { status: Some("A".into()), links, ..Default::default() });
    let outcome = mapped(&whole);
    let condition = outcome.one(Kind::Condition);
    let report = format!("DiagnosticReport/{}", outcome.one(Kind::DiagnosticReport)["id"].as_str().expect("id"));
    assert_eq!(condition["evidence"][0]["detail"][0]["reference"], report);
    let condition = format!("Condition/{}", condition["id"].as_str().expect("id"));
    for kind in [Kind::ServiceRequest, Kind::Immunization, Kind::MedicationRequest] {
        assert_eq!(outcome.one(kind)["reasonReference"], json!([{"reference": condition}]), "{kind}");
    }
    assert_no_dangling_references(&outcome);
}

#[test]
fn an_unknown_concept_of_a_clinical_terminology_among_the_diagnoses_is_a_condition_without_category() {
    let concept = code(SNOMED, "69896004", "Rheumatoid arthritis");
    let event = Event { code: Some(concept), ..coded("d", "OBS", "", "Rheumatoid arthritis") };
    let outcome = mapped_in(&record(vec![event]), View::Diagnosis);
    let condition = outcome.one(Kind::Condition);
    assert!(condition.get("category").is_none() && condition.get("clinicalStatus").is_none());
    for local in [code(READ, "EMISNQNO7", "No help at home needed"), code("UNKNOWN", "", "Itch")] {
        let event = Event { code: Some(local), ..coded("d", "OBS", "", "A remark") };
        let outcome = mapped_in(&record(vec![event]), View::Diagnosis);
        assert_eq!(tags(outcome.one(Kind::Observation)), ["Diagnosis"]);
        assert!(outcome.of(Kind::Condition).is_empty());
    }
}
