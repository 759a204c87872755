//! Which deployment a command speaks of: a settings file, or a demo's folder.

use clap::Args;
use mig_fhir::config::Config;
#[cfg(feature = "simulator")]
use mig_fhir::ids::Sealer;
use mig_fhir::release::Lists;
use mig_fhir::store::{Store, StoreConfig};
use mig_fhir::telemetry::chain;
use std::path::{Path, PathBuf};

/// The deployment.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Deployment {
    /// The settings.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A demo's folder, running or not.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Deployment {
    /// Its settings, or every problem that they have.
    pub fn settings(&self) -> Result<Config, Vec<String>> {
        settings(self.config.as_deref(), self.data.as_deref())?
            .ok_or_else(|| vec!["--config or --data is needed".to_owned()])
    }

    /// Its settings and its store, which must be there: an empty one in a mistyped place would be found in good order.
    pub async fn open_existing(&self) -> Result<(Config, Store), Vec<String>> {
        let config = self.settings()?;
        if let StoreConfig::Sqlite { path } = &config.store
            && !path.is_file()
        {
            return Err(vec!["store.path: there is no store".to_owned()]);
        }
        opened(config).await
    }

    /// Its settings and its store, which is made if need be.
    pub async fn open(&self) -> Result<(Config, Store), Vec<String>> {
        opened(self.settings()?).await
    }
}

async fn opened(config: Config) -> Result<(Config, Store), Vec<String>> {
    let store = Store::open(&config.store).await.map_err(|error| vec![format!("store: {}", chain(&error))])?;
    Ok((config, store))
}

/// A deployment whose lists and keys are used; without one, the built-in list and a key that is thrown away.
#[derive(Args)]
#[group(multiple = false)]
pub struct OptionalDeployment {
    /// The settings.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A demo's folder, running or not.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl OptionalDeployment {
    /// Its settings, if one was named.
    pub fn settings(&self) -> Result<Option<Config>, Vec<String>> {
        settings(self.config.as_deref(), self.data.as_deref())
    }

    /// The exclusion lists.
    pub fn lists(&self) -> Result<Lists, Vec<String>> {
        match self.settings()? {
            Some(config) => config.exclusions.load(),
            None => Lists::builtin().map_err(|problem| vec![problem.to_owned()]),
        }
    }

    /// The exclusion list in force today.
    #[cfg(feature = "simulator")]
    pub fn exclusions(&self) -> Result<mig_fhir::release::Exclusions, Vec<String>> {
        use mig_fhir::clock::{Clock, to_london};
        Ok(self.lists()?.on(to_london(Clock::system().now()).date()))
    }

    /// What makes logical ids.
    #[cfg(feature = "simulator")]
    pub fn sealer(&self) -> Result<Sealer, Vec<String>> {
        if let Some(config) = self.settings()? {
            return config.ids.sealer().map_err(|problem| vec![problem]);
        }
        let mut key = [0; 64];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| vec!["the machine gives no random bytes".to_owned()])?;
        Ok(Sealer::new(0, &key))
    }
}

fn settings(config: Option<&Path>, data: Option<&Path>) -> Result<Option<Config>, Vec<String>> {
    let path = config.map(Path::to_owned).or_else(|| data.map(|folder| folder.join("config.toml")));
    path.map(|path| Config::load(&path)).transpose()
}
