//! Settings: composes each module's own, and is the only reader of the environment.
//!
//! One TOML file; every key can be overridden by `MIG_FHIR__SECTION__KEY`. [`Config::load`] gives settings without a
//! problem, or every problem at once: unknown keys, wrong values, missing keys, files that cannot be read.
//! Called by the command line, the demo and tests.

mod exclusions;
mod overlay;
mod reviews;
mod sections;
// The tests make their certificates with what makes the demo's.
#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests;

pub use exclusions::ExclusionsConfig;
pub use reviews::ReviewsConfig;
pub use sections::{IdsConfig, PolicyConfig, RegisterConfig, ServerConfig};

use crate::audit::AuditConfig;
use crate::gateway::GatewayConfig;
use crate::identity::IdentityConfig;
use crate::outbox::AlertsConfig;
use crate::store::StoreConfig;
use crate::telemetry::LogConfig;
use crate::views::CacheConfig;
use std::path::Path;

/// A folder of this name below the machine's folder for temporary files.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this module alone reads the environment")]
pub fn temporary_folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(name)
}

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where and how requests are taken.
    pub server: ServerConfig,
    /// Who may issue tokens.
    pub identity: IdentityConfig,
    /// Which roles count as what.
    pub policy: PolicyConfig,
    /// Where the service keeps its own data.
    pub store: StoreConfig,
    /// The audit's key and anchor.
    pub audit: AuditConfig,
    /// The legacy leg.
    pub gateway: GatewayConfig,
    /// How long and how much released data may be kept in memory.
    pub cache: CacheConfig,
    /// The key of the logical ids.
    pub ids: IdsConfig,
    /// Exclusion lists beside the built-in one.
    pub exclusions: ExclusionsConfig,
    /// What the register is given at the start.
    pub register: RegisterConfig,
    /// To whom alerts and notices go.
    pub alerts: AlertsConfig,
    /// How soon reviews are to be closed, and which views are reviewed beside overrides.
    pub reviews: ReviewsConfig,
    /// Logs.
    pub log: LogConfig,
}

impl Config {
    /// Reads a file and the environment.
    ///
    /// # Errors
    /// Every problem at once, each naming its setting; never the value of a secret.
    pub fn load(path: &Path) -> Result<Self, Vec<String>> {
        Self::load_with(path, Vec::new())
    }

    /// Reads a file, the environment, and over both what is given in the form of environment variables.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(path: &Path, over: Vec<(String, String)>) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
        Self::read(&text, overlay::environment().into_iter().chain(over))
    }

    /// Reads settings from text and overrides in the form of environment variables.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn read(text: &str, overrides: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut table = overlay::Overlay::new(text, overrides, &mut problems);
        let server = table.section("server", &mut problems);
        let identity = table.section("identity", &mut problems);
        let policy = table.section("policy", &mut problems);
        let store = table.section("store", &mut problems);
        let audit = table.section("audit", &mut problems);
        let gateway = table.section("gateway", &mut problems);
        let cache = table.section("cache", &mut problems);
        let ids = table.section("ids", &mut problems);
        let exclusions = table.section("exclusions", &mut problems);
        let register = table.section("register", &mut problems);
        let alerts = table.section("alerts", &mut problems);
        let reviews = table.section("reviews", &mut problems);
        let log = table.section("log", &mut problems);
        table.finish(&mut problems);

        // Sections that could be read are checked even when others could not: all problems at once.
        problems.extend(server.iter().flat_map(ServerConfig::problems));
        problems.extend(identity.iter().flat_map(IdentityConfig::problems));
        problems.extend(policy.iter().flat_map(PolicyConfig::problems));
        problems.extend(store.iter().flat_map(sections::store_problems));
        problems.extend(audit.iter().flat_map(sections::audit_problems));
        problems.extend(gateway.iter().flat_map(GatewayConfig::problems));
        problems.extend(cache.iter().flat_map(sections::cache_problems));
        problems.extend(ids.iter().flat_map(IdsConfig::problems));
        problems.extend(exclusions.iter().flat_map(ExclusionsConfig::problems));
        problems.extend(register.iter().flat_map(RegisterConfig::problems));
        problems.extend(alerts.iter().flat_map(AlertsConfig::problems));
        problems.extend(reviews.iter().flat_map(ReviewsConfig::problems));

        let governance = alerts.zip(reviews);
        match (server, identity, policy, store, audit, gateway, cache, ids, exclusions, register, governance, log) {
            (
                Some(server),
                Some(identity),
                Some(policy),
                Some(store),
                Some(audit),
                Some(gateway),
                Some(cache),
                Some(ids),
                Some(exclusions),
                Some(register),
                Some((alerts, reviews)),
                Some(log),
            ) if problems.is_empty() => Ok(Self {
                server,
                identity,
                policy,
                store,
                audit,
                gateway,
                cache,
                ids,
                exclusions,
                register,
                alerts,
                reviews,
                log,
            }),
            _ => Err(problems),
        }
    }

    /// What is wrong with them now: settings that were sound when read may since have lost a file.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.server.problems();
        problems.extend(self.identity.problems());
        problems.extend(self.policy.problems());
        problems.extend(sections::store_problems(&self.store));
        problems.extend(sections::audit_problems(&self.audit));
        problems.extend(self.gateway.problems());
        problems.extend(sections::cache_problems(&self.cache));
        problems.extend(self.ids.problems());
        problems.extend(self.exclusions.problems());
        problems.extend(self.register.problems());
        problems.extend(self.alerts.problems());
        problems.extend(self.reviews.problems());
        problems
    }
}
