//! Keeps the registers, with every version of every agreement, and reads them back.

use super::fields::Problems;
use super::{Enrolment, Problem, Registers, SignedAgreement, Suspension, Target, export, import, objection, overlap};
use crate::clock::{from_millis, millis};
use crate::ids::{OdsCode, RoleCode, UserId};
use crate::register::alerts::{self, Changed, Event};
use crate::register::days::{day_text, stored_day_if_any, today};
use crate::register::row::row;
use crate::register::{AgreementStatus, version};
use crate::store::{Connection, Job, Pool, StoreError};
use time::OffsetDateTime;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Agreements added or changed.
    pub agreements: usize,
    /// Enrolments added or changed.
    pub enrolments: usize,
    /// Suspensions placed or changed.
    pub suspensions: usize,
    /// Entries that were kept already.
    pub unchanged: usize,
}

/// One version of an agreement.
#[derive(Debug, Clone)]
pub struct Change {
    /// When it was kept.
    pub at: OffsetDateTime,
    /// By whom.
    pub by: String,
    /// Why, where that was said.
    pub reason: Option<String>,
    /// What it says since then.
    pub agreement: SignedAgreement,
}

/// Keeps registers: all of them, or nothing and the problems they have beside what is kept already.
#[must_use]
pub fn store_job(registers: Registers, by: String, now: OffsetDateTime) -> Job<Result<Imported, Vec<Problem>>> {
    Box::new(move |connection| Box::pin(async move { store(connection, &registers, &by, now).await }))
}

pub(super) async fn store(
    connection: &mut Connection,
    registers: &Registers,
    by: &str,
    now: OffsetDateTime,
) -> Result<Result<Imported, Vec<Problem>>, StoreError> {
    let kept = read(connection).await?;
    let mut problems = Problems::default();
    import::check(registers, &mut problems);
    if problems.0.is_empty() {
        overlap::against(&kept.agreements, registers, &mut problems);
    }
    if !problems.0.is_empty() {
        return Ok(Err(problems.0));
    }
    let mut imported = Imported::default();
    let mut changed = Vec::new();
    for agreement in &registers.agreements {
        let old = kept.agreements.iter().find(|old| old.terms.id == agreement.terms.id);
        let mut next = agreement.clone();
        next.terms.version = old.map_or(0, |old| old.terms.version);
        if old == Some(&next) {
            imported.unchanged += 1;
            continue;
        }
        next.terms.version += 1;
        changed.push(next);
    }
    // All old sharings go before any new one comes: a practice may move from one agreement to another in one file.
    for agreement in &changed {
        sqlx::query("DELETE FROM agreement_sharer WHERE agreement = $1")
            .bind(&agreement.terms.id)
            .execute(&mut *connection)
            .await?;
    }
    for agreement in &changed {
        store_agreement(connection, agreement, by, None, now).await?;
        let old = kept.agreements.iter().find(|old| old.terms.id == agreement.terms.id);
        let what = if old.is_some() { Changed::Replaced } else { Changed::Made };
        let event = Event { old, new: agreement, what, by: None, practice: None };
        alerts::record(connection, &event, today(now), now).await?;
        imported.agreements += 1;
    }
    for enrolment in &registers.enrolments {
        if kept.enrolments.contains(enrolment) {
            imported.unchanged += 1;
        } else {
            store_enrolment(connection, enrolment).await?;
            imported.enrolments += 1;
        }
    }
    for suspension in &registers.suspensions {
        if kept.suspensions.iter().any(|old| says_the_same(old, suspension)) {
            imported.unchanged += 1;
        } else {
            lift(connection, suspension.target, &suspension.subject, by, now).await?;
            place(connection, suspension, now).await?;
            imported.suspensions += 1;
        }
    }
    if imported.agreements + imported.enrolments + imported.suspensions > 0 {
        version::advance(connection, None).await?;
    }
    Ok(Ok(imported))
}

fn says_the_same(old: &Suspension, new: &Suspension) -> bool {
    let new = Suspension { since: new.since.or(old.since), ..new.clone() };
    *old == new
}

