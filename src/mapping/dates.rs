//! Dates: precision by `datepart` alone, times with the offset of Great Britain, partial dates kept partial.

use crate::clock::to_london;
use crate::record::PartialDate;
use time::{Date, Duration, Month, OffsetDateTime};

/// A FHIR `dateTime` of the same precision; absent for a year that FHIR cannot say.
pub(super) fn date_time(date: PartialDate) -> Option<String> {
    match date {
        PartialDate::Year(year) => sayable(year).then(|| format!("{year:04}")),
        PartialDate::Month(year, month) => {
            (sayable(year) && (1..=12).contains(&month)).then(|| format!("{year:04}-{month:02}"))
        }
        PartialDate::Day(day) => self::day(day),
        PartialDate::Time(at) => instant(at),
    }
}

/// A FHIR `date`.
pub(super) fn day(date: Date) -> Option<String> {
    sayable(date.year()).then(|| format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

/// A FHIR `instant`, or a `dateTime` with a time: to the second, with its offset.
pub(super) fn instant(at: OffsetDateTime) -> Option<String> {
    let london = to_london(at);
    // Local mean time, before 1847, is not in whole minutes, which is all that FHIR can say of an offset.
    let whole_minutes = london.offset().seconds_past_minute() == 0;
    let local = if whole_minutes { london } else { at.checked_to_offset(time::UtcOffset::UTC)? };
    let (hours, minutes, _) = local.offset().as_hms();
    let sign = if hours < 0 || minutes < 0 { '-' } else { '+' };
    let date = day(local.date())?;
    let (h, m, s) = local.time().as_hms();
    Some(format!("{date}T{h:02}:{m:02}:{s:02}{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs()))
}

/// The first day that a date can mean.
pub(super) fn first_day(date: PartialDate) -> Option<Date> {
    match date {
        PartialDate::Year(year) => Date::from_calendar_date(year, Month::January, 1).ok(),
        PartialDate::Month(year, month) => Date::from_calendar_date(year, Month::try_from(month).ok()?, 1).ok(),
        PartialDate::Day(day) => Some(day),
        PartialDate::Time(at) => Some(to_london(at).date()),
    }
}

/// The last day that a date can mean: what is only perhaps past is not past.
pub(super) fn last_day(date: PartialDate) -> Option<Date> {
    match date {
        PartialDate::Year(year) => Date::from_calendar_date(year, Month::December, 31).ok(),
        PartialDate::Month(year, month) => {
            let month = Month::try_from(month).ok()?;
            Date::from_calendar_date(year, month, month.length(year)).ok()
        }
        PartialDate::Day(_) | PartialDate::Time(_) => first_day(date),
    }
}

/// Whether a date says at least the day.
pub(super) fn to_the_day(date: PartialDate) -> bool {
    matches!(date, PartialDate::Day(_) | PartialDate::Time(_))
}

/// The same day some months earlier, or the last day of that month.
pub(super) fn months_before(day: Date, months: u8) -> Option<Date> {
    let count = day.year() * 12 + i32::from(u8::from(day.month())) - 1 - i32::from(months);
    let month = Month::try_from(u8::try_from(count.rem_euclid(12) + 1).ok()?).ok()?;
    let year = count.div_euclid(12);
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).ok()
}

/// A day some days later; the day itself where the calendar ends.
pub(super) fn days_after(day: Date, days: i64) -> Date {
    day.checked_add(Duration::days(days.clamp(0, 36_500))).unwrap_or(day)
}

fn sayable(year: i32) -> bool {
    (1..=9999).contains(&year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn precision_is_what_the_source_gave() {
        assert_eq!(date_time(PartialDate::Year(1987)).as_deref(), Some("1987"));
        assert_eq!(date_time(PartialDate::Month(1987, 4)).as_deref(), Some("1987-04"));
        assert_eq!(date_time(PartialDate::Day(date!(1987 - 04 - 09))).as_deref(), Some("1987-04-09"));
        assert_eq!(date_time(PartialDate::Year(0)), None);
        assert_eq!(date_time(PartialDate::Month(1987, 13)), None);
    }

    #[test]
    fn a_time_carries_the_offset_of_its_season() {
        let summer = PartialDate::Time(datetime!(2026-07-01 09:05:00 UTC));
        assert_eq!(date_time(summer).as_deref(), Some("2026-07-01T10:05:00+01:00"));
        assert_eq!(instant(datetime!(2026-12-01 09:05:00 UTC)).as_deref(), Some("2026-12-01T09:05:00+00:00"));
    }

    #[test]
    fn a_time_past_the_calendar_is_absent_and_harms_nothing_else() {
        for end in [datetime!(9999-12-31 23:59:59 -14), datetime!(-9999-01-01 00:00:00 +14)] {
            let _ = (date_time(PartialDate::Time(end)), first_day(PartialDate::Time(end)));
        }
    }

    #[test]
    fn three_months_before_the_end_of_may_is_the_end_of_february() {
        assert_eq!(months_before(date!(2026 - 05 - 31), 3), Some(date!(2026 - 02 - 28)));
        assert_eq!(months_before(date!(2026 - 01 - 15), 3), Some(date!(2025 - 10 - 15)));
    }

    #[test]
    fn a_partial_date_ends_with_its_last_day() {
        assert_eq!(last_day(PartialDate::Month(2024, 2)), Some(date!(2024 - 02 - 29)));
        assert_eq!(last_day(PartialDate::Year(2024)), Some(date!(2024 - 12 - 31)));
    }
}
