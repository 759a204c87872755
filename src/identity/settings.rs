//! The settings of identity.

use serde::Deserialize;
use std::path::PathBuf;

/// Who may issue tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// The trusted issuers.
    pub issuers: Vec<IssuerConfig>,
    /// Seconds by which clocks may differ, at most 60.
    pub leeway_seconds: u32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { issuers: Vec::new(), leeway_seconds: 5 }
    }
}

/// One trusted issuer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its `iss`, compared by bytes.
    pub issuer: String,
    /// The `aud` that names this service.
    pub audience: String,
    /// A JWK set as a file.
    pub jwks_file: Option<PathBuf>,
    /// A JWK set at an `https` address.
    pub jwks_url: Option<String>,
    /// PEM file of the authorities to trust for that address, instead of the machine's own.
    pub jwks_ca_file: Option<PathBuf>,
}

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// An `https` address.
    Url(String),
}

impl IssuerConfig {
    /// Where its keys are; `None` unless exactly one of file and address is named, and the address is `https`.
    #[must_use]
    pub fn key_source(&self) -> Option<KeySource> {
        match (&self.jwks_file, &self.jwks_url) {
            (Some(file), None) => Some(KeySource::File(file.clone())),
            (None, Some(url)) if url.starts_with("https://") => Some(KeySource::Url(url.clone())),
            _ => None,
        }
    }
}

impl IdentityConfig {
    /// What is wrong with them, every problem at once.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.issuers.is_empty() {
            problems.push("identity.issuers: at least one token issuer is needed".to_owned());
        }
        if self.leeway_seconds > 60 {
            problems.push("identity.leeway_seconds: at most 60".to_owned());
        }
        for (at, issuer) in self.issuers.iter().enumerate() {
            if issuer.issuer.is_empty() {
                problems.push(format!("identity.issuers[{at}].issuer: is empty"));
            }
            if issuer.audience.is_empty() {
                problems.push(format!("identity.issuers[{at}].audience: is empty"));
            }
            if self.issuers.iter().take(at).any(|other| other.issuer == issuer.issuer) {
                problems.push(format!("identity.issuers[{at}].issuer: named twice"));
            }
            match issuer.key_source() {
                None => problems.push(format!(
                    "identity.issuers[{at}]: exactly one of jwks_file and jwks_url (https://…) is needed"
                )),
                Some(KeySource::File(file)) => {
                    if let Err(problem) = super::keys::check_file(&file) {
                        problems.push(format!("identity.issuers[{at}].jwks_file: {}: {problem}", file.display()));
                    }
                }
                Some(KeySource::Url(_)) => {}
            }
            if let Some(file) = &issuer.jwks_ca_file
                && let Err(error) = std::fs::read(file)
            {
                problems.push(format!("identity.issuers[{at}].jwks_ca_file: {}: {error}", file.display()));
            }
        }
        problems
    }
}
