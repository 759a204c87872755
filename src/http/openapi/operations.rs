//! The operations of the OpenAPI document.

use super::answers::{answer, created, page, plain, shaped};
use super::parameters::{self, id};
use super::refusals::REFUSALS;
use super::{BEARER, FHIR_JSON};
use crate::catalogue::{Kept, KeptInteraction, Row};
use crate::kinds::Kind;
use crate::search::PAGE;
use utoipa::openapi::extensions::{Extensions, ExtensionsBuilder};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, PathsBuilder, Ref, RefOr, Required, Schema, Type};

const FORM: &str = "application/x-www-form-urlencoded";
/// Statuses that any operation on data can have.
const ALWAYS: &[&str] = &["401", "403", "405", "406", "429", "500", "503"];
const OF_A_READ: &[&str] = &["400", "404", "502", "504"];
const OF_A_SEARCH: &[&str] = &["400", "404", "410", "413", "415", "502", "504"];
const OF_A_WRITE: &[&str] = &["400", "404", "412", "413", "415", "422"];

/// Read, search by GET and POST, and for Patient the operations on a whole record.
pub(super) fn of_the_record(mut paths: PathsBuilder, row: &Row) -> PathsBuilder {
    let name = row.kind.as_str();
    let read = operation("record", format!("read{name}"), format!("Read one {name}"), row.documentation)
        .parameter(id())
        .response("200", answer("The resource; the neutral notice is a Link header", name));
    paths = paths.path(format!("/FHIR/R4/{name}/{{id}}"), get(refusals(read, OF_A_READ)));
    if row.is_searchable() {
        let parameters = parameters::of_the_record(row.kind, row.table());
        paths = searches(paths, "record", name, row.documentation, &parameters, true);
    }
    if row.kind == Kind::Patient {
        let everything = operation(
            "record",
            "everythingPatient".to_owned(),
            "All of one patient's record".to_owned(),
            "A type that the agreement does not cover is left out, and a warning says so.",
        )
        .parameter(id())
        .parameters(Some(parameters::of_everything()))
        .response("200", answer("A searchset", "Bundle"));
        paths = paths.path("/FHIR/R4/Patient/{id}/$everything", get(refusals(everything, OF_A_READ)));
        let document = operation(
            "record",
            "detailedCareRecordPatient".to_owned(),
            "One patient's record as a document to read".to_owned(),
            "A FHIR document: a section for each of the ten views and their sub-sections, with a narrative. A view outside \
             the agreement says so in its section.",
        )
        .parameter(id())
        .response("200", answer("A document", "Bundle"));
        paths = paths.path("/FHIR/R4/Patient/{id}/$detailed-care-record", get(refusals(document, OF_A_READ)));
    }
    paths
}

/// What a kept type offers.
pub(super) fn kept(mut paths: PathsBuilder, kept: &Kept) -> PathsBuilder {
    let name = kept.name;
    let mut one: Vec<(HttpMethod, Operation)> = Vec::new();
    if kept.offers(KeptInteraction::Read) {
        let read = operation("kept", format!("read{name}"), format!("Read one {name}"), kept.documentation)
            .parameter(id())
            .response("200", answer("The resource", name));
        one.push((HttpMethod::Get, refusals(read, &["400", "404"])));
    }
    if kept.offers(KeptInteraction::Update) {
        let update = operation("kept", format!("update{name}"), format!("Update one {name}"), kept.documentation)
            .parameter(id())
            .parameter(parameters::header("If-Match", "The ETag that was read", true, parameters::etag()))
            .request_body(Some(body(FHIR_JSON, Ref::from_schema_name(name).into())))
            .response("200", answer("The resource as it is now", name));
        one.push((HttpMethod::Put, refusals(update, OF_A_WRITE)));
    }
    if !one.is_empty() {
        paths = paths.path(format!("/FHIR/R4/{name}/{{id}}"), item(one));
    }
    if kept.offers(KeptInteraction::Create) {
        let create = operation("kept", format!("create{name}"), format!("Create a {name}"), kept.documentation)
            .request_body(Some(body(FHIR_JSON, Ref::from_schema_name(name).into())))
            .response("201", created(name));
        let create = refusals(create, OF_A_WRITE);
        paths = paths.path(format!("/FHIR/R4/{name}"), PathItem::new(HttpMethod::Post, create));
    }
    if kept.offers(KeptInteraction::Search) {
        let parameters = parameters::of_a_kept(kept);
        paths = searches(paths, "kept", name, kept.documentation, &parameters, kept.by_post);
    }
    paths
}

