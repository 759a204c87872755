//! Request id, limits, load shedding, the request log. Layers refuse or decorate; they never decide or disclose.

use super::answer;
use super::format::{self, Wishes};
use super::outcome::Rejection;
use super::squeeze;
use crate::ids::{Network, NhsNumber, RequestId};
use crate::telemetry;
use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    /// The form in which it wants to be answered.
    pub wishes: Wishes,
}

/// How much at once.
#[derive(Clone)]
pub struct Gate {
    permits: Arc<Semaphore>,
    /// For what anyone may read: it may not keep out those who come with a token.
    public: Arc<Semaphore>,
    proxies: Arc<[Network]>,
}

impl Gate {
    /// A gate for so many requests under way, behind proxies that are believed.
    #[must_use]
    pub fn new(in_flight: usize, proxies: Vec<Network>) -> Self {
        let public = (in_flight / PUBLIC_PART).max(2);
        Self {
            permits: Arc::new(Semaphore::new(in_flight)),
            public: Arc::new(Semaphore::new(public)),
            proxies: proxies.into(),
        }
    }

    /// The client's address: the last one that no believed proxy has. `None` when a believed proxy names none.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let believed = |address: &IpAddr| self.proxies.iter().any(|network| network.holds(*address));
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|line| line.to_str().unwrap_or("").split(','))
            .map(str::trim)
            .collect();
        let mut client = peer;
        for named in said.into_iter().rev() {
            if !believed(&client) {
                return Some(client);
            }
            client = named.parse().ok()?;
        }
        Some(client)
    }
}

/// Of the requests under way, the part that public pages and documents may be: one in so many. They cost time to write,
/// and nobody's rate counts them.
const PUBLIC_PART: usize = 32;
/// How long such a request waits for its turn.
const PUBLIC_WITHIN: Duration = Duration::from_secs(2);

/// Whether anyone may read what stands there, and its writing is bounded for that. Health is asked after however busy it is.
fn is_public(route: &str) -> bool {
    let kept_for_callers = match route.strip_prefix("/FHIR/R4") {
        Some(rest) => !["/metadata", "/ValueSet", "/CodeSystem"].iter().any(|open| rest.starts_with(open)),
        None => route.starts_with("/admin") || route.starts_with("/demo"),
    };
    !kept_for_callers && !route.starts_with("/health/") && route != UNMATCHED
}

/// The route of what leads nowhere.
const UNMATCHED: &str = "unmatched";

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
        .and_then(|ConnectInfo(address)| gate.client(address.ip(), request.headers()))
        .map_or_else(|| "unknown".to_owned(), |address| address.to_canonical().to_string());
    let gzip = squeeze::is_accepted(request.headers());
    let wishes = Wishes::of(request.headers(), request.uri().query());
    let peer = Peer { request_id: request_id.clone(), address, wishes };
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let url_length = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    request.extensions_mut().insert(peer.clone());
    // A HEAD is a GET whose body is not sent: the same gates, the same audit, the same headers to the byte.
    let is_head = method == Method::HEAD;
    if is_head {
        *request.method_mut() = Method::GET;
    }

    // Held until the bytes are written: turning them into what was wished for is the dearest part.
    let turn = if is_public(&route) {
        Some(tokio::time::timeout(PUBLIC_WITHIN, gate.public.clone().acquire_owned()).await)
    } else {
        None
    };
    let is_shed = matches!(turn, Some(Err(_) | Ok(Err(_))));
    let mut response = if url_length > URL_BYTES {
        answer::rejected(&Rejection::TooLong, &peer)
    } else {
        // A full house is alive: who asks after its health is let in, or it would be stopped for being busy.
        let permit = gate.permits.clone().try_acquire_owned().ok();
        match permit {
            _ if is_shed => answer::rejected(&Rejection::Shed, &peer),
            None if !route.starts_with("/health/") => answer::rejected(&Rejection::Shed, &peer),
            _ => AssertUnwindSafe(next.run(request))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| answer::rejected(&Rejection::Internal, &peer)),
        }
    };

    response = squeeze::squeeze(format::dress(response, &peer).await, gzip).await;
    drop(turn);
    if is_head {
        response = without_body(response);
    }
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

/// As it would have been, but for the body.
fn without_body(mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    *response.body_mut() = Body::empty();
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
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
    fn a_client_is_whom_a_believed_proxy_names_and_nobody_elses_word_counts() {
        let proxies = ["10.0.0.0/8", "192.0.2.1"].iter().filter_map(|text| Network::parse(text)).collect();
        let gate = Gate::new(1, proxies);
        let client = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).expect("text"));
            }
            gate.client(peer.parse().expect("an address"), &headers).map(|address| address.to_string())
        };
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(client("203.0.113.9", &["10.1.1.1"]), is("203.0.113.9"), "not a proxy: whatever it says");
        assert_eq!(client("10.0.0.1", &[]), is("10.0.0.1"));
        assert_eq!(client("10.0.0.1", &["198.51.100.4"]), is("198.51.100.4"));
        assert_eq!(
            client("10.0.0.1", &["10.2.2.2, 198.51.100.4", "192.0.2.1"]),
            is("198.51.100.4"),
            "the last stranger"
        );
        assert_eq!(client("10.0.0.1", &["198.51.100.4, unknown"]), None);
    }

    #[test]
    fn what_anyone_may_read_has_a_turn_of_its_own_and_nothing_else_waits_for_it() {
        for route in
            ["/FHIR/R4/metadata", "/FHIR/R4/ValueSet/{id}", "/openapi.json", "/exclusions", "/sharing", "/docs"]
        {
            assert!(is_public(route), "{route}");
        }
        for route in [
            "/FHIR/R4/Patient",
            "/FHIR/R4/Consent/{id}",
            "/FHIR/R4",
            "/admin/reports",
            "/health/live",
            "/demo/token",
            "unmatched",
        ] {
            assert!(!is_public(route), "{route}");
        }
    }

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
