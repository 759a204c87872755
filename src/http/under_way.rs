//! Work that goes on when its client has hung up: a stop waits for it, within its own bound.

use std::sync::Arc;
use tokio::sync::RwLock;

/// Counts work under way, cheap to clone.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<RwLock<()>>);

impl UnderWay {
    /// Runs on a task of its own, which nobody's hanging up cuts short. Nothing where it panicked.
    pub fn detached<T, F>(&self, work: F) -> impl Future<Output = Option<T>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        // At once, so that no stop comes between; only a stop that is just ending can hold it up.
        let held = self.0.clone().try_read_owned();
        let lock = self.0.clone();
        let task = tokio::spawn(async move {
            let held = match held {
                Ok(held) => held,
                Err(_) => lock.read_owned().await,
            };
            let done = work.await;
            drop(held);
            done
        });
        async move { task.await.ok() }
    }

    /// Returns when nothing is under way any more.
    pub async fn finished(&self) {
        drop(self.0.write().await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn what_its_client_gave_up_is_waited_for() {
        let under_way = UnderWay::default();
        let (done, mut told) = tokio::sync::oneshot::channel();
        let work = async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = done.send(());
        };
        assert!(tokio::time::timeout(Duration::from_millis(5), under_way.detached(work)).await.is_err());
        under_way.finished().await;
        assert!(told.try_recv().is_ok());
        assert_eq!(under_way.detached(async { 1 }).await, Some(1), "and others may follow");
    }
}
