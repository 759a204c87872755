//! That it was asked and what was answered: [`Attempt`] to [`Audited`], durable before the answer leaves.
//!
//! [`Audit::open`] starts an attempt; [`Attempt::opened`] puts it on disk before the first legacy byte;
//! [`Audit::close`] consumes it and is the only constructor of [`Audited`], the only thing that becomes a response on a
//! clinical route. Rows are appended, never changed, and chained by a keyed hash.

mod anchor;
mod attempt;
mod chain;
mod event;
mod keys;
mod reading;
mod recover;
mod row;
mod trail;
mod verify;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use anchor::Head;
pub use attempt::{Attempt, Basis, Interaction, Origin, Target};
pub use keys::Keys;
pub use reading::{AuditFilter, AuditPage, AuditScope, Cursor, EventType, MOST};
pub use trail::{AsAt, Ending, Entry, Part, Place, Selection};
pub use verify::{Span, Verdict, Why, verify, verify_kept};

use crate::clock::Clock;
use crate::identity::Caller;
use crate::store::{self, Job, Store, StoreError};
use row::{Kind, Payload};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the keys and the anchors of the trail are.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// The keys of the chain, the one in use first ([`Keys`]).
    pub key_file: PathBuf,
    /// The anchor file, best on another disk or host than the store.
    pub anchor_file: PathBuf,
    /// The name under which the service stands in its AuditEvents.
    #[serde(default = "default_server")]
    pub server: String,
}

fn default_server() -> String {
    "mig-fhir".to_owned()
}

