//! The section `[alerts]`: to whom alerts and notices go, and how long that is tried.

use super::Keys;
use crate::ids::OdsCode;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};

/// Where alerts and notices go, and with what patience. Without an address they wait in the store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// Where alerts of overrides go.
    pub webhook: Option<String>,
    /// Where those of one organisation go instead, by its ODS code.
    pub organisations: BTreeMap<String, String>,
    /// Where a party to agreements is told of their changes, by its ODS code. Without one it is not told.
    pub notices: BTreeMap<String, String>,
    /// The secret shared with the receivers: a line `whsec_BASE64`, at least 32 bytes; while it changes, a second line.
    pub key_file: Option<PathBuf>,
    /// Certificates (PEM) that the receivers' have to be signed by, in place of those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Whether an address on this machine itself may go without TLS: for the demo and for tests.
    pub loopback_http: bool,
    /// The pause after the first attempt that failed, in seconds; each later one is twice as long.
    pub first_pause_seconds: u64,
    /// The longest pause, in seconds.
    pub longest_pause_seconds: u64,
    /// After how many hours a letter that is not accepted becomes a dead letter.
    pub give_up_after_hours: u64,
    /// After how many attempts it does.
    pub most_attempts: u64,
    /// How long one attempt may take, in seconds.
    pub timeout_seconds: u64,
    /// How often the store is asked for letters, in milliseconds.
    pub look_every_ms: u64,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            webhook: None,
            organisations: BTreeMap::new(),
            notices: BTreeMap::new(),
            key_file: None,
            ca_file: None,
            loopback_http: false,
            first_pause_seconds: 5,
            longest_pause_seconds: 900,
            give_up_after_hours: 72,
            most_attempts: 1_000,
            timeout_seconds: 10,
            look_every_ms: 1_000,
        }
    }
}

