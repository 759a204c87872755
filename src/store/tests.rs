use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn store(folder: &tempfile::TempDir) -> Store {
    testing::store(folder.path()).await
}

fn bump() -> Job<i64> {
    Box::new(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE register_revision SET revision = revision + 1").execute(&mut *connection).await?;
            current_revision(connection).await
        })
    })
}

async fn revision(store: &Store) -> i64 {
    let mut connection = store.reader().acquire().await.expect("a reader");
    current_revision(&mut connection).await.expect("a revision")
}

#[tokio::test]
async fn a_failing_job_is_undone_alone_and_the_rest_of_its_group_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let failing: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE register_revision SET revision = 1000").execute(&mut *connection).await?;
            Err(StoreError::Conflict)
        })
    });
    let panicking: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE register_revision SET revision = 2000").execute(&mut *connection).await?;
            panic!("a bug in a job")
        })
    });
    // Queued before the writer first runs, so all four are one group.
    let (first, failed, panicked, last) =
        tokio::join!(store.write(bump()), store.write(failing), store.write(panicking), store.write(bump()));
    assert_eq!(first.expect("written"), 2);
    assert!(matches!(failed, Err(StoreError::Conflict)));
    assert!(matches!(panicked, Err(StoreError::Unavailable(_))));
    assert_eq!(last.expect("written"), 3);
    assert_eq!(revision(&store).await, 3);
}

#[tokio::test]
async fn a_group_whose_transaction_is_lost_is_lost_for_all_and_the_next_one_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let ends = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let seen = Arc::clone(&ends);
    store.after_group(Box::new(move |end| {
        seen[usize::from(end == GroupEnd::Undone)].fetch_add(1, Ordering::SeqCst);
    }));
    let breaking: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            sqlx::query("ROLLBACK").execute(&mut *connection).await?;
            Ok(())
        })
    });
    let (first, second, third) = tokio::join!(store.write(bump()), store.write(breaking), store.write(bump()));
    assert!(matches!(first, Err(StoreError::Unavailable(_))));
    assert!(second.is_err() && third.is_err());
    assert_eq!(revision(&store).await, 1);
    assert_eq!(store.write(bump()).await.expect("written"), 2);
    assert_eq!((ends[0].load(Ordering::SeqCst), ends[1].load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    assert!(sqlx::query("UPDATE register_revision SET revision = 9").execute(store.reader()).await.is_err());
}

#[tokio::test]
async fn two_processes_write_one_store_and_a_closed_store_has_finished_its_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = testing::config(folder.path()).await;
    let (one, other) = (Store::open(&config).await.expect("opens"), Store::open(&config).await.expect("opens"));
    for _ in 0..10 {
        let (left, right) = tokio::join!(one.write(bump()), other.write(bump()));
        left.expect("written");
        right.expect("written");
    }
    assert_eq!(revision(&other).await, 21);
    let last = tokio::spawn({
        let one = one.clone();
        async move { one.write(bump()).await }
    });
    tokio::task::yield_now().await;
    one.close().await;
    assert_eq!(last.await.expect("joins").expect("written"), 22);
    assert!(matches!(one.write(bump()).await, Err(StoreError::Unavailable(_))));
    other.ping().await.expect("answers");
}

#[tokio::test]
async fn a_store_of_another_history_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = testing::config(folder.path()).await;
    let first = Store::open(&config).await.expect("opens");
    let spoil: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            let sql = "UPDATE schema_version SET checksum = $1";
            sqlx::query(sql).bind(vec![0_u8]).execute(&mut *connection).await?;
            Ok(())
        })
    });
    first.write(spoil).await.expect("written");
    first.close().await;
    let again = Store::open(&config).await;
    assert!(matches!(again, Err(StoreError::Unavailable(sqlx::Error::Migrate(_)))));
}

#[tokio::test]
async fn what_one_snapshot_reads_is_of_one_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(&folder).await;
    let mut snapshot = store.reader().begin().await.expect("begins");
    assert_eq!(current_revision(&mut snapshot).await.expect("read"), 1);
    store.write(bump()).await.expect("written");
    assert_eq!(current_revision(&mut snapshot).await.expect("read"), 1);
    snapshot.rollback().await.expect("ends");
    assert_eq!(revision(&store).await, 2);
}

#[tokio::test]
async fn where_another_role_owns_the_tables_the_service_can_only_append_to_the_trail() {
    let folder = tempfile::tempdir().expect("a folder");
    let StoreConfig::Postgres(mut postgres) = testing::config(folder.path()).await else {
        eprintln!("skipped: needs PostgreSQL (tests/postgres/run)");
        return;
    };
    let role = format!("{}_service", postgres.database);
    let owner = Store::open(&StoreConfig::Postgres(postgres.clone())).await.expect("opens");
    let make: Job<()> = Box::new({
        let role = role.clone();
        move |connection| {
            Box::pin(async move {
                let sql = sqlx::AssertSqlSafe(format!("CREATE ROLE {role} LOGIN"));
                sqlx::raw_sql(sql).execute(&mut *connection).await?;
                Ok(())
            })
        }
    });
    owner.write(make).await.expect("made");
    owner.close().await;
    postgres.owner = Some(OwnerConfig { user: postgres.user.clone(), password_file: None });
    postgres.user = role;
    let service = Store::open(&StoreConfig::Postgres(postgres)).await.expect("opens");
    assert_eq!(service.write(bump()).await.expect("the register is written"), 2);
    testing::by_hand(
        &service,
        "INSERT INTO audit SELECT 1, 'c', 'k', '', '', 'closed', 'a', 1, NULL, 'u', NULL, NULL, 'Patient', 'read', 0, '{}'",
    )
    .await
    .expect("appended");
    for sql in [
        "UPDATE audit SET outcome = 4",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE audit CASCADE",
        "DROP TRIGGER audit_never_changed ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "SET session_replication_role = replica",
        "UPDATE audit_chain SET id = 'x'",
        "UPDATE agreement_history SET body = ''",
        "DELETE FROM consent",
    ] {
        assert!(testing::by_hand(&service, sql).await.is_err(), "{sql}");
    }
}
