use super::*;
use crate::ids::{LogicalId, NhsNumber, Sealer, Suffix};
use crate::kinds::Kind;
use proptest::prelude::*;
use quick_xml::events::Event;
use serde_json::json;

fn nobody() -> Names<'static> {
    Names::of(std::iter::empty())
}

fn told(resource: &Value) -> String {
    tables("Title", &[resource], &nobody())
}

/// The cells of each row, as an XML reader gives them; it fails on what is not well-formed.
fn rows(xhtml: &str) -> Vec<Vec<String>> {
    let mut reader = quick_xml::Reader::from_str(xhtml);
    let (mut rows, mut cell): (Vec<Vec<String>>, Option<String>) = (Vec::new(), None);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(tag) if tag.name().as_ref() == "tr" => rows.push(Vec::new()),
            Event::Start(tag) if matches!(tag.name().as_ref(), "td" | "th") => cell = Some(String::new()),
            Event::Text(text) => {
                if let Some(cell) = &mut cell {
                    cell.push_str(&text);
                }
            }
            Event::GeneralRef(name) => {
                let character = match name.as_ref() {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    other => panic!("an entity that XHTML in FHIR may not have: {other:?}"),
                };
                cell.as_mut().expect("in a cell").push(character);
            }
            Event::End(tag) if matches!(tag.name().as_ref(), "td" | "th") => {
                rows.last_mut().expect("in a row").push(cell.take().expect("opened"));
            }
            Event::Eof => return rows,
            _ => {}
        }
    }
}

#[test]
fn a_table_has_a_caption_headers_and_a_row_an_entry() {
    let one = json!({ "resourceType": "Condition", "code": { "text": "Asthma" }, "onsetDateTime": "2024-03-12",
        "clinicalStatus": { "coding": [{ "code": "active" }] }, "note": [{ "text": "Since childhood" }] });
    let two = json!({ "resourceType": "Condition", "code": { "coding": [{ "display": "Eczema" }] },
        "recordedDate": "2019-05-01T09:30:00+01:00", "abatementDateTime": "2020" });
    let xhtml = tables("Current problems", &[&one, &two], &nobody());
    assert!(xhtml.starts_with("<div xmlns=\"http://www.w3.org/1999/xhtml\""));
    assert!(xhtml.contains("<caption>Current problems</caption>"), "{xhtml}");
    assert!(xhtml.contains("<th scope=\"col\">Date</th>"));
    assert_eq!(
        rows(&xhtml),
        [
            ["Date", "What", "Status", "Details", "Who"],
            ["12-Mar-2024", "Asthma", "active", "Since childhood", ""],
            ["01-May-2019 09:30", "Eczema", "Ended: 2020", "", ""]
        ]
    );
}

#[test]
fn several_types_of_one_section_have_a_table_each() {
    let condition = json!({ "resourceType": "Condition", "code": { "text": "Asthma" } });
    let observation = json!({ "resourceType": "Observation", "code": { "text": "Weight" } });
    let xhtml = tables("Admissions", &[&condition, &observation, &condition], &nobody());
    assert!(xhtml.contains("<caption>Admissions: conditions</caption>"), "{xhtml}");
    assert!(xhtml.contains("<caption>Admissions: observations</caption>"));
    assert_eq!(xhtml.matches("<table>").count(), 2);
    assert_eq!(xhtml.matches("Asthma").count(), 2);
}

#[test]
fn a_reading_is_told_to_the_digit_with_comparator_unit_range_and_flag() {
    let weight: Value = serde_json::from_str(
        r#"{"resourceType":"Observation","effectiveDateTime":"2024-03","code":{"text":"Weight"},
            "valueQuantity":{"value":71.10,"comparator":"<=","unit":"kg"},"interpretation":[{"text":"HIGH"}],
            "referenceRange":[{"low":{"value":50.0,"unit":"kg"},"high":{"value":70,"unit":"kg"}}]}"#,
    )
    .expect("JSON");
    let rows = rows(&told(&weight));
    assert_eq!(rows[1][..4], ["Mar-2024", "Weight", "<= 71.10 kg; HIGH", "50.0 kg to 70 kg"]);
}

