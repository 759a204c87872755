//! gzip for whoever accepts it (RFC 9110, 12.5.3): the last step before the wire, on bytes that were finished.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Shorter bodies fit into one packet as they are.
const WORTH_IT: u64 = 1024;
/// Bytes from which on the work is done off the threads that answer others.
const LARGE: usize = 64 * 1024;

/// Whether `Accept-Encoding` lets gzip be sent: by its name, else by `*`, and not with a weight of nothing.
#[must_use]
pub fn is_accepted(headers: &HeaderMap) -> bool {
    let mut any = None;
    for range in headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
    {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        let wanted = weight.is_none_or(|weight| weight.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        if name == "*" {
            any = Some(wanted);
        }
    }
    any.unwrap_or(false)
}

/// The answer, squeezed if that is accepted and worth it. What is told as it is made, a report, goes as it is.
pub async fn squeeze(mut response: Response, accepted: bool) -> Response {
    let worth_it = response.body().size_hint().exact().is_some_and(|size| size >= WORTH_IT);
    if !worth_it || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !accepted {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        // Bytes that are there cannot be cut short; were they, nothing is better than a part that looks whole.
        return Response::from_parts(parts, Body::empty());
    };
    let large = bytes.len() > LARGE;
    let plain = bytes.clone();
    let work = move || written(&plain);
    let squeezed = if large { tokio::task::spawn_blocking(work).await.ok().flatten() } else { work() };
    let Some(squeezed) = squeezed else { return Response::from_parts(parts, Body::from(bytes)) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(squeezed))
}

fn written(bytes: &[u8]) -> Option<Vec<u8>> {
    // The fastest level: whoever waits for a record waits for this too.
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn gzip_is_sent_to_whoever_says_so_and_to_nobody_else() {
        for (said, wanted) in [
            ("gzip", true),
            ("GZIP", true),
            ("x-gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("br, deflate", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(said));
            assert_eq!(is_accepted(&headers), wanted, "{said}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_squeezed_is_the_same_again_and_what_is_short_is_left() {
        let text = "{\"resourceType\":\"Bundle\"}".repeat(10_000);
        let response = squeeze(Response::new(Body::from(text.clone())), true).await;
        assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("bytes");
        assert!(bytes.len() < text.len() / 10);
        let mut back = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut back).expect("gzip");
        assert_eq!(back, text);
        for (body, accepted) in [("short".to_owned(), true), (text, false)] {
            let response = squeeze(Response::new(Body::from(body.clone())), accepted).await;
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
            assert_eq!(to_bytes(response.into_body(), usize::MAX).await.expect("bytes"), body.as_bytes());
        }
    }
}
