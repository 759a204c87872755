//! Enrolments one by one, each with a version of its own.

use super::{Declined, Enrolment, keep};
use crate::ids::{OdsCode, RoleCode, UserId};
use crate::register::days::stored_day_if_any;
use crate::register::row::row;
use crate::register::version;
use crate::store::{Clauses, Connection, Job, Pool, StoreError};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::FromRow;

/// The most that one list returns.
const MOST: i64 = 10_000;

/// Names an enrolment in an address: user, organisation and role, whatever characters they are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolmentId {
    user: UserId,
    organisation: OdsCode,
    role: RoleCode,
}

impl EnrolmentId {
    /// Of an enrolment.
    #[must_use]
    pub fn of(enrolment: &Enrolment) -> Self {
        let Enrolment { user, organisation, role, .. } = enrolment.clone();
        Self { user, organisation, role }
    }

    /// Reads what [`std::fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let [user, organisation, role] = decoded.split(' ').collect::<Vec<_>>().try_into().ok()?;
        Some(Self {
            user: UserId::parse(user)?,
            organisation: OdsCode::parse(organisation)?,
            role: RoleCode::parse(role)?,
        })
    }
}

impl std::fmt::Display for EnrolmentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{} {} {}", self.user, self.organisation, self.role)))
    }
}

/// A kept enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEnrolment {
    /// What it says.
    pub enrolment: Enrolment,
    /// Counts up with each change.
    pub version: i64,
}

row! {
    struct Row {
        user_id: String,
        organisation: String,
        role: String,
        terms_accepted: Option<String>,
        trained: Option<String>,
        until_day: Option<String>,
        version: i64,
    }
}

impl Row {
    fn enrolment(self) -> Result<KeptEnrolment, StoreError> {
        let enrolment = Enrolment {
            user: UserId::parse(&self.user_id).ok_or(StoreError::Corrupt)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            role: RoleCode::parse(&self.role).ok_or(StoreError::Corrupt)?,
            terms_accepted: stored_day_if_any(self.terms_accepted.as_deref())?,
            trained: stored_day_if_any(self.trained.as_deref())?,
            until: stored_day_if_any(self.until_day.as_deref())?,
        };
        Ok(KeptEnrolment { enrolment, version: self.version })
    }
}

const COLUMNS: &str = "SELECT user_id, organisation, role, terms_accepted, trained, until_day, version FROM enrolment";

/// Enrolments of a user, an organisation, or all: ten thousand at most.
///
/// # Errors
/// [`StoreError`].
pub async fn enrolments(
    pool: &Pool,
    user: Option<&UserId>,
    organisation: Option<&OdsCode>,
) -> Result<Vec<KeptEnrolment>, StoreError> {
    let mut query = Clauses::new(COLUMNS);
    query.push(" WHERE 1 = 1");
    if let Some(user) = user {
        query.push(" AND user_id = ").push_bind(user.to_string());
    }
    if let Some(organisation) = organisation {
        query.push(" AND organisation = ").push_bind(organisation.to_string());
    }
    query.push(" ORDER BY organisation, user_id, role LIMIT ").push_bind(MOST);
    let rows = query.build().fetch_all(pool).await?;
    rows.iter().map(|row| Row::from_row(row)?.enrolment()).collect()
}

/// One enrolment.
///
/// # Errors
/// [`StoreError`].
pub async fn enrolment(pool: &Pool, id: &EnrolmentId) -> Result<Option<KeptEnrolment>, StoreError> {
    read(&mut *pool.acquire().await?, id).await
}

async fn read(connection: &mut Connection, id: &EnrolmentId) -> Result<Option<KeptEnrolment>, StoreError> {
    let mut query = Clauses::new(COLUMNS);
    query.push(" WHERE user_id = ").push_bind(id.user.to_string());
    query.push(" AND organisation = ").push_bind(id.organisation.to_string());
    query.push(" AND role = ").push_bind(id.role.to_string());
    let row = query.build().fetch_optional(connection).await?;
    row.map(|row| Row::from_row(&row)?.enrolment()).transpose()
}

/// Keeps an enrolment: a new one (false beside it when it was kept already and says the same), or with a version named, a
/// change of that version.
#[must_use]
pub fn enrol_job(enrolment: Enrolment, expected: Option<i64>) -> Job<Result<(KeptEnrolment, bool), Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let old = read(&mut *connection, &EnrolmentId::of(&enrolment)).await?;
            match (&old, expected) {
                (None, Some(_)) => return Ok(Err(Declined::Unknown)),
                (Some(old), Some(expected)) if old.version != expected => {
                    return Ok(Err(Declined::Changed(old.version)));
                }
                (Some(old), _) if old.enrolment == enrolment => return Ok(Ok((old.clone(), false))),
                (Some(old), None) => return Ok(Err(Declined::Changed(old.version))),
                (Some(_), Some(_)) | (None, None) => {}
            }
            keep::store_enrolment(&mut *connection, &enrolment).await?;
            version::advance(connection, None).await?;
            Ok(Ok((KeptEnrolment { enrolment, version: old.map_or(1, |old| old.version + 1) }, true)))
        })
    })
}
