//! Tests of the trail against a real file. Longer than most files: each kind of tampering is played through.

use super::testing::{Trail, caller, ods};
use super::*;
use crate::ids::NhsNumber;
use crate::kinds::{Purpose, View};
use crate::store::{self, testing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sqlx::Row;
use std::time::Duration;
use time::macros::datetime;

impl Trail {
    /// Ten answered searches of one patient.
    async fn ten(&self) {
        for _ in 0..10 {
            self.answered(self.attempt(Interaction::Search)).await;
        }
    }

    fn attempt(&self, interaction: Interaction) -> Attempt {
        self.attempt_of(interaction, "RX1", "G82001", "9990000018")
    }

    fn attempt_of(&self, interaction: Interaction, organisation: &str, practice: &str, patient: &str) -> Attempt {
        let attempt = self.begun(caller("Test Clinician", organisation), interaction, "Condition", patient);
        attempt.note_purpose(Purpose::Treatment);
        attempt.note_practice(&ods(practice));
        attempt.note_basis(|basis| {
            basis.consent = Some("consent-1".into());
            basis.agreement = Some("agreement-1/3".into());
            basis.exclusions = Some("2026-1".into());
        });
        attempt.note_extract(Some(View::Problems), "urn:uuid:message-1");
        attempt
    }

    async fn kinds(&self) -> Vec<String> {
        let rows =
            sqlx::query("SELECT kind FROM audit ORDER BY seq").fetch_all(self.store.reader()).await.expect("rows");
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn event(&self) -> Value {
        self.events(&AuditFilter::default()).await.remove(0)
    }

    async fn events(&self, filter: &AuditFilter) -> Vec<Value> {
        self.audit.search(&AuditScope::Organisation(ods("RX1")), filter).await.expect("found").events
    }
}

fn bump() -> Job<i64> {
    Box::new(|connection| Box::pin(async move { store::advance_revision(connection, None).await }))
}

#[tokio::test]
async fn an_opened_row_is_on_disk_once_before_the_legacy_side_is_asked() {
    let trail = Trail::new().await;
    let attempt = trail.attempt(Interaction::Search);
    assert_eq!(trail.kinds().await.len(), 0);
    let (first, second) = tokio::join!(attempt.opened(), attempt.opened());
    first.and(second).expect("opened");
    attempt.opened().await.expect("opened");
    assert_eq!(trail.kinds().await, ["opened"]);
    assert!(trail.events(&AuditFilter::default()).await.is_empty(), "an attempt under way is no event yet");
    trail.answered(attempt).await;
    assert_eq!(trail.kinds().await, ["opened", "closed"]);
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 2, anchors: 2, .. }));
}

#[tokio::test]
async fn an_answer_decided_on_an_older_register_is_not_closed_and_leaves_nothing() {
    let trail = Trail::new().await;
    trail.store.write(bump()).await.expect("moved");
    let refused = trail.audit.close(trail.attempt(Interaction::Read), Outcome::Answered, Some(Revision(1)), ()).await;
    let Err(NotClosed { attempt, error: StoreError::Stale }) = refused else { panic!("closed on a stale decision") };
    let refused = trail.audit.close_writing(attempt, Outcome::Answered, Some(Revision(1)), bump()).await;
    let Err(NotClosed { attempt, error: StoreError::Stale }) = refused else { panic!("written on a stale decision") };
    assert_eq!(trail.kinds().await.len(), 0);
    let written = trail.audit.close_writing(attempt, Outcome::Answered, Some(Revision(2)), bump()).await;
    assert_eq!(written.ok().expect("closed").into_inner(), 3, "the write itself moves the revision");
    assert_eq!(trail.kinds().await, ["closed"]);
}

#[tokio::test]
async fn a_register_write_that_fails_leaves_no_closing_row_and_spoils_no_other() {
    let trail = Trail::new().await;
    let failing: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            store::advance_revision(connection, None).await?;
            Err(StoreError::Conflict)
        })
    });
    let (before, failed, after) = tokio::join!(
        trail.audit.close(trail.attempt(Interaction::Search), Outcome::Answered, Some(Revision(1)), 1),
        trail.audit.close_writing(trail.attempt(Interaction::Create), Outcome::Answered, None, failing),
        trail.audit.close(trail.attempt(Interaction::Search), Outcome::Answered, Some(Revision(1)), 2),
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(failed, Err(NotClosed { error: StoreError::Conflict, .. })));
    assert_eq!(trail.kinds().await, ["closed", "closed"]);
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 2, anchors: 1, .. }));
}