#[test]
fn a_blood_pressure_is_told_by_its_components_and_an_absent_one_by_its_reason() {
    let reading = |text: &str, value: Value| json!({ "code": { "text": text }, "valueQuantity": value });
    let pressure = json!({ "resourceType": "Observation", "code": { "text": "Blood pressure" }, "component": [
        reading("Systolic", json!({ "value": 120, "unit": "mmHg" })),
        { "code": { "text": "Diastolic" }, "dataAbsentReason": { "coding": [{ "code": "unknown", "display": "Unknown" }] } }
    ] });
    assert_eq!(rows(&told(&pressure))[1][2], "Systolic: 120 mmHg; Diastolic: Unknown");
}

#[test]
fn a_code_that_says_that_nothing_is_said_is_not_shown() {
    let none = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "NI" }] });
    let allergy = json!({ "resourceType": "AllergyIntolerance", "code": { "text": "Penicillin" },
        "reaction": [{ "substance": { "text": "Amoxicillin" }, "manifestation": [none] }] });
    assert_eq!(rows(&told(&allergy))[1][2], "To: Amoxicillin");
}

#[test]
fn who_it_was_is_told_by_the_resources_that_are_there_and_by_no_others() {
    let sealer = Sealer::new(0, &[7; 64]);
    let patient = NhsNumber::parse("9990000018").expect("valid");
    let id = |legacy: &str| -> LogicalId { sealer.seal(patient, legacy, Suffix(0)) };
    let (role, person, stranger) = (id("role"), id("person"), id("stranger"));
    let practitioner = json!({ "resourceType": "Practitioner",
        "name": [{ "prefix": ["Dr"], "given": ["Ann", "B"], "family": "Lee" }] });
    let in_role = json!({ "resourceType": "PractitionerRole",
        "practitioner": { "reference": format!("Practitioner/{person}") }, "code": [{ "text": "GP" }] });
    let names = Names::of(
        [(Kind::Practitioner, &person, &practitioner), (Kind::PractitionerRole, &role, &in_role)].into_iter(),
    );
    let by = |id: &LogicalId| {
        json!({ "resourceType": "Procedure", "code": { "text": "Appendicectomy" },
        "recorder": { "reference": format!("PractitionerRole/{id}") } })
    };
    assert_eq!(rows(&tables("T", &[&by(&role)], &names))[1][4], "Dr Ann B Lee");
    assert_eq!(rows(&tables("T", &[&by(&stranger)], &names))[1][4], "");
}

#[test]
fn the_last_issue_and_the_dose_of_a_medicine_are_told() {
    let medicine = json!({ "resourceType": "MedicationStatement", "status": "active",
        "medicationCodeableConcept": { "text": "Ramipril 5mg capsules" }, "dosage": [{ "text": "One a day" }],
        "effectivePeriod": { "start": "2023-01-02" },
        "extension": [{ "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-MedicationStatementLastIssueDate",
            "valueDateTime": "2024-06-30" }] });
    let row = &rows(&told(&medicine))[1];
    assert_eq!(row[..4], ["02-Jan-2023", "Ramipril 5mg capsules", "One a day", "active; Last issued: 30-Jun-2024"]);
}

