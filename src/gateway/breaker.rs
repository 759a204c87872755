//! Keeps a failing practice, or a failing gateway, from being asked again and again: one circuit each, and a bound on the
//! calls under way to each.
//!
//! A circuit opens after so many failures in a row. Once its time is over one call tries; the others wait for what that
//! one finds, until their own deadline: were they refused meanwhile, the other views of the request that tries would fail
//! it, and no request of two views could ever close a circuit. A [`Call`] that is dropped without an end has found nothing,
//! and lets the next one try.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
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

/// Why no call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The circuit is open; after so many seconds it makes sense to ask again.
    Open(u32),
    /// Another call is trying, and had found nothing before the deadline.
    Tried,
    /// No place became free before the deadline.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open(Instant),
    Trying,
}

struct Circuit {
    calls: Arc<Semaphore>,
    failures: u32,
    state: State,
}

/// Every circuit. The gateway's own is the one without a name.
pub(super) struct Breaker {
    limits: Limits,
    all: Arc<Semaphore>,
    circuits: Mutex<HashMap<String, Circuit>>,
    /// Told whenever a call that tried has found something, or given up.
    found: Notify,
}

/// The gateway's own circuit.
const OWN: &str = "";

/// Practices remembered; beyond it, those without failure or call are forgotten.
const REMEMBERED: usize = 4096;

impl Breaker {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, all: Arc::new(Semaphore::new(limits.calls)), circuits: Mutex::default(), found: Notify::new() }
    }

    /// Waits for a place, until the deadline at most.
    pub(super) async fn enter(&self, practice: Option<&str>, deadline: Instant) -> Result<Call<'_>, Closed> {
        // From here on the call ends or lets the next one try, also when it never gets a place.
        let (mut call, places) = loop {
            let mut found = std::pin::pin!(self.found.notified());
            found.as_mut().enable();
            match self.admit(practice) {
                Err(Closed::Tried) => timeout_at(deadline, found).await.map_err(|_| Closed::Tried)?,
                admitted => break admitted?,
            }
        };
        for places in [places, Arc::clone(&self.all)] {
            match timeout_at(deadline, places.acquire_owned()).await {
                Ok(Ok(place)) => call.places.push(place),
                Ok(Err(_)) | Err(_) => return Err(Closed::Full),
            }
        }
        metrics::gauge!("mig_fhir_gateway_calls_in_flight").increment(1.0);
        call.counted = true;
        Ok(call)
    }

    /// Whether the gateway's own circuit lets calls through.
    pub(super) fn is_closed(&self) -> bool {
        let circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.get(OWN).is_none_or(|own| !matches!(own.state, State::Open(until) if until > Instant::now()))
    }

    /// Passes the gateway's circuit and the practice's, or neither.
    fn admit(&self, practice: Option<&str>) -> Result<(Call<'_>, Arc<Semaphore>), Closed> {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if circuits.len() > REMEMBERED {
            let whole = self.limits.practice_calls;
            circuits.retain(|name, kept| {
                let quiet = kept.failures == 0 && kept.state == State::Closed;
                name.is_empty() || !quiet || kept.calls.available_permits() < whole
            });
        }
        let now = Instant::now();
        let names = || [Some(OWN), practice].into_iter().flatten();
        for name in names() {
            let places = if name.is_empty() { self.limits.calls } else { self.limits.practice_calls };
            let circuit = circuits.entry(name.to_owned()).or_insert_with(|| Circuit {
                calls: Arc::new(Semaphore::new(places)),
                failures: 0,
                state: State::Closed,
            });
            match circuit.state {
                State::Trying => return Err(Closed::Tried),
                State::Open(until) if now < until => {
                    let seconds = (until - now).as_secs().saturating_add(1);
                    return Err(Closed::Open(u32::try_from(seconds).unwrap_or(u32::MAX)));
                }
                State::Open(_) | State::Closed => {}
            }
        }
        let mut tried = Vec::new();
        let mut places = None;
        for name in names() {
            if let Some(circuit) = circuits.get_mut(name) {
                if circuit.state != State::Closed {
                    circuit.state = State::Trying;
                    tried.push(name.to_owned());
                }
                places = Some(Arc::clone(&circuit.calls));
            }
        }
        let practice = practice.map(str::to_owned);
        let call = Call { breaker: self, practice, tried, places: Vec::with_capacity(2), counted: false };
        Ok((call, places.unwrap_or_else(|| Arc::clone(&self.all))))
    }

    fn settle(&self, name: &str, well: bool) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(circuit) = circuits.get_mut(name) else { return };
        let before = circuit.state;
        if before == State::Trying {
            self.found.notify_waiters();
        }
        if well {
            circuit.failures = 0;
            circuit.state = State::Closed;
            if before != State::Closed {
                tell(name, false, 0);
            }
            return;
        }
        circuit.failures = circuit.failures.saturating_add(1);
        // Calls that were under way when it opened say nothing new.
        if circuit.failures >= self.limits.failures && !matches!(before, State::Open(until) if until > Instant::now()) {
            circuit.state = State::Open(Instant::now() + self.limits.open);
            if before == State::Closed {
                tell(name, true, circuit.failures);
            }
        }
    }

    /// Lets the next one try.
    fn give_back(&self, name: &str) {
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(circuit) = circuits.get_mut(name).filter(|circuit| circuit.state == State::Trying) {
            circuit.state = State::Open(Instant::now());
            self.found.notify_waiters();
        }
    }
}

