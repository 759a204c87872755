//! The file that the settings name, at a start. Each entry is taken in once for what it says: an entry that says what it
//! said at the start before would otherwise undo what was done since (a termination, a withdrawal, an enrolment's end).

use super::{Imported, Problem, Registers, SignedAgreement, export, keep};
use crate::store::{Connection, Job, StoreError};
use aws_lc_rs::digest::{SHA256, digest};
use time::OffsetDateTime;

/// Keeps what the settings' file says that it did not say before.
#[must_use]
pub fn settings_job(registers: Registers, now: OffsetDateTime) -> Job<Result<Imported, Vec<Problem>>> {
    Box::new(move |connection| {
        Box::pin(async move {
            let mut fresh = Registers::default();
            let mut items = Vec::new();
            for agreement in registers.agreements {
                let one = Registers { agreements: vec![agreement], ..Registers::default() };
                let name = one.agreements.first().map_or("", |one: &SignedAgreement| &one.terms.id);
                if let Some(item) = news(connection, format!("agreement {name}"), &one).await? {
                    items.push(item);
                    fresh.agreements.extend(one.agreements);
                }
            }
            for enrolment in registers.enrolments {
                let name = format!("enrolment {} {} {}", enrolment.user, enrolment.organisation, enrolment.role);
                let one = Registers { enrolments: vec![enrolment], ..Registers::default() };
                if let Some(item) = news(connection, name, &one).await? {
                    items.push(item);
                    fresh.enrolments.extend(one.enrolments);
                }
            }
            // What closes is taken in at each start: to lift it for good it has to leave the file too.
            fresh.suspensions = registers.suspensions;
            let stored = keep::store(&mut *connection, &fresh, "settings", now).await?;
            if stored.is_ok() {
                for (item, said) in items {
                    sqlx::query(
                        "INSERT INTO settings_item (item, digest) VALUES ($1, $2) \
                         ON CONFLICT (item) DO UPDATE SET digest = excluded.digest",
                    )
                    .bind(item)
                    .bind(said)
                    .execute(&mut *connection)
                    .await?;
                }
            }
            Ok(stored)
        })
    })
}

/// The entry and the digest of what it says, unless it said so before.
async fn news(
    connection: &mut Connection,
    item: String,
    one: &Registers,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    let said = digest(&SHA256, export(one).as_bytes()).as_ref().to_vec();
    let before = sqlx::query_scalar::<_, Vec<u8>>("SELECT digest FROM settings_item WHERE item = $1")
        .bind(item.clone())
        .fetch_optional(connection)
        .await?;
    Ok((before.as_deref() != Some(said.as_slice())).then_some((item, said)))
}
