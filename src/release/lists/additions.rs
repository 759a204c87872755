//! What a locality adds: a TOML file of its own, or a FHIR ValueSet. Both can only add.

use super::super::exclusions::{ExclusionEntry, Layer};
use super::{Change, day};
use serde::Deserialize;
use serde_json::Value;
use time::Date;

/// A file of additions, read.
#[derive(Default)]
pub(super) struct Addition {
    pub title: String,
    pub version: String,
    pub changes: Vec<Change>,
    pub entries: Vec<ExclusionEntry>,
    /// Which entry, and its problem.
    pub problems: Vec<(usize, &'static str)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    version: String,
    #[serde(default)]
    change: Vec<SaidChange>,
    entry: Vec<SaidEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidChange {
    version: String,
    date: toml::value::Datetime,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidEntry {
    /// `read-v2`, `ctv3`, `snomed`, `emis`; `dmd` and `medicine` for the policy on medicines; none for a rubric alone.
    system: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    include_descendants: bool,
    #[serde(default)]
    display: String,
    #[serde(default)]
    rubric: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    confidence: String,
    #[serde(default)]
    source: String,
    from: Option<toml::value::Datetime>,
    until: Option<toml::value::Datetime>,
}

/// Reads the TOML form.
///
/// # Errors
/// What makes it no such file at all.
pub(super) fn toml(text: &str) -> Result<Addition, String> {
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let mut addition = Addition { title: file.title, version: file.version, ..Addition::default() };
    for (at, change) in file.change.into_iter().enumerate() {
        match day(&change.date.to_string()) {
            Some(date) => addition.changes.push(Change { version: change.version, date, text: change.text }),
            None => addition.problems.push((at + 1, "the date of a change is not a day")),
        }
    }
    for (at, entry) in file.entry.into_iter().enumerate() {
        let date = |said: Option<toml::value::Datetime>| match said {
            None => Ok(None),
            Some(said) => day(&said.to_string()).map(Some).ok_or("a date is not a day"),
        };
        let (from, until) = match (date(entry.from), date(entry.until)) {
            (Ok(from), Ok(until)) => (from, until),
            (Err(problem), _) | (_, Err(problem)) => {
                addition.problems.push((at + 1, problem));
                continue;
            }
        };
        addition.entries.push(ExclusionEntry {
            row: 0,
            rubric: entry.rubric,
            group: entry.group,
            system: entry.system.unwrap_or_else(|| "read-v2".to_owned()),
            code: entry.code.trim().to_owned(),
            include_descendants: entry.include_descendants,
            display: entry.display,
            confidence: entry.confidence,
            source: entry.source,
            layer: Layer::Local,
            version: "".into(),
            from,
            until,
        });
    }
    Ok(addition)
}

const WITH_DESCENDANTS: &str = "urn:x-mig-fhir:StructureDefinition:with-descendants";
const EFFECTIVE: &str = "http://hl7.org/fhir/StructureDefinition/valueset-effectiveDate";
const EXPIRATION: &str = "http://hl7.org/fhir/StructureDefinition/valueset-expirationDate";

/// Reads the ValueSet form: `compose.include` with concepts, or with one filter `is-a` or `descendent-of` on a concept.
/// What it could not honour in full it refuses.
///
/// # Errors
/// What makes it no such ValueSet at all.
pub(super) fn value_set(text: &str) -> Result<Addition, String> {
    let set: Value = serde_json::from_str(text).map_err(|_| "it is not JSON".to_owned())?;
    let said = |name: &str| set.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if said("resourceType") != "ValueSet" {
        return Err("it is not a ValueSet".to_owned());
    }
    if said("status") != "active" {
        return Err("its status is not active".to_owned());
    }
    if said("version").is_empty() {
        return Err("it has no version".to_owned());
    }
    if set.pointer("/compose/exclude").is_some() {
        return Err("compose.exclude is not understood: a list can only add".to_owned());
    }
    if set.pointer("/compose/inactive").is_some() {
        return Err("compose.inactive is not understood".to_owned());
    }
    let title = [said("title"), said("name")].into_iter().find(|title| !title.is_empty());
    let date = |url: &str| match extension(&set, url) {
        None => Ok(None),
        Some(found) => {
            let text = found.get("valueDateTime").and_then(Value::as_str).unwrap_or_default();
            day(text).map(Some).ok_or_else(|| "its effective or expiration date is not a day".to_owned())
        }
    };
    let (from, until) = (date(EFFECTIVE)?, date(EXPIRATION)?);
    let includes = set.pointer("/compose/include").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut addition = Addition { title: title.unwrap_or_default(), version: said("version"), ..Addition::default() };
    for (at, include) in includes.iter().enumerate() {
        match included(include, from, until) {
            Ok(entries) => addition.entries.extend(entries),
            Err(problem) => addition.problems.push((at + 1, problem)),
        }
    }
    Ok(addition)
}

fn extension<'a>(value: &'a Value, url: &str) -> Option<&'a Value> {
    value.get("extension")?.as_array()?.iter().find(|one| one.get("url").and_then(Value::as_str) == Some(url))
}

fn included(include: &Value, from: Option<Date>, until: Option<Date>) -> Result<Vec<ExclusionEntry>, &'static str> {
    let system = match include.get("system").and_then(Value::as_str).unwrap_or_default() {
        "http://snomed.info/sct" => "snomed",
        "http://read.info/readv2" => "read-v2",
        "http://read.info/ctv3" => "ctv3",
        "https://fhir.hl7.org.uk/Id/egton-codes" => "emis",
        _ => return Err("its system is not known"),
    };
    if include.get("valueSet").is_some() {
        return Err("other value sets cannot be imported");
    }
    let entry = |code: &str, display: &str, include_descendants: bool| ExclusionEntry {
        row: 0,
        rubric: String::new(),
        group: String::new(),
        system: system.to_owned(),
        code: code.trim().to_owned(),
        include_descendants,
        display: display.to_owned(),
        confidence: String::new(),
        source: String::new(),
        layer: Layer::Local,
        version: "".into(),
        from,
        until,
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let concepts = include.get("concept").and_then(Value::as_array);
    let filters = include.get("filter").and_then(Value::as_array);
    match (concepts, filters.map(Vec::as_slice)) {
        (Some(concepts), None) => Ok(concepts
            .iter()
            .map(|concept| {
                let below = extension(concept, WITH_DESCENDANTS).and_then(|one| one.get("valueBoolean"));
                entry(&text(concept, "code"), &text(concept, "display"), below == Some(&Value::Bool(true)))
            })
            .collect()),
        (None, Some([filter])) => {
            let sound = text(filter, "property") == "concept"
                && matches!(text(filter, "op").as_str(), "is-a" | "descendent-of");
            // The concept itself goes with what lies below it.
            if sound { Ok(vec![entry(&text(filter, "value"), "", true)]) } else { Err("its filter is not understood") }
        }
        _ => Err("it needs concepts, or one filter"),
    }
}
