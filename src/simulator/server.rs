//! The HTTPS server: mutual TLS, one path, one message an answer. Decides nothing about a message itself.

use super::answer::Answer;
use super::checks::{Accepted, Arrival, Rejected, Rules};
use super::fault::Fault;
use super::holdings::Holdings;
use super::log::{Extract, Log};
use super::papers::{Made, Papers};
use super::replay::Replay;
use super::{rules, sealing};
use crate::clock::{Clock, rfc3339};
use crate::gateway::WireProfile;
use crate::gateway::security::{Current, Signer, common_name};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The path that the gateway listens on.
pub const PATH: &str = "/mig";

/// How long a handshake, and a stop, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may be idle, or take over its headers.
const IDLE: Duration = Duration::from_mins(2);

/// What a simulator is made of. Certificates, keys and lists are PEM text.
pub struct SimulatorConfig {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Its certificate, leaf first.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// Who may vouch for client certificates.
    pub client_ca: Vec<u8>,
    /// What that list has revoked.
    pub client_crl: Option<Vec<u8>>,
    /// Who may vouch for signing certificates.
    pub signing_ca: Vec<u8>,
    /// What that list has revoked.
    pub signing_crl: Option<Vec<u8>>,
    /// Each common name, and the ODS codes that it may speak for.
    pub speakers: BTreeMap<String, Vec<String>>,
    /// Its own URLs as senders write them; empty for localhost and 127.0.0.1 at the port bound.
    pub own_urls: Vec<String>,
    /// The wire profile.
    pub profile: WireProfile,
    /// Whose records it holds.
    pub holdings: Arc<Holdings>,
    /// Now.
    pub clock: Clock,
    /// Where the log of extracts goes as JSON lines, too.
    pub log: Option<PathBuf>,
}

struct Shared {
    rules: Rules,
    /// Signs answers where the profile demands it.
    signer: Current<Option<Signer>>,
    /// New connections are taken with it.
    acceptor: Current<TlsAcceptor>,
    holdings: Arc<Holdings>,
    clock: Clock,
    log: Log,
}

