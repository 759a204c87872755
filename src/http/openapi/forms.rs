//! The forms of texts as patterns: what a parameter or a member takes, as exactly as a pattern can say it.
//!
//! Written in what JSON Schema, JavaScript, Python and Java have in common: no look-around, no named classes.

use crate::kinds::{Kind, View};
use crate::register::agreements::{MOST_CONSENT_MINUTES, OVERRIDE_REASONS};
use serde_json::Value;
use utoipa::openapi::{ObjectBuilder, Schema, Type};

/// A year from 0001.
const YEAR: &str = "([0-9]([0-9]([0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)";
const MONTH: &str = "(0[1-9]|1[0-2])";
const DAY: &str = "(0[1-9]|[12][0-9]|3[01])";
const MINUTE: &str = "([01][0-9]|2[0-3]):[0-5][0-9]";
const ZONE: &str = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])";
/// One letter of a value: a comma, a bar or a backslash only after a backslash.
const LETTER: &str = r"(\\[^\n]|[^,|\\])";

/// No control characters but those of lines, and not only spaces.
const PLAIN: &str = concat!(
    r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*",
    r"[^\x00-\x20\x7f-\xa0]",
    r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*"
);

/// A whole day.
pub(super) fn day() -> String {
    format!("{YEAR}-{MONTH}-{DAY}")
}

/// A whole day, or an instant with its zone.
pub(super) fn moment() -> String {
    format!(r"{}(T{MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?{ZONE})?", day())
}

/// A FHIR date of any precision.
pub(super) fn date() -> String {
    format!("{YEAR}(-{MONTH}(-{DAY})?)?")
}

/// A FHIR dateTime of any precision.
pub(super) fn date_time() -> String {
    format!(r"{YEAR}(-{MONTH}(-{DAY}(T{MINUTE}:[0-5][0-9](\.[0-9]{{1,9}})?{ZONE})?)?)?")
}

/// A date that a search compares with: with a prefix, to the minute at least where it has a time.
pub(super) fn compared_date() -> String {
    let time = format!(r"T{MINUTE}(:[0-5][0-9](\.[0-9]{{1,9}})?)?{ZONE}?");
    format!("(eq|ne|gt|lt|ge|le|sa|eb|ap)?{YEAR}(-{MONTH}(-{DAY}({time})?)?)?")
}

/// A token of a search: `code`, `system|code`, `|code`, `system|`.
pub(super) fn token() -> String {
    format!(r"({LETTER}+(\|{LETTER}*)?|\|{LETTER}+)")
}

/// Any value of a search that is there.
pub(super) fn text() -> String {
    format!(r"({LETTER}|\|)+")
}

/// Several of a form, of which one has to match.
pub(super) fn any_of(form: &str) -> String {
    format!("{form}(,{form})*")
}

/// A text of exactly this form.
pub(super) fn formed(form: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!("^{form}$")))
}

/// One of these words.
pub(super) fn one_of<V: Into<Value>>(words: impl IntoIterator<Item = V>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.into_iter().map(Into::<Value>::into)))
}

fn whole(least: i64, most: Option<i64>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(most)
}

/// What the registers hold, by the words of the tables: codes of organisations and roles, user ids, days.
pub(super) fn of_a_register(name: &str) -> Option<Schema> {
    let object = match name {
        "ods" => formed("[A-Z0-9-]{1,20}"),
        "role" => formed("([^\\n]*:)?R[0-9]{4}"),
        "user" => formed("[!-~]{1,64}"),
        "nhsNumber" => formed("[0-9]{10}"),
        "day" => formed(&day()),
        "moment" => formed(&moment()),
        // Of 1 to 500 characters, none of them a control character, and not blank.
        "words" => formed(r"[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*").max_length(Some(500)),
        // A text that the service keeps: not blank, no control characters but those of lines.
        "plain" => formed(PLAIN).max_length(Some(2048)),
        "absolute" => formed("[A-Za-z][A-Za-z0-9+.-]*:[!-~]+"),
        "patientReference" => formed("Patient/[A-Za-z0-9.-]{1,64}"),
        "view" => one_of(View::ALL.iter().map(|view| view.as_str())),
        "kind" => one_of(Kind::ALL.iter().map(|kind| kind.as_str())),
        "overrideReason" => one_of(OVERRIDE_REASONS.iter().copied()),
        // Of either family; which of them are addresses is more than a pattern says well.
        "address" => formed("[0-9A-Fa-f:.]{2,45}"),
        "network" => formed("[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}"),
        "assurance" => whole(1, Some(3)),
        "level" => whole(0, Some(255)),
        "minutes" => whole(1, Some(MOST_CONSENT_MINUTES)),
        "row" => whole(0, None),
        // One word alone has a bar at its end.
        words if words.contains('|') => one_of(words.split('|').filter(|word| !word.is_empty())),
        _ => return None,
    };
    Some(object.into())
}
