//! A bound server from a [`Config`]: composes the stages, listens, and stops gracefully.

use crate::audit::{Audit, AuditError};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::config::Config;
use crate::disclose::{Bounds, Service};
use crate::gateway::Gateway;
use crate::http::{self, Base, Gate};
use crate::identity::{Identity, IdentityError};
use crate::outbox::Sender;
use crate::register::{Register, agreements};
use crate::store::{self, Engine, Store, StoreError};
use crate::telemetry::Metrics;
use crate::views::Views;
use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Why the service does not start. Each names the setting to look at, never a secret.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The store.
    #[error("store")]
    Store(#[source] StoreError),
    /// The audit's keys or anchor.
    #[error("audit")]
    Audit(#[source] AuditError),
    /// The issuers.
    #[error("identity")]
    Identity(#[source] IdentityError),
    /// The legacy leg.
    #[error("gateway: {}", .0.join("; "))]
    Gateway(Vec<String>),
    /// The exclusion list cannot be loaded or fails its check digits: nothing may be shown.
    #[error("{}", .0.join("; "))]
    Exclusions(Vec<String>),
    /// The key of the logical ids.
    #[error("ids: {0}")]
    Ids(String),
    /// The agreements to import at the start.
    #[error("register: {}", .0.join("; "))]
    Register(Vec<String>),
    /// What sends the alerts.
    #[error("alerts: {0}")]
    Alerts(String),
    /// An address cannot be had.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// A bound server that does not answer yet.
pub struct Server {
    listener: TcpListener,
    metrics: Option<(TcpListener, Metrics)>,
    router: Router,
    base: String,
    store: Store,
    stop_within: Duration,
    service: Arc<Service>,
    gateway: Gateway,
    sender: Sender,
    under_way: http::UnderWay,
}

/// How long a client may take to send its request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How soon after a change of the register the memory is emptied.
const FORGET_WITHIN: Duration = Duration::from_millis(500);

/// How often attempts that a crashed instance left open are looked for.
const LOOK_FOR_INTERRUPTED: Duration = Duration::from_mins(1);

impl Server {
    /// Composes and binds. `extra` are the demo's routes; `with_base` is told the base once the port is known.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(config: &Config, clock: Clock, extra: Option<Router>) -> Result<Self, BuildError> {
        Self::build_with(config, clock, Chance::system(), extra).await
    }

    /// The same, with the chance that decides when a letter is tried again and which views are reviewed.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build_with(
        config: &Config,
        clock: Clock,
        chance: Chance,
        extra: Option<Router>,
    ) -> Result<Self, BuildError> {
        let lists = config.exclusions.load().map_err(BuildError::Exclusions)?;
        let sealer = config.ids.sealer().map_err(BuildError::Ids)?;
        let identity = Identity::new(&config.identity, clock.clone()).map_err(BuildError::Identity)?;
        let gateway = Gateway::build(&config.gateway, clock.clone()).map_err(BuildError::Gateway)?;
        gateway.announce();
        let store = Store::open(&config.store).await.map_err(BuildError::Store)?;
        let audit = Audit::start(store.clone(), &config.audit, clock.clone()).await.map_err(BuildError::Audit)?;
        let register = Register::new(store.clone());
        let sender =
            Sender::build(&config.alerts, config.reviews.within(), store.clone(), clock.clone(), chance.clone())
                .map_err(BuildError::Alerts)?;
        for line in config.alerts.said().iter().filter(|line| line.contains("NOT sent")) {
            tracing::warn!(stage = "outbox", "{line}");
        }
        if let Some(file) = &config.register.import {
            import(&store, file, &clock).await?;
        }
        let views = Views::new(config.cache, gateway.clone(), lists, sealer.clone(), clock.clone());
        let listen = config.server.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| BuildError::Listen(listen, error))?;
        let bound = listener.local_addr().map_err(|error| BuildError::Listen(listen, error))?;
        let base = config.server.base_url_at(bound);
        let metrics = match config.server.metrics_listen {
            None => None,
            Some(at) => {
                let listener = TcpListener::bind(at).await.map_err(|error| BuildError::Listen(at, error))?;
                Some((listener, Metrics::install()))
            }
        };
        let service = Arc::new(Service {
            audit,
            register,
            settings: config.policy.settings(),
            views,
            sealer,
            clock,
            bounds: Bounds {
                search: config.server.search_deadline(),
                everything: config.server.everything_deadline(),
                stale_after: config.server.stale_after(),
            },
        });
        let under_way = http::UnderWay::default();
        let app = http::App {
            service: service.clone(),
            identity,
            pace: http::Pace::new(config.server.requests_per_minute),
            places: http::Places::default(),
            store: store.clone(),
            base: Base(base.clone()),
            demo: extra.is_some(),
            viewer: extra.is_some() || config.server.viewer,
            objection_days: config.register.objection_days,
            sample: http::Sample { share: config.reviews.share(), chance },
            under_way: under_way.clone(),
        };
        let router =
            http::router(Arc::new(app), Gate::new(config.server.max_in_flight, config.server.proxies()), extra);
        let stop_within = Duration::from_millis(config.server.stop_deadline_ms);
        Ok(Self { listener, metrics, router, base, store, stop_within, service, gateway, sender, under_way })
    }

    /// The base of every URL that the service makes.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// Where `/metrics` is, if it is anywhere.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.0.local_addr().ok()
    }

    /// The store, for a demo to seed.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The composed service, for tests and measurements.
    #[must_use]
    pub fn service(&self) -> Arc<Service> {
        self.service.clone()
    }

    /// Answers until `stop` resolves, then lets what is under way finish, within the setting.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let metrics = self.metrics.map(|(listener, metrics)| {
            let router = Router::new().route("/metrics", get(move || async move { metrics.render() }));
            tokio::spawn(async move { axum::serve(listener, router).await })
        });
        let watch = tokio::spawn(forget_on_change(self.store.clone(), self.service.clone()));
        let gateway = self.gateway;
        let renewal = tokio::spawn(async move { gateway.watch().await });
        let (stop_sending, told_to_stop) = tokio::sync::watch::channel(false);
        let sending = tokio::spawn(self.sender.run(told_to_stop));
        let sweep = tokio::spawn(close_interrupted(self.store.engine(), self.service.audit.clone()));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
        let graceful = GracefulShutdown::new();
        let mut stop = pin!(stop);
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file handles or the like: wait a little instead of turning the loop hot.
                        tracing::warn!(error = %error.kind(), "accept failed");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let _ = stream.set_nodelay(true);
            let service = TowerToHyperService::new(self.router.clone().layer(Extension(ConnectInfo(peer))));
            let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
            tokio::spawn(async move {
                // A connection that breaks is the client's affair; its requests were audited on their own tasks.
                let _ = connection.await;
            });
        }
        drop(self.listener);
        let _ = stop_sending.send(true);
        let drained = async {
            graceful.shutdown().await;
            // A letter that a receiver has just accepted is noted before the store is closed.
            let _ = sending.await;
            // What goes on for clients that hung up has to reach its audit too.
            self.under_way.finished().await;
        };
        tokio::select! {
            () = drained => {}
            () = tokio::time::sleep(self.stop_within) => tracing::warn!("stopped with requests under way"),
        }
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        watch.abort();
        renewal.abort();
        sweep.abort();
        self.store.close().await;
    }
}

