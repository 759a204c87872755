//! A whole demo in one process: the simulated MIG, the token issuer and the facade, over real sockets.
//!
//! What the `demo` command runs, and what tests and measurements run instead of a mock.

use super::cast::Member;
use super::demo::{Demo, DemoError, VIEWERS};
use super::heard::Heard;
use super::holdings::Holdings;
use super::log::Extract;
use super::pki::CLIENT_NAME;
use super::receiver::Receiver;
use super::server::{self, SimulatorConfig};
use super::tokens::{DemoPatient, demo_routes};
use crate::app::{BuildError, Server};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::disclose::Service;
use crate::gateway::WireProfile;
use crate::store::StoreConfig;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What a demo is started with.
pub struct Start {
    /// Where the facade listens; port 0 for any.
    pub listen: SocketAddr,
    /// The demo's folder; one for temporary files without it.
    pub data: Option<PathBuf>,
    /// Whose records there are.
    pub holdings: Holdings,
    /// Now.
    pub clock: Clock,
}

/// What a demo does not have unless it is asked for.
#[derive(Default)]
pub struct Extras {
    /// Whether the simulated MIG has a control endpoint for its fault switches.
    pub control: bool,
    /// Whether there is `/metrics` also where no setting says where: on this machine, on any port.
    pub metrics: bool,
    /// Settings of the facade over those of the demo, in the form of environment variables.
    pub settings: Vec<(String, String)>,
    /// What decides when a letter is tried again and which views are reviewed.
    pub chance: Chance,
    /// Where the store is, if not in the folder.
    pub store: Option<StoreConfig>,
    /// Another clock for the simulated MIG.
    pub mig_clock: Option<Clock>,
    /// Another certificate and key for the simulated MIG, PEM.
    pub mig_certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// Another wire profile for the simulated MIG.
    pub mig_profile: Option<WireProfile>,
}

/// Why a demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its folder.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The simulated MIG.
    #[error("the simulated MIG: {}", .0.join("; "))]
    Simulator(Vec<String>),
    /// The receiver of alerts.
    #[error("the receiver of alerts")]
    Receiver(#[source] std::io::Error),
    /// The facade.
    #[error("the facade")]
    Facade(#[from] BuildError),
    /// A certificate or key just made cannot be read back.
    #[error("{0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
}

/// A demo under way.
pub struct Running {
    demo: Demo,
    base: String,
    mig: String,
    metrics: Option<SocketAddr>,
    simulator: Option<server::Server>,
    /// What the simulator had logged when it was stopped.
    logged: Vec<Extract>,
    service: Arc<Service>,
    receiver: Receiver,
    stop: oneshot::Sender<()>,
    facade: JoinHandle<()>,
}

impl Running {
    /// Starts everything and returns once the facade answers.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(start: Start) -> Result<Self, StartError> {
        Self::start_with(start, Extras::default()).await
    }

    /// The same, with options.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_with(start: Start, options: Extras) -> Result<Self, StartError> {
        let Start { listen, data, holdings, clock } = start;
        let patients: Vec<DemoPatient> = holdings.iter().filter_map(DemoPatient::of).collect();
        let demo = Demo::in_folder(data.as_deref(), patients, clock.clone())?;
        let pki = demo.pki();
        let read = |path: &Path| std::fs::read(path).map_err(|error| StartError::Unreadable(path.to_owned(), error));
        let authority = read(&pki.ca())?;
        let speaks_for = VIEWERS.iter().map(|viewer| (*viewer).to_owned()).collect();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (certificate, key) = match options.mig_certificate {
            Some(given) => given,
            None => (read(&pki.server_certificate())?, read(&pki.server_key())?),
        };
        let profile = options.mig_profile.map_or_else(WireProfile::builtin, Ok);
        let simulator = server::Server::bind(SimulatorConfig {
            listen: any,
            certificate,
            key,
            client_ca: authority.clone(),
            client_crl: None,
            signing_ca: authority,
            signing_crl: None,
            speakers: BTreeMap::from([(CLIENT_NAME.to_owned(), speaks_for)]),
            own_urls: Vec::new(),
            profile: profile.map_err(StartError::Simulator)?,
            holdings: Arc::new(holdings),
            clock: options.mig_clock.unwrap_or_else(|| clock.clone()),
            log: Some(demo.folder().join("extracts.jsonl")),
            control: options.control.then_some(any),
        })
        .await
        .map_err(StartError::Simulator)?;
        let mig = format!("https://127.0.0.1:{}{}", simulator.local_addr().port(), server::PATH);
        let receiver = Receiver::start(&demo.alerts_key(), clock.clone()).await.map_err(StartError::Receiver)?;
        let mut settings = demo.alerts_to(&receiver.url());
        settings.extend(options.settings);
        let mut config = demo.settings_with(listen, &mig, settings)?;
        if let Some(store) = options.store {
            config.store = store;
        }
        if options.metrics {
            config.server.metrics_listen.get_or_insert(any);
        }
        let routes = demo_routes(demo.state()).merge(receiver.routes());
        let facade = Server::build_with(&config, clock, options.chance, Some(routes)).await?;
        demo.seed(facade.store()).await?;
        let (base, service, metrics) = (facade.base_url().to_owned(), facade.service(), facade.metrics_addr());
        let (stop, stopped) = oneshot::channel();
        let facade = tokio::spawn(facade.run(async move {
            // A dropped sender stops it too.
            let _ = stopped.await;
        }));
        let (simulator, logged) = (Some(simulator), Vec::new());
        Ok(Self { demo, base, mig, metrics, simulator, logged, service, receiver, stop, facade })
    }

    /// `http://HOST:PORT/FHIR/R4`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `http://HOST:PORT`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.base.trim_end_matches("/FHIR/R4")
    }

    /// The simulated MIG's address.
    #[must_use]
    pub fn mig(&self) -> &str {
        &self.mig
    }

    /// Where the simulated MIG's control endpoint is, if it has one.
    #[must_use]
    pub fn control(&self) -> Option<String> {
        let at = self.simulator.as_ref()?.control_addr()?;
        Some(format!("http://{at}"))
    }

    /// Where `/metrics` is, if it is anywhere.
    #[must_use]
    pub fn metrics(&self) -> Option<String> {
        Some(format!("http://{}/metrics", self.metrics?))
    }

    /// What arrived at the simulated MIG, where it has a control endpoint.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.simulator.as_ref().map(server::Server::heard).unwrap_or_default()
    }

    /// Folder, certificates and patients.
    #[must_use]
    pub fn demo(&self) -> &Demo {
        &self.demo
    }

    /// A token of one of the cast.
    #[must_use]
    pub fn token(&self, member: &Member) -> Option<String> {
        self.demo.state().issuer.token(member)
    }

    /// The composed service, for measurements.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Every extract that the practice's system has logged since the start.
    #[must_use]
    pub fn extracts(&self) -> Vec<Extract> {
        self.simulator.as_ref().map_or_else(|| self.logged.clone(), server::Server::extracts)
    }

    /// Stops the simulated MIG alone: what an outage of the gateway looks like from here.
    pub async fn stop_mig(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.logged = simulator.extracts();
            simulator.stop().await;
        }
    }

    /// Stops the facade, then the simulator.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.facade.await;
        self.receiver.stop();
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
    }
}