/// A running simulator. Dropped, it goes on until the process ends; [`Self::stop`] ends it.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Reads keys, binds and starts.
    ///
    /// # Errors
    /// Every problem.
    pub async fn bind(config: SimulatorConfig) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let made = Papers::from(&config).make(&config.profile).map_err(|mut more| problems.append(&mut more)).ok();
        let log =
            Log::new(config.log.as_deref()).map_err(|error| problems.push(format!("log of extracts: {error}"))).ok();
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.map_err(|error| problems.push(format!("{}: {error}", config.listen))).ok();
        let (Some(Made { acceptor, verifier, signer }), Some(log), Some(listener)) = (made, log, listener) else {
            return Err(problems);
        };
        let address = listener.local_addr().map_err(|error| vec![error.to_string()])?;
        let mut own_urls = if config.own_urls.is_empty() {
            ["localhost", "127.0.0.1"].map(|host| format!("https://{host}:{}{PATH}", address.port())).to_vec()
        } else {
            config.own_urls
        };
        if !config.profile.addressing.to.is_empty() {
            own_urls.push(config.profile.addressing.to.clone());
        }
        config.profile.announce();
        let (verifier, signer, acceptor) = (Current::new(verifier), Current::new(signer), Current::new(acceptor));
        let rules =
            Rules { profile: config.profile, verifier, speakers: config.speakers, own_urls, replay: Replay::default() };
        let shared = Arc::new(Shared { rules, signer, acceptor, holdings: config.holdings, clock: config.clock, log });
        let (stopping, stopped) = watch::channel(false);
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, shared, stopping, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint as a client on this machine dials it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}{PATH}", self.address.port())
    }

    /// Every extract since the start.
    #[must_use]
    pub fn extracts(&self) -> Vec<Extract> {
        self.shared.log.all()
    }

    /// Takes other certificates, keys and lists into force; connections under way end with what they began with.
    ///
    /// # Errors
    /// Every problem, and then nothing changes.
    pub fn renew(&self, papers: &Papers) -> Result<(), Vec<String>> {
        let Made { acceptor, verifier, signer } = papers.make(&self.shared.rules.profile)?;
        self.shared.rules.verifier.replace(verifier);
        self.shared.signer.replace(signer);
        self.shared.acceptor.replace(acceptor);
        Ok(())
    }

    /// Takes no more, finishes what is under way, and returns.
    pub async fn stop(self) {
        let _ = self.stopping.send(true);
        let _ = self.task.await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                stream
            }
        };
        let watcher = graceful.watcher();
        let (acceptor, shared) = (TlsAcceptor::clone(&shared.acceptor.held()), Arc::clone(&shared));
        tokio::spawn(async move { serve(stream, acceptor, shared, watcher).await });
    }
    drop(listener);
    let _ = tokio::time::timeout(PATIENCE, graceful.shutdown()).await;
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else {
        return;
    };
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let name: Option<Arc<str>> = leaf.and_then(|leaf| common_name(leaf).ok()).map(Arc::from);
    let handler = hyper::service::service_fn(move |request| {
        let (shared, name) = (Arc::clone(&shared), name.clone());
        async move { Ok::<_, Infallible>(handle(request, shared, name).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), handler);
    let _ = watcher.watch(connection).await;
}

async fn handle(request: Request<Incoming>, shared: Arc<Shared>, tls_name: Option<Arc<str>>) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return bare(StatusCode::NOT_FOUND);
    }
    if request.method() != Method::POST {
        return bare(StatusCode::METHOD_NOT_ALLOWED);
    }
    let header = |name| request.headers().get(name).map(|value: &HeaderValue| value.as_bytes().to_vec());
    let soap_action = request.headers().get("soapaction").map(|value| value.as_bytes().to_vec());
    let kind = header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let coded = header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if !kind.starts_with(b"text/xml") || coded {
        return bare(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let limit = shared.rules.profile.limits.request_bytes;
    let (body, oversized) = match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => (body.to_bytes(), false),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => (Bytes::new(), true),
        Err(_) => return bare(StatusCode::BAD_REQUEST),
    };
    let checking = Arc::clone(&shared);
    let checked = tokio::task::spawn_blocking(move || {
        let now = checking.clock.now();
        let soap_action = soap_action.as_deref();
        let arrival = Arrival { body: &body, oversized, soap_action, tls_name: tls_name.as_deref(), now };
        checking.rules.check(&arrival)
    })
    .await;
    let accepted = match checked {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(rejected)) => return shared.reject(&rejected, oversized),
        Err(_) => return shared.reject(&(Fault::Failed("the check failed"), None), false),
    };
    let holding = shared.holdings.find(&accepted.request.nhs_number).filter(|_| accepted.request.wanted.is_some());
    if let Some(holding) = holding {
        if holding.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(holding.delay_ms)).await;
        }
        if let Some(code) = &holding.fault {
            let fault = Fault::of(code);
            shared.note(&accepted, fault.code());
            return shared.reject(&(fault, Some(accepted.message_id_sent.clone())), false);
        }
    }
    let answering = Arc::clone(&shared);
    match tokio::task::spawn_blocking(move || answering.answer(&accepted)).await {
        Ok(text) => xml(StatusCode::OK, text),
        Err(_) => shared.reject(&(Fault::Failed("the answer failed"), None), false),
    }
}

impl Shared {
    fn answer(&self, accepted: &Accepted) -> String {
        let (profile, now) = (&self.rules.profile, self.clock.now());
        let answer = match &accepted.request.wanted {
            None => rules::locate(accepted, &self.holdings, profile).map(Answer::Location),
            Some(wanted) => rules::view(accepted, wanted, &self.holdings, profile).map(|(holding, view, complete)| {
                let today = crate::clock::to_london(now).date();
                let range = if view == crate::kinds::View::PatientDetails { (None, None) } else { wanted.range };
                let xml = holding.cut(view, range, today, profile.limits.recent_tests_months);
                let xml = renamed(xml, &profile.payload);
                Answer::Record { holding, view, xml, complete }
            }),
        }
        .unwrap_or_else(Answer::Outcome);
        self.note(accepted, answer.code(profile));
        self.seal(answer.write(accepted, now, profile))
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

    fn reject(&self, (fault, relates_to): &Rejected, close: bool) -> Response<Full<Bytes>> {
        tracing::info!(code = fault.code(), reason = fault.reason(), "answered with a fault");
        let text = self.seal(fault.write(relates_to.as_deref(), &self.rules.profile));
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

fn xml(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    response
}

fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
