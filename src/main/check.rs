//! `check`: are the settings sound, and when does each certificate expire.

use crate::{refuse, say};
use clap::Args;
use mig_fhir::clock::{Clock, rfc3339, to_london};
use mig_fhir::config::Config;
use mig_fhir::gateway::GatewayConfig;
use mig_fhir::gateway::profile::{DEFAULT_PROFILE, LEGACY_ITK_PROFILE, SCHEMA};
use mig_fhir::gateway::security::{certificates, last_instant, next_list, revoked};
use mig_fhir::register::agreements::import;
use mig_fhir::release::{Exclusions, Lists};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use time::{Date, Duration, OffsetDateTime};

/// Validates the settings and what they name, and says when each certificate expires.
#[derive(Args)]
pub struct Check {
    /// The settings.
    #[arg(long, required_unless_present_any = ["print_wire_profile", "print_schema"])]
    config: Option<PathBuf>,
    /// Prints the built-in wire profile.
    #[arg(long)]
    print_wire_profile: bool,
    /// Prints the wire profile of a gateway that knows RSA-SHA1 over the Timestamp only.
    #[arg(long, requires = "print_wire_profile")]
    legacy_itk: bool,
    /// Warns of a certificate or revocation list with fewer days left than this.
    #[arg(long, default_value_t = 30)]
    warn_days: u32,
    /// Prints the schema of the legacy payloads.
    #[arg(long)]
    print_schema: bool,
}

impl Check {
    /// Prints every problem, or that there is none.
    pub fn run(self) -> ExitCode {
        if self.print_wire_profile {
            say(if self.legacy_itk { LEGACY_ITK_PROFILE } else { DEFAULT_PROFILE }.trim_end());
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
        self.certificates(&config.gateway, now, &mut problems);
        match config.exclusions.load() {
            Ok(lists) => say_lists(&lists, to_london(now).date()),
            Err(found) => problems.extend(found),
        }
        if let Some(text) = config.register.import.as_ref().and_then(|file| std::fs::read_to_string(file).ok()) {
            for agreement in import(&text).map(|registers| registers.agreements).unwrap_or_default() {
                let until = agreement.terms.until.map_or_else(|| "no end".to_owned(), |day| format!("expires {day}"));
                say(&format!("agreement {}: {}, {until}", agreement.terms.id, agreement.terms.status));
            }
        }
        for line in config.alerts.said() {
            say(&line);
        }
        let reviews = config.reviews;
        say(&format!(
            "reviews: within {} days, and {} % of ordinary views",
            reviews.within_days, reviews.sample_percent
        ));
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

    /// How long every certificate and revocation list of the legacy leg lasts. A list that is overdue still counts, so that
    /// it is a warning and no problem.
    fn certificates(&self, gateway: &GatewayConfig, now: OffsetDateTime, problems: &mut Vec<String>) {
        let trusted = [
            ("ca", Some(&gateway.ca)),
            ("client_certificate", Some(&gateway.client_certificate)),
            ("signing_certificate", gateway.signing_certificate.as_ref()),
            ("response_ca", gateway.response_ca.as_ref()),
        ];
        for (key, file) in trusted.into_iter().filter_map(|(key, file)| Some((key, file?))) {
            match std::fs::read(file).ok().and_then(|pem| earliest(&certificates(&pem).ok()?, last_instant)) {
                None => problems.push(format!("gateway.{key}: {}: is not a PEM certificate", file.display())),
                Some(until) if until <= now => problems.push(format!("gateway.{key}: expired {}", rfc3339(until))),
                Some(until) => say(&self.lasts(&format!("gateway.{key}: expires"), until, now)),
            }
        }
        for (key, file) in [("crl", &gateway.crl), ("response_crl", &gateway.response_crl)] {
            let Some(file) = file else { continue };
            match std::fs::read(file).ok().and_then(|pem| revoked(Some(&pem)).ok()) {
                None => problems.push(format!("gateway.{key}: {}: is not a PEM revocation list", file.display())),
                Some(lists) => match earliest(&lists, next_list) {
                    None => say(&format!("gateway.{key}: does not say when the next list is due")),
                    Some(due) => say(&self.lasts(&format!("gateway.{key}: next list is due"), due, now)),
                },
            }
        }
    }

    fn lasts(&self, what: &str, until: OffsetDateTime, now: OffsetDateTime) -> String {
        let left = (until - now).whole_days();
        let warning = if until - now < Duration::days(self.warn_days.into()) { "  WARNING: soon" } else { "" };
        format!("{what} {} ({left} days left){warning}", rfc3339(until))
    }
}

/// An exclusion list that ends sooner is pointed out.
const SOON: Duration = Duration::days(30);

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

/// The earliest of the instants that the pieces of one file name.
fn earliest<T: AsRef<[u8]>>(pieces: &[T], of: impl Fn(&[u8]) -> Option<OffsetDateTime>) -> Option<OffsetDateTime> {
    pieces.iter().filter_map(|piece| of(piece.as_ref())).min()
}

/// As the machine's time service says, where it leaves that mark.
fn clock_is_synchronised() -> Option<bool> {
    let service = Path::new("/run/systemd/timesync");
    service.is_dir().then(|| service.join("synchronized").exists())
}
