//! One POST over mutual TLS, and a bounded body back. Knows nothing of SOAP.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// What the connection rests on.
pub(super) struct Identity {
    pub roots: rustls::RootCertStore,
    pub revoked: Vec<CertificateRevocationListDer<'static>>,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransportError {
    /// No connection: nothing was sent, so asking again is safe.
    Connect,
    /// The connection broke on the way.
    Interrupted,
    /// A status other than 200 and 500 that says unavailable.
    Unavailable,
    /// What arrived is not an answer: status, content type or coding.
    NotAnAnswer(&'static str),
    /// Over the size limit.
    TooLarge,
    /// Ended early.
    CutShort,
}

/// What came back, whole.
pub(super) struct Posted {
    pub body: Bytes,
    /// Under status 500.
    pub is_error: bool,
}

/// A pool of connections to one endpoint.
pub(super) struct Transport {
    client: reqwest::Client,
    endpoint: reqwest::Url,
    action: HeaderValue,
    limit: usize,
}

impl Transport {
    pub(super) fn new(
        endpoint: reqwest::Url,
        action: &str,
        identity: Identity,
        limit: usize,
        connect: Duration,
    ) -> Result<Self, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::new(identity.roots),
            Arc::clone(&provider),
        )
        .with_crls(identity.revoked)
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| format!("trust list: {error}"))?;
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(identity.chain, identity.key)
            .map_err(|error| format!("client certificate: {error}"))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(connect)
            .pool_idle_timeout(Duration::from_mins(1))
            .tcp_nodelay(true)
            .build()
            .map_err(|_| "the HTTP client cannot be built".to_owned())?;
        let action = HeaderValue::from_str(action).map_err(|_| "the action is no header value".to_owned())?;
        Ok(Self { client, endpoint, action, limit })
    }

    /// Sends a message and reads the whole answer, or fails at the limit.
    pub(super) async fn post(&self, message: String) -> Result<Posted, TransportError> {
        let response = self
            .client
            .post(self.endpoint.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"))
            .header(HeaderName::from_static("soapaction"), self.action.clone())
            .body(message)
            .send()
            .await
            .map_err(|error| {
                tracing::warn!(stage = "gateway", chain = cause(&error), "the MIG was not reached, or broke off");
                if error.is_connect() { TransportError::Connect } else { TransportError::Interrupted }
            })?;
        let status = response.status().as_u16();
        if !matches!(status, 200 | 500) {
            tracing::warn!(stage = "gateway", status, "the MIG answered with a status that is none of SOAP's");
        }
        match status {
            200 | 500 => {}
            429 | 502..=504 => return Err(TransportError::Unavailable),
            _ => return Err(TransportError::NotAnAnswer("HTTP status")),
        }
        let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        if header(CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Err(TransportError::NotAnAnswer("content coding"));
        }
        if !header(CONTENT_TYPE).is_some_and(is_xml) {
            return Err(TransportError::NotAnAnswer("content type"));
        }
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.limit) {
            return Err(TransportError::TooLarge);
        }
        let mut body = BytesMut::with_capacity(announced.unwrap_or(16 * 1024));
        let mut stream = response.bytes_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| TransportError::CutShort)?;
            if body.len() + piece.len() > self.limit {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Posted { body: body.freeze(), is_error: status == 500 })
    }
}

/// Why a connection failed, for whoever sets one up: in the words of TLS or of the operating system, which know nothing of
/// the message.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut found = "other".to_owned();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls.to_string();
        }
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            // What wraps another error has no words of its own, and does not name that one as its source.
            if let Some(inner) = io.get_ref() {
                next = Some(inner);
                continue;
            }
            found = io.kind().to_string();
        } else if error.to_string() == "dns error" {
            "the name is not known".clone_into(&mut found);
        }
        next = error.source();
    }
    found
}

/// `text/xml`, in UTF-8 where a charset is told.
fn is_xml(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_type = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/xml"));
    is_type
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
                value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_in_the_words_of_tls_or_of_the_system() {
        use std::io::{Error as Io, ErrorKind};
        #[derive(Debug, thiserror::Error)]
        #[error("error sending request for url (https://mig.example/)")]
        struct Outer(#[source] Io);
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        for (error, wanted) in [
            (Io::from(ErrorKind::ConnectionRefused), "connection refused"),
            (Io::new(ErrorKind::InvalidData, untrusted), "invalid peer certificate: UnknownIssuer"),
            (Io::other(Io::from(ErrorKind::ConnectionReset)), "connection reset"),
            (Io::other("anything"), "other"),
        ] {
            assert_eq!(cause(&Outer(error)), wanted);
        }
    }

    #[test]
    fn only_text_xml_in_utf_8_is_an_answer() {
        for (value, wanted) in [
            ("text/xml", true),
            ("text/xml; charset=utf-8", true),
            ("Text/XML;charset=\"UTF-8\"", true),
            ("text/xml; charset=iso-8859-1", false),
            ("application/soap+xml", false),
            ("text/html", false),
        ] {
            assert_eq!(is_xml(value.as_bytes()), wanted, "{value}");
        }
    }
}
