//! `serve`: the facade alone, for real use.

use clap::Args;
use mig_fhir::app::Server;
use mig_fhir::clock::Clock;
use mig_fhir::config::Config;
use mig_fhir::telemetry::{self, chain};
use std::path::PathBuf;
use std::process::ExitCode;

/// Serves; refuses to start on any missing or doubtful setting, and tells all problems at once.
#[derive(Args)]
pub struct Serve {
    /// The settings.
    #[arg(long)]
    config: PathBuf,
    #[command(flatten)]
    log: super::log::Log,
}

impl Serve {
    /// Runs until it is told to stop.
    pub async fn run(self) -> ExitCode {
        let config = match Config::load(&self.config) {
            Ok(config) => config,
            Err(problems) => return super::refuse(&problems),
        };
        telemetry::start_logging(&self.log.over(config.log.clone()));
        telemetry::quiet_panics();
        let server = match Server::build(&config, Clock::system(), None).await {
            Ok(server) => server,
            Err(error) => return super::refuse(&[chain(&error)]),
        };
        super::say(&format!("ready {}", server.base_url()));
        server.run(super::stopped()).await;
        ExitCode::SUCCESS
    }
}
