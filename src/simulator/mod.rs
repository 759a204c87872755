//! A stand-in MIG over real TLS and SOAP, for demos, tests and integrators.
//!
//! It speaks the legacy wire from the other end: checks what it is sent in the order of WIRE section 3, answers out of
//! [`holdings`], and keeps the log of extracts that a practice's system would keep. [`demo`] puts it together with a facade,
//! demo people and demo tokens. Nothing of the facade may call it but the command line and tests.

mod answer;
mod checks;
mod control;
mod delivery;
mod fault;
#[cfg(fuzzing)]
pub mod fuzzing;
mod handling;
mod line;
mod oddities;
mod replay;
mod request;
mod rules;
mod schema;
mod sealing;
mod tampering;

pub mod cast;
pub mod demo;
pub mod generate;
pub mod heard;
pub mod holdings;
pub mod log;
pub mod outlook;
pub mod papers;
pub mod pki;
pub mod receiver;
pub mod running;
pub mod server;
pub mod settings;
pub mod switches;
pub mod tokens;
pub mod walkthrough;

pub use tampering::Tamper;

#[cfg(test)]
mod tests;
