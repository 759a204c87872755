//! `agreements import` and `export`: the registers as a TOML file.

use crate::open::Deployment;
use crate::{refuse, say};
use clap::Subcommand;
use mig_fhir::clock::Clock;
use mig_fhir::register::agreements::{Problem, export, import, registers, store_job};
use mig_fhir::telemetry::chain;
use std::path::PathBuf;
use std::process::ExitCode;

/// The sharing agreements, enrolments and suspensions as a TOML file.
#[derive(Subcommand)]
pub enum Agreements {
    /// Adds and changes what the file says; takes nothing away. All of it, or nothing.
    Import {
        /// The file.
        file: PathBuf,
        /// Who imports, for the history.
        #[arg(long, default_value = "command line")]
        by: String,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Prints what is kept.
    Export {
        #[command(flatten)]
        deployment: Deployment,
    },
}

impl Agreements {
    /// Does it.
    pub async fn run(self) -> ExitCode {
        let done = match self {
            Self::Import { file, by, deployment } => take_in(&file, by, &deployment).await,
            Self::Export { deployment } => print(&deployment).await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(problems) => refuse(&problems),
        }
    }
}

async fn take_in(file: &std::path::Path, by: String, deployment: &Deployment) -> Result<(), Vec<String>> {
    let text = std::fs::read_to_string(file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
    let said = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let read = import(&text).map_err(said)?;
    let (_, store) = deployment.open().await?;
    let kept = store.write(store_job(read, by, Clock::system().now())).await;
    store.close().await;
    let imported = kept.map_err(|error| vec![chain(&error)])?.map_err(said)?;
    say(&format!(
        "imported: {} agreements, {} enrolments, {} suspensions; {} unchanged",
        imported.agreements, imported.enrolments, imported.suspensions, imported.unchanged
    ));
    Ok(())
}

async fn print(deployment: &Deployment) -> Result<(), Vec<String>> {
    let (_, store) = deployment.open_existing().await?;
    let kept = registers(store.reader()).await;
    store.close().await;
    say(export(&kept.map_err(|error| vec![chain(&error)])?).trim_end());
    Ok(())
}
