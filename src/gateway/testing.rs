//! Questions without a decision, for the simulator's tests alone: compiled into nothing else.
#![allow(clippy::expect_used, clippy::panic, clippy::unnecessary_wraps, reason = "test code: a panic is the finding")]

use super::answer::{Failure, Reply, read};
use super::envelope::{Ask, Asker, Consent, Question, Stamp, uuid};
use super::security::Fragment;
use super::xml::SOAP;
use super::{Fetched, Gateway, GatewayConfig, GatewayError, Inner};
use crate::clock::Clock;
use crate::ids::NhsNumber;
use crate::kinds::View;
use crate::policy::Location;
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::Date;
use tokio::time::Instant;

/// What a test asks.
#[derive(Clone)]
pub(crate) struct Told {
    pub nhs_number: &'static str,
    pub birth_date: Option<Date>,
    pub organisation: &'static str,
    pub view: Option<(View, &'static str)>,
    pub override_reason: Option<(&'static str, &'static str)>,
}

/// A gateway that asks whatever it is told.
pub(crate) struct Client {
    inner: Arc<Inner>,
    clock: Clock,
    /// Ids of the messages sent.
    pub noted: Mutex<Vec<String>>,
}

/// A question and the bytes answered.
pub(crate) struct Conversation {
    ask: Ask,
    stamp: Stamp,
    pub answer: Bytes,
}

impl Client {
    pub(crate) fn build(config: &GatewayConfig, clock: Clock) -> Self {
        let gateway = Gateway::build(config, clock.clone()).expect("settings");
        Self { inner: gateway.inner, clock, noted: Mutex::default() }
    }

    fn ask(told: &Told) -> Ask {
        let practice = told.view.map(|(_, practice)| practice);
        Ask {
            request_id: uuid(),
            nhs_number: told.nhs_number.to_owned(),
            birth_date: told.birth_date,
            asker: Asker {
                user: "u/1".to_owned(),
                name: "Dr <A> & B".to_owned(),
                role: "R8000".to_owned(),
                role_profile: Some("profile-1".to_owned()),
                sds_user: Some("u/1".to_owned()),
                organisation: told.organisation.to_owned(),
            },
            question: match (told.view, practice) {
                (Some((view, _)), Some(practice)) => Question::View {
                    view,
                    practice: practice.to_owned(),
                    consent: Consent {
                        reference: "consent-1".to_owned(),
                        recorded: time::macros::datetime!(2026-11-24 09:00:00.25 UTC),
                        override_reason: told.override_reason.map(|(a, b)| (a.to_owned(), b.to_owned())),
                    },
                },
                _ => Question::Where,
            },
        }
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    pub(crate) async fn locate(&self, told: &Told) -> Result<Location, GatewayError> {
        self.locate_within(told, Self::deadline()).await
    }

    pub(crate) async fn locate_within(&self, told: &Told, deadline: Instant) -> Result<Location, GatewayError> {
        self.inner.locate(&Self::ask(told), deadline, |id| self.note(id)).await
    }

    pub(crate) async fn fetch(&self, told: &Told) -> Result<Fetched, GatewayError> {
        let patient = NhsNumber::parse(told.nhs_number).expect("a number");
        self.inner.fetch(&Self::ask(told), patient, Self::deadline(), |id| self.note(id)).await
    }

    /// The record as it arrived, and whether it is complete.
    pub(crate) async fn enclosed(&self, told: &Told, within: Duration) -> Result<(Bytes, bool), GatewayError> {
        let ask = Self::ask(told);
        let deadline = Instant::now() + within;
        match self.inner.exchange.run(&self.inner.breaker, &ask, deadline, |id| self.note(id)).await? {
            Reply::Enclosed(enclosed) => Ok((enclosed.xml, enclosed.complete)),
            Reply::Located(_) => panic!("a location"),
        }
    }

    fn note(&self, id: &str) {
        self.noted.lock().expect("lock").push(id.to_owned());
    }

    /// A signed message.
    pub(crate) fn write(&self, told: &Told) -> String {
        let exchange = &self.inner.exchange;
        let stamp = Stamp::new(self.clock.now());
        Self::ask(told)
            .write(&stamp, &exchange.to, &exchange.profile, &exchange.credentials.held().signer)
            .expect("signed")
    }

    /// Signs an edited message again. The edits have to leave it canonical.
    pub(crate) fn sign_again(&self, message: &str) -> String {
        let piece = |from: &str, to: &str| {
            let start = message.find(from)?;
            let end = start + message.get(start..)?.find(to)? + to.len();
            message.get(start..end)
        };
        let timestamp = piece("<wsu:Timestamp", "</wsu:Timestamp>").unwrap_or_default();
        let body = piece("<soap:Body", "</soap:Body>").expect("body");
        let mut pieces = vec![timestamp, body];
        pieces.extend(
            ["MessageID", "Action", "To", "From"]
                .into_iter()
                .filter_map(|name| piece(&format!("<wsa:{name} "), &format!("</wsa:{name}>"))),
        );
        let fragments: Vec<_> = pieces
            .into_iter()
            .filter_map(|xml| {
                let (_, rest) = xml.split_once("wsu:Id=\"")?;
                Some(Fragment { id: rest.split('"').next()?, xml })
            })
            .collect();
        let held = self.inner.exchange.credentials.held();
        let security = held.signer.security(timestamp, "id-token", &fragments).expect("signed");
        let old = piece("<wsse:Security", "</wsse:Security>").expect("security");
        message.replacen(old, &security, 1)
    }

    pub(crate) async fn post(&self, message: String) -> Result<Bytes, String> {
        let posted = self.inner.exchange.credentials.held().transport.post(message).await;
        posted.map(|posted| posted.body).map_err(|error| format!("{error:?}"))
    }

    /// Asks once and keeps what was answered.
    pub(crate) async fn converse(&self, told: &Told) -> Conversation {
        let exchange = &self.inner.exchange;
        let (ask, stamp) = (Self::ask(told), Stamp::new(self.clock.now()));
        let held = exchange.credentials.held();
        let message = ask.write(&stamp, &exchange.to, &exchange.profile, &held.signer).expect("signed");
        assert!(message.contains(SOAP));
        let answer = held.transport.post(message).await.expect("an answer").body;
        Conversation { ask, stamp, answer }
    }

    /// Reads other bytes as if they had answered.
    pub(crate) fn read(&self, conversation: &Conversation, answer: String) -> Result<(), GatewayError> {
        let (bytes, exchange) = (Bytes::from(answer), &self.inner.exchange);
        exchange
            .open(&exchange.credentials.held(), &bytes)
            .and_then(|opened| read(opened, &conversation.ask, &conversation.stamp, &exchange.profile))
            .map(|_| ())
            .map_err(Failure::into_error)
    }

    /// Judges bytes as a signed answer.
    pub(crate) fn judge(&self, verifier: &super::security::Verifier, answer: &[u8]) -> Result<(), GatewayError> {
        let profile = &self.inner.exchange.profile;
        let (rules, names) = (super::security::TimeRules::from(&profile.security), &profile.payload);
        let record = (names.record_namespace.as_str(), names.record_root.as_str());
        super::sealed::open(verifier, answer, self.clock.now(), rules, record).map(|_| ())
    }

    /// Watches them, as a service does.
    pub(crate) fn watch(&self) -> tokio::task::JoinHandle<()> {
        let gateway = Gateway { inner: Arc::clone(&self.inner) };
        tokio::spawn(async move { gateway.watch().await })
    }
}
