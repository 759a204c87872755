//! What bears on one caller and one patient, read in one snapshot and remembered while the revision stands.
//!
//! What is remembered is raw: dates and spans. Whether they hold is computed on every call, so a memory never
//! outlives a deadline.

use super::days::{stored_day, stored_day_if_any, today};
use super::row::row;
use super::{Agreement, AgreementStatus, ConsentDecision, Lack, Occasion, Sharer, Speaker, Standing};
use crate::audit::Revision;
use crate::clock::{from_millis, millis};
use crate::ids::{Network, NhsNumber, OdsCode, RoleCode, UserId};
use crate::kinds::View;
use crate::store::{self, Connection, Pool, StoreError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use time::{Date, OffsetDateTime};

/// How many callers and patients are remembered at most.
const REMEMBERED: usize = 20_000;
/// Denies that ended longer ago than this cannot matter, even if the clock is set back.
const CLOCK_DOUBT: i64 = 24 * 60 * 60 * 1000;

/// Whom and what a standing is about.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub user: &'a UserId,
    pub organisation: &'a OdsCode,
    pub role: &'a RoleCode,
    pub patient: Option<NhsNumber>,
}

type Key = (UserId, OdsCode, RoleCode, Option<NhsNumber>);

/// What was read, each at its own revision.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Key, Arc<Known>>>);

impl Memory {
    fn recall(&self, revision: i64, key: &Key) -> Option<Arc<Known>> {
        let memory = self.0.lock().ok()?;
        memory.get(key).filter(|known| known.revision == revision).cloned()
    }

    fn keep(&self, key: Key, known: Arc<Known>) {
        let Ok(mut memory) = self.0.lock() else { return };
        if memory.len() >= REMEMBERED {
            memory.clear();
        }
        memory.insert(key, known);
    }
}

/// The register's rows about one caller and one patient, undated.
struct Known {
    revision: i64,
    suspensions: Vec<SuspensionRow>,
    enrolment: Option<Enrolled>,
    agreements: Vec<Agreement>,
    relationships: Vec<SpanRow>,
    occasion: Option<Occasion>,
    denies: Vec<Deny>,
}

/// A deny to somebody of the organisation that nobody has lifted.
struct Deny {
    received: i64,
    until: i64,
    speaker: Speaker,
    /// To this very user.
    own: bool,
}

struct Enrolled {
    terms_accepted: Option<Date>,
    trained: Option<Date>,
    until: Option<Date>,
}

row! {
    struct SuspensionRow {
        target: String,
        subject: String,
        since: i64,
        until: Option<i64>,
    }
}

row! {
    struct SpanRow {
        start: Option<i64>,
        finish: Option<i64>,
    }
}

pub(super) async fn read(
    pool: &Pool,
    memory: &Memory,
    asked: Asked<'_>,
    now: OffsetDateTime,
) -> Result<Standing, StoreError> {
    let patient = asked.patient.as_ref().map(NhsNumber::reveal);
    let revision = store::revision_for(&mut *pool.acquire().await?, patient).await?;
    let key = (asked.user.clone(), asked.organisation.clone(), asked.role.clone(), asked.patient);
    if let Some(known) = memory.recall(revision, &key) {
        return Ok(known.at(now));
    }
    let mut snapshot = pool.begin().await?;
    let known = Arc::new(load(&mut snapshot, asked, now).await?);
    snapshot.rollback().await?;
    memory.keep(key, known.clone());
    Ok(known.at(now))
}

pub(super) async fn suspended(
    pool: &Pool,
    user: &UserId,
    organisation: &OdsCode,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let live = sqlx::query_scalar::<_, i64>(
        "SELECT COUNT(*) FROM suspension WHERE lifted IS NULL AND since <= $1 AND (until IS NULL OR $1 < until) \
         AND (target = 'everything' OR (target = 'viewer' AND subject = $2) OR (target = 'user' AND subject = $3))",
    )
    .bind(millis(now))
    .bind(organisation.as_str())
    .bind(user.as_str())
    .fetch_one(pool)
    .await?;
    Ok(live > 0)
}

pub(super) async fn stopped(pool: &Pool, user: &UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
    let live = sqlx::query_scalar::<_, i64>(
        "SELECT COUNT(*) FROM suspension WHERE lifted IS NULL AND since <= $1 AND (until IS NULL OR $1 < until) \
         AND target = 'user' AND subject = $2",
    )
    .bind(millis(now))
    .bind(user.as_str())
    .fetch_one(pool)
    .await?;
    Ok(live > 0)
}

