//! The settings of the simulated MIG by itself (`simulate --config FILE`).

use super::holdings::Holdings;
use super::papers::Papers;
use super::server::SimulatorConfig;
use crate::clock::Clock;
use crate::gateway::WireProfile;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value};

/// One TOML file; certificates, keys and lists are PEM files.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its certificate, leaf first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who may vouch for client certificates.
    pub client_ca: PathBuf,
    /// What that list has revoked.
    pub client_crl: Option<PathBuf>,
    /// Who may vouch for signing certificates; `client_ca` by default.
    pub signing_ca: Option<PathBuf>,
    /// What that list has revoked.
    pub signing_crl: Option<PathBuf>,
    /// Each common name, and the ODS codes that it may speak for.
    pub speakers: BTreeMap<String, Vec<String>>,
    /// Its own URLs as senders write them; localhost and 127.0.0.1 by default.
    pub own_urls: Vec<String>,
    /// The wire profile; the built-in one by default.
    pub wire_profile: Option<PathBuf>,
    /// Where the log of extracts goes as JSON lines.
    pub log: Option<PathBuf>,
    /// Where the control endpoint for fault switches listens, on this machine alone; nowhere by default.
    pub control: Option<SocketAddr>,
}

/// The same, each key for itself: what is missing or wrong is told together.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Given {
    listen: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    client_crl: Option<PathBuf>,
    signing_ca: Option<PathBuf>,
    signing_crl: Option<PathBuf>,
    speakers: Option<BTreeMap<String, Vec<String>>>,
    own_urls: Vec<String>,
    wire_profile: Option<PathBuf>,
    log: Option<PathBuf>,
    control: Option<SocketAddr>,
}

impl SimulatorSettings {
    /// Reads a file.
    ///
    /// # Errors
    /// Every problem: unknown and missing keys, wrong values, files that cannot be opened.
    pub fn load(path: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
        Self::read(&text)
    }

    /// As [`Self::load`], from text.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| vec![error.message().to_owned()])?;
        let mut problems = Vec::new();
        let mut sound = Table::new();
        for (key, value) in table {
            let alone = Table::from_iter([(key.clone(), value.clone())]);
            match alone.try_into::<Given>() {
                Ok(_) => drop(sound.insert(key, value)),
                Err(error) => {
                    problems.push(format!("{key}: {}", error.message().lines().next().unwrap_or_default()));
                    // Told already: not missing as well.
                    sound.insert(key, Value::Boolean(false));
                }
            }
        }
        let missing = |key: &&str| !sound.contains_key(*key);
        let needed = ["listen", "certificate", "key", "client_ca", "speakers"];
        problems.extend(needed.iter().filter(|key| missing(key)).map(|key| format!("{key}: is missing")));
        let files = ["certificate", "key", "client_ca", "client_crl", "signing_ca", "signing_crl", "wire_profile"];
        for (key, file) in files.iter().filter_map(|key| Some((key, sound.get(*key)?.as_str()?))) {
            if let Err(error) = std::fs::File::open(file) {
                problems.push(format!("{key}: {file}: {error}"));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let given: Given = sound.try_into().map_err(|error: toml::de::Error| vec![error.message().to_owned()])?;
        match (given.listen, given.certificate, given.key, given.client_ca, given.speakers) {
            (Some(listen), Some(certificate), Some(key), Some(client_ca), Some(speakers)) => Ok(Self {
                listen,
                certificate,
                key,
                client_ca,
                client_crl: given.client_crl,
                signing_ca: given.signing_ca,
                signing_crl: given.signing_crl,
                speakers,
                own_urls: given.own_urls,
                wire_profile: given.wire_profile,
                log: given.log,
                control: given.control,
            }),
            _ => Err(vec!["a setting is missing".to_owned()]),
        }
    }

    /// Every file that may be replaced while the simulator runs.
    #[must_use]
    pub fn replaceable(&self) -> Vec<PathBuf> {
        let optional = [&self.client_crl, &self.signing_ca, &self.signing_crl];
        [&self.certificate, &self.key, &self.client_ca]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .cloned()
            .collect()
    }

    /// Reads certificates, keys and lists.
    ///
    /// # Errors
    /// Every problem.
    pub fn papers(&self) -> Result<Papers, Vec<String>> {
        let mut problems = Vec::new();
        let mut read = |key: &str, file: &Path| {
            std::fs::read(file).unwrap_or_else(|error| {
                problems.push(format!("{key}: {}: {error}", file.display()));
                Vec::new()
            })
        };
        let client_ca = read("client_ca", &self.client_ca);
        let papers = Papers {
            certificate: read("certificate", &self.certificate),
            key: read("key", &self.key),
            client_crl: self.client_crl.as_deref().map(|file| read("client_crl", file)),
            signing_ca: self.signing_ca.as_deref().map_or_else(|| client_ca.clone(), |file| read("signing_ca", file)),
            signing_crl: self.signing_crl.as_deref().map(|file| read("signing_crl", file)),
            client_ca,
        };
        if problems.is_empty() { Ok(papers) } else { Err(problems) }
    }

    /// Reads the files that they name.
    ///
    /// # Errors
    /// Every problem.
    pub fn with(self, holdings: Holdings, clock: Clock) -> Result<SimulatorConfig, Vec<String>> {
        let mut problems = Vec::new();
        let papers = self.papers().map_err(|mut more| problems.append(&mut more)).ok();
        let profile = self.wire_profile.as_deref().map_or_else(WireProfile::builtin, WireProfile::load);
        let profile = profile.map_err(|mut more| problems.append(&mut more)).ok();
        let (Some(papers), Some(profile)) = (papers, profile) else { return Err(problems) };
        let Papers { certificate, key, client_ca, client_crl, signing_ca, signing_crl } = papers;
        Ok(SimulatorConfig {
            listen: self.listen,
            certificate,
            key,
            client_ca,
            client_crl,
            signing_ca,
            signing_crl,
            speakers: self.speakers,
            own_urls: self.own_urls,
            profile,
            holdings: Arc::new(holdings),
            clock,
            log: self.log,
            control: self.control,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let problems = SimulatorSettings::read(
            r#"
            listen = "nowhere"
            certificate = "/no/such/server.pem"
            key = "/no/such/server.key"
            speakers = { "facade.demo.invalid" = ["RX001"] }
            surprise = 1
            "#,
        )
        .err()
        .unwrap();
        let told = |start: &str| problems.iter().filter(|problem| problem.starts_with(start)).count();
        for key in ["listen: ", "certificate: /no", "key: /no", "client_ca: is missing", "surprise: "] {
            assert_eq!(told(key), 1, "{key} {problems:?}");
        }
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(SimulatorSettings::read("listen = [").is_err());
    }
}
