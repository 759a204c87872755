//! The legacy leg: ITK over SOAP 1.1 with WS-Addressing, WS-Security and mutual TLS (WIRE).
//!
//! [`Gateway::locate`] takes a [`Clearance`], [`Gateway::fetch`] a [`Permit`]: neither takes a patient, so nothing can be
//! asked that was not decided. Both wait for the attempt's durable `opened` row before the first byte.
//!
#![doc = include_str!("outages.md")]

mod answer;
mod breaker;
mod config;
mod credentials;
mod envelope;
mod exchange;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod profile;
mod sealed;
pub mod security;
mod theirs;
#[cfg(all(test, feature = "simulator"))]
pub(crate) mod testing;
mod transport;
mod watch;
pub mod xml;

#[cfg(feature = "simulator")]
pub(crate) use answer::ERROR_CODES;
pub use config::GatewayConfig;
#[cfg(feature = "simulator")]
pub(crate) use envelope::{Parts, uuid};
pub use profile::WireProfile;

use crate::audit::Attempt;
use crate::identity::{Caller, CallerClass, SelectedRole};
use crate::ids::NhsNumber;
use crate::kinds::View;
use crate::policy::{Clearance, Location, Permit};
use crate::record::{Limits, ReadError, Reading, Record, read_as};
use crate::register::ConsentDecision;
use crate::store::StoreError;
use answer::Reply;
use breaker::Breaker;
use envelope::{Ask, Asker, Consent, Question};
use exchange::Exchange;
use std::sync::Arc;
use theirs::is_theirs;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

/// One view as the practice's system gave it.
pub struct Fetched {
    /// The record.
    pub record: Record,
    /// `record/@recordedAsAt`.
    pub recorded_as_at: OffsetDateTime,
    /// `record/@complete`; false with MIG-0009.
    pub complete: bool,
}

/// Why there is no answer. What our caller sees of each is in WIRE section 7.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// MIG-0002, MIG-0007, or a record under a restricted patient policy.
    #[error("the patient is unknown there")]
    UnknownPatient,
    /// MIG-0003.
    #[error("consent was refused there")]
    ConsentRefused,
    /// MIG-0004.
    #[error("the patient opted out there")]
    OptedOut,
    /// MIG-0005.
    #[error("outside the agreement held there")]
    OutsideAgreement,
    /// MIG-0006.
    #[error("organisation, user or role not authorised there")]
    NotAuthorised,
    /// MIG-0008, fault 2100, cannot connect, too many calls under way, or an open circuit.
    #[error("the gateway is unavailable")]
    Unavailable {
        /// Seconds after which trying again makes sense.
        retry_after: u32,
    },
    /// The deadline passed.
    #[error("the gateway is too slow")]
    Timeout,
    /// Fault 1000, 2200, 3000, an unknown outcome, or an answer that breaks the contract.
    #[error("the gateway's answer breaks the contract: {0}")]
    Broken(&'static str),
    /// The `opened` row could not be made durable: nothing was sent.
    #[error("the attempt could not be recorded")]
    NotRecorded(#[source] StoreError),
}

/// The legacy side, cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    exchange: Exchange,
    breaker: Breaker,
    /// For reading changed certificates.
    config: GatewayConfig,
    url: reqwest::Url,
}

/// Seconds told to the caller when the gateway says that it is busy.
const RETRY_AFTER: u32 = 5;

/// Records above this many bytes are read off the async threads.
const READ_ASIDE: usize = 256 * 1024;

