//! The refusals of the OpenAPI document: one response a status, with each coded reason as an example (CONTRACT section 4).

use super::{FHIR_JSON, FHIR_XML};
use crate::http::outcome::{REASONS, text};
use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, Response, ResponseBuilder, Type};

/// A status, the component's name, what it is about, and each `issue.code` with its reasons, the general one first.
pub(super) struct Status {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    text: &'static str,
    reasons: &'static [(&'static str, &'static [&'static str])],
}

const fn status(
    code: &'static str,
    name: &'static str,
    text: &'static str,
    reasons: &'static [(&'static str, &'static [&'static str])],
) -> Status {
    Status { code, name, text, reasons }
}

/// Every refusal that has a status of its own.
pub(super) const REFUSALS: &[Status] = &[
    status(
        "400",
        "BadQuery",
        "A parameter is unknown, malformed or missing, or the body is no resource",
        &[("invalid", &["QUERY"]), ("not-supported", &["QUERY"]), ("structure", &["RESOURCE_INVALID"])],
    ),
    status("401", "NoToken", "No, bad or expired token", &[("login", &["TOKEN"]), ("expired", &["TOKEN"])]),
    status(
        "403",
        "Refused",
        "The caller may not, no agreement covers it, or the patient has not consented; the second reason says what can be done",
        &[
            ("forbidden", &["ACCESS_DENIED", "SCOPE"]),
            ("forbidden", &["ACCESS_DENIED", "ROLE"]),
            ("forbidden", &["ACCESS_DENIED", "ASSURANCE"]),
            ("forbidden", &["ACCESS_DENIED", "PURPOSE"]),
            ("forbidden", &["ACCESS_DENIED", "ENROLMENT"]),
            ("forbidden", &["ACCESS_DENIED", "SUSPENDED"]),
            ("forbidden", &["ACCESS_DENIED", "RELATIONSHIP"]),
            ("forbidden", &["ACCESS_DENIED", "SHARER"]),
            ("forbidden", &["ACCESS_DENIED", "NETWORK"]),
            ("forbidden", &["NO_ORGANISATION_CONSENT"]),
            ("suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]),
            ("suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]),
            ("suppressed", &["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"]),
            ("suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]),
        ],
    ),
    status(
        "404",
        "NotFound",
        "One answer for what is unknown and what is withheld",
        &[("not-found", &["PATIENT_NOT_FOUND"]), ("not-found", &["NOT_FOUND"])],
    ),
    status(
        "405",
        "NoSuchMethod",
        "The route has no such method; Allow lists those it has",
        &[("not-supported", &["METHOD"])],
    ),
    status("406", "NotAcceptable", "None of the accepted media types is served", &[("not-supported", &["ACCEPT"])]),
    status(
        "410",
        "PageExpired",
        "What may be shown has changed since the first page",
        &[("not-found", &["SEARCH_EXPIRED"])],
    ),
    status("412", "Changed", "The resource has changed; the current ETag comes along", &[("conflict", &["CONFLICT"])]),
    status("413", "TooLarge", "The body or the address is too long", &[("too-long", &["TOO_LONG"])]),
    status("415", "MediaType", "The body's media type is not read", &[("not-supported", &["MEDIA_TYPE"])]),
    status(
        "422",
        "Invalid",
        "The resource breaks a rule, named by expression",
        &[
            ("invalid", &["RESOURCE_INVALID"]),
            ("required", &["RESOURCE_INVALID"]),
            ("business-rule", &["RESOURCE_INVALID"]),
        ],
    ),
    status("429", "Throttled", "The caller's rate; Retry-After says when", &[("throttled", &["THROTTLED"])]),
    status("500", "Internal", "A bug; the request id finds it in the log", &[("exception", &["INTERNAL"])]),
    status("502", "MigError", "The gateway's answer cannot be used", &[("exception", &["MIG_ERROR"])]),
    status(
        "503",
        "Unavailable",
        "Nothing was disclosed; Retry-After says when to try again",
        &[
            ("transient", &["MIG_UNAVAILABLE"]),
            ("transient", &["AUDIT_UNAVAILABLE"]),
            ("transient", &["TOKEN"]),
            ("throttled", &["THROTTLED"]),
        ],
    ),
    status("504", "MigTimeout", "The gateway was too slow", &[("timeout", &["MIG_TIMEOUT"])]),
];

/// Headers that a status has besides the request's id.
const HEADERS: &[(&str, &str, &str)] = &[
    ("401", "WWW-Authenticate", "Bearer, with the error"),
    ("405", "Allow", "The methods of the route"),
    ("412", "ETag", "The current version, where there is one"),
    ("429", "Retry-After", "Seconds"),
    ("503", "Retry-After", "Seconds"),
];

/// The response of a status.
pub(super) fn response(status: &Status) -> Response {
    let schema = || Some(Ref::from_schema_name("OperationOutcome"));
    let mut content = ContentBuilder::new().schema(schema());
    let mut named = Vec::new();
    for (code, reasons) in status.reasons {
        let reason = reasons.last().copied().unwrap_or_default();
        let said = if status.reasons.iter().filter(|(_, other)| other.last() == Some(&reason)).count() > 1 {
            format!("{reason}.{code}")
        } else {
            reason.to_owned()
        };
        let example = ExampleBuilder::new().summary(text(reason)).value(Some(outcome(code, reasons))).build();
        named.push((said, example));
    }
    content = content.examples_from_iter(named);
    let reasons: std::collections::BTreeSet<&str> = status.reasons.iter().flat_map(|(_, all)| *all).copied().collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let mut response = ResponseBuilder::new()
        .description(format!("{}. Reasons: {}", status.text, reasons.join(", ")))
        .content(FHIR_JSON, content.build())
        .content(FHIR_XML, super::operations::as_xml())
        .header("X-Request-ID", header("The request's, echoed or made"));
    for (_, name, said) in HEADERS.iter().filter(|(of, ..)| *of == status.code) {
        response = response.header(*name, header(said));
    }
    response.build()
}

fn header(text: &str) -> utoipa::openapi::Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(text)).build()
}

fn outcome(code: &str, reasons: &[&str]) -> Value {
    let coding: Vec<Value> = reasons.iter().map(|reason| json!({ "system": REASONS, "code": reason })).collect();
    let said = reasons.last().map_or("", |reason| text(reason));
    let issue = json!({
        "severity": "error",
        "code": code,
        "details": { "coding": coding, "text": said },
        "diagnostics": "7d4c2d0e-2b1f-4a53-9b0c-0d6f0a1e5c11",
    });
    json!({ "resourceType": "OperationOutcome", "issue": [issue] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::outcome::ALL_REASONS;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_of_the_code_system_stands_at_a_status_and_no_other_does() {
        let here: BTreeSet<&str> =
            REFUSALS.iter().flat_map(|status| status.reasons).flat_map(|(_, reasons)| *reasons).copied().collect();
        assert_eq!(here, ALL_REASONS.iter().copied().collect());
    }
}
