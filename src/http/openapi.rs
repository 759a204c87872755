//! The OpenAPI 3.1 document, made from the catalogue like the routes are.
//!
//! `openapi/mig-fhir.json` is the checked-in print of it; a test fails when they differ.

mod admin;
mod answers;
mod forms;
mod operations;
mod parameters;
#[cfg(test)]
mod postman;
mod refusals;
mod schemas;
mod three_zero;

use crate::catalogue::row;
use crate::catalogue::{KEPT, PUBLIC};
use crate::kinds::Kind;
use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathsBuilder, ServerBuilder,
    tag::TagBuilder,
};

/// The media type of answers.
const FHIR_JSON: &str = "application/fhir+json";
/// The same in XML, which no schema of this document describes.
const FHIR_XML: &str = "application/fhir+xml";
const BEARER: &str = "bearer";

/// The document of a service at `base`, which ends in `/FHIR/R4`. With `demo`, the routes of the demo too.
#[must_use]
pub fn document(base: &str, demo: bool) -> Value {
    // It holds nothing that JSON cannot, so that this does not fail; if it did, there would be no document.
    serde_json::to_value(build(base, demo)).unwrap_or_default()
}

/// The same in OpenAPI 3.0.3.
#[must_use]
pub fn document_3_0(base: &str, demo: bool) -> Value {
    three_zero::of(document(base, demo))
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
    paths = admin::paths(paths);
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
            tag(admin::TAG, "The registers, for administrators; explanations, for privacy officers. Plain JSON"),
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
    for status in refusals::REFUSALS {
        components = components.response(status.name, refusals::response(status));
    }
    admin::schemas(schemas::add(components)).build()
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
