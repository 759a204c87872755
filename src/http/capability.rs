//! The CapabilityStatement, made from the catalogue: whatever is served has its row there, and nothing else is claimed.
//!
//! The statement of the checked-in `profiles/capability.json` is the same with a local address; a test compares them.

use super::document;
use crate::catalogue::{KEPT, Kept, PUBLIC, row};
use crate::kinds::Kind;
use crate::search::{Include, Parameter, Table};
use serde_json::{Value, json};

/// The day that the statement last changed in substance.
const CHANGED: &str = "2026-11-29";

/// The CapabilityStatement of a service at `base`, which ends in `/FHIR/R4`. `resourceType` comes first.
#[must_use]
pub fn statement(base: &str) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "id": "mig-fhir",
        "name": "MigFhir",
        "title": "FHIR facade over the Medical Interoperability Gateway",
        "status": "active",
        "date": CHANGED,
        "publisher": "mig-fhir",
        "description": "The GP Detailed Care Record as FHIR R4, view only, for direct care, under a data sharing agreement \
                        and with the patient's consent for each occasion.",
        "kind": "instance",
        "software": { "name": "mig-fhir", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "mig-fhir", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json", "application/fhir+xml", "xml"],
        "rest": [{
            "mode": "server",
            "documentation": "Every search of the record names exactly one patient. The record can also be searched by POST \
                              to _search, which keeps the NHS number out of addresses. A parameter that is not known is \
                              refused, or with Prefer: handling=lenient passed over; a modifier that is not named here is \
                              refused. No history, no versions and no _lastUpdated of the record: its source has none. Of \
                              the types that the service keeps, an update asks for If-Match.",
            "security": {
                "cors": false,
                "service": [{ "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR",
                    "display": "SMART-on-FHIR"
                }] }],
                "description": "A bearer token of a configured issuer with the scopes of every type that the answer could \
                                hold, such as user/Condition.rs."
            },
            "resource": Kind::ALL.iter().map(|kind| of_the_record(*kind)).chain(KEPT.iter().chain(PUBLIC).map(kept)).collect::<Vec<_>>(),
            "interaction": [{ "code": "batch", "documentation": "Of EpisodeOfCare alone, to create and update, 500 entries at most." }]
        }]
    })
}

fn of_the_record(kind: Kind) -> Value {
    let row = row(kind);
    let interactions: &[&str] = if row.is_searchable() { &["read", "search-type"] } else { &["read"] };
    let mut resource = resource(kind.as_str(), row.documentation, interactions, "no-version");
    if let Some(profile) = row.profile {
        put(&mut resource, "supportedProfile", json!([profile]));
    }
    put(&mut resource, "referencePolicy", json!(["literal", "local"]));
    if row.is_searchable() {
        put(&mut resource, "searchInclude", row.includes.iter().map(include).collect());
        put(&mut resource, "searchParam", row.table().offered().map(|known| searched(known, row.table())).collect());
    }
    if kind == Kind::Patient {
        put(&mut resource, "operation", operations());
    }
    resource
}

/// What can be asked of a whole record.
fn operations() -> Value {
    json!([
        {
            "name": "everything",
            "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
            "documentation": "Of one patient, by sealed id: _type and _count. A type that the agreement does not cover is left \
                              out, and a warning says so."
        },
        {
            "name": "detailed-care-record",
            "definition": document::OPERATION,
            "documentation": "Of one patient, by sealed id: the whole record as one document to read, with a section for \
                              each of the ten views. A view outside the agreement says so in its section."
        }
    ])
}

fn kept(kept: &Kept) -> Value {
    let interactions: Vec<&str> = kept.interactions.iter().map(|interaction| interaction.as_str()).collect();
    let versioning = if kept.versioned { "versioned-update" } else { "no-version" };
    let mut resource = resource(kept.name, kept.documentation, &interactions, versioning);
    put(&mut resource, "searchParam", kept.parameters.iter().map(parameter).collect());
    resource
}

fn resource(name: &str, documentation: &str, interactions: &[&str], versioning: &str) -> Value {
    let interactions: Vec<Value> = interactions.iter().map(|code| json!({ "code": code })).collect();
    json!({ "type": name, "documentation": documentation, "interaction": interactions, "versioning": versioning })
}

/// An empty array is not FHIR, so that it is left away.
fn put(resource: &mut Value, name: &str, value: Value) {
    if let (Some(members), false) = (resource.as_object_mut(), value.as_array().is_some_and(Vec::is_empty)) {
        members.insert(name.to_owned(), value);
    }
}

fn include(include: &Include) -> Value {
    json!(format!("{}:{}", include.source, include.name))
}

/// With what R4 has no element for: the modifiers, and what a search can be sorted by.
fn searched(known: &Parameter, table: Table) -> Value {
    let mut value = parameter(known);
    put(&mut value, "documentation", json!(known.explained(table)));
    value
}

fn parameter(parameter: &Parameter) -> Value {
    let mut value = json!({ "name": parameter.name });
    if !parameter.definition.is_empty() {
        put(&mut value, "definition", json!(parameter.definition));
    }
    put(&mut value, "type", json!(parameter.form.as_str()));
    put(&mut value, "documentation", json!(parameter.documentation));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_statement_is_the_one_that_is_served() {
        let statement = statement("http://127.0.0.1:8080/FHIR/R4");
        let made = format!("{}\n", serde_json::to_string_pretty(&statement).expect("JSON"));
        crate::golden::compare("profiles/capability.json", &made);
    }

    #[test]
    fn the_statement_is_fhir_that_both_encodings_can_carry() {
        let json = serde_json::to_vec(&statement("https://example.test/FHIR/R4")).expect("JSON");
        assert!(json.starts_with(br#"{"resourceType""#));
        let xml = mig_fhir_model::json_to_xml(&json).expect("FHIR");
        assert!(xml.windows(11).any(|part| part == b"Observation"));
    }

    #[test]
    fn every_type_has_its_row_and_what_is_referred_to_is_read_only() {
        let statement = statement("https://example.test/FHIR/R4");
        let resources = statement["rest"][0]["resource"].as_array().expect("rows");
        assert_eq!(resources.len(), Kind::ALL.len() + KEPT.len() + PUBLIC.len());
        for kind in Kind::ALL {
            let resource = resources.iter().find(|row| row["type"] == kind.as_str()).expect("a row");
            assert_eq!(resource.get("searchParam").is_none(), kind.is_referred_to(), "{kind}");
        }
    }
}
