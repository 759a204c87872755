//! `simulate`: the simulated MIG alone, for integrators.

use crate::{refuse, say, stopped};
use clap::Args;
use mig_fhir::clock::Clock;
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::server::Server;
use mig_fhir::simulator::settings::SimulatorSettings;
use mig_fhir::telemetry::{LogConfig, LogFormat, start_logging};
use std::path::PathBuf;
use std::process::ExitCode;

/// Starts the simulated MIG alone.
#[derive(Args)]
pub struct Simulate {
    /// Its settings.
    #[arg(long)]
    config: PathBuf,
    /// Serves the OpenHR files of this folder instead of the built-in patients.
    #[arg(long)]
    records: Option<PathBuf>,
    /// Holds numbers outside the 999 range too.
    #[arg(long, requires = "records")]
    allow_any_number: bool,
}

impl Simulate {
    /// Runs until asked to stop.
    pub async fn run(self) -> ExitCode {
        start_logging(&LogConfig { format: LogFormat::Text, ..LogConfig::default() });
        match self.start().await {
            Err(problems) => refuse(&problems),
            Ok((server, settings)) => {
                say(&format!("mig {}", server.endpoint()));
                if let Some(control) = server.control_addr() {
                    say(&format!("control http://{control}"));
                }
                tokio::select! {
                    () = server.watch(settings.replaceable(), || settings.papers()) => {}
                    () = stopped() => {}
                }
                server.stop().await;
                ExitCode::SUCCESS
            }
        }
    }

    async fn start(self) -> Result<(Server, SimulatorSettings), Vec<String>> {
        let clock = Clock::system();
        let settings = SimulatorSettings::load(&self.config)?;
        let holdings = match &self.records {
            Some(folder) => Holdings::from_folder(folder, self.allow_any_number)?,
            None => Holdings::builtin(clock.now().date()),
        };
        let server = Server::bind(settings.clone().with(holdings, clock)?).await?;
        Ok((server, settings))
    }
}