impl Gateway {
    /// Whether the MIG as a whole is asked; false while its circuit is open. A report for readiness, not a promise.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.inner.breaker.is_closed()
    }

    /// Says loudly where the wire profile is weaker than it should be. Once, when a service starts.
    pub fn announce(&self) {
        self.inner.exchange.profile.announce();
    }

    /// Asks where the record is.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn locate(&self, clearance: &Clearance<'_>, deadline: Instant) -> Result<Location, GatewayError> {
        let attempt = clearance.attempt();
        opened(attempt, deadline).await?;
        let ask = Ask {
            request_id: envelope::uuid(),
            nhs_number: clearance.patient().reveal().to_owned(),
            birth_date: clearance.birth_date(),
            asker: asker(attempt.caller())?,
            question: Question::Where,
        };
        self.inner.locate(&ask, deadline, |message| attempt.note_extract(None, message)).await
    }

    /// Asks for one view.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn fetch(&self, permit: &Permit<'_>, view: View, deadline: Instant) -> Result<Fetched, GatewayError> {
        if !permit.views().contains(&view) {
            return Err(GatewayError::OutsideAgreement);
        }
        let attempt = permit.attempt();
        opened(attempt, deadline).await?;
        let occasion = permit.occasion();
        let override_reason = match &occasion.decision {
            ConsentDecision::Permit => None,
            ConsentDecision::Override { category, reason, .. } => Some((category.clone(), reason.clone())),
            ConsentDecision::Deny => return Err(GatewayError::ConsentRefused),
        };
        let consent = Consent { reference: occasion.consent.clone(), recorded: occasion.received, override_reason };
        let ask = Ask {
            request_id: envelope::uuid(),
            nhs_number: permit.patient().reveal().to_owned(),
            birth_date: permit.birth_date(),
            asker: asker(attempt.caller())?,
            question: Question::View { view, practice: permit.practice().to_string(), consent },
        };
        self.inner.fetch(&ask, permit.patient(), deadline, |message| attempt.note_extract(Some(view), message)).await
    }
}

impl Inner {
    async fn locate(
        &self,
        ask: &Ask,
        deadline: Instant,
        note: impl Fn(&str) + Send + Sync,
    ) -> Result<Location, GatewayError> {
        match self.exchange.run(&self.breaker, ask, deadline, note).await? {
            Reply::Located(location) => Ok(location),
            Reply::Enclosed(_) => Err(GatewayError::Broken("a record where a location was asked for")),
        }
    }

    async fn fetch(
        &self,
        ask: &Ask,
        patient: NhsNumber,
        deadline: Instant,
        note: impl Fn(&str) + Send + Sync,
    ) -> Result<Fetched, GatewayError> {
        let Reply::Enclosed(enclosed) = self.exchange.run(&self.breaker, ask, deadline, note).await? else {
            return Err(GatewayError::Broken("a location where a record was asked for"));
        };
        let profile = Arc::clone(&self.exchange.profile);
        let xml = enclosed.xml;
        let large = xml.len() >= READ_ASIDE;
        let reading = async move {
            let read = move || {
                let names = &profile.payload;
                let reading = Reading {
                    limits: Limits { bytes: profile.limits.response_bytes, ..Limits::default() },
                    name: (&names.record_namespace, &names.record_root),
                    associated_text_of: &profile.text.associated_text_kept,
                };
                read_as(&xml, &reading)
            };
            if large { tokio::task::spawn_blocking(read).await.unwrap_or(Err(ReadError::Malformed)) } else { read() }
        };
        let record = timeout_at(deadline, reading)
            .await
            .map_err(|_| GatewayError::Timeout)?
            .map_err(|_| GatewayError::Broken("record unreadable"))?;
        is_theirs(&record, patient, ask.birth_date)?;
        Ok(Fetched { record, recorded_as_at: enclosed.recorded_as_at, complete: enclosed.complete })
    }
}

/// Waits for the durable row, until the deadline at most.
async fn opened(attempt: &Attempt, deadline: Instant) -> Result<(), GatewayError> {
    match timeout_at(deadline, attempt.opened()).await {
        Ok(result) => result.map_err(GatewayError::NotRecorded),
        Err(_) => Err(GatewayError::NotRecorded(StoreError::Slow)),
    }
}

/// Who asks, as the practice will see it. A caller without one role never has a clearance.
fn asker(caller: &Caller) -> Result<Asker, GatewayError> {
    let SelectedRole::One(role) = &caller.role else {
        return Err(GatewayError::NotAuthorised);
    };
    let user = caller.user.to_string();
    let name = Some(xml::collapse(&caller.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| user.clone());
    let role_profile = Some(xml::collapse(&role.profile)).filter(|profile| !profile.is_empty());
    Ok(Asker {
        sds_user: (caller.class == CallerClass::User).then(|| user.clone()),
        user,
        name,
        role: role.code.to_string(),
        role_profile,
        organisation: role.organisation.to_string(),
    })
}
