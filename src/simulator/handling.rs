//! What becomes of one message: one path, checked, answered by the rules, and whatever the fault switches say.

use super::answer::Answer;
use super::checks::{Accepted, Arrival, Rejected, Rules};
use super::delivery::{self, Body, BrokenOff, whole};
use super::fault::Fault;
use super::heard::{Heard, Hearing};
use super::holdings::Holdings;
use super::line::{Breaking, Counts};
use super::log::{Extract, Log};
use super::server::PATH;
use super::switches::{Effect, Switches};
use super::tampering::speak;
use super::{rules, sealing};
use crate::clock::{Clock, rfc3339};
use crate::gateway::security::{Current, Signer};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What every connection has in common.
pub(super) struct Shared {
    pub rules: Rules,
    /// Signs answers where the profile demands it.
    pub signer: Current<Option<Signer>>,
    /// New connections are taken with it.
    pub acceptor: Current<TlsAcceptor>,
    pub holdings: Arc<Holdings>,
    pub clock: Clock,
    pub log: Log,
    pub switches: Switches,
    pub counts: Counts,
    /// Nothing where there is no control endpoint.
    pub hearing: Option<Hearing>,
    pub stopped: watch::Receiver<bool>,
}

pub(super) async fn handle(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    tls_name: Option<Arc<str>>,
    breaking: Breaking,
) -> Result<Response<Body>, BrokenOff> {
    if request.uri().path() != PATH {
        return Ok(bare(StatusCode::NOT_FOUND));
    }
    if request.method() != Method::POST {
        return Ok(bare(StatusCode::METHOD_NOT_ALLOWED));
    }
    let header = |name| request.headers().get(name).map(|value: &HeaderValue| value.as_bytes().to_vec());
    let soap_action = request.headers().get("soapaction").map(|value| value.as_bytes().to_vec());
    let kind = header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let coded = header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if !kind.starts_with(b"text/xml") || coded {
        return Ok(bare(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let limit = shared.rules.profile.limits.request_bytes;
    let (body, oversized) = match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => (body.to_bytes(), false),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => (Bytes::new(), true),
        Err(_) => return Ok(bare(StatusCode::BAD_REQUEST)),
    };
    let checking = Arc::clone(&shared);
    let checked = tokio::task::spawn_blocking(move || {
        let now = checking.clock.now();
        if let Some(hearing) = &checking.hearing {
            hearing.note(&body, &checking.rules.profile);
        }
        let soap_action = soap_action.as_deref();
        let arrival = Arrival { body: &body, oversized, soap_action, tls_name: tls_name.as_deref(), now };
        checking.rules.check(&arrival)
    })
    .await;
    let accepted = match checked {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(rejected)) => return Ok(shared.reject(&rejected, oversized, &Effect::default())),
        Err(_) => return Ok(shared.reject(&(Fault::Failed("the check failed"), None), false, &Effect::default())),
    };
    let view = accepted.request.wanted.as_ref().map(|wanted| wanted.view.as_str());
    let mut effect = shared.switches.effect(&accepted.request.nhs_number, view);
    if let Some(holding) = shared.holdings.find(&accepted.request.nhs_number).filter(|_| view.is_some()) {
        effect.delay_ms += holding.delay_ms;
        effect.fault = effect.fault.or_else(|| holding.fault.clone());
    }
    if effect.delay_ms > 0 {
        let mut stopped = shared.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(effect.delay_ms)) => {}
            // A stop need not wait for those who are made to wait.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }
    let response = if let Some(fault) = effect.fault.as_deref().map(Fault::of) {
        shared.note(&accepted, fault.code());
        shared.reject(&(fault, Some(accepted.message_id_sent.clone())), false, &effect)
    } else {
        let (answering, told) = (Arc::clone(&shared), effect.clone());
        match tokio::task::spawn_blocking(move || answering.answer(&accepted, &told)).await {
            Ok(text) => xml(StatusCode::OK, text),
            Err(_) => shared.reject(&(Fault::Failed("the answer failed"), None), false, &effect),
        }
    };
    delivery::deliver(response, &effect, &breaking, shared.stopped.clone()).await
}

impl Shared {
    /// What arrived, where that is kept.
    pub fn heard(&self) -> Heard {
        self.hearing.as_ref().map(|hearing| hearing.all(&self.counts)).unwrap_or_default()
    }

    fn answer(&self, accepted: &Accepted, effect: &Effect) -> String {
        let now = self.clock.now();
        let profile = &self.rules.profile;
        let answer = self.found(accepted, effect.outcome.as_deref());
        self.note(accepted, answer.code(profile));
        self.finish(answer.write(accepted, now, profile), effect)
    }

    /// The answer by the rules, or with the outcome that a switch tells.
    fn found<'s>(&'s self, accepted: &Accepted, told: Option<&str>) -> Answer<'s> {
        let profile = &self.rules.profile;
        let partial = told == Some(profile.outcomes.partial.as_str());
        let with_record = partial && accepted.request.wanted.is_some();
        if let Some(code) = told.filter(|code| !with_record && *code != profile.outcomes.success) {
            return Answer::Outcome(code.to_owned());
        }
        match &accepted.request.wanted {
            None => rules::locate(accepted, &self.holdings, profile).map(Answer::Location),
            Some(wanted) => rules::view(accepted, wanted, &self.holdings, profile).map(|(holding, view, complete)| {
                let today = crate::clock::to_london(self.clock.now()).date();
                let range = if view == crate::kinds::View::PatientDetails { (None, None) } else { wanted.range };
                let xml = holding.cut(view, range, today, profile.limits.recent_tests_months);
                let xml = renamed(xml, &profile.payload);
                Answer::Record { holding, view, xml, complete: complete && !partial }
            }),
        }
        .unwrap_or_else(Answer::Outcome)
    }

    /// Changes what the switches say, signs where the profile demands it, and changes what they say of the signed answer.
    fn finish(&self, mut text: String, effect: &Effect) -> String {
        if let Some(words) = &effect.words {
            speak(&mut text, words);
        }
        for tamper in effect.tamper.iter().filter(|tamper| !tamper.is_after_signing()) {
            tamper.edit(&mut text);
        }
        let mut text = self.seal(text);
        for tamper in effect.tamper.iter().filter(|tamper| tamper.is_after_signing()) {
            tamper.edit(&mut text);
        }
        text
    }

    fn note(&self, accepted: &Accepted, outcome: &str) {
        let request = &accepted.request;
        let wanted = request.wanted.as_ref();
        let prefix = &self.rules.profile.addressing.address_prefix;
        self.log.add(Extract {
            time: rfc3339(self.clock.now()),
            request_id: request.request_id.clone(),
            message_id: accepted.message_id.clone(),
            view: wanted.map(|wanted| wanted.view.clone()),
            practice: accepted.address.strip_prefix(prefix.as_str()).unwrap_or(&accepted.address).to_owned(),
            user: request.user.clone(),
            user_name: request.name.clone(),
            role: request.role.clone(),
            organisation: request.source.clone(),
            consent: wanted.map(|wanted| wanted.consent.reference.clone()),
            consent_status: wanted.map(|wanted| wanted.consent.status.clone()),
            override_category: wanted.and_then(|wanted| wanted.consent.category.clone()),
            outcome: outcome.to_owned(),
        });
    }

    /// Signs an answer where the profile demands it.
    fn seal(&self, text: String) -> String {
        match &*self.signer.held() {
            Some(signer) => sealing::seal(&text, signer, self.clock.now(), &self.rules.profile).unwrap_or(text),
            None => text,
        }
    }

    fn reject(&self, (fault, relates_to): &Rejected, close: bool, effect: &Effect) -> Response<Body> {
        tracing::info!(code = fault.code(), reason = fault.reason(), "answered with a fault");
        let text = self.finish(fault.write(relates_to.as_deref(), &self.rules.profile), effect);
        let mut response = xml(StatusCode::INTERNAL_SERVER_ERROR, text);
        if close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Records are held in OpenHR's own name; a profile may have another.
fn renamed(xml: String, names: &crate::gateway::profile::Payload) -> String {
    const HEAD: &str = "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"";
    const TAIL: &str = "</openHealthRecord>";
    let head = format!("<{} xmlns=\"{}\"", names.record_root, names.record_namespace);
    match xml.strip_prefix(HEAD).and_then(|rest| rest.strip_suffix(TAIL)) {
        Some(rest) if head != HEAD => format!("{head}{rest}</{}>", names.record_root),
        _ => xml,
    }
}

fn xml(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    response
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}
