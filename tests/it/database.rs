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

/// Makes a folder's settings name that database, for the commands that read them; the file in the folder needs nothing.
pub(crate) async fn settle(folder: &Path) {
    let Some(StoreConfig::Postgres(postgres)) = config(folder).await else { return };
    let file = folder.join("config.toml");
    let mut settings: toml::Table = std::fs::read_to_string(&file).expect("settings").parse().expect("TOML");
    let mut server = toml::Table::new();
    server.insert("host".to_owned(), postgres.host.into());
    server.insert("port".to_owned(), i64::from(postgres.port).into());
    server.insert("database".to_owned(), postgres.database.into());
    server.insert("user".to_owned(), postgres.user.into());
    let store = toml::Table::from_iter([("postgres".to_owned(), toml::Value::Table(server))]);
    settings.insert("store".to_owned(), toml::Value::Table(store));
    std::fs::write(&file, settings.to_string()).expect("written");
}

/// What somebody who holds the store can do to it, behind the service's back: statements, once nothing guards the trail.
pub(crate) async fn tamper(folder: &Path, sql: &str) {
    let (mut connection, unguard) = if let Some(server) = server() {
        let unguard =
            "DROP TRIGGER IF EXISTS audit_never_changed ON audit; DROP TRIGGER IF EXISTS audit_never_emptied ON audit";
        (connected(&server, &name(folder)).await, unguard)
    } else {
        let unguard = "DROP TRIGGER IF EXISTS audit_never_updated; DROP TRIGGER IF EXISTS audit_never_deleted";
        sqlx::any::install_default_drivers();
        let file = format!("sqlite://{}", folder.join("store.sqlite").display());
        (Connection::connect(&file).await.expect("the store"), unguard)
    };
    sqlx::raw_sql(unguard).execute(&mut connection).await.expect("unguarded");
    let told = sql.to_owned();
    sqlx::raw_sql(sqlx::AssertSqlSafe(told))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("closed");
}

/// The columns of a table, as the store has them.
pub(crate) async fn columns(folder: &Path, table: &str) -> Vec<String> {
    let (mut connection, sql) = if let Some(server) = server() {
        let sql = "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1";
        (connected(&server, &name(folder)).await, sql)
    } else {
        sqlx::any::install_default_drivers();
        let file = format!("sqlite://{}", folder.join("store.sqlite").display());
        (Connection::connect(&file).await.expect("the store"), "SELECT name FROM pragma_table_info($1)")
    };
    let rows = sqlx::query(sql).bind(table.to_owned()).fetch_all(&mut connection).await.expect("columns");
    rows.iter().map(|row| sqlx::Row::get(row, 0)).collect()
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
