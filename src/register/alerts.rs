//! Alerts of overrides on their way out of the service: a reference, the organisation and the time, never a patient or
//! a user. Sending them is the caller's work; here they wait, durable since the override's own transaction.

use super::row::row;
use crate::clock::{from_millis, millis};
use crate::store::{Job, Pool, StoreError};
use time::{Duration, OffsetDateTime};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::minutes(15);

/// What may leave the service about an override.
#[derive(Debug, Clone)]
pub struct Alert {
    /// An opaque reference of its own.
    pub reference: String,
    /// The viewing organisation (ODS).
    pub organisation: String,
    /// When the override was received.
    pub raised: OffsetDateTime,
    /// A refusal of the organisation was live: `override-after-refusal`.
    pub after_refusal: bool,
    /// How often it has been tried.
    pub attempts: i64,
}

row! {
    struct Row {
        id: String,
        organisation: String,
        raised: i64,
        after_refusal: i64,
        attempts: i64,
    }
}

/// Alerts that are due, those after a refusal first.
///
/// # Errors
/// [`StoreError`].
pub async fn due(pool: &Pool, now: OffsetDateTime, most: i64) -> Result<Vec<Alert>, StoreError> {
    let rows = sqlx::query_as::<_, Row>(
        "SELECT id, organisation, raised, after_refusal, attempts FROM alert \
         WHERE delivered IS NULL AND next_attempt <= $1 ORDER BY after_refusal DESC, raised LIMIT $2",
    )
    .bind(millis(now))
    .bind(most)
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Alert {
            reference: row.id,
            organisation: row.organisation,
            raised: from_millis(row.raised),
            after_refusal: row.after_refusal != 0,
            attempts: row.attempts,
        })
        .collect())
}

/// Notes that an alert was accepted.
#[must_use]
pub fn delivered_job(reference: String, now: OffsetDateTime) -> Job<()> {
    Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query("UPDATE alert SET delivered = $1, attempts = attempts + 1 WHERE id = $2 AND delivered IS NULL")
                .bind(millis(now))
                .bind(reference)
                .execute(connection)
                .await?;
            Ok(())
        })
    })
}

/// Notes that an alert was not accepted; it is due again after a pause that doubles from 5 seconds to 15 minutes.
#[must_use]
pub fn failed_job(alert: &Alert, now: OffsetDateTime) -> Job<()> {
    let doublings = u32::try_from(alert.attempts.clamp(0, 10)).unwrap_or(10);
    let pause = (Duration::seconds(5) * 2i32.pow(doublings)).min(LONGEST_PAUSE);
    let (next, reference) = (millis(now + pause), alert.reference.clone());
    Box::new(move |connection| {
        Box::pin(async move {
            sqlx::query(
                "UPDATE alert SET attempts = attempts + 1, next_attempt = $1 WHERE id = $2 AND delivered IS NULL",
            )
            .bind(next)
            .bind(reference)
            .execute(connection)
            .await?;
            Ok(())
        })
    })
}
