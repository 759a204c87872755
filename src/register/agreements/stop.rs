//! Suspensions one by one: the switch that stops everything, a viewer, a sharer or a user, and lets them go on (12.4).

use super::{Declined, Problem, Suspension, Target, keep};
use crate::clock::{from_millis, millis};
use crate::register::row::row;
use crate::register::version;
use crate::store::{Clauses, Connection, Job, Pool, StoreError};
use sqlx::FromRow;
use time::OffsetDateTime;

/// The most that one list returns.
const MOST: i64 = 10_000;

/// A kept suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSuspension {
    /// Names it.
    pub id: String,
    /// What it says.
    pub suspension: Suspension,
    /// When it was lifted, and by whom.
    pub lifted: Option<(OffsetDateTime, String)>,
}

row! {
    struct Row {
        id: String,
        target: String,
        subject: String,
        reason: String,
        placed_by: String,
        since: i64,
        until: Option<i64>,
        lifted: Option<i64>,
        lifted_by: Option<String>,
    }
}

impl Row {
    fn suspension(self) -> Result<KeptSuspension, StoreError> {
        Ok(KeptSuspension {
            id: self.id,
            suspension: Suspension {
                target: Target::parse(&self.target).ok_or(StoreError::Corrupt)?,
                subject: self.subject,
                reason: self.reason,
                by: self.placed_by,
                since: Some(from_millis(self.since)),
                until: self.until.map(from_millis),
            },
            lifted: self.lifted.map(|at| (from_millis(at), self.lifted_by.unwrap_or_default())),
        })
    }
}

const COLUMNS: &str =
    "SELECT id, target, subject, reason, placed_by, since, until, lifted, lifted_by FROM suspension WHERE ";

async fn listed(pool: &Pool, mut query: Clauses) -> Result<Vec<KeptSuspension>, StoreError> {
    query.push(" ORDER BY since DESC, id LIMIT ").push_bind(MOST);
    let rows = query.build().fetch_all(pool).await?;
    rows.iter().map(|row| Row::from_row(row)?.suspension()).collect()
}

/// Suspensions that have not been lifted, or all that there ever were; the latest first.
///
/// # Errors
/// [`StoreError`].
pub async fn suspensions(pool: &Pool, lifted_too: bool) -> Result<Vec<KeptSuspension>, StoreError> {
    let mut query = Clauses::new(COLUMNS);
    query.push(if lifted_too { "1 = 1" } else { "lifted IS NULL" });
    listed(pool, query).await
}

/// Suspensions that were in force at an instant.
///
/// # Errors
/// [`StoreError`].
pub async fn suspensions_at(pool: &Pool, at: OffsetDateTime) -> Result<Vec<KeptSuspension>, StoreError> {
    let mut query = Clauses::new(COLUMNS);
    query.push("since <= ").push_bind(millis(at));
    query.push(" AND (until IS NULL OR until > ").push_bind(millis(at));
    query.push(") AND (lifted IS NULL OR lifted > ").push_bind(millis(at)).push(")");
    listed(pool, query).await
}

/// One suspension.
///
/// # Errors
/// [`StoreError`].
pub async fn suspension(pool: &Pool, id: &str) -> Result<Option<KeptSuspension>, StoreError> {
    read(&mut *pool.acquire().await?, id).await
}

async fn read(connection: &mut Connection, id: &str) -> Result<Option<KeptSuspension>, StoreError> {
    let mut query = Clauses::new(COLUMNS);
    query.push("id = ").push_bind(id.to_owned());
    let row = query.build().fetch_optional(connection).await?;
    row.map(|row| Row::from_row(&row)?.suspension()).transpose()
}

/// Places a suspension; false beside it when the same one is in place already. Another one on the same subject takes the
/// place of the one before.
#[must_use]
pub fn place_job(suspension: Suspension, now: OffsetDateTime) -> Job<Result<(KeptSuspension, bool), Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            if suspension.until.is_some_and(|until| until <= suspension.since.unwrap_or(now)) {
                let what = "is not after its start".to_owned();
                return Ok(Err(Declined::Problems(vec![Problem { at: "until".to_owned(), what }])));
            }
            let mut query = Clauses::new(COLUMNS);
            query.push("lifted IS NULL AND target = ").push_bind(suspension.target.to_string());
            query.push(" AND subject = ").push_bind(suspension.subject.clone());
            if let Some(row) = query.build().fetch_optional(&mut *connection).await? {
                let there = Row::from_row(&row)?.suspension()?;
                let old = &there.suspension;
                let since = suspension.since.or(old.since);
                if *old == (Suspension { since, by: old.by.clone(), ..suspension.clone() }) {
                    return Ok(Ok((there, false)));
                }
                keep::lift(&mut *connection, suspension.target, &suspension.subject, &suspension.by, now).await?;
            }
            let id = keep::place(&mut *connection, &suspension, now).await?;
            version::advance(connection, None).await?;
            let suspension = Suspension { since: Some(suspension.since.unwrap_or(now)), ..suspension };
            Ok(Ok((KeptSuspension { id, suspension, lifted: None }, true)))
        })
    })
}

/// Lifts a suspension; one that has been lifted stays as it is.
#[must_use]
pub fn lift_by_id_job(id: String, by: String, now: OffsetDateTime) -> Job<Result<KeptSuspension, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let Some(mut kept) = read(&mut *connection, &id).await? else { return Ok(Err(Declined::Unknown)) };
            if kept.lifted.is_none() {
                keep::lift(&mut *connection, kept.suspension.target, &kept.suspension.subject, &by, now).await?;
                version::advance(connection, None).await?;
                kept.lifted = Some((now, by));
            }
            Ok(Ok(kept))
        })
    })
}
