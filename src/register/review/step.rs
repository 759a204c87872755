//! A step of a review: what a privacy officer may change of it, read and kept.

use super::{OUTCOME_SYSTEM, Review, ReviewOutcome, ReviewStatus, TASK_SYSTEM};
use crate::clock::millis;
use crate::ids::{NhsNumber, Sealer, UserId};
use crate::register::shape::{Found, Invalid, Node};
use crate::register::version;
use crate::store::Job;
use serde_json::Value;
use time::OffsetDateTime;

/// The longest reference to evidence.
const LONGEST_EVIDENCE: usize = 128;

/// A step of a review that may be kept.
#[derive(Debug)]
pub struct ReviewStep {
    pub(super) review: Review,
    pub(super) status: ReviewStatus,
    pub(super) outcome: Option<ReviewOutcome>,
    pub(super) evidence: Option<String>,
    pub(super) reviewer: UserId,
}

/// Reads an update of a review by a privacy officer of its organisation.
///
/// # Errors
/// All that is wrong with it; a step by whoever overrode is a broken rule.
pub fn parse(body: &Value, review: &Review, reviewer: &UserId, sealer: &Sealer) -> Result<ReviewStep, Vec<Invalid>> {
    let mut found = Found::default();
    let step = Node::root(&mut found, body, "Task").and_then(|task| {
        unchanged(&mut found, &task, body, &review.resource(sealer));
        let status = task.needed_text(&mut found, "status").map(ReviewStatus::parse);
        if status == Some(None) {
            found.rule("Task.status");
        }
        let outcome =
            task.object(&mut found, "businessStatus").map(|concept| match concept.codings(&mut found).as_slice() {
                [(OUTCOME_SYSTEM, code)] => ReviewOutcome::parse(code),
                _ => None,
            });
        if outcome == Some(None) {
            found.rule("Task.businessStatus");
        }
        let evidence = if task.has("output") { evidence(&mut found, &task) } else { None };
        let (status, outcome) = (status??, outcome.flatten());
        if *reviewer == review.overridden_by || review.status == ReviewStatus::Completed || status < review.status {
            found.rule("Task.status");
        }
        match (status, task.has("businessStatus")) {
            (ReviewStatus::Completed, false) => found.required("Task.businessStatus"),
            (ReviewStatus::Requested | ReviewStatus::InProgress, true) => found.rule("Task.businessStatus"),
            _ => {}
        }
        if status != ReviewStatus::Completed && task.has("output") {
            found.rule("Task.output");
        }
        Some(ReviewStep { review: review.clone(), status, outcome, evidence, reviewer: reviewer.clone() })
    });
    found.finish(step, "Task")
}

/// The one output that a review can have. It goes into reports that name no patient, so that it may not either.
fn evidence(found: &mut Found, task: &Node<'_>) -> Option<String> {
    let output = task.one(found, "output")?;
    output.only(found, &["type", "valueString"], &[]);
    let kind = output.needed_object(found, "type").map(|concept| concept.codings(found));
    if !matches!(kind.as_deref(), None | Some([(TASK_SYSTEM, "evidence")])) {
        found.rule(output.path("type"));
    }
    if !output.has("valueString") {
        found.required(output.path("valueString"));
    }
    let text = output.text_up_to(found, "valueString", LONGEST_EVIDENCE)?;
    if !is_reference(text) {
        found.rule(output.path("valueString"));
    }
    Some(text.to_owned())
}

/// Whether it may be the reference of an incident: few characters, so that no digit is written in another way, and no NHS
/// number among its digits, whatever stands between them.
fn is_reference(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let numbered =
        (0..digits.len()).filter_map(|at| digits.get(at..at + 10)).any(|ten| NhsNumber::parse(ten).is_some());
    text.chars().all(|c| c.is_ascii_alphanumeric() || "./_-:# ".contains(c)) && !numbered
}

/// What the client sends of the server's members must be what the server said.
fn unchanged(found: &mut Found, task: &Node<'_>, body: &Value, current: &Value) {
    task.ignore_envelope(found);
    if task.peek("id").is_none() {
        found.required("Task.id");
    }
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "meta" | "text" | "language" | "status" | "businessStatus" | "output" => {}
            _ => match current.as_object().and_then(|current| current.get_key_value(name)) {
                Some((_, same)) if same == value => {}
                Some((known, _)) => found.rule(format!("Task.{known}")),
                None => found.rule("Task"),
            },
        }
    }
}

/// Keeps a step; [`crate::store::StoreError::Conflict`] when another change came before it. No decision rests on a review, so the
/// register's revision stays.
#[must_use]
pub fn step_job(step: ReviewStep, if_match: Option<i64>, now: OffsetDateTime) -> Job<Review> {
    Box::new(move |connection| {
        Box::pin(async move {
            let ReviewStep { mut review, status, outcome, evidence, reviewer } = step;
            let expected = version::expected(if_match, review.version)?;
            let done = sqlx::query(
                "UPDATE review SET status = $1, outcome = $2, reviewer = $3, updated = $4, evidence = $7, \
                 version = version + 1 WHERE id = $5 AND version = $6 AND overridden_by <> $3",
            )
            .bind(status.as_str())
            .bind(outcome.map(ReviewOutcome::as_str))
            .bind(reviewer.as_str())
            .bind(millis(now))
            .bind(review.id.as_str())
            .bind(expected)
            .bind(evidence.clone())
            .execute(connection)
            .await?;
            version::changed(done.rows_affected())?;
            (review.status, review.outcome, review.reviewer) = (status, outcome, Some(reviewer));
            review.evidence = evidence;
            (review.updated, review.version) = (now, expected + 1);
            Ok(review)
        })
    })
}