#[tokio::test]
async fn an_override_leaves_two_events() {
    let trail = Trail::new().await;
    let mut attempt = trail.attempt(Interaction::Create);
    attempt.note_id("consent-2".into());
    attempt.note_purpose(Purpose::BreakGlass);
    attempt.note_basis(|basis| basis.override_category = Some("Emergency".into()));
    assert!(trail.audit.close_overriding(attempt, Some(Revision(1)), bump()).await.is_ok());
    let events = trail.events(&AuditFilter::default()).await;
    let [started, created] = events.as_slice() else { panic!("{} events", events.len()) };
    assert_eq!(started["subtype"][0]["code"], "110127");
    assert_eq!(started["purposeOfEvent"][0]["text"], "Emergency");
    assert_eq!(started["meta"], Value::Null);
    assert_eq!(created["action"], "C");
    assert!(created["meta"]["profile"][0].as_str().expect("claimed").ends_with("PatientCreate"));
    assert_eq!(created["agent"][0]["type"]["coding"][0]["code"], "110153");
    assert_eq!(created["agent"][2]["purposeOfUse"][0]["coding"][0]["code"], "BTG");
    let alerts = AuditFilter { event: Some(EventType::SecurityAlert), ..AuditFilter::default() };
    assert_eq!(trail.events(&alerts).await.len(), 1);
    let scope = AuditScope::Organisation(ods("RX1"));
    let id = started["id"].as_str().expect("an id");
    assert_eq!(trail.audit.read(&scope, id).await.expect("read").as_ref(), Some(started));
}

#[tokio::test]
async fn attempts_that_a_crash_left_open_are_closed_as_interrupted_at_the_next_start_only() {
    let trail = Trail::new().await;
    let (lost, closed) = (trail.attempt(Interaction::Search), trail.attempt(Interaction::Search));
    lost.opened().await.expect("opened");
    closed.opened().await.expect("opened");
    trail.answered(closed).await;
    drop(lost);
    let trail = trail.restarted().await.expect("starts");
    assert_eq!(trail.kinds().await, ["opened", "opened", "closed", "interrupted"]);
    let interrupted = trail.events(&AuditFilter { outcome: Some(8), ..AuditFilter::default() }).await.remove(0);
    assert_eq!(interrupted["outcomeDesc"], "interrupted, an extract may have been made");
    assert_eq!(interrupted["meta"], Value::Null);
    let trail = trail.restarted().await.expect("starts");
    assert_eq!(trail.kinds().await.len(), 4);
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 4, .. }));
}

#[tokio::test]
async fn an_attempt_decided_again_on_another_consent_is_opened_again_and_ends_once() {
    let trail = Trail::new().await;
    let (lost, closed) = (trail.attempt(Interaction::Search), trail.attempt(Interaction::Search));
    for consent in ["consent-1", "consent-1", "consent-2"] {
        for attempt in [&lost, &closed] {
            attempt.note_basis(|basis| basis.consent = Some(consent.into()));
            attempt.opened().await.expect("opened");
        }
    }
    trail.answered(closed).await;
    drop(lost);
    let trail = trail.restarted().await.expect("starts");
    assert_eq!(trail.kinds().await, ["opened", "opened", "opened", "opened", "closed", "interrupted"]);
    let interrupted = trail.events(&AuditFilter { outcome: Some(8), ..AuditFilter::default() }).await.remove(0);
    let details = interrupted["entity"][0]["detail"].as_array().expect("details");
    assert!(details.contains(&json!({ "type": "consent", "valueString": "consent-2" })));
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 6, .. }));
}

