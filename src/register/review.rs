//! Reviews, as FHIR Task for the privacy officer: of every override (6.5, 7.3.6), and of ordinary views that chance picked
//! (7.3.5).
//!
//! A review is opened with the Consent that it is about, in its transaction. A privacy officer of the organisation takes it
//! up (`in-progress`) and closes it (`completed`) with an outcome in `businessStatus` and, if there is any, a reference to
//! the evidence in `output`. Four eyes: whoever overrode or viewed can do neither. A closed review stays closed. Nothing
//! else of the Task is the client's to change.

mod step;

pub use step::{ReviewStep, parse, step_job};

use super::consent::{OVERRIDE_SYSTEM, StoredConsent};
use super::row::row;
use super::shape::{by_identifier, patient_reference, put, put_in};
use super::slice::{self, Page, Place, Slice};
use super::{ODS_CODE, SDS_USER, version};
use crate::clock::{from_millis, millis, rfc3339};
use crate::ids::{LogicalId, NhsNumber, OdsCode, Sealer, UserId};
use crate::kinds::words;
use crate::store::{Clauses, Connection, Pool, StoreError};
use serde_json::{Value, json};
use sqlx::FromRow as _;
use time::OffsetDateTime;

/// The outcomes of a review.
pub const OUTCOME_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:review-outcome";
/// What a Task is for.
pub const TASK_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:task";
/// How an override is marked.
pub const MARK_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:override-mark";

words! {
    /// What a review is of.
    ReviewKind {
        /// An override.
        Override = "override",
        /// A Consent for an ordinary view, picked by chance.
        View = "view",
    }
}

words! {
    /// How far a review is.
    ReviewStatus {
        Requested = "requested",
        InProgress = "in-progress",
        Completed = "completed",
    }
}

words! {
    /// What a review found.
    ReviewOutcome {
        /// The override was right.
        Justified = "justified",
        /// It was not.
        NotJustified = "not-justified",
        /// It goes on elsewhere: an incident, an investigation.
        Escalated = "escalated",
    }
}

/// A kept review.
#[derive(Debug, Clone)]
pub struct Review {
    /// Its logical id.
    pub id: LogicalId,
    /// Counts up with each update.
    pub version: i64,
    /// What it is of.
    pub kind: ReviewKind,
    /// The Consent.
    pub consent: String,
    /// Whose record.
    pub patient: NhsNumber,
    /// The organisation whose privacy officer reviews.
    pub organisation: OdsCode,
    /// Who overrode, or viewed.
    pub overridden_by: UserId,
    /// The override's reason code; empty for an ordinary view.
    pub category: String,
    /// A refusal was live.
    pub after_refusal: bool,
    /// How far it is.
    pub status: ReviewStatus,
    /// What it found.
    pub outcome: Option<ReviewOutcome>,
    /// What the outcome rests on: a reference into the organisation's own files, never a patient's number.
    pub evidence: Option<String>,
    /// Who took it up or closed it.
    pub reviewer: Option<UserId>,
    /// When the Consent was received.
    pub opened: OffsetDateTime,
    /// When it last changed.
    pub updated: OffsetDateTime,
}

/// The tag of an override after a refusal.
pub(super) fn after_refusal_tag() -> Value {
    json!({ "system": MARK_SYSTEM, "code": "override-after-refusal" })
}

impl Review {
    /// The resource.
    #[must_use]
    pub fn resource(&self, sealer: &Sealer) -> Value {
        let mut task = json!({
            "resourceType": "Task",
            "id": self.id.as_str(),
            "meta": { "versionId": self.version.to_string(), "lastUpdated": rfc3339(self.updated) },
            "status": self.status.as_str(),
            "intent": "order",
            "priority": if self.after_refusal { "urgent" } else { "routine" },
            "code": { "coding": [{ "system": TASK_SYSTEM, "code": format!("{}-review", self.kind) }] },
            "focus": { "reference": format!("Consent/{}", self.consent) },
            "for": patient_reference(self.patient, sealer),
            "authoredOn": rfc3339(self.opened),
            "lastModified": rfc3339(self.updated),
            "requester": by_identifier(SDS_USER, self.overridden_by.as_str()),
            "restriction": { "recipient": [by_identifier(ODS_CODE, self.organisation.as_str())] },
        });
        if self.kind == ReviewKind::Override {
            put(&mut task, "reasonCode", json!({ "coding": [{ "system": OVERRIDE_SYSTEM, "code": self.category }] }));
        }
        if let Some(evidence) = &self.evidence {
            let kind = json!({ "coding": [{ "system": TASK_SYSTEM, "code": "evidence" }] });
            put(&mut task, "output", json!([{ "type": kind, "valueString": evidence }]));
        }
        if self.after_refusal {
            put_in(&mut task, "meta", "tag", json!([after_refusal_tag()]));
        }
        if let Some(outcome) = self.outcome {
            put(
                &mut task,
                "businessStatus",
                json!({ "coding": [{ "system": OUTCOME_SYSTEM, "code": outcome.as_str() }] }),
            );
        }
        if let Some(reviewer) = &self.reviewer {
            put(&mut task, "owner", by_identifier(SDS_USER, reviewer.as_str()));
        }
        task
    }

    /// Its `ETag`.
    #[must_use]
    pub fn etag(&self) -> String {
        version::etag(self.version)
    }
}