/// What anyone may read.
pub(super) fn public(paths: PathsBuilder, public: &Kept) -> PathsBuilder {
    let name = public.name;
    let open = |id: String, summary: String| {
        let operation = OperationBuilder::new().tag("service").operation_id(Some(id)).summary(Some(summary));
        operation.description(Some(public.documentation))
    };
    let read = open(format!("read{name}"), format!("Read one {name}"))
        .parameter(id())
        .response("200", answer("The resource, with an ETag", name))
        .response("304", plain("The ETag that was sent still holds"));
    let parameters = parameters::of_a_public(public);
    let search = open(format!("search{name}"), format!("Search {name}"))
        .parameters(Some(parameters))
        .response("200", answer("A searchset", "Bundle"));
    paths
        .path(format!("/FHIR/R4/{name}/{{id}}"), get(refusals_of(read, &["404", "405", "406", "429", "503"])))
        .path(format!("/FHIR/R4/{name}"), get(refusals_of(search, &["400", "405", "406", "429", "503"])))
}

/// Statuses that any operation without a token can have.
const OPEN: &[&str] = &["405", "429", "500"];

/// What needs no token.
pub(super) fn beside(paths: PathsBuilder) -> PathsBuilder {
    let public =
        |id: &str, summary: &str| OperationBuilder::new().tag("service").operation_id(Some(id)).summary(Some(summary));
    let open = |operation: OperationBuilder, own: &[&str]| get(refusals_of(operation, &[OPEN, own].concat()));
    let capabilities = public("capabilities", "The CapabilityStatement")
        .response("200", answer("The statement", "CapabilityStatement"));
    let live = public("live", "Whether the process answers").response("200", shaped("It does", "Alive"));
    let ready = public("ready", "Whether requests can be answered")
        .response("200", shaped("They can", "Readiness"))
        .response("503", shaped("They cannot", "Readiness"));
    let exclusions = public("exclusions", "What is withheld, as a page").response("200", page("A page"));
    let sharing = public("sharing", "Who shares with whom, since when and what, as a page or by Accept as JSON")
        .response("200", super::answers::page_or("A page or JSON", "Sharing"));
    let itself = public("openapi", "This document").response("200", super::answers::anything("OpenAPI 3.1"));
    paths
        .path("/FHIR/R4/metadata", open(capabilities, &["400", "406", "503"]))
        .path("/health/live", open(live, &[]))
        .path("/health/ready", open(ready, &[]))
        .path("/exclusions", open(exclusions, &["503"]))
        .path("/sharing", open(sharing, &["503"]))
        .path("/openapi.json", open(itself, &["503"]))
}

/// The demo's users (CONTRACT section 12).
const CAST: [&str; 10] = [
    "clinician",
    "nurse",
    "receptionist",
    "untrained-clinician",
    "other-clinician",
    "unagreed-clinician",
    "privacy-officer",
    "practice-auditor",
    "administrator",
    "viewer-system",
];

