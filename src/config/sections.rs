//! The sections that no other module owns, and the checks of each.

use crate::audit::AuditConfig;
use crate::ids::{Network, RoleCode, Sealer};
use crate::policy::Settings;
use crate::register::agreements::import;
use crate::store::StoreConfig;
use crate::views::CacheConfig;
use serde::Deserialize;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where and how requests are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where the facade listens. TLS towards clients is the business of what stands before it.
    pub listen: SocketAddr,
    /// The base that clients use, such as `https://facade.example/FHIR/R4`; without it, made of `listen`.
    pub public_base_url: Option<String>,
    /// Where `/metrics` listens; nowhere without it.
    pub metrics_listen: Option<SocketAddr>,
    /// What stands before this service and may say in `X-Forwarded-For` whom it speaks for, as networks. Without one the
    /// address that a request comes from is the client's.
    pub trusted_proxies: Vec<String>,
    /// Requests under way at once; more are refused with 503 `THROTTLED`.
    pub max_in_flight: usize,
    /// Requests that one user may make in a minute, of each instance; more are refused with 429 `THROTTLED`. 0 is no limit.
    pub requests_per_minute: u32,
    /// The deadline of a search or read, in milliseconds.
    pub search_deadline_ms: u64,
    /// The deadline of `$everything` and the document, in milliseconds.
    pub everything_deadline_ms: u64,
    /// How long a stop waits for requests under way, in milliseconds.
    pub stop_deadline_ms: u64,
    /// From what age on, in seconds, a record carries a warning.
    pub stale_after_seconds: u64,
    /// Whether `/viewer` is there, a page that shows a record to whoever has a token for it: for test environments.
    pub viewer: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_base_url: None,
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            max_in_flight: 256,
            requests_per_minute: 1_200,
            search_deadline_ms: 3_000,
            everything_deadline_ms: 10_000,
            stop_deadline_ms: 15_000,
            stale_after_seconds: 3_600,
            viewer: false,
        }
    }
}

impl ServerConfig {
    /// The base of every URL that the service makes, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        match &self.public_base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}/FHIR/R4", self.listen),
        }
    }

    /// As [`Self::base_url`], where the listener has been given its port by the machine.
    #[must_use]
    pub fn base_url_at(&self, bound: SocketAddr) -> String {
        Self { listen: bound, ..self.clone() }.base_url()
    }

    /// As [`Self::search_deadline_ms`].
    #[must_use]
    pub fn search_deadline(&self) -> Duration {
        Duration::from_millis(self.search_deadline_ms)
    }

    /// As [`Self::everything_deadline_ms`].
    #[must_use]
    pub fn everything_deadline(&self) -> Duration {
        Duration::from_millis(self.everything_deadline_ms)
    }

    /// As [`Self::trusted_proxies`].
    #[must_use]
    pub fn proxies(&self) -> Vec<Network> {
        self.trusted_proxies.iter().filter_map(|text| Network::parse(text)).collect()
    }

    /// As [`Self::stale_after_seconds`].
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        Duration::from_secs(self.stale_after_seconds)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.public_base_url {
            let sound = (url.starts_with("https://") || url.starts_with("http://"))
                && url.trim_end_matches('/').ends_with("/FHIR/R4")
                && !url.contains(['?', '#', ' ']);
            if !sound {
                problems.push("server.public_base_url: is not an http(s) address that ends in /FHIR/R4".to_owned());
            }
        } else if self.listen.ip().is_unspecified() {
            problems.push("server.public_base_url: is needed when server.listen names every address".to_owned());
        }
        if self.metrics_listen.is_some_and(|metrics| metrics == self.listen && metrics.port() != 0) {
            problems.push("server.metrics_listen: must differ from server.listen".to_owned());
        }
        networks(&mut problems, "server.trusted_proxies", &self.trusted_proxies);
        within(&mut problems, "server.max_in_flight", self.max_in_flight as u64, 1..=100_000);
        within(&mut problems, "server.requests_per_minute", self.requests_per_minute.into(), 0..=1_000_000);
        within(&mut problems, "server.search_deadline_ms", self.search_deadline_ms, 100..=60_000);
        within(&mut problems, "server.everything_deadline_ms", self.everything_deadline_ms, 100..=60_000);
        within(&mut problems, "server.stop_deadline_ms", self.stop_deadline_ms, 0..=120_000);
        within(&mut problems, "server.stale_after_seconds", self.stale_after_seconds, 60..=86_400);
        problems
    }
}

