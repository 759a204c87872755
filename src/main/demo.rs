//! `demo`: everything on this machine.

use clap::Args;
use mig_fhir::clock::{Clock, to_london};
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::running::{Extras, Running, Start};
use mig_fhir::simulator::walkthrough::walkthrough;
use mig_fhir::telemetry::{self, LogConfig, LogFormat, LogLevel, chain};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Starts a simulated MIG, a demo token issuer and the facade.
#[derive(Args)]
pub struct Demo {
    /// Where the facade listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where certificates, keys and the store are kept; a folder for temporary files by default, reused when found.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Serves the OpenHR files of a folder as patients, instead of the built-in ones.
    #[arg(long)]
    records: Option<PathBuf>,
    /// Gives the simulated MIG a control endpoint for its fault switches, on this machine alone, and prints its address.
    #[arg(long)]
    control: bool,
    #[command(flatten)]
    log: super::log::Log,
}

impl Demo {
    /// Runs until it is told to stop.
    pub async fn run(self) -> ExitCode {
        telemetry::start_logging(&self.log.over(LogConfig { format: LogFormat::Text, level: LogLevel::Warn }));
        telemetry::quiet_panics();
        let clock = Clock::system();
        let holdings = match &self.records {
            None => Holdings::builtin(to_london(clock.now()).date()),
            Some(folder) => match Holdings::from_folder(folder, false) {
                Ok(holdings) => holdings,
                Err(problems) => return super::refuse(&problems),
            },
        };
        let start = Start { listen: self.listen, data: self.data, holdings, clock };
        let options = Extras { control: self.control, metrics: true, ..Extras::default() };
        let running = match Running::start_with(start, options).await {
            Ok(running) => running,
            Err(error) => return super::refuse(&[chain(&error)]),
        };
        super::say(&format!("data {}", running.demo().folder().display()));
        super::say(&format!("mig {}", running.mig()));
        if let Some(control) = running.control() {
            super::say(&format!("control {control}"));
        }
        if let Some(metrics) = running.metrics() {
            super::say(&format!("metrics {metrics}"));
        }
        super::say(&format!("ready {}", running.base()));
        super::say(&walkthrough(running.origin(), running.demo().patients()));
        super::stopped().await;
        running.stop().await;
        ExitCode::SUCCESS
    }
}
