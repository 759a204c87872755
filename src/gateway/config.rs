//! The gateway's settings, and everything wrong with them at once.

use super::breaker::{Breaker, Limits};
use super::credentials::{Credentials, Problems};
use super::exchange::Exchange;
use super::profile::WireProfile;
use super::security::Current;
use super::{Gateway, Inner};
use crate::clock::Clock;
use serde::Deserialize;
use std::path::PathBuf;
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
    /// What that list has revoked.
    pub response_crl: Option<PathBuf>,
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
            response_crl: None,
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
        // Read with another profile, too, where the one named cannot be: every problem is told at once.
        let read_by = profile.as_ref().map_or_else(WireProfile::builtin, |profile| Ok(profile.clone()));
        let dialled = url.clone().or_else(|| endpoint("https://localhost").ok());
        let credentials = match (read_by, dialled) {
            (Ok(profile), Some(url)) => {
                Credentials::load(config, &profile, &url).map_err(|list| problems.0.extend(list)).ok()
            }
            _ => None,
        };
        let (Some(profile), Some(url), Some(limits), Some(credentials)) = (profile, url, limits, credentials) else {
            return Err(problems.0);
        };
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        let to = if profile.addressing.to.is_empty() { config.endpoint.clone() } else { profile.addressing.to.clone() };
        let exchange = Exchange {
            credentials: Current::new(credentials),
            to,
            profile: Arc::new(profile),
            clock,
            retries: config.retries,
        };
        let inner = Inner { exchange, breaker: Breaker::new(limits), config: config.clone(), url };
        Ok(Self { inner: Arc::new(inner) })
    }
}
