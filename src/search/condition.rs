//! One parameter of a query as a test of a resource: commas are "or", backslashes escape.

use super::index;
use super::parameter::{Form, Parameter};
use super::patient::NHS_NUMBER_SYSTEM;
use super::span::{Span, span};
use super::value::{fold, names_a_person, split, unescape};
use crate::release::{IndexValue, Released};
use std::collections::HashSet;

/// The most values of one parameter, the same one counted once: each is compared with every resource.
const MOST_VALUES: usize = 100;

/// A parameter and the values of which one must match.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    parameter: &'static Parameter,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    /// One of these must match.
    Any(Vec<Wanted>),
    /// None of these may match; what has no value has none that does.
    NotAny(Vec<Wanted>),
    /// Whether there is no value at all.
    Missing(bool),
}

#[derive(Debug, Clone)]
enum Wanted {
    /// `code`, `system|code`, `|code` (no system) and `system|` (any code of it).
    Token {
        system: Option<String>,
        code: Option<String>,
    },
    Date(Comparison, Span),
    Reference {
        kind: Option<String>,
        id: String,
    },
    Text {
        text: String,
        how: Comparing,
    },
}

/// How strings are compared; only [`Self::Exactly`] minds case and accents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparing {
    Start,
    Exactly,
    Within,
}

/// The prefixes of FHIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    StartsAfter,
    EndsBefore,
    Approximately,
}

impl Condition {
    /// Reads the values of one parameter under one of its own modifiers; `None` when one of them is not of its form, or when
    /// there are too many.
    pub(super) fn parse(parameter: &'static Parameter, modifier: Option<&str>, raw: &str) -> Option<Self> {
        let mut known = HashSet::new();
        let distinct: Vec<&str> = split(raw, ',').filter(|value| known.insert(*value)).collect();
        if distinct.len() > MOST_VALUES {
            return None;
        }
        let values = |how: Option<Comparing>| {
            distinct.iter().map(|value| Wanted::parse(parameter, how, value)).collect::<Option<Vec<_>>>()
        };
        let test = match modifier {
            None => Test::Any(values(None)?),
            Some("not") => Test::NotAny(values(None)?),
            Some("text") => Test::Any(values(Some(Comparing::Start))?),
            Some("exact") => Test::Any(values(Some(Comparing::Exactly))?),
            Some("contains") => Test::Any(values(Some(Comparing::Within))?),
            Some("missing") => Test::Missing(match raw {
                "true" => true,
                "false" => false,
                _ => return None,
            }),
            Some(_) => return None,
        };
        Some(Self { parameter, test })
    }

    /// How many values a resource is compared with.
    pub(super) fn values(&self) -> usize {
        match &self.test {
            Test::Any(wanted) | Test::NotAny(wanted) => wanted.len(),
            Test::Missing(_) => 1,
        }
    }

    /// Whether a resource is one that is wanted, by what was released of it.
    pub(super) fn holds(&self, resource: &Released, table: &'static [Parameter]) -> bool {
        self.test.holds(index::values(resource, table, self.parameter.name))
    }
}

impl Test {
    fn holds(&self, values: &[IndexValue]) -> bool {
        let matches = |any: &[Wanted]| values.iter().any(|value| any.iter().any(|wanted| wanted.matches(value)));
        match self {
            Self::Any(any) => matches(any),
            Self::NotAny(any) => !matches(any),
            Self::Missing(missing) => values.is_empty() == *missing,
        }
    }
}

impl Wanted {
    /// `how` is for strings, and for the words of a token; without it a token is compared by its code.
    fn parse(parameter: &Parameter, how: Option<Comparing>, raw: &str) -> Option<Self> {
        // A code of a system may look like an NHS number; then it is compared, and not said back.
        if raw.is_empty() || (names_a_person(raw) && !(how.is_none() && is_code_of_a_system(parameter, raw))) {
            return None;
        }
        match (parameter.form, how) {
            (Form::Token, None) => Self::token(parameter, raw),
            (Form::Date, _) => {
                let (comparison, value) = comparison(raw);
                Some(Self::Date(comparison, span(value)?))
            }
            (Form::Reference, _) => {
                let text = unescape(raw);
                let local = index::local(&text);
                let (kind, id) = local.as_deref().and_then(|local| local.split_once('/')).unwrap_or(("", &text));
                (!id.is_empty())
                    .then(|| Self::Reference { kind: (!kind.is_empty()).then(|| kind.to_owned()), id: id.to_owned() })
            }
            (Form::Text | Form::Token, how) => {
                let (text, how) = (unescape(raw), how.unwrap_or(Comparing::Start));
                let folded = if how == Comparing::Exactly { text.clone() } else { fold(&text) };
                Some(Self::Text { text: folded, how })
            }
            (Form::Uri | Form::Number | Form::Special, _) => None,
        }
    }

