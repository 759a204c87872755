//! Makes the FHIR definitions from the list and compares them with those checked in. `UPDATE=1` writes them.

use super::DEFINITIONS;
use crate::release::{ExclusionEntry, Exclusions};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const GROUPS: [(&str, &str); 5] = [
    ("assisted-fertilisation", "Assisted fertilisation"),
    ("gender", "Gender identity"),
    ("hiv-aids", "HIV and AIDS"),
    ("sexually-transmitted-infection", "Sexually transmitted infection"),
    ("termination-of-pregnancy", "Termination of pregnancy"),
];
const RUBRICS: &str = "urn:x-mig-fhir:CodeSystem:exclusion-rubric";

fn uri(system: &str) -> &'static str {
    match system {
        "read-v2" => "http://read.info/readv2",
        "ctv3" => "http://read.info/ctv3",
        "emis" => "https://fhir.hl7.org.uk/Id/egton-codes",
        _ => "http://snomed.info/sct",
    }
}

fn includes(entries: &[&ExclusionEntry]) -> Vec<Value> {
    let mut concepts: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.system != "refset" && !entry.code.is_empty()) {
        let mut concept = json!({ "code": entry.code });
        if entry.include_descendants {
            concept = json!({
                "extension": [{ "url": "urn:x-mig-fhir:StructureDefinition:with-descendants", "valueBoolean": true }],
                "code": entry.code,
            });
        }
        if !entry.display.is_empty() {
            concept["display"] = json!(entry.display);
        }
        concepts.entry(uri(&entry.system)).or_default().insert(&entry.code, concept);
    }
    let mut out: Vec<Value> = concepts
        .into_iter()
        .map(|(system, concepts)| json!({ "system": system, "concept": concepts.into_values().collect::<Vec<_>>() }))
        .collect();
    for set in entries.iter().filter(|entry| entry.system == "refset") {
        out.push(json!({
            "system": uri("refset"),
            "filter": [{ "property": "concept", "op": "in", "value": set.code }],
        }));
    }
    let rubrics: BTreeMap<u32, &str> =
        entries.iter().filter(|entry| entry.row > 0).map(|entry| (entry.row, entry.rubric.as_str())).collect();
    if !rubrics.is_empty() {
        let concepts: Vec<Value> =
            rubrics.iter().map(|(row, rubric)| json!({ "code": row.to_string(), "display": rubric })).collect();
        out.push(json!({ "system": RUBRICS, "concept": concepts }));
    }
    out
}

fn value_set(list: &Exclusions, group: Option<(&str, &str)>) -> Value {
    let entries: Vec<&ExclusionEntry> =
        list.entries().iter().filter(|entry| group.is_none_or(|(name, _)| entry.group == name)).collect();
    let (suffix, title) = match group {
        Some((name, title)) => (format!("-{name}"), format!("Withheld from the record: {}", title.to_lowercase())),
        None => (String::new(), "Withheld from the record".to_owned()),
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
        "description": "Entries that carry one of these codes, or a term equal to one of the rubrics, are not shown. A \
            concept marked with-descendants stands for what lies below it too. The reference sets are named, not listed.",
        "compose": { "include": includes(&entries) },
    })
}

fn rubric_system(list: &Exclusions) -> Value {
    let rubrics: BTreeMap<u32, &str> =
        list.entries().iter().filter(|entry| entry.row > 0).map(|entry| (entry.row, entry.rubric.as_str())).collect();
    let concepts: Vec<Value> =
        rubrics.iter().map(|(row, rubric)| json!({ "code": row.to_string(), "display": rubric })).collect();
    json!({
        "resourceType": "CodeSystem",
        "id": "mig-exclusion-rubric",
        "url": RUBRICS,
        "version": list.version(),
        "name": "MigExclusionRubric",
        "title": "Rubrics of the exclusion list",
        "status": "active",
        "experimental": false,
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

#[test]
fn the_definitions_checked_in_are_those_of_the_list() {
    let list = Exclusions::builtin().expect("the list of this build");
    let mut made = vec![value_set(&list, None), rubric_system(&list)];
    made.extend(GROUPS.iter().map(|group| value_set(&list, Some(*group))));
    assert_eq!(made.len(), DEFINITIONS.len());
    let groups: BTreeSet<&str> = list.entries().iter().map(|entry| entry.group.as_str()).collect();
    assert_eq!(groups, GROUPS.iter().map(|(name, _)| *name).collect());
    for definition in made {
        let (kind, id) = (definition["resourceType"].as_str().expect("type"), definition["id"].as_str().expect("id"));
        let text = serde_json::to_string_pretty(&definition).expect("JSON") + "\n";
        crate::golden::compare(&format!("profiles/terminology/{kind}-{id}.json"), &text);
        let (.., text) = DEFINITIONS.iter().find(|(k, i, _)| (*k, *i) == (kind, id)).expect("embedded");
        // The XML form is made from this text, and needs the type first.
        assert!(text.trim_start().trim_start_matches('{').trim_start().starts_with("\"resourceType\""));
    }
}
