//! The wire: the only place that writes bytes. Handlers call one function of the stages above and turn its result into a
//! response; none of them decides.

mod admin;
pub mod answer;
mod audit_event;
mod batch;
pub mod capability;
mod consent;
mod document;
mod episode_of_care;
mod exclusions;
mod extract;
mod format;
mod health;
mod kept;
mod kept_type;
mod layers;
pub mod openapi;
pub mod outcome;
mod pace;
mod page;
mod places;
mod pretty;
mod record;
mod sharing;
mod site;
mod squeeze;
mod task;
mod terminology;
mod under_way;

pub use answer::Base;
pub use layers::{Gate, Peer};
pub use pace::Pace;
pub use places::Places;
pub use under_way::UnderWay;

use crate::chance::Chance;
use crate::disclose::Service;
use crate::identity::Identity;
use crate::store::Store;
use axum::extract::State;
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::{Extension, Router, middleware, routing};
use outcome::Rejection;
use std::sync::Arc;

/// What handlers need.
pub struct App {
    /// The path of a disclosure.
    pub service: Arc<Service>,
    /// Who asks.
    pub identity: Identity,
    /// How often each may ask.
    pub pace: Pace,
    /// Of reports under way.
    pub places: Places,
    /// For readiness.
    pub store: Store,
    /// The public base URL, `…/FHIR/R4`.
    pub base: Base,
    /// Whether the demo's routes stand beside it.
    pub demo: bool,
    /// Whether `/viewer` is there.
    pub viewer: bool,
    /// Days between a practice's proposal to join an agreement in force and its first day (14).
    pub objection_days: u16,
    /// Which ordinary views are reviewed.
    pub sample: Sample,
    /// What a stop waits for.
    pub under_way: UnderWay,
}

/// Which of the Consents by which a record may be viewed open a review although nothing was overridden (7.3.5).
pub struct Sample {
    /// Their share, from 0 to 1.
    pub share: f64,
    /// What picks them.
    pub chance: Chance,
}

/// Every route of the service. `extra` are routes of the demo, if any.
pub fn router(app: Arc<App>, gate: Gate, extra: Option<Router>) -> Router {
    let fhir = Router::new()
        .merge(record::routes())
        .merge(consent::routes())
        .merge(episode_of_care::routes())
        .merge(task::routes())
        .merge(batch::routes())
        .merge(audit_event::routes())
        .merge(terminology::routes())
        .route("/metadata", only("GET, HEAD", routing::get(metadata)));
    let viewer = app.viewer;
    let router = Router::new()
        .nest("/FHIR/R4", fhir)
        .route("/openapi.json", only("GET, HEAD", routing::get(openapi_document)))
        .merge(health::routes())
        .merge(exclusions::routes())
        .merge(sharing::routes())
        .merge(site::routes(viewer))
        .merge(batch::beside())
        .nest("/admin", admin::routes())
        .fallback(unknown_route)
        .with_state(app);
    let router = match extra {
        Some(extra) => router.merge(extra),
        None => router,
    };
    router.layer(middleware::from_fn_with_state(gate, layers::around))
}

async fn metadata(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>) -> Response {
    let served = peer.wishes.now().served();
    respond(&peer, served.map(|_| answer::document(&capability::statement(&app.base.0))))
}

async fn openapi_document(State(app): State<Arc<App>>) -> Response {
    answer::json(&openapi::document(&app.base.0, app.demo))
}

async fn unknown_route(Extension(peer): Extension<Peer>) -> Response {
    answer::rejected(&Rejection::Route, &peer)
}

/// A route with these methods and no others: 405 with `Allow` for the rest.
pub fn only<S: Clone + Send + Sync + 'static>(allow: &'static str, methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.fallback(move |Extension(peer): Extension<Peer>| async move {
        answer::rejected(&Rejection::Method { allow }, &peer)
    })
}

/// Either side of a handler's result as a response.
fn respond(peer: &Peer, result: Result<Response, Rejection>) -> Response {
    result.unwrap_or_else(|rejection| answer::rejected(&rejection, peer))
}