/// Which role codes count as what; the defaults are those of [`Settings`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// Qualified clinicians, unless an agreement says otherwise.
    pub clinician_roles: Option<Vec<String>>,
    /// Privacy officers.
    pub privacy_officer_roles: Option<Vec<String>>,
    /// Practice auditors.
    pub practice_auditor_roles: Option<Vec<String>>,
    /// Administrators.
    pub administrator_roles: Option<Vec<String>>,
    /// The lowest assurance level, 1 to 3, unless an agreement says otherwise.
    pub assurance: Option<u8>,
    /// The networks that clients come from (7.4.4), as `192.0.2.0/24`; any without one.
    pub client_networks: Vec<String>,
}

impl PolicyConfig {
    /// As policy reads them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let default = Settings::default();
        let roles = |named: &Option<Vec<String>>, default| match named {
            Some(codes) => codes.iter().filter_map(|code| RoleCode::parse(code)).collect(),
            None => default,
        };
        Settings {
            clinician_roles: roles(&self.clinician_roles, default.clinician_roles),
            privacy_officer_roles: roles(&self.privacy_officer_roles, default.privacy_officer_roles),
            practice_auditor_roles: roles(&self.practice_auditor_roles, default.practice_auditor_roles),
            administrator_roles: roles(&self.administrator_roles, default.administrator_roles),
            assurance: self.assurance.unwrap_or(default.assurance),
            client_networks: self.client_networks.iter().filter_map(|text| Network::parse(text)).collect(),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, codes) in [
            ("clinician_roles", &self.clinician_roles),
            ("privacy_officer_roles", &self.privacy_officer_roles),
            ("practice_auditor_roles", &self.practice_auditor_roles),
            ("administrator_roles", &self.administrator_roles),
        ] {
            for code in codes.iter().flatten().filter(|code| RoleCode::parse(code).is_none()) {
                problems.push(format!("policy.{key}: {code:?} is not a role code (R and four digits)"));
            }
        }
        let settings = self.settings();
        if settings.clinician_roles.iter().any(|role| settings.administrator_roles.contains(role)) {
            problems
                .push("policy.administrator_roles: an administrator's role may not be a clinician's too".to_owned());
        }
        networks(&mut problems, "policy.client_networks", &self.client_networks);
        if let Some(level) = self.assurance {
            within(&mut problems, "policy.assurance", u64::from(level), 1..=3);
        }
        problems
    }
}

/// The key of the logical ids.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdsConfig {
    /// 64 secret bytes.
    pub key_file: PathBuf,
    /// 0 to 25, one higher with each new key.
    #[serde(default)]
    pub version: u8,
}

impl IdsConfig {
    /// The secret.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn secret(&self) -> Result<zeroize::Zeroizing<[u8; 64]>, String> {
        let mut file = File::open(&self.key_file).map_err(|error| error.to_string())?;
        let mut secret = zeroize::Zeroizing::new([0; 64]);
        file.read_exact(secret.as_mut()).map_err(|_| "holds fewer than 64 bytes".to_owned())?;
        if file.read(&mut [0]).map_err(|error| error.to_string())? > 0 {
            return Err("holds more than 64 bytes".to_owned());
        }
        if secret.iter().all(|byte| Some(byte) == secret.first()) {
            return Err("is one byte repeated, not a secret".to_owned());
        }
        Ok(secret)
    }

    /// What seals and opens the logical ids.
    ///
    /// # Errors
    /// As [`Self::secret`].
    pub fn sealer(&self) -> Result<Sealer, String> {
        Ok(Sealer::new(self.version, &*self.secret()?))
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(problem) = self.secret() {
            problems.push(format!("ids.key_file: {}: {problem}", self.key_file.display()));
        }
        within(&mut problems, "ids.version", u64::from(self.version), 0..=25);
        problems
    }
}