impl AlertsConfig {
    /// Everything that is wrong with it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, text) in self.addresses() {
            if let Err(what) = self.address(text) {
                problems.push(format!("alerts.{key}: {what}"));
            }
        }
        for code in self.organisations.keys().chain(self.notices.keys()) {
            if OdsCode::parse(code).is_none() {
                problems.push(format!("alerts: {code:?} is not an ODS code"));
            }
        }
        match &self.key_file {
            Some(file) => {
                if let Err(what) = Keys::load(file) {
                    problems.push(format!("alerts.key_file: {}: {what}", file.display()));
                }
            }
            None if self.addresses().next().is_some() => {
                problems.push("alerts.key_file: is needed where anything is sent".to_owned());
            }
            None => {}
        }
        if let Err(what) = self.client() {
            problems.push(format!("alerts.{what}"));
        }
        for (key, value, range) in [
            ("first_pause_seconds", self.first_pause_seconds, 1..=3_600),
            ("longest_pause_seconds", self.longest_pause_seconds, 1..=86_400),
            ("give_up_after_hours", self.give_up_after_hours, 1..=8_760),
            ("most_attempts", self.most_attempts, 1..=1_000_000),
            ("timeout_seconds", self.timeout_seconds, 1..=30),
            ("look_every_ms", self.look_every_ms, 20..=60_000),
        ] {
            if !range.contains(&value) {
                problems.push(format!("alerts.{key}: {value} is not within {} to {}", range.start(), range.end()));
            }
        }
        problems
    }

    /// Every address, with its setting.
    fn addresses(&self) -> impl Iterator<Item = (String, &str)> {
        let own = self.organisations.iter().map(|(code, text)| (format!("organisations.{code}"), text.as_str()));
        let notices = self.notices.iter().map(|(code, text)| (format!("notices.{code}"), text.as_str()));
        self.webhook.iter().map(|text| ("webhook".to_owned(), text.as_str())).chain(own).chain(notices)
    }

    fn address(&self, text: &str) -> Result<Url, &'static str> {
        let url: Url = text.parse().map_err(|_| "is not an address")?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("names a user, a password or a fragment");
        }
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) => false,
            None => return Err("is not an address"),
        };
        match url.scheme() {
            "https" => Ok(url),
            "http" if here && self.loopback_http => Ok(url),
            _ => Err("is not an https address"),
        }
    }

    /// Where the alerts of an organisation go.
    #[must_use]
    pub fn of_override(&self, organisation: &OdsCode) -> Option<Url> {
        let text = self.organisations.get(organisation.as_str()).or(self.webhook.as_ref())?;
        self.address(text).ok()
    }

    /// Where an organisation is told of changed agreements.
    #[must_use]
    pub fn of_notice(&self, organisation: &OdsCode) -> Option<Url> {
        self.address(self.notices.get(organisation.as_str())?).ok()
    }

    /// Who is told of changed agreements.
    #[must_use]
    pub fn told(&self) -> BTreeSet<OdsCode> {
        self.notices.keys().filter_map(|code| OdsCode::parse(code)).collect()
    }

    /// One line for people on each thing that is sent, or is not; never an address, which may hold a secret.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        let overrides = match (&self.webhook, self.organisations.len()) {
            (Some(_), 0) => "are sent".to_owned(),
            (Some(_), own) => format!("are sent, those of {own} organisations elsewhere"),
            (None, 0) => "are NOT sent: there is no alerts.webhook; they wait in the store".to_owned(),
            (None, own) => format!("of {own} organisations are sent, those of others wait in the store"),
        };
        let notices = self.notices.len();
        vec![
            format!("alerts: overrides {overrides}"),
            format!("alerts: {notices} organisations are told of changed agreements"),
        ]
    }

    /// One client for all receivers: no redirects, no proxy, nothing retried behind our back.
    pub(super) fn client(&self) -> Result<reqwest::Client, String> {
        // Whoever comes first installs it; it is the same provider everywhere.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent("mig-fhir")
            .timeout(self.timeout());
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).map_err(|error| format!("ca_file: {}: {}", file.display(), error.kind()))?;
            let bundle = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if bundle.is_empty() {
                return Err(format!("ca_file: {}: holds no PEM certificate", file.display()));
            }
            builder = builder.tls_certs_only(bundle);
        }
        builder.build().map_err(|_| "ca_file: cannot be used".to_owned())
    }

    /// As [`Self::timeout_seconds`].
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut AlertsConfig)) -> Vec<String> {
        let mut config = AlertsConfig::default();
        change(&mut config);
        config.problems()
    }

    #[test]
    fn nothing_set_is_sound_and_sends_nothing() {
        assert!(with(|_| {}).is_empty());
        assert!(AlertsConfig::default().said()[0].contains("NOT sent"));
    }

    #[test]
    fn an_address_is_https_or_this_machine_where_that_is_allowed() {
        let wrong = |text: &str, loopback: bool| {
            let found = with(|config| {
                config.webhook = Some(text.to_owned());
                config.loopback_http = loopback;
            });
            found.iter().any(|one| one.starts_with("alerts.webhook"))
        };
        for (text, loopback, refused) in [
            ("https://alerts.example.nhs.uk/hook", false, false),
            ("http://alerts.example.nhs.uk/hook", true, true),
            ("http://127.0.0.1:8080/hook", false, true),
            ("http://127.0.0.1:8080/hook", true, false),
            ("http://[::1]:8080/hook", true, false),
            ("http://localhost/hook", true, true),
            ("http://127.0.0.1@elsewhere.example/", true, true),
            ("https://jo:secret@alerts.example.nhs.uk/", false, true),
            ("ftp://127.0.0.1/", true, true),
            ("alerts", true, true),
        ] {
            assert_eq!(wrong(text, loopback), refused, "{text} {loopback}");
        }
    }

    #[test]
    fn every_problem_is_told_at_once_and_no_address_is() {
        let found = with(|config| {
            config.webhook = Some("http://secret.example/".to_owned());
            config.notices.insert("a b".to_owned(), "https://ok.example/".to_owned());
            config.timeout_seconds = 0;
            config.ca_file = Some("/no/such/file".into());
        });
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(!found.iter().any(|one| one.contains("secret")), "{found:?}");
    }
}
