//! Days as the store keeps them, and FHIR dateTimes as spans of time. Days are days of Great Britain.

use crate::clock::{in_london, to_london};
use crate::store::StoreError;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset, format_description::well_known::Rfc3339};

/// A FHIR dateTime as the time it covers: from the first instant, to the first instant after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: OffsetDateTime,
    pub to: OffsetDateTime,
    /// A full instant, not a day, month or year.
    pub exact: bool,
}

/// A day as `YYYY-MM-DD`.
pub(super) fn day_text(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// Reads `YYYY-MM-DD`.
pub(super) fn day(text: &str) -> Option<Date> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    if year.len() != 4 || month.len() != 2 || day.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    Date::from_calendar_date(year.parse().ok()?, Month::try_from(month.parse::<u8>().ok()?).ok()?, day.parse().ok()?)
        .ok()
}

/// A stored day.
pub(super) fn stored_day(text: &str) -> Result<Date, StoreError> {
    day(text).ok_or(StoreError::Corrupt)
}

/// A stored day that may be absent.
pub(super) fn stored_day_if_any(text: Option<&str>) -> Result<Option<Date>, StoreError> {
    text.map(stored_day).transpose()
}

/// The day of an instant.
pub(super) fn today(now: OffsetDateTime) -> Date {
    to_london(now).date()
}

/// Reads a FHIR dateTime; `None` when it is not one.
pub(super) fn span(text: &str) -> Option<Span> {
    let start = |date: Date| in_london(date.with_time(Time::MIDNIGHT));
    let whole = |first: Date, after: Option<Date>| Some(Span { from: start(first), to: start(after?), exact: false });
    match text.len() {
        4 => {
            let first = day(&format!("{text}-01-01"))?;
            whole(first, Date::from_calendar_date(first.year() + 1, Month::January, 1).ok())
        }
        7 => {
            let first = day(&format!("{text}-01"))?;
            let year = if first.month() == Month::December { first.year() + 1 } else { first.year() };
            whole(first, Date::from_calendar_date(year, first.month().next(), 1).ok())
        }
        10 => {
            let first = day(text)?;
            whole(first, first.next_day())
        }
        _ => {
            // What is past the calendar in UTC could not be kept and read back.
            let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?;
            Some(Span { from: at, to: at, exact: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_month_or_year_covers_all_of_itself() {
        let summer = span("2026-07-01").expect("a day");
        assert_eq!((summer.from, summer.to), (datetime!(2026-07-01 0:00 +1), datetime!(2026-07-02 0:00 +1)));
        assert_eq!(span("2026-12").expect("a month").to, datetime!(2027-01-01 0:00 UTC));
        assert_eq!(span("2026").expect("a year").to, datetime!(2027-01-01 0:00 UTC));
        for wrong in [
            "",
            "26",
            "2026-13",
            "2026-02-30",
            "2026-07-01T10:00",
            "+026-07-01",
            "yesterday",
            "9999-12-31T23:59:59-14:00",
        ] {
            assert!(span(wrong).is_none(), "{wrong}");
        }
    }
}
