//! The outbox: alerts of overrides, and notices of changed agreements to those who signed them, until they are accepted.
//!
//! A letter is stored in the transaction of what it tells of. What leaves of an override is a reference, the organisation,
//! the time and the mark of a refusal, never a patient or a user (CONTRACT section 5). Whoever sends claims letters by a
//! lease, so that of several instances one alone tries a letter at a time; a letter that was accepted is never tried again.
//! Sending is the business of `outbox`; here nothing leaves. No decision rests on a letter: the register's revision stays.

mod notices;
mod step;

pub use notices::{Changed, address_job, changes_waiting};
pub(super) use notices::{Event, record};
pub use step::{After, Claim, claim_job, delivered_job, readdress_job, retry_job, settled_job};

use super::consent::StoredConsent;
use super::row::row;
use crate::clock::{from_millis, millis, rfc3339};
use crate::ids::OdsCode;
use crate::kinds::words;
use crate::store::{Connection, Pool, StoreError};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The most that one listing returns.
const MOST: i64 = 1000;

words! {
    /// What a letter tells of.
    LetterKind {
        Override = "override",
        Agreement = "agreement",
    }
}

words! {
    /// How a letter stands.
    LetterState {
        /// It is tried until it is accepted.
        Waiting = "waiting",
        /// The settings name nobody to send it to.
        Unaddressed = "unaddressed",
        /// It was accepted.
        Delivered = "delivered",
        /// A dead letter: it was tried for as long as the settings say, and is tried again only when somebody asks for it.
        Dead = "dead",
    }
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Names it, on every attempt alike, so that a receiver knows one that it has had.
    pub id: String,
    /// What it tells of.
    pub kind: LetterKind,
    /// Who overrode, or who is told.
    pub organisation: OdsCode,
    /// When that was.
    pub raised: OffsetDateTime,
    /// The override was made while a refusal was live.
    pub after_refusal: bool,
    /// How it stands.
    pub state: LetterState,
    /// From when its age counts.
    pub since: OffsetDateTime,
    /// How often it has been tried.
    pub attempts: i64,
    /// When it is due.
    pub next_attempt: OffsetDateTime,
    /// Why the last attempt did not succeed.
    pub reason: Option<String>,
    /// When it was accepted or given up.
    pub settled: Option<OffsetDateTime>,
    /// The review of the override, for whoever may see Tasks.
    pub review: Option<String>,
    said: Option<Value>,
}

impl Letter {
    /// What is sent: the same bytes on every attempt.
    #[must_use]
    pub fn body(&self) -> String {
        let data = self.said.clone().unwrap_or_else(|| {
            let mut data = json!({ "reference": self.id, "organisation": self.organisation.as_str() });
            if self.after_refusal {
                super::shape::put(&mut data, "mark", "override-after-refusal".into());
            }
            data
        });
        json!({ "type": self.kind.as_str(), "timestamp": rfc3339(self.raised), "data": data }).to_string()
    }
}

row! {
    struct Row {
        id: String,
        kind: String,
        organisation: String,
        said: Option<String>,
        after_refusal: i64,
        raised: i64,
        state: String,
        since: i64,
        attempts: i64,
        next_attempt: i64,
        reason: Option<String>,
        settled: Option<i64>,
        review: Option<String>,
    }
}

impl Row {
    fn letter(self) -> Result<Letter, StoreError> {
        let said = self.said.map(|said| serde_json::from_str(&said).map_err(|_| StoreError::Corrupt)).transpose()?;
        Ok(Letter {
            id: self.id,
            kind: LetterKind::parse(&self.kind).ok_or(StoreError::Corrupt)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            raised: from_millis(self.raised),
            after_refusal: self.after_refusal != 0,
            state: LetterState::parse(&self.state).ok_or(StoreError::Corrupt)?,
            since: from_millis(self.since),
            attempts: self.attempts,
            next_attempt: from_millis(self.next_attempt),
            reason: self.reason,
            settled: self.settled.map(from_millis),
            review: self.review,
            said,
        })
    }
}

