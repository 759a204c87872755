//! FHIR dates as spans of time: from the first millisecond to one past the last.
//!
//! A value without a zone is the time of Great Britain on that day.

use crate::clock::{in_london, millis};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// A span of milliseconds since the epoch, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: i64,
    pub to: i64,
}

/// Reads a `date`, `dateTime` or `instant` of any precision; `None` when it is none.
pub(super) fn span(text: &str) -> Option<Span> {
    match text.split_once('T') {
        None => days(text),
        Some((day, clock)) => instant(parse_date(day)?, clock),
    }
}

/// Reads a whole `YYYY-MM-DD`.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    Date::from_calendar_date(year_of(year)?, month_of(month)?, u8::try_from(digits(day, 2)?).ok()?).ok()
}

fn days(text: &str) -> Option<Span> {
    let (first, after) = match text.len() {
        4 => {
            let year = year_of(text)?;
            (first_of(year, Month::January)?, first_of(year.checked_add(1)?, Month::January)?)
        }
        7 => {
            let (year, month) = text.split_once('-')?;
            let (year, month) = (year_of(year)?, month_of(month)?);
            let next = if month == Month::December { year.checked_add(1)? } else { year };
            (first_of(year, month)?, first_of(next, month.next())?)
        }
        _ => {
            let day = parse_date(text)?;
            (day, day.next_day()?)
        }
    };
    let midnight = |day: Date| millis(in_london(PrimitiveDateTime::new(day, Time::MIDNIGHT)));
    Some(Span { from: midnight(first), to: midnight(after) })
}

fn instant(day: Date, clock: &str) -> Option<Span> {
    let (clock, zone) = zone(clock)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let hour = u8::try_from(digits(parts.next()?, 2)?).ok()?;
    let minute = u8::try_from(digits(parts.next()?, 2)?).ok()?;
    let second = parts.next().map(|second| digits(second, 2)).map_or(Some(None), |read| read.map(Some))?;
    if parts.next().is_some() || (fraction.is_some() && second.is_none()) {
        return None;
    }
    let time = Time::from_hms(hour, minute, u8::try_from(second.unwrap_or(0)).ok()?).ok()?;
    let local = PrimitiveDateTime::new(day, time);
    let at: OffsetDateTime = match zone {
        Some(offset) => local.assume_offset(offset),
        None => in_london(local),
    };
    let start = millis(at);
    Some(match (fraction, second) {
        (Some(fraction), _) => {
            let from = start + thousandths(fraction)?;
            Span { from, to: from + 1 }
        }
        (None, Some(_)) => Span { from: start, to: start + 1_000 },
        (None, None) => Span { from: start, to: start + 60_000 },
    })
}

/// The clock without its zone. A plus that was read as a space in a form is taken for what it was.
fn zone(clock: &str) -> Option<(&str, Option<UtcOffset>)> {
    if let Some(clock) = clock.strip_suffix('Z') {
        return Some((clock, Some(UtcOffset::UTC)));
    }
    let Some(at) = clock.find(['+', '-', ' ']) else {
        return Some((clock, None));
    };
    let (clock, offset) = clock.split_at_checked(at)?;
    let sign: i8 = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let hours = i8::try_from(digits(hours, 2)?).ok()?;
    let minutes = i8::try_from(digits(minutes, 2)?).ok()?;
    if hours > 14 || minutes > 59 {
        return None;
    }
    Some((clock, Some(UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?)))
}

fn thousandths(fraction: &str) -> Option<i64> {
    let all_digits = !fraction.is_empty() && fraction.len() <= 9 && fraction.bytes().all(|b| b.is_ascii_digit());
    let padded: String = fraction.chars().chain("00".chars()).take(3).collect();
    all_digits.then(|| padded.parse().ok())?
}

fn first_of(year: i32, month: Month) -> Option<Date> {
    Date::from_calendar_date(year, month, 1).ok()
}

fn year_of(text: &str) -> Option<i32> {
    i32::try_from(digits(text, 4)?).ok().filter(|year| *year > 0)
}

fn month_of(text: &str) -> Option<Month> {
    Month::try_from(u8::try_from(digits(text, 2)?).ok()?).ok()
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_without_a_zone_is_a_day_of_great_britain() {
        let day = span("2026-07-01").expect("a date");
        assert_eq!(day.from, millis(datetime!(2026-06-30 23:00 UTC)));
        assert_eq!(day.to - day.from, 86_400_000);
        let change = span("2026-03-29").expect("a date");
        assert_eq!(change.to - change.from, 23 * 3_600_000);
    }

    #[test]
    fn a_partial_date_spans_all_that_it_could_mean() {
        let year = span("2024").expect("a year");
        assert_eq!((year.to - year.from) / 86_400_000, 366);
        let month = span("2024-02").expect("a month");
        assert_eq!((month.to - month.from) / 86_400_000, 29);
        let december = span("2023-12").expect("a month");
        assert_eq!(december.to, year.from);
        let minute = span("2024-05-01T10:00").expect("a minute");
        assert_eq!(minute.to - minute.from, 60_000);
        let second = span("2024-05-01T10:00:00+01:00").expect("a second");
        assert_eq!((second.from, second.to - second.from), (minute.from, 1_000));
        assert_eq!(span("2024-05-01T10:00:00 01:00"), Some(second));
        let exact = span("2024-05-01T09:00:00.5Z").expect("a millisecond");
        assert_eq!((exact.from - second.from, exact.to - exact.from), (500, 1));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for wrong in [
            "",
            "24",
            "2024-13",
            "2024-02-30",
            "2024-1-1",
            "20240101",
            "2024-01-01T",
            "2024-01-01T10",
            "0000",
            "2024-01-01T25:00",
            "2024-01-01T10:00:00+1:00",
            "2024-01-01T10:00.5",
            "２０２４",
            "2024-01-01T10:00:00é",
            "99999",
        ] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
        assert!(span("9999").is_none_or(|span| span.to > span.from));
    }
}
