//! A store of its own for a test: a SQLite file in the test's folder, or a new database of the PostgreSQL server that
//! `MIG_FHIR_TEST_POSTGRES` names as `HOST:PORT`, whose user `mig` may make databases.

#![allow(clippy::missing_panics_doc, clippy::missing_errors_doc, clippy::disallowed_methods, reason = "test code")]

use super::{Job, PostgresConfig, Store, StoreConfig, StoreError};
use sqlx::Connection as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Where the store of a test's folder is; the same for the same folder.
pub async fn config(folder: &Path) -> StoreConfig {
    let Some(server) = std::env::var_os("MIG_FHIR_TEST_POSTGRES") else {
        return StoreConfig::sqlite(folder.join("store.db"));
    };
    let server = server.into_string().expect("HOST:PORT");
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    let database = format!("t{:x}", hasher.finish());
    sqlx::any::install_default_drivers();
    let mut admin = super::Connection::connect(&format!("postgres://mig@{server}/postgres?sslmode=disable"))
        .await
        .expect("a server");
    let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(database.clone());
    if there.fetch_optional(&mut admin).await.expect("asked").is_none() {
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}"));
        sqlx::query(create).execute(&mut admin).await.expect("a database");
    }
    StoreConfig::Postgres(PostgresConfig {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        database,
        user: "mig".to_owned(),
        password_file: None,
        ca_file: None,
        owner: None,
    })
}

/// A test's own store.
pub async fn store(folder: &Path) -> Store {
    Store::open(&config(folder).await).await.expect("opens")
}

/// What somebody with the database could do, as statements.
pub async fn by_hand(store: &Store, sql: &'static str) -> Result<(), StoreError> {
    let job: Job<()> = Box::new(move |connection| {
        Box::pin(async move {
            sqlx::raw_sql(sql).execute(&mut *connection).await?;
            Ok(())
        })
    });
    store.write(job).await
}
