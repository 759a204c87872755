//! Reports of a small trail, byte by byte where it matters.

use super::*;
use crate::audit::testing::{Trail, USER, caller, ods};
use crate::audit::{AuditError, Interaction, Outcome};
use crate::ids::{NhsNumber, UserId};
use crate::kinds::View;
use std::time::Duration;

const PATIENT: &str = "9990000018";
const OTHER: &str = "9990000026";

impl Trail {
    async fn viewed(&self, name: &str, practice: &str, patient: &str, outcome: Outcome) {
        let attempt = self.begun(caller(name, "RX1"), Interaction::Search, "AllergyIntolerance", patient);
        attempt.note_practice(&ods(practice));
        attempt.note_basis(|basis| basis.consent = Some("consent-1".into()));
        attempt.note_extract(Some(View::RisksAndWarnings), "urn:uuid:message-1");
        self.closed(attempt, outcome).await;
    }

    async fn made(&self, request: Request) -> String {
        let rules = Rules::builtin().expect("rules");
        let opened = Report::open(&self.audit, &self.store, &rules, "https://f.example/FHIR/R4", request).await;
        let mut report = opened.expect("opens");
        let mut all = Vec::new();
        while let Some(piece) = report.next().await.expect("a piece") {
            all.extend(piece);
        }
        String::from_utf8(all).expect("UTF-8")
    }
}

fn of(name: Name, format: Format) -> Request {
    let mut request = Request::of(name, format, Some(AuditScope::Organisation(ods("RX1"))));
    match name {
        Name::WhoViewed => request.patient = NhsNumber::parse(PATIENT),
        Name::UserActivity => request.user = UserId::parse(USER),
        _ => {}
    }
    request
}

#[tokio::test]
async fn every_report_is_whole_in_both_forms_and_only_that_about_a_patient_names_one() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    trail.viewed("=cmd()", "G82002", OTHER, Outcome::Refused("CONSENT_REFUSED")).await;
    trail.viewed("Ada Field", "G82002", OTHER, Outcome::Answered).await;
    for name in Name::ALL {
        let csv = trail.made(of(*name, Format::Csv)).await;
        let fhir: Value = serde_json::from_str(&trail.made(of(*name, Format::Fhir)).await).expect("JSON");
        assert!(csv.lines().next().expect("a header").ends_with(",chain_head"), "{csv}");
        assert!(!csv.contains(OTHER) && !fhir.to_string().contains(OTHER), "{name}");
        let named = fhir.to_string().contains(PATIENT);
        assert_eq!(named, *name == Name::WhoViewed, "{name}");
        let kind = if name.counts() { "MeasureReport" } else { "Bundle" };
        assert_eq!(fhir["resourceType"], kind);
        let identifier = if name.counts() { &fhir["identifier"][0] } else { &fhir["identifier"] };
        let head = trail.audit.as_at(None).await.expect("read").expect("a row").head.to_string();
        assert_eq!(identifier["value"], head);
    }
    let access = trail.made(of(Name::PracticeAccess, Format::Csv)).await;
    assert_eq!(access.matches("\r\n").count(), 4, "{access}");
    assert!(access.contains(",'=cmd(),"), "{access}");
    let unusual = trail.made(of(Name::UnusualViewing, Format::Csv)).await;
    assert!(unusual.contains("viewed-after-refusal,2026-11-24,,RX1,555000000001,"), "{unusual}");
    let annual = trail.made(of(Name::AnnualReturn, Format::Csv)).await;
    assert!(annual.contains("RX1,G82002,accesses-refused,CONSENT_REFUSED,1,"), "{annual}");
}

#[tokio::test]
async fn a_report_made_again_of_the_same_rows_has_the_same_bytes() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    for name in Name::ALL {
        for format in Format::ALL {
            let request = Request { row: Some(2), ..of(*name, *format) };
            let before = trail.made(request.clone()).await;
            trail.clock.advance(Duration::from_hours(1));
            trail.viewed("Bo Later", "G82003", PATIENT, Outcome::Answered).await;
            assert!(before == trail.made(request).await, "{name} {format}");
        }
    }
}