impl Known {
    fn at(&self, now: OffsetDateTime) -> Standing {
        let (today, at) = (today(now), millis(now));
        let live = |row: &&SuspensionRow| row.since <= at && row.until.is_none_or(|until| at < until);
        let suspended: Vec<&SuspensionRow> = self.suspensions.iter().filter(live).collect();
        Standing {
            revision: Revision(self.revision),
            suspended: suspended.iter().any(|row| row.target != "sharer"),
            suspended_sharers: suspended
                .iter()
                .filter(|row| row.target == "sharer")
                .filter_map(|row| OdsCode::parse(&row.subject))
                .collect(),
            enrolled: self.enrolment.as_ref().map_or(Err(Lack::Enrolment), |enrolment| enrolment.on(today)),
            agreements: self.agreements.clone(),
            relationship: self
                .relationships
                .iter()
                .any(|span| span.start.is_none_or(|start| start <= at) && span.finish.is_none_or(|finish| at < finish)),
            occasion: self.occasion.clone(),
            refused_in_organisation: self.denies.iter().any(|deny| deny.lives(at)),
            refused_by: self
                .denies
                .iter()
                .filter(|deny| deny.own && deny.lives(at))
                .map(|deny| deny.speaker)
                .collect(),
        }
    }
}

impl Deny {
    fn lives(&self, at: i64) -> bool {
        self.received <= at && at < self.until
    }
}

impl Enrolled {
    fn on(&self, today: Date) -> Result<(), Lack> {
        let done = |day: Option<Date>| day.is_some_and(|day| day <= today);
        if self.until.is_some_and(|day| day < today) {
            Err(Lack::Ended)
        } else if !done(self.terms_accepted) {
            Err(Lack::Terms)
        } else if !done(self.trained) {
            Err(Lack::Training)
        } else {
            Ok(())
        }
    }
}

