//! Simple values: ids, booleans, dates, decimals. Each gives a value or nothing; the caller counts what is odd.

use super::ReadError;
use super::cursor::{Cursor, Tag, is_space};
use crate::clock;
use crate::record::PartialDate;
use std::borrow::Cow;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// White space collapsed as `xs:token` does; the ends are trimmed already.
pub(super) fn collapsed(text: Cow<'_, str>) -> String {
    if is_collapsed(text.as_bytes()) {
        return text.into_owned();
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Whether collapsing would change nothing; in doubt it says no. 0xC2 is how a no-break space begins.
fn is_collapsed(text: &[u8]) -> bool {
    let mut after_space = false;
    for byte in text {
        match byte {
            b'\t' | b'\n' | b'\r' | 0xc2 => return false,
            b' ' if after_space => return false,
            _ => after_space = *byte == b' ',
        }
    }
    true
}

/// An id as the model keeps it.
pub(super) fn id(text: &str) -> String {
    text.trim_matches(is_space).to_ascii_lowercase()
}

/// `true`, `false`, `1` or `0`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Whether the text is a decimal as XML Schema writes it: a sign, digits, a point; no grouping. An exponent, which the
/// schema forbids and FHIR allows, loses nothing and is let through.
pub(super) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, power) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let power = power.strip_prefix(['-', '+']).unwrap_or(power);
    if power.is_empty() || !power.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !(whole.is_empty() && part.is_empty()) && all_digits(whole) && all_digits(part)
}

/// A year, month or day by `datepart`; the value's finer parts are padding and are not looked at.
pub(super) fn date_part(part: &str, value: &str) -> Option<PartialDate> {
    match part {
        "Y" => year(value).map(PartialDate::Year),
        "YM" => {
            let (year, month) = (year(value)?, digits(value, 5, 7)?);
            let month = u8::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
            (value.as_bytes().get(4) == Some(&b'-')).then_some(PartialDate::Month(year, month))
        }
        "YMD" => date(value).map(PartialDate::Day),
        // A time that cannot be read leaves the day, which is less than was said and never wrong.
        "YMDT" => instant(value).map(PartialDate::Time).or_else(|| date(value).map(PartialDate::Day)),
        _ => None,
    }
}

/// The day at the head of an `xs:date` or `xs:dateTime`.
pub(super) fn date(value: &str) -> Option<Date> {
    let bytes = value.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    if !matches!(bytes.get(10), None | Some(b'T' | b'Z' | b'+' | b'-' | b' ')) {
        return None;
    }
    let month = Month::try_from(u8::try_from(digits(value, 5, 7)?).ok()?).ok()?;
    Date::from_calendar_date(year(value)?, month, u8::try_from(digits(value, 8, 10)?).ok()?).ok()
}

/// An `xs:dateTime`; local time of Great Britain unless it has an offset.
pub(super) fn instant(value: &str) -> Option<OffsetDateTime> {
    let date = date(value).filter(|date| date.year() < 9999)?;
    let rest = value.get(10..)?.strip_prefix('T')?;
    let end = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock_time, offset) = (rest.get(..end)?, rest.get(end..)?);
    let (whole, fraction) = match clock_time.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (clock_time, None),
    };
    let bytes = whole.as_bytes();
    if bytes.len() != 8 || bytes.get(2) != Some(&b':') || bytes.get(5) != Some(&b':') {
        return None;
    }
    let part = |from, to| digits(whole, from, to).and_then(|n| u8::try_from(n).ok());
    let time = Time::from_hms_nano(part(0, 2)?, part(3, 5)?, part(6, 8)?, nanos(fraction)?).ok()?;
    let local = PrimitiveDateTime::new(date, time);
    if offset.is_empty() {
        return Some(clock::in_london(local));
    }
    if offset == "Z" {
        return Some(local.assume_utc());
    }
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    if offset.len() != 6 || offset.as_bytes().get(3) != Some(&b':') {
        return None;
    }
    let minutes = sign * (digits(offset, 1, 3)? * 60 + digits(offset, 4, 6).filter(|minutes| *minutes < 60)?);
    // XML Schema allows offsets up to fourteen hours.
    if minutes.abs() > 14 * 60 {
        return None;
    }
    Some(local.assume_offset(UtcOffset::from_whole_seconds(minutes * 60).ok()?))
}

