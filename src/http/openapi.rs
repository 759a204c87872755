//! The OpenAPI 3.1 document, made from the catalogue like the routes are.
//!
//! `openapi/mig-fhir.json` is the checked-in print of it; a test fails when they differ.

mod operations;
#[cfg(test)]
mod postman;
mod schemas;

use crate::catalogue::row;
use crate::catalogue::{KEPT, PUBLIC};
use crate::kinds::Kind;
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, Ref, ResponseBuilder, ServerBuilder, Type, tag::TagBuilder,
};

/// The media type of answers.
const FHIR_JSON: &str = "application/fhir+json";
const BEARER: &str = "bearer";

/// Every refusal that has a status of its own, with the reasons that it can have (CONTRACT section 4).
const REFUSALS: &[(&str, &str, &str)] = &[
    ("400", "BadQuery", "A parameter is unknown, malformed or missing, or the body is no resource"),
    ("401", "NoToken", "TOKEN: no, bad or expired token"),
    (
        "403",
        "Refused",
        "ACCESS_DENIED, NO_ORGANISATION_CONSENT or NO_PATIENT_CONSENT, with the reason that may be told",
    ),
    ("404", "NotFound", "PATIENT_NOT_FOUND or NOT_FOUND: one answer for unknown and withheld"),
    ("405", "NoSuchMethod", "The route has no such method; Allow lists those it has"),
    ("406", "NotAcceptable", "None of the accepted media types is served"),
    ("410", "PageExpired", "SEARCH_EXPIRED: what may be shown has changed since the first page"),
    ("412", "Changed", "The resource has changed; the current ETag comes along"),
    ("413", "TooLarge", "The body is too long"),
    ("415", "MediaType", "The body's media type is not read"),
    ("422", "Invalid", "RESOURCE_INVALID: the resource breaks a rule, named by expression"),
    ("429", "Throttled", "THROTTLED: the caller's rate; Retry-After says when"),
    ("500", "Internal", "INTERNAL: a bug; the request id finds it in the log"),
    ("502", "MigError", "MIG_ERROR: the gateway's answer cannot be used"),
    ("503", "Unavailable", "MIG_UNAVAILABLE, AUDIT_UNAVAILABLE or THROTTLED: nothing was disclosed; try again later"),
    ("504", "MigTimeout", "MIG_TIMEOUT: the gateway was too slow"),
];

/// The document of a service at `base`, which ends in `/FHIR/R4`. With `demo`, the routes of the demo too.
#[must_use]
pub fn document(base: &str, demo: bool) -> Value {
    // It holds nothing that JSON cannot, so that this does not fail; if it did, there would be no document.
    serde_json::to_value(build(base, demo)).unwrap_or_default()
}

fn build(base: &str, demo: bool) -> OpenApi {
    let root = base.strip_suffix("/FHIR/R4").unwrap_or(base);
    let mut paths = PathsBuilder::new();
    for kind in Kind::ALL {
        paths = operations::of_the_record(paths, row(*kind));
    }
    for kept in KEPT {
        paths = operations::kept(paths, kept);
    }
    for public in PUBLIC {
        paths = operations::public(paths, public);
    }
    paths = operations::beside(paths);
    if demo {
        paths = operations::demo(paths);
    }
    let tag = |name: &str, text: &str| TagBuilder::new().name(name).description(Some(text)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("mig-fhir")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "The GP Detailed Care Record as FHIR R4, view only. Record a Consent for the occasion first, then read. \
                     Every refusal is an OperationOutcome whose issue.details.coding has the reason.",
                ))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url(root).build()]))
        .tags(Some([
            tag("record", "The record: read and search, one patient at a time"),
            tag("kept", "What the service itself keeps"),
            tag("service", "The service"),
        ]))
        .paths(paths.build())
        .components(Some(components()))
        .build()
}

fn components() -> utoipa::openapi::Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("A token of a configured issuer, with SMART scopes such as user/Condition.rs"))
        .build();
    let mut components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(bearer));
    for (_, name, text) in REFUSALS {
        components = components.response(*name, outcome(text));
    }
    schemas::add(components).build()
}

fn outcome(text: &str) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("OperationOutcome"))).build();
    ResponseBuilder::new()
        .description(text)
        .content(FHIR_JSON, content)
        .header(
            "X-Request-ID",
            HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String).build())).build(),
        )
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://127.0.0.1:8080/FHIR/R4";

    #[test]
    fn the_checked_in_document_is_the_one_that_is_served() {
        crate::golden::compare("openapi/mig-fhir.json", &format!("{:#}\n", document(BASE, false)));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    into.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    members.values().for_each(|member| references(member, into));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, into)),
                _ => {}
            }
        }
        let document = document(BASE, true);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("local");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn operation_ids_are_unique_and_every_operation_on_data_needs_a_token() {
        let document = document(BASE, true);
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{id} twice");
                let public = operation["tags"][0] == "service";
                assert_eq!(operation.get("security").is_none(), public, "{method} {path}");
            }
        }
    }

    #[test]
    fn every_type_of_the_record_can_be_read_and_the_searchable_ones_searched_by_get_and_post() {
        let document = document(BASE, false);
        assert_eq!(document["openapi"], "3.1.0");
        for kind in Kind::ALL {
            let has = |path: String| document["paths"].get(path).is_some();
            assert!(has(format!("/FHIR/R4/{kind}/{{id}}")), "{kind}");
            assert_eq!(has(format!("/FHIR/R4/{kind}")), row(*kind).is_searchable(), "{kind}");
            assert_eq!(has(format!("/FHIR/R4/{kind}/_search")), row(*kind).is_searchable(), "{kind}");
        }
        assert!(document["paths"].get("/demo/token").is_none());
        assert!(super::document(BASE, true)["paths"].get("/demo/token").is_some());
    }
}
