//! `/health/live` and `/health/ready`. Readiness touches the store and the exclusion list; it reports the MIG but does not
//! fail on it, since refusals and consents work without it.

use super::{App, answer, only};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Router, routing};
use serde_json::json;
use std::sync::Arc;

/// The health routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/health/live", only("GET, HEAD", routing::get(live)))
        .route("/health/ready", only("GET, HEAD", routing::get(ready)))
}

async fn live() -> Response {
    answer::status(StatusCode::OK, &json!({ "status": "live" }))
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    let store = app.store.ping().await.is_ok();
    let body = json!({
        "status": if store { "ready" } else { "not-ready" },
        "store": if store { "up" } else { "down" },
        "exclusions": app.service.views.exclusions().version(),
        "mig": if app.service.views.gateway_is_open() { "circuit-closed" } else { "circuit-open" },
    });
    answer::status(if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &body)
}
