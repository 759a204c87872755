//! Quantities and ranges: decimals as written, digit for digit; UCUM only where the unit is certain; never a float.

use super::parts::text;
use super::rules::rules;
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
        .or_else(|| unit.as_deref().and_then(|unit| rules().ucum(unit)));
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
    said.applies_to = match range.sex.as_deref() {
        Some("M") => vec![words_only("Male")],
        Some("F") => vec![words_only("Female")],
        _ => Vec::new(),
    };
    (said.low.is_some() || said.high.is_some() || said.text.is_some()).then_some(said)
}

fn meaning(qualifier: &str) -> Option<fhir::CodeableConcept> {
    let code = match qualifier {
        "T" => "therapeutic",
        "R" => "recommended",
        "X" => return Some(words_only("toxic")),
        _ => return None,
    };
    let system = "http://terminology.hl7.org/CodeSystem/referencerange-meaning";
    Some(super::parts::concept(system, code, None))
}

fn words_only(words: &str) -> fhir::CodeableConcept {
    fhir::CodeableConcept { text: Some(words.into()), ..Default::default() }
}

/// Where a value lies outside its range: `H`, `L`, or neither with certainty.
pub(super) fn outside(value: &Value) -> Option<&'static str> {
    let Value::Numeric { operator, value, range: Some(range), .. } = value else { return None };
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
    match operator.map_or("", str::trim) {
        "" | "=" | "==" => Ok(None),
        "<" => Ok(Some("<")),
        "<=" => Ok(Some("<=")),
        ">" => Ok(Some(">")),
        ">=" => Ok(Some(">=")),
        _ => Err(()),
    }
}

/// A decimal as JSON writes it, every digit kept but leading zeros; absent when it is not one.
pub(super) fn decimal(written: &str) -> Option<String> {
    let written = written.trim();
    let (sign, rest) = match written.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || rest.len() > 40 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some([sign, whole, point, fraction].concat())
}

/// Compares two results of [`decimal`].
fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let fraction = fraction.trim_end_matches('0').to_owned();
        let zero = whole == "0" && fraction.is_empty();
        (negative && !zero, whole.to_owned(), fraction)
    };
    let (a_negative, a_whole, a_fraction) = parts(a);
    let (b_negative, b_whole, b_fraction) = parts(b);
    let size = (a_whole.len(), &a_whole, &a_fraction).cmp(&(b_whole.len(), &b_whole, &b_fraction));
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
        for (written, said) in [("5.10", "5.10"), ("007", "7"), (".5", "0.5"), ("-0.0", "-0.0"), ("+3.", "3")] {
            assert_eq!(decimal(written).as_deref(), Some(said));
        }
        for not in ["", ".", "1e5", "1,5", "five", "--1", "1.2.3", "NaN"] {
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
