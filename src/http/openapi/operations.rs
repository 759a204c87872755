//! The operations of the OpenAPI document.

use super::{BEARER, FHIR_JSON, REFUSALS};
use crate::catalogue::{Kept, KeptInteraction, Row};
use crate::kinds::Kind;
use crate::search::{COMMON, Form, PAGE, PAGE_MAX, Parameter as SearchParameter};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, ObjectBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

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
        let mut parameters = searched_by(row.parameters);
        parameters.push(query(PAGE, "Opaque, and alone: as a next link has it", Form::Text));
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
        .parameter(query("_type", "Types to return, separated by commas", Form::Text))
        .parameter(count())
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
            .parameter(
                ParameterBuilder::new()
                    .name("If-Match")
                    .parameter_in(ParameterIn::Header)
                    .required(Required::False)
                    .description(Some("The ETag that was read"))
                    .schema(Some(string()))
                    .build(),
            )
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
        let parameters: Vec<Parameter> = kept.parameters.iter().map(searched).collect();
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
    let parameters: Vec<Parameter> = public.parameters.iter().map(searched).collect();
    let search = open(format!("search{name}"), format!("Search {name}"))
        .parameters(Some(parameters))
        .response("200", answer("A searchset", "Bundle"));
    paths
        .path(format!("/FHIR/R4/{name}/{{id}}"), get(refusals_of(read, &["404", "405", "406", "429", "503"])))
        .path(format!("/FHIR/R4/{name}"), get(refusals_of(search, &["400", "405", "406", "429", "503"])))
}

/// What needs no token.
pub(super) fn beside(paths: PathsBuilder) -> PathsBuilder {
    let public =
        |id: &str, summary: &str| OperationBuilder::new().tag("service").operation_id(Some(id)).summary(Some(summary));
    paths
        .path(
            "/FHIR/R4/metadata",
            get(public("capabilities", "The CapabilityStatement")
                .response("200", answer("The statement", "CapabilityStatement"))),
        )
        .path("/health/live", get(public("live", "Whether the process answers").response("200", plain("It does"))))
        .path(
            "/health/ready",
            get(public("ready", "Whether requests can be answered")
                .response("200", plain("They can"))
                .response("503", plain("They cannot"))),
        )
        .path("/exclusions", get(public("exclusions", "What is withheld, as a page").response("200", plain("HTML"))))
        .path("/openapi.json", get(public("openapi", "This document").response("200", plain("OpenAPI 3.1"))))
}

/// The demo's own.
pub(super) fn demo(paths: PathsBuilder) -> PathsBuilder {
    let user = ObjectBuilder::new().property("user", string()).required("user").build();
    let token = ObjectBuilder::new().property("access_token", string()).required("access_token").build();
    let token = ResponseBuilder::new()
        .description("A token")
        .content("application/json", ContentBuilder::new().schema(Some(token)).build())
        .build();
    let demo =
        |id: &str, summary: &str| OperationBuilder::new().tag("service").operation_id(Some(id)).summary(Some(summary));
    paths
        .path(
            "/demo/token",
            PathItem::new(
                HttpMethod::Post,
                demo("demoToken", "A token of one of the demo's users")
                    .request_body(Some(body(FORM, user.into())))
                    .response("200", token)
                    .response("400", plain("No such user"))
                    .build(),
            ),
        )
        .path("/demo/patients", get(demo("demoPatients", "The demo's patients").response("200", plain("A JSON array"))))
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
        .response("200", answer("A searchset", "Bundle"));
    let paths = paths.path(format!("/FHIR/R4/{name}"), get(refusals(by_get, OF_A_SEARCH)));
    if !by_post {
        return paths;
    }
    let mut fields = ObjectBuilder::new();
    for parameter in parameters.iter().filter(|parameter| parameter.name != PAGE) {
        fields = fields.property(
            parameter.name.clone(),
            ObjectBuilder::new().schema_type(Type::String).description(parameter.description.clone()).build(),
        );
    }
    let operation = operation(
        tag,
        format!("search{name}ByPost"),
        format!("Search {name}, the parameters in the body"),
        "Keeps the NHS number out of addresses and logs: prefer it.",
    )
    .request_body(Some(body(FORM, fields.build().into())))
    .response("200", answer("A searchset", "Bundle"));
    paths.path(format!("/FHIR/R4/{name}/_search"), PathItem::new(HttpMethod::Post, refusals(operation, OF_A_SEARCH)))
}

fn searched_by(own: &'static [SearchParameter]) -> Vec<Parameter> {
    let common = COMMON.iter().filter(|common| own.iter().all(|parameter| parameter.name != common.name));
    own.iter().chain(common).map(searched).collect()
}

fn searched(parameter: &SearchParameter) -> Parameter {
    match parameter.form {
        Form::Number => count(),
        form => query(parameter.name, parameter.documentation, form),
    }
}

fn operation(tag: &str, id: String, summary: String, description: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag(tag)
        .operation_id(Some(id))
        .summary(Some(summary))
        .description(Some(description))
        .security(SecurityRequirement::new(BEARER, std::iter::empty::<String>()))
}

fn refusals(operation: OperationBuilder, own: &[&str]) -> Operation {
    refusals_of(operation, &[ALWAYS, own].concat())
}

fn refusals_of(mut operation: OperationBuilder, statuses: &[&str]) -> Operation {
    for (status, name, _) in REFUSALS.iter().filter(|(status, ..)| statuses.contains(status)) {
        operation = operation.response(*status, RefOr::Ref(Ref::from_response_name(*name)));
    }
    operation.build()
}

fn get(operation: impl Into<Operation>) -> PathItem {
    PathItem::new(HttpMethod::Get, operation)
}

fn item(operations: Vec<(HttpMethod, Operation)>) -> PathItem {
    let mut item = utoipa::openapi::path::PathItemBuilder::new();
    for (method, operation) in operations {
        item = item.operation(method, operation);
    }
    item.build()
}

fn answer(text: &str, schema: &str) -> utoipa::openapi::Response {
    ResponseBuilder::new()
        .description(text)
        .content(FHIR_JSON, ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build())
        .build()
}

fn created(schema: &str) -> utoipa::openapi::Response {
    let header = |text: &str| HeaderBuilder::new().schema(Some(string())).description(Some(text)).build();
    ResponseBuilder::new()
        .description("Stored")
        .content(FHIR_JSON, ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build())
        .header("Location", header("Where it can be read"))
        .header("ETag", header("Its version"))
        .build()
}

fn plain(text: &str) -> utoipa::openapi::Response {
    ResponseBuilder::new().description(text).build()
}

fn body(media: &str, schema: RefOr<Schema>) -> RequestBody {
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content(media, ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

fn id() -> Parameter {
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("Logical id"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9.-]{1,64}$")).build()))
        .build()
}

fn count() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(PAGE_MAX)).build();
    ParameterBuilder::from(query("_count", "Matches a page; 0 gives the total alone", Form::Number))
        .schema(Some(schema))
        .build()
}

fn query(name: &str, documentation: &str, form: Form) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(format!("{documentation} ({})", form.as_str())))
        .schema(Some(string()))
        .build()
}

fn string() -> Schema {
    ObjectBuilder::new().schema_type(Type::String).build().into()
}
