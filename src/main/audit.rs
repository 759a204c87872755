//! `audit verify`: is the chain unbroken. `audit report`: what it tells.

#[path = "report.rs"]
mod report;

use crate::open::Deployment;
use crate::{refuse, say};
use clap::Subcommand;
use mig_fhir::audit::{Keys, Span, Verdict, verify, verify_kept};
use mig_fhir::telemetry::chain;
use std::path::PathBuf;
use std::process::ExitCode;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime, Time, macros::format_description};

/// The audit trail.
#[derive(Subcommand)]
pub enum Audit {
    /// Checks the chain, prints the first broken link, and exits 1 if there is one.
    Verify {
        /// From this day or instant (UTC).
        #[arg(long, value_parser = start)]
        from: Option<OffsetDateTime>,
        /// To this day or instant (UTC), itself included.
        #[arg(long, value_parser = end)]
        to: Option<OffsetDateTime>,
        /// An anchor file, such as a copy or a single head that was kept; that of the settings by default.
        #[arg(long)]
        anchors: Option<PathBuf>,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Makes a report: who viewed, overrides and reviews, numbers of the year, what is out of the ordinary.
    Report(Box<report::Of>),
}

impl Audit {
    /// Does it.
    pub async fn run(self) -> ExitCode {
        let (from, to, anchors, deployment) = match self {
            Self::Verify { from, to, anchors, deployment } => (from, to, anchors, deployment),
            Self::Report(report) => {
                return match report.run().await {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(problems) => refuse(&problems),
                };
            }
        };
        match walk(Span { from, to }, anchors, &deployment).await {
            Err(problems) => refuse(&problems),
            Ok(Verdict::Verified { rows, anchors, head, unanchored }) => {
                say(&format!("verified: {rows} rows, {anchors} anchors"));
                if let Some(head) = head {
                    say(&format!("head: {head}"));
                }
                if unanchored > 0 {
                    say(&format!("no anchor tells of the newest {unanchored} rows"));
                }
                ExitCode::SUCCESS
            }
            Ok(Verdict::Broken { seq, why }) => {
                say(&format!("broken at row {seq}: {why}"));
                ExitCode::FAILURE
            }
        }
    }
}

async fn walk(span: Span, anchors: Option<PathBuf>, deployment: &Deployment) -> Result<Verdict, Vec<String>> {
    let (config, store) = deployment.open_existing().await?;
    let keys = Keys::load(&config.audit.key_file).map_err(|error| vec![chain(&error)])?;
    let verdict = if let Some(kept) = anchors {
        verify_kept(&store, &keys, span, &kept).await
    } else {
        let own = config.audit.anchor_file;
        // A trail without a row has no anchor yet.
        let own = own.exists().then_some(own);
        verify(&store, &keys, span, own.as_deref()).await
    };
    store.close().await;
    verdict.map_err(|error| vec![chain(&error)])
}

fn start(text: &str) -> Result<OffsetDateTime, String> {
    instant(text, Time::MIDNIGHT)
}

fn end(text: &str) -> Result<OffsetDateTime, String> {
    instant(text, Time::MAX)
}

fn instant(text: &str, of_day: Time) -> Result<OffsetDateTime, String> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]"));
    day.map(|day| day.with_time(of_day).assume_utc())
        .or_else(|_| OffsetDateTime::parse(text, &Rfc3339))
        .map_err(|_| "is neither a day (2026-01-31) nor an instant (2026-01-31T10:00:00Z)".to_owned())
}