async fn load(connection: &mut Connection, asked: Asked<'_>, now: OffsetDateTime) -> Result<Known, StoreError> {
    let (user, organisation) = (asked.user.as_str(), asked.organisation.as_str());
    // Without one it is NULL, which no row's patient equals.
    let patient = asked.patient.as_ref().map(NhsNumber::reveal);
    let revision = store::revision_for(&mut *connection, patient).await?;
    let suspensions = sqlx::query_as::<_, SuspensionRow>(
        "SELECT target, subject, since, until FROM suspension WHERE lifted IS NULL AND (target IN ('everything', 'sharer') \
         OR (target = 'viewer' AND subject = $1) OR (target = 'user' AND subject = $2))",
    )
    .bind(organisation)
    .bind(user)
    .fetch_all(&mut *connection)
    .await?;
    let relationships = sqlx::query_as::<_, SpanRow>(
        "SELECT start, finish FROM relationship WHERE patient = $1 AND organisation = $2 AND status = 'active'",
    )
    .bind(patient)
    .bind(organisation)
    .fetch_all(&mut *connection)
    .await?;
    // As `Speaker::lifts` says, and never by a permit given in error.
    let denies = sqlx::query_as::<_, (i64, i64, String, String)>(
        "SELECT d.received, d.until, d.speaker, d.user_id FROM consent d WHERE d.patient = $1 AND d.organisation = $2 AND d.decision = 'deny' \
         AND d.until > $3 AND NOT EXISTS (SELECT 1 FROM consent p WHERE p.patient = d.patient \
         AND p.organisation = d.organisation AND p.user_id = d.user_id AND p.decision = 'permit' \
         AND p.status <> 'entered-in-error' AND p.receipt > d.receipt \
         AND (p.speaker = 'patient' OR p.speaker = d.speaker))",
    )
    .bind(patient)
    .bind(organisation)
    .bind(millis(now).saturating_sub(CLOCK_DOUBT))
    .fetch_all(&mut *connection)
    .await?;
    let denies = denies
        .into_iter()
        .map(|(received, until, speaker, whom)| {
            Ok(Deny {
                received,
                until,
                speaker: Speaker::parse(&speaker).ok_or(StoreError::Corrupt)?,
                own: whom == user,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Known {
        revision,
        suspensions,
        enrolment: enrolment(connection, asked).await?,
        agreements: agreements(connection, asked.organisation).await?,
        relationships,
        occasion: occasion(connection, asked).await?,
        denies,
    })
}

async fn enrolment(connection: &mut Connection, asked: Asked<'_>) -> Result<Option<Enrolled>, StoreError> {
    let row = sqlx::query_as::<_, (Option<String>, Option<String>, Option<String>)>(
        "SELECT terms_accepted, trained, until_day FROM enrolment WHERE user_id = $1 AND organisation = $2 AND role = $3",
    )
    .bind(asked.user.as_str())
    .bind(asked.organisation.as_str())
    .bind(asked.role.as_str())
    .fetch_optional(connection)
    .await?;
    let Some((terms_accepted, trained, until)) = row else { return Ok(None) };
    Ok(Some(Enrolled {
        terms_accepted: stored_day_if_any(terms_accepted.as_deref())?,
        trained: stored_day_if_any(trained.as_deref())?,
        until: stored_day_if_any(until.as_deref())?,
    }))
}

row! {
    struct OccasionRow {
        id: String,
        received: i64,
        until: i64,
        decision: String,
        category: Option<String>,
        reason: Option<String>,
        after_refusal: i64,
        status: String,
    }
}

async fn occasion(connection: &mut Connection, asked: Asked<'_>) -> Result<Option<Occasion>, StoreError> {
    let row = sqlx::query_as::<_, OccasionRow>(
        "SELECT id, received, until, decision, category, reason, after_refusal, status FROM consent \
         WHERE patient = $1 AND organisation = $2 AND user_id = $3 ORDER BY receipt DESC LIMIT 1",
    )
    .bind(asked.patient.as_ref().map(NhsNumber::reveal))
    .bind(asked.organisation.as_str())
    .bind(asked.user.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Occasion {
        decision: decision(&row.decision, row.category, row.reason, row.after_refusal)?,
        consent: row.id,
        received: from_millis(row.received),
        until: from_millis(row.until),
        withdrawn: row.status != "active",
    }))
}

/// A stored decision.
pub(super) fn decision(
    word: &str,
    category: Option<String>,
    reason: Option<String>,
    after_refusal: i64,
) -> Result<ConsentDecision, StoreError> {
    match (word, category, reason) {
        ("permit", None, None) => Ok(ConsentDecision::Permit),
        ("deny", None, None) => Ok(ConsentDecision::Deny),
        ("override", Some(category), Some(reason)) => {
            Ok(ConsentDecision::Override { category, reason, after_refusal: after_refusal != 0 })
        }
        _ => Err(StoreError::Corrupt),
    }
}

row! {
    struct AgreementRow {
        id: String,
        version: i64,
        views: String,
        from_day: String,
        until_day: Option<String>,
        override_reasons: String,
        clinician_roles: String,
        consent_minutes: i64,
        status: String,
        assurance: Option<i64>,
        client_networks: String,
    }
}

/// The agreements of a viewing organisation, in any state, by id.
pub(super) async fn agreements(connection: &mut Connection, viewer: &OdsCode) -> Result<Vec<Agreement>, StoreError> {
    let rows = sqlx::query_as::<_, AgreementRow>(
        "SELECT id, version, views, from_day, until_day, override_reasons, clinician_roles, consent_minutes, status, \
         assurance, client_networks FROM agreement WHERE viewer = $1 ORDER BY id",
    )
    .bind(viewer.as_str())
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sharers = sqlx::query_as::<_, (String, String, String, Option<String>)>(
        // Nobody shares under a standing objection to their joining (14).
        "SELECT s.agreement, s.practice, s.joined, s.left_on FROM agreement_sharer s WHERE s.viewer = $1 \
         AND NOT EXISTS (SELECT 1 FROM objection o WHERE o.agreement = s.agreement AND o.practice = s.practice \
         AND o.joined = s.joined AND (o.outcome IS NULL OR o.outcome = 'upheld')) ORDER BY s.practice, s.joined",
    )
    .bind(viewer.as_str())
    .fetch_all(connection)
    .await?;
    let mut by_agreement: HashMap<String, Vec<Sharer>> = HashMap::new();
    for (agreement, practice, joined, left) in sharers {
        by_agreement.entry(agreement).or_default().push(Sharer {
            practice: OdsCode::parse(&practice).ok_or(StoreError::Corrupt)?,
            joined: stored_day(&joined)?,
            left: stored_day_if_any(left.as_deref())?,
        });
    }
    rows.into_iter().map(|row| agreement(row, viewer, &mut by_agreement)).collect()
}

fn agreement(
    row: AgreementRow,
    viewer: &OdsCode,
    sharers: &mut HashMap<String, Vec<Sharer>>,
) -> Result<Agreement, StoreError> {
    let parsed = |text: &str| text.split(' ').map(View::parse).collect::<Option<Vec<View>>>();
    let roles = row.clinician_roles.split(' ').filter(|role| !role.is_empty()).map(RoleCode::parse);
    let networks = row.client_networks.split_whitespace().map(Network::parse);
    Ok(Agreement {
        version: row.version,
        viewer: viewer.clone(),
        views: parsed(&row.views).ok_or(StoreError::Corrupt)?,
        sharers: sharers.remove(&row.id).unwrap_or_default(),
        from: stored_day(&row.from_day)?,
        until: stored_day_if_any(row.until_day.as_deref())?,
        override_reasons: row.override_reasons.split_whitespace().map(str::to_owned).collect(),
        clinician_roles: roles.collect::<Option<Vec<_>>>().ok_or(StoreError::Corrupt)?,
        assurance: row.assurance.map(u8::try_from).transpose().map_err(|_| StoreError::Corrupt)?,
        client_networks: networks.collect::<Option<Vec<_>>>().ok_or(StoreError::Corrupt)?,
        consent_minutes: row.consent_minutes,
        status: AgreementStatus::parse(&row.status).ok_or(StoreError::Corrupt)?,
        id: row.id,
    })
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
