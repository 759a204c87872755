//! Which form an answer has: JSON or XML, compact or for people (`Accept`, `_format`, `_pretty`).
//!
//! Handlers write JSON, of what was released and nothing else; [`dress`] turns those finished bytes into what was asked
//! for. So there is one way past the release, whatever the form, and errors take it too. It never reads a register, and
//! never decides.

use super::answer;
use super::layers::Peer;
use super::outcome::Rejection;
use super::pretty;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use std::sync::{Arc, OnceLock};

/// FHIR JSON, as answers name it.
pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
/// FHIR XML, as answers name it.
pub const FHIR_XML: &str = "application/fhir+xml; charset=utf-8";
/// What `Accept` of a refusal lists (RFC 9110, 15.5.16).
pub const SERVED: &str = "application/fhir+json, application/fhir+xml";

/// Bytes from which on the work is done off the threads that answer others.
const LARGE: usize = 64 * 1024;
/// The most media ranges that are compared.
const RANGES: usize = 64;

/// An encoding of FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// JSON
    #[default]
    Json,
    /// XML
    Xml,
}

impl Format {
    /// The encoding that a media type or one of FHIR's short names means (R4, 3.1.0.1.11). A `+` of a query that was not
    /// escaped has become a space.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "json" | "application/fhir+json" | "application/fhir json" | "application/json" | "text/json" => {
                Some(Self::Json)
            }
            "xml" | "application/fhir+xml" | "application/fhir xml" | "application/xml" | "text/xml" => Some(Self::Xml),
            _ => None,
        }
    }

    /// As [`Self::named`], of a whole media type: one of another FHIR release is none.
    fn of_media(media: &str) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        is_r4(parts).then(|| Self::named(name)).flatten()
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }
}

fn is_r4<'a>(mut parameters: impl Iterator<Item = &'a str>) -> bool {
    let version = parameters.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("fhirVersion").then(|| value.trim().trim_matches('"'))
    });
    version.is_none_or(|version| version == "4.0")
}

/// What a client wishes of the form. `None` as format: nothing that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    format: Option<Format>,
    /// `_format` was given, and not `Accept` alone: links have to repeat it.
    named: bool,
    pretty: bool,
}

impl Wish {
    /// What headers and query, and where it is there the form of a search, wish for. `_format` wins over `Accept`.
    #[must_use]
    pub fn read(headers: &HeaderMap, query: Option<&str>, form: Option<&str>) -> Self {
        let pairs = || {
            [query, form].into_iter().flatten().flat_map(|text| form_urlencoded::parse(text.as_bytes())).filter(
                // An empty one says nothing.
                |(_, value)| !value.is_empty(),
            )
        };
        let named = pairs().find(|(name, _)| name == "_format").map(|(_, value)| Format::of_media(&value));
        let pretty = pairs().find(|(name, _)| name == "_pretty").is_some_and(|(_, value)| value == "true");
        Self { format: named.unwrap_or_else(|| accepted(headers)), named: named.is_some(), pretty }
    }

    /// The format, or 406.
    ///
    /// # Errors
    /// [`Rejection::Accept`].
    pub fn served(self) -> Result<Format, Rejection> {
        self.format.ok_or(Rejection::Accept)
    }

    /// A URL of ours that will answer in the same form.
    #[must_use]
    pub fn kept_by(self, mut url: String) -> String {
        let mut add = |name: &str, value: &str| {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        };
        if let (true, Some(format)) = (self.named, self.format) {
            add("_format", format.word());
        }
        if self.pretty {
            add("_pretty", "true");
        }
        url
    }
}

/// A wish that the form of a search can still change: it is read only when it is known who asks.
#[derive(Debug, Clone)]
pub struct Wishes {
    of_url: Wish,
    of_form: Arc<OnceLock<Wish>>,
}

impl Wishes {
    /// Those of a request's head.
    #[must_use]
    pub fn of(headers: &HeaderMap, query: Option<&str>) -> Self {
        Self { of_url: Wish::read(headers, query, None), of_form: Arc::default() }
    }

    /// What the form adds.
    pub fn add(&self, headers: &HeaderMap, query: Option<&str>, form: &str) {
        // Set once: a request has one body.
        let _ = self.of_form.set(Wish::read(headers, query, Some(form)));
    }

    /// As it is known by now.
    #[must_use]
    pub fn now(&self) -> Wish {
        self.of_form.get().copied().unwrap_or(self.of_url)
    }
}

/// The format that `Accept` prefers (RFC 9110, 12.5.1): each format has the weight of the most specific range that holds
/// it; of two alike the one named first, and JSON where one range holds both.
fn accepted(headers: &HeaderMap) -> Option<Format> {
    let lines = headers.get_all(header::ACCEPT).iter();
    if headers.get(header::ACCEPT).is_none() {
        return Some(Format::Json);
    }
    let ranges: Vec<Range> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .take(RANGES)
        .enumerate()
        .filter_map(|(place, text)| Range::read(place, text))
        .collect();
    let weight = |format: Format| {
        let holding = ranges.iter().filter(|range| range.holds(format));
        // Specific first; of the same name said twice, the first.
        holding.max_by_key(|range| (range.specific, std::cmp::Reverse(range.place))).map(|range| (range.q, range.place))
    };
    let (json, xml) = (weight(Format::Json), weight(Format::Xml));
    match (json.filter(|(q, _)| *q > 0), xml.filter(|(q, _)| *q > 0)) {
        (None, None) => None,
        (Some(_), None) => Some(Format::Json),
        (None, Some(_)) => Some(Format::Xml),
        (Some((json_q, json_at)), Some((xml_q, xml_at))) => {
            let xml_first = xml_q > json_q || (xml_q == json_q && xml_at < json_at);
            Some(if xml_first { Format::Xml } else { Format::Json })
        }
    }
}

