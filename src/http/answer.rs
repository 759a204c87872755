//! Answers as bytes. On a clinical route the only way in is [`Audited`].

use super::document;
use super::exclusions;
use super::extract::Handling;
use super::format::{FHIR_JSON, SERVED, Wish};
use super::layers::Peer;
use super::outcome::{self, Rejection};
use super::places::Place;
use crate::audit::Audited;
use crate::catalogue;
use crate::clock;
use crate::disclose::{Disclosed, Failure, Notes, Searchset};
use crate::release::Released;
use crate::report::{Format, Report};
use crate::search::Shape;
use crate::telemetry;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// The head of the audit chain that a report was made from, in the words of an anchor.
const CHAIN_HEAD: HeaderName = HeaderName::from_static("x-audit-chain-head");
const REPORT_BOUNDS: HeaderName = HeaderName::from_static("x-report-bounds");

/// Which of the client's preferences were kept to.
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Names the outcome entry within its Bundle: FHIR asks for a full URL of every entry, and this one is no resource of
/// its own. The same in every answer, so that it tells nothing apart.
const NOTES: &str = "urn:uuid:2f1c8a52-5d0b-4a54-9d0c-6e2d3c1b7a90";

/// The public base URL, to which links and full URLs belong.
#[derive(Debug, Clone)]
pub struct Base(pub String);

/// An audited disclosure, or an audited refusal, as a response.
#[must_use]
pub fn disclosed(audited: Audited<Result<Disclosed, Failure>>, base: &Base, peer: &Peer) -> Response {
    match audited.into_inner() {
        Ok(Disclosed::Bundle(searchset)) => bytes(StatusCode::OK, bundle(&searchset, base, peer.wishes.now())),
        Ok(Disclosed::Document(composed)) => bytes(StatusCode::OK, document::bundle(&composed, base)),
        Ok(Disclosed::Resource(released)) => {
            let mut response = bytes(StatusCode::OK, released.json().to_vec());
            if let Ok(link) = HeaderValue::from_str(&notice_link(base)) {
                response.headers_mut().insert(header::LINK, link);
            }
            response
        }
        Err(failure) => rejected(&Rejection::Failure(failure), peer),
    }
}

/// Says which preference was kept to, in an answer that the parameters had a part in (RFC 7240, section 3).
#[must_use]
pub fn preferred(mut response: Response, preferred: Option<Handling>) -> Response {
    let heeded = response.status().is_success() || response.status() == StatusCode::BAD_REQUEST;
    if let Some(handling) = preferred.filter(|_| heeded) {
        let headers = response.headers_mut();
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(handling.applied()));
        // What is public may be kept, but not for who asked otherwise.
        headers.append(header::VARY, HeaderValue::from_static("Prefer"));
    }
    response
}

/// The neutral notice of a read: the page that says what is withheld.
fn notice_link(base: &Base) -> String {
    let origin = base.0.trim_end_matches("/FHIR/R4");
    format!("<{origin}{}>; rel=\"help\"; title=\"exclusions\"", exclusions::PATH)
}

/// A resource that this service keeps, with its version.
#[must_use]
pub fn kept(status: StatusCode, resource: &Value, version: Option<i64>, location: Option<&str>) -> Response {
    let mut response = bytes(status, resource.to_string().into_bytes());
    let headers = response.headers_mut();
    if let Some(version) = version {
        etag(headers, version);
    }
    if let Some(location) = location
        && let Ok(location) = HeaderValue::from_str(location)
    {
        headers.insert(header::LOCATION, location);
    }
    response
}

fn etag(headers: &mut HeaderMap, version: i64) {
    if let Ok(value) = HeaderValue::from_str(&format!("W/\"{version}\"")) {
        headers.insert(header::ETAG, value);
    }
}

