//! The schema's history, embedded. A migration that has run is never changed: its checksum is kept and compared.
//!
//! Not `sqlx::migrate!`: the macro builds every driver a second time for the host.

use super::StoreError;
use sqlx::migrate::MigrateError;
use sqlx::{Connection, Row, SqliteConnection};

struct Migration {
    version: i64,
    sql: &'static str,
}

/// In the order in which they run; a new one is a line at the end.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("migrations/0001_audit.sql") },
    Migration { version: 2, sql: include_str!("migrations/0002_register.sql") },
    Migration { version: 3, sql: include_str!("migrations/0003_opened_again.sql") },
    Migration { version: 4, sql: include_str!("migrations/0004_touch.sql") },
];

/// Brings the file to the current schema; refuses a file that a later program or another history has made.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    // One transaction: of two processes that start together the second waits, and then finds all done.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, checksum BLOB NOT NULL)")
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
        if checksum != checksum_of(known) {
            return Err(refused(MigrateError::VersionMismatch(version)));
        }
        applied.push(version);
    }
    for migration in MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)) {
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_version (version, checksum) VALUES ($1, $2)")
            .bind(migration.version)
            .bind(checksum_of(migration))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn checksum_of(migration: &Migration) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, migration.sql.as_bytes()).as_ref().to_vec()
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
