use super::*;
use crate::register::consent;
use crate::register::slice::Slice;
use crate::register::testing::{Kept, NOW, caller, ods, patient, sealer, user};
use time::Duration;

async fn overridden(kept: &Kept, after_refusal: bool, at: OffsetDateTime) {
    let body = consent::override_example(patient(), &user("u1"), &ods("VIEW1"), "Emergency", "found unconscious", at);
    let draft = consent::parse(&body, at, &caller("u1"), &sealer()).unwrap_or_else(|found| panic!("{found:?}"));
    let admitted = draft.admit(&[], after_refusal, &[]).unwrap_or_else(|found| panic!("{found:?}"));
    kept.run(consent::store_job(admitted)).await.expect("kept");
}

async fn one(kept: &Kept) -> Review {
    search(&kept.pool, &ods("VIEW1"), None, &Slice::default()).await.expect("searched").found.remove(0)
}

fn close(review: &Review, outcome: &str) -> Value {
    let mut body = review.resource(&sealer());
    body["status"] = json!("completed");
    body["businessStatus"] = json!({ "coding": [{ "system": OUTCOME_SYSTEM, "code": outcome }] });
    body
}

fn refused(body: &Value, review: &Review, by: &str) -> String {
    let found = parse(body, review, &user(by), &sealer()).expect_err("refused");
    assert_eq!(found[0].status, 422, "{found:?}");
    found[0].expression.clone()
}

#[tokio::test]
async fn the_queue_begins_with_overrides_after_a_refusal() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    overridden(&kept, true, NOW + Duration::minutes(1)).await;
    let page = Slice::default();
    let queue = search(&kept.pool, &ods("VIEW1"), Some(ReviewStatus::Requested), &page).await.expect("searched").found;
    assert_eq!(queue.iter().map(|review| review.after_refusal).collect::<Vec<_>>(), [true, false]);
    assert!(search(&kept.pool, &ods("VIEW2"), None, &page).await.expect("searched").found.is_empty());
    assert!(
        search(&kept.pool, &ods("VIEW1"), Some(ReviewStatus::Completed), &page)
            .await
            .expect("searched")
            .found
            .is_empty()
    );
    let task = queue[0].resource(&sealer());
    assert_eq!((&task["status"], &task["priority"]), (&json!("requested"), &json!("urgent")));
    assert_eq!(task["focus"]["reference"], format!("Consent/{}", queue[0].consent));
    assert_eq!(task["meta"]["tag"][0]["code"], "override-after-refusal");
    assert!(read(&kept.pool, &ods("VIEW2"), &queue[0].id).await.expect("read").is_none());
}

#[tokio::test]
async fn whoever_overrode_cannot_close_the_review() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let review = one(&kept).await;
    assert_eq!(refused(&close(&review, "justified"), &review, "u1"), "Task.status");
    // The store holds it as well, should the check above ever be lost.
    let step = ReviewStep {
        review: review.clone(),
        status: ReviewStatus::Completed,
        outcome: Some(ReviewOutcome::Justified),
        evidence: None,
        reviewer: user("u1"),
    };
    assert!(kept.run(step_job(step, None, NOW)).await.is_err());
    assert_eq!(one(&kept).await.status, ReviewStatus::Requested);
}

#[tokio::test]
async fn a_review_goes_forward_once_and_stays_closed() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let review = one(&kept).await;
    let mut body = review.resource(&sealer());
    body["status"] = json!("in-progress");
    let step = parse(&body, &review, &user("po"), &sealer()).expect("taken up");
    let review = kept.run(step_job(step, Some(1), NOW)).await.expect("kept");
    assert_eq!((review.version, review.status), (2, ReviewStatus::InProgress));
    let step = || parse(&close(&review, "not-justified"), &review, &user("po"), &sealer()).expect("closed");
    assert!(matches!(kept.run(step_job(step(), Some(1), NOW)).await, Err(StoreError::Conflict)));
    kept.run(step_job(step(), Some(2), NOW)).await.expect("kept");
    let closed = one(&kept).await;
    assert_eq!((closed.status, closed.outcome), (ReviewStatus::Completed, Some(ReviewOutcome::NotJustified)));
    assert_eq!(closed.resource(&sealer())["businessStatus"]["coding"][0]["code"], "not-justified");
    assert_eq!(closed.resource(&sealer())["owner"]["identifier"]["value"], "po");
    assert_eq!(refused(&close(&closed, "justified"), &closed, "po"), "Task.status");
}

#[tokio::test]
async fn a_step_changes_status_and_outcome_and_nothing_else() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let review = one(&kept).await;
    let good = close(&review, "justified");
    parse(&good, &review, &user("po"), &sealer()).expect("good");
    for (name, value, at) in [
        ("focus", json!({ "reference": "Consent/other" }), "Task.focus"),
        ("id", json!("other"), "Task.id"),
        ("description", json!("x"), "Task"),
        ("status", json!("cancelled"), "Task.status"),
        ("businessStatus", json!({ "coding": [{ "system": OUTCOME_SYSTEM, "code": "fine" }] }), "Task.businessStatus"),
        ("businessStatus", json!({ "coding": [{ "system": "urn:x", "code": "justified" }] }), "Task.businessStatus"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(refused(&body, &review, "po"), at, "{name}");
    }
    let mut body = review.resource(&sealer());
    body["status"] = json!("completed");
    assert_eq!(refused(&body, &review, "po"), "Task.businessStatus", "a closed review has an outcome");
}

