//! The schema's history, embedded. A migration that has run is never changed: its checksum is kept and compared.
//!
//! Not `sqlx::migrate!`: the macro builds every driver a second time for the host.

use super::engine::{Access, Engine};
use super::{Connection, StoreError};
use sqlx::migrate::MigrateError;
use sqlx::{Connection as _, Row};

struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $file:literal) => {
        Migration {
            version: $version,
            sqlite: include_str!(concat!("migrations/sqlite/", $file)),
            postgres: include_str!(concat!("migrations/postgres/", $file)),
        }
    };
}

/// In the order in which they run; a new one is a line at the end.
const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_audit.sql"),
    migration!(2, "0002_register.sql"),
    migration!(3, "0003_opened_again.sql"),
    migration!(4, "0004_touch.sql"),
    migration!(5, "0005_governance.sql"),
    migration!(6, "0006_reports.sql"),
    migration!(7, "0007_outbox.sql"),
];

impl Migration {
    const fn sql(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }
}

/// What the service's own role may do where another role owns the tables: everything that it does, and nothing else.
const GRANTS: &str = include_str!("migrations/postgres/grants.sql");

/// Brings the store to the current schema; refuses one that a later program or another history has made.
pub(super) async fn run(access: &Access) -> Result<(), StoreError> {
    let mut connection = access.owner().await?;
    let done = brought_up(access, &mut connection).await;
    drop(connection.close().await);
    done
}

async fn brought_up(access: &Access, connection: &mut Connection) -> Result<(), StoreError> {
    let engine = access.engine;
    // One transaction: of two processes that start together the second waits, and then finds all done.
    let mut transaction = connection.begin_with(engine.begin()).await?;
    let (table, blob) = match engine {
        Engine::Sqlite => (None, "BLOB"),
        // Any number that no other program is likely to lock by.
        Engine::Postgres => (Some("SELECT pg_advisory_xact_lock(7305812406)::text"), "BYTEA"),
    };
    if let Some(waiting) = table {
        sqlx::query(waiting).execute(&mut *transaction).await?;
    }
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, checksum {blob} NOT NULL)"
    )))
    .execute(&mut *transaction)
    .await?;
    let rows = sqlx::query("SELECT version, checksum FROM schema_version ORDER BY version")
        .fetch_all(&mut *transaction)
        .await?;
    let mut applied = Vec::with_capacity(rows.len());
    for row in rows {
        let version: i64 = row.try_get(0)?;
        let checksum: Vec<u8> = row.try_get(1)?;
        let Some(known) = MIGRATIONS.iter().find(|migration| migration.version == version) else {
            return Err(refused(MigrateError::VersionMissing(version)));
        };
        if checksum != checksum_of(known.sql(engine)) {
            return Err(refused(MigrateError::VersionMismatch(version)));
        }
        applied.push(version);
    }
    for migration in MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)) {
        sqlx::raw_sql(migration.sql(engine)).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_version (version, checksum) VALUES ($1, $2)")
            .bind(migration.version)
            .bind(checksum_of(migration.sql(engine)))
            .execute(&mut *transaction)
            .await?;
    }
    if let Some(role) = &access.granted_to {
        // A name in quotes, its own quotes doubled: a name, whatever is in it.
        let role = format!("\"{}\"", role.replace('"', "\"\""));
        sqlx::raw_sql(sqlx::AssertSqlSafe(GRANTS.replace(":service", &role))).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn checksum_of(sql: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, sql.as_bytes()).as_ref().to_vec()
}

fn refused(why: MigrateError) -> StoreError {
    StoreError::Unavailable(sqlx::Error::Migrate(Box::new(why)))
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn versions_count_up_from_one_without_a_gap() {
        for (position, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, i64::try_from(position).expect("small") + 1);
        }
    }
}
