//! Bodies of Consents as a client would send them, for the demo, the examples and the tests.

use super::{ACT_REASON, INFORMATION_ACCESS, LOINC, OVERRIDE_EXTENSION, OVERRIDE_SYSTEM, RECIPIENT, SCOPE};
use crate::clock::rfc3339;
use crate::ids::{NhsNumber, OdsCode, UserId};
use crate::register::shape::{by_identifier, put, put_in};
use crate::register::{NHS_NUMBER, ODS_CODE, SDS_USER};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A Consent in which the patient permits or refuses, ready to be posted by the user.
#[must_use]
pub fn example(patient: NhsNumber, user: &UserId, organisation: &OdsCode, permit: bool, now: OffsetDateTime) -> Value {
    let coding = |(system, code): (&str, &str)| json!({ "coding": [{ "system": system, "code": code }] });
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": coding(SCOPE),
        "category": [coding(LOINC), coding(INFORMATION_ACCESS)],
        "patient": by_identifier(NHS_NUMBER, patient.reveal()),
        "dateTime": rfc3339(now),
        "performer": [by_identifier(NHS_NUMBER, patient.reveal())],
        "organization": [by_identifier(ODS_CODE, organisation.as_str())],
        "sourceAttachment": {
            "contentType": "text/plain",
            "language": "en-GB",
            "title": "May I look at your GP record now, to help with your care today? (wording 1.0)",
        },
        "policy": [{ "uri": "urn:x-mig-fhir:policy:permission-to-view:1.0" }],
        "provision": {
            "type": if permit { "permit" } else { "deny" },
            "actor": [{ "role": coding(RECIPIENT), "reference": by_identifier(SDS_USER, user.as_str()) }],
            "purpose": [{ "system": ACT_REASON, "code": "TREAT" }],
        },
    })
}

/// A Consent by which the user overrides missing consent, ready to be posted by that user.
#[must_use]
pub fn override_example(
    patient: NhsNumber,
    user: &UserId,
    organisation: &OdsCode,
    category: &str,
    reason: &str,
    now: OffsetDateTime,
) -> Value {
    let mut body = example(patient, user, organisation, true, now);
    put(&mut body, "performer", json!([by_identifier(SDS_USER, user.as_str())]));
    put_in(&mut body, "provision", "purpose", json!([{ "system": ACT_REASON, "code": "BTG" }]));
    put_in(&mut body, "sourceAttachment", "title", "The patient cannot be asked (wording 1.0)".into());
    put(
        &mut body,
        "extension",
        json!([{
            "url": OVERRIDE_EXTENSION,
            "valueCodeableConcept": { "coding": [{ "system": OVERRIDE_SYSTEM, "code": category }], "text": reason },
        }]),
    );
    body
}
