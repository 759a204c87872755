//! The checked-in Postman collection: the walkthrough of a demo, made from the catalogue. Run from top to bottom.
//!
//! Nothing serves it; it exists as a file, which a test keeps in step.

use crate::catalogue::row;
use crate::kinds::Kind;
use serde_json::{Value, json};

/// Collection variables: the demo's address, and what the first requests find out.
const VARIABLES: &[(&str, &str)] = &[
    ("root", "http://127.0.0.1:8080"),
    ("user", "clinician"),
    ("scenario", "rich"),
    ("token", ""),
    ("nhs_number", ""),
    ("consent", ""),
    ("patient", ""),
];

fn collection() -> Value {
    let first = [
        item("A token of a demo user", "POST", "/demo/token", Some(form(&[("user", "{{user}}")])))
            .then("pm.collectionVariables.set('token', pm.response.json().access_token);"),
        item("The demo's patients", "GET", "/demo/patients", None).then(
            "const one = pm.response.json().find(p => p.scenario === pm.collectionVariables.get('scenario'));\n\
             pm.collectionVariables.set('nhs_number', one.nhs_number);\n\
             pm.collectionVariables.set('consent', JSON.stringify(one.consent));",
        ),
        item(
            "Consent for this occasion",
            "POST",
            "/FHIR/R4/Consent",
            Some(json!({ "mode": "raw", "raw": "{{consent}}" })),
        )
        .then("pm.test('recorded', () => pm.response.to.have.status(201));"),
    ];
    let searches = Kind::ALL.iter().filter(|kind| row(**kind).is_searchable()).map(|kind| {
        let name = if *kind == Kind::Patient { "identifier" } else { "patient.identifier" };
        let body = form(&[(name, "https://fhir.nhs.uk/Id/nhs-number|{{nhs_number}}")]);
        let search = item(&format!("Search {kind}"), "POST", &format!("/FHIR/R4/{kind}/_search"), Some(body));
        let checks = "pm.test('a searchset', () => pm.expect(pm.response.json().type).to.eql('searchset'));";
        if *kind == Kind::Patient {
            search.then(&format!(
                "{checks}\npm.collectionVariables.set('patient', pm.response.json().entry[0].resource.id);"
            ))
        } else {
            search.then(checks)
        }
    });
    let last = [
        item("Read the patient", "GET", "/FHIR/R4/Patient/{{patient}}", None),
        item("Everything of the patient", "GET", "/FHIR/R4/Patient/{{patient}}/$everything", None),
        item("The record as a document", "GET", "/FHIR/R4/Patient/{{patient}}/$detailed-care-record", None)
            .then("pm.test('a document', () => pm.expect(pm.response.json().type).to.eql('document'));"),
        item("What is served", "GET", "/FHIR/R4/metadata", None),
    ];
    let items: Vec<Value> = first.into_iter().chain(searches).chain(last).map(|item| item.0).collect();
    let variables: Vec<Value> = VARIABLES.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({
        "info": {
            "name": "mig-fhir",
            "description": "The walkthrough of `mig-fhir demo`. Run from top to bottom.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
        },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "item": items,
        "variable": variables
    })
}

struct Item(Value);

impl Item {
    fn then(mut self, script: &str) -> Self {
        let lines: Vec<&str> = script.lines().collect();
        self.0["event"] = json!([{ "listen": "test", "script": { "type": "text/javascript", "exec": lines } }]);
        self
    }
}

fn item(name: &str, method: &str, path: &str, body: Option<Value>) -> Item {
    let raw = format!("{{{{root}}}}{path}");
    let steps: Vec<&str> = path.split('/').skip(1).collect();
    let mut request = json!({
        "method": method,
        "header": [{ "key": "Accept", "value": "application/fhir+json" }],
        "url": { "raw": raw, "host": ["{{root}}"], "path": steps }
    });
    if path.starts_with("/demo/") || path.ends_with("/metadata") {
        request["auth"] = json!({ "type": "noauth" });
    }
    if let Some(body) = body {
        if body["mode"] == "raw" {
            request["header"] = json!([
                { "key": "Accept", "value": "application/fhir+json" },
                { "key": "Content-Type", "value": "application/fhir+json" }
            ]);
        }
        request["body"] = body;
    }
    Item(json!({ "name": name, "request": request }))
}

fn form(fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> =
        fields.iter().map(|(key, value)| json!({ "key": key, "value": value, "type": "text" })).collect();
    json!({ "mode": "urlencoded", "urlencoded": fields })
}

#[test]
fn the_checked_in_collection_is_the_one_that_the_catalogue_makes() {
    crate::golden::compare("openapi/mig-fhir.postman_collection.json", &format!("{:#}\n", collection()));
}