/// What a register says, with its version and where it can be read.
#[must_use]
pub fn register(code: StatusCode, body: &Value, version: Option<i64>, location: Option<&str>) -> Response {
    let mut response = status(code, body);
    let headers = response.headers_mut();
    if let Some(version) = version {
        etag(headers, version);
    }
    if let Some(Ok(location)) = location.map(HeaderValue::from_str) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The registers in their own notation.
#[must_use]
pub fn toml(text: String) -> Response {
    let mut response = bytes(StatusCode::OK, text.into_bytes());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/toml"));
    response
}

/// A report, made as it is read, which holds its place until then. One that cannot be finished breaks the connection: it is never taken for whole.
#[must_use]
pub fn report(report: Report, format: Format, place: Place) -> Response {
    let head = HeaderValue::from_str(&report.as_at().head.to_string());
    let bounds = HeaderValue::from_str(&report.bounds());
    let pieces = futures_util::stream::try_unfold((report, place), |(mut report, place)| async move {
        match report.next().await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (report, place)))),
            Err(error) => {
                tracing::error!(chain = telemetry::chain(&error), "a report was cut off");
                Err(error)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    no_store(headers);
    if format == Format::Csv {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    }
    if let Ok(head) = head {
        headers.insert(CHAIN_HEAD, head);
    }
    if let Ok(bounds) = bounds {
        headers.insert(REPORT_BOUNDS, bounds);
    }
    response
}

/// A public document of this service.
#[must_use]
pub fn document(resource: &Value) -> Response {
    bytes(StatusCode::OK, resource.to_string().into_bytes())
}

/// A rejection as status and OperationOutcome, within an answer about several requests. Logged like one by itself.
#[must_use]
pub fn told(rejection: &Rejection, peer: &Peer) -> (StatusCode, Value) {
    let problem = noted(rejection, peer);
    (problem.status, problem.body(&peer.request_id))
}

/// The chain is logged here, once.
fn noted(rejection: &Rejection, peer: &Peer) -> outcome::Problem {
    let problem = outcome::describe(rejection);
    let reason = problem.reasons.last().copied().unwrap_or("INTERNAL");
    let (request_id, status, chain) = (peer.request_id.as_str(), problem.status.as_u16(), telemetry::chain(rejection));
    if problem.status.is_server_error() {
        tracing::warn!(request_id, status, reason, chain, "rejected");
    } else {
        tracing::info!(request_id, status, reason, chain, "rejected");
    }
    metrics::counter!("mig_rejected_total", "reason" => reason).increment(1);
    problem
}

/// A rejection as status and OperationOutcome.
#[must_use]
pub fn rejected(rejection: &Rejection, peer: &Peer) -> Response {
    let problem = noted(rejection, peer);
    let mut response = bytes(problem.status, problem.body(&peer.request_id).to_string().into_bytes());
    let headers = response.headers_mut();
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(version) = problem.version {
        etag(headers, version);
    }
    match rejection {
        Rejection::Token(_) => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"mig-fhir\""));
        }
        Rejection::Method { allow } => {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        Rejection::Accept | Rejection::MediaType => {
            headers.insert(header::ACCEPT, HeaderValue::from_static(SERVED));
        }
        _ => {}
    }
    response
}

/// A document that is JSON but not FHIR.
#[must_use]
pub fn json(document: &impl serde::Serialize) -> Response {
    status(StatusCode::OK, &serde_json::to_value(document).unwrap_or_default())
}

/// A plain JSON answer about the service itself.
#[must_use]
pub fn status(status: StatusCode, document: &Value) -> Response {
    let mut response = bytes(status, document.to_string().into_bytes());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn bytes(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    no_store(response.headers_mut());
    response
}

fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_JSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Authorization"));
}

