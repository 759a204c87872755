//! The only source of "now". Tests fix it; everything else is handed a [`Clock`].

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A source of the current instant, cheap to clone.
#[derive(Clone, Default)]
pub struct Clock {
    /// Milliseconds since the epoch when fixed; the system's clock otherwise.
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`Self::advance`] moves it.
    #[must_use]
    pub fn fixed(at: OffsetDateTime) -> Self {
        Self { fixed: Some(Arc::new(AtomicI64::new(millis(at)))) }
    }

    /// Moves a fixed clock; a system clock is left alone.
    pub fn advance(&self, by: std::time::Duration) {
        if let Some(at) = &self.fixed {
            at.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }

    /// The current instant, UTC, to the millisecond.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn now(&self) -> OffsetDateTime {
        match &self.fixed {
            Some(at) => from_millis(at.load(Ordering::SeqCst)),
            None => from_millis(millis(OffsetDateTime::now_utc())),
        }
    }

    /// The current instant as milliseconds since the epoch, the form the store keeps.
    #[must_use]
    pub fn now_millis(&self) -> i64 {
        millis(self.now())
    }
}

/// An instant as milliseconds since the epoch.
#[must_use]
pub fn millis(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Milliseconds since the epoch as an instant; the epoch itself for a number outside all calendars.
#[must_use]
pub fn from_millis(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// An instant as RFC 3339 in UTC, to the millisecond where it has any, ending in `Z`.
#[must_use]
pub fn rfc3339(at: OffsetDateTime) -> String {
    at.checked_to_offset(UtcOffset::UTC).and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

/// A local time of Great Britain with its offset on that day. A time that the clocks repeat is taken as the first of the
/// two, and one that they skip as told by a clock that was not put forward: both take the offset from before the change.
#[must_use]
pub fn in_london(local: PrimitiveDateTime) -> OffsetDateTime {
    let utc = local.assume_utc();
    let offset = |at: OffsetDateTime| {
        let seconds = tzdb_data::time_zone::europe::LONDON
            .find_local_time_type(at.unix_timestamp())
            .map_or(0, tz::timezone::LocalTimeType::ut_offset);
        UtcOffset::from_whole_seconds(seconds).unwrap_or(UtcOffset::UTC)
    };
    let after = offset(utc);
    // No clock of Great Britain was ever further than two hours from UTC.
    let before = utc.checked_sub(time::Duration::hours(3)).map_or(after, offset);
    let fits = |candidate: UtcOffset| offset(local.assume_offset(candidate)) == candidate;
    let chosen = if before == after || fits(before) || !fits(after) { before } else { after };
    local.assume_offset(chosen)
}

/// An instant as the clocks of Great Britain show it.
#[must_use]
pub fn to_london(at: OffsetDateTime) -> OffsetDateTime {
    let seconds = tzdb_data::time_zone::europe::LONDON
        .find_local_time_type(at.unix_timestamp())
        .map_or(0, tz::timezone::LocalTimeType::ut_offset);
    // At either end of the calendar there may be no such time: then as it stands.
    at.checked_to_offset(UtcOffset::from_whole_seconds(seconds).unwrap_or(UtcOffset::UTC)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn summer_and_winter_have_their_own_offsets() {
        assert_eq!(in_london(datetime!(2026-07-01 12:00)), datetime!(2026-07-01 12:00 +1));
        assert_eq!(in_london(datetime!(2026-12-01 12:00)), datetime!(2026-12-01 12:00 +0));
        assert_eq!(to_london(datetime!(2026-07-01 11:00 UTC)).hour(), 12);
    }

    #[test]
    fn a_time_that_the_clocks_repeat_or_skip_takes_the_offset_from_before_the_change() {
        for (local, at) in [
            (datetime!(2026-10-25 00:59:59), datetime!(2026-10-25 00:59:59 +1)),
            (datetime!(2026-10-25 01:00), datetime!(2026-10-25 01:00 +1)),
            (datetime!(2026-10-25 01:30), datetime!(2026-10-25 01:30 +1)),
            (datetime!(2026-10-25 01:59:59), datetime!(2026-10-25 01:59:59 +1)),
            (datetime!(2026-10-25 02:00), datetime!(2026-10-25 02:00 +0)),
            (datetime!(2026-03-29 00:59:59), datetime!(2026-03-29 00:59:59 +0)),
            (datetime!(2026-03-29 01:30), datetime!(2026-03-29 01:30 +0)),
            (datetime!(2026-03-29 02:00), datetime!(2026-03-29 02:00 +1)),
            (datetime!(1968-10-27 12:00), datetime!(1968-10-27 12:00 +1)),
            (datetime!(1942-07-01 12:00), datetime!(1942-07-01 12:00 +2)),
        ] {
            assert_eq!((in_london(local), in_london(local).offset()), (at, at.offset()), "{local}");
        }
        assert_eq!(to_london(in_london(datetime!(2026-03-29 01:30))).hour(), 2);
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_bug() {
        let (last, first) = (datetime!(9999-12-31 23:59:59 -14), datetime!(-9999-01-01 00:00:00 +14));
        for end in [last, first] {
            assert_eq!(rfc3339(end), "");
            assert_eq!(to_london(end), end);
        }
    }

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(datetime!(2026-11-24 10:00 UTC));
        clock.advance(std::time::Duration::from_mins(1));
        assert_eq!(clock.now(), datetime!(2026-11-24 10:01 UTC));
    }
}