/// A circuit opened or closed: a line in the log and a step in the metrics. A practice is named, a patient never.
fn tell(name: &str, open: bool, failures: u32) {
    let circuit = if name == OWN { "MIG" } else { name }.to_owned();
    if open {
        tracing::warn!(practice = circuit.as_str(), count = u64::from(failures), "circuit opened");
    } else {
        tracing::warn!(practice = circuit.as_str(), "circuit closed");
    }
    let to = if open { "open" } else { "closed" };
    metrics::counter!("mig_fhir_gateway_circuit_changes_total", "practice" => circuit.clone(), "to" => to).increment(1);
    metrics::gauge!("mig_fhir_gateway_circuit_open", "practice" => circuit).set(if open { 1.0 } else { 0.0 });
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

/// A call under way.
pub(super) struct Call<'b> {
    breaker: &'b Breaker,
    practice: Option<String>,
    /// Circuits that wait for what this call finds.
    tried: Vec<String>,
    places: Vec<OwnedSemaphorePermit>,
    counted: bool,
}

impl Call<'_> {
    /// Notes how it ended. A failure to connect is the gateway's own, anything else the practice's.
    pub(super) fn end(mut self, end: End) {
        let practice = self.practice.take();
        match (end, practice.as_deref()) {
            (End::Answered, practice) => {
                self.settle(OWN, true);
                if let Some(practice) = practice {
                    self.settle(practice, true);
                }
            }
            (End::NotReached, _) | (End::Busy | End::Failed, None) => self.settle(OWN, false),
            (End::Busy, Some(practice)) => {
                self.settle(OWN, true);
                self.settle(practice, false);
            }
            (End::Failed, Some(practice)) => self.settle(practice, false),
        }
    }

    fn settle(&mut self, name: &str, well: bool) {
        self.tried.retain(|tried| tried != name);
        self.breaker.settle(name, well);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        for name in &self.tried {
            self.breaker.give_back(name);
        }
        if self.counted {
            metrics::gauge!("mig_fhir_gateway_calls_in_flight").decrement(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_millis(400);

    async fn its_time_is_over() {
        tokio::time::sleep(OPEN + Duration::from_millis(20)).await;
    }

    fn breaker() -> Breaker {
        Breaker::new(Limits { failures: 2, open: OPEN, calls: 4, practice_calls: 1 })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    async fn place<'b>(breaker: &'b Breaker, practice: Option<&str>) -> Call<'b> {
        match breaker.enter(practice, soon()).await {
            Ok(call) => call,
            Err(closed) => panic!("no place: {closed:?}"),
        }
    }

    async fn fail(breaker: &Breaker, practice: Option<&str>, end: End) {
        for _ in 0..2 {
            place(breaker, practice).await.end(end);
        }
    }

    async fn refusal(breaker: &Breaker, practice: Option<&str>) -> Option<Closed> {
        breaker.enter(practice, soon()).await.err()
    }

    #[tokio::test]
    async fn a_failing_practice_is_left_alone_and_another_still_asked() {
        let breaker = breaker();
        fail(&breaker, Some("A"), End::Failed).await;
        assert_eq!(refusal(&breaker, Some("A")).await, Some(Closed::Open(1)));
        assert_eq!(refusal(&breaker, Some("B")).await, None);
        assert!(breaker.is_closed());
    }

    #[tokio::test]
    async fn a_gateway_that_cannot_be_reached_closes_every_practice() {
        let breaker = breaker();
        fail(&breaker, Some("A"), End::NotReached).await;
        assert!(refusal(&breaker, Some("B")).await.is_some());
        assert!(refusal(&breaker, None).await.is_some());
        assert!(!breaker.is_closed());
    }

    #[tokio::test]
    async fn only_so_many_calls_are_under_way_to_one_practice_and_in_all() {
        let breaker = breaker();
        let first = place(&breaker, Some("A")).await;
        assert_eq!(refusal(&breaker, Some("A")).await, Some(Closed::Full));
        drop(first);
        let mut calls = Vec::new();
        for practice in ["A", "B", "C", "D"] {
            calls.push(place(&breaker, Some(practice)).await);
        }
        assert_eq!(refusal(&breaker, Some("E")).await, Some(Closed::Full));
        assert_eq!(refusal(&breaker, None).await, Some(Closed::Full));
    }

    #[tokio::test]
    async fn one_call_tries_and_what_it_finds_counts() {
        let breaker = breaker();
        fail(&breaker, Some("A"), End::Failed).await;
        its_time_is_over().await;
        let trying = place(&breaker, Some("A")).await;
        assert_eq!(refusal(&breaker, Some("A")).await, Some(Closed::Tried), "the others wait for it");
        trying.end(End::Failed);
        assert_eq!(refusal(&breaker, Some("A")).await, Some(Closed::Open(1)), "one failure is enough now");
        its_time_is_over().await;
        let trying = place(&breaker, Some("A")).await;
        let waits = breaker.enter(Some("A"), Instant::now() + Duration::from_secs(5));
        let finds = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            trying.end(End::Answered);
        };
        let (waited, ()) = tokio::join!(waits, finds);
        assert!(waited.is_ok(), "and goes on once it is found well");
    }

    #[tokio::test]
    async fn a_call_that_finds_nothing_lets_the_next_one_try() {
        let breaker = breaker();
        fail(&breaker, None, End::NotReached).await;
        its_time_is_over().await;
        drop(place(&breaker, Some("A")).await);
        let next = place(&breaker, Some("B")).await;
        next.end(End::Answered);
        assert_eq!(refusal(&breaker, Some("A")).await, None);
    }

    #[tokio::test]
    async fn a_practice_that_is_left_alone_does_not_use_up_the_try_of_the_gateway() {
        let breaker = breaker();
        fail(&breaker, None, End::NotReached).await;
        // Meanwhile one practice fails by calls that were under way.
        breaker.circuits.lock().expect("lock").insert(
            "A".to_owned(),
            Circuit { calls: Arc::new(Semaphore::new(1)), failures: 2, state: State::Open(Instant::now() + 3 * OPEN) },
        );
        its_time_is_over().await;
        assert!(matches!(refusal(&breaker, Some("A")).await, Some(Closed::Open(_))));
        assert_eq!(refusal(&breaker, Some("B")).await, None, "the gateway's circuit is still to be tried");
    }
}
