//! Released FHIR in words, by its shape: concepts by their text, numbers to the digit, dates at their precision, references
//! by the name of what they lead to. Adds nothing that the resources do not say.

use super::columns::{self, Form, Item};
use crate::ids::LogicalId;
use crate::kinds::Kind;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How far a reference is followed for a name: a role leads to a person.
const STEPS: u8 = 3;
/// The system of codes that say that nothing is said.
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A way of saying a value, and how many steps it may follow references for.
type Say<'p> = fn(&Names<'p>, &Value, u8) -> Option<String>;

/// The resources of the document by reference.
pub(super) struct Names<'p>(HashMap<String, &'p Value>);

impl<'p> Names<'p> {
    pub(super) fn of(resources: impl Iterator<Item = (Kind, &'p LogicalId, &'p Value)>) -> Self {
        Self(resources.map(|(kind, id, json)| (format!("{kind}/{id}"), json)).collect())
    }

    /// What another resource is called; none when it is not in the document.
    fn name(&self, reference: &str, steps: u8) -> Option<String> {
        let resource = self.0.get(reference)?;
        let (kind, _) = reference.split_once('/')?;
        let steps = steps.checked_sub(1)?;
        columns::labels(kind).iter().find_map(|path| self.at(resource, path, steps, Self::say))
    }

    /// What an item says of a resource.
    pub(super) fn item(&self, resource: &Value, item: &Item) -> Option<String> {
        let how: Say<'p> = if item.form == Form::Date { |_, value, _| say_date(value) } else { Self::say };
        let mut said = item.paths.iter().filter_map(|path| self.at(resource, path, STEPS, how));
        let words = match item.form {
            Form::First | Form::Date => said.next()?,
            Form::Every => {
                let mut each: Vec<String> = Vec::new();
                said.for_each(|words| {
                    if !each.contains(&words) {
                        each.push(words);
                    }
                });
                each.join("; ")
            }
        };
        (!words.is_empty()).then(|| format!("{}{words}", item.label))
    }

    /// The date by which a resource stands in its table, as FHIR has it: the one that its row shows.
    pub(super) fn dated(resource: &Value) -> Option<String> {
        let kind = resource.get("resourceType").and_then(Value::as_str)?;
        let shown = columns::of(kind).columns.first()?.items.iter().filter(|item| item.form == Form::Date);
        shown.flat_map(|item| item.paths).find_map(|path| {
            let mut first = None;
            walk(resource, path, &mut |value| {
                let end = |name: &str| value.get(name).and_then(Value::as_str);
                let date = value.as_str().or_else(|| end("start")).or_else(|| end("end"));
                if first.is_none() {
                    first = date.map(str::to_owned);
                }
            });
            first
        })
    }

    /// Everything at a path, each once, separated by semicolons.
    fn at(&self, value: &Value, path: &str, steps: u8, how: fn(&Self, &Value, u8) -> Option<String>) -> Option<String> {
        let mut said: Vec<String> = Vec::new();
        walk(value, path, &mut |value| {
            if let Some(words) = how(self, value, steps).filter(|words| !said.contains(words)) {
                said.push(words);
            }
        });
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn say(&self, value: &Value, steps: u8) -> Option<String> {
        let words = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Object(members) => self.say_object(members, steps)?,
            Value::Null | Value::Array(_) => return None,
        };
        (!words.is_empty()).then_some(words)
    }

    fn say_object(&self, members: &Map<String, Value>, steps: u8) -> Option<String> {
        let text =
            |name: &str| members.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        if let Some(reference) = text("reference") {
            return self.name(reference, steps).or_else(|| text("display").map(str::to_owned));
        }
        if let Some(text) = text("text") {
            return Some(text.to_owned());
        }
        if let Some(codings) = members.get("coding").and_then(Value::as_array) {
            let chosen = |coding: &&Value| coding.get("userSelected").and_then(Value::as_bool) == Some(true);
            let coding = codings.iter().find(chosen).or(codings.first())?;
            return coding.as_object().and_then(coding_of);
        }
        if members.get("value").is_some_and(Value::is_number) {
            return quantity(members);
        }
        if members.contains_key("low") || members.contains_key("high") {
            return range(members);
        }
        if members.contains_key("numerator") {
            return joined([members.get("numerator"), members.get("denominator")].map(quantity_in), "/");
        }
        if members.contains_key("start") || members.contains_key("end") {
            return period_of(members);
        }
        if members.contains_key("family") || members.contains_key("given") {
            return strings(members, &["prefix", "given", "family", "suffix"], " ");
        }
        if members.contains_key("line") || members.contains_key("city") || members.contains_key("postalCode") {
            return strings(members, &["line", "city", "district", "postalCode"], ", ");
        }
        match members.get("code") {
            Some(code @ Value::Object(_)) => self.component(members, code, steps),
            Some(_) => coding_of(members),
            None => text("value").map(str::to_owned),
        }
    }

