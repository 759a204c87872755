//! Who decided: the patient, someone with authority to answer for them, or for an override the clinician.

use super::{Reading, own_reference};
use crate::ids::{NhsNumber, Sealer};
use crate::register::consent::{AUTHORITY, ROLE_CODE};
use crate::register::shape::{Found, Node};
use serde_json::{Map, Value, json};

/// What the rest of the Consent lets one expect of its performer.
pub(super) struct Expected {
    pub overrides: Option<bool>,
    pub patient: Option<NhsNumber>,
}

pub(super) fn read(
    found: &mut Found,
    consent: &Node<'_>,
    reading: &Reading<'_>,
    expected: &Expected,
    sealer: &Sealer,
    body: &mut Map<String, Value>,
) {
    let performer = consent.one(found, "performer");
    let local = performer.as_ref().and_then(|node| node.peek("reference")).and_then(|r| r.strip_prefix('#'));
    if consent.has("contained") && (local.is_none() || expected.overrides == Some(true)) {
        found.rule("Consent.contained");
    }
    let (Some(node), Some(overrides)) = (performer, expected.overrides) else { return };
    if overrides {
        if let Some(own) = own_reference(found, &node, reading) {
            body.insert("performer".into(), json!([own]));
        }
    } else if let Some(local) = local {
        node.only(found, &["reference", "type", "display"], &["identifier"]);
        body.insert("performer".into(), json!([node.copy(found, &["reference", "type", "display"])]));
        let person = consent.one(found, "contained");
        if let Some(person) = person.and_then(|node| related_person(found, &node, local, expected.patient, sealer)) {
            body.insert("contained".into(), json!([person]));
        }
    } else if let (Some(performer), Some(patient)) = (node.patient(found, sealer), expected.patient)
        // Left out of what is kept: it is the patient's reference, which is written anew on each read.
        && performer != patient
    {
        found.rule(node.at);
    }
}

fn related_person(
    found: &mut Found,
    person: &Node<'_>,
    id: &str,
    patient: Option<NhsNumber>,
    sealer: &Sealer,
) -> Option<Map<String, Value>> {
    if person.text(found, "resourceType") != Some("RelatedPerson") {
        found.rule(person.path("resourceType"));
        return None;
    }
    let others =
        ["identifier", "active", "telecom", "gender", "birthDate", "address", "photo", "period", "communication"];
    person.only(found, &["resourceType", "id", "patient", "relationship", "name"], &others);
    if person.needed_text(found, "id").is_some_and(|named| named != id) {
        found.rule(person.path("id"));
    }
    if let (Some(whose), Some(patient)) =
        (person.needed_object(found, "patient").and_then(|node| node.patient(found, sealer)), patient)
        && whose != patient
    {
        found.rule(person.path("patient"));
    }
    let relationship = person.one(found, "relationship")?;
    let codings = relationship.codings(found);
    let [(ROLE_CODE, code)] = codings.as_slice() else {
        found.rule(relationship.path("coding"));
        return None;
    };
    if !AUTHORITY.contains(code) {
        found.rule(relationship.path("coding"));
    }
    let mut kept = person.copy(found, &["resourceType", "id"]);
    kept.insert("relationship".into(), json!([{ "coding": [{ "system": ROLE_CODE, "code": code }] }]));
    if person.has("name") {
        let name = person.one(found, "name")?;
        name.only(found, &["use", "text", "family", "given", "prefix"], &["suffix", "period"]);
        let mut kept_name = name.copy(found, &["use", "text", "family"]);
        for part in ["given", "prefix"] {
            if name.has(part) {
                kept_name.insert(part.into(), json!(name.texts(found, part)));
            }
        }
        kept.insert("name".into(), json!([kept_name]));
    }
    Some(kept)
}
