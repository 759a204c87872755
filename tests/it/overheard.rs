//! What the program logs while the scenarios run, at its most talkative: every event of every field, before any is dropped.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

static HEARD: Mutex<String> = Mutex::new(String::new());

struct Ear;

impl<S: tracing::Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn Debug| {
            let _ = write!(line, "{}={value:?} ", field.name());
        });
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(heard, "{} {line}", event.metadata().target());
    }
}

/// Listens from now on.
pub(crate) fn listen() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let targets = Targets::new().with_default(LevelFilter::WARN).with_target("mig_fhir", LevelFilter::DEBUG);
        tracing_subscriber::registry().with(Ear.with_filter(targets)).try_init().expect("nobody else listens");
    });
}

/// Everything heard so far.
pub(crate) fn all() -> String {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
