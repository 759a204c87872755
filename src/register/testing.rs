//! A register in a file of its own for the tests of this module: the revision's table, the register's schema, a pool.

use crate::clock::Clock;
use crate::identity::{Caller, CallerClass, Role, Scopes, SelectedRole};
use crate::ids::{NhsNumber, OdsCode, RoleCode, Sealer, UserId};
use crate::store::{Job, Pool, Store, StoreError};
use time::OffsetDateTime;
use time::macros::datetime;

/// The instant that the tests of this module start from.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

pub struct Kept {
    pub pool: Pool,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Kept {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::store::testing::store(folder.path()).await;
        Self { pool: store.reader().clone(), store, _folder: folder }
    }

    /// Runs a job through the store's writer.
    pub async fn run<T: Send + 'static>(&self, job: Job<T>) -> Result<T, StoreError> {
        self.store.write(job).await
    }

    /// Runs a statement as somebody with the database could.
    pub async fn by_hand(&self, sql: &'static str) -> Result<(), StoreError> {
        crate::store::testing::by_hand(&self.store, sql).await
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
