//! One line an event: the listed fields of the event and of the spans around it, and nothing else.

use super::{FIELDS, LogFormat};
use crate::clock::{Clock, rfc3339};
use serde_json::{Map, Value};
use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

pub(super) struct Lines<W> {
    format: LogFormat,
    writer: W,
    clock: Clock,
}

impl<W> Lines<W> {
    pub fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer, clock: Clock::system() }
    }
}

/// Fields as they were recorded, listed ones only.
#[derive(Default)]
struct Kept {
    message: String,
    fields: Map<String, Value>,
    dropped: u64,
}

impl Kept {
    fn keep(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if FIELDS.contains(&field.name()) {
            self.fields.insert(field.name().to_owned(), value());
        } else if !field.name().starts_with("log.") {
            self.dropped += 1;
        }
    }
}

impl Visit for Kept {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.keep(field, || Value::String(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.keep(field, || Value::from(value));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, || Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, || Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, || Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, || Value::from(value));
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut kept = Kept::default();
            attributes.record(&mut kept);
            span.extensions_mut().insert(kept);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(kept) = span.extensions_mut().get_mut::<Kept>()
        {
            values.record(kept);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Kept::default();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(kept) = span.extensions().get::<Kept>() {
                line.fields.extend(kept.fields.iter().map(|(name, value)| (name.clone(), value.clone())));
                line.dropped += kept.dropped;
            }
        }
        event.record(&mut line);
        let text = match self.format {
            LogFormat::Json => json(&self.clock, event, line),
            LogFormat::Text => words(&self.clock, event, &line),
        };
        // A log that cannot be written stops nothing: the audit is elsewhere.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(text.as_bytes());
    }
}

fn json(clock: &Clock, event: &Event<'_>, line: Kept) -> String {
    let mut object = Map::new();
    object.insert("timestamp".to_owned(), rfc3339(clock.now()).into());
    object.insert("level".to_owned(), event.metadata().level().as_str().into());
    object.insert("target".to_owned(), event.metadata().target().into());
    object.insert("message".to_owned(), line.message.into());
    object.extend(line.fields);
    if line.dropped > 0 {
        object.insert("dropped_fields".to_owned(), line.dropped.into());
    }
    format!("{}\n", Value::Object(object))
}

fn words(clock: &Clock, event: &Event<'_>, line: &Kept) -> String {
    let metadata = event.metadata();
    let mut text = format!("{} {:5} {}", rfc3339(clock.now()), metadata.level(), one_line(&line.message));
    for (name, value) in &line.fields {
        // A value in JSON's own spelling cannot start a line of its own.
        let _ = write!(text, " {name}={value}");
    }
    if line.dropped > 0 {
        let _ = write!(text, " dropped_fields={}", line.dropped);
    }
    text.push('\n');
    text
}

fn one_line(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, what: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::registry().with(Lines::new(format, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, what);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_field_off_the_list_never_reaches_a_line() {
        let text = logged(LogFormat::Json, || {
            let span = tracing::info_span!("request", request_id = "r-1", nhs_number = "9990000018");
            let _entered = span.enter();
            tracing::info!(status = 200, rubric = "a clinical value", "answered");
        });
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["request_id"], &line["status"], &line["message"]),
            (&"r-1".into(), &200.into(), &"answered".into())
        );
        assert_eq!(line["dropped_fields"], 2);
        assert!(!text.contains("9990000018") && !text.contains("clinical value"), "{text}");
    }

    #[test]
    fn text_cannot_forge_a_second_line() {
        let text = logged(LogFormat::Text, || tracing::warn!(reason = "a\nb", "first\nsecond"));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("first second") && text.contains(r#"reason="a\nb""#), "{text}");
    }
}
