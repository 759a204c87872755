//! The simulator's certificates, keys and lists, and what is made of them. Replaced as a whole while it runs.

use super::server::{Server, SimulatorConfig};
use crate::gateway::WireProfile;
use crate::gateway::security::{Signer, Verifier, Watched, certificates, key, revoked, roots};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Certificates, keys and lists, PEM text.
pub struct Papers {
    /// Its certificate, leaf first.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: Vec<u8>,
    /// Who may vouch for client certificates.
    pub client_ca: Vec<u8>,
    /// What that list has revoked.
    pub client_crl: Option<Vec<u8>>,
    /// Who may vouch for signing certificates.
    pub signing_ca: Vec<u8>,
    /// What that list has revoked.
    pub signing_crl: Option<Vec<u8>>,
}

/// What a server does with them.
pub(super) struct Made {
    pub acceptor: TlsAcceptor,
    pub verifier: Verifier,
    /// Signs answers where the profile demands it; the server's own certificate does.
    pub signer: Option<Signer>,
}

impl From<&SimulatorConfig> for Papers {
    fn from(config: &SimulatorConfig) -> Self {
        Self {
            certificate: config.certificate.clone(),
            key: config.key.clone(),
            client_ca: config.client_ca.clone(),
            client_crl: config.client_crl.clone(),
            signing_ca: config.signing_ca.clone(),
            signing_crl: config.signing_crl.clone(),
        }
    }
}

impl Papers {
    /// Reads all of them, or tells every problem.
    pub(super) fn make(&self, profile: &WireProfile) -> Result<Made, Vec<String>> {
        let mut problems = Vec::new();
        let acceptor = self.tls().map_err(|problem| problems.push(problem)).ok();
        let verifier = self.verifier(profile).map_err(|problem| problems.push(problem)).ok();
        let signer = self.signer(profile).map_err(|problem| problems.push(problem)).ok();
        match (acceptor, verifier, signer) {
            (Some(acceptor), Some(verifier), Some(signer)) => Ok(Made { acceptor, verifier, signer }),
            _ => Err(problems),
        }
    }

    fn tls(&self) -> Result<TlsAcceptor, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trusted = roots(&self.client_ca).map_err(|error| format!("client trust list: {error}"))?;
        let lists = revoked(self.client_crl.as_deref()).map_err(|error| format!("client trust list: {error}"))?;
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
                .with_crls(lists)
                .allow_unknown_revocation_status()
                .build()
                .map_err(|error| format!("client trust list: {error}"))?;
        let chain = certificates(&self.certificate).map_err(|error| format!("server certificate: {error}"))?;
        let key = key(&self.key).map_err(|error| format!("server key: {error}"))?;
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| format!("server certificate: {error}"))?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(tls)))
    }

    fn signer(&self, profile: &WireProfile) -> Result<Option<Signer>, String> {
        let rules = &profile.security;
        if !rules.require_signed_response {
            return Ok(None);
        }
        Signer::from_pem(&self.certificate, &self.key, rules.signature, rules.digest)
            .map(Some)
            .map_err(|error| format!("server certificate, for signed answers: {error}"))
    }

    fn verifier(&self, profile: &WireProfile) -> Result<Verifier, String> {
        let trusted = certificates(&self.signing_ca).map_err(|error| format!("signing trust list: {error}"))?;
        let lists = revoked(self.signing_crl.as_deref()).map_err(|error| format!("signing trust list: {error}"))?;
        Verifier::new(&trusted, &lists, &profile.security).map_err(|error| format!("signing trust list: {error}"))
    }
}

impl Server {
    /// Looks at files and takes what `read` makes of them when they have changed. Never returns. What cannot be used
    /// changes nothing, and is logged and counted.
    pub async fn watch(&self, files: Vec<PathBuf>, read: impl Fn() -> Result<Papers, Vec<String>>) {
        let mut watched = Watched::new(files);
        loop {
            tokio::time::sleep(EVERY).await;
            if watched.have_changed() {
                let outcome = match read().and_then(|papers| self.renew(&papers)) {
                    Ok(()) => {
                        tracing::info!("changed certificates are in force");
                        "taken"
                    }
                    Err(problems) => {
                        for problem in problems {
                            tracing::error!(error = %problem, "a changed certificate, key or list is not taken");
                        }
                        "refused"
                    }
                };
                let labels = [("side", "simulator"), ("outcome", outcome)];
                metrics::counter!("mig_fhir_certificate_changes_total", &labels).increment(1);
            }
        }
    }
}
