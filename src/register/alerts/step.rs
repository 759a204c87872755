//! What becomes of a letter: claimed, accepted, tried again later, given up, asked for again.

use super::{COLUMNS, Letter, LetterState, Row, one};
use crate::clock::millis;
use crate::ids::OdsCode;
use crate::register::agreements::Declined;
use crate::store::{Job, StoreError};
use time::OffsetDateTime;

/// Letters that are to be sent by whoever claimed them and by nobody else, until the lease is over.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Names the lease.
    pub lease: String,
    /// When it is over.
    pub until: OffsetDateTime,
    /// What to send.
    pub letters: Vec<Letter>,
}

/// Claims letters that are due and that nobody holds, those after a refusal first.
#[must_use]
pub fn claim_job(now: OffsetDateTime, until: OffsetDateTime, most: i64) -> Job<Claim> {
    let lease = uuid::Uuid::new_v4().to_string();
    Box::new(move |connection| {
        Box::pin(async move {
            // The store's writer is alone, on all instances: nobody else can claim between the two statements.
            let rows = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(format!(
                "SELECT {COLUMNS} WHERE o.state = 'waiting' AND o.next_attempt <= $1 AND o.leased_until <= $1 \
                 ORDER BY o.after_refusal DESC, o.raised, o.id LIMIT $2"
            )))
            .bind(millis(now))
            .bind(most)
            .fetch_all(&mut *connection)
            .await?;
            let letters = rows.into_iter().map(Row::letter).collect::<Result<Vec<_>, _>>()?;
            for letter in &letters {
                sqlx::query("UPDATE outbox SET lease = $1, leased_until = $2 WHERE id = $3")
                    .bind(lease.clone())
                    .bind(millis(until))
                    .bind(letter.id.clone())
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(Claim { lease, until, letters })
        })
    })
}

/// Notes that a letter was accepted, whoever holds it by now: what was accepted is never sent again.
#[must_use]
pub fn delivered_job(id: String, now: OffsetDateTime) -> Job<()> {
    Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query(
                "UPDATE outbox SET state = 'delivered', settled = $1, attempts = attempts + 1, reason = NULL, lease = NULL, \
                 leased_until = 0 WHERE id = $2 AND state <> 'delivered'",
            )
            .bind(millis(now))
            .bind(id)
            .execute(connection)
            .await?;
            Ok(())
        })
    })
}

/// What comes after an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is due again then.
    Again(OffsetDateTime),
    /// It is a dead letter from now on.
    Dead(OffsetDateTime),
    /// There is nobody to send it to; it was not tried.
    Unaddressed,
}

/// Notes that a letter was not accepted, unless somebody else has claimed it since.
#[must_use]
pub fn settled_job(id: String, lease: String, after: After, reason: String) -> Job<()> {
    let (state, next, settled, tried) = match after {
        After::Again(at) => (LetterState::Waiting, Some(at), None, 1),
        After::Dead(at) => (LetterState::Dead, None, Some(at), 1),
        After::Unaddressed => (LetterState::Unaddressed, None, None, 0),
    };
    Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query(
                "UPDATE outbox SET state = $1, next_attempt = COALESCE($2, next_attempt), settled = $3, \
                 attempts = attempts + $4, reason = $5, lease = NULL, leased_until = 0 \
                 WHERE id = $6 AND lease = $7 AND state = 'waiting'",
            )
            .bind(state.as_str())
            .bind(next.map(millis))
            .bind(settled.map(millis))
            .bind(i64::from(tried))
            .bind(reason)
            .bind(id)
            .bind(lease)
            .execute(connection)
            .await?;
            Ok(())
        })
    })
}

/// Has letters looked at again that had no receiver and were raised since: the settings may name one by now.
#[must_use]
pub fn readdress_job(raised_since: OffsetDateTime, now: OffsetDateTime) -> Job<u64> {
    Box::new(move |connection| {
        Box::pin(async move {
            let done = sqlx::query(
                "UPDATE outbox SET state = 'waiting', since = $1, next_attempt = $1 \
                 WHERE state = 'unaddressed' AND raised >= $2",
            )
            .bind(millis(now))
            .bind(millis(raised_since))
            .execute(connection)
            .await?;
            Ok(done.rows_affected())
        })
    })
}

/// Has a letter tried again at once, as if it were new; `own` is the organisation that the asker is kept to.
#[must_use]
pub fn retry_job(id: String, own: Option<OdsCode>, now: OffsetDateTime) -> Job<Result<Letter, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let found = one(&mut *connection, &id).await?;
            let Some(found) = found.filter(|found| own.as_ref().is_none_or(|own| *own == found.organisation)) else {
                return Ok(Err(Declined::Unknown));
            };
            if found.state == LetterState::Delivered {
                return Ok(Err(Declined::at("state", "has been accepted: it is not sent twice")));
            }
            // Whoever is sending it now goes on to: the lease stays.
            sqlx::query(
                "UPDATE outbox SET state = 'waiting', since = $1, next_attempt = $1, attempts = 0, settled = NULL WHERE id = $2",
            )
            .bind(millis(now))
            .bind(id.clone())
            .execute(&mut *connection)
            .await?;
            Ok(Ok(one(connection, &id).await?.ok_or(StoreError::Corrupt)?))
        })
    })
}
