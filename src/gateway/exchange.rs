//! One question over as many attempts as it takes: writing, sending, reading, asking again.
//!
//! Takes plain values; private to the gateway, so that nobody can ask what was not decided.

use super::answer::{Failure, Opened, Reply, read};
use super::breaker::{Breaker, Closed, End};
use super::credentials::Credentials;
use super::envelope::{Ask, Stamp};
use super::profile::WireProfile;
use super::security::{Current, TimeRules};
use super::transport::TransportError;
use super::{GatewayError, RETRY_AFTER, sealed};
use crate::clock::Clock;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// The pause before asking again the first time; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Everything that an exchange needs, parsed once.
pub(super) struct Exchange {
    /// Replaced when a file changes; an attempt ends with what it began with.
    pub credentials: Current<Credentials>,
    pub to: String,
    pub profile: Arc<WireProfile>,
    pub clock: Clock,
    pub retries: u32,
}

impl Exchange {
    /// Asks until there is an answer, asking again makes no sense, or the deadline passes. `note` is told the id of every
    /// message before it is sent.
    pub(super) async fn run(
        &self,
        breaker: &Breaker,
        ask: &Ask,
        deadline: Instant,
        note: impl Fn(&str) + Send + Sync,
    ) -> Result<Reply, GatewayError> {
        let mut left = self.retries;
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.attempt(breaker, ask, deadline, &note).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let pause_now = jittered(pause);
            if !matches!(failure, Failure::Busy) || left == 0 || Instant::now() + pause_now >= deadline {
                return Err(failure.into_error());
            }
            left -= 1;
            pause *= 2;
            sleep(pause_now).await;
            metrics::counter!("mig_fhir_gateway_retries_total", "interaction" => interaction(ask)).increment(1);
        }
    }

    async fn attempt(
        &self,
        breaker: &Breaker,
        ask: &Ask,
        deadline: Instant,
        note: &(impl Fn(&str) + Send + Sync),
    ) -> Result<Reply, Failure> {
        let started = Instant::now();
        let result = self.once(breaker, ask, deadline, note).await;
        let (interaction, outcome) = (interaction(ask), class(&result));
        metrics::counter!("mig_fhir_gateway_calls_total", "interaction" => interaction, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("mig_fhir_gateway_call_seconds", "interaction" => interaction).record(started.elapsed());
        result
    }

    async fn once(
        &self,
        breaker: &Breaker,
        ask: &Ask,
        deadline: Instant,
        note: &(impl Fn(&str) + Send + Sync),
    ) -> Result<Reply, Failure> {
        let call = breaker.enter(ask.practice(), deadline).await.map_err(|closed| {
            let retry_after = match closed {
                Closed::Open(seconds) => seconds,
                Closed::Tried | Closed::Full => 1,
            };
            Failure::Final(GatewayError::Unavailable { retry_after })
        })?;
        if Instant::now() >= deadline {
            // Nothing is sent that nobody waits for.
            return Err(Failure::Final(GatewayError::Timeout));
        }
        let held = self.credentials.held();
        let stamp = Stamp::new(self.clock.now());
        let message = ask
            .write(&stamp, &self.to, &self.profile, &held.signer)
            .filter(|message| message.len() <= self.profile.limits.request_bytes)
            .ok_or(Failure::Final(GatewayError::Broken("the request could not be signed, or is too large")))?;
        note(&stamp.message_id);
        let Ok(sent) = timeout_at(deadline, held.transport.post(message)).await else {
            call.end(End::Failed);
            return Err(Failure::Final(GatewayError::Timeout));
        };
        let posted = match sent {
            Ok(posted) => posted,
            Err(error) => {
                call.end(ending(error));
                return Err(failure(error));
            }
        };
        let bytes = &posted.body;
        let mut result = self.open(&held, bytes).and_then(|opened| read(opened, ask, &stamp, &self.profile));
        if posted.is_error && result.is_ok() {
            // WIRE section 1: 500 is for faults.
            result = Err(Failure::Final(GatewayError::Broken("a success under an error's status")));
        }
        call.end(if matches!(result, Err(Failure::Busy)) { End::Busy } else { End::Answered });
        result
    }

    /// Takes an answer apart, and judges its signature where the profile demands one.
    pub(super) fn open(&self, held: &Credentials, bytes: &Bytes) -> Result<Opened, Failure> {
        let names = &self.profile.payload;
        let record = (names.record_namespace.as_str(), names.record_root.as_str());
        match &held.verifier {
            None => Opened::of(bytes, record),
            Some(verifier) => {
                let rules = TimeRules::from(&self.profile.security);
                sealed::open(verifier, bytes, self.clock.now(), rules, record).map_err(Failure::Final)
            }
        }
    }
}

fn ending(error: TransportError) -> End {
    match error {
        TransportError::Connect => End::NotReached,
        TransportError::Interrupted | TransportError::Unavailable | TransportError::CutShort => End::Failed,
        TransportError::NotAnAnswer(_) | TransportError::TooLarge => End::Answered,
    }
}

fn interaction(ask: &Ask) -> &'static str {
    if ask.practice().is_some() { "view" } else { "locate" }
}

/// What a metric says of a call: a closed list, and nothing of the answer.
fn class(result: &Result<Reply, Failure>) -> &'static str {
    match result {
        Ok(_) => "answered",
        Err(Failure::Busy) => "busy",
        Err(Failure::Final(error)) => match error {
            GatewayError::UnknownPatient
            | GatewayError::ConsentRefused
            | GatewayError::OptedOut
            | GatewayError::OutsideAgreement
            | GatewayError::NotAuthorised => "refused",
            GatewayError::Unavailable { .. } => "unavailable",
            GatewayError::Timeout => "timeout",
            GatewayError::Broken(_) => "broken",
            GatewayError::NotRecorded(_) => "not-recorded",
        },
    }
}

fn failure(error: TransportError) -> Failure {
    match error {
        TransportError::Connect => Failure::Busy,
        TransportError::Interrupted | TransportError::Unavailable => {
            Failure::Final(GatewayError::Unavailable { retry_after: RETRY_AFTER })
        }
        TransportError::NotAnAnswer(what) => Failure::Final(GatewayError::Broken(what)),
        TransportError::TooLarge => Failure::Final(GatewayError::Broken("answer too large")),
        TransportError::CutShort => Failure::Final(GatewayError::Broken("answer cut short")),
    }
}

/// Between half and all of a pause.
fn jittered(pause: Duration) -> Duration {
    let [byte, ..] = *uuid::Uuid::new_v4().as_bytes();
    pause / 2 + pause * u32::from(byte) / 512
}
