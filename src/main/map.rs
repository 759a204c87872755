//! `map`: what would become of a synthetic record. Prints counts and fixed words, never a value of it.
//!
//! For pipelines: 0 when the record was mapped, whatever in it was odd, omitted or degraded; 1 with one fixed word on
//! standard output when it was not (`policy-absent`, `not-well-formed`, `over-bounds`, `not-openhr`, `not-synthetic`,
//! `unreadable`), or with none when the deployment or the folder of `--out` is at fault; 2 for a wrong command line.

use crate::open::OptionalDeployment;
use crate::{refuse, say};
use clap::Args;
use mig_fhir::clock::Clock;
use mig_fhir::ids::NhsNumber;
use mig_fhir::record::{Limits, ReadError, read};
use mig_fhir::simulator::holdings::{Holding, RecordError};
use mig_fhir::simulator::outlook::{Outlook, outlook};
use mig_fhir::telemetry::chain;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Says what would become of a synthetic record (999 range): entries in, resources out, omissions with reasons.
///
/// Reads files of up to 128 MiB; what is larger than an answer of the MIG may be is told. Exits 0 when it was mapped; 1 when not, with the reason as one word: policy-absent, not-well-formed, over-bounds,
/// not-openhr, not-synthetic, unreadable.
#[derive(Args)]
pub struct Map {
    /// An OpenHR file.
    file: PathBuf,
    /// Writes what would be released to this folder, a file for each resource.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Writes FHIR XML instead of JSON.
    #[arg(long, requires = "out")]
    xml: bool,
    #[command(flatten)]
    deployment: OptionalDeployment,
}

impl Map {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self.look() {
            Ok(None) => ExitCode::SUCCESS,
            Ok(Some((word, why))) => {
                say(word);
                refuse(&[format!("{}: {why}", self.file.display())])
            }
            Err(problems) => refuse(&problems),
        }
    }

    /// Nothing, or why the record was not mapped: a fixed word, and words for people.
    fn look(&self) -> Result<Option<(&'static str, String)>, Vec<String>> {
        let (list, sealer) = (self.deployment.exclusions()?, self.deployment.sealer()?);
        let holding = match open(&self.file) {
            Ok(holding) => holding,
            Err(reason) => return Ok(Some(reason)),
        };
        let found = match outlook(&holding, &list, &sealer, Clock::system().now()) {
            Ok(found) => found,
            Err(error) => return Ok(Some((word(error), chain(&error)))),
        };
        print(&found, list.version());
        if let Some(folder) = &self.out {
            write(&found, folder, self.xml).map_err(|error| vec![format!("{}: {error}", folder.display())])?;
            say(&format!("written to {}", folder.display()));
        }
        Ok(None)
    }
}

/// A tester's file may hold what no answer of the MIG may (32 MiB): a whole record with its documents, or many entries to
/// measure with. About twenty-five times its
/// size in memory where it is all entries.
const BOUNDS: Limits = Limits { bytes: 128 * 1024 * 1024, depth: 64 };

/// A record of the range reserved for synthetic people, and no other. No more is read of a file than the bounds allow.
fn open(file: &Path) -> Result<Holding, (&'static str, String)> {
    let unreadable = |error: std::io::Error| ("unreadable", error.to_string());
    let refused = |error: ReadError| (word(error), chain(&error));
    let mut bytes = Vec::new();
    let most = u64::try_from(BOUNDS.bytes).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > BOUNDS.bytes {
        return Err(refused(ReadError::TooLarge));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| (word(ReadError::Malformed), "the file is not UTF-8".to_owned()))?;
    let record = read(text.as_bytes(), BOUNDS).map_err(refused)?;
    let number = record.patient.as_ref().and_then(|patient| NhsNumber::parse(patient.nhs_number.as_deref()?));
    if !number.is_some_and(|number| number.is_synthetic()) {
        return Err(("not-synthetic", "not a record of the 999 range".to_owned()));
    }
    if record.names_absent_policy {
        return Err(("policy-absent", "a confidentiality policy is named and not there".to_owned()));
    }
    drop(record);
    Holding::read(text).map_err(|error| {
        let word = if error == RecordError::Crowded { word(ReadError::TooLarge) } else { "not-openhr" };
        (word, error.to_string())
    })
}

fn word(error: ReadError) -> &'static str {
    match error {
        ReadError::Malformed => "not-well-formed",
        ReadError::TooLarge => "over-bounds",
        ReadError::NotOpenHr => "not-openhr",
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
    for view in &found.too_large {
        say(&format!("larger than an answer of the MIG may be: {view}"));
    }
    for (title, words) in [("oddities read", &found.oddities), ("not said in FHIR, over all views", &found.degraded)] {
        say(&format!("{title}:{}", if words.is_empty() { " none" } else { "" }));
        for (word, count) in words {
            say(&format!("  {word} {count}"));
        }
    }
}

fn write(found: &Outlook, folder: &Path, xml: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for resource in &found.released {
        let name = |ending: &str| folder.join(format!("{}-{}.{ending}", resource.kind(), resource.id()));
        if xml {
            let text = mig_fhir_model::json_to_xml(resource.json().as_ref()).map_err(std::io::Error::other)?;
            std::fs::write(name("xml"), text)?;
        } else {
            std::fs::write(name("json"), resource.json())?;
        }
    }
    Ok(())
}
