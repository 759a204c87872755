//! What we show the gateway and whom we believe: TLS, signing key, trust and revocation lists, taken anew when a file changes.
//!
//! Files are read here and nowhere else in this stage. A changed file that cannot be used changes nothing: what was in
//! force stays, and it is logged and counted. Called by `config` at the start and by [`Gateway::watch`](super::Gateway).

use super::GatewayConfig;
use super::profile::WireProfile;
use super::security::{Signer, Verifier, certificates, common_name, key, last_instant, revoked, roots};
use super::transport::{Identity, Transport};
use crate::clock::Clock;
use rustls_pki_types::CertificateRevocationListDer;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::OffsetDateTime;

/// All of it, as of one reading.
pub(super) struct Credentials {
    pub transport: Transport,
    pub signer: Signer,
    /// Judges answers, where the profile demands that they are signed.
    pub verifier: Option<Verifier>,
    /// The last instant of the TLS certificate.
    tls_last: Option<OffsetDateTime>,
}

/// Collects problems instead of stopping at the first.
pub(super) struct Problems(pub Vec<String>);

impl Problems {
    pub(super) fn keep<T>(&mut self, name: &str, result: Result<T, impl std::fmt::Display>) -> Option<T> {
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

    /// What an optional file revokes: nothing without one; a problem where it is named and cannot be read.
    fn lists(&mut self, name: &str, path: Option<&Path>) -> Option<Vec<CertificateRevocationListDer<'static>>> {
        let Some(path) = path else { return Some(Vec::new()) };
        let pem = self.file(name, path)?;
        self.keep(name, revoked(Some(&pem)))
    }
}

impl GatewayConfig {
    /// Every file that may be replaced while we run.
    pub(super) fn replaceable(&self) -> Vec<PathBuf> {
        let optional = [&self.crl, &self.signing_certificate, &self.signing_key, &self.response_ca, &self.response_crl];
        let always = [&self.ca, &self.client_certificate, &self.client_key];
        always.into_iter().chain(optional.into_iter().flatten()).cloned().collect()
    }
}

impl Credentials {
    /// Reads every file.
    ///
    /// # Errors
    /// Every problem, by key of the settings.
    pub(super) fn load(config: &GatewayConfig, profile: &WireProfile, url: &reqwest::Url) -> Result<Self, Vec<String>> {
        let mut problems = Problems(Vec::new());
        let trusted = problems.file("ca", &config.ca).and_then(|pem| problems.keep("ca", roots(&pem)));
        let lists = problems.lists("crl", config.crl.as_deref());
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
        let signer = signing.zip(signing_key).and_then(|(certificate, key)| {
            let (signature, digest) = (profile.security.signature, profile.security.digest);
            problems.keep("signing_certificate", Signer::from_pem(&certificate, &key, signature, digest))
        });
        let tls_leaf = chain.as_ref().and_then(|chain| chain.first());
        if let (Some(signer), Some(leaf)) = (&signer, tls_leaf) {
            let same = common_name(leaf).is_ok_and(|name| name == signer.common_name());
            if profile.security.same_common_name && !same {
                problems
                    .0
                    .push("gateway: the TLS and signing certificates have not the same single common name".to_owned());
            }
        }
        let tls_last = tls_leaf.and_then(|leaf| last_instant(leaf));
        let verifier = profile.security.require_signed_response.then(|| {
            let list = problems.file("response_ca", config.response_ca.as_deref().unwrap_or(Path::new("")));
            let list = list.and_then(|pem| problems.keep("response_ca", certificates(&pem)));
            let lists = problems.lists("response_crl", config.response_crl.as_deref());
            let (list, lists) = (list?, lists?);
            problems.keep("response_ca", Verifier::new(&list, &lists, &profile.security))
        });
        let (Some(roots), Some(revoked), Some(chain), Some(key), Some(signer)) =
            (trusted, lists, chain, own_key, signer)
        else {
            return Err(problems.0);
        };
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let connect = Duration::from_millis(config.connect_timeout_ms);
        let identity = Identity { roots, revoked, chain, key };
        let transport =
            Transport::new(url.clone(), &profile.addressing.service, identity, profile.limits.response_bytes, connect)
                .map_err(|problem| vec![format!("gateway: {problem}")])?;
        Ok(Self { transport, signer, verifier: verifier.flatten(), tls_last })
    }

    /// What has ended already: a file that brings it in is not taken in place of one that has not.
    pub(super) fn ended(&self, now: OffsetDateTime) -> Option<&'static str> {
        let past = |last: Option<OffsetDateTime>| last.is_some_and(|last| last <= now);
        if past(self.tls_last) {
            return Some("gateway.client_certificate: expired");
        }
        past(self.signer.last_instant()).then_some("gateway.signing_certificate: expired")
    }

    /// Tells the metrics how long the certificates last.
    pub(super) fn measure(&self, clock: &Clock) {
        for (name, last) in [("tls", self.tls_last), ("signing", self.signer.last_instant())] {
            if let Some(last) = last {
                let left = (last - clock.now()).as_seconds_f64();
                metrics::gauge!("mig_fhir_certificate_seconds_left", "certificate" => name).set(left);
            }
        }
    }
}
