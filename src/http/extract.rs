//! What handlers take from a request: the caller, parameters, a body.

use super::App;
use super::format::{Format, Wish};
use super::layers::Peer;
use super::outcome::Rejection;
use crate::audit::Origin;
use crate::identity::Caller;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, Limited};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::time::Duration;

/// The id of a path. What is not even text is the empty id, which nothing has.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(Path::<String>::from_request_parts(parts, state).await.map_or_else(|_| String::new(), |Path(id)| id)))
    }
}

/// Name and value pairs in the order of the request.
pub type Pairs = Vec<(String, String)>;

/// A parameter set beside its raw text.
pub struct Parameters {
    /// Without `_format` and `_pretty`, which are about the wire.
    pub pairs: Pairs,
    /// As sent, for the audit.
    pub raw: String,
}

/// The longest body of a kept resource.
pub const BODY_BYTES: usize = 256 * 1024;
/// The longest batch, and the longest file of registers.
pub const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// The longest form of a search: what a URL may hold, since the audit keeps it and the next link repeats it.
pub const FORM_BYTES: usize = 8 * 1024;
/// Elements of XML within each other: more than any resource has.
const DEEPEST: usize = 100;
/// How long a body may take to arrive; it holds one of the places of requests under way.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The caller, or 401; 429 for one who asks too often.
///
/// # Errors
/// [`Rejection::Token`], [`Rejection::Throttled`].
pub async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let one = values.next();
    // Two headers are two claims of who asks: neither is believed.
    let header = if values.next().is_some() { Some("") } else { one.map(|value| value.to_str().unwrap_or("")) };
    let caller = app.identity.identify(header).await.map_err(Rejection::Token)?;
    app.pace.count(&caller.user, std::time::Instant::now()).map_err(Rejection::Throttled)?;
    Ok(caller)
}

/// Where a request came from, for the audit.
#[must_use]
pub fn origin(peer: &Peer) -> Origin {
    Origin { request_id: peer.request_id.clone(), address: peer.address.clone() }
}

/// Checks that JSON is acceptable, where nothing else is served.
///
/// # Errors
/// [`Rejection::Accept`].
pub fn json_is_acceptable(headers: &HeaderMap) -> Result<(), Rejection> {
    let without_xml = |media: &&str| Format::named(media.split(';').next().unwrap_or("").trim()) != Some(Format::Xml);
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).filter(without_xml).collect();
    let mut accept = HeaderMap::new();
    if headers.contains_key(header::ACCEPT)
        && let Ok(line) = HeaderValue::from_str(&named.join(","))
    {
        accept.insert(header::ACCEPT, line);
    }
    Wish::read(&accept, None, None).served().map(|_| ())
}

/// Parses a query and, for `_search`, a form: both count. Takes out what is about the wire.
///
/// # Errors
/// [`Rejection::Accept`] for a format that is not served.
pub fn parameters(peer: &Peer, query: Option<&str>, form: Option<&str>) -> Result<Parameters, Rejection> {
    peer.wishes.now().served()?;
    let mut pairs: Pairs = Vec::new();
    for text in [query, form].into_iter().flatten() {
        pairs.extend(form_urlencoded::parse(text.as_bytes()).into_owned());
    }
    pairs.retain(|(name, _)| name != "_format" && name != "_pretty");
    let raw = [query, form].into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("&");
    Ok(Parameters { pairs, raw })
}

/// The request's text for the audit, and its parameters or what was wrong with them.
pub fn audited(path: String, asked: Result<Parameters, Rejection>) -> (String, Result<Pairs, Rejection>) {
    match asked {
        Ok(Parameters { pairs, raw }) if raw.is_empty() => (path, Ok(pairs)),
        Ok(Parameters { pairs, raw }) => (format!("{path}?{raw}"), Ok(pairs)),
        Err(rejection) => (path, Err(rejection)),
    }
}

/// The parameters of a URL, which have been sent already.
pub fn sent(peer: &Peer, query: Option<&str>) -> Ready<Result<Parameters, Rejection>> {
    ready(parameters(peer, query, None))
}

/// The parameters of a `_search`: those of the query and of the form both count.
///
/// # Errors
/// As [`form`] and [`parameters`].
pub async fn form_parameters(
    peer: &Peer,
    headers: &HeaderMap,
    query: Option<&str>,
    body: Body,
) -> Result<Parameters, Rejection> {
    let form = form(headers, body).await?;
    peer.wishes.add(headers, query, &form);
    parameters(peer, query, Some(&form))
}

/// What `Prefer: handling=…` asks of parameters that are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// They are refused, as without a preference.
    Strict,
    /// They are passed over.
    Lenient,
}

impl Handling {
    /// The preference that was sent; of several the first counts (RFC 7240, section 2), and one that is neither is none.
    #[must_use]
    pub fn preferred(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let mut preferences = lines.flat_map(|line| line.split([',', ';'])).filter_map(|part| part.split_once('='));
        let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("handling"))?;
        match value.trim().trim_matches('"').to_ascii_lowercase().as_str() {
            "strict" => Some(Self::Strict),
            "lenient" => Some(Self::Lenient),
            _ => None,
        }
    }

    /// As `Preference-Applied` says it.
    #[must_use]
    pub const fn applied(self) -> &'static str {
        match self {
            Self::Strict => "handling=strict",
            Self::Lenient => "handling=lenient",
        }
    }
}

