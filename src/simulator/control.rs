//! The control endpoint of the simulated MIG: plain HTTP on a loopback address of its own, never on the MIG's port.
//!
//! `GET /switches` tells what is on; `PUT /switches` sets a JSON array of them in place of those before (`?seed=N` starts
//! chance anew), `POST /switches` adds one, `DELETE /switches` turns all off; `GET /heard` tells what arrived. Off unless
//! it is asked for. Bodies have to say that they are JSON, which no other site's page can do unasked.

use super::handling::Shared;
use super::switches::Switch;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::{Router, body::Bytes, http::HeaderMap, routing};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The routes.
pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/switches", routing::get(told).put(set).post(add).delete(off))
        .route("/heard", routing::get(heard))
        .with_state(shared)
}

#[derive(Deserialize)]
struct Seed {
    seed: Option<u64>,
}

async fn told(State(shared): State<Arc<Shared>>) -> Response {
    json(&shared.switches.all())
}

async fn heard(State(shared): State<Arc<Shared>>) -> Response {
    json(&shared.heard())
}

async fn set(State(shared): State<Arc<Shared>>, Query(seed): Query<Seed>, headers: HeaderMap, body: Bytes) -> Response {
    match read::<Vec<Switch>>(&headers, &body) {
        Ok(switches) => {
            done(switches.iter().find_map(Switch::problem), || shared.switches.set(switches.clone(), seed.seed))
        }
        Err(refused) => refused.into_response(),
    }
}

async fn add(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    match read::<Switch>(&headers, &body) {
        Ok(switch) => done(switch.problem(), || shared.switches.add(switch.clone())),
        Err(refused) => refused.into_response(),
    }
}

/// Does it, unless something is wrong with it.
fn done(problem: Option<&'static str>, act: impl FnOnce()) -> Response {
    if let Some(problem) = problem {
        return (StatusCode::UNPROCESSABLE_ENTITY, problem).into_response();
    }
    act();
    StatusCode::NO_CONTENT.into_response()
}

async fn off(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.switches.set(Vec::new(), None);
    StatusCode::NO_CONTENT
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, (StatusCode, String)> {
    let kind = headers.get(CONTENT_TYPE).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    if !kind.starts_with(b"application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/json is expected".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
}

fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
