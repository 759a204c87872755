//! Changes of one agreement, each made of the version that is kept at that moment, and refused when it is not the one named.
//!
//! What only holds between two versions is held here: whoever joins an agreement in force waits out the objection period
//! (14), and what has ended does not come back.

use super::{
    Approval, Declined, Imported, Problem, Registers, Signatory, SignedAgreement, fields::Problems, import, keep,
    overlap,
};
use crate::ids::OdsCode;
use crate::register::alerts::{self, Changed, Event};
use crate::register::days::today;
use crate::register::{AgreementStatus, Sharer, version};
use crate::store::{Connection, Job, Pool, StoreError};
use time::{Date, Duration, OffsetDateTime};

/// A change.
#[derive(Debug, Clone)]
pub enum Alteration {
    /// All that it says is said anew.
    Replace(Box<SignedAgreement>),
    /// An organisation leaves (12.1): the viewer, which ends it, or a sharer. With a day, that is its last; without one it is
    /// out at once.
    Withdraw {
        /// Which.
        organisation: OdsCode,
        /// Its last day.
        on: Option<Date>,
    },
    /// Stopped for now (12.2, 12.3).
    Suspend,
    /// In force again.
    Resume,
    /// A practice joins, once the objection period is over (14).
    Join(Box<Joining>),
}

/// A practice that joins.
#[derive(Debug, Clone)]
pub struct Joining {
    /// The practice.
    pub practice: OdsCode,
    /// Its first day, if it is to be later than the end of the objection period.
    pub joined: Option<Date>,
    /// Who signs for it.
    pub name: String,
    /// Their role there.
    pub role: String,
    /// The day.
    pub date: Date,
    /// The two who approved.
    pub approvals: Vec<Approval>,
}

/// What is kept after a change.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The agreement, with its version.
    pub agreement: SignedAgreement,
    /// False when it said that already.
    pub made: bool,
}

/// An agreement as it stands.
///
/// # Errors
/// [`StoreError`].
pub async fn latest(pool: &Pool, id: &str) -> Result<Option<SignedAgreement>, StoreError> {
    Ok(keep::history(pool, id).await?.pop().map(|change| change.agreement))
}

/// Keeps a new agreement; one that is kept already and says the same is that one.
#[must_use]
pub fn create_job(agreement: SignedAgreement, by: String, now: OffsetDateTime) -> Job<Result<Kept, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let kept = keep::read(&mut *connection).await?;
            if let Some(old) = kept.agreements.iter().find(|old| old.terms.id == agreement.terms.id) {
                let mut same = agreement;
                same.terms.version = old.terms.version;
                return Ok(if *old == same {
                    Ok(Kept { agreement: same, made: false })
                } else {
                    Err(Declined::Changed(old.terms.version))
                });
            }
            let act = Act { what: Changed::Made, party: None };
            store(connection, &kept, None, agreement, act, &by, None, now).await
        })
    })
}

/// Changes an agreement. Without a version named, whichever there is: for what must not wait, which is all that closes.
#[must_use]
pub fn change_job(
    id: String,
    expected: Option<i64>,
    alteration: Alteration,
    by: String,
    reason: Option<String>,
    objection_days: u16,
    now: OffsetDateTime,
) -> Job<Result<Kept, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let kept = keep::read(&mut *connection).await?;
            let Some(old) = kept.agreements.iter().find(|old| old.terms.id == id) else {
                return Ok(Err(Declined::Unknown));
            };
            if expected.is_some_and(|expected| expected != old.terms.version) {
                return Ok(Err(Declined::Changed(old.terms.version)));
            }
            let earliest = today(now) + Duration::days(objection_days.into());
            let act = Act::of(&alteration);
            let next = match altered(old, alteration, today(now), earliest) {
                Ok(next) => next,
                Err(declined) => return Ok(Err(declined)),
            };
            let mut problems = Problems::default();
            between(old, &next, "agreement[0]", today(now), earliest, &mut problems);
            if !problems.0.is_empty() {
                return Ok(Err(Declined::Problems(problems.0)));
            }
            store(connection, &kept, Some(old), next, act, &by, reason.as_deref(), now).await
        })
    })
}

/// Keeps registers as [`super::store_job`] does, and holds them to what holds between two versions.
#[must_use]
pub fn import_job(
    registers: Registers,
    by: String,
    objection_days: u16,
    now: OffsetDateTime,
) -> Job<Result<Imported, Vec<Problem>>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let kept = keep::read(&mut *connection).await?;
            let (mut problems, today) = (Problems::default(), today(now));
            let earliest = today + Duration::days(objection_days.into());
            for (index, next) in registers.agreements.iter().enumerate() {
                if let Some(old) = kept.agreements.iter().find(|old| old.terms.id == next.terms.id) {
                    between(old, next, &format!("agreement[{index}]"), today, earliest, &mut problems);
                }
            }
            if !problems.0.is_empty() {
                return Ok(Err(problems.0));
            }
            keep::store(connection, &registers, &by, now).await
        })
    })
}

/// What a change is told as, and which party's act it is.
struct Act {
    what: Changed,
    party: Option<OdsCode>,
}

