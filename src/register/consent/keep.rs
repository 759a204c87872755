//! Keeps Consents: an override with its alert and its review in one transaction. Reads them back, each for its readers.

use super::{AdmittedConsent, ConsentStatus, Reader, StoredConsent, Withdrawal};
use crate::clock::{from_millis, millis};
use crate::ids::{LogicalId, NhsNumber, OdsCode, UserId};
use crate::register::row::row;
use crate::register::slice::{self, Page, Place, Slice};
use crate::register::{ConsentDecision, alerts, review, standing, version};
use crate::store::{Clauses, Connection, Job, Pool, StoreError};
use sqlx::FromRow as _;
use time::OffsetDateTime;

/// What is searched for; an absent part matches all.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsentSearch {
    /// Whose record.
    pub patient: Option<NhsNumber>,
    /// The status.
    pub status: Option<ConsentStatus>,
}

/// Keeps a Consent; an override together with its alert and an open review.
#[must_use]
pub fn store_job(admitted: AdmittedConsent) -> Job<StoredConsent> {
    Box::new(move |connection| Box::pin(async move { store(connection, admitted).await }))
}

async fn store(connection: &mut Connection, admitted: AdmittedConsent) -> Result<StoredConsent, StoreError> {
    let AdmittedConsent { id, draft, decision, until, sampled } = admitted;
    let receipt = version::advance(connection, Some(draft.patient)).await?;
    let stored = StoredConsent {
        id,
        version: 1,
        patient: draft.patient,
        user: draft.user,
        organisation: draft.organisation,
        decision,
        status: ConsentStatus::Active,
        received: draft.received,
        until,
        updated: draft.received,
        body: draft.body,
    };
    let (word, category, reason, after_refusal) = match &stored.decision {
        ConsentDecision::Permit => ("permit", None, None, false),
        ConsentDecision::Deny => ("deny", None, None, false),
        ConsentDecision::Override { category, reason, after_refusal } => {
            ("override", Some(category.as_str()), Some(reason.as_str()), *after_refusal)
        }
    };
    sqlx::query(
        "INSERT INTO consent (id, version, patient, user_id, organisation, decision, category, reason, after_refusal, \
         status, received, until, updated, receipt, body, speaker) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(stored.id.as_str())
    .bind(stored.version)
    .bind(stored.patient.reveal())
    .bind(stored.user.as_str())
    .bind(stored.organisation.as_str())
    .bind(word)
    .bind(category)
    .bind(reason)
    .bind(i64::from(after_refusal))
    .bind(stored.status.as_str())
    .bind(millis(stored.received))
    .bind(millis(stored.until))
    .bind(millis(stored.updated))
    .bind(receipt)
    .bind(serde_json::to_string(&stored.body).map_err(|_| StoreError::Corrupt)?)
    .bind(draft.speaker.as_str())
    .execute(&mut *connection)
    .await?;
    if let Some(category) = category {
        alerts::raise(connection, &stored, after_refusal).await?;
        review::open(connection, &stored, Some(category), after_refusal).await?;
    } else if sampled && stored.decision == ConsentDecision::Permit {
        review::open(connection, &stored, None, false).await?;
    }
    Ok(stored)
}

/// Keeps a withdrawal, in force from the next decision on.
///
/// The job fails with [`StoreError::Conflict`] when the version named by `If-Match`, or the one that was read, is no
/// longer the current one.
#[must_use]
pub fn withdraw_job(withdrawal: Withdrawal, if_match: Option<i64>, now: OffsetDateTime) -> Job<StoredConsent> {
    Box::new(move |connection| {
        Box::pin(async move {
            let Withdrawal { mut stored, status } = withdrawal;
            let expected = version::expected(if_match, stored.version)?;
            let done = sqlx::query(
                "UPDATE consent SET status = $1, updated = $2, version = version + 1 WHERE id = $3 AND version = $4",
            )
            .bind(status.as_str())
            .bind(millis(now))
            .bind(stored.id.as_str())
            .bind(expected)
            .execute(&mut *connection)
            .await?;
            version::changed(done.rows_affected())?;
            version::advance(connection, Some(stored.patient)).await?;
            (stored.status, stored.updated, stored.version) = (status, now, expected + 1);
            Ok(stored)
        })
    })
}

row! {
    struct Row {
        id: String,
        version: i64,
        patient: String,
        user_id: String,
        organisation: String,
        decision: String,
        category: Option<String>,
        reason: Option<String>,
        after_refusal: i64,
        status: String,
        received: i64,
        until: i64,
        updated: i64,
        receipt: i64,
        body: String,
    }
}

impl Row {
    fn consent(self) -> Result<StoredConsent, StoreError> {
        Ok(StoredConsent {
            id: LogicalId::parse(&self.id).ok_or(StoreError::Corrupt)?,
            version: self.version,
            patient: NhsNumber::parse(&self.patient).ok_or(StoreError::Corrupt)?,
            user: UserId::parse(&self.user_id).ok_or(StoreError::Corrupt)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            decision: standing::decision(&self.decision, self.category, self.reason, self.after_refusal)?,
            status: ConsentStatus::parse(&self.status).ok_or(StoreError::Corrupt)?,
            received: from_millis(self.received),
            until: from_millis(self.until),
            updated: from_millis(self.updated),
            body: serde_json::from_str(&self.body).map_err(|_| StoreError::Corrupt)?,
        })
    }
}

/// A Consent, if it is there and the reader may see it.
///
/// # Errors
/// [`StoreError`].
pub async fn read(pool: &Pool, reader: Reader<'_>, id: &LogicalId) -> Result<Option<StoredConsent>, StoreError> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT id, version, patient, user_id, organisation, decision, category, reason, after_refusal, status, \
         received, until, updated, receipt, body FROM consent WHERE id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(pool)
    .await?;
    let consent = row.map(Row::consent).transpose()?;
    Ok(consent.filter(|consent| reader.may_read(consent)))
}

/// The Consents that match and that the reader may see, the latest first.
///
/// # Errors
/// [`StoreError`].
pub async fn search(
    pool: &Pool,
    reader: Reader<'_>,
    wanted: ConsentSearch,
    slice: &Slice,
) -> Result<Page<StoredConsent>, StoreError> {
    let total = slice::total(pool, |query| matching(query, reader, wanted)).await?;
    let mut query = Clauses::new(
        "SELECT id, version, patient, user_id, organisation, decision, category, reason, after_refusal, status, received, \
         until, updated, receipt, body ",
    );
    matching(&mut query, reader, wanted);
    if let Some(Place { at, .. }) = &slice.after {
        query.push(" AND receipt < ").push_bind(*at);
    }
    query.push(" ORDER BY receipt DESC");
    slice.bound(&mut query);
    let rows = query.build().fetch_all(pool).await?;
    let rows: Vec<Row> = rows.iter().map(Row::from_row).collect::<Result<_, _>>()?;
    // No two have one receipt.
    slice.page(rows, total, |row| Place { first: 0, at: row.receipt, id: String::new() }, Row::consent)
}

fn matching(query: &mut Clauses, reader: Reader<'_>, wanted: ConsentSearch) {
    let (user, organisation) = match reader {
        Reader::Author(user, organisation) => (Some(user), organisation),
        Reader::PrivacyOfficer(organisation) => (None, organisation),
    };
    query.push("FROM consent WHERE organisation = ").push_bind(organisation.to_string());
    if let Some(user) = user {
        query.push(" AND user_id = ").push_bind(user.to_string());
    }
    if let Some(patient) = wanted.patient {
        query.push(" AND patient = ").push_bind(patient.reveal().to_owned());
    }
    if let Some(status) = wanted.status {
        query.push(" AND status = ").push_bind(status.to_string());
    }
}
