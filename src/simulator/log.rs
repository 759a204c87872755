//! The log of extracts, as a practice's system keeps it: who asked for what, when, on what consent, with what outcome.
//!
//! Kept in memory for tests and the demo; also written as JSON lines where a file is named.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One request that passed every check of form.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extract {
    /// RFC 3339, UTC.
    pub time: String,
    /// The question's id, the same over all attempts.
    pub request_id: String,
    /// The message's id.
    pub message_id: String,
    /// The view's word; none where the question is where the record is.
    pub view: Option<String>,
    /// The practice addressed, or the gateway.
    pub practice: String,
    /// The user's id.
    pub user: String,
    /// The user's name.
    pub user_name: String,
    /// The user's role code.
    pub role: String,
    /// The viewing organisation.
    pub organisation: String,
    /// The Consent referred to.
    pub consent: Option<String>,
    /// Explicit Consent, or Not Specified.
    pub consent_status: Option<String>,
    /// The category of an override.
    pub override_category: Option<String>,
    /// Outcome code, or fault code.
    pub outcome: String,
}

/// Every extract since the start.
pub(super) struct Log {
    kept: Mutex<(Vec<Extract>, Option<std::fs::File>)>,
}

/// Extracts kept in memory; the oldest half goes beyond it.
const KEPT: usize = 100_000;

impl Log {
    pub(super) fn new(file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(|path| std::fs::OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self { kept: Mutex::new((Vec::new(), file)) })
    }

    pub(super) fn add(&self, extract: Extract) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (list, file) = &mut *kept;
        if let (Some(file), Ok(mut line)) = (file, serde_json::to_vec(&extract)) {
            line.push(b'\n');
            if file.write_all(&line).is_err() {
                tracing::warn!("the log of extracts cannot be written");
            }
        }
        if list.len() >= KEPT {
            list.drain(..KEPT / 2);
        }
        list.push(extract);
    }

    pub(super) fn all(&self) -> Vec<Extract> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
