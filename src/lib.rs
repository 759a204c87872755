#![doc = include_str!("README.md")]

/// Identifiers of the field: parsed and valid, or absent. Sealed logical ids.
pub mod ids;
/// The only source of "now"; Europe/London.
pub mod clock;
/// The only source of chance that decides anything.
pub mod chance;
/// The FHIR types served, the ten views, the purposes.
pub mod kinds;
/// Logging, metrics, the closed list of log fields.
pub mod telemetry;
/// The store: pool, one grouped writer, migrations.
pub mod store;
/// Who asks: token to `Caller`.
pub mod identity;
/// That it was asked and what was answered.
pub mod audit;
/// What this service itself keeps.
pub mod register;
/// Whether they may.
pub mod policy;
/// The legacy record in legacy words.
pub mod record;
/// The legacy leg: ITK over SOAP.
pub mod gateway;
/// What may leave.
pub mod release;
/// Screened legacy entries to held FHIR.
pub mod mapping;
/// Permit to released views: the short-lived cache.
pub mod views;
/// Which of it was asked for.
pub mod search;
/// One row per FHIR type.
pub mod catalogue;
/// What was released, as one document to read.
pub mod document;
/// The whole service as one function.
pub mod disclose;
/// What the trail tells, as reports.
pub mod report;
/// What leaves by itself: alerts and notices, until they are accepted.
pub mod outbox;
/// The wire: the only place that writes bytes.
pub mod http;
/// Settings: the only reader of the environment.
pub mod config;
/// A bound server from a `Config`.
pub mod app;
/// A stand-in MIG over real TLS and SOAP.
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(test)]
mod golden;