/// Why the trail cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The key file is missing, or not what it should be.
    #[error("the audit key file cannot be used")]
    Keys,
    /// The anchor file cannot be read or written.
    #[error("the audit anchor file cannot be used")]
    Anchors(#[source] std::io::Error),
    /// The store no longer holds the row that the newest anchor tells of: it was cut, replaced or restored. Whoever
    /// restored it on purpose puts the anchor file aside; anybody else asks `audit verify`.
    #[error(
        "the audit trail does not reach its newest anchor: rows are missing, or the anchor file is of another store (README: Back up)"
    )]
    Cut,
    /// A row that a report needs is not as it was written.
    #[error("row {seq} of the audit trail is not as it was written: {why}")]
    Unsound {
        /// The row.
        seq: i64,
        /// How.
        why: Why,
    },
    /// The store.
    #[error("the audit trail cannot be read")]
    Store(#[from] StoreError),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// AuditEvent outcome 0.
    Answered,
    /// Refused by a rule, or not found: outcome 4, with the coded reason.
    Refused(&'static str),
    /// Something broke: outcome 8, with the coded reason.
    Failed(&'static str),
}

/// The register's revision that a decision was read at; the answer commits only while it still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(pub i64);

/// Something whose AuditEvent is durable. Only [`Audit::close`] and [`Audit::close_writing`] make one.
pub struct Audited<T>(T);

impl<T> Audited<T> {
    /// The answer, to be put on the wire.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Why an attempt could not be closed; the attempt comes back so that it can be decided again or refused.
pub struct NotClosed {
    /// The attempt, still open.
    pub attempt: Attempt,
    /// [`StoreError::Stale`] when the register has moved, else why the store failed.
    pub error: StoreError,
}

/// Which events a closing leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Events {
    /// The interaction.
    One,
    /// The interaction, and that it started an override.
    WithOverride,
}

/// The audit trail, cheap to clone. One is made for each opened store, and cloned.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    chain: Arc<chain::Chain>,
    clock: Clock,
    server: String,
    anchor_file: PathBuf,
    /// Whoever walks the whole trail for a report: one at a time, so that ten reports do not take ten times the machine.
    walking: tokio::sync::Mutex<()>,
}

impl Audit {
    /// Starts the trail for a service that answers from this store, and closes what a crash left open.
    ///
    /// # Errors
    /// [`AuditError`]; [`AuditError::Cut`] when the store holds less than was anchored.
    pub async fn start(store: Store, config: &AuditConfig, clock: Clock) -> Result<Self, AuditError> {
        let audit = Self::attach(store, config, clock).await?;
        audit.close_interrupted().await?;
        Ok(audit)
    }

    /// Closes what a crash left open: at a start, and from time to time where instances share the store and one of them may
    /// have crashed while this one runs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_interrupted(&self) -> Result<usize, StoreError> {
        let inner = &self.inner;
        let count = recover::interrupted(&inner.store, &inner.chain, inner.clock.now_millis()).await?;
        if count > 0 {
            tracing::warn!(count, "attempts that were interrupted have been closed");
        }
        Ok(count)
    }

    /// Joins the trail of a store whose service may be running: for the command line. Attempts under way are left alone.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn attach(store: Store, config: &AuditConfig, clock: Clock) -> Result<Self, AuditError> {
        let keys = Keys::load(&config.key_file)?;
        let (anchors, newest) = anchor::Anchors::open(&config.anchor_file)?;
        if let Some(newest) = newest
            && !verify::stands(&store, &newest).await?
        {
            return Err(AuditError::Cut);
        }
        let chain = Arc::new(chain::Chain::new(keys, anchors, clock.clone()));
        let anchoring = Arc::clone(&chain);
        store.after_group(Box::new(move |end| anchoring.anchor(end)));
        let (server, anchor_file) = (config.server.clone(), config.anchor_file.clone());
        let walking = tokio::sync::Mutex::default();
        Ok(Self { inner: Arc::new(Inner { store, chain, clock, server, anchor_file, walking }) })
    }

    /// Starts an attempt. Nothing is written yet.
    #[must_use]
    pub fn open(&self, caller: Caller, target: Target, origin: Origin) -> Attempt {
        Attempt::start(self.clone(), caller, target, origin)
    }

    /// Writes the closing row and hands the answer out as [`Audited`].
    ///
    /// With a revision the row commits only if the register's revision is still that one.
    ///
    /// # Errors
    /// [`NotClosed`]: nothing may be disclosed. Nothing was written, unless the store was too slow to tell.
    pub async fn close<T>(
        &self,
        attempt: Attempt,
        outcome: Outcome,
        standing: Option<Revision>,
        answer: T,
    ) -> Result<Audited<T>, NotClosed> {
        let payload = Payload::of(&attempt, Kind::Closed, Some(outcome), self.inner.clock.now_millis());
        match self.append(standing, &payload).await {
            Ok(()) => Ok(Audited(answer)),
            Err(error) => Err(NotClosed { attempt, error }),
        }
    }

    /// As [`Self::close`], with a write of the register in the same transaction: both are durable, or neither.
    ///
    /// # Errors
    /// [`NotClosed`], with the write's own error where it was that which failed.
    pub async fn close_writing<T: Send + 'static>(
        &self,
        attempt: Attempt,
        outcome: Outcome,
        standing: Option<Revision>,
        write: Job<T>,
    ) -> Result<Audited<T>, NotClosed> {
        self.closing(attempt, outcome, Events::One, standing, write).await
    }

    /// As [`Self::close_writing`] for the answered POST of an override: a second event says that the override started.
    ///
    /// # Errors
    /// As [`Self::close_writing`].
    pub async fn close_overriding<T: Send + 'static>(
        &self,
        attempt: Attempt,
        standing: Option<Revision>,
        write: Job<T>,
    ) -> Result<Audited<T>, NotClosed> {
        self.closing(attempt, Outcome::Answered, Events::WithOverride, standing, write).await
    }

    async fn closing<T: Send + 'static>(
        &self,
        attempt: Attempt,
        outcome: Outcome,
        events: Events,
        standing: Option<Revision>,
        write: Job<T>,
    ) -> Result<Audited<T>, NotClosed> {
        let at = self.inner.clock.now_millis();
        let mut payloads = vec![Payload::of(&attempt, Kind::Closed, Some(outcome), at)];
        if events == Events::WithOverride {
            payloads.push(Payload::of(&attempt, Kind::Override, Some(outcome), at));
        }
        match self.append_writing(standing, &payloads, write).await {
            Ok(written) => Ok(Audited(written)),
            Err(error) => Err(NotClosed { attempt, error }),
        }
    }

    async fn append(&self, standing: Option<Revision>, payload: &Payload) -> Result<(), StoreError> {
        let draft = self.inner.chain.draft(payload)?;
        let chain = Arc::clone(&self.inner.chain);
        let job: Job<()> =
            Box::new(move |connection| Box::pin(async move { chain.append(connection, standing, vec![draft]).await }));
        self.inner.store.write_one(job).await
    }

    async fn append_writing<T: Send + 'static>(
        &self,
        standing: Option<Revision>,
        payloads: &[Payload],
        write: Job<T>,
    ) -> Result<T, StoreError> {
        let drafts: Vec<_> =
            payloads.iter().map(|payload| self.inner.chain.draft(payload)).collect::<Result<_, _>>()?;
        let chain = Arc::clone(&self.inner.chain);
        let patient = payloads.first().and_then(|payload| payload.patient.clone());
        let job: Job<T> = Box::new(move |connection| {
            Box::pin(async move {
                // Before the write, which moves the revision itself.
                if let Some(standing) = standing
                    && store::revision_for(&mut *connection, patient.as_deref()).await? > standing.0
                {
                    return Err(StoreError::Stale);
                }
                let written = write(connection).await?;
                chain.append(connection, None, drafts).await?;
                Ok(written)
            })
        });
        self.inner.store.write(job).await
    }
}