    fn token(parameter: &Parameter, raw: &str) -> Option<Self> {
        let mut parts = split(raw, '|').map(unescape);
        let first = parts.next()?;
        let (system, code) = match (parts.next(), parts.next()) {
            (None, _) => (None, Some(first)),
            (Some(code), None) => (Some(first), (!code.is_empty()).then_some(code)),
            (Some(_), Some(_)) => return None,
        };
        // `|` alone names nothing.
        if code.is_none() && system.as_deref().is_none_or(str::is_empty) {
            return None;
        }
        let system = system.map(|system| match parameter.alias {
            Some((short, full)) if short == system => full.to_owned(),
            _ => system,
        });
        Some(Self::Token { system, code })
    }

    fn matches(&self, value: &IndexValue) -> bool {
        match (self, value) {
            (Self::Token { system, code }, IndexValue::Token(has_system, has_code)) => {
                let of_system = match system.as_deref() {
                    None => true,
                    Some("") => has_system.is_none(),
                    Some(system) => has_system.as_deref() == Some(system),
                };
                of_system && code.as_ref().is_none_or(|code| code == has_code)
            }
            (Self::Date(comparison, wanted), IndexValue::Period(from, to)) => {
                comparison.holds(*wanted, Span { from: *from, to: *to })
            }
            (Self::Reference { kind, id }, IndexValue::Reference(reference)) => reference
                .split_once('/')
                .is_some_and(|(has_kind, has_id)| has_id == id && kind.as_deref().is_none_or(|kind| kind == has_kind)),
            (Self::Text { text, how }, IndexValue::Text { said, folded }) => match how {
                Comparing::Exactly => text == said,
                Comparing::Start => folded.starts_with(text.as_str()),
                Comparing::Within => folded.contains(text.as_str()),
            },
            _ => false,
        }
    }
}

impl Comparison {
    /// R4 search, section "Prefixes": both sides are spans.
    fn holds(self, wanted: Span, has: Span) -> bool {
        let equal = wanted.from <= has.from && has.to <= wanted.to;
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            Self::Greater => has.to > wanted.to,
            Self::Less => has.from < wanted.from,
            Self::GreaterOrEqual => equal || has.to > wanted.to,
            Self::LessOrEqual => equal || has.from < wanted.from,
            Self::StartsAfter => has.from >= wanted.to,
            Self::EndsBefore => has.to <= wanted.from,
            // As near as the value is precise: a day is off by a day at most, a year by a year.
            Self::Approximately => {
                let slack = wanted.to - wanted.from;
                has.from < wanted.to + slack && wanted.from - slack < has.to
            }
        }
    }
}

/// Whether a value is a code that brings its system, and not that of NHS numbers; a logical id has none.
fn is_code_of_a_system(parameter: &Parameter, raw: &str) -> bool {
    let mut parts = split(raw, '|').map(unescape);
    let (system, code) = (parts.next(), parts.next());
    parameter.form == Form::Token
        && parameter.name != "_id"
        && code.is_some()
        && system.is_some_and(|system| !system.is_empty() && system != NHS_NUMBER_SYSTEM && !names_a_person(&system))
}