fn year(value: &str) -> Option<i32> {
    let long = value.as_bytes().get(4).is_some_and(u8::is_ascii_digit);
    digits(value, 0, 4).filter(|year| *year > 0 && !long)
}

fn digits(text: &str, from: usize, to: usize) -> Option<i32> {
    let part = text.get(from..to)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten()
}

fn nanos(fraction: Option<&str>) -> Option<u32> {
    let Some(fraction) = fraction else { return Some(0) };
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let kept = fraction.get(..fraction.len().min(9))?;
    let scale = 10_u32.checked_pow(u32::try_from(9 - kept.len()).ok()?)?;
    kept.parse::<u32>().ok()?.checked_mul(scale)
}

impl Cursor<'_> {
    /// An instant as element text; counted when it is there and unreadable.
    pub(super) fn instant(&mut self) -> Result<Option<OffsetDateTime>, ReadError> {
        let text = self.text()?;
        Ok(self.kept(text, "instant", instant))
    }

    /// A day as element text.
    pub(super) fn date(&mut self) -> Result<Option<Date>, ReadError> {
        let text = self.text()?;
        Ok(self.kept(text, "date", date))
    }

    /// A `dt.DatePart`, or a plain date where the source writes one; consumes the element.
    pub(super) fn partial(&mut self, tag: &Tag<'_>) -> Result<Option<PartialDate>, ReadError> {
        let (mut part, mut value) = (None, None);
        tag.attributes(|key, text| match key {
            "datepart" => part = Some(text.into_owned()),
            "value" => value = Some(text.into_owned()),
            _ => {}
        })?;
        let text = self.text()?;
        let read = match (part.as_deref(), value.as_deref(), text.as_deref()) {
            (Some("U"), ..) | (None, None, None) => return Ok(None),
            (Some(part), Some(value), _) => {
                let read = date_part(part, value);
                if part == "YMDT" && matches!(read, Some(PartialDate::Day(_))) {
                    self.odd("date");
                }
                read
            }
            (None, None, Some(text)) => date(text).map(PartialDate::Day),
            _ => None,
        };
        if read.is_none() {
            self.odd("date");
        }
        Ok(read)
    }

    /// A boolean as element text; unreadable is absent and counted.
    pub(super) fn boolean(&mut self) -> Result<Option<bool>, ReadError> {
        let text = self.text()?;
        Ok(self.kept(text, "boolean", boolean))
    }

    /// A boolean whose unreadable value must be taken as true, because it guards something.
    pub(super) fn guard(&mut self) -> Result<bool, ReadError> {
        let text = self.text()?;
        let read = text.as_deref().and_then(boolean);
        if read.is_none() {
            self.odd("boolean");
        }
        Ok(read.unwrap_or(true))
    }

    /// A decimal's text, digits as written.
    pub(super) fn decimal(&mut self) -> Result<Option<String>, ReadError> {
        let text = self.text()?;
        Ok(self.kept(text, "decimal", |text| is_decimal(text).then(|| text.to_owned())))
    }

    /// A whole number.
    pub(super) fn integer(&mut self) -> Result<Option<i64>, ReadError> {
        let text = self.text()?;
        Ok(self.kept(text, "integer", |text| text.parse().ok()))
    }

    /// A `dt.Duration`: unit and value; consumes the element.
    pub(super) fn duration(&mut self, tag: &Tag<'_>) -> Result<Option<(String, i64)>, ReadError> {
        let unit = tag.attribute("unit")?;
        let value = tag.attribute("value")?;
        self.skip()?;
        let value = self.kept(value, "integer", |text| text.parse().ok());
        Ok(unit.zip(value))
    }

    /// What the parser makes of a text that is there; counted when it makes nothing.
    pub(super) fn kept<T>(
        &mut self,
        text: Option<impl AsRef<str>>,
        word: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text?;
        let value = parse(text.as_ref());
        if value.is_none() {
            self.odd(word);
        }
        value
    }
}
