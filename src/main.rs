//! The command line: reads arguments, calls the library, prints. Nothing is decided here.

#[path = "main/agreements.rs"]
mod agreements;
#[path = "main/audit.rs"]
mod audit;
#[cfg(feature = "simulator")]
#[path = "main/bench/mod.rs"]
mod bench;
#[path = "main/check.rs"]
mod check;
#[cfg(feature = "simulator")]
#[path = "main/demo.rs"]
mod demo;
#[path = "main/document.rs"]
mod document;
#[path = "main/exclusions.rs"]
mod exclusions;
#[path = "main/log.rs"]
mod log;
#[cfg(feature = "simulator")]
#[path = "main/map.rs"]
mod map;
#[path = "main/open.rs"]
mod open;
#[path = "main/serve.rs"]
mod serve;
#[cfg(feature = "simulator")]
#[path = "main/simulate.rs"]
mod simulate;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// FHIR R4 facade over the Medical Interoperability Gateway.
#[derive(Parser)]
#[command(name = "mig-fhir", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "simulator")]
    Demo(demo::Demo),
    Serve(serve::Serve),
    #[cfg(feature = "simulator")]
    Simulate(simulate::Simulate),
    Check(check::Check),
    #[cfg(feature = "simulator")]
    Bench(bench::Bench),
    #[command(subcommand)]
    Agreements(agreements::Agreements),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Exclusions(exclusions::Explain),
    #[cfg(feature = "simulator")]
    Map(map::Map),
    /// Prints the OpenAPI document.
    Openapi(document::Openapi),
    /// Prints the CapabilityStatement.
    Capability(document::At),
}

#[tokio::main]
async fn main() -> ExitCode {
    // The same provider everywhere; whoever comes first installs it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Arguments::parse().command {
        #[cfg(feature = "simulator")]
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        #[cfg(feature = "simulator")]
        Command::Simulate(simulate) => simulate.run().await,
        Command::Check(check) => check.run(),
        #[cfg(feature = "simulator")]
        Command::Bench(bench) => bench.run().await,
        Command::Agreements(agreements) => agreements.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Exclusions(exclusions) => exclusions.run(),
        #[cfg(feature = "simulator")]
        Command::Map(map) => map.run(),
        Command::Openapi(at) => at.print(),
        Command::Capability(at) => at.capability(),
    }
}

/// Prints problems as a list and fails.
fn refuse(problems: &[String]) -> ExitCode {
    for problem in problems {
        let _ = writeln!(std::io::stderr(), "{problem}");
    }
    ExitCode::FAILURE
}

/// Prints one line of an answer.
fn say(line: &str) {
    // Whoever closed the pipe has read enough.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Resolves when the process is asked to stop, by SIGTERM or from the keyboard.
async fn stopped() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        // Without a handler the keyboard stops the process the hard way, which the audit survives.
        interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() { std::future::pending::<()>().await },
    }
}
