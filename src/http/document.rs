//! The document as a FHIR Bundle: a Composition first, then what its sections refer to (bdl-9, bdl-10, bdl-11).
//!
//! The Composition and the Device that put it together exist in this Bundle alone, so that they are named by UUID, and the
//! Composition's references are whole URLs: from a UUID a relative one leads nowhere.

use super::answer::{Base, warnings};
use crate::clock;
use crate::disclose::Composed;
use crate::document::{self, Section, VIEW_SYSTEM};
use crate::ids::LogicalId;
use crate::kinds::Kind;
use serde_json::{Value, json};

/// The canonical of our OperationDefinition (`profiles/operation`).
pub(super) const OPERATION: &str = "urn:x-mig-fhir:OperationDefinition:detailed-care-record";
const TITLE: &str = "GP Detailed Care Record";
/// This software, the same in every document.
const DEVICE: &str = "7d3a1f0e-52c4-4b0a-8f0d-9a1c64be2d51";
const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";

/// The Bundle's bytes. Resources are copied as they were encoded, never read again.
pub(super) fn bundle(composed: &Composed, base: &Base) -> Vec<u8> {
    let entries = &composed.document.entries;
    let body: usize = entries.iter().map(|resource| resource.json().len() + 160).sum();
    let mut head = json!({ "resourceType": "Bundle" });
    let mut meta = labels();
    if let Some(at) = composed.recorded_as_at {
        put(&mut meta, "lastUpdated", json!(clock::rfc3339(at)));
    }
    put(&mut head, "meta", meta);
    put(&mut head, "identifier", identifier(composed));
    put(&mut head, "type", json!("document"));
    put(&mut head, "timestamp", json!(clock::rfc3339(composed.at)));

    let mut head = head.to_string();
    head.truncate(head.len() - 1);
    let mut out = head.into_bytes();
    out.reserve(2 * body + 16 * 1024);
    out.extend_from_slice(b",\"entry\":[");
    entry(&mut out, &format!("urn:uuid:{}", composed.identifier), composition(composed, base).to_string().as_bytes());
    out.push(b',');
    entry(&mut out, &format!("urn:uuid:{DEVICE}"), device().to_string().as_bytes());
    for resource in entries {
        out.push(b',');
        entry(&mut out, &url(base, resource.kind(), resource.id()), resource.json());
    }
    out.extend_from_slice(b"]}");
    out
}

fn entry(out: &mut Vec<u8>, url: &str, resource: &[u8]) {
    out.extend_from_slice(format!("{{\"fullUrl\":{},\"resource\":", json!(url)).as_bytes());
    out.extend_from_slice(resource);
    out.push(b'}');
}

fn url(base: &Base, kind: Kind, id: &LogicalId) -> String {
    format!("{}/{kind}/{id}", base.0)
}

fn reference(base: &Base, (kind, id): &(Kind, LogicalId)) -> Value {
    json!({ "reference": url(base, *kind, id) })
}

fn identifier(composed: &Composed) -> Value {
    json!({ "system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{}", composed.identifier) })
}

/// View only (4.11, 5.4.5, 7.2.7).
fn labels() -> Value {
    let label = |code| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code });
    json!({ "security": [label("NOINTEGRATE"), label("DELAU")] })
}

fn composition(composed: &Composed, base: &Base) -> Value {
    let document = &composed.document;
    // Whom it is about must be said; where the agreement does not cover the patient's details, as the caller named them.
    let subject = document.subject.as_ref().map_or_else(
        || json!({ "type": "Patient", "identifier": { "system": NHS_NUMBER, "value": composed.patient.reveal() } }),
        |patient| reference(base, patient),
    );
    let practice = document.practice.as_ref().map(|practice| reference(base, practice));
    let authors: Vec<Value> =
        practice.clone().into_iter().chain([json!({ "reference": format!("urn:uuid:{DEVICE}") })]).collect();
    let sections: Vec<Value> =
        [notice(composed)].into_iter().chain(document.sections.iter().map(|one| section(one, base))).collect();
    let made = document::reader_date(&clock::rfc3339(clock::to_london(composed.at)));
    let cover = document::paragraphs(&[TITLE, &format!("Put together on {made}. For viewing only.")]);
    let mut composition = json!({
        "resourceType": "Composition",
        "id": composed.identifier,
        "meta": labels(),
        "language": "en-GB",
        "text": narrative(&cover),
        "identifier": identifier(composed),
        "status": "final",
        "type": {
            "coding": [{ "system": "http://loinc.org", "code": "11503-0", "display": "Medical records" }],
            "text": TITLE
        },
        "subject": subject,
        "date": clock::rfc3339(composed.at),
        "author": authors,
        "title": TITLE,
        "confidentiality": "N",
    });
    if let Some(practice) = practice {
        put(&mut composition, "custodian", practice);
    }
    put(&mut composition, "section", json!(sections));
    composition
}

/// The neutral notice, always, and warnings about the agreement and the record's completeness.
fn notice(composed: &Composed) -> Value {
    let as_at = composed.recorded_as_at.map(|at| document::reader_date(&clock::rfc3339(clock::to_london(at))));
    let as_at = as_at.map(|at| format!("The practice's system gave the record as it was on {at}."));
    let warnings = warnings(&composed.notes).into_iter().map(|(_, text)| text);
    let texts: Vec<String> = [composed.notes.notice.text.to_owned()].into_iter().chain(warnings).chain(as_at).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    json!({ "title": "What this document may not show", "text": narrative(&document::paragraphs(&texts)) })
}

fn section(section: &Section, base: &Base) -> Value {
    let mut made = json!({ "title": section.title });
    if let Some(code) = section.code {
        let coding = json!({ "system": VIEW_SYSTEM, "code": code, "display": section.title });
        put(&mut made, "code", json!({ "coding": [coding] }));
    }
    if let Some(text) = &section.text {
        put(&mut made, "text", narrative(text));
    }
    put(&mut made, "mode", json!("snapshot"));
    if !section.entries.is_empty() {
        let order = json!({ "system": "http://terminology.hl7.org/CodeSystem/list-order", "code": "event-date" });
        put(&mut made, "orderedBy", json!({ "coding": [order] }));
        put(&mut made, "entry", section.entries.iter().map(|entry| reference(base, entry)).collect());
    }
    if let Some(empty) = section.empty {
        let reason =
            json!({ "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": empty.code() });
        put(&mut made, "emptyReason", json!({ "coding": [reason], "text": empty.text() }));
    }
    if !section.sections.is_empty() {
        put(&mut made, "section", section.sections.iter().map(|part| self::section(part, base)).collect());
    }
    made
}

fn narrative(div: &str) -> Value {
    json!({ "status": "generated", "div": div })
}

fn device() -> Value {
    json!({
        "resourceType": "Device",
        "id": DEVICE,
        "status": "active",
        "deviceName": [{ "name": "mig-fhir", "type": "model-name" }],
        "type": { "text": "Gateway that shows a GP record as FHIR" },
        "version": [{ "value": env!("CARGO_PKG_VERSION") }]
    })
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
