//! One parameter of a query as a test of a resource: commas are "or", backslashes escape.

use super::index;
use super::parameter::{Form, Parameter};
use super::span::{Span, span};
use crate::ids::NhsNumber;
use crate::release::{IndexValue, Released};

/// A parameter and the values of which one must match.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    parameter: &'static Parameter,
    any: Vec<Wanted>,
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
        exact: bool,
    },
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
    /// Reads the values of one parameter; `None` when one of them is not of the parameter's form.
    pub(super) fn parse(parameter: &'static Parameter, exact: bool, raw: &str) -> Option<Self> {
        let any = split(raw, ',').map(|value| Wanted::parse(parameter, exact, value)).collect::<Option<Vec<_>>>()?;
        Some(Self { parameter, any })
    }

    /// Whether a resource has a value that is wanted.
    pub(super) fn holds(&self, resource: &Released, table: &'static [Parameter]) -> bool {
        index::values(resource, table, self.parameter.name)
            .iter()
            .any(|value| self.any.iter().any(|wanted| wanted.matches(value)))
    }
}

impl Wanted {
    fn parse(parameter: &Parameter, exact: bool, raw: &str) -> Option<Self> {
        if raw.is_empty() {
            return None;
        }
        match parameter.form {
            Form::Token => Self::token(parameter, raw),
            Form::Date => {
                let (comparison, value) = comparison(raw);
                Some(Self::Date(comparison, span(value)?))
            }
            Form::Reference => {
                let text = unescape(raw);
                let local = index::local(&text);
                let (kind, id) = local.as_deref().and_then(|local| local.split_once('/')).unwrap_or(("", &text));
                (!id.is_empty() && !names_a_person(id))
                    .then(|| Self::Reference { kind: (!kind.is_empty()).then(|| kind.to_owned()), id: id.to_owned() })
            }
            Form::Text => {
                let text = unescape(raw);
                (!names_a_person(&text)).then(|| Self::Text { text: if exact { text } else { fold(&text) }, exact })
            }
            Form::Uri | Form::Number | Form::Special => None,
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
        // `|` alone names nothing; an NHS number is no logical id, and must not come back in the self link.
        let empty = code.is_none() && system.as_deref().is_none_or(str::is_empty);
        if empty || (parameter.name == "_id" && code.as_deref().is_some_and(names_a_person)) {
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
            (Self::Text { text, exact: true }, IndexValue::Text(has)) => text == has,
            (Self::Text { text, exact: false }, IndexValue::Text(has)) => fold(has).starts_with(text.as_str()),
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

/// Whether a text is an NHS number: the service never puts one into a URL, and a self link repeats what it was given.
pub(super) fn names_a_person(text: &str) -> bool {
    NhsNumber::parse(text.trim()).is_some()
}

/// Splits at a separator that no backslash escapes; the escapes stay.
pub(super) fn split(raw: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    raw.split(move |c: char| {
        let at = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        at
    })
}

/// Takes the escapes out. A backslash before anything else is itself.
pub(super) fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && matches!(next, ',' | '|' | '$' | '\\') => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    text
}

/// Lower case, without the accents of western European names.
fn fold(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .map(|c| match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
            'ç' | 'ć' | 'č' => 'c',
            'ď' | 'đ' | 'ð' => 'd',
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
            'ğ' => 'g',
            'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
            'ł' => 'l',
            'ñ' | 'ń' | 'ň' => 'n',
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
            'ř' => 'r',
            'ś' | 'š' | 'ş' | 'ș' => 's',
            'ť' | 'ţ' | 'ț' => 't',
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
            'ŵ' => 'w',
            'ý' | 'ÿ' | 'ŷ' => 'y',
            'ź' | 'ż' | 'ž' => 'z',
            '’' => '\'',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::parameter::COMMON;

    const CODE: &Parameter = &Parameter::filter("code", Form::Token, "", &["code"], "");
    const DATE: &Parameter = &Parameter::filter("date", Form::Date, "", &["date"], "");
    const NAME: &Parameter = &Parameter::filter("name", Form::Text, "", &["name"], "");

    fn token_matches(raw: &str, system: Option<&str>, code: &str) -> bool {
        let condition = Condition::parse(CODE, false, raw).expect("a token");
        let value = IndexValue::Token(system.map(str::to_owned), code.to_owned());
        condition.any.iter().any(|wanted| wanted.matches(&value))
    }

    fn date_matches(raw: &str, has: &str) -> bool {
        let condition = Condition::parse(DATE, false, raw).expect("a date");
        let has = span(has).expect("a date");
        condition.any.iter().any(|wanted| wanted.matches(&IndexValue::Period(has.from, has.to)))
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
            assert!(Condition::parse(CODE, false, raw).is_none(), "{raw}");
        }
        for raw in ["", "yesterday", "xx2024", "ge", "2024-1", "2024,"] {
            assert!(Condition::parse(DATE, false, raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn the_tag_shorthand_stands_for_the_view_system() {
        let tag = COMMON.iter().find(|parameter| parameter.name == "_tag").expect("in the table");
        let condition = Condition::parse(tag, false, "mig-view|Problems").expect("a token");
        let value = IndexValue::Token(Some(super::super::VIEW_SYSTEM.to_owned()), "Problems".to_owned());
        assert!(condition.any.iter().any(|wanted| wanted.matches(&value)));
    }

    #[test]
    fn an_nhs_number_is_no_logical_id() {
        let id = COMMON.iter().find(|parameter| parameter.name == "_id").expect("in the table");
        assert!(Condition::parse(id, false, "9990000018").is_none());
        assert!(Condition::parse(NAME, false, "9990000018").is_none());
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
    fn a_string_starts_without_case_and_accent_or_is_exact() {
        let name = IndexValue::Text("Zoë O’Brien".to_owned());
        let matches = |exact, raw: &str| {
            let condition = Condition::parse(NAME, exact, raw).expect("a string");
            condition.any.iter().any(|wanted| wanted.matches(&name))
        };
        assert!(matches(false, "zoe o'br"));
        assert!(!matches(false, "brien"));
        assert!(matches(true, "Zoë O’Brien"));
        assert!(!matches(true, "zoë o’brien"));
    }
}
