//! A submission that names itself is done once: sent again under its name, it is answered as it was, and not done again.
//!
//! Name and answer are kept in the transaction of what was done, so that neither is there without the other, on whichever
//! instance the second one arrives.

use super::agreements::Declined;
use crate::clock::millis;
use crate::ids::UserId;
use crate::store::{Job, StoreError};
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

/// How long a name is remembered.
const REMEMBERED: Duration = Duration::days(7);
/// The longest name.
const LONGEST: usize = 128;

/// What is answered to a change of the registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The version that the ETag names.
    pub version: Option<i64>,
    /// Where what was made can be read, below `/admin`.
    pub location: Option<String>,
    /// What it says now.
    pub body: Value,
}

/// The name of a submission, of one user; the digest of what was submitted.
#[derive(Debug, Clone)]
pub struct Submission {
    actor: UserId,
    name: String,
    digest: Vec<u8>,
}

impl Submission {
    /// `name` is the client's; `said` is all that makes it this submission and no other. `None` when the name is none.
    #[must_use]
    pub fn named(actor: &UserId, name: &str, said: &str) -> Option<Self> {
        let fits = (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self {
            actor: actor.clone(),
            name: name.to_owned(),
            digest: digest(&SHA256, said.as_bytes()).as_ref().to_vec(),
        })
    }
}

/// Does it, unless it was done under this name.
#[must_use]
pub fn once(
    submission: Option<Submission>,
    now: OffsetDateTime,
    job: Job<Result<Reply, Declined>>,
) -> Job<Result<Reply, Declined>> {
    let Some(Submission { actor, name, digest }) = submission else { return job };
    Box::new(move |connection| {
        Box::pin(async move {
            let before =
                sqlx::query_as::<_, (Vec<u8>, String)>("SELECT digest, reply FROM submission WHERE actor = $1 AND name = $2")
                    .bind(actor.to_string())
                    .bind(name.clone())
                    .fetch_optional(&mut *connection)
                    .await?;
            if let Some((said, reply)) = before {
                return Ok(if said == digest {
                    Ok(serde_json::from_str(&reply).map_err(|_| StoreError::Corrupt)?)
                } else {
                    Err(Declined::Reused)
                });
            }
            let reply = match job(&mut *connection).await? {
                Ok(reply) => reply,
                Err(declined) => return Ok(Err(declined)),
            };
            sqlx::query("DELETE FROM submission WHERE at < $1")
                .bind(millis(now - REMEMBERED))
                .execute(&mut *connection)
                .await?;
            sqlx::query("INSERT INTO submission (actor, name, digest, reply, at) VALUES ($1, $2, $3, $4, $5)")
                .bind(actor.to_string())
                .bind(name)
                .bind(digest)
                .bind(serde_json::to_string(&reply).map_err(|_| StoreError::Corrupt)?)
                .bind(millis(now))
                .execute(connection)
                .await?;
            Ok(Ok(reply))
        })
    })
}