/// Empties the memory when what every decision rests on has moved: an agreement, an enrolment or a suspension, also one
/// that another process wrote. What is kept could not be shown any more; this is so that it is not there either.
async fn forget_on_change(store: Store, service: Arc<Service>) {
    let mut seen = None;
    loop {
        let now = async {
            let mut connection = store.reader().acquire().await.map_err(StoreError::from)?;
            store::revision_for(&mut connection, None).await
        };
        // A store that does not answer decides nothing either; the change is seen once it does.
        if let Ok(now) = now.await
            && seen.replace(now).is_some_and(|before| before != now)
        {
            service.views.forget_all();
        }
        tokio::time::sleep(FORGET_WITHIN).await;
    }
}

/// Where instances share the store, closes what one of them that crashed has left open.
async fn close_interrupted(engine: Engine, audit: Audit) {
    if engine == Engine::Postgres {
        loop {
            tokio::time::sleep(LOOK_FOR_INTERRUPTED).await;
            if let Err(error) = audit.close_interrupted().await {
                tracing::error!(%error, "attempts that were interrupted could not be closed");
            }
        }
    }
}

/// Imports the agreements, enrolments and suspensions named in the settings, if they differ from what is held.
async fn import(store: &Store, file: &std::path::Path, clock: &Clock) -> Result<(), BuildError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| BuildError::Register(vec![format!("{}: {}", file.display(), error.kind())]))?;
    let said =
        |problems: Vec<agreements::Problem>| BuildError::Register(problems.iter().map(ToString::to_string).collect());
    let registers = agreements::import(&text).map_err(said)?;
    let job = agreements::settings_job(registers, clock.now());
    store.write(job).await.map_err(BuildError::Store)?.map_err(said)?;
    Ok(())
}
