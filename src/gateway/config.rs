//! The gateway's settings, and everything wrong with them at once.

use super::breaker::{Breaker, Limits};
use super::exchange::Exchange;
use super::profile::WireProfile;
use super::security::{Signer, Verifier, certificates, key, roots};
use super::transport::{Identity, Transport};
use super::{Gateway, Inner};
use crate::clock::Clock;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the gateway is and what we show it. Keys and certificates are PEM files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// `https://…`, dialled and named in `wsa:To` byte for byte.
    pub endpoint: String,
    /// Who may vouch for the gateway. The system's own list is never used.
    pub ca: PathBuf,
    /// What that list has revoked.
    pub crl: Option<PathBuf>,
    /// Our certificate for TLS, leaf first.
    pub client_certificate: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    /// Our certificate for signatures; the TLS one if absent.
    pub signing_certificate: Option<PathBuf>,
    /// Its key.
    pub signing_key: Option<PathBuf>,
    /// Who may vouch for signatures of answers, where the profile demands them.
    pub response_ca: Option<PathBuf>,
    /// The wire profile; the built-in one if absent.
    pub wire_profile: Option<PathBuf>,
    /// Milliseconds for a connection.
    pub connect_timeout_ms: u64,
    /// Times a busy or unreachable gateway is asked again, inside the deadline.
    pub retries: u32,
    /// Calls under way in all.
    pub calls: usize,
    /// Calls under way to one practice.
    pub practice_calls: usize,
    /// Failures in a row that open a circuit.
    pub circuit_failures: u32,
    /// Seconds that it stays open.
    pub circuit_open_seconds: u64,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            ca: PathBuf::new(),
            crl: None,
            client_certificate: PathBuf::new(),
            client_key: PathBuf::new(),
            signing_certificate: None,
            signing_key: None,
            response_ca: None,
            wire_profile: None,
            connect_timeout_ms: 1000,
            retries: 2,
            calls: 256,
            practice_calls: 64,
            circuit_failures: 5,
            circuit_open_seconds: 10,
        }
    }
}

impl GatewayConfig {
    /// Everything wrong with it, files included; empty when [`Gateway::build`] would succeed.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        Gateway::build(self, Clock::system()).err().unwrap_or_default()
    }

    fn limits(&self) -> Result<Limits, String> {
        if self.calls == 0 || self.practice_calls == 0 || self.circuit_failures == 0 || self.connect_timeout_ms == 0 {
            return Err("calls, practice_calls, circuit_failures and connect_timeout_ms are at least 1".to_owned());
        }
        Ok(Limits {
            failures: self.circuit_failures,
            open: Duration::from_secs(self.circuit_open_seconds),
            calls: self.calls.min(tokio::sync::Semaphore::MAX_PERMITS),
            practice_calls: self.practice_calls.min(tokio::sync::Semaphore::MAX_PERMITS),
        })
    }
}

/// Collects problems instead of stopping at the first.
struct Problems(Vec<String>);

impl Problems {
    fn keep<T>(&mut self, name: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
        result.map_err(|error| self.0.push(format!("gateway.{name}: {error}"))).ok()
    }

    fn file(&mut self, name: &str, path: &Path) -> Option<Vec<u8>> {
        if path.as_os_str().is_empty() {
            self.0.push(format!("gateway.{name} is missing"));
            return None;
        }
        let read = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        self.keep(name, read)
    }
}

fn endpoint(text: &str) -> Result<reqwest::Url, &'static str> {
    let url = reqwest::Url::parse(text).map_err(|_| "not a URL")?;
    if url.scheme() != "https" {
        return Err("not https");
    }
    if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("a URL with a host, and without user or fragment");
    }
    Ok(url)
}

fn lists(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, &'static str> {
    CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| "not a PEM revocation list")
}

impl Gateway {
    /// Reads files, keys and profile, once.
    ///
    /// # Errors
    /// Every problem, by key of the settings.
    pub fn build(config: &GatewayConfig, clock: Clock) -> Result<Self, Vec<String>> {
        let mut problems = Problems(Vec::new());
        let profile = match config.wire_profile.as_deref().map_or_else(WireProfile::builtin, WireProfile::load) {
            Ok(profile) => Some(profile),
            Err(list) => {
                problems.0.extend(list.into_iter().map(|problem| format!("gateway.wire_profile: {problem}")));
                None
            }
        };
        let url = problems.keep("endpoint", endpoint(&config.endpoint));
        let limits = config.limits();
        let limits = problems.keep("limits", limits);
        let roots = problems.file("ca", &config.ca).and_then(|pem| problems.keep("ca", roots(&pem)));
        let revoked = match &config.crl {
            Some(path) => problems.file("crl", path).and_then(|pem| problems.keep("crl", lists(&pem))),
            None => Some(Vec::new()),
        };
        let certificate = problems.file("client_certificate", &config.client_certificate);
        let private = problems.file("client_key", &config.client_key);
        let chain = certificate.as_deref().and_then(|pem| problems.keep("client_certificate", certificates(pem)));
        let own_key = private.as_deref().and_then(|pem| problems.keep("client_key", key(pem)));
        let (signing, signing_key) = match (&config.signing_certificate, &config.signing_key) {
            (None, None) => (certificate, private),
            (Some(certificate), Some(key)) => {
                (problems.file("signing_certificate", certificate), problems.file("signing_key", key))
            }
            _ => {
                problems.0.push("gateway.signing_certificate and gateway.signing_key go together".to_owned());
                (None, None)
            }
        };
        let signer = match (&profile, signing, signing_key) {
            (Some(profile), Some(certificate), Some(key)) => {
                let (signature, digest) = (profile.security.signature, profile.security.digest);
                problems.keep("signing_certificate", Signer::from_pem(&certificate, &key, signature, digest))
            }
            _ => None,
        };
        if let (Some(profile), Some(signer), Some(leaf)) =
            (&profile, &signer, chain.as_ref().and_then(|chain| chain.first()))
        {
            let same = super::security::common_name(leaf).is_ok_and(|name| name == signer.common_name());
            if profile.security.same_common_name && !same {
                problems
                    .0
                    .push("gateway: the TLS and signing certificates have not the same single common name".to_owned());
            }
        }
        let verifier = match &profile {
            Some(profile) if profile.security.require_signed_response => {
                let path = config.response_ca.clone().unwrap_or_default();
                let list = problems.file("response_ca", &path);
                let list = list.and_then(|pem| problems.keep("response_ca", certificates(&pem)));
                list.and_then(|list| problems.keep("response_ca", Verifier::new(&list, &[], &profile.security)))
            }
            _ => None,
        };
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let (Some(profile), Some(url), Some(limits), Some(roots), Some(revoked), Some(chain), Some(key), Some(signer)) =
            (profile, url, limits, roots, revoked, chain, own_key, signer)
        else {
            return Err(problems.0);
        };
        let to = if profile.addressing.to.is_empty() { config.endpoint.clone() } else { profile.addressing.to.clone() };
        let connect = Duration::from_millis(config.connect_timeout_ms);
        let identity = Identity { roots, revoked, chain, key };
        let transport =
            Transport::new(url, &profile.addressing.service, identity, profile.limits.response_bytes, connect)
                .map_err(|problem| vec![format!("gateway: {problem}")])?;
        let exchange = Exchange { transport, to, profile, signer, verifier, clock, retries: config.retries };
        Ok(Self { inner: Arc::new(Inner { exchange, breaker: Breaker::new(limits) }) })
    }
}