/// What the register is given at the start, and how long those who share have to object to a newcomer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegisterConfig {
    /// Days between the proposal that a practice join an agreement in force and its first day (14). Held wherever an
    /// agreement is changed through the service; a file that the operator imports is signed paper, whose days stand.
    pub objection_days: u16,
    /// Sharing agreements, enrolments and suspensions to import at each start, in the notation of `agreements import`.
    pub import: Option<PathBuf>,
}

impl Default for RegisterConfig {
    fn default() -> Self {
        Self { objection_days: 28, import: None }
    }
}

impl RegisterConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        within(&mut wrong, "register.objection_days", self.objection_days.into(), 0..=365);
        let Some(file) = &self.import else { return wrong };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                wrong.push(format!("register.import: {}: {error}", file.display()));
                return wrong;
            }
        };
        let problems = import(&text).err().unwrap_or_default();
        wrong.extend(problems.iter().map(|problem| format!("register.import: {}: {problem}", file.display())));
        wrong
    }
}

/// A file's folder has to be there; the file itself is made when it is not. A server that is not this machine needs a
/// certificate to be known by.
pub(super) fn store_problems(store: &StoreConfig) -> Vec<String> {
    let mut problems = Vec::new();
    match store {
        StoreConfig::Sqlite { path } => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if path.as_os_str().is_empty() {
                problems.push("store.path: is empty".to_owned());
            } else if !folder.is_dir() {
                problems.push(format!("store.path: {}: the folder does not exist", path.display()));
            }
        }
        StoreConfig::Postgres(postgres) => {
            for (key, text) in [("host", &postgres.host), ("database", &postgres.database), ("user", &postgres.user)] {
                if text.is_empty() {
                    problems.push(format!("store.postgres.{key}: is empty"));
                }
            }
            let owner = postgres.owner.as_ref();
            if owner.is_some_and(|owner| owner.user == postgres.user) {
                problems.push("store.postgres.owner.user: is the service's own user".to_owned());
            }
            let files = [
                ("store.postgres.password_file", postgres.password_file.as_ref()),
                ("store.postgres.ca_file", postgres.ca_file.as_ref()),
                ("store.postgres.owner.password_file", owner.and_then(|owner| owner.password_file.as_ref())),
            ];
            problems.extend(files.into_iter().filter_map(|(key, file)| file.and_then(|file| unreadable(key, file))));
            if postgres.ca_file.is_none() && !postgres.is_local() {
                problems.push("store.postgres.ca_file: is needed for a server on another machine".to_owned());
            }
        }
    }
    problems
}

/// No longer than the contract allows.
pub(super) fn cache_problems(cache: &CacheConfig) -> Vec<String> {
    let mut problems = Vec::new();
    within(&mut problems, "cache.ttl_seconds", cache.ttl_seconds, 0..=CacheConfig::LONGEST_SECONDS);
    within(&mut problems, "cache.bytes", cache.bytes, 0..=1 << 40);
    problems
}

/// The audit's key has to be readable; the anchor's folder has to be there.
pub(super) fn audit_problems(audit: &AuditConfig) -> Vec<String> {
    let mut problems: Vec<String> = unreadable("audit.key_file", &audit.key_file).into_iter().collect();
    let folder = audit.anchor_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        problems.push(format!("audit.anchor_file: {}: the folder does not exist", audit.anchor_file.display()));
    }
    problems
}

fn unreadable(key: &str, file: &Path) -> Option<String> {
    let error = File::open(file).and_then(|mut open| open.read(&mut [0])).err()?;
    Some(format!("{key}: {}: {error}", file.display()))
}

fn networks(problems: &mut Vec<String>, key: &str, texts: &[String]) {
    for text in texts.iter().filter(|text| Network::parse(text).is_none()) {
        problems.push(format!("{key}: {text:?} is not a network (192.0.2.0/24)"));
    }
}

pub(super) fn within(problems: &mut Vec<String>, key: &str, value: u64, range: std::ops::RangeInclusive<u64>) {
    if !range.contains(&value) {
        problems.push(format!("{key}: {value} is not within {} to {}", range.start(), range.end()));
    }
}
