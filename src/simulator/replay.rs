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
        let kept = seen.entry((print, id.to_owned())).or_insert(now);
        let fresh = *kept <= now;
        // Never shortened: a second message of the same id might say less than the first.
        *kept = until.max(*kept);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

    #[test]
    fn an_id_is_fresh_once_until_it_has_run_out_and_for_each_certificate() {
        let replay = Replay::default();
        let record = |certificate: &[u8], until: i64, now: i64| {
            replay.record(certificate, "A", NOW + Duration::seconds(until), NOW + Duration::seconds(now))
        };
        assert!(record(b"one", 305, 0));
        assert!(record(b"other", 305, 0));
        assert!(!record(b"one", 305, 304));
        assert!(record(b"one", 605, 305));
    }

    #[test]
    fn a_second_message_of_the_same_id_never_shortens_how_long_it_is_kept() {
        let replay = Replay::default();
        let record = |until: i64, now: i64| {
            replay.record(b"one", "A", NOW + Duration::seconds(until), NOW + Duration::seconds(now))
        };
        assert!(record(305, 0));
        assert!(!record(10, 1));
        assert!(!record(305, 100));
    }
}