#[test]
fn a_patient_is_told_line_by_line_and_the_number_is_left_to_the_identifier() {
    let patient = json!({ "resourceType": "Patient", "name": [{ "family": "Lee", "given": ["Ann"] }],
        "identifier": [{ "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018" }],
        "birthDate": "1971-04-30", "gender": "female",
        "address": [{ "line": ["4 Sample Lane"], "city": "Testham", "postalCode": "ZZ99 9ZZ" }] });
    let xhtml = tables("Patient details", &[&patient], &nobody());
    let wanted = [
        ["Name", "Ann Lee"],
        ["Born", "30-Apr-1971"],
        ["Gender", "female"],
        ["Address", "4 Sample Lane, Testham, ZZ99 9ZZ"],
    ];
    assert_eq!(rows(&xhtml), wanted);
    assert!(xhtml.contains("<th scope=\"row\">Name</th>"));
    assert!(!xhtml.contains("9990000018"));
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "<script>alert('x')</script> & \"q\" ]]> \u{202E}gnitteb\u{2066}\u{0007}\u{200B}\u{FEFF}\u{FFFF} <!-- --> &#x202E; \u{1F}";
    let xhtml = told(&json!({ "resourceType": "Condition", "code": { "text": hostile },
        "note": [{ "text": "</td></tr></table><img src=x onerror=alert(1)>" }] }));
    assert!(!xhtml.contains("<script") && !xhtml.contains("<img") && !xhtml.contains("<!--"), "{xhtml}");
    assert!(!xhtml.contains('\u{202E}') && !xhtml.contains('\u{7}') && !xhtml.contains('\u{200B}'));
    let rows = rows(&xhtml);
    assert_eq!(rows.len(), 2, "no row of its own making");
    assert!(rows[1][1].starts_with("<script>alert('x')</script> & \"q\" ]]> \u{FFFD}gnitteb\u{FFFD}\u{FFFD}"));
    assert_eq!(rows[1][3], "</td></tr></table><img src=x onerror=alert(1)>");
}

#[test]
fn an_entry_stands_by_the_date_that_its_row_shows() {
    let dated = |resource: Value| Names::dated(&resource);
    let condition = |name: &str, date: &str| json!({ "resourceType": "Condition", (name): date });
    assert_eq!(dated(condition("onsetDateTime", "2003")).as_deref(), Some("2003"));
    assert_eq!(dated(condition("abatementDateTime", "2016-06-06")), None, "an end is no date of its own");
    let end = json!({ "resourceType": "MedicationStatement", "effectivePeriod": { "end": "2020-01" } });
    assert_eq!(dated(end).as_deref(), Some("2020-01"));
    assert_eq!(dated(json!({ "resourceType": "Patient", "birthDate": "1971" })), None);
}

#[test]
fn what_is_told_twice_is_said_once() {
    let place = json!({ "display": "Demo Park Surgery", "reference": "Location/nowhere" });
    let encounter =
        json!({ "resourceType": "Encounter", "serviceProvider": place, "location": [{ "location": place }] });
    assert_eq!(rows(&told(&encounter))[1][4], "Demo Park Surgery");
}

#[test]
fn dates_are_told_at_their_precision_and_no_date_as_it_is() {
    for (raw, said) in [
        ("2024", "2024"),
        ("2024-12", "Dec-2024"),
        ("2024-02-29", "29-Feb-2024"),
        ("2024-07-01T08:05:00+01:00", "01-Jul-2024 08:05"),
        ("2024-13-01", "2024-13-01"),
        ("", ""),
        ("T", "T"),
        ("about Easter", "about Easter"),
    ] {
        assert_eq!(reader_date(raw), said);
    }
}

proptest! {
    /// Whatever a term is, it is one cell, well-formed, and reads as it was but for what nobody could read.
    #[test]
    fn any_term_is_one_cell(term in "\\PC*|[\u{0}-\u{2FF}]*|.*") {
        let xhtml = told(&json!({ "resourceType": "Observation", "code": { "text": term } }));
        let rows = rows(&xhtml);
        prop_assert_eq!(rows.len(), 2);
        prop_assert_eq!(rows[1].len(), 6);
        let wanted: String = term.trim().chars().map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unfit(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        }).collect();
        prop_assert_eq!(&rows[1][1], &wanted);
    }
}