    /// A part of a panel: what, and its value.
    fn component(&self, members: &Map<String, Value>, code: &Value, steps: u8) -> Option<String> {
        let what = self.say(code, steps)?;
        let value = members.iter().find(|(name, _)| name.starts_with("value") || *name == "dataAbsentReason");
        let value = value.and_then(|(_, value)| self.say(value, steps));
        let interpretation = members.get("interpretation").and_then(|all| self.at(all, "", steps, Self::say));
        let said = joined([value, interpretation.map(|words| format!("({words})"))], " ");
        Some(said.map_or(what.clone(), |said| format!("{what}: {said}")))
    }
}

fn walk(value: &Value, path: &str, visit: &mut dyn FnMut(&Value)) {
    if let Value::Array(items) = value {
        return items.iter().for_each(|item| walk(item, path, visit));
    }
    if path.is_empty() {
        return visit(value);
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(name) = step.strip_prefix("extension:") else {
        if let Some(inner) = value.get(step) {
            walk(inner, rest, visit);
        }
        return;
    };
    let extensions = value.get("extension").and_then(Value::as_array).into_iter().flatten();
    let is_named = |one: &&Value| one.get("url").and_then(Value::as_str).is_some_and(|url| url.ends_with(name));
    extensions.filter(is_named).for_each(|extension| walk(extension, rest, visit));
}

fn say_date(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(date(text)),
        Value::Object(period) => period_of(period),
        _ => None,
    }
}

fn coding_of(coding: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| coding.get(name).and_then(Value::as_str);
    if text("system") == Some(NULL_FLAVOR) {
        return None;
    }
    text("display").or_else(|| text("code")).map(str::to_owned)
}

fn quantity_in(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_object).and_then(quantity)
}

fn quantity(members: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let number = members.get("value")?.to_string();
    let number = text("comparator").map_or(number.clone(), |comparator| format!("{comparator} {number}"));
    joined([Some(number), text("unit").or_else(|| text("code")).map(str::to_owned)], " ")
}

fn range(members: &Map<String, Value>) -> Option<String> {
    match (quantity_in(members.get("low")), quantity_in(members.get("high"))) {
        (Some(low), Some(high)) => Some(format!("{low} to {high}")),
        (Some(low), None) => Some(format!("from {low}")),
        (None, Some(high)) => Some(format!("to {high}")),
        (None, None) => None,
    }
}

fn period_of(members: &Map<String, Value>) -> Option<String> {
    let end = |name: &str| members.get(name).and_then(Value::as_str).map(date);
    match (end("start"), end("end")) {
        (Some(start), Some(end)) if start == end => Some(start),
        (Some(start), Some(end)) => Some(format!("{start} to {end}")),
        (Some(start), None) => Some(start),
        (None, Some(end)) => Some(format!("to {end}")),
        (None, None) => None,
    }
}

fn strings(members: &Map<String, Value>, names: &[&str], between: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for value in names.iter().filter_map(|name| members.get(*name)) {
        walk(value, "", &mut |value| parts.extend(value.as_str().map(str::trim).map(str::to_owned)));
    }
    joined(parts.into_iter().map(Some), between)
}

fn joined(parts: impl IntoIterator<Item = Option<String>>, between: &str) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

/// A date as clinical systems of the NHS write it, at its precision: `2024`, `Mar-2024`, `12-Mar-2024`,
/// `12-Mar-2024 09:30`. What is no date stays as it is.
pub(super) fn date(text: &str) -> String {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, time.get(..5)));
    let month = |month: &str| {
        let at = month.parse::<usize>().ok()?.checked_sub(1)?;
        MONTHS.get(at).copied()
    };
    let parts: Vec<&str> = day.split('-').collect();
    let said = match parts.as_slice() {
        [year, m] => month(m).map(|month| format!("{month}-{year}")),
        [year, m, day] => month(m).map(|month| format!("{day}-{month}-{year}")),
        _ => None,
    };
    match (said, time) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        (Some(day), None) => day,
        (None, _) => text.to_owned(),
    }
}