#[tokio::test]
async fn rows_can_be_neither_changed_nor_deleted() {
    let trail = Trail::new().await;
    trail.ten().await;
    for sql in ["UPDATE audit SET outcome = 4", "DELETE FROM audit WHERE seq = 10", "UPDATE audit_chain SET id = 'x'"] {
        assert!(testing::by_hand(&trail.store, sql).await.is_err(), "{sql}");
    }
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 10, anchors: 10, .. }));
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_at_its_row() {
    const SWAP: &str = "UPDATE audit SET seq = -4 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; \
                        UPDATE audit SET seq = 5 WHERE seq = -4;";
    let cases = [
        ("UPDATE audit SET payload = replace(payload, '555000000001', '555000000009') WHERE seq = 4", 4, Why::Changed),
        ("UPDATE audit SET mac = prev WHERE seq = 4", 4, Why::Changed),
        ("UPDATE audit SET organisation = 'RX2' WHERE seq = 4", 4, Why::ColumnChanged),
        ("UPDATE audit SET patient = NULL WHERE seq = 4", 4, Why::ColumnChanged),
        ("DELETE FROM audit WHERE seq = 4", 4, Why::Missing),
        ("DELETE FROM audit WHERE seq < 4", 1, Why::Missing),
        (SWAP, 4, Why::OutOfOrder),
        ("UPDATE audit SET chain = 'another' WHERE seq = 4", 4, Why::OtherChain),
        ("UPDATE audit SET key_id = 'k9' WHERE seq = 4", 4, Why::UnknownKey),
        ("DELETE FROM audit WHERE seq > 8", 10, Why::Cut),
        ("DELETE FROM audit", 10, Why::Cut),
    ];
    for (sql, seq, why) in cases {
        let trail = Trail::new().await;
        trail.ten().await;
        trail.tamper(sql).await;
        assert_eq!(trail.verdict().await, Verdict::Broken { seq, why }, "{sql}");
    }
}

#[tokio::test]
async fn a_change_of_any_one_stored_field_is_found_at_its_row() {
    for sql in [
        "UPDATE audit SET seq = 40 WHERE seq = 4",
        "UPDATE audit SET chain = 'x' WHERE seq = 4",
        "UPDATE audit SET key_id = 'x' WHERE seq = 4",
        "UPDATE audit SET prev = mac WHERE seq = 4",
        "UPDATE audit SET mac = prev WHERE seq = 4",
        "UPDATE audit SET kind = 'opened' WHERE seq = 4",
        "UPDATE audit SET attempt = 'x' WHERE seq = 4",
        "UPDATE audit SET recorded = recorded + 1 WHERE seq = 4",
        "UPDATE audit SET patient = NULL WHERE seq = 4",
        "UPDATE audit SET user_id = 'x' WHERE seq = 4",
        "UPDATE audit SET organisation = 'x' WHERE seq = 4",
        "UPDATE audit SET practice = NULL WHERE seq = 4",
        "UPDATE audit SET resource_type = 'x' WHERE seq = 4",
        "UPDATE audit SET interaction = 'x' WHERE seq = 4",
        "UPDATE audit SET outcome = 8 WHERE seq = 4",
        "UPDATE audit SET payload = payload || ' ' WHERE seq = 4",
    ] {
        let trail = Trail::new().await;
        trail.ten().await;
        trail.tamper(sql).await;
        assert!(matches!(trail.verdict().await, Verdict::Broken { seq: 4, .. }), "{sql}");
    }
}

#[tokio::test]
async fn a_copy_of_a_row_added_at_the_end_or_an_old_anchor_added_again_is_found() {
    let trail = Trail::new().await;
    trail.ten().await;
    let copy = "INSERT INTO audit (seq, chain, key_id, prev, mac, kind, attempt, recorded, user_id, resource_type, \
                interaction, payload) SELECT 11, chain, key_id, prev, mac, kind, attempt || 'x', recorded, user_id, \
                resource_type, interaction, payload FROM audit WHERE seq = 10";
    testing::by_hand(&trail.store, copy).await.expect("added");
    assert_eq!(trail.verdict().await, Verdict::Broken { seq: 11, why: Why::OutOfOrder });

    let trail = Trail::new().await;
    trail.ten().await;
    let anchors = std::fs::read_to_string(trail.anchors()).expect("read");
    let third = anchors.lines().nth(2).expect("a line");
    std::fs::write(trail.anchors(), format!("{anchors}{third}\n")).expect("written");
    assert_eq!(trail.verdict().await, Verdict::Broken { seq: 3, why: Why::AnchorRepeated });
    // It does not hide a cut from the next start either.
    trail.tamper("DELETE FROM audit WHERE seq > 8").await;
    assert!(matches!(trail.restarted().await, Err(AuditError::Cut)));
}

