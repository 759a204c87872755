//! Changes of agreements, told to the other parties (CONTRACT section 6; clauses 12 and 14).
//!
//! A change is kept in its own transaction with whom it concerns. Which of those have somewhere to be told is a setting,
//! which the sender knows: it turns the change into a letter for each of them, once. A notice names the agreement, its
//! version, what was changed, by which organisation, and how the agreement stands; never a person, and no reason in words.

use crate::clock::millis;
use crate::ids::OdsCode;
use crate::kinds::words;
use crate::register::AgreementStatus;
use crate::register::agreements::SignedAgreement;
use crate::register::shape::put;
use crate::store::{Connection, Job, Pool, StoreError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Date, OffsetDateTime};

words! {
    /// What was done to an agreement.
    Changed {
        Made = "made",
        Replaced = "replaced",
        Withdrawal = "withdrawal",
        Suspension = "suspension",
        Resumption = "resumption",
        Joining = "joining",
        Objection = "objection",
        Settlement = "settlement",
    }
}

/// A change of an agreement.
pub(in crate::register) struct Event<'a> {
    /// As it was; absent for a new one.
    pub old: Option<&'a SignedAgreement>,
    /// As it is.
    pub new: &'a SignedAgreement,
    /// What was done.
    pub what: Changed,
    /// Whom it was done by, where it is one party's act: who leaves, joins or objects. That one is not told.
    pub by: Option<&'a OdsCode>,
    /// The practice that an objection is about.
    pub practice: Option<&'a OdsCode>,
}

/// Keeps a change in its own transaction.
pub(in crate::register) async fn record(
    connection: &mut Connection,
    event: &Event<'_>,
    today: Date,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    let terms = &event.new.terms;
    let mut said = json!({
        "agreement": terms.id,
        "version": terms.version,
        "viewer": terms.viewer.as_str(),
        "change": event.what.as_str(),
        "status": terms.status.as_str(),
    });
    if let Some(by) = event.by {
        put(&mut said, "organisation", by.as_str().into());
    }
    if let Some(practice) = event.practice {
        put(&mut said, "practice", practice.as_str().into());
    }
    if let Some(until) = terms.until.filter(|_| terms.status != AgreementStatus::Terminated) {
        put(&mut said, "until", until.to_string().into());
    }
    let recipients: Vec<String> = parties(event, today).iter().map(ToString::to_string).collect();
    sqlx::query("INSERT INTO agreement_change (id, recipients, said, raised) VALUES ($1, $2, $3, $4)")
        .bind(uuid::Uuid::new_v4().to_string())
        .bind(recipients.join(" "))
        .bind(said.to_string())
        .bind(millis(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Whom it concerns: the viewer, the sharers before and after it that had not left by then, and whoever else signed.
fn parties<'a>(event: &'a Event<'_>, today: Date) -> BTreeSet<&'a OdsCode> {
    let versions = || event.old.into_iter().chain([event.new]);
    let sharers = || versions().flat_map(|version| &version.terms.sharers);
    let stays = |practice: &OdsCode| {
        sharers().any(|one| one.practice == *practice && one.left.is_none_or(|left| left >= today))
    };
    let left = |code: &OdsCode| sharers().any(|one| one.practice == *code) && !stays(code);
    let mut parties: BTreeSet<&OdsCode> = versions().map(|version| &version.terms.viewer).collect();
    parties.extend(sharers().map(|one| &one.practice).filter(|code| stays(code)));
    let signed = versions().flat_map(|version| &version.signatories).map(|signatory| &signatory.organisation);
    parties.extend(signed.filter(|code| !left(code)));
    parties.retain(|code| event.by != Some(code));
    parties
}

/// Whether there is a change that has not been turned into letters.
///
/// # Errors
/// [`StoreError`].
pub async fn changes_waiting(pool: &Pool) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar::<_, String>("SELECT id FROM agreement_change WHERE addressed IS NULL LIMIT 1")
        .fetch_optional(pool)
        .await?;
    Ok(found.is_some())
}

/// Turns changes into letters, one for each party that has somewhere to be told. Says how many changes there were.
#[must_use]
pub fn address_job(reachable: BTreeSet<OdsCode>, now: OffsetDateTime, most: i64) -> Job<usize> {
    Box::new(move |connection| {
        Box::pin(async move {
            let changes = sqlx::query_as::<_, (String, String, String, i64)>(
                "SELECT id, recipients, said, raised FROM agreement_change WHERE addressed IS NULL ORDER BY raised, id LIMIT $1",
            )
            .bind(most)
            .fetch_all(&mut *connection)
            .await?;
            for (id, recipients, said, raised) in &changes {
                let said: Value = serde_json::from_str(said).map_err(|_| StoreError::Corrupt)?;
                let told = recipients.split(' ').filter_map(OdsCode::parse).filter(|code| reachable.contains(code));
                for recipient in told {
                    let mut said = said.clone();
                    put(&mut said, "to", recipient.as_str().into());
                    sqlx::query(
                        "INSERT INTO outbox (id, kind, organisation, said, after_refusal, raised, state, since, attempts, \
                         next_attempt) VALUES ($1, 'agreement', $2, $3, 0, $4, 'waiting', $5, 0, $5)",
                    )
                    .bind(uuid::Uuid::new_v4().to_string())
                    .bind(recipient.to_string())
                    .bind(said.to_string())
                    .bind(*raised)
                    .bind(millis(now))
                    .execute(&mut *connection)
                    .await?;
                }
                sqlx::query("UPDATE agreement_change SET addressed = $1 WHERE id = $2")
                    .bind(millis(now))
                    .bind(id.clone())
                    .execute(&mut *connection)
                    .await?;
            }
            Ok(changes.len())
        })
    })
}