/// The demo's own.
pub(super) fn demo(paths: PathsBuilder) -> PathsBuilder {
    let cast = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(CAST)).build();
    let user = ObjectBuilder::new().property("user", Schema::from(cast)).required("user").build();
    let demo =
        |id: &str, summary: &str| OperationBuilder::new().tag("service").operation_id(Some(id)).summary(Some(summary));
    paths
        .path(
            "/demo/token",
            PathItem::new(
                HttpMethod::Post,
                demo("demoToken", "A token of one of the demo's users")
                    .request_body(Some(body(FORM, user.into())))
                    .response("200", shaped("A token", "DemoToken"))
                    .response("400", shaped("No such user", "DemoNoUser"))
                    .build(),
            ),
        )
        .path(
            "/demo/patients",
            get(demo("demoPatients", "The demo's patients").response(
                "200",
                super::answers::list("Each with a Consent and an override ready to post", "DemoPatient"),
            )),
        )
        .path(
            "/demo/alerts",
            get(demo("demoAlerts", "What the demo's receiver of alerts has verified, the latest first")
                .response("200", super::answers::list("Each letter once", "DemoAlert"))),
        )
}

fn searches(
    paths: PathsBuilder,
    tag: &str,
    name: &str,
    documentation: &str,
    parameters: &[Parameter],
    by_post: bool,
) -> PathsBuilder {
    let by_get = operation(tag, format!("search{name}"), format!("Search {name}"), documentation)
        .parameters(Some(parameters.iter().cloned()))
        .extensions(Some(by_name()))
        .response("200", answer("A searchset", "Bundle"));
    let paths = paths.path(format!("/FHIR/R4/{name}"), get(refusals(by_get, OF_A_SEARCH)));
    if !by_post {
        return paths;
    }
    let mut fields = ObjectBuilder::new();
    for parameter in parameters.iter().filter(|parameter| parameter.name != PAGE) {
        let Some(RefOr::T(Schema::Object(mut field))) = parameter.schema.clone() else { continue };
        field.description.clone_from(&parameter.description);
        fields = fields.property(parameter.name.clone(), field);
    }
    let mut form = body(FORM, fields.build().into());
    // One of the record names a patient; one of what is kept may ask for all of it.
    form.required = Some(if tag == "record" { Required::True } else { Required::False });
    let operation = operation(
        tag,
        format!("search{name}ByPost"),
        format!("Search {name}, the parameters in the body"),
        "Keeps the NHS number out of addresses and logs: prefer it.",
    )
    .extensions(Some(by_name()))
    .request_body(Some(form))
    .response("200", answer("A searchset", "Bundle"));
    paths.path(format!("/FHIR/R4/{name}/_search"), PathItem::new(HttpMethod::Post, refusals(operation, OF_A_SEARCH)))
}

/// Asks generators to take the parameters by name: by position, one more parameter would move all that follow.
fn by_name() -> Extensions {
    ExtensionsBuilder::new().add("x-group-parameters", true).build()
}

pub(super) fn operation(tag: &str, id: String, summary: String, description: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(description))
        .security(SecurityRequirement::new(BEARER, std::iter::empty::<String>()))
}

pub(super) fn refusals(operation: OperationBuilder, own: &[&str]) -> Operation {
    refusals_of(operation, &[ALWAYS, own].concat())
}

fn refusals_of(mut operation: OperationBuilder, statuses: &[&str]) -> Operation {
    for status in REFUSALS.iter().filter(|status| statuses.contains(&status.code)) {
        operation = operation.response(status.code, RefOr::Ref(Ref::from_response_name(status.name)));
    }
    operation.build()
}

fn get(operation: impl Into<Operation>) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

pub(super) fn item(operations: Vec<(HttpMethod, Operation)>) -> PathItem {
    let mut item = utoipa::openapi::path::PathItemBuilder::new();
    for (method, operation) in operations {
        item = item.operation(method, operation);
    }
    item.build()
}

pub(super) fn body(media: &str, schema: RefOr<Schema>) -> RequestBody {
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content(media, ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// What is served as XML: a generator hands it on as text.
pub(super) fn as_xml() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(string())).build()
}

pub(super) fn string() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}
