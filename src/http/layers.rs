//! Request id, limits, load shedding, the request log. Layers refuse or decorate; they never decide or disclose.

use super::answer;
use super::outcome::Rejection;
use crate::ids::{NhsNumber, RequestId};
use crate::telemetry;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// `X-Request-ID`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `X-Correlation-ID`.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The other end of one request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Echoed or made.
    pub request_id: RequestId,
    /// The address it came from.
    pub address: String,
}

/// How much at once.
#[derive(Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
}

impl Gate {
    /// A gate for so many requests under way.
    #[must_use]
    pub fn new(in_flight: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(in_flight)) }
    }
}

/// The longest path and query that is read; longer ones are 413.
const URL_BYTES: usize = 8 * 1024;

/// Around every route: ids, shedding, a net under panics, one log line.
pub async fn around(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(id)
        .unwrap_or_else(RequestId::random);
    let correlation =
        request.headers().get(CORRELATION_ID).filter(|value| value.to_str().ok().and_then(id).is_some()).cloned();
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or_else(|| "unknown".to_owned(), |ConnectInfo(address)| address.ip().to_string());
    let peer = Peer { request_id: request_id.clone(), address };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let url_length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    request.extensions_mut().insert(peer.clone());

    let mut response = if url_length > URL_BYTES {
        answer::rejected(&Rejection::TooLong, &peer)
    } else {
        // A full house is alive: who asks after its health is let in, or it would be stopped for being busy.
        let permit = gate.permits.clone().try_acquire_owned().ok();
        match permit {
            None if !route.starts_with("/health/") => answer::rejected(&Rejection::Shed, &peer),
            _ => AssertUnwindSafe(next.run(request))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| answer::rejected(&Rejection::Internal, &peer)),
        }
    };

    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    if let Some(value) = correlation {
        headers.insert(CORRELATION_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    telemetry::answered(&telemetry::Answered {
        request_id: request_id.as_str(),
        method: word(&method),
        route: &route,
        status: response.status().as_u16(),
        duration: started.elapsed(),
    });
    response
}

/// An id of the client's that may be echoed and logged: one that holds an NHS number is none.
fn id(text: &str) -> Option<RequestId> {
    let names_a_patient = text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| NhsNumber::parse(part).is_some());
    if names_a_patient { None } else { RequestId::parse(text) }
}

/// A method as it may be logged: HTTP lets a client invent others, of any text.
fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_an_id_nor_a_method_brings_an_nhs_number_into_the_log() {
        for named in ["9990000018", "ward-9990000018", "a.9990000018:b"] {
            assert!(id(named).is_none(), "{named}");
        }
        for plain in ["9990000019", "b6336d17-6215-470b-96c3-6d231dc02061"] {
            assert_eq!(id(plain).as_ref().map(RequestId::as_str), Some(plain));
        }
        assert_eq!(word(&Method::from_bytes(b"9990000018").expect("a token")), "other");
        assert_eq!(word(&Method::PUT), "PUT");
    }
}