#[tokio::test]
async fn the_patient_is_told_in_plain_english_and_staff_are_named_only_where_they_may_be() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    let told = trail.made(of(Name::WhoViewed, Format::Csv)).await;
    let sentence = "\"On 24 November 2026 at 10:00, Ada Field (Clinical Practitioner) of the organisation RX1 asked to see \
                    your allergies. You, or somebody who speaks for you, had been asked about it. It was shown.\"";
    assert!(told.contains(sentence), "{told}");
    for format in Format::ALL {
        let told = trail.made(Request { staff_names: false, ..of(Name::WhoViewed, *format) }).await;
        assert!(!told.contains("Ada") && !told.contains(USER), "{told}");
    }
}

#[tokio::test]
async fn the_report_about_a_patient_never_says_what_was_asked_word_for_word() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    let mut asked = trail.begun(caller("Ada Field", "RX1"), Interaction::Search, "AuditEvent", PATIENT);
    asked.note_query(format!("AuditEvent?agent.identifier=555000000009&patient.identifier={OTHER}"));
    trail.answered(asked).await;
    for staff_names in [true, false] {
        let told = trail.made(Request { staff_names, ..of(Name::WhoViewed, Format::Fhir) }).await;
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let entries = told["entry"].as_array().expect("entries");
        assert_eq!(entries.len(), 2);
        for event in entries.iter().map(|entry| &entry["resource"]) {
            let entities = event["entity"].as_array().expect("entities");
            assert!(entities.iter().all(|entity| entity.get("query").is_none()), "{event}");
            let asked = entities.iter().find(|entity| entity["role"]["code"] == "24").expect("what it was");
            assert!(["AuditEvent", "AllergyIntolerance"].contains(&asked["description"].as_str().expect("a word")));
            assert_eq!(event.get("meta"), None, "its profile would need the query");
        }
    }
}

#[tokio::test]
async fn bounds_are_told_in_a_fixed_order_and_name_no_patient() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    let rules = Rules::builtin().expect("rules");
    let bounds =
        async |request| Report::open(&trail.audit, &trail.store, &rules, "", request).await.expect("opens").bounds();
    assert_eq!(bounds(of(Name::WhoViewed, Format::Csv)).await, "organisation=RX1");
    let numbered = Request { user: UserId::parse(PATIENT), ..of(Name::UserActivity, Format::Csv) };
    assert_eq!(bounds(numbered).await, "organisation=RX1&user=%28not+shown%29");
    let all = Request { scope: None, ..of(Name::WhoViewed, Format::Fhir) };
    assert_eq!(bounds(all.clone()).await, "");
    assert!(!trail.made(all).await.contains("bound-"));
}

#[tokio::test]
async fn no_report_is_made_of_a_trail_that_is_not_whole_even_where_it_shows_nothing_of_the_row() {
    for (sql, seq) in [
        ("UPDATE audit SET payload = replace(payload, 'Ada', 'Ida') WHERE seq = 1", 1),
        // Each of these hides a row from a report of RX1.
        ("UPDATE audit SET organisation = 'RX2' WHERE seq = 2", 2),
        ("UPDATE audit SET kind = 'opened' WHERE seq = 2", 2),
        ("UPDATE audit SET recorded = 0 WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 3", 3),
    ] {
        let trail = Trail::new().await;
        for _ in 0..3 {
            trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
        }
        trail.tamper(sql).await;
        let rules = Rules::builtin().expect("rules");
        for name in Name::ALL {
            let opened = Report::open(&trail.audit, &trail.store, &rules, "", of(*name, Format::Csv)).await;
            let Err(ReportError::Audit(AuditError::Unsound { seq: found, .. })) = opened else { panic!("made: {sql}") };
            assert_eq!(found, seq, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_row_that_is_changed_while_a_report_is_made_breaks_it_off() {
    let trail = Trail::new().await;
    trail.viewed("Ada Field", "G82001", PATIENT, Outcome::Answered).await;
    let rules = Rules::builtin().expect("rules");
    let request = of(Name::PracticeAccess, Format::Csv);
    let mut report = Report::open(&trail.audit, &trail.store, &rules, "", request).await.expect("opens");
    trail.tamper("UPDATE audit SET payload = replace(payload, 'Ada', 'Ida')").await;
    let failed = loop {
        match report.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("made"),
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, ReportError::Audit(AuditError::Unsound { seq: 1, .. })));
    assert!(report.next().await.expect("ended").is_none());
}
