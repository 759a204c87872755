//! What leaves by itself: alerts of overrides and notices of changed agreements, as signed webhooks, until they are accepted.
//!
//! A letter is durable before the sender sees it (`register::alerts`). It is claimed by a lease, so that of several instances
//! one alone sends it at a time; sent again with the same id until the receiver answers 2xx; and put aside as a dead letter,
//! which shows, when the settings' patience is over. An answer is looked at for its status alone. At least once: only a crash
//! between a receiver's answer and its note in the store sends a letter again, under the same `webhook-id`.
//!
//! No address, answer or letter is ever logged. Called by `app`; the demo's receiver verifies with [`Keys`].

mod keys;
mod round;
mod settings;

pub use keys::{Keys, SIGNATURE_HEADER, TIMESTAMP_HEADER, WEBHOOK_ID_HEADER};
pub use round::Sender;
pub use settings::AlertsConfig;