#[tokio::test]
async fn an_anchor_file_put_back_to_an_old_copy_is_found_and_a_kept_head_tells_of_a_trail_put_back() {
    let trail = Trail::new().await;
    trail.ten().await;
    let old = std::fs::read_to_string(trail.anchors()).expect("read");
    for _ in 0..13 {
        trail.ten().await;
    }
    let kept = trail.folder.path().join("kept");
    let head = trail.audit.as_at(None).await.expect("read").expect("a row").head;
    std::fs::write(&kept, head.to_string()).expect("written");
    std::fs::write(trail.anchors(), old).expect("written");
    assert_eq!(trail.verdict().await, Verdict::Broken { seq: 11, why: Why::NotAnchored });
    let keys = Keys::load(&trail.folder.path().join("key")).expect("keys");
    trail.tamper("DELETE FROM audit WHERE seq > 10").await;
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 10, .. }), "put back as a whole");
    let verdict = verify_kept(&trail.store, &keys, Span::default(), &kept).await.expect("readable");
    assert_eq!(verdict, Verdict::Broken { seq: 140, why: Why::Cut });
}

#[tokio::test]
async fn a_tail_cut_and_written_anew_is_found_and_the_service_does_not_start_over_a_cut() {
    let trail = Trail::new().await;
    trail.ten().await;
    trail.tamper("DELETE FROM audit WHERE seq > 8").await;
    trail.answered(trail.attempt(Interaction::Read)).await;
    assert_eq!(trail.verdict().await, Verdict::Broken { seq: 9, why: Why::OtherThanAnchored });

    let trail = Trail::new().await;
    trail.ten().await;
    trail.tamper("DELETE FROM audit WHERE seq > 8").await;
    assert!(matches!(trail.restarted().await, Err(AuditError::Cut)));
}

#[tokio::test]
async fn a_span_is_verified_by_itself_and_an_older_key_still_verifies() {
    let trail = Trail::new().await;
    trail.ten().await;
    let key = trail.folder.path().join("key");
    let old = std::fs::read_to_string(&key).expect("read");
    std::fs::write(&key, format!("k2 {}\n{old}", STANDARD.encode([9_u8; 32]))).expect("written");
    trail.clock.advance(Duration::from_hours(1));
    let trail = trail.restarted().await.expect("starts");
    trail.ten().await;
    assert!(matches!(trail.verdict().await, Verdict::Verified { rows: 20, anchors: 20, .. }));
    let patient = AuditFilter { patient: NhsNumber::parse("9990000018"), ..AuditFilter::default() };
    assert_eq!(trail.events(&patient).await.len(), 20, "found under either key");

    let noon = datetime!(2026-11-24 10:30 UTC);
    let later = Span { from: Some(noon), to: None };
    assert!(matches!(trail.verdict_of(later).await, Verdict::Verified { rows: 10, anchors: 10, .. }));
    trail.tamper("UPDATE audit SET outcome = 4 WHERE seq = 3").await;
    assert!(matches!(trail.verdict_of(later).await, Verdict::Verified { rows: 10, .. }));
    let earlier = Span { from: None, to: Some(noon) };
    assert_eq!(trail.verdict_of(earlier).await, Verdict::Broken { seq: 3, why: Why::ColumnChanged });
}

