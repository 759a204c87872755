//! Where the store of a scenario is: a SQLite file in its folder, or a database of its own on the PostgreSQL server that
//! `MIG_FHIR_TEST_POSTGRES` names as `HOST:PORT` (tests/postgres/run).

use mig_fhir::simulator::running::Extras;
use mig_fhir::store::{Connection, PostgresConfig, StoreConfig};
use sqlx::Connection as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

fn server() -> Option<String> {
    std::env::var_os("MIG_FHIR_TEST_POSTGRES").map(|server| server.into_string().expect("HOST:PORT"))
}

async fn connected(server: &str, database: &str) -> Connection {
    sqlx::any::install_default_drivers();
    Connection::connect(&format!("postgres://mig@{server}/{database}?sslmode=disable")).await.expect("a server")
}

fn name(folder: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    format!("w{:x}", hasher.finish())
}

/// A PostgreSQL database for a folder, the same for the same folder; `None` where the file in the folder is to be used.
pub(crate) async fn config(folder: &Path) -> Option<StoreConfig> {
    let server = server()?;
    let (host, port) = server.rsplit_once(':').expect("HOST:PORT");
    let database = name(folder);
    let mut admin = connected(&server, "postgres").await;
    let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(database.clone());
    if there.fetch_optional(&mut admin).await.expect("asked").is_none() {
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}"));
        sqlx::query(create).execute(&mut admin).await.expect("a database");
    }
    Some(StoreConfig::Postgres(PostgresConfig {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        database,
        user: "mig".to_owned(),
        password_file: None,
        ca_file: None,
        owner: None,
    }))
}

/// Holds the store's place of writing, as another process that hangs would. It is free again when this is dropped.
pub(crate) async fn hold(folder: &Path) -> Connection {
    if let Some(server) = server() {
        let mut connection = connected(&server, &name(folder)).await;
        sqlx::raw_sql("BEGIN; SELECT 1 FROM writing FOR UPDATE").execute(&mut connection).await.expect("held");
        return connection;
    }
    sqlx::any::install_default_drivers();
    let file = format!("sqlite://{}", folder.join("store.sqlite").display());
    let mut connection = Connection::connect(&file).await.expect("the store");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.expect("held");
    connection
}

/// A demo's options with that store.
pub(crate) async fn extras(folder: &Path) -> Extras {
    Extras { store: config(folder).await, ..Extras::default() }
}
