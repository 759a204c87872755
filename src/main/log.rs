//! `--log-format`, for the commands that run a service.

use clap::{Args, ValueEnum};
use mig_fhir::telemetry::{LogConfig, LogFormat};

/// How logs are written, over what the settings say.
#[derive(Args)]
pub struct Log {
    /// JSON for machines, text for people.
    #[arg(long = "log-format")]
    format: Option<Format>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Text,
}

impl Log {
    /// The settings with what the command line says laid over them.
    pub fn over(&self, mut config: LogConfig) -> LogConfig {
        match self.format {
            Some(Format::Json) => config.format = LogFormat::Json,
            Some(Format::Text) => config.format = LogFormat::Text,
            None => {}
        }
        config
    }
}