#[tokio::test]
async fn an_outcome_can_name_its_evidence_and_never_a_patient() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    let review = one(&kept).await;
    let output = |text: &str| {
        let kind = json!({ "coding": [{ "system": TASK_SYSTEM, "code": "evidence" }] });
        json!([{ "type": kind, "valueString": text }])
    };
    let mut good = close(&review, "escalated");
    good["output"] = output("Incident 2026-0042");
    for (value, at) in [
        (output("about 999 000 0018"), "Task.output[0].valueString"),
        (output("999.000.0018"), "Task.output[0].valueString"),
        (output("Incident 2026/999/000/0018"), "Task.output[0].valueString"),
        (output("999_000_0018"), "Task.output[0].valueString"),
        (output("9a9b9c0 #0:0.0/0_1z8"), "Task.output[0].valueString"),
        (output("999\u{2013}000\u{2013}0018"), "Task.output[0].valueString"),
        (output("999\u{a0}000\u{a0}0018"), "Task.output[0].valueString"),
        (output("99900\u{200b}00018"), "Task.output[0].valueString"),
        (output("\u{ff19}\u{ff19}\u{ff19}0000018"), "Task.output[0].valueString"),
        (output("\u{0669}\u{0669}\u{0669}0000018"), "Task.output[0].valueString"),
        (output("Incident\t1"), "Task.output[0].valueString"),
        (output("Incident\n1"), "Task.output[0].valueString"),
        (output("=Incident 1"), "Task.output[0].valueString"),
        (json!([{ "type": output("x")[0]["type"] }]), "Task.output[0].valueString"),
        (
            json!([{ "type": { "coding": [{ "system": "urn:x", "code": "evidence" }] }, "valueString": "x" }]),
            "Task.output[0].type",
        ),
        (json!([output("x")[0], output("y")[0]]), "Task.output"),
    ] {
        let mut body = good.clone();
        body["output"] = value;
        assert_eq!(refused(&body, &review, "po"), at);
    }
    for text in ["INC-2026/0042", "Datix: 12.3_b #4", "File 1234567890"] {
        let mut body = good.clone();
        body["output"] = output(text);
        assert!(parse(&body, &review, &user("po"), &sealer()).is_ok(), "{text}");
    }
    let mut early = good.clone();
    early["status"] = json!("in-progress");
    early.as_object_mut().expect("an object").remove("businessStatus");
    assert_eq!(refused(&early, &review, "po"), "Task.output", "there is no outcome yet");
    let step = parse(&good, &review, &user("po"), &sealer()).expect("closed");
    let closed = kept.run(step_job(step, Some(1), NOW)).await.expect("kept");
    assert_eq!(closed.resource(&sealer())["output"], output("Incident 2026-0042"));
    assert_eq!(one(&kept).await.resource(&sealer()), closed.resource(&sealer()));
}

#[tokio::test]
async fn a_view_that_chance_picked_is_reviewed_like_an_override_and_a_refusal_never_is() {
    let kept = Kept::new().await;
    let admitted = |permit: bool, sampled: bool| {
        let body = consent::example(patient(), &user("u1"), &ods("VIEW1"), permit, NOW);
        let draft = consent::parse(&body, NOW, &caller("u1"), &sealer()).unwrap_or_else(|found| panic!("{found:?}"));
        draft.admit(&[], false, &[]).unwrap_or_else(|found| panic!("{found:?}")).sampled(sampled)
    };
    kept.run(consent::store_job(admitted(true, false))).await.expect("kept");
    kept.run(consent::store_job(admitted(false, true))).await.expect("kept");
    assert!(search(&kept.pool, &ods("VIEW1"), None, &Slice::default()).await.expect("searched").found.is_empty());
    let stored = kept.run(consent::store_job(admitted(true, true))).await.expect("kept");
    let review = one(&kept).await;
    let task = review.resource(&sealer());
    assert_eq!((&task["code"]["coding"][0]["code"], task.get("reasonCode")), (&json!("view-review"), None));
    assert_eq!(
        (&task["focus"]["reference"], &task["priority"]),
        (&json!(format!("Consent/{}", stored.id)), &json!("routine"))
    );
    assert_eq!(refused(&close(&review, "justified"), &review, "u1"), "Task.status", "four eyes");
    // One review and its Consent, or neither.
    kept.by_hand("DROP TABLE review").await.expect("broken on purpose");
    assert!(kept.run(consent::store_job(admitted(true, true))).await.is_err());
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM consent").fetch_one(&kept.pool).await.expect("counted");
    assert_eq!(count, 3);
}

#[tokio::test]
async fn open_reviews_that_are_older_than_they_may_be_are_counted() {
    let kept = Kept::new().await;
    overridden(&kept, false, NOW).await;
    overridden(&kept, false, NOW + Duration::days(2)).await;
    assert_eq!(backlog(&kept.pool, NOW).await.expect("counted"), (2, 0));
    assert_eq!(backlog(&kept.pool, NOW + Duration::days(1)).await.expect("counted"), (2, 1));
    let review = one(&kept).await;
    let step = parse(&close(&review, "justified"), &review, &user("po"), &sealer()).expect("closed");
    kept.run(step_job(step, None, NOW)).await.expect("kept");
    assert_eq!(backlog(&kept.pool, NOW + Duration::days(9)).await.expect("counted"), (1, 1));
}
