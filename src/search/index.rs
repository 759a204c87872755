//! What search compares, read once out of a released resource by the paths of its type's table.

use super::parameter::{COMMON, Form, Parameter};
use super::span::{Span, span};
use super::value::fold;
use crate::release::{Index, IndexValue, Released};
use serde_json::Value;

/// The values of one parameter of one resource.
pub(super) fn values<'r>(resource: &'r Released, table: &'static [Parameter], name: &str) -> &'r [IndexValue] {
    let index = resource.index(|json| make(json, table));
    index.0.iter().find(|(known, _)| *known == name).map_or(&[], |(_, values)| values.as_slice())
}

/// The references of one resource at the given paths, as `Type/id`.
pub(super) fn references(json: &Value, paths: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        walk(json, path, &mut |value| found.extend(reference(value)));
    }
    found
}

/// What cannot be read matches nothing; release made it, so this does not happen.
pub(super) fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_default()
}

fn make(json: &[u8], table: &'static [Parameter]) -> Index {
    let json = parsed(json);
    let parameters = table.iter().chain(COMMON).filter(|parameter| !parameter.paths.is_empty());
    Index(
        parameters
            .map(|parameter| {
                let mut values = Vec::new();
                for path in parameter.paths {
                    walk(&json, path, &mut |value| read(parameter, value, &mut values));
                }
                (parameter.name, values)
            })
            .collect(),
    )
}

fn walk(value: &Value, path: &str, visit: &mut dyn FnMut(&Value)) {
    if let Value::Array(items) = value {
        for item in items {
            walk(item, path, visit);
        }
        return;
    }
    if path.is_empty() {
        visit(value);
        return;
    }
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(inner) = value.get(head) {
        walk(inner, rest, visit);
    }
}

fn read(parameter: &Parameter, value: &Value, into: &mut Vec<IndexValue>) {
    match parameter.form {
        Form::Token => token(parameter.implied, value, into),
        Form::Date => into.extend(period(value).map(|Span { from, to }| IndexValue::Period(from, to))),
        Form::Reference => into.extend(reference(value).map(IndexValue::Reference)),
        Form::Text => into.extend(value.as_str().map(words)),
        Form::Uri | Form::Number | Form::Special => {}
    }
}

fn token(implied: Option<&str>, value: &Value, into: &mut Vec<IndexValue>) {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match value {
        Value::String(code) => into.push(IndexValue::Token(implied.map(str::to_owned), code.clone())),
        Value::Bool(code) => into.push(IndexValue::Token(implied.map(str::to_owned), code.to_string())),
        Value::Object(members) => {
            if let Some(codings) = members.get("coding") {
                walk(codings, "", &mut |coding| token(None, coding, into));
            } else if let Some(code) = text("code").or_else(|| text("value")) {
                into.push(IndexValue::Token(text("system"), code));
            }
            // What `:text` compares: a concept's words, and those beside a coding.
            into.extend(text("text").or_else(|| text("display")).as_deref().map(words));
        }
        _ => {}
    }
}

/// Folded here, once for every search of the record, and not for each value that it is compared with.
pub(super) fn words(said: &str) -> IndexValue {
    IndexValue::Text { said: said.to_owned(), folded: fold(said) }
}

fn period(value: &Value) -> Option<Span> {
    if let Some(text) = value.as_str() {
        return span(text);
    }
    let end = |name: &str| value.get(name).and_then(Value::as_str).and_then(span);
    match (end("start"), end("end")) {
        (None, None) => None,
        (start, end) => {
            Some(Span { from: start.map_or(i64::MIN, |span| span.from), to: end.map_or(i64::MAX, |span| span.to) })
        }
    }
}

fn reference(value: &Value) -> Option<String> {
    local(value.get("reference")?.as_str()?)
}

/// The last two steps of a reference, `Type/id`; `None` for a contained resource.
pub(super) fn local(reference: &str) -> Option<String> {
    let mut steps = reference.rsplit('/');
    let (id, kind) = (steps.next()?, steps.next()?);
    (!id.is_empty() && !kind.is_empty() && !id.starts_with('#')).then(|| format!("{kind}/{id}"))
}
