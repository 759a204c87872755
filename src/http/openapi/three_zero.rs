//! The same document as OpenAPI 3.0.3, for generators that read no 3.1.
//!
//! 3.1 takes its schemas from JSON Schema 2020-12; what 3.0 words otherwise is put in its words. Nothing is left out that a
//! client's types rest on.

use serde_json::{Map, Value, json};

/// What the document says, in OpenAPI 3.0.3.
#[must_use]
pub fn of(mut document: Value) -> Value {
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        // 3.0 has no SPDX identifier; the name says the same.
        license.remove("identifier");
    }
    reword(&mut document);
    if let Some(members) = document.as_object_mut() {
        members.insert("openapi".to_owned(), json!("3.0.3"));
        members.remove("jsonSchemaDialect");
        members.remove("webhooks");
    }
    document
}

/// Examples are data, whose members only look like those of a schema.
const DATA: [&str; 4] = ["example", "examples", "default", "enum"];

fn reword(value: &mut Value) {
    match value {
        Value::Object(members) => {
            schema(members);
            for (_, member) in members.iter_mut().filter(|(name, _)| !DATA.contains(&name.as_str())) {
                reword(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(reword),
        _ => {}
    }
}

fn schema(members: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = members.get("type") {
        let nullable = kinds.iter().any(|kind| kind == "null");
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        if nullable {
            members.insert("nullable".to_owned(), json!(true));
        }
        match kind {
            Some(kind) => members.insert("type".to_owned(), kind),
            None => members.remove("type"),
        };
    }
    // A property may bear one of these names; then its value is a schema and not what the word needs.
    if members.get("const").is_some_and(|value| !value.is_object())
        && let Some(value) = members.remove("const")
    {
        members.insert("enum".to_owned(), json!([value]));
    }
    if members.get("contentEncoding").is_some_and(Value::is_string) {
        members.remove("contentEncoding");
        members.insert("format".to_owned(), json!("byte"));
    }
    if members.get("contentMediaType").is_some_and(Value::is_string) {
        members.remove("contentMediaType");
    }
    if let Some(Value::Array(examples)) = members.get("examples") {
        let first = examples.first().cloned();
        members.remove("examples");
        if let Some(first) = first {
            members.insert("example".to_owned(), first);
        }
    }
    // For generators, that is: of a list whose words are there once each they make a set, of which openapi-generator's Java
    // code does not compile. The service refuses a word that comes twice all the same.
    if members.get("uniqueItems").is_some_and(Value::is_boolean) {
        members.remove("uniqueItems");
    }
    for (exclusive, plain) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(bound) = members.get(exclusive).filter(|bound| bound.is_number()).cloned() {
            members.insert(plain.to_owned(), bound);
            members.insert(exclusive.to_owned(), json!(true));
        }
    }
    // 3.0 ignores whatever stands beside a reference.
    if members.get("$ref").is_some_and(Value::is_string) && members.len() > 1 {
        members.retain(|name, _| name == "$ref");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_3_1_words_otherwise_is_put_in_the_words_of_3_0() {
        let made = of(json!({
            "openapi": "3.1.0",
            "info": { "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" } },
            "components": { "schemas": {
                "A": { "type": ["string", "null"], "examples": ["a", "b"] },
                "B": { "const": "b" },
                "C": { "type": "string", "contentEncoding": "base64" },
                "D": { "type": "integer", "exclusiveMinimum": 0 },
                "F": { "type": "array", "uniqueItems": true, "items": { "type": "string", "enum": ["x"] } },
                "E": { "type": "object", "properties": { "const": { "type": "string" }, "type": { "type": "string" } } },
            } },
        }));
        assert_eq!(made["openapi"], "3.0.3");
        assert_eq!(made["info"], json!({ "license": { "name": "Apache-2.0" } }));
        let schemas = &made["components"]["schemas"];
        assert_eq!(schemas["A"], json!({ "type": "string", "nullable": true, "example": "a" }));
        assert_eq!(schemas["B"], json!({ "enum": ["b"] }));
        assert_eq!(schemas["C"], json!({ "type": "string", "format": "byte" }));
        assert_eq!(schemas["D"], json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true }));
        assert_eq!(schemas["F"], json!({ "type": "array", "items": { "type": "string", "enum": ["x"] } }));
        assert_eq!(schemas["E"]["properties"]["const"], json!({ "type": "string" }));
    }

    #[test]
    fn an_example_is_left_as_it_is() {
        let example = json!({ "value": { "type": ["a", "null"], "const": 1 } });
        assert_eq!(of(json!({ "examples": { "one": example } }))["examples"]["one"], example);
    }
}
