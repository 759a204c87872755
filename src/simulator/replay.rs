//! Messages seen before, until they could not be accepted anyway.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// By signing certificate and bare message id.
#[derive(Default)]
pub(super) struct Replay {
    seen: Mutex<HashMap<([u8; 32], String), OffsetDateTime>>,
}

impl Replay {
    /// Records a message; false where it was seen before.
    pub(super) fn record(&self, certificate: &[u8], id: &str, until: OffsetDateTime, now: OffsetDateTime) -> bool {
        let mut print = [0; 32];
        print.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate).as_ref());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= 1024 && seen.len().is_power_of_two() {
            seen.retain(|_, kept| *kept > now);
        }
        match seen.insert((print, id.to_owned()), until) {
            Some(before) if before > now => false,
            Some(_) | None => true,
        }
    }
}
