//! The exclusion list in FHIR's own words, made of the list in force: one ValueSet for all of it and one for each topic,
//! and the CodeSystem of rubrics; beside them the other code systems and value sets of this service. For anyone to read.
//!
//! Members of the national reference sets are licensed and are not listed: the sets are named by their identifiers.

use super::exclusions::{ExclusionEntry, Exclusions, Layer, TOPICS, Topic};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const RUBRICS: &str = "urn:x-mig-fhir:CodeSystem:exclusion-rubric";
const STRUCTURE: &str = "urn:x-mig-fhir:StructureDefinition";

/// Those that do not depend on the list.
const FIXED: &[&str] = &[
    include_str!("../../profiles/terminology/CodeSystem-exclusion-layer.json"),
    include_str!("../../profiles/terminology/CodeSystem-exclusion-confidence.json"),
    include_str!("../../profiles/terminology/CodeSystem-override-mark.json"),
    include_str!("../../profiles/terminology/CodeSystem-override-reason.json"),
    include_str!("../../profiles/terminology/CodeSystem-problem-significance.json"),
    include_str!("../../profiles/terminology/CodeSystem-problem-status.json"),
    include_str!("../../profiles/terminology/CodeSystem-refusal.json"),
    include_str!("../../profiles/terminology/CodeSystem-review-outcome.json"),
    include_str!("../../profiles/terminology/CodeSystem-task.json"),
    include_str!("../../profiles/terminology/CodeSystem-view.json"),
    include_str!("../../profiles/terminology/ValueSet-override-reason.json"),
    include_str!("../../profiles/terminology/ValueSet-problem-significance.json"),
    include_str!("../../profiles/terminology/ValueSet-problem-status.json"),
];

/// A ValueSet or CodeSystem that anyone may read.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The resource; its type comes first.
    pub resource: Value,
    /// The resource as bytes.
    pub json: Bytes,
    /// A fingerprint of the bytes, for an ETag.
    pub tag: String,
}

impl Definition {
    fn of(resource: Value) -> Self {
        let json = Bytes::from(resource.to_string());
        let mut tag = String::new();
        for byte in digest(&SHA256, &json).as_ref().iter().take(8) {
            let _ = write!(tag, "{byte:02x}");
        }
        Self { resource, json, tag }
    }

    /// A text element of it.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.resource.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Every definition, the list's first.
pub(super) fn definitions(list: &Exclusions) -> Vec<Definition> {
    let of_list = of_the_list(list).into_iter();
    // Checked-in files of our own: a test reads each.
    let fixed = FIXED.iter().filter_map(|text| serde_json::from_str(text).ok());
    of_list.chain(fixed).map(Definition::of).collect()
}

/// Those that are made of the list.
fn of_the_list(list: &Exclusions) -> Vec<Value> {
    let mut made = vec![value_set(list, None), rubric_system(list)];
    made.extend(TOPICS.iter().map(|topic| value_set(list, Some(topic))));
    made
}

fn uri(system: &str) -> &'static str {
    match system {
        "read-v2" => "http://read.info/readv2",
        "ctv3" => "http://read.info/ctv3",
        "emis" => "https://fhir.hl7.org.uk/Id/egton-codes",
        _ => "http://snomed.info/sct",
    }
}

fn extension(name: &str, (member, value): (&str, Value)) -> Value {
    json!({ "url": format!("{STRUCTURE}:{name}"), member: value })
}

fn concept(entry: &ExclusionEntry) -> Value {
    let mut said = Vec::new();
    if entry.include_descendants {
        said.push(extension("with-descendants", ("valueBoolean", json!(true))));
    }
    if !entry.confidence.is_empty() {
        said.push(extension("exclusion-confidence", ("valueCode", json!(entry.confidence))));
    }
    if !entry.source.is_empty() {
        said.push(extension("exclusion-source", ("valueString", json!(entry.source))));
    }
    for (name, day) in [("exclusion-from", entry.from), ("exclusion-until", entry.until)] {
        said.extend(day.map(|day| extension(name, ("valueDate", json!(day.to_string())))));
    }
    let mut concept = serde_json::Map::new();
    if !said.is_empty() {
        concept.insert("extension".to_owned(), Value::Array(said));
    }
    concept.insert("code".to_owned(), json!(entry.code));
    if !entry.display.is_empty() {
        concept.insert("display".to_owned(), json!(entry.display));
    }
    Value::Object(concept)
}

