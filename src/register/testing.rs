//! A register in a file of its own for the tests of this module: the revision's table, the register's schema, a pool.

use crate::clock::Clock;
use crate::identity::{Caller, CallerClass, Role, Scopes, SelectedRole};
use crate::ids::{NhsNumber, OdsCode, RoleCode, Sealer, UserId};
use crate::store::{Job, StoreError};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use time::OffsetDateTime;
use time::macros::datetime;

/// The instant that the tests of this module start from.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

pub struct Kept {
    pub pool: SqlitePool,
    _folder: tempfile::TempDir,
}

impl Kept {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SqliteConnectOptions::new().filename(folder.path().join("r.db")).create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.expect("a pool");
        let schema = concat!(
            "CREATE TABLE register_revision (revision BIGINT NOT NULL); INSERT INTO register_revision VALUES (0);",
            include_str!("../store/migrations/0002_register.sql"),
            include_str!("../store/migrations/0004_touch.sql")
        );
        sqlx::raw_sql(schema).execute(&pool).await.expect("the schema");
        Self { pool, _folder: folder }
    }

    /// Runs a job as the store's writer would: in a transaction that an error undoes.
    pub async fn run<T>(&self, job: Job<T>) -> Result<T, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let done = job(&mut transaction).await;
        if done.is_ok() {
            transaction.commit().await?;
        }
        done
    }

    pub async fn revision(&self) -> i64 {
        sqlx::query_scalar("SELECT revision FROM register_revision").fetch_one(&self.pool).await.expect("one row")
    }
}

pub fn patient() -> NhsNumber {
    NhsNumber::parse("9990000018").expect("valid")
}

pub fn other_patient() -> NhsNumber {
    NhsNumber::parse("9990000026").expect("valid")
}

pub fn ods(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("valid")
}

pub fn user(text: &str) -> UserId {
    UserId::parse(text).expect("valid")
}

pub fn role() -> RoleCode {
    RoleCode::parse("R8000").expect("valid")
}

pub fn sealer() -> Sealer {
    Sealer::new(0, &[7; 64])
}

pub fn caller(id: &str) -> Caller {
    let organisation = ods("VIEW1");
    Caller {
        user: user(id),
        name: "Dr Demo".to_owned(),
        class: CallerClass::User,
        role: SelectedRole::One(Role {
            profile: format!("{id}-profile"),
            code: role(),
            name: "Clinical Practitioner".to_owned(),
            organisation: organisation.clone(),
        }),
        organisation: Some(organisation),
        assurance: 3,
        scopes: Scopes::default(),
        token_id: None,
        client_id: None,
    }
}

#[test]
fn the_tests_do_not_read_the_clock() {
    assert_eq!(Clock::fixed(NOW).now(), NOW);
}