/// One media range of `Accept`.
struct Range {
    place: usize,
    /// 2 names a type, 1 a group, 0 anything.
    specific: u8,
    /// Of the one format it names.
    format: Option<Format>,
    /// In thousandths.
    q: u16,
}

impl Range {
    fn read(place: usize, text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or("").to_ascii_lowercase();
        let (specific, format) = match name.as_str() {
            "*/*" => (0, None),
            "application/*" => (1, None),
            // A short name is one of `_format` alone, but clients send it, and what they mean is clear.
            name => (2, Some(Format::named(name)?)),
        };
        let mut q = 1000;
        for part in parts.clone() {
            if let Some((name, value)) = part.split_once('=')
                && name.trim().eq_ignore_ascii_case("q")
            {
                q = thousandths(value.trim())?;
            }
        }
        is_r4(parts).then_some(Self { place, specific, format, q })
    }

    fn holds(&self, format: Format) -> bool {
        self.format.is_none_or(|named| named == format)
    }
}

/// A weight; one that is none is no range at all.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousand: u16 = format!("{part:0<3}").parse().ok()?;
    Some((whole.parse::<u16>().ok()? * 1000 + thousand).min(1000))
}

/// An answer in the form that was wished for. What is not FHIR JSON, a page or a register, is left alone.
pub async fn dress(response: Response, peer: &Peer) -> Response {
    let wish = peer.wishes.now();
    let format = wish.format.unwrap_or_default();
    let is_fhir = response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == FHIR_JSON);
    if !is_fhir || (format == Format::Json && !wish.pretty) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body is one of bytes that are there; were it cut short all the same, no part of it would do as the whole.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return answer::rejected(&Rejection::Internal, peer);
    };
    let large = bytes.len() > LARGE;
    let write = move || written(&bytes, format, wish.pretty);
    let written = if large { tokio::task::spawn_blocking(write).await.ok().flatten() } else { write() };
    let Some(written) = written else {
        // Bytes that cannot be turned are a bug: nothing half turned leaves, and the answer says so in plain JSON.
        return answer::rejected(&Rejection::Internal, peer);
    };
    if format == Format::Xml {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_XML));
    }
    // That of the JSON, if any.
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(written))
}

fn written(json: &Bytes, format: Format, pretty: bool) -> Option<Vec<u8>> {
    match (format, pretty) {
        _ if json.is_empty() => Some(Vec::new()),
        (Format::Json, false) => Some(json.to_vec()),
        (Format::Json, true) => pretty::json(json),
        (Format::Xml, _) => mig_fhir_model::json_to_xml(json).ok().map(|xml| pretty::lines_kept(&xml)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wished(accept: &[&str], query: &str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(header::ACCEPT, HeaderValue::from_str(line).expect("a header"));
        }
        Wish::read(&headers, Some(query), None).format
    }

    #[test]
    fn the_weightiest_format_is_served_and_of_two_alike_the_first() {
        use Format::{Json, Xml};
        for (accept, format) in [
            (&[][..], Some(Json)),
            (&["*/*"], Some(Json)),
            (&["application/*"], Some(Json)),
            (&["application/fhir+xml"], Some(Xml)),
            (&["text/xml"], Some(Xml)),
            (&["APPLICATION/XML"], Some(Xml)),
            (&["application/fhir+xml, application/fhir+json"], Some(Xml)),
            (&["application/fhir+xml;q=0.8", "application/fhir+json"], Some(Json)),
            (&["application/fhir+json;q=0.2, application/fhir+xml; q=0.21"], Some(Xml)),
            (&["application/fhir+json;q=0, */*"], Some(Xml)),
            (&["application/fhir+json;q=0.000"], None),
            (&["*/*;q=0"], None),
            (&["*/*;q=0.1, application/xml;q=0.05"], Some(Json)),
            (&["application/xml, */*;q=0.9"], Some(Xml)),
            (&["text/html"], None),
            (&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Some(Xml)),
            (&["application/fhir+xml; fhirVersion=4.0"], Some(Xml)),
            (&["application/fhir+xml; fhirVersion=3.0"], None),
            (&["application/fhir+xml; fhirVersion=3.0, application/fhir+json; fhirVersion=\"4.0\""], Some(Json)),
            (&["application/fhir+json;q=2, application/fhir+json;q=-1, application/fhir+json;q=x"], None),
            (&[""], None),
        ] {
            assert_eq!(wished(accept, ""), format, "{accept:?}");
        }
    }

    #[test]
    fn the_parameter_wins_over_the_header() {
        for (query, format) in [
            ("_format=xml", Some(Format::Xml)),
            ("_format=application/fhir%2Bxml", Some(Format::Xml)),
            ("_format=application/fhir+xml", Some(Format::Xml)),
            ("x=1&_format=text/xml", Some(Format::Xml)),
            ("_format=json&_format=xml", Some(Format::Json)),
            ("_format=application/fhir%2Bxml;fhirVersion%3D5.0", None),
            ("_format=html/xml", None),
            ("_format=", None),
            ("format=xml", None),
        ] {
            assert_eq!(wished(&["text/html"], query), format, "{query}");
        }
        let form = Wish::read(&HeaderMap::new(), Some("_pretty=true"), Some("_format=xml"));
        assert_eq!(form.kept_by("https://x.test/C".to_owned()), "https://x.test/C?_format=xml&_pretty=true");
        let plain = Wish::read(&HeaderMap::new(), Some("_pretty=1"), None);
        assert_eq!(plain.kept_by("https://x.test/C?a=b".to_owned()), "https://x.test/C?a=b");
    }
}