/// A searchset Bundle around resources that are already encoded: their bytes are copied, and read again only for a subset.
fn bundle(searchset: &Searchset, base: &Base, wish: Wish) -> Vec<u8> {
    let page = &searchset.page;
    let body: usize = page.matches.iter().chain(&page.included).map(|resource| resource.json().len() + 200).sum();
    let mut out = Vec::with_capacity(body + 2048);
    out.extend_from_slice(b"{\"resourceType\":\"Bundle\"");
    if let Some(at) = searchset.recorded_as_at {
        member(&mut out, "meta", &json!({ "lastUpdated": clock::rfc3339(at) }));
    }
    member(&mut out, "type", &json!("searchset"));
    if page.says_total {
        member(&mut out, "total", &json!(page.total));
    }
    let query = if page.self_query.is_empty() { String::new() } else { format!("?{}", page.self_query) };
    let link = |relation: &str, url| json!({ "relation": relation, "url": wish.kept_by(url) });
    let mut links = vec![link("self", format!("{}/{}{query}", base.0, searchset.path))];
    if let Some(next) = &searchset.next {
        // The link names no patient, so that of `$everything` does not stand under the patient's path.
        let kind = searchset.path.split('/').next().unwrap_or("Patient");
        links.push(link("next", format!("{}/{kind}?_page={next}", base.0)));
    }
    member(&mut out, "link", &Value::Array(links));
    out.extend_from_slice(b",\"entry\":[");
    for resource in &page.matches {
        entry(&mut out, resource, &page.shape, true, base);
    }
    for resource in &page.included {
        entry(&mut out, resource, &page.shape, false, base);
    }
    out.extend_from_slice(format!("{{\"fullUrl\":\"{NOTES}\",\"resource\":").as_bytes());
    out.extend_from_slice(notes(&searchset.notes).to_string().as_bytes());
    out.extend_from_slice(b",\"search\":{\"mode\":\"outcome\"}}]}");
    out
}

fn member(out: &mut Vec<u8>, name: &str, value: &Value) {
    out.extend_from_slice(format!(",\"{name}\":{value}").as_bytes());
}

fn entry(out: &mut Vec<u8>, resource: &Released, shape: &Shape, is_match: bool, base: &Base) {
    let mode = if is_match { "match" } else { "include" };
    let url = json!(format!("{}/{}/{}", base.0, resource.kind(), resource.id()));
    out.extend_from_slice(format!("{{\"fullUrl\":{url},\"resource\":").as_bytes());
    out.extend_from_slice(&shape.of(resource, catalogue::table(resource.kind()).elements, is_match));
    out.extend_from_slice(format!(",\"search\":{{\"mode\":\"{mode}\"}}}},").as_bytes());
}

/// The outcome entry: the neutral notice, always, and the warnings.
fn notes(notes: &Notes) -> Value {
    // The notice is JSON of our own making, the same for all; read once, it cannot fail.
    let notice: Option<Value> = serde_json::from_str(notes.notice.issue).ok();
    let warnings = warnings(notes)
        .into_iter()
        .map(|(code, text)| json!({ "severity": "warning", "code": code, "details": { "text": text } }));
    json!({ "resourceType": "OperationOutcome", "issue": notice.into_iter().chain(warnings).collect::<Vec<_>>() })
}

/// Warnings about the agreement and the record's completeness: the code of each, and its words.
pub(super) fn warnings(notes: &Notes) -> Vec<(&'static str, String)> {
    let mut warnings = Vec::new();
    let mut warn = |code: &'static str, text: String| warnings.push((code, text));
    let words = |words: &[&str]| words.join(", ");
    if notes.only_summary {
        warn("incomplete", "Only the summary is agreed: there may be more than it shows.".to_owned());
    }
    if !notes.outside_agreement.is_empty() {
        let views: Vec<&str> = notes.outside_agreement.iter().map(|view| view.as_str()).collect();
        warn("incomplete", format!("Outside the sharing agreement, so not asked: {}.", words(&views)));
    }
    if !notes.left_out.is_empty() {
        let kinds: Vec<&str> = notes.left_out.iter().map(|kind| kind.as_str()).collect();
        warn("incomplete", format!("No agreed view holds these types: {}.", words(&kinds)));
    }
    if notes.incomplete {
        warn("incomplete", "The practice's system says that this is a part of the record.".to_owned());
    }
    if notes.stale {
        warn("informational", "The practice's system gave the record as it was more than an hour ago.".to_owned());
    }
    if !notes.ignored.is_empty() {
        let names: Vec<&str> = notes.ignored.iter().map(String::as_str).collect();
        warn("not-supported", format!("Ignored parameters: {}.", words(&names)));
    }
    warnings
}