/// Opens the review of a Consent, in the Consent's own transaction; without a category, of an ordinary view.
pub(super) async fn open(
    connection: &mut Connection,
    consent: &StoredConsent,
    category: Option<&str>,
    after_refusal: bool,
) -> Result<(), StoreError> {
    let kind = if category.is_some() { ReviewKind::Override } else { ReviewKind::View };
    sqlx::query(
        "INSERT INTO review (id, version, consent, patient, organisation, overridden_by, category, after_refusal, status, \
         opened, updated, kind) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, 'requested', $8, $8, $9)",
    )
    .bind(uuid::Uuid::new_v4().to_string())
    .bind(consent.id.as_str())
    .bind(consent.patient.reveal())
    .bind(consent.organisation.as_str())
    .bind(consent.user.as_str())
    .bind(category.unwrap_or_default())
    .bind(i64::from(after_refusal))
    .bind(millis(consent.received))
    .bind(kind.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

row! {
    struct Row {
        id: String,
        version: i64,
        kind: String,
        consent: String,
        patient: String,
        organisation: String,
        overridden_by: String,
        category: String,
        after_refusal: i64,
        status: String,
        outcome: Option<String>,
        evidence: Option<String>,
        reviewer: Option<String>,
        opened: i64,
        updated: i64,
    }
}

impl Row {
    fn review(self) -> Result<Review, StoreError> {
        let outcome = self.outcome.map(|word| ReviewOutcome::parse(&word).ok_or(StoreError::Corrupt)).transpose()?;
        let reviewer = self.reviewer.map(|user| UserId::parse(&user).ok_or(StoreError::Corrupt)).transpose()?;
        Ok(Review {
            id: LogicalId::parse(&self.id).ok_or(StoreError::Corrupt)?,
            version: self.version,
            kind: ReviewKind::parse(&self.kind).ok_or(StoreError::Corrupt)?,
            consent: self.consent,
            patient: NhsNumber::parse(&self.patient).ok_or(StoreError::Corrupt)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            overridden_by: UserId::parse(&self.overridden_by).ok_or(StoreError::Corrupt)?,
            category: self.category,
            after_refusal: self.after_refusal != 0,
            status: ReviewStatus::parse(&self.status).ok_or(StoreError::Corrupt)?,
            outcome,
            evidence: self.evidence,
            reviewer,
            opened: from_millis(self.opened),
            updated: from_millis(self.updated),
        })
    }
}

/// A review of an organisation, if it is there.
///
/// # Errors
/// [`StoreError`].
pub async fn read(pool: &Pool, own: &OdsCode, id: &LogicalId) -> Result<Option<Review>, StoreError> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT id, version, consent, patient, organisation, overridden_by, category, after_refusal, status, outcome, \
         reviewer, opened, updated, kind, evidence FROM review WHERE id = $1 AND organisation = $2",
    )
    .bind(id.as_str())
    .bind(own.as_str())
    .fetch_optional(pool)
    .await?;
    row.map(Row::review).transpose()
}

/// The review of an override's Consent, if it is there.
///
/// # Errors
/// [`StoreError`].
pub async fn of_consent(pool: &Pool, consent: &str) -> Result<Option<Review>, StoreError> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT id, version, consent, patient, organisation, overridden_by, category, after_refusal, status, outcome, \
         reviewer, opened, updated, kind, evidence FROM review WHERE consent = $1",
    )
    .bind(consent)
    .fetch_optional(pool)
    .await?;
    row.map(Row::review).transpose()
}

/// The reviews of an organisation, those after a refusal first, then the oldest.
///
/// # Errors
/// [`StoreError`].
pub async fn search(
    pool: &Pool,
    own: &OdsCode,
    status: Option<ReviewStatus>,
    slice: &Slice,
) -> Result<Page<Review>, StoreError> {
    let matching = |query: &mut Clauses| {
        query.push("FROM review WHERE organisation = ").push_bind(own.to_string());
        if let Some(status) = status {
            query.push(" AND status = ").push_bind(status.to_string());
        }
    };
    let total = slice::total(pool, matching).await?;
    let mut query = Clauses::new(
        "SELECT id, version, consent, patient, organisation, overridden_by, category, after_refusal, status, outcome, \
         reviewer, opened, updated, kind, evidence ",
    );
    matching(&mut query);
    if let Some(Place { first, at, id }) = &slice.after {
        query.push(" AND (after_refusal < ").push_bind(*first).push(" OR (after_refusal = ").push_bind(*first);
        query.push(" AND (opened, id) > (").push_bind(*at).push(", ").push_bind(id.clone()).push(")))");
    }
    query.push(" ORDER BY after_refusal DESC, opened, id");
    slice.bound(&mut query);
    let rows = query.build().fetch_all(pool).await?;
    let rows: Vec<Row> = rows.iter().map(Row::from_row).collect::<Result<_, _>>()?;
    let place = |row: &Row| Place { first: row.after_refusal, at: row.opened, id: row.id.clone() };
    slice.page(rows, total, place, Row::review)
}

/// How many reviews are open, and how many of them were opened before an instant: of every organisation.
///
/// # Errors
/// [`StoreError`].
pub async fn backlog(pool: &Pool, before: OffsetDateTime) -> Result<(i64, i64), StoreError> {
    let row = sqlx::query_as::<_, (i64, i64)>(
        "SELECT COUNT(*), COUNT(CASE WHEN opened < $1 THEN 1 END) FROM review WHERE status <> 'completed'",
    );
    Ok(row.bind(millis(before)).fetch_one(pool).await?)
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
