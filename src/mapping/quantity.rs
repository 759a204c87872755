//! Quantities and ranges: decimals as written, digit for digit; UCUM only where the unit is certain; never a float.

use super::concept_map::{self, Map};
use super::parts::text;
use crate::record::{Range, Value};
use mig_fhir_model::resources::ObservationReferenceRange;
use mig_fhir_model::types as fhir;
use std::cmp::Ordering;

pub(super) const UCUM: &str = "http://unitsofmeasure.org";

/// A value as FHIR can say it.
pub(super) enum Said {
    /// A quantity.
    Quantity(Box<fhir::Quantity>),
    /// Text: it is text at source, or no decimal, or has an operator that FHIR lacks.
    Text(String),
}

/// What a value says; absent when it says nothing.
pub(super) fn said(value: &Value) -> Option<Said> {
    match value {
        Value::Text { value, .. } => text(value).map(Said::Text),
        Value::Numeric { operator, value, units, ucum, .. } => {
            let comparator = comparator(operator.as_deref());
            if let (Some(number), Ok(comparator)) = (decimal(value), comparator) {
                let mut quantity = quantity(number, units.as_deref(), ucum.as_deref());
                quantity.comparator = comparator.map(Into::into);
                return Some(Said::Quantity(Box::new(quantity)));
            }
            let parts = [operator.as_deref().unwrap_or(""), value, " ", units.as_deref().unwrap_or("")];
            text(&parts.concat()).map(Said::Text)
        }
    }
}

/// The value's range.
pub(super) fn range_of(value: &Value) -> Option<&Range> {
    match value {
        Value::Numeric { range, .. } | Value::Text { range, .. } => range.as_deref(),
    }
}

/// A quantity without comparator.
pub(super) fn quantity(number: String, unit: Option<&str>, ucum: Option<&str>) -> fhir::Quantity {
    let unit = unit.and_then(text);
    let code = ucum
        .map(str::trim)
        .filter(|code| !code.is_empty() && code.is_ascii() && !code.contains(char::is_whitespace))
        .or_else(|| Some(concept_map::target(Map::Units, unit.as_deref()?)?.code.as_str()));
    fhir::Quantity {
        value: Some(number.into()),
        system: code.map(|_| UCUM.into()),
        code: code.map(Into::into),
        unit: unit.map(Into::into),
        ..Default::default()
    }
}

/// A reference range; absent when it has neither low, high nor text (obs-3).
pub(super) fn reference_range(range: &Range) -> Option<ObservationReferenceRange> {
    let unit = range.units.as_deref();
    // A range's ends have no comparator in FHIR. Inclusive ends need none; any other is said in text.
    let plain = |end: &Option<(Option<String>, String)>, inclusive: &str| {
        end.as_ref().is_none_or(|(operator, value)| {
            decimal(value).is_some()
                && operator.as_deref().is_none_or(|o| matches!(o.trim(), "" | "=") || o.trim() == inclusive)
        })
    };
    let mut said = ObservationReferenceRange::default();
    let mut words: Vec<String> = range.text.as_deref().and_then(text).into_iter().collect();
    if plain(&range.low, ">=") && plain(&range.high, "<=") {
        let end = |end: &Option<(Option<String>, String)>| {
            end.as_ref().and_then(|(_, value)| decimal(value)).map(|number| Box::new(quantity(number, unit, None)))
        };
        said.low = end(&range.low);
        said.high = end(&range.high);
    } else {
        let ends = [&range.low, &range.high].into_iter().flatten();
        let ends: Vec<String> =
            ends.map(|(operator, value)| [operator.as_deref().unwrap_or(""), value].concat()).collect();
        words.extend(text(&[&ends.join(" to "), " ", unit.unwrap_or("")].concat()));
    }
    said.text = (!words.is_empty()).then(|| words.join("; ").into());
    said.r#type = range.qualifier.as_deref().and_then(meaning).map(Box::new);
    let sex = range.sex.as_deref().filter(|sex| matches!(*sex, "M" | "F"));
    let sex = sex.and_then(|sex| concept_map::target(Map::Sex, sex)?.display.as_deref());
    said.applies_to = sex.map(words_only).into_iter().collect();
    said.age = age(range).map(Box::new);
    (said.low.is_some() || said.high.is_some() || said.text.is_some()).then_some(said)
}

