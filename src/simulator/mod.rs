//! A stand-in MIG over real TLS and SOAP, for demos, tests and integrators.
//!
//! It speaks the legacy wire from the other end: checks what it is sent in the order of WIRE section 3, answers out of
//! [`holdings`], and keeps the log of extracts that a practice's system would keep. [`demo`] puts it together with a facade,
//! demo people and demo tokens. Nothing of the facade may call it but the command line and tests.

mod answer;
mod checks;
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod replay;
mod request;
mod rules;
mod schema;
mod sealing;

pub mod cast;
pub mod demo;
pub mod generate;
pub mod holdings;
pub mod log;
pub mod outlook;
pub mod pki;
pub mod running;
pub mod server;
pub mod settings;
pub mod tokens;
pub mod walkthrough;

#[cfg(test)]
mod tests;
