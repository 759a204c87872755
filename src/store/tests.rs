use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(&StoreConfig { path: folder.path().join("store.db") }).await.expect("opens")
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
async fn two_processes_write_one_file_and_a_closed_store_has_finished_its_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (store(&folder).await, store(&folder).await);
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
async fn a_file_of_another_history_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = store(&folder).await;
    let spoil: Job<()> = Box::new(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE schema_version SET checksum = x'00'").execute(&mut *connection).await?;
            Ok(())
        })
    });
    first.write(spoil).await.expect("written");
    first.close().await;
    let again = Store::open(&StoreConfig { path: folder.path().join("store.db") }).await;
    assert!(matches!(again, Err(StoreError::Unavailable(sqlx::Error::Migrate(_)))));
}
