//! `map`: what would become of a synthetic record. Prints counts and fixed words, never a value of it.

use crate::exclusions::synthetic;
use crate::open::OptionalDeployment;
use crate::{refuse, say};
use clap::Args;
use mig_fhir::clock::Clock;
use mig_fhir::simulator::holdings::Holding;
use mig_fhir::simulator::outlook::{Outlook, outlook};
use mig_fhir::telemetry::chain;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Says what would become of a synthetic record (999 range): entries in, resources out, omissions with reasons.
#[derive(Args)]
pub struct Map {
    /// An OpenHR file.
    file: PathBuf,
    /// Writes what would be released to this folder, a file for each resource.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    deployment: OptionalDeployment,
}

impl Map {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self.look() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(problems) => refuse(&problems),
        }
    }

    fn look(&self) -> Result<bool, Vec<String>> {
        let (list, sealer) = (self.deployment.exclusions()?, self.deployment.sealer()?);
        let here = |problem: String| vec![format!("{}: {problem}", self.file.display())];
        if synthetic(&self.file)?.names_absent_policy {
            say("policy-absent");
            return Ok(false);
        }
        let text = std::fs::read_to_string(&self.file).map_err(|error| here(error.to_string()))?;
        let holding = Holding::read(text).map_err(|error| here(error.to_string()))?;
        let found = outlook(&holding, &list, &sealer, Clock::system().now()).map_err(|error| here(chain(&error)))?;
        print(&found, list.version());
        if let Some(folder) = &self.out {
            write(&found, folder).map_err(|error| vec![format!("{}: {error}", folder.display())])?;
            say(&format!("written to {}", folder.display()));
        }
        Ok(true)
    }
}

fn print(found: &Outlook, version: &str) {
    say(&format!("exclusion list version {version}"));
    say("entries in, and what became of them:");
    for (kind, tally) in &found.entries {
        let mut parts = vec![format!("{} made into resources", tally.sources)];
        parts.extend((tally.components > 0).then(|| format!("{} part of others", tally.components)));
        parts.extend(tally.omitted.iter().map(|(reason, count)| format!("{count} omitted: {reason}")));
        parts.extend((tally.in_no_view > 0).then(|| format!("{} in no view", tally.in_no_view)));
        say(&format!("  {kind} {}: {}", tally.entries, parts.join(", ")));
    }
    say("resources out:");
    for (kind, count) in found.resources() {
        say(&format!("  {kind} {count}"));
    }
    for (title, words) in [("oddities read", &found.oddities), ("not said in FHIR, over all views", &found.degraded)] {
        say(&format!("{title}:{}", if words.is_empty() { " none" } else { "" }));
        for (word, count) in words {
            say(&format!("  {word} {count}"));
        }
    }
}

fn write(found: &Outlook, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for resource in &found.released {
        std::fs::write(folder.join(format!("{}-{}.json", resource.kind(), resource.id())), resource.json())?;
    }
    Ok(())
}
