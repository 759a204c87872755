//! The two databases, and all in which they differ: how a connection is made, how a group begins, which schema is theirs.
//!
//! Everything else is one set of queries for both: `$n` placeholders, integer instants, text and blobs.

use super::config::{OwnerConfig, PostgresConfig, StoreConfig};
use super::{Connection, Pool, StoreError};
use futures_util::future::BoxFuture;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{ConnectOptions, Executor};
use std::path::Path;
use std::time::Duration;

/// Connections that read. A request holds one for the length of one query.
const READERS: u32 = 8;

/// How long anybody waits for a connection. SQLite waits as long for another process's write, which is sqlx's default.
const BUSY: Duration = Duration::from_secs(5);

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer.
    Sqlite,
    /// A server that instances share.
    Postgres,
}

impl Engine {
    /// How a group begins: alone. Nobody else's write can fall between what the group reads and what it writes.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            // Read committed, so that each statement after the lock sees what the holder before has committed.
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    /// What a group does first.
    pub(super) const fn alone(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            // Of all instances one group at a time, as with SQLite's one writer: the audit chain has one end. The lock
            // goes with the transaction, however that ends.
            Self::Postgres => Some("SELECT 1 FROM writing FOR UPDATE"),
        }
    }

    /// Whether a statement that failed leaves its transaction usable.
    pub(super) const fn survives_failure(self) -> bool {
        matches!(self, Self::Sqlite)
    }

    const fn for_writing(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
            Self::Postgres => "SET synchronous_commit = on; SET lock_timeout = '5s'; SET statement_timeout = '10s'",
        }
    }

    const fn for_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA query_only = ON",
            // What one decision reads is read off one snapshot.
            Self::Postgres => {
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                 SET statement_timeout = '10s'"
            }
        }
    }
}

/// How to reach it. No `Debug`: the address holds the password.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) engine: Engine,
    options: AnyConnectOptions,
    /// Whoever owns the tables, where the service's user does not.
    owner: Option<AnyConnectOptions>,
    /// The service's own role, where another owns the tables.
    pub(super) granted_to: Option<String>,
}

impl Access {
    pub(super) fn of(config: &StoreConfig) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        match config {
            StoreConfig::Sqlite { path } => {
                make_private(path).map_err(sqlx::Error::Io)?;
                let path = std::path::absolute(path).map_err(sqlx::Error::Io)?;
                let text = path.to_str().ok_or_else(refused)?;
                let mut url = address("sqlite:///")?;
                url.set_path(text);
                Ok(Self { engine: Engine::Sqlite, options: quiet(&url)?, owner: None, granted_to: None })
            }
            StoreConfig::Postgres(postgres) => {
                let owner = match &postgres.owner {
                    Some(OwnerConfig { user, password_file }) => {
                        Some(server(postgres, user, password_file.as_deref())?)
                    }
                    None => None,
                };
                Ok(Self {
                    engine: Engine::Postgres,
                    options: server(postgres, &postgres.user, postgres.password_file.as_deref())?,
                    granted_to: owner.is_some().then(|| postgres.user.clone()),
                    owner,
                })
            }
        }
    }

    pub(super) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        ready(&self.options, self.engine.for_writing()).await
    }

    /// For bringing the schema up to date.
    pub(super) async fn owner(&self) -> Result<Connection, sqlx::Error> {
        ready(self.owner.as_ref().unwrap_or(&self.options), self.engine.for_writing()).await
    }

    pub(super) async fn readers(&self) -> Result<Pool, sqlx::Error> {
        let statements = self.engine.for_reading();
        AnyPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY)
            .after_connect(move |connection, _| -> BoxFuture<'_, Result<(), sqlx::Error>> {
                Box::pin(async move { connection.execute(sqlx::raw_sql(statements)).await.map(drop) })
            })
            .connect_with(self.options.clone())
            .await
    }
}

async fn ready(options: &AnyConnectOptions, statements: &'static str) -> Result<Connection, sqlx::Error> {
    let mut connection =
        tokio::time::timeout(BUSY, options.connect()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    connection.execute(sqlx::raw_sql(statements)).await?;
    Ok(connection)
}

fn server(postgres: &PostgresConfig, user: &str, password: Option<&Path>) -> Result<AnyConnectOptions, StoreError> {
    let mut url = address("postgres://server/")?;
    url.set_host(Some(&postgres.host)).map_err(|_| refused())?;
    url.set_port(Some(postgres.port)).map_err(|()| refused())?;
    url.set_username(user).map_err(|()| refused())?;
    if let Some(file) = password {
        let password = std::fs::read_to_string(file).map_err(sqlx::Error::Io)?;
        url.set_password(Some(password.trim_end_matches(['\r', '\n']))).map_err(|()| refused())?;
    }
    url.set_path(&postgres.database);
    let mut query = url.query_pairs_mut();
    match &postgres.ca_file {
        Some(file) => {
            query.append_pair("sslmode", "verify-full").append_pair("sslrootcert", &file.to_string_lossy());
        }
        None if postgres.is_local() => {
            query.append_pair("sslmode", "disable");
        }
        None => return Err(refused()),
    }
    query.append_pair("application_name", "mig-fhir");
    drop(query);
    quiet(&url)
}

fn address(text: &'static str) -> Result<url::Url, StoreError> {
    text.parse().map_err(|_| refused())
}

fn refused() -> StoreError {
    StoreError::Unavailable(sqlx::Error::Configuration("the store's address".into()))
}

/// Statements and their times do not go to the log.
fn quiet(url: &url::Url) -> Result<AnyConnectOptions, StoreError> {
    Ok(AnyConnectOptions::from_url(url)?.disable_statement_logging())
}

/// Makes the file readable by its owner alone before SQLite writes to it; SQLite gives its side files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