/// The ages that a range is for.
fn age(range: &Range) -> Option<fhir::Range> {
    let end = |end: &Option<(String, i64)>| {
        let (unit, value) = end.as_ref()?;
        let (code, name) = match unit.as_str() {
            "Y" => ("a", "years"),
            "M" => ("mo", "months"),
            "W" => ("wk", "weeks"),
            "D" => ("d", "days"),
            _ => return None,
        };
        Some(Box::new(quantity(value.to_string(), Some(name), Some(code))))
    };
    let (low, high) = (end(&range.age_low), end(&range.age_high));
    (low.is_some() || high.is_some()).then(|| fhir::Range { low, high, ..Default::default() })
}

fn meaning(qualifier: &str) -> Option<fhir::CodeableConcept> {
    let coded = concept_map::target(Map::RangeQualifier, qualifier).map(concept_map::Target::concept);
    // FHIR has no code for it, and it must not look like a normal range.
    coded.or_else(|| (qualifier == "X").then(|| words_only("toxic")))
}

fn words_only(words: &str) -> fhir::CodeableConcept {
    fhir::CodeableConcept { text: Some(words.into()), ..Default::default() }
}

/// Where a value lies outside its range: `H`, `L`, or neither with certainty. A toxic range is not one to be in, and a
/// range in other units is not one to compare with.
pub(super) fn outside(value: &Value) -> Option<&'static str> {
    let Value::Numeric { operator, value, range: Some(range), units, .. } = value else { return None };
    let word = |unit: &Option<String>| unit.as_deref().and_then(text);
    if range.qualifier.as_deref() == Some("X") || word(&range.units).is_some_and(|of| word(units) != Some(of)) {
        return None;
    }
    let operator = comparator(operator.as_deref()).ok()?;
    let number = decimal(value)?;
    let end = |end: &Option<(Option<String>, String)>| end.as_ref().and_then(|(_, value)| decimal(value));
    let above = end(&range.high).is_some_and(|high| compare(&number, &high) == Ordering::Greater);
    let below = end(&range.low).is_some_and(|low| compare(&number, &low) == Ordering::Less);
    match operator {
        None | Some(">" | ">=") if above => Some("H"),
        None | Some("<" | "<=") if below => Some("L"),
        _ => None,
    }
}

/// The FHIR comparator of an operator: none for equality, an error for one that FHIR lacks.
fn comparator(operator: Option<&str>) -> Result<Option<&'static str>, ()> {
    let operator = operator.map_or("", str::trim);
    if operator.is_empty() {
        return Ok(None);
    }
    concept_map::row(Map::Operator, operator).map(|row| row.target().map(|target| target.code.as_str())).ok_or(())
}

