//! `exclusions explain`: which entry of a synthetic record goes, and why.

use crate::open::OptionalDeployment;
use crate::{refuse, say};
use clap::Subcommand;
use mig_fhir::ids::NhsNumber;
use mig_fhir::record::{Limits, Record, read};
use mig_fhir::release::explain;
use mig_fhir::telemetry::chain;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exclusion list.
#[derive(Subcommand)]
pub enum Explain {
    /// Says which entry of a synthetic record (999 range) goes, by which rule and version of the list.
    Explain {
        /// An OpenHR file.
        file: PathBuf,
        #[command(flatten)]
        deployment: OptionalDeployment,
    },
}

impl Explain {
    /// Does it.
    pub fn run(self) -> ExitCode {
        let Self::Explain { file, deployment } = self;
        match print(&file, &deployment) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problems) => refuse(&problems),
        }
    }
}

fn print(file: &Path, deployment: &OptionalDeployment) -> Result<(), Vec<String>> {
    let list = deployment.exclusions()?;
    let record = synthetic(file)?;
    let gone = explain(&record, &list);
    for entry in &gone {
        let id = if entry.id.is_empty() { "(no id)" } else { entry.id };
        say(&format!("{id}  {}  {}  {}", entry.kind, entry.reason, entry.rule));
    }
    let all = record.events.len() + record.encounters.len() + record.unidentified.len();
    say(&format!("{} of {all} entries go; list version {}", gone.len(), list.version()));
    Ok(())
}

/// A record of the range reserved for synthetic people, and no other.
pub fn synthetic(file: &Path) -> Result<Record, Vec<String>> {
    let xml = std::fs::read(file).map_err(|error| vec![format!("{}: {error}", file.display())])?;
    let record =
        read(&xml, Limits::default()).map_err(|error| vec![format!("{}: {}", file.display(), chain(&error))])?;
    let number = record.patient.as_ref().and_then(|patient| NhsNumber::parse(patient.nhs_number.as_deref()?));
    if number.is_some_and(|number| number.is_synthetic()) {
        Ok(record)
    } else {
        Err(vec![format!("{}: not a record of the 999 range", file.display())])
    }
}
