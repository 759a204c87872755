//! The answers of the OpenAPI document: what a 200 or 201 holds, in each media type, with an example.
//!
//! The examples are golden answers of the mapping's tests; a test fails when they are no longer that.

use super::operations::{as_xml, string};
use super::{FHIR_JSON, FHIR_XML};
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::openapi::{
    ArrayBuilder, Content, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

/// One of each type of the record, as a golden file has it.
static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

fn fhir(text: &str, schema: &str) -> ResponseBuilder {
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).example(EXAMPLES.get(schema).cloned());
    ResponseBuilder::new().description(text).content(FHIR_JSON, content.build()).content(FHIR_XML, as_xml())
}

/// A resource, in both media types.
pub(super) fn answer(text: &str, schema: &str) -> Response {
    fhir(text, schema).build()
}

/// A resource that was stored.
pub(super) fn created(schema: &str) -> Response {
    let header = |text: &str| HeaderBuilder::new().schema(Some(string())).description(Some(text)).build();
    fhir("Stored", schema)
        .header("Location", header("Where it can be read"))
        .header("ETag", header("Its version"))
        .build()
}

/// An answer without a body.
pub(super) fn plain(text: &str) -> Response {
    ResponseBuilder::new().description(text).build()
}

/// Plain JSON of a shape.
pub(super) fn shaped(text: &str, schema: &str) -> Response {
    json(text, Ref::from_schema_name(schema).into()).build()
}

/// A list of a shape.
pub(super) fn list(text: &str, schema: &str) -> Response {
    json(text, Schema::from(ArrayBuilder::new().items(Ref::from_schema_name(schema)).build()).into()).build()
}

/// Any JSON object.
pub(super) fn anything(text: &str) -> Response {
    json(text, Schema::from(ObjectBuilder::new().build()).into()).build()
}

/// A page for people.
pub(super) fn page(text: &str) -> Response {
    ResponseBuilder::new().description(text).content(HTML, html()).build()
}

/// A page for people, or by `Accept` plain JSON of a shape.
pub(super) fn page_or(text: &str, schema: &str) -> Response {
    json(text, Ref::from_schema_name(schema).into()).content(HTML, html()).build()
}

fn html() -> Content {
    ContentBuilder::new().schema(Some(string())).build()
}

fn json(text: &str, schema: RefOr<Schema>) -> ResponseBuilder {
    ResponseBuilder::new().description(text).content(JSON, ContentBuilder::new().schema(Some(schema)).build())
}

#[cfg(test)]
mod tests {
    use crate::kinds::Kind;
    use serde_json::{Map, Value};
    use std::collections::BTreeMap;
    use std::path::Path;

    /// The fullest of each type that the mapping's golden files have, so that an example shows most elements.
    fn fullest() -> Map<String, Value> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mapping");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("there").map(|file| file.expect("one").path()).collect();
        files.sort();
        let mut best: BTreeMap<String, (usize, Value)> = BTreeMap::new();
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "json")) {
            let golden = serde_json::from_slice(&std::fs::read(file).expect("read")).expect("JSON");
            resources(&golden, &mut best);
        }
        best.into_iter().map(|(name, (_, resource))| (name, resource)).collect()
    }

    fn resources(value: &Value, best: &mut BTreeMap<String, (usize, Value)>) {
        match value {
            Value::Object(members) => {
                if let Some(name) = members.get("resourceType").and_then(Value::as_str) {
                    let size = value.to_string().len();
                    let is_known = Kind::ALL.iter().any(|kind| kind.as_str() == name);
                    if is_known && size < 4000 && best.get(name).is_none_or(|(other, _)| *other < size) {
                        best.insert(name.to_owned(), (size, value.clone()));
                    }
                }
                members.values().for_each(|member| resources(member, best));
            }
            Value::Array(items) => items.iter().for_each(|item| resources(item, best)),
            _ => {}
        }
    }

    #[test]
    fn the_examples_are_what_the_golden_files_have() {
        let made = Value::Object(fullest());
        crate::golden::compare("src/http/openapi/examples.json", &format!("{made:#}\n"));
        for kind in Kind::ALL {
            assert!(made.get(kind.as_str()).is_some(), "no example of {kind}");
        }
    }
}
