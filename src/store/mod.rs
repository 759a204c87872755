//! The store: one SQLite file (WAL, `synchronous=FULL`), read through a pool, written by one grouped writer.
//!
//! Queries are written so that PostgreSQL can run them too: `$n` placeholders, integer instants (milliseconds),
//! text and blobs. Nothing of the clinical record is ever stored here. Other processes (the command line) may have the
//! same file open: nothing that the file says is remembered between two groups.

mod migrations;
mod writer;

#[cfg(test)]
mod tests;

pub use writer::{GroupEnd, Hook};

use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Row, SqliteConnection, SqlitePool};
use std::sync::Arc;
use std::time::Duration;

/// Connections that read. A request holds one for the length of one query.
const READERS: u32 = 8;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);

/// How long a write may take until it is on disk. Beyond it nobody is answered as if it were; it may still get there.
const WRITE: Duration = Duration::from_secs(4);

/// Where the store is.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The SQLite file.
    pub path: std::path::PathBuf,
}

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
pub type Job<T> = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send>;

/// The store, cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    writer: Arc<writer::Writer>,
}

impl Store {
    /// Opens the file, making it if need be, and brings it to the current schema.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        make_private(&config.path).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(&config.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        migrations::run(&mut connection).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await?;
        Ok(Self { pool, writer: Arc::new(writer::Writer::start(options, connection)) })
    }

    /// Connections that read; a write through them is refused.
    #[must_use]
    pub fn reader(&self) -> &SqlitePool {
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
pub async fn current_revision(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT revision FROM register_revision").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// The revision at which what a decision rests on last moved: for a patient, or without one for everybody.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn revision_for(connection: &mut SqliteConnection, patient: Option<&str>) -> Result<i64, StoreError> {
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
pub async fn advance_revision(connection: &mut SqliteConnection, patient: Option<&str>) -> Result<i64, StoreError> {
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

/// Makes the file readable by its owner alone before SQLite writes to it; SQLite gives its side files the same mode.
fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
