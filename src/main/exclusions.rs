//! `exclusions explain`: which entry of a synthetic record goes, and why.

use crate::open::OptionalDeployment;
use crate::{refuse, say};
use clap::Subcommand;
use mig_fhir::clock::{Clock, to_london};
use mig_fhir::ids::NhsNumber;
use mig_fhir::record::{Limits, Record, read};
use mig_fhir::release::{Rule, differences, explain, losses};
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
    // What is wrong with the settings and with the file is told at once.
    let (lists, record) = match (deployment.lists(), synthetic(file)) {
        (Ok(lists), Ok(record)) => (lists, record),
        (lists, record) => return Err([lists.err(), record.err()].into_iter().flatten().flatten().collect()),
    };
    let supplier = supplier(&record);
    let today = to_london(Clock::system().now()).date();
    let list = lists.on(today).for_supplier(supplier);
    let gone = explain(&record, &list);
    for entry in &gone {
        let id = if entry.id.is_empty() { "(no id)" } else { entry.id };
        say(&format!("{id}  {}  {}  {}", entry.kind, entry.reason, entry.rule));
    }
    for loss in losses(&record, &list) {
        let mut gone: Vec<String> = loss.parts.iter().map(|rule| format!("a qualifier or text: {rule}")).collect();
        gone.extend((loss.links > 0).then(|| format!("{} links to what goes", loss.links)));
        say(&format!("{}  {}  stays without  {}", loss.id, loss.kind, gone.join("; ")));
    }
    if list.rules().exempt.iter().any(|exempt| exempt.as_str() == supplier) {
        say(&format!("the list is not applied to records from {supplier}: only marks of the practice are heeded"));
    }
    for view in &list.rules().withhold_unknown {
        let codes = list.for_view(*view);
        for entry in explain(&record, &codes).iter().filter(|entry| matches!(entry.rule, Rule::UnknownCode)) {
            say(&format!("{}  {}  {}  {} (where {view} brings it)", entry.id, entry.kind, entry.reason, entry.rule));
        }
    }
    if let Some(shadow) = lists.shadow() {
        let beside = shadow.on(today).for_supplier(supplier);
        for (difference, count) in differences(&record, &list, &beside) {
            let change = if difference.more { "withhold" } else { "release" };
            say(&format!(
                "shadow {}: would {change} {count} more: {} {} {}",
                beside.version(),
                difference.topic,
                difference.system,
                difference.code
            ));
        }
    }
    let all = record.events.len() + record.encounters.len() + record.unidentified.len();
    say(&format!("{} of {all} entries go; list version {}", gone.len(), list.version()));
    Ok(())
}

/// The supplier that the record names (WIRE section 9): as the simulated MIG tells it.
fn supplier(record: &Record) -> &str {
    match record.system_type.as_deref() {
        Some("EMISWEB" | "LV" | "GV" | "PCS") => "EMIS",
        _ => record.system_name.as_deref().unwrap_or("Other"),
    }
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
