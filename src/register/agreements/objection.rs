//! Objections to a practice that is about to join (14). While one stands, the practice does not share; one that was upheld
//! stands for good, and the practice may be proposed anew.

use super::{Declined, keep};
use crate::clock::{from_millis, millis};
use crate::ids::OdsCode;
use crate::kinds::words;
use crate::register::alerts::{self, Changed, Event};
use crate::register::days::{day_text, stored_day, today};
use crate::register::row::row;
use crate::register::version;
use crate::store::{Connection, Job, Pool, StoreError};
use time::{Date, OffsetDateTime};

words! {
    /// How an objection ended.
    Settled {
        /// Taken back: the practice joins on its day.
        Withdrawn = "withdrawn",
        /// Found right: the practice does not join.
        Upheld = "upheld",
    }
}

/// An objection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// Names it.
    pub id: String,
    /// To whom.
    pub practice: OdsCode,
    /// The day on which the practice was to join.
    pub joined: Date,
    /// Who objects.
    pub organisation: OdsCode,
    /// Why.
    pub reason: String,
    /// When it was recorded.
    pub raised: OffsetDateTime,
    /// By whom it was recorded.
    pub by: String,
    /// How and when it ended.
    pub settled: Option<(Settled, OffsetDateTime)>,
}

row! {
    struct Row {
        id: String,
        practice: String,
        joined: String,
        organisation: String,
        reason: String,
        raised: i64,
        raised_by: String,
        settled: Option<i64>,
        outcome: Option<String>,
    }
}

impl Row {
    fn objection(self) -> Result<Objection, StoreError> {
        let settled = match (self.settled, self.outcome) {
            (Some(at), Some(word)) => Some((Settled::parse(&word).ok_or(StoreError::Corrupt)?, from_millis(at))),
            _ => None,
        };
        Ok(Objection {
            id: self.id,
            practice: OdsCode::parse(&self.practice).ok_or(StoreError::Corrupt)?,
            joined: stored_day(&self.joined)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            reason: self.reason,
            raised: from_millis(self.raised),
            by: self.raised_by,
            settled,
        })
    }
}

/// The objections under an agreement, the latest first.
///
/// # Errors
/// [`StoreError`].
pub async fn objections(pool: &Pool, agreement: &str) -> Result<Vec<Objection>, StoreError> {
    read(&mut *pool.acquire().await?, agreement).await
}

pub(super) async fn read(connection: &mut Connection, agreement: &str) -> Result<Vec<Objection>, StoreError> {
    let rows = sqlx::query_as::<_, Row>(
        "SELECT id, practice, joined, organisation, reason, raised, raised_by, settled, outcome FROM objection \
         WHERE agreement = $1 ORDER BY raised DESC, id",
    )
    .bind(agreement.to_owned())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::objection).collect()
}

impl Objection {
    /// Whether it kept this sharer out at an instant.
    pub(super) fn stood(&self, practice: &OdsCode, joined: Date, at: OffsetDateTime) -> bool {
        let over = matches!(self.settled, Some((Settled::Withdrawn, settled)) if settled <= at);
        self.practice == *practice && self.joined == joined && self.raised <= at && !over
    }
}

/// Records an objection by a party to the agreement, within the objection period; false beside it when it is recorded
/// already.
#[must_use]
pub fn object_job(
    agreement: String,
    practice: OdsCode,
    organisation: OdsCode,
    reason: String,
    by: String,
    now: OffsetDateTime,
) -> Job<Result<(Objection, bool), Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let kept = keep::read(&mut *connection).await?;
            let Some(found) = kept.agreements.iter().find(|found| found.terms.id == agreement) else {
                return Ok(Err(Declined::Unknown));
            };
            let terms = &found.terms;
            let party =
                |code: &OdsCode| terms.viewer == *code || terms.sharers.iter().any(|sharer| sharer.practice == *code);
            if !party(&organisation) || organisation == practice {
                return Ok(Err(Declined::at("organisation", "is no other party to the agreement")));
            }
            let joins = terms.sharers.iter().find(|sharer| sharer.practice == practice && sharer.joined > today(now));
            let Some(joins) = joins else {
                return Ok(Err(Declined::at("practice", "is not about to join: the time for objections is over")));
            };
            let standing = read(&mut *connection, &agreement).await?;
            let same = |one: &&Objection| {
                one.settled.is_none()
                    && (&one.practice, one.joined, &one.organisation) == (&practice, joins.joined, &organisation)
            };
            if let Some(there) = standing.iter().find(same) {
                return Ok(Ok((there.clone(), false)));
            }
            let objection = Objection {
                id: uuid::Uuid::new_v4().to_string(),
                practice,
                joined: joins.joined,
                organisation,
                reason,
                raised: now,
                by,
                settled: None,
            };
            sqlx::query(
                "INSERT INTO objection (id, agreement, practice, joined, organisation, reason, raised, raised_by) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(objection.id.clone())
            .bind(agreement)
            .bind(objection.practice.to_string())
            .bind(day_text(objection.joined))
            .bind(objection.organisation.to_string())
            .bind(objection.reason.clone())
            .bind(millis(now))
            .bind(objection.by.clone())
            .execute(&mut *connection)
            .await?;
            let (by, practice) = (Some(&objection.organisation), Some(&objection.practice));
            let event = Event { old: None, new: found, what: Changed::Objection, by, practice };
            alerts::record(connection, &event, today(now), now).await?;
            version::advance(connection, None).await?;
            Ok(Ok((objection, true)))
        })
    })
}

/// Ends an objection; one that has ended stays as it ended.
#[must_use]
pub fn settle_job(
    agreement: String,
    id: String,
    how: Settled,
    by: String,
    now: OffsetDateTime,
) -> Job<Result<Objection, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let Some(mut found) = read(&mut *connection, &agreement).await?.into_iter().find(|one| one.id == id) else {
                return Ok(Err(Declined::Unknown));
            };
            match found.settled {
                Some((already, _)) if already == how => return Ok(Ok(found)),
                Some(_) => return Ok(Err(Declined::at("outcome", "has been decided otherwise"))),
                None => {}
            }
            sqlx::query("UPDATE objection SET settled = $1, settled_by = $2, outcome = $3 WHERE id = $4")
                .bind(millis(now))
                .bind(by)
                .bind(how.as_str())
                .bind(id)
                .execute(&mut *connection)
                .await?;
            let kept = keep::read(&mut *connection).await?;
            if let Some(under) = kept.agreements.iter().find(|under| under.terms.id == agreement) {
                let practice = Some(&found.practice);
                let event = Event { old: None, new: under, what: Changed::Settlement, by: None, practice };
                alerts::record(connection, &event, today(now), now).await?;
            }
            version::advance(connection, None).await?;
            found.settled = Some((how, now));
            Ok(Ok(found))
        })
    })
}