impl Act {
    fn of(alteration: &Alteration) -> Self {
        let (what, party) = match alteration {
            Alteration::Replace(_) => (Changed::Replaced, None),
            Alteration::Withdraw { organisation, .. } => (Changed::Withdrawal, Some(organisation.clone())),
            Alteration::Suspend => (Changed::Suspension, None),
            Alteration::Resume => (Changed::Resumption, None),
            Alteration::Join(joining) => (Changed::Joining, Some(joining.practice.clone())),
        };
        Self { what, party }
    }
}

#[allow(clippy::too_many_arguments, reason = "what is kept, and who says so why and when")]
async fn store(
    connection: &mut Connection,
    kept: &Registers,
    old: Option<&SignedAgreement>,
    mut next: SignedAgreement,
    act: Act,
    by: &str,
    reason: Option<&str>,
    now: OffsetDateTime,
) -> Result<Result<Kept, Declined>, StoreError> {
    next.terms.version = old.map_or(0, |old| old.terms.version);
    if old == Some(&next) {
        return Ok(Ok(Kept { agreement: next, made: false }));
    }
    let registers = Registers { agreements: vec![next.clone()], ..Registers::default() };
    let mut problems = Problems::default();
    import::check(&registers, &mut problems);
    if problems.0.is_empty() {
        overlap::against(&kept.agreements, &registers, &mut problems);
    }
    if !problems.0.is_empty() {
        return Ok(Err(Declined::Problems(problems.0)));
    }
    next.terms.version += 1;
    sqlx::query("DELETE FROM agreement_sharer WHERE agreement = $1")
        .bind(next.terms.id.clone())
        .execute(&mut *connection)
        .await?;
    keep::store_agreement(connection, &next, by, reason, now).await?;
    let event = Event { old, new: &next, what: act.what, by: act.party.as_ref(), practice: None };
    alerts::record(connection, &event, today(now), now).await?;
    version::advance(connection, None).await?;
    Ok(Ok(Kept { agreement: next, made: true }))
}

fn altered(
    old: &SignedAgreement,
    alteration: Alteration,
    today: Date,
    earliest: Date,
) -> Result<SignedAgreement, Declined> {
    let mut next = old.clone();
    let terms = &mut next.terms;
    match alteration {
        Alteration::Replace(said) => {
            if said.terms.id != old.terms.id {
                return Err(Declined::at("id", "is not that of the address"));
            }
            next = *said;
        }
        Alteration::Withdraw { organisation, on } => {
            if on.is_some_and(|on| on < today) {
                return Err(Declined::at("on", "is past"));
            }
            withdraw(terms, &organisation, on, today)?;
        }
        Alteration::Suspend => terms.status = AgreementStatus::Suspended,
        Alteration::Resume => terms.status = AgreementStatus::Active,
        Alteration::Join(joining) => {
            let Joining { practice, joined, name, role, date, approvals } = *joining;
            let joined = joined.map_or(earliest, |joined| joined.max(earliest)).max(old.terms.from);
            terms.sharers.push(Sharer { practice: practice.clone(), joined, left: None });
            next.signatories.push(Signatory { organisation: practice, name, role, date, approvals });
        }
    }
    Ok(next)
}

fn withdraw(
    terms: &mut crate::register::Agreement,
    organisation: &OdsCode,
    on: Option<Date>,
    today: Date,
) -> Result<(), Declined> {
    if terms.viewer == *organisation {
        match on {
            Some(on) => terms.until = Some(terms.until.map_or(on, |until| until.min(on))),
            None => terms.status = AgreementStatus::Terminated,
        }
        return Ok(());
    }
    let before = terms.sharers.len();
    let last = on.or(today.previous_day()).unwrap_or(today);
    let mut found = false;
    for sharer in terms.sharers.iter_mut().filter(|sharer| sharer.practice == *organisation) {
        if sharer.left.is_none_or(|left| left > last) {
            (sharer.left, found) = (Some(last), true);
        }
    }
    // Who would have left before joining never shared a whole day: the history says that they were there.
    terms.sharers.retain(|sharer| sharer.left.is_none_or(|left| sharer.joined <= left));
    if found || terms.sharers.len() < before {
        Ok(())
    } else {
        Err(Declined::at("organisation", "is neither the viewer nor a sharer that has not left"))
    }
}

/// What must hold between a version and the next.
fn between(
    old: &SignedAgreement,
    next: &SignedAgreement,
    at: &str,
    today: Date,
    earliest: Date,
    problems: &mut Problems,
) {
    let (was, is) = (&old.terms, &next.terms);
    if was.status == AgreementStatus::Terminated && is.status != AgreementStatus::Terminated {
        problems.add(format!("{at}.status"), "has ended and does not come back: make a new agreement");
    }
    if was.viewer != is.viewer {
        problems.add(format!("{at}.viewer"), "is another one: make a new agreement");
    }
    // Before its first day it is still being made.
    if was.from > today {
        return;
    }
    for (index, sharer) in is.sharers.iter().enumerate() {
        let first = is.from.max(sharer.joined);
        let shared = was.sharers.iter().any(|before| {
            before.practice == sharer.practice
                && was.from.max(before.joined) <= first
                && match before.left {
                    None => true,
                    Some(left) => left >= today || sharer.left.is_some_and(|now| now <= left),
                }
        });
        if !shared && first < earliest && sharer.left.is_none_or(|left| left >= today) {
            problems.add(
                format!("{at}.sharer[{index}].joined"),
                format!("is within the objection period: a practice that joins does so on {earliest} at the earliest"),
            );
        }
    }
}
