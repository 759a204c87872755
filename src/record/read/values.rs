//! Codes, and the values of observations with their ranges.

use super::cursor::{Cursor, Tag};
use super::{ReadError, scalars};
use crate::record::{Code, Range, Value};
use std::borrow::Cow;

/// `observation/value`; absent when it has none that can be read.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Option<Value>, ReadError> {
    let mut read = None;
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "numeric" => {
                let (mut operator, mut value, mut units, mut ucum, mut range) = (None, None, None, None, None);
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "operator" => operator = cursor.token()?,
                        "value" => value = cursor.decimal()?,
                        "units" => units = cursor.token()?,
                        "ucumUnits" => ucum = cursor.token()?,
                        "range" => range = Some(Box::new(self::range(cursor, &tag)?)),
                        _ => cursor.skip()?,
                    }
                }
                read = value.map(|value| Value::Numeric { operator, value, units, ucum, range });
            }
            "text" => {
                let (mut value, mut range) = (None, None);
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "value" => value = cursor.text()?.map(Cow::into_owned),
                        "range" => range = Some(Box::new(self::range(cursor, &tag)?)),
                        _ => cursor.skip()?,
                    }
                }
                read = value.map(|value| Value::Text { value, range });
            }
            _ => cursor.skip()?,
        }
    }
    Ok(read)
}

fn range(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Range, ReadError> {
    let mut range = Range { qualifier: tag.attribute("qualifier")?, ..Range::default() };
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "description" => range.text = cursor.token()?,
            "numericRange" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "low" => range.low = bound(cursor, &tag)?,
                        "high" => range.high = bound(cursor, &tag)?,
                        _ => cursor.skip()?,
                    }
                }
            }
            "textRange" => {
                let mut ends = Vec::new();
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "low" | "high" => {
                            let value = tag.token("value")?;
                            ends.extend(cursor.token()?.or(value));
                        }
                        _ => cursor.skip()?,
                    }
                }
                if !ends.is_empty() {
                    range.text = Some(ends.join(" - "));
                }
            }
            "units" => range.units = cursor.token()?,
            "sex" => range.sex = cursor.token()?,
            "ageRange" => {
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "low" => range.age_low = cursor.duration(&tag)?,
                        "high" => range.age_high = cursor.duration(&tag)?,
                        _ => cursor.skip()?,
                    }
                }
            }
            _ => cursor.skip()?,
        }
    }
    Ok(range)
}

fn bound(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Option<(Option<String>, String)>, ReadError> {
    let (operator, value) = (tag.attribute("operator")?, tag.attribute("value")?);
    cursor.skip()?;
    let value = cursor.kept(value, "decimal", |text| scalars::is_decimal(text).then(|| text.to_owned()));
    Ok(value.map(|value| (operator, value)))
}

/// `dt.Code` with qualifiers and translations; absent when it says nothing. Nests no deeper than the document may.
pub(super) fn code(cursor: &mut Cursor<'_>, tag: &Tag<'_>) -> Result<Option<Code>, ReadError> {
    let mut code = Code::default();
    tag.attributes(|key, value| {
        let slot = match key {
            "code" => &mut code.code,
            "codeSystem" => &mut code.system,
            "displayName" => &mut code.display,
            _ => return,
        };
        *slot = (!value.is_empty()).then(|| value.into_owned());
    })?;
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "translation" => code.translations.extend(self::code(cursor, &tag)?),
            "qualifier" => {
                let (mut name, mut value) = (None, None);
                while let Some(tag) = cursor.child()? {
                    match tag.name() {
                        "name" => name = self::code(cursor, &tag)?,
                        "value" => value = self::code(cursor, &tag)?,
                        _ => cursor.skip()?,
                    }
                }
                if name.is_some() || value.is_some() {
                    code.qualifiers.push((name.unwrap_or_default(), value.unwrap_or_default()));
                }
            }
            _ => cursor.skip()?,
        }
    }
    let says =
        code.code.is_some() || code.display.is_some() || !code.translations.is_empty() || !code.qualifiers.is_empty();
    Ok(says.then_some(code))
}