/// The columns of [`Row`]: of `outbox o`, beside `review r`.
const COLUMNS: &str = "o.id, o.kind, o.organisation, o.said, o.after_refusal, o.raised, o.state, o.since, o.attempts, \
                       o.next_attempt, o.reason, o.settled, r.id AS review FROM outbox o LEFT JOIN review r ON r.consent = o.consent";

/// Puts the alert of an override into the outbox, in the override's own transaction.
pub(super) async fn raise(
    connection: &mut Connection,
    stored: &StoredConsent,
    after_refusal: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, kind, organisation, consent, after_refusal, raised, state, since, attempts, next_attempt) \
         VALUES ($1, 'override', $2, $3, $4, $5, 'waiting', $5, 0, $5)",
    )
    .bind(uuid::Uuid::new_v4().to_string())
    .bind(stored.organisation.as_str())
    .bind(stored.id.as_str())
    .bind(i64::from(after_refusal))
    .bind(millis(stored.received))
    .execute(connection)
    .await?;
    Ok(())
}

/// Which letters are listed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Those of one organisation.
    pub own: Option<OdsCode>,
    /// Those that stand so.
    pub state: Option<LetterState>,
    /// Those that tell of this.
    pub kind: Option<LetterKind>,
    /// That one.
    pub id: Option<String>,
}

/// Letters, the latest first, at most 1,000.
///
/// # Errors
/// [`StoreError`].
pub async fn listed(pool: &Pool, wanted: &Wanted) -> Result<Vec<Letter>, StoreError> {
    let rows = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} WHERE ($1 IS NULL OR o.organisation = $1) AND ($2 IS NULL OR o.state = $2) \
         AND ($3 IS NULL OR o.kind = $3) AND ($4 IS NULL OR o.id = $4) ORDER BY o.raised DESC, o.id LIMIT $5"
    )))
    .bind(wanted.own.as_ref().map(OdsCode::to_string))
    .bind(wanted.state.map(LetterState::as_str))
    .bind(wanted.kind.map(LetterKind::as_str))
    .bind(wanted.id.clone())
    .bind(MOST)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Row::letter).collect()
}

async fn one(connection: &mut Connection, id: &str) -> Result<Option<Letter>, StoreError> {
    let row = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} WHERE o.id = $1")))
        .bind(id.to_owned())
        .fetch_optional(connection)
        .await?;
    row.map(Row::letter).transpose()
}

/// How many letters stand how, but for those that were accepted; and since when the oldest of each waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What they tell of.
    pub kind: LetterKind,
    /// How they stand.
    pub state: LetterState,
    /// How many.
    pub count: i64,
    /// When the oldest was raised.
    pub oldest: OffsetDateTime,
}

/// What has not been accepted.
///
/// # Errors
/// [`StoreError`].
pub async fn standing(pool: &Pool) -> Result<Vec<Standing>, StoreError> {
    let rows = sqlx::query_as::<_, (String, String, i64, i64)>(
        "SELECT kind, state, COUNT(*), MIN(raised) FROM outbox WHERE state <> 'delivered' GROUP BY kind, state",
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(kind, state, count, oldest)| {
            Ok(Standing {
                kind: LetterKind::parse(&kind).ok_or(StoreError::Corrupt)?,
                state: LetterState::parse(&state).ok_or(StoreError::Corrupt)?,
                count,
                oldest: from_millis(oldest),
            })
        })
        .collect()
}

/// Whether anything is due that nobody is sending.
///
/// # Errors
/// [`StoreError`].
pub async fn any_due(pool: &Pool, now: OffsetDateTime) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar::<_, String>(
        "SELECT id FROM outbox WHERE state = 'waiting' AND next_attempt <= $1 AND leased_until <= $1 LIMIT 1",
    )
    .bind(millis(now))
    .fetch_optional(pool)
    .await?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests;
