//! Dates of a record: what a `dt.DatePart` spans, and the placeholders of the built-in patients.

use super::tree::Node;
use time::{Date, Duration, Month};

/// The first and the last day that a clinical date may mean.
pub(super) type Span = (Date, Date);

/// What `effectiveTime` spans, by its `datepart` alone; `None` when undated.
pub(super) fn span(item: &Node<'_>) -> Option<Span> {
    let node = item.first("effectiveTime")?;
    let day = day(node.attribute("value")?)?;
    match node.attribute("datepart").unwrap_or("YMD") {
        "Y" => Some((
            Date::from_calendar_date(day.year(), Month::January, 1).ok()?,
            Date::from_calendar_date(day.year(), Month::December, 31).ok()?,
        )),
        "YM" => Some((day.replace_day(1).ok()?, day.replace_day(day.month().length(day.year())).ok()?)),
        "U" => None,
        _ => Some((day, day)),
    }
}

/// The day of an `xs:date` or `xs:dateTime`.
pub(super) fn day(text: &str) -> Option<Date> {
    let text = text.get(..10)?;
    let mut parts = text.split('-');
    let year = parts.next()?.parse().ok()?;
    let month = Month::try_from(parts.next()?.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, parts.next()?.parse().ok()?).ok()
}

/// Whether a date falls within a range, both ends included; what is undated always does.
pub(super) fn within(span: Option<Span>, (from, to): (Option<Date>, Option<Date>)) -> bool {
    span.is_none_or(|(first, last)| from.is_none_or(|from| last >= from) && to.is_none_or(|to| first <= to))
}

/// So many months before a day, on the last day of the month where that month is shorter.
pub(super) fn months_before(day: Date, months: u8) -> Date {
    let whole = day.year() * 12 + i32::from(u8::from(day.month())) - 1 - i32::from(months);
    let year = whole.div_euclid(12);
    let month =
        u8::try_from(whole.rem_euclid(12) + 1).ok().and_then(|m| Month::try_from(m).ok()).unwrap_or(Month::January);
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).unwrap_or(day)
}

/// Puts a day in the place of each `{{days-ago:N}}`; a negative N lies ahead.
pub(super) fn fill_placeholders(text: &str, today: Date) -> String {
    const OPEN: &str = "{{days-ago:";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        out.push_str(before);
        let Some((number, tail)) = after.split_once("}}") else {
            out.push_str(OPEN);
            rest = after;
            continue;
        };
        let days = number.parse::<i64>().unwrap_or(0);
        out.push_str(&iso(today.checked_sub(Duration::days(days)).unwrap_or(today)));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// A day as `2026-11-24`.
pub(super) fn iso(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

#[cfg(test)]
mod tests {
    use super::super::tree::read_fragment;
    use super::*;
    use time::macros::date;

    fn dated(part: &str, value: &str) -> Option<Span> {
        let xml = format!("<event><effectiveTime datepart=\"{part}\" value=\"{value}\"/></event>");
        span(&read_fragment(&xml).expect("readable"))
    }

    #[test]
    fn precision_comes_from_the_datepart_alone() {
        assert_eq!(dated("YMD", "2012-06-05T14:31:00"), Some((date!(2012 - 06 - 05), date!(2012 - 06 - 05))));
        assert_eq!(dated("YM", "2012-02-01T00:00:00"), Some((date!(2012 - 02 - 01), date!(2012 - 02 - 29))));
        assert_eq!(dated("Y", "2012-01-01T00:00:00"), Some((date!(2012 - 01 - 01), date!(2012 - 12 - 31))));
        assert_eq!(dated("U", "2012-01-01T00:00:00"), None);
        assert_eq!(dated("YMD", "soon"), None);
    }

    #[test]
    fn a_year_falls_within_a_range_that_begins_in_its_june() {
        let year = dated("Y", "2012-01-01T00:00:00");
        assert!(within(year, (Some(date!(2012 - 06 - 01)), None)));
        assert!(!within(year, (Some(date!(2013 - 01 - 01)), None)));
        assert!(!within(year, (None, Some(date!(2011 - 12 - 31)))));
        assert!(within(None, (Some(date!(2013 - 01 - 01)), Some(date!(2013 - 01 - 02)))));
    }

    #[test]
    fn placeholders_become_days() {
        let today = date!(2026 - 11 - 24);
        assert_eq!(fill_placeholders("a {{days-ago:14}}T10 {{days-ago:-7}} b", today), "a 2026-11-10T10 2026-12-01 b");
        assert_eq!(months_before(date!(2026 - 05 - 31), 3), date!(2026 - 02 - 28));
        assert_eq!(months_before(date!(2026 - 01 - 15), 3), date!(2025 - 10 - 15));
    }
}