/// By layer and terminology.
type Includes<'a> = BTreeMap<(Layer, &'static str), BTreeMap<&'a str, Value>>;

fn includes(entries: &[&ExclusionEntry]) -> Vec<Value> {
    let layer = |layer: Layer| json!([extension("exclusion-layer", ("valueCode", json!(layer.as_str())))]);
    let mut concepts = Includes::new();
    let listed = |entry: &&&ExclusionEntry| {
        !matches!(entry.system.as_str(), "refset" | "medicine")
            && !entry.code.is_empty()
            && entry.layer != Layer::NationalSet
    };
    for entry in entries.iter().filter(listed) {
        concepts.entry((entry.layer, uri(&entry.system))).or_default().insert(&entry.code, concept(entry));
    }
    let mut out: Vec<Value> = concepts
        .into_iter()
        .map(|((of, system), concepts)| {
            json!({ "extension": layer(of), "system": system, "concept": concepts.into_values().collect::<Vec<_>>() })
        })
        .collect();
    for set in entries.iter().filter(|entry| entry.system == "refset") {
        out.push(json!({
            "extension": layer(Layer::NationalSet),
            "system": uri("refset"),
            "filter": [{ "property": "concept", "op": "in", "value": set.code }],
        }));
    }
    let rubrics = rubrics(entries.iter().copied());
    if !rubrics.is_empty() {
        out.push(json!({ "system": RUBRICS, "concept": rubrics }));
    }
    out
}

/// Of the appendix by row; what a deployment adds without a code has no concept of its own.
fn rubrics<'a>(entries: impl Iterator<Item = &'a ExclusionEntry>) -> Vec<Value> {
    let rows: BTreeMap<u32, &str> =
        entries.filter(|entry| entry.row > 0).map(|entry| (entry.row, entry.rubric.as_str())).collect();
    rows.iter().map(|(row, rubric)| json!({ "code": row.to_string(), "display": rubric })).collect()
}

fn value_set(list: &Exclusions, topic: Option<&Topic>) -> Value {
    let entries: Vec<&ExclusionEntry> =
        list.entries().iter().filter(|entry| topic.is_none_or(|topic| entry.group == topic.name)).collect();
    let (suffix, title) = match topic {
        Some(topic) => (format!("-{}", topic.name), format!("Withheld from the record: {}", uncapital(topic.title))),
        None => (String::new(), "Withheld from the record".to_owned()),
    };
    let purpose = match topic {
        Some(topic) => format!("Withheld under {}.", topic.basis),
        None => "Withheld under the sharing agreement and what it names; each topic has a value set of its own that says so."
            .to_owned(),
    };
    json!({
        "resourceType": "ValueSet",
        "id": format!("mig-exclusions{suffix}"),
        "url": format!("urn:x-mig-fhir:ValueSet:exclusions{suffix}"),
        "version": list.version(),
        "name": format!("MigExclusions{}", suffix.split('-').map(capital).collect::<String>()),
        "title": title,
        "status": "active",
        "experimental": false,
        "publisher": "mig-fhir",
        "description": "Entries that carry one of these codes, or a term equal to one of the rubrics, are not shown. A \
            concept marked with-descendants stands for what lies below it too. The reference sets are named, not listed.",
        "purpose": purpose,
        "compose": { "include": includes(&entries) },
    })
}

fn rubric_system(list: &Exclusions) -> Value {
    let concepts = rubrics(list.entries().iter());
    json!({
        "resourceType": "CodeSystem",
        "id": "mig-exclusion-rubric",
        "url": RUBRICS,
        "version": list.version(),
        "name": "MigExclusionRubric",
        "title": "Rubrics of the exclusion list",
        "status": "active",
        "experimental": false,
        "publisher": "mig-fhir",
        "caseSensitive": true,
        "content": "complete",
        "count": concepts.len(),
        "concept": concepts,
    })
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// In the middle of a sentence; abbreviations keep their letters.
fn uncapital(title: &str) -> String {
    let mut chars = title.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_ascii_lowercase().to_string() + chars.as_str(),
        _ => title.to_owned(),
    }
}

#[cfg(test)]
#[path = "terminology_tests.rs"]
mod tests;