#[tokio::test]
async fn an_answered_search_is_a_patient_query() {
    let trail = Trail::new().await;
    trail.answered(trail.attempt(Interaction::Search)).await;
    let event = trail.event().await;
    assert_eq!(
        event["meta"]["profile"],
        json!(["https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"])
    );
    assert_eq!((&event["action"], &event["outcome"]), (&json!("E"), &json!("0")));
    assert_eq!(event["subtype"][0]["code"], "search-type");
    assert_eq!(event["recorded"], "2026-11-24T10:00:00Z");
    let [client, server, user, organisation] = event["agent"].as_array().expect("agents").as_slice() else {
        panic!("{}", event["agent"])
    };
    assert_eq!(client["type"]["coding"][0]["code"], "110153");
    assert_eq!(client["network"], json!({ "address": "192.0.2.7", "type": "2" }));
    assert_eq!(server["type"]["coding"][0]["code"], "110152");
    assert_eq!(user["requestor"], true);
    assert_eq!(user["purposeOfUse"][0]["coding"][0]["code"], "TREAT");
    assert_eq!(user["role"][0]["coding"][0]["code"], "R8000");
    assert_eq!(user["policy"], json!(["urn:ietf:params:oauth:jti:token-1"]));
    assert_eq!(organisation["who"]["identifier"]["value"], "RX1");
    let [patient, query, transaction] = event["entity"].as_array().expect("entities").as_slice() else {
        panic!("{}", event["entity"])
    };
    assert_eq!(patient["what"]["identifier"]["value"], "9990000018");
    assert!(
        patient["detail"].as_array().expect("details").contains(&json!({"type": "view", "valueString": "Problems"}))
    );
    assert_eq!(query["role"]["code"], "24");
    assert_eq!(query["name"], Value::Null);
    assert_eq!(query["detail"], Value::Null);
    assert!(!query["description"].as_str().expect("cleaned").contains("9990000018"));
    let raw = STANDARD.decode(query["query"].as_str().expect("a query")).expect("base64");
    assert_eq!(raw, b"Condition?patient.identifier=9990000018&_count=5");
    assert_eq!(transaction["what"]["identifier"]["value"], "request-1");
}

#[tokio::test]
async fn an_answered_read_is_a_patient_read_with_the_roles_the_other_way_round() {
    let trail = Trail::new().await;
    trail.answered(trail.attempt(Interaction::Read)).await;
    let event = trail.event().await;
    assert!(event["meta"]["profile"][0].as_str().expect("claimed").ends_with("PatientRead"));
    assert_eq!(event["action"], "R");
    assert_eq!(event["agent"][0]["type"]["coding"][0]["code"], "110152");
    assert_eq!(event["agent"][1]["type"]["coding"][0]["code"], "110153");
    assert_eq!(event["entity"][1]["what"]["reference"], "Condition/abc-1");
    assert_eq!(event["entity"][1]["role"]["code"], "4");
}

#[tokio::test]
async fn refusals_failures_and_operations_claim_no_profile() {
    let trail = Trail::new().await;
    let close = |attempt, outcome| trail.audit.close(attempt, outcome, None, ());
    assert!(close(trail.attempt(Interaction::Search), Outcome::Refused("CONSENT_REQUIRED")).await.is_ok());
    let refused = trail.event().await;
    assert_eq!((&refused["outcome"], &refused["outcomeDesc"]), (&json!("4"), &json!("CONSENT_REQUIRED")));
    assert_eq!(refused["meta"], Value::Null);
    trail.clock.advance(Duration::from_secs(1));
    assert!(close(trail.attempt(Interaction::Read), Outcome::Failed("MIG_ERROR")).await.is_ok());
    let failed = trail.event().await;
    assert_eq!((&failed["outcome"], &failed["meta"]), (&json!("8"), &Value::Null));
    trail.clock.advance(Duration::from_secs(1));
    assert!(close(trail.attempt(Interaction::Operation), Outcome::Answered).await.is_ok());
    let operation = trail.event().await;
    assert_eq!((&operation["subtype"][0]["code"], &operation["meta"]), (&json!("operation"), &Value::Null));
    assert_eq!(operation["entity"][1]["role"]["code"], "24");
}