/// A decimal as JSON writes it, every digit kept but leading zeros; absent when it is not one. An exponent stays (FHIR
/// allows one) with its sign written out, if it is of a size that a reader can be asked to understand.
pub(super) fn decimal(written: &str) -> Option<String> {
    let written = written.trim();
    let (sign, rest) = match written.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let (mantissa, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || rest.len() > 40 {
        return None;
    }
    let power = match exponent.get(1..) {
        None => String::new(),
        Some(power) => {
            let (sign, power) = power.strip_prefix('-').map_or(("+", power), |power| ("-", power));
            let power = power.strip_prefix('+').filter(|_| sign == "+").unwrap_or(power);
            if !(1..=2).contains(&power.len()) || !digits(power) {
                return None;
            }
            ["e", sign, power].concat()
        }
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some([sign, whole, point, fraction, &power].concat())
}

/// Compares two results of [`decimal`].
fn compare(a: &str, b: &str) -> Ordering {
    // The place of the first digit that counts, and the digits that count.
    let parts = |text: &str| {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
        let power = exponent.get(1..).and_then(|power| power.parse::<i64>().ok()).unwrap_or(0);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        let counting = digits.trim_start_matches('0');
        let leading =
            i64::try_from(whole.len() + counting.len()).unwrap_or(0) - i64::try_from(digits.len()).unwrap_or(0);
        if counting.is_empty() {
            return (false, i64::MIN, String::new());
        }
        (negative, leading + power, counting.trim_end_matches('0').to_owned())
    };
    let ((a_negative, a_place, a_digits), (b_negative, b_place, b_digits)) = (parts(a), parts(b));
    let size = (a_place, a_digits).cmp(&(b_place, b_digits));
    match (a_negative, b_negative) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_every_digit_it_was_written_with() {
        for (written, said) in [
            ("5.10", "5.10"),
            ("007", "7"),
            (".5", "0.5"),
            ("-0.0", "-0.0"),
            ("-0", "-0"),
            ("+3.", "3"),
            ("1e3", "1e+3"),
            ("1.50E-07", "1.50e-07"),
        ] {
            assert_eq!(decimal(written).as_deref(), Some(said));
        }
        for not in ["", ".", "1e", "1e+", "e5", "1e5.0", "1e999", "1,5", "five", "--1", "1.2.3", "NaN", "INF"] {
            assert_eq!(decimal(not), None, "{not}");
        }
    }

    #[test]
    fn decimals_compare_as_numbers() {
        assert_eq!(compare("10", "9.9"), Ordering::Greater);
        assert_eq!(compare("1.50", "1.5"), Ordering::Equal);
        assert_eq!(compare("-2", "-1"), Ordering::Less);
        assert_eq!(compare("-0.0", "0"), Ordering::Equal);
        assert_eq!(compare("0.09", "0.1"), Ordering::Less);
        assert_eq!(compare("1e+3", "1000.0"), Ordering::Equal);
        assert_eq!(compare("1e+3", "999.9"), Ordering::Greater);
        assert_eq!(compare("1.5e-2", "0.15"), Ordering::Less);
        assert_eq!(compare("-1e2", "0e5"), Ordering::Less);
        assert_eq!(compare("0.00", "-0e9"), Ordering::Equal);
        assert_eq!(compare("15", "2"), Ordering::Greater);
    }

    #[test]
    fn high_and_low_are_computed_of_a_range_in_the_same_units_that_is_one_to_be_in() {
        let value = |units: Option<&str>, qualifier: Option<&str>| Value::Numeric {
            operator: None,
            value: "12.5".into(),
            units: Some("g/dL".into()),
            ucum: None,
            range: Some(Box::new(Range {
                low: Some((None, "115".into())),
                high: Some((None, "165".into())),
                units: units.map(Into::into),
                qualifier: qualifier.map(Into::into),
                ..Range::default()
            })),
        };
        assert_eq!(outside(&value(None, None)), Some("L"));
        assert_eq!(outside(&value(Some(" g/dL"), Some("R"))), Some("L"));
        assert_eq!(outside(&value(Some("g/L"), None)), None);
        assert_eq!(outside(&value(None, Some("X"))), None);
    }

    #[test]
    fn an_operator_that_fhir_lacks_leaves_the_value_as_text() {
        let value = |operator: &str| Value::Numeric {
            operator: Some(operator.into()),
            value: "5".into(),
            units: Some("mmol/L".into()),
            ucum: None,
            range: None,
        };
        assert!(matches!(said(&value("~")), Some(Said::Text(text)) if text == "~5 mmol/L"));
        let Some(Said::Quantity(quantity)) = said(&value("<=")) else { panic!("a quantity") };
        assert_eq!(quantity.comparator, Some("<=".into()));
        let Some(Said::Quantity(quantity)) = said(&value("=")) else { panic!("a quantity") };
        assert_eq!(quantity.comparator, None);
    }
}
