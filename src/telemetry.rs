//! Logging, metrics, and the closed list of log fields.
//!
//! A line holds its message, its level, its module and fields of [`FIELDS`], never another: whatever else is handed to
//! the logger, ours or a dependency's, is dropped and counted. Never a path with values in it, a patient, or a value of
//! the record. Dependencies speak only from `WARN` up. Every module may call it.

mod lines;

use lines::Lines;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Deserialize;
use std::sync::OnceLock;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The only fields that a log line may hold, beside `message`.
pub const FIELDS: &[&str] = &[
    "address",  // where we listen
    "attempt",  // audit row, an opaque id
    "attempts", // tries of one legacy call
    "chain",    // an error and its sources, without values
    "check",    // which readiness check
    "correlation_id",
    "count",
    "duration_ms",
    "error",   // as `chain`
    "expires", // a certificate's last instant
    "field",   // which parameter or setting, never its value
    "file",    // a setting's file
    "interaction",
    "kind",       // a FHIR type
    "message_id", // of the legacy leg, random
    "method",
    "outcome",  // a coded outcome
    "practice", // an ODS code, or MIG
    "profile",  // the wire profile's name
    "reason",   // a coded refusal
    "request_id",
    "route", // the template, never the path
    "signal",
    "stage", // a module of this crate
    "status",
    "task",
    "version", // of a list, a key or the program
    "view",
];

/// How logs look and how much they say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `json` for machines, `text` for people.
    pub format: LogFormat,
    /// The least severe level of this crate's own lines.
    pub level: LogLevel,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Words.
    Text,
}

/// The level of this crate's own lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// And what an operator should look at.
    Warn,
    /// And one line a request.
    #[default]
    Info,
    /// And the steps of each stage.
    Debug,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}

/// Starts logging on stderr. Only the first call of a process has an effect.
pub fn start_logging(config: &LogConfig) {
    let own = LevelFilter::from(config.level);
    let targets = Targets::new().with_default(own.min(LevelFilter::WARN)).with_target("mig_fhir", own);
    let lines = Lines::new(config.format, std::io::stderr);
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
}

/// Logs a panic by its place alone: its text may quote what was being processed.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let stage = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(stage, "a bug: panicked");
        metrics::counter!("mig_fhir_panics_total").increment(1);
    }));
}

/// One request, once it is answered.
pub struct Answered<'a> {
    /// `X-Request-ID`.
    pub request_id: &'a str,
    /// The HTTP method.
    pub method: &'a str,
    /// The route's template, such as `/FHIR/R4/{type}/{id}`; never the path, which may hold values.
    pub route: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// From the first byte read to the answer's head.
    pub duration: Duration,
}

/// Writes a request's line and counts it.
pub fn answered(request: &Answered<'_>) {
    let duration_ms = u64::try_from(request.duration.as_millis()).unwrap_or(u64::MAX);
    let Answered { request_id, method, route, status, .. } = *request;
    tracing::info!(request_id, method, route, status, duration_ms, "answered");
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("mig_fhir_requests_total", &labels).increment(1);
    metrics::histogram!("mig_fhir_request_seconds", "route" => route.to_owned()).record(request.duration);
}

/// An error and its sources as one text, outermost first. Our errors hold no values; this adds none.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0];

/// The process-wide metrics, in the text form of Prometheus.
#[derive(Clone)]
pub struct Metrics(Option<PrometheusHandle>);

impl Metrics {
    /// Starts counting; every later call gives the same metrics. Without effect, and empty, where another recorder came first.
    #[must_use]
    pub fn install() -> Self {
        static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        Self(
            HANDLE.get_or_init(|| PrometheusBuilder::new().set_buckets(&BUCKETS).ok()?.install_recorder().ok()).clone(),
        )
    }

    /// What `/metrics` answers.
    #[must_use]
    pub fn render(&self) -> String {
        let Some(handle) = &self.0 else { return String::new() };
        handle.run_upkeep();
        handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_fields_is_in_order_and_names_none_twice() {
        assert!(FIELDS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_answer_is_counted_under_its_template() {
        let metrics = Metrics::install();
        answered(&Answered {
            request_id: "r-1",
            method: "GET",
            route: "/FHIR/R4/{type}/{id}",
            status: 200,
            duration: Duration::from_millis(7),
        });
        let text = Metrics::install().render();
        assert!(
            text.contains("mig_fhir_requests_total{method=\"GET\",route=\"/FHIR/R4/{type}/{id}\",status=\"200\"} 1"),
            "{text}"
        );
        assert!(text.contains("mig_fhir_request_seconds_bucket"), "{text}");
        assert_eq!(metrics.render().lines().count(), text.lines().count());
    }

    #[test]
    fn a_chain_names_every_source_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::fmt::Error);
        assert_eq!(chain(&Outer(std::fmt::Error)), format!("outer: {}", std::fmt::Error));
    }
}
