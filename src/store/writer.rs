//! The one writer: drains the queue into a group, one transaction and one flush to disk for all of it.
//!
//! Each job has its own savepoint, so that its error undoes it alone; a job of one statement needs none, since a statement
//! that fails undoes itself in SQLite, and goes three times as fast. Nobody is answered before the commit. When the
//! transaction itself is lost, every job of the group gets [`StoreError::Unavailable`] and the connection is made anew.

use super::engine::{Access, Engine};
use super::{Connection, Job, StoreError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Jobs that share one commit at most.
const GROUP: usize = 64;

/// Jobs that may wait; more wait outside the queue.
const QUEUE: usize = 1024;

/// How a group ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupEnd {
    /// On disk.
    Committed,
    /// Undone as a whole.
    Undone,
}

/// Told how each group ended, in the order of the groups. It runs on the writer's task, so it must be brief.
pub type Hook = Box<dyn Fn(GroupEnd) + Send + Sync>;

/// What a job leaves: whether its savepoint is kept, and how its writer is told, once the group has ended.
struct Settled {
    keep: bool,
    reply: Box<dyn FnOnce(GroupEnd) + Send>,
}

type Run = Box<dyn for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Settled> + Send>;

struct Queued {
    guard: Guard,
    run: Run,
}

/// What undoes a job that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// A savepoint.
    Savepoint,
    /// The statement itself: the job changes something in one statement only, and fails if that fails.
    Statement,
}

pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Queued>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    hooks: Arc<RwLock<Vec<Hook>>>,
}

impl Writer {
    pub(super) fn start(access: Access, connection: Connection) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let hooks = Arc::new(RwLock::default());
        let task = tokio::spawn(run(access, connection, jobs, Arc::clone(&hooks)));
        Self { queue: Mutex::new(Some(queue)), task: Mutex::new(Some(task)), hooks }
    }

    pub(super) fn add_hook(&self, hook: Hook) {
        self.hooks.write().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    pub(super) async fn write<T: Send + 'static>(&self, guard: Guard, job: Job<T>) -> Result<T, StoreError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(gone)?;
        let (answer, answered) = oneshot::channel();
        let run: Run = Box::new(move |connection| {
            Box::pin(async move {
                let outcome = job(connection).await;
                let keep = outcome.is_ok();
                let reply = move |end| {
                    // A job that failed by itself keeps its own error even when the group is lost.
                    let outcome = match (outcome, end) {
                        (Ok(_), GroupEnd::Undone) => Err(gone()),
                        (outcome, _) => outcome,
                    };
                    // The writer may have gone away; the write stands all the same.
                    drop(answer.send(outcome));
                };
                Settled { keep, reply: Box::new(reply) }
            })
        });
        queue.send(Queued { guard, run }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// Takes no more jobs, and returns when those queued are done.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the store's writer had stopped");
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable(sqlx::Error::WorkerCrashed)
}

async fn run(access: Access, connection: Connection, mut jobs: mpsc::Receiver<Queued>, hooks: Arc<RwLock<Vec<Hook>>>) {
    let mut connection = Some(connection);
    let mut group = Vec::with_capacity(GROUP);
    while jobs.recv_many(&mut group, GROUP).await > 0 {
        let mut usable = match connection.take() {
            Some(usable) => usable,
            None => match access.writer().await {
                Ok(fresh) => fresh,
                Err(error) => {
                    tracing::error!(%error, "the store cannot be opened for writing");
                    // Dropped unrun: each writer hears that the store is unavailable.
                    group.clear();
                    continue;
                }
            },
        };
        let mut replies = Vec::with_capacity(group.len());
        let end = match commit_group(access.engine, &mut usable, group.drain(..), &mut replies).await {
            Ok(()) => {
                connection = Some(usable);
                GroupEnd::Committed
            }
            Err(error) => {
                tracing::error!(%error, "a group of writes was undone");
                // What state the transaction is in is no longer known: closing undoes whatever is left of it.
                drop(usable.close().await);
                GroupEnd::Undone
            }
        };
        for hook in hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            hook(end);
        }
        for reply in replies {
            reply(end);
        }
        // Those just answered may have more to write: let them join the next group instead of the one after it.
        tokio::task::yield_now().await;
    }
    if let Some(connection) = connection {
        drop(connection.close().await);
    }
}

/// Runs a group; an error means that nothing of it is on disk.
async fn commit_group(
    engine: Engine,
    connection: &mut Connection,
    group: impl Iterator<Item = Queued>,
    replies: &mut Vec<Box<dyn FnOnce(GroupEnd) + Send>>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(engine.begin()).await?;
    if let Some(statement) = engine.alone() {
        sqlx::query(statement).fetch_one(&mut *transaction).await?;
    }
    for Queued { guard, run } in group {
        if guard == Guard::Statement && engine.survives_failure() {
            match attempted(run, &mut transaction).await {
                Some(settled) => replies.push(settled.reply),
                // Whether it had written is not known.
                None => return Err(sqlx::Error::WorkerCrashed),
            }
            continue;
        }
        let mut savepoint = transaction.begin().await?;
        let keep = match attempted(run, &mut savepoint).await {
            Some(settled) => {
                replies.push(settled.reply);
                settled.keep
            }
            None => false,
        };
        if keep {
            savepoint.commit().await?;
        } else {
            savepoint.rollback().await?;
        }
    }
    transaction.commit().await
}

/// A job that panics is undone like one that fails; its writer's channel closes with it.
async fn attempted(run: Run, connection: &mut Connection) -> Option<Settled> {
    let settled = AssertUnwindSafe(run(connection)).catch_unwind().await.ok();
    if settled.is_none() {
        tracing::error!("a write panicked and was undone");
    }
    settled
}
