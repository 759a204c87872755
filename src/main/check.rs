//! `check`: are the settings sound, and when does each certificate expire.

use crate::{refuse, say};
use clap::Args;
use mig_fhir::clock::{Clock, rfc3339, to_london};
use mig_fhir::config::Config;
use mig_fhir::gateway::profile::{DEFAULT_PROFILE, SCHEMA};
use mig_fhir::register::agreements::import;
use mig_fhir::release::{Exclusions, Lists};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::{Date, Duration, OffsetDateTime};

/// A certificate with less life left than this is a warning.
const SOON: Duration = Duration::days(30);

/// Validates the settings and what they name, and says when each certificate expires.
#[derive(Args)]
pub struct Check {
    /// The settings.
    #[arg(long, required_unless_present_any = ["print_wire_profile", "print_schema"])]
    config: Option<PathBuf>,
    /// Prints the built-in wire profile.
    #[arg(long)]
    print_wire_profile: bool,
    /// Prints the schema of the legacy payloads.
    #[arg(long)]
    print_schema: bool,
}

impl Check {
    /// Prints every problem, or that there is none.
    pub fn run(self) -> ExitCode {
        if self.print_wire_profile {
            say(DEFAULT_PROFILE.trim_end());
        }
        if self.print_schema {
            say(SCHEMA.trim_end());
        }
        let Some(file) = &self.config else { return ExitCode::SUCCESS };
        let config = match Config::load(file) {
            Ok(config) => config,
            Err(problems) => return refuse(&problems),
        };
        let now = Clock::system().now();
        let mut problems = Vec::new();
        for (key, file) in
            [("gateway.ca", &config.gateway.ca), ("gateway.client_certificate", &config.gateway.client_certificate)]
        {
            match expiry(file) {
                None => problems.push(format!("{key}: {}: is not a PEM certificate", file.display())),
                Some(until) if until <= now => problems.push(format!("{key}: expired {}", rfc3339(until))),
                Some(until) => {
                    let warning = if until - now < SOON { "  (soon)" } else { "" };
                    say(&format!("{key}: expires {}{warning}", rfc3339(until)));
                }
            }
        }
        match config.exclusions.load() {
            Ok(lists) => say_lists(&lists, to_london(now).date()),
            Err(found) => problems.extend(found.into_iter().map(|problem| format!("exclusions: {problem}"))),
        }
        if let Some(text) = config.register.import.as_ref().and_then(|file| std::fs::read_to_string(file).ok()) {
            for agreement in import(&text).map(|registers| registers.agreements).unwrap_or_default() {
                let until = agreement.terms.until.map_or_else(|| "no end".to_owned(), |day| format!("expires {day}"));
                say(&format!("agreement {}: {}, {until}", agreement.terms.id, agreement.terms.status));
            }
        }
        match clock_is_synchronised() {
            Some(true) => say("clock: synchronised"),
            Some(false) => problems.push("clock: is not synchronised".to_owned()),
            None => say("clock: whether it is synchronised cannot be told here"),
        }
        if !problems.is_empty() {
            return refuse(&problems);
        }
        say("settings: sound");
        ExitCode::SUCCESS
    }
}

/// The list in force, its parts and when each changes, the decisions about it, and the list that runs beside it.
fn say_lists(lists: &Lists, today: Date) {
    let list = lists.on(today);
    say(&format!("exclusions: version {}, {} entries", list.version(), list.entries().len()));
    say_parts(&list, today);
    let rules = list.rules();
    for supplier in &rules.exempt {
        say(&format!("exclusions: NOT applied to records from {supplier}; marks of the practice are heeded"));
    }
    for view in &rules.withhold_unknown {
        say(&format!("exclusions: entries of {view} without a known code system are withheld"));
    }
    if let Some(who) = rules.medicines_approved.as_ref().filter(|_| list.judges_medicines()) {
        say(&format!("exclusions: revealing medicines are withheld, approved by {who}"));
    }
    if let Some(shadow) = lists.shadow() {
        let list = shadow.on(today);
        say(&format!("exclusions: shadow version {}, {} entries, counted only", list.version(), list.entries().len()));
        say_parts(&list, today);
    }
}

fn say_parts(list: &Exclusions, today: Date) {
    for part in list.parts() {
        let ends = match part.ends {
            None => "no end".to_owned(),
            Some(day) if day < today => format!("a line of it ended {day}"),
            Some(day) if day - today < SOON => format!("expires {day}  (soon)"),
            Some(day) => format!("expires {day}"),
        };
        say(&format!(
            "exclusions: {} ({}): version {}, {} lines, {ends}",
            part.title, part.layer, part.version, part.lines
        ));
    }
}

/// The earliest end among a file's certificates.
fn expiry(file: &Path) -> Option<OffsetDateTime> {
    let pem = std::fs::read(file).ok()?;
    let mut earliest = None;
    for block in x509_parser::pem::Pem::iter_from_buffer(&pem) {
        let end = block.ok()?.parse_x509().ok()?.validity().not_after.to_datetime();
        earliest = Some(earliest.map_or(end, |other: OffsetDateTime| other.min(end)));
    }
    earliest
}

/// As the machine's time service says, where it leaves that mark.
fn clock_is_synchronised() -> Option<bool> {
    let service = Path::new("/run/systemd/timesync");
    service.is_dir().then(|| service.join("synchronized").exists())
}