pub(super) async fn store_agreement(
    connection: &mut Connection,
    agreement: &SignedAgreement,
    by: &str,
    reason: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let terms = &agreement.terms;
    let views: Vec<&str> = terms.views.iter().map(|view| view.as_str()).collect();
    let networks: Vec<String> = terms.client_networks.iter().map(ToString::to_string).collect();
    let roles: Vec<&str> = terms.clinician_roles.iter().map(RoleCode::as_str).collect();
    sqlx::query(
        "INSERT INTO agreement (id, version, viewer, views, from_day, until_day, override_reasons, clinician_roles, \
         consent_minutes, status, assurance, client_networks) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE SET \
         version = excluded.version, viewer = excluded.viewer, views = excluded.views, from_day = excluded.from_day, \
         until_day = excluded.until_day, override_reasons = excluded.override_reasons, \
         clinician_roles = excluded.clinician_roles, consent_minutes = excluded.consent_minutes, status = excluded.status, \
         assurance = excluded.assurance, client_networks = excluded.client_networks",
    )
    .bind(&terms.id)
    .bind(terms.version)
    .bind(terms.viewer.as_str())
    .bind(views.join(" "))
    .bind(day_text(terms.from))
    .bind(terms.until.map(day_text))
    .bind(terms.override_reasons.join(" "))
    .bind(roles.join(" "))
    .bind(terms.consent_minutes)
    .bind(terms.status.as_str())
    .bind(terms.assurance.map(i64::from))
    .bind(networks.join(" "))
    .execute(&mut *connection)
    .await?;
    for sharer in &terms.sharers {
        sqlx::query(
            "INSERT INTO agreement_sharer (agreement, viewer, practice, joined, left_on, last_day, standing) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&terms.id)
        .bind(terms.viewer.as_str())
        .bind(sharer.practice.as_str())
        .bind(day_text(sharer.joined))
        .bind(sharer.left.map(day_text))
        .bind(overlap::last_day(terms, sharer.left).map(day_text))
        .bind(i64::from(terms.status != AgreementStatus::Terminated))
        .execute(&mut *connection)
        .await?;
    }
    let body = export(&Registers { agreements: vec![agreement.clone()], ..Registers::default() });
    sqlx::query(
        "INSERT INTO agreement_history (agreement, version, changed_at, changed_by, body, reason) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&terms.id)
    .bind(terms.version)
    .bind(millis(now))
    .bind(by)
    .bind(body)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn store_enrolment(connection: &mut Connection, enrolment: &Enrolment) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO enrolment (user_id, organisation, role, terms_accepted, trained, until_day) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, organisation, role) DO UPDATE SET \
         terms_accepted = excluded.terms_accepted, trained = excluded.trained, until_day = excluded.until_day, \
         version = enrolment.version + 1",
    )
    .bind(enrolment.user.as_str())
    .bind(enrolment.organisation.as_str())
    .bind(enrolment.role.as_str())
    .bind(enrolment.terms_accepted.map(day_text))
    .bind(enrolment.trained.map(day_text))
    .bind(enrolment.until.map(day_text))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn place(
    connection: &mut Connection,
    suspension: &Suspension,
    now: OffsetDateTime,
) -> Result<String, StoreError> {
    let id = uuid::Uuid::new_v4().to_string();
    sqlx::query(
        "INSERT INTO suspension (id, target, subject, reason, placed_by, since, until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id.clone())
    .bind(suspension.target.as_str())
    .bind(&suspension.subject)
    .bind(&suspension.reason)
    .bind(&suspension.by)
    .bind(millis(suspension.since.unwrap_or(now)))
    .bind(suspension.until.map(millis))
    .execute(connection)
    .await?;
    Ok(id)
}

pub(super) async fn lift(
    connection: &mut Connection,
    target: Target,
    subject: &str,
    by: &str,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE suspension SET lifted = $1, lifted_by = $2 WHERE target = $3 AND subject = $4 AND lifted IS NULL",
    )
    .bind(millis(now))
    .bind(by)
    .bind(target.as_str())
    .bind(subject)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lifts a suspension; false when there was none.
#[must_use]
pub fn lift_job(target: Target, subject: String, by: String, now: OffsetDateTime) -> Job<bool> {
    Box::new(move |connection| {
        Box::pin(async move {
            let lifted = lift(connection, target, &subject, &by, now).await?;
            if lifted {
                version::advance(connection, None).await?;
            }
            Ok(lifted)
        })
    })
}

/// The registers as they stand, in the order of their keys.
///
/// # Errors
/// [`StoreError`].
pub async fn registers(pool: &Pool) -> Result<Registers, StoreError> {
    let mut snapshot = pool.begin().await?;
    let registers = read(&mut snapshot).await?;
    snapshot.rollback().await?;
    Ok(registers)
}

row! {
    struct ChangeRow {
        version: i64,
        changed_at: i64,
        changed_by: String,
        body: String,
        reason: Option<String>,
    }
}

impl ChangeRow {
    fn change(self) -> Result<Change, StoreError> {
        let mut agreement =
            import(&self.body).ok().and_then(|file| file.agreements.into_iter().next()).ok_or(StoreError::Corrupt)?;
        agreement.terms.version = self.version;
        Ok(Change { at: from_millis(self.changed_at), by: self.changed_by, reason: self.reason, agreement })
    }
}

pub(super) async fn read(connection: &mut Connection) -> Result<Registers, StoreError> {
    let agreements = sqlx::query_as::<_, ChangeRow>(
        "SELECT h.version, h.changed_at, h.changed_by, h.body, h.reason FROM agreement_history h \
         JOIN agreement a ON a.id = h.agreement AND a.version = h.version ORDER BY h.agreement",
    )
    .fetch_all(&mut *connection)
    .await?;
    let enrolments = sqlx::query_as::<_, (String, String, String, Option<String>, Option<String>, Option<String>)>(
        "SELECT user_id, organisation, role, terms_accepted, trained, until_day FROM enrolment \
         ORDER BY organisation, user_id, role",
    )
    .fetch_all(&mut *connection)
    .await?;
    let suspensions = sqlx::query_as::<_, (String, String, String, String, i64, Option<i64>)>(
        "SELECT target, subject, reason, placed_by, since, until FROM suspension WHERE lifted IS NULL \
         ORDER BY target, subject",
    )
    .fetch_all(connection)
    .await?;
    Ok(Registers {
        agreements: agreements.into_iter().map(|row| Ok(row.change()?.agreement)).collect::<Result<_, StoreError>>()?,
        enrolments: enrolments
            .into_iter()
            .map(|(user, organisation, role, terms, trained, until)| {
                Ok(Enrolment {
                    user: UserId::parse(&user).ok_or(StoreError::Corrupt)?,
                    organisation: OdsCode::parse(&organisation).ok_or(StoreError::Corrupt)?,
                    role: RoleCode::parse(&role).ok_or(StoreError::Corrupt)?,
                    terms_accepted: stored_day_if_any(terms.as_deref())?,
                    trained: stored_day_if_any(trained.as_deref())?,
                    until: stored_day_if_any(until.as_deref())?,
                })
            })
            .collect::<Result<_, StoreError>>()?,
        suspensions: suspensions
            .into_iter()
            .map(|(target, subject, reason, by, since, until)| {
                Ok(Suspension {
                    target: Target::parse(&target).ok_or(StoreError::Corrupt)?,
                    subject,
                    reason,
                    by,
                    since: Some(from_millis(since)),
                    until: until.map(from_millis),
                })
            })
            .collect::<Result<_, StoreError>>()?,
    })
}

/// Every version of an agreement, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn history(pool: &Pool, id: &str) -> Result<Vec<Change>, StoreError> {
    let rows = sqlx::query_as::<_, ChangeRow>(
        "SELECT version, changed_at, changed_by, body, reason FROM agreement_history WHERE agreement = $1 ORDER BY version",
    )
    .bind(id)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(ChangeRow::change).collect()
}

/// Who could see what at an instant: the agreements as they were kept then, if in force on that day.
///
/// # Errors
/// [`StoreError`].
pub async fn in_force_on(pool: &Pool, at: OffsetDateTime) -> Result<Vec<SignedAgreement>, StoreError> {
    let mut snapshot = pool.begin().await?;
    let rows = sqlx::query_as::<_, ChangeRow>(
        "SELECT h.version, h.changed_at, h.changed_by, h.body, h.reason FROM agreement_history h WHERE h.changed_at <= $1 \
         AND h.version = (SELECT MAX(l.version) FROM agreement_history l WHERE l.agreement = h.agreement \
         AND l.changed_at <= $1) ORDER BY h.agreement",
    )
    .bind(millis(at))
    .fetch_all(&mut *snapshot)
    .await?;
    let day = today(at);
    let mut in_force = Vec::new();
    for row in rows {
        let mut agreement = row.change()?.agreement;
        let terms = &mut agreement.terms;
        if terms.status == AgreementStatus::Active && terms.from <= day && terms.until.is_none_or(|until| day <= until)
        {
            let objections = objection::read(&mut snapshot, &terms.id).await?;
            terms.sharers.retain(|sharer| {
                let stood = objections.iter().any(|one| one.stood(&sharer.practice, sharer.joined, at));
                sharer.joined <= day && sharer.left.is_none_or(|left| day <= left) && !stood
            });
            in_force.push(agreement);
        }
    }
    snapshot.rollback().await?;
    Ok(in_force)
}