#[tokio::test]
async fn a_scope_shows_the_own_organisation_or_the_own_practice_and_nothing_else() {
    let trail = Trail::new().await;
    for (organisation, practice, patient) in
        [("RX1", "G82001", "9990000018"), ("RX1", "G82002", "9990000026"), ("RX2", "G82001", "9990000018")]
    {
        trail.clock.advance(Duration::from_mins(1));
        trail.answered(trail.attempt_of(Interaction::Search, organisation, practice, patient)).await;
    }
    let all = AuditFilter::default();
    let count = async |scope: &AuditScope, filter: &AuditFilter| {
        let page = trail.audit.search(scope, filter).await.expect("found");
        assert_eq!(page.total, Some(page.events.len() as u64));
        page.events.len()
    };
    let (own, other) = (AuditScope::Organisation(ods("RX1")), AuditScope::Organisation(ods("RX2")));
    let practice = AuditScope::Practice(ods("G82001"));
    assert_eq!(count(&own, &all).await, 2);
    assert_eq!(count(&other, &all).await, 1);
    assert_eq!(count(&practice, &all).await, 2);
    assert_eq!(count(&AuditScope::Practice(ods("G82009")), &all).await, 0);

    let patient = NhsNumber::parse("9990000026").expect("valid");
    assert_eq!(count(&own, &AuditFilter { patient: Some(patient), ..all.clone() }).await, 1);
    assert_eq!(count(&practice, &AuditFilter { patient: Some(patient), ..all.clone() }).await, 0);
    let second = datetime!(2026-11-24 10:02 UTC);
    assert_eq!(count(&practice, &AuditFilter { from: Some(second), ..all.clone() }).await, 1);
    assert_eq!(count(&practice, &AuditFilter { before: Some(second), ..all.clone() }).await, 1);
    assert_eq!(count(&own, &AuditFilter { user: Some("555000000001".into()), ..all.clone() }).await, 2);
    assert_eq!(count(&own, &AuditFilter { interaction: Some(Interaction::Read), ..all.clone() }).await, 0);
    assert_eq!(count(&own, &AuditFilter { resource_type: Some("Condition".into()), ..all.clone() }).await, 2);

    let foreign = trail.audit.search(&other, &all).await.expect("found").events.remove(0);
    let id = foreign["id"].as_str().expect("an id");
    assert!(trail.audit.read(&own, id).await.expect("read").is_none());
    assert!(trail.audit.read(&other, id).await.expect("read").is_some());
}

#[tokio::test]
async fn pages_run_from_the_newest_to_the_oldest_without_a_gap() {
    let trail = Trail::new().await;
    trail.ten().await;
    trail.clock.advance(Duration::from_secs(1));
    trail.ten().await;
    let scope = AuditScope::Organisation(ods("RX1"));
    let mut filter = AuditFilter { count: Some(6), ..AuditFilter::default() };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = trail.audit.search(&scope, &filter).await.expect("found");
        assert_eq!(page.total, Some(20));
        seen.extend(page.events.iter().map(|event| event["id"].to_string()));
        pages += 1;
        let Some(next) = page.next else { break };
        filter.after = Cursor::parse(&next.to_string());
        assert_eq!(filter.after, Some(next));
    }
    let distinct: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!((pages, seen.len(), distinct.len()), (4, 20, 20));
}

#[tokio::test]
async fn a_searchable_column_names_no_patient() {
    let trail = Trail::new().await;
    trail.ten().await;
    let row = sqlx::query("SELECT COUNT(*) FROM audit WHERE length(patient) <> 32")
        .fetch_one(trail.store.reader())
        .await
        .expect("counted");
    assert_eq!(row.get::<i64, _>(0), 0);
}

/// Prints how many rows a second are durable with 64 attempts at a time; asserts only that the chain holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_a_time_share_their_commits_and_the_chain_holds() {
    let trail = Arc::new(Trail::new().await);
    let began = std::time::Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let trail = Arc::clone(&trail);
            tokio::spawn(async move {
                for _ in 0..50 {
                    trail.answered(trail.attempt(Interaction::Search)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("joins");
    }
    let seconds = began.elapsed().as_secs_f64();
    let Verdict::Verified { rows: 3200, anchors, .. } = trail.verdict().await else { panic!("broken") };
    println!(
        "{:.0} rows/s, {:.1} rows a commit",
        3200.0 / seconds,
        3200.0 / f64::from(u32::try_from(anchors).unwrap())
    );
}
