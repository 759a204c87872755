//! The store: a SQLite file for one instance or a PostgreSQL database for several, read through a pool, written by one
//! grouped writer in each instance.
//!
//! The queries are the same for both; [`Engine`] holds all that differs. Nothing of the clinical record is ever stored
//! here. Other processes (the command line, other instances) write to it too: nothing that it says is remembered between
//! two groups.

mod clauses;
mod config;
mod engine;
mod migrations;
mod writer;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use clauses::Clauses;
pub use config::{OwnerConfig, PostgresConfig, StoreConfig};
pub use engine::Engine;
pub use writer::{GroupEnd, Hook};

use futures_util::future::BoxFuture;
use sqlx::Row as _;
use std::sync::Arc;
use std::time::Duration;

/// How long a write may take until it is on disk. Beyond it nobody is answered as if it were; it may still get there.
const WRITE: Duration = Duration::from_secs(4);

/// A connection to either database.
pub type Connection = sqlx::AnyConnection;
/// Connections that read.
pub type Pool = sqlx::AnyPool;
/// A row of either database.
pub type Row = sqlx::any::AnyRow;

/// Why the store did not do it. Never an SQL text to a client.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is full, or refused the write.
    #[error("the store is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// It did not answer in time; what was to be written may still be.
    #[error("the store is too slow")]
    Slow,
    /// What the decision rested on has changed since it was read.
    #[error("the register has changed")]
    Stale,
    /// The version that the caller named is not the current one.
    #[error("the resource has changed")]
    Conflict,
    /// A stored row cannot be read back.
    #[error("a stored row is unreadable")]
    Corrupt,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

/// One write, run inside a savepoint of the current group; an error undoes this job alone.
pub type Job<T> = Box<dyn for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Send>;

/// The store, cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    engine: Engine,
    writer: Arc<writer::Writer>,
}

impl Store {
    /// Opens it, making the file if need be, and brings it to the current schema.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let access = engine::Access::of(config)?;
        let engine = access.engine;
        migrations::run(&access).await?;
        let connection = access.writer().await?;
        let pool = access.readers().await?;
        Ok(Self { pool, engine, writer: Arc::new(writer::Writer::start(access, connection)) })
    }

    /// Which database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Connections that read; a write through them is refused.
    #[must_use]
    pub fn reader(&self) -> &Pool {
        &self.pool
    }

    /// Runs a write in the next group and returns once the group is on disk.
    ///
    /// # Errors
    /// The job's own error, [`StoreError::Unavailable`] when the group could not be committed, [`StoreError::Slow`] when
    /// it is not known to be in time.
    pub async fn write<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        within(self.writer.write(writer::Guard::Savepoint, job)).await
    }

    /// As [`Self::write`], without a savepoint, for a job that writes in one statement and fails if that fails.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn write_one<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        within(self.writer.write(writer::Guard::Statement, job)).await
    }

    /// Adds a hook that is told how each group ended, after its commit and before its writers are answered.
    pub fn after_group(&self, hook: Hook) {
        self.writer.add_hook(hook);
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT revision FROM register_revision").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Finishes what is queued and closes.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }
}

async fn within<T>(write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(WRITE, write).await.unwrap_or(Err(StoreError::Slow))
}

/// The register's revision as this connection sees it; inside a write, as the group so far has left it.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn current_revision(connection: &mut Connection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT revision FROM register_revision").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// The revision at which what a decision rests on last moved: for a patient, or without one for everybody.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn revision_for(connection: &mut Connection, patient: Option<&str>) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT MAX(revision) FROM register_touch WHERE scope = '' OR scope = $1")
        .bind(patient)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}

/// Moves the register's revision by one, for a patient or without one for everybody, and says which it is now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn advance_revision(connection: &mut Connection, patient: Option<&str>) -> Result<i64, StoreError> {
    let row = sqlx::query("UPDATE register_revision SET revision = revision + 1 RETURNING revision")
        .fetch_one(&mut *connection)
        .await?;
    let revision: i64 = row.try_get(0)?;
    sqlx::query(
        "INSERT INTO register_touch (scope, revision) VALUES ($1, $2) \
         ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision",
    )
    .bind(patient.unwrap_or_default())
    .bind(revision)
    .execute(connection)
    .await?;
    Ok(revision)
}
