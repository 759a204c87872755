//! The HTTPS server: mutual TLS, and a control endpoint beside it where one is asked for. What becomes of a message is
//! `handling`'s.

use super::checks::Rules;
use super::control;
use super::handling::{Shared, handle};
use super::heard::{Heard, Hearing};
use super::holdings::Holdings;
use super::line::{Counts, Line};
use super::log::{Extract, Log};
use super::papers::{Made, Papers};
use super::replay::Replay;
use super::switches::Switches;
use crate::clock::Clock;
use crate::gateway::WireProfile;
use crate::gateway::security::{Current, common_name};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
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
    /// Where the control endpoint listens: on this machine alone, and nowhere without it.
    pub control: Option<SocketAddr>,
}

/// A running simulator. Dropped, it goes on until the process ends; [`Self::stop`] ends it.
pub struct Server {
    address: SocketAddr,
    control: Option<SocketAddr>,
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
        let (stopping, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            rules,
            signer,
            acceptor,
            switches: Switches::of(&config.holdings),
            holdings: config.holdings,
            clock: config.clock,
            log,
            counts: Counts::default(),
            hearing: config.control.map(|_| Hearing::default()),
            stopped: stopped.clone(),
        });
        let control = match config.control {
            None => None,
            Some(at) => Some(steer(at, &shared).await.map_err(|problem| vec![problem])?),
        };
        let task = tokio::spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { address, control, shared, stopping, task })
    }

    /// Where its control endpoint listens, if it has one.
    #[must_use]
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control
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

    /// The fault switches.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.shared.switches
    }

    /// What arrived since the start, where the control endpoint is on.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.shared.heard()
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

/// Starts the control endpoint, which ends with the process or the simulator.
async fn steer(at: SocketAddr, shared: &Arc<Shared>) -> Result<SocketAddr, String> {
    if !at.ip().is_loopback() {
        return Err(format!("control: {at} is not an address of this machine alone"));
    }
    let listener = TcpListener::bind(at).await.map_err(|error| format!("control: {at}: {error}"))?;
    let bound = listener.local_addr().map_err(|error| format!("control: {error}"))?;
    let router = control::routes(Arc::clone(shared));
    let mut stopped = shared.stopped.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = axum::serve(listener, router) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    });
    Ok(bound)
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
    shared.counts.connections.fetch_add(1, Ordering::Relaxed);
    let (line, breaking) = Line::new(stream);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(line)).await else {
        return;
    };
    shared.counts.handshakes.fetch_add(1, Ordering::Relaxed);
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let name: Option<Arc<str>> = leaf.and_then(|leaf| common_name(leaf).ok()).map(Arc::from);
    let handler = hyper::service::service_fn(move |request| {
        let (shared, name, breaking) = (Arc::clone(&shared), name.clone(), breaking.clone());
        async move { handle(request, shared, name, breaking).await }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), handler);
    let _ = watcher.watch(connection).await;
}