fn comparison(raw: &str) -> (Comparison, &str) {
    let (prefix, rest) = raw.split_at_checked(2).unwrap_or(("", raw));
    let comparison = match prefix {
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "gt" => Comparison::Greater,
        "lt" => Comparison::Less,
        "ge" => Comparison::GreaterOrEqual,
        "le" => Comparison::LessOrEqual,
        "sa" => Comparison::StartsAfter,
        "eb" => Comparison::EndsBefore,
        "ap" => Comparison::Approximately,
        _ => return (Comparison::Equal, raw),
    };
    (comparison, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::parameter::COMMON;

    const CODE: &Parameter = &Parameter::filter("code", Form::Token, "", &["code"], "");
    const DATE: &Parameter = &Parameter::filter("date", Form::Date, "", &["date"], "");
    const NAME: &Parameter = &Parameter::filter("name", Form::Text, "", &["name"], "");

    fn token_matches(raw: &str, system: Option<&str>, code: &str) -> bool {
        let condition = Condition::parse(CODE, None, raw).expect("a token");
        condition.test.holds(&[IndexValue::Token(system.map(str::to_owned), code.to_owned())])
    }

    fn date_matches(raw: &str, has: &str) -> bool {
        let condition = Condition::parse(DATE, None, raw).expect("a date");
        let has = span(has).expect("a date");
        condition.test.holds(&[IndexValue::Period(has.from, has.to)])
    }

    #[test]
    fn a_token_is_compared_by_code_and_system() {
        for (raw, system, code, expected) in [
            ("1", Some("s"), "1", true),
            ("1", None, "1", true),
            ("s|1", Some("s"), "1", true),
            ("s|1", Some("t"), "1", false),
            ("s|1", None, "1", false),
            ("|1", None, "1", true),
            ("|1", Some("s"), "1", false),
            ("s|", Some("s"), "anything", true),
            ("s|", Some("t"), "anything", false),
            ("2,1", Some("s"), "1", true),
            ("A", Some("s"), "a", false),
            (r"a\,b", None, "a,b", true),
            (r"a\|b", None, "a|b", true),
            (r"a\\,c", None, r"a\", true),
            (r"a\\,c", None, "c", true),
            (r"a\b", None, r"a\b", true),
        ] {
            assert_eq!(token_matches(raw, system, code), expected, "{raw} against {system:?} {code}");
        }
    }

    #[test]
    fn a_malformed_value_is_none() {
        for raw in ["", "|", "a|b|c", "a,", ",a"] {
            assert!(Condition::parse(CODE, None, raw).is_none(), "{raw}");
        }
        for raw in ["", "yesterday", "xx2024", "ge", "2024-1", "2024,"] {
            assert!(Condition::parse(DATE, None, raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn the_tag_shorthand_stands_for_the_view_system() {
        let tag = COMMON.iter().find(|parameter| parameter.name == "_tag").expect("in the table");
        let condition = Condition::parse(tag, None, "mig-view|Problems").expect("a token");
        let value = IndexValue::Token(Some(super::super::VIEW_SYSTEM.to_owned()), "Problems".to_owned());
        assert!(condition.test.holds(&[value]));
    }

    #[test]
    fn an_nhs_number_is_no_logical_id() {
        let id = COMMON.iter().find(|parameter| parameter.name == "_id").expect("in the table");
        assert!(Condition::parse(id, None, "9990000018").is_none());
        assert!(Condition::parse(NAME, None, "9990000018").is_none());
    }

    #[test]
    fn dates_are_compared_as_spans_whatever_their_precision() {
        for (raw, has, expected) in [
            ("2024", "2024-05-01", true),
            ("2024-05-01", "2024", false),
            ("2024-05-01", "2024-05-01T23:30:00+01:00", true),
            ("2024-05-01", "2024-05-01T23:30:00Z", false),
            ("ne2024", "2023", true),
            ("ne2024", "2024-02", false),
            ("gt2024-05-01", "2024-05-01", false),
            ("gt2024-05-01", "2024", true),
            ("gt2024-05-01", "2024-05-02", true),
            ("lt2024-05-01", "2024-04-30", true),
            ("lt2024-05-01", "2024-05-01", false),
            ("lt2024-05-01", "2024", true),
            ("ge2024-05-01", "2024-05-01", true),
            ("ge2024-05-01", "2024-04-30", false),
            ("le2024-05-01", "2024-05-01", true),
            ("le2024-05-01", "2024-05-02", false),
            ("sa2024-05", "2024", false),
            ("sa2024-05", "2024-06-01", true),
            ("eb2024-05", "2024-04", true),
            ("eb2024-05", "2024", false),
            ("ap2024-05-02", "2024-05-01", true),
            ("ap2024-05-03", "2024-05-01", false),
            ("2020,2024", "2024-01", true),
        ] {
            assert_eq!(date_matches(raw, has), expected, "{raw} against {has}");
        }
    }

    #[test]
    fn what_has_no_value_is_missing_and_is_not_any_value() {
        let has = [IndexValue::Token(None, "1".to_owned()), index::words("Asthme aiguë")];
        let holds = |modifier, raw: &str, values: &[IndexValue]| {
            Condition::parse(CODE, Some(modifier), raw).expect("a token").test.holds(values)
        };
        for (modifier, raw, of_a_value, of_none) in [
            ("missing", "true", false, true),
            ("missing", "false", true, false),
            ("not", "1", false, true),
            ("not", "2", true, true),
            ("not", "2,1", false, true),
            ("text", "asthme AIGUE", true, false),
            ("text", "aigue", false, false),
            ("text", "1", false, false),
        ] {
            assert_eq!(holds(modifier, raw, &has), of_a_value, "{modifier} {raw}");
            assert_eq!(holds(modifier, raw, &[]), of_none, "{modifier} {raw}");
        }
        for (modifier, raw) in [("missing", "yes"), ("missing", ""), ("not", ""), ("text", ""), ("above", "1")] {
            assert!(Condition::parse(CODE, Some(modifier), raw).is_none(), "{modifier} {raw}");
        }
        assert!(Condition::parse(CODE, Some("text"), "9990000018").is_none());
    }

    #[test]
    fn a_string_starts_without_case_and_accent_or_is_exact() {
        let name = [index::words("Zoë O’Brien")];
        let matches = |modifier, raw: &str| Condition::parse(NAME, modifier, raw).expect("a string").test.holds(&name);
        assert!(matches(None, "zoe o'br"));
        assert!(!matches(None, "brien"));
        assert!(matches(Some("contains"), "BRIÉN"));
        assert!(!matches(Some("contains"), "bryan"));
        assert!(matches(Some("exact"), "Zoë O’Brien"));
        assert!(!matches(Some("exact"), "zoë o’brien"));
    }
}
