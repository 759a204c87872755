//! `openapi` and `capability`: prints the document.

use super::open::OptionalDeployment;
use clap::Args;
use mig_fhir::http::{capability, openapi};
use std::process::ExitCode;

/// Where the document's URLs point.
#[derive(Args)]
pub struct At {
    #[command(flatten)]
    deployment: OptionalDeployment,
}

/// Where the document's URLs point, and in which version's words it is.
#[derive(Args)]
pub struct Openapi {
    #[command(flatten)]
    at: At,
    /// The version of OpenAPI: 3.1, or 3.0 for generators that read no 3.1; 3.1.0 and 3.0.3 are the same
    #[arg(long, default_value = "3.1", value_parser = ["3.1", "3.1.0", "3.0", "3.0.3"])]
    openapi_version: String,
}

impl Openapi {
    /// Prints the OpenAPI document.
    pub fn print(&self) -> ExitCode {
        let made = match self.openapi_version.as_str() {
            "3.0" | "3.0.3" => openapi::document_3_0,
            _ => openapi::document,
        };
        print(self.at.base().map(|base| serde_json::to_string_pretty(&made(&base, true))))
    }
}

/// The base in documents that speak of no deployment.
const EXAMPLE: &str = "http://127.0.0.1:8080/FHIR/R4";

impl At {
    fn base(&self) -> Result<String, Vec<String>> {
        let config = self.deployment.settings()?;
        Ok(config.map_or_else(|| EXAMPLE.to_owned(), |config| config.server.base_url()))
    }

    /// Prints the CapabilityStatement.
    pub fn capability(&self) -> ExitCode {
        print(self.base().map(|base| serde_json::to_string_pretty(&capability::statement(&base))))
    }
}

fn print(document: Result<serde_json::Result<String>, Vec<String>>) -> ExitCode {
    match document {
        Ok(Ok(text)) => {
            super::say(&text);
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => super::refuse(&[error.to_string()]),
        Err(problems) => super::refuse(&problems),
    }
}
