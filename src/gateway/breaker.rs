//! Keeps a failing practice, or a failing gateway, from being asked again and again: one circuit each, and a bound on the
//! calls under way to each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The settings of every circuit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Failures in a row that open a circuit.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
    /// Calls under way in all.
    pub calls: usize,
    /// Calls under way to one practice.
    pub practice_calls: usize,
}

/// Why no call may be made, and after how many seconds it makes sense to try.
pub(super) struct Closed(pub u32);

/// A call under way.
pub(super) struct Call {
    _all: OwnedSemaphorePermit,
    _one: OwnedSemaphorePermit,
}

struct Circuit {
    calls: Arc<Semaphore>,
    failures: u32,
    open_until: Option<Instant>,
}

/// Every circuit. The gateway's own is the one without a name.
pub(super) struct Breaker {
    limits: Limits,
    all: Arc<Semaphore>,
    circuits: Mutex<HashMap<String, Circuit>>,
}

/// Practices remembered; beyond it, those without failure or call are forgotten.
const REMEMBERED: usize = 4096;

impl Breaker {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, all: Arc::new(Semaphore::new(limits.calls)), circuits: Mutex::default() }
    }

    /// Waits for a place, until the deadline at most.
    pub(super) async fn enter(&self, practice: Option<&str>, deadline: Instant) -> Result<Call, Closed> {
        let own = self.circuit("")?;
        let one = match practice {
            Some(practice) => self.circuit(practice)?,
            None => own,
        };
        let busy = |_| Closed(1);
        let one = timeout_at(deadline, one.acquire_owned()).await.map_err(busy)?.map_err(|_| Closed(1))?;
        let all = timeout_at(deadline, Arc::clone(&self.all).acquire_owned()).await.map_err(busy)?;
        Ok(Call { _all: all.map_err(|_| Closed(1))?, _one: one })
    }

    /// Whether the gateway's own circuit lets calls through.
    pub(super) fn is_closed(&self) -> bool {
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.get("").and_then(|circuit| circuit.open_until).is_none_or(|until| until <= Instant::now())
    }

    /// A circuit's places, unless it is open. Once its time is over, one call in every period may try.
    fn circuit(&self, name: &str) -> Result<Arc<Semaphore>, Closed> {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if circuits.len() > REMEMBERED {
            let whole = self.limits.practice_calls;
            circuits
                .retain(|name, kept| name.is_empty() || kept.failures > 0 || kept.calls.available_permits() < whole);
        }
        let places = if name.is_empty() { self.limits.calls } else { self.limits.practice_calls };
        let circuit = circuits.entry(name.to_owned()).or_insert_with(|| Circuit {
            calls: Arc::new(Semaphore::new(places)),
            failures: 0,
            open_until: None,
        });
        if let Some(until) = circuit.open_until {
            let now = Instant::now();
            if now < until {
                let seconds = (until - now).as_secs().saturating_add(1);
                return Err(Closed(u32::try_from(seconds).unwrap_or(u32::MAX)));
            }
            circuit.open_until = Some(now + self.limits.open);
        }
        Ok(Arc::clone(&circuit.calls))
    }

    /// Notes how a call ended. A failure to connect is the gateway's own, anything else the practice's.
    pub(super) fn note(&self, practice: Option<&str>, end: End) {
        match end {
            End::Answered => {
                self.settle("", true);
                if let Some(practice) = practice {
                    self.settle(practice, true);
                }
            }
            End::NotReached => self.settle("", false),
            End::Busy => {
                if practice.is_some() {
                    self.settle("", true);
                }
                self.settle(practice.unwrap_or_default(), false);
            }
            End::Failed => self.settle(practice.unwrap_or_default(), false),
        }
    }

    fn settle(&self, name: &str, well: bool) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(circuit) = circuits.get_mut(name) {
            if well {
                circuit.failures = 0;
                circuit.open_until = None;
            } else {
                circuit.failures = circuit.failures.saturating_add(1);
                if circuit.failures >= self.limits.failures {
                    circuit.open_until = Some(Instant::now() + self.limits.open);
                }
            }
        }
    }
}

/// How a call ended, for the circuits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// An answer, whatever it says.
    Answered,
    /// No connection.
    NotReached,
    /// The gateway answered that the practice is busy.
    Busy,
    /// Too slow, or cut off.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Limits { failures: 2, open: Duration::from_secs(10), calls: 4, practice_calls: 1 })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn a_failing_practice_is_left_alone_and_another_still_asked() {
        let breaker = breaker();
        for _ in 0..2 {
            assert!(breaker.enter(Some("A"), soon()).await.is_ok());
            breaker.note(Some("A"), End::Failed);
        }
        assert!(breaker.enter(Some("A"), soon()).await.is_err_and(|Closed(seconds)| seconds == 10));
        assert!(breaker.enter(Some("B"), soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_gateway_that_cannot_be_reached_closes_every_practice() {
        let breaker = breaker();
        for _ in 0..2 {
            assert!(breaker.enter(Some("A"), soon()).await.is_ok());
            breaker.note(Some("A"), End::NotReached);
        }
        assert!(breaker.enter(Some("B"), soon()).await.is_err());
    }

    #[tokio::test]
    async fn only_so_many_calls_are_under_way_to_one_practice() {
        let breaker = breaker();
        let first = breaker.enter(Some("A"), soon()).await.ok();
        assert!(first.is_some());
        assert!(breaker.enter(Some("A"), soon()).await.is_err());
        drop(first);
        assert!(breaker.enter(Some("A"), soon()).await.is_ok());
    }
}