/// Whether `Prefer: handling=lenient` was sent.
#[must_use]
pub fn is_lenient(headers: &HeaderMap) -> bool {
    Handling::preferred(headers) == Some(Handling::Lenient)
}

/// Whether the client wants the source: `Cache-Control: no-cache`.
#[must_use]
pub fn is_fresh(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case("no-cache"))
}

/// The version that `If-Match` names.
///
/// # Errors
/// [`Rejection::NoVersion`] when there is none, or not one of ours; it tells the current one, where that is known.
pub fn if_match(headers: &HeaderMap, current: Option<i64>) -> Result<i64, Rejection> {
    headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.trim().trim_start_matches("W/").trim_matches('"'))
        .and_then(|version| version.parse().ok())
        .ok_or(Rejection::NoVersion(current))
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}

/// Reads a form body.
///
/// # Errors
/// [`Rejection::MediaType`], [`Rejection::TooLong`], or an unreadable body.
pub async fn form(headers: &HeaderMap, body: Body) -> Result<String, Rejection> {
    let bytes = read(body, FORM_BYTES).await?;
    if !bytes.is_empty() && !media_type(headers).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Rejection::MediaType);
    }
    String::from_utf8(bytes).map_err(|_| Rejection::MediaType)
}

/// Reads a text of the register's notation.
///
/// # Errors
/// [`Rejection::MediaType`], [`Rejection::TooLong`].
pub async fn toml(body: Body) -> Result<String, Rejection> {
    String::from_utf8(read(body, BATCH_BYTES).await?).map_err(|_| Rejection::MediaType)
}

/// Whether the body is the register's notation.
#[must_use]
pub fn is_toml(headers: &HeaderMap) -> bool {
    ["application/toml", "text/toml"].iter().any(|known| media_type(headers).eq_ignore_ascii_case(known))
}

/// Whether the register's notation is asked for.
#[must_use]
pub fn wants_toml(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|media| media.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/toml")))
}

/// Reads a batch, which may be longer than one resource.
///
/// # Errors
/// As [`resource`].
pub async fn batch(headers: &HeaderMap, body: Body) -> Result<Value, Rejection> {
    bounded(headers, body, "Bundle", BATCH_BYTES).await
}

/// Reads a resource, JSON or XML. A body that is neither is for the resource's own reader to refuse, with its expression.
///
/// # Errors
/// [`Rejection::MediaType`], [`Rejection::TooLong`], or [`Rejection::Invalid`] for what is not FHIR.
pub async fn resource(headers: &HeaderMap, body: Body, kind: &str) -> Result<Value, Rejection> {
    bounded(headers, body, kind, BODY_BYTES).await
}

/// Reads an object of `/admin`, which is JSON and no FHIR.
///
/// # Errors
/// As [`resource`].
pub async fn members(headers: &HeaderMap, body: Body, kind: &str) -> Result<Value, Rejection> {
    if Format::named(media_type(headers)) == Some(Format::Xml) {
        return Err(Rejection::MediaType);
    }
    bounded(headers, body, kind, BODY_BYTES).await
}

async fn bounded(headers: &HeaderMap, body: Body, kind: &str, most: usize) -> Result<Value, Rejection> {
    let media = media_type(headers);
    // A short name is one of `_format`, and no media type.
    let format = Format::named(media).filter(|_| media.contains('/')).ok_or(Rejection::MediaType)?;
    let bytes = read(body, most).await?;
    let value = match format {
        Format::Json => serde_json::from_slice(&bytes).ok(),
        Format::Xml => shallow(&bytes)
            .then(|| mig_fhir_model::xml_to_json(&bytes).ok())
            .flatten()
            .and_then(|json| serde_json::from_slice(&json).ok()),
    };
    value.ok_or_else(|| {
        let expression = kind.to_owned();
        Rejection::Invalid(vec![crate::register::Invalid { status: 400, code: "structure", expression }])
    })
}

/// Whether XML is elements alone, and few enough within each other: what reads it goes as deep as they do, and a stack
/// that overflows takes the process with it. A document type could name entities (R4, 2.6.1: there is none).
fn shallow(xml: &[u8]) -> bool {
    let (mut reader, mut depth) = (Reader::from_reader(xml), 0_usize);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) => return true,
            Ok(Event::DocType(_) | Event::PI(_)) | Err(_) => return false,
            Ok(_) => {}
        }
        if depth > DEEPEST {
            return false;
        }
    }
}

async fn read(body: Body, most: usize) -> Result<Vec<u8>, Rejection> {
    match tokio::time::timeout(BODY_WITHIN, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        // Too long, cut off, or too long in coming.
        Ok(Err(_)) | Err(_) => Err(Rejection::TooLong),
    }
}
