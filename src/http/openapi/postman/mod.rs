//! The checked-in Postman collection and its environments: the story of a demo, told by the operations of the OpenAPI
//! document. Run from top to bottom; every operation is in it.
//!
//! Nothing serves them; they exist as files, which a test keeps in step.

mod access;
mod consents;
mod overrides;
mod record;
mod refused;
mod registers;
mod registrations;
mod reports;
mod request;

use crate::ids::{NhsNumber, OdsCode, UserId};
use crate::register::consent::{example, override_example};
use request::{Request, post};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::OffsetDateTime;

const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
const COLLECTION: &str = "openapi/mig-fhir.postman_collection.json";

/// What a demo is at. All else is found out on the way.
const DEMO: &[(&str, &str)] = &[
    ("root", "http://127.0.0.1:8080"),
    ("demo", "yes"),
    ("change_registers", "yes"),
    ("organisation", "RX001"),
    ("practice", "A99981"),
    ("user_clinician", "999000000101"),
    ("user_nurse", "999000000102"),
    ("nhs_elsewhere", "9990000018"),
];

/// Before each request: a test deployment is asked only for what its environment has, and is changed only where it says so.
const BEFORE_EACH: &str = "\
const wanted = [...new Set([...JSON.stringify(pm.request).matchAll(/{{(\\w+)}}/g)].map(m => m[1]))];
const missing = wanted.filter(name => !pm.variables.get(name));
if (missing.length && pm.variables.get('demo') !== 'yes') {
  console.log('skipped for want of ' + missing.join(', '));
  pm.execution.skipRequest();
}
if (pm.request.url.toString().includes('/admin/') && !['GET', 'HEAD'].includes(pm.request.method)
    && !/\\/admin\\/(explain|reports)/.test(pm.request.url.toString()) && pm.variables.get('change_registers') !== 'yes') pm.execution.skipRequest();";

/// After each request, beside its own tests.
const AFTER_EACH: &str = "\
pm.test('the answer has a request id', () => pm.expect(pm.response.headers.get('X-Request-ID')).to.be.a('string').and.not.empty);
pm.test('no NHS number in the address', () => pm.expect(pm.request.url.toString()).not.to.match(/\\b999\\d{7}\\b/));";

/// In place of a patient's number until a variable takes that place.
const STAND_IN: &str = "9990000018";

/// A folder: its name, what it is about, its requests.
type Folder = (&'static str, &'static str, Vec<Request>);

fn folders(document: &Value) -> Vec<Folder> {
    vec![
        ("Get a token", "The demo mints them; elsewhere the environment has them.", access::tokens(document)),
        ("What anyone may read", "No token.", access::open()),
        ("Record consent", "Before a record is viewed the patient is asked.", consents::recorded()),
        ("Read each type", "Every type of the record, one patient.", record::each_type(document)),
        ("Page through a search", "By sealed links that name nobody.", record::paged()),
        ("Be refused", "Each coded reason that a caller can bring about.", refused::each_reason()),
        ("Override", "Where nobody can be asked.", overrides::overridden()),
        ("Review the override", "By somebody else than whoever overrode.", overrides::reviewed()),
        ("Register patients for care", "By the organisation's own system.", registrations::registered()),
        ("Govern: agreements", "For administrators. Changes registers.", registers::agreements()),
        ("Govern: people", "Enrolments and suspensions. Changes registers.", registers::people()),
        ("Audit", "Who looked, and who tried to.", reports::audited()),
        ("Reports", "The trail as reports.", reports::made()),
        ("Withdraw consent", "In force on the next request.", consents::withdrawn()),
    ]
}

fn collection(document: &Value) -> Value {
    let folders: Vec<Value> = folders(document)
        .into_iter()
        .enumerate()
        .map(|(index, (name, text, requests))| {
            let items: Vec<Value> = requests.into_iter().map(Request::item).collect();
            json!({ "name": format!("{:02} {name}", index + 1), "description": text, "item": items })
        })
        .collect();
    let script = |listen: &str, text: &str| json!({ "listen": listen, "script": { "type": "text/javascript", "exec": text.lines().collect::<Vec<_>>() } });
    json!({
        "info": {
            "name": "mig-fhir",
            "description": "The story of `mig-fhir demo`, from a token to a withdrawn consent. Run from top to bottom. For a test \
                            deployment take the environment of that name and fill in what it has no value for: requests that \
                            lack one are skipped, and registers are left alone unless change_registers is yes.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
        },
        "event": [script("prerequest", BEFORE_EACH), script("test", AFTER_EACH)],
        "variable": variables(&folders),
        "item": folders
    })
}

/// Every variable that a request names: the demo's own with their values, the others to be found out.
fn variables(folders: &[Value]) -> Vec<Value> {
    let text = json!(folders).to_string();
    let named: BTreeSet<&str> = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with('$') && DEMO.iter().all(|(known, _)| known != name))
        .collect();
    let found_out = named.into_iter().map(|name| (name, ""));
    DEMO.iter().copied().chain(found_out).map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// An environment. Its variables come before the collection's.
fn environment(id: &str, name: &str, values: &[(&str, &str)]) -> Value {
    let values: Vec<Value> = values
        .iter()
        .map(|(key, value)| {
            let kind = if key.starts_with("token_") { "secret" } else { "default" };
            json!({ "key": key, "value": value, "type": kind, "enabled": true })
        })
        .collect();
    json!({ "id": id, "name": name, "values": values, "_postman_variable_scope": "environment" })
}

fn demo_environment() -> Value {
    environment("6d1f0c52-4a5e-4f0f-9d53-8f6d5d3a0001", "mig-fhir demo", &DEMO[..2])
}

/// Of a deployment for tests: whoever uses it fills in who asks and about whom. No secret is in it.
fn test_environment(document: &Value) -> Value {
    let collection = collection(document);
    let names: Vec<&str> =
        collection["variable"].as_array().into_iter().flatten().filter_map(|one| one["key"].as_str()).collect();
    let asked =
        names.into_iter().filter(|name| ["token_", "nhs_", "user_"].iter().any(|start| name.starts_with(start)));
    let mut values = vec![
        ("root", "https://records.example.nhs.uk"),
        ("demo", "no"),
        ("change_registers", "no"),
        ("organisation", ""),
        ("practice", ""),
    ];
    values.extend(asked.map(|name| (name, "")));
    environment("6d1f0c52-4a5e-4f0f-9d53-8f6d5d3a0002", "mig-fhir test deployment", &values)
}

/// A patient as a search parameter has it.
fn by_number(scenario: &str) -> String {
    format!("{NHS_NUMBER}|{{{{nhs_{scenario}}}}}")
}

/// A search of one type about the patient of a scenario, the number in the body.
fn search_of(name: &str, kind: &str, user: &str, scenario: &str) -> Request {
    let parameter = if kind == "Patient" { "identifier" } else { "patient.identifier" };
    post(name, &format!("/FHIR/R4/{kind}/_search")).by(user).form(&[(parameter, &by_number(scenario))])
}

/// A Consent, ready to be posted by `user`: the service's own example, with variables in place of its values.
fn consent(user: &str, scenario: &str, permit: bool) -> Value {
    let (number, who, organisation) = stand_ins();
    templated(&example(number, &who, &organisation, permit, OffsetDateTime::UNIX_EPOCH), user, scenario)
}

/// The same for an override.
fn overriding(user: &str, scenario: &str) -> Value {
    let (number, who, organisation) = stand_ins();
    let reason = "Unconscious after a fall";
    let body = override_example(number, &who, &organisation, "UnableToConsent", reason, OffsetDateTime::UNIX_EPOCH);
    templated(&body, user, scenario)
}

fn stand_ins() -> (NhsNumber, UserId, OdsCode) {
    (
        NhsNumber::parse(STAND_IN).expect("of the 999 range"),
        UserId::parse("stand-in").expect("a user"),
        OdsCode::parse("STANDIN").expect("a code"),
    )
}

fn templated(body: &Value, user: &str, scenario: &str) -> Value {
    let text = body
        .to_string()
        .replace(STAND_IN, &format!("{{{{nhs_{scenario}}}}}"))
        .replace("stand-in", &format!("{{{{user_{user}}}}}"))
        .replace("STANDIN", "{{organisation}}");
    let mut body: Value = serde_json::from_str(&text).expect("still JSON");
    body["dateTime"] = "{{$isoTimestamp}}".into();
    body
}

mod tests {
    use super::super::document;
    use super::*;

    const BASE: &str = "http://127.0.0.1:8080/FHIR/R4";

    fn every_request(item: &Value, folder: &str, into: &mut Vec<(String, Value)>) {
        for one in item["item"].as_array().into_iter().flatten() {
            if one.get("request").is_some() {
                into.push((folder.to_owned(), one.clone()));
            }
            every_request(one, one["name"].as_str().unwrap_or_default(), into);
        }
    }

    fn requests(collection: &Value) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        every_request(collection, "", &mut found);
        found
    }

    /// Whether a request is one of an operation: a variable or a name stands for a parameter of the path.
    fn is_of(method: &str, template: &str, request: &Value) -> bool {
        let steps: Vec<&str> =
            request["url"]["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let wanted: Vec<&str> = template.split('/').skip(1).collect();
        request["method"].as_str().is_some_and(|sent| sent.eq_ignore_ascii_case(method))
            && steps.len() == wanted.len()
            && wanted.iter().zip(&steps).all(|(wanted, step)| {
                wanted == step || (wanted.starts_with('{') && !step.starts_with(['_', '$']) && *step != "metadata")
            })
    }

    #[test]
    fn the_checked_in_collection_is_the_one_that_the_document_makes() {
        let document = document(BASE, true);
        crate::golden::compare(COLLECTION, &format!("{:#}\n", collection(&document)));
        for (name, made) in [("demo", demo_environment()), ("test", test_environment(&document))] {
            crate::golden::compare(
                &format!("openapi/mig-fhir-{name}.postman_environment.json"),
                &format!("{made:#}\n"),
            );
        }
    }

    #[test]
    fn every_operation_of_the_document_is_in_the_collection_and_no_request_is_of_none() {
        let document = document(BASE, true);
        let requests = requests(&collection(&document));
        let paths = document["paths"].as_object().expect("paths");
        let operations: Vec<(&str, &str)> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().expect("methods").keys().map(move |method| (method.as_str(), path.as_str()))
            })
            .collect();
        let missing: Vec<_> = operations
            .iter()
            .filter(|(method, path)| !requests.iter().any(|(_, one)| is_of(method, path, &one["request"])))
            .collect();
        assert!(missing.is_empty(), "no request of {missing:?}");
        let strange: Vec<_> = requests
            .iter()
            .filter(|(folder, one)| {
                let is_a_page = one["request"]["url"]["raw"].as_str().is_some_and(|raw| raw.ends_with("_next}}"));
                !folder.ends_with("Be refused")
                    && !is_a_page
                    && !operations.iter().any(|(method, path)| is_of(method, path, &one["request"]))
            })
            .map(|(_, one)| &one["name"])
            .collect();
        assert!(strange.is_empty(), "of no operation: {strange:?}");
    }

    #[test]
    fn every_request_says_which_status_and_media_type_it_expects_and_has_a_name_of_its_own() {
        let collection = collection(&document(BASE, true));
        let mut names = BTreeSet::new();
        for (folder, one) in requests(&collection) {
            let name = format!("{folder}: {}", one["name"]);
            assert!(names.insert(name.clone()), "{name} twice");
            let script = one["event"].as_array().into_iter().flatten().find(|event| event["listen"] == "test");
            let script = script.expect("tests")["script"]["exec"].to_string();
            assert!(script.contains("to.have.status(") || script.contains("response.code).to.be.oneOf("), "{name}");
            assert!(script.contains("'Content-Type'") || script.contains("without a body"), "{name}");
            assert!(!one["request"]["url"]["raw"].as_str().expect("an address").contains("999"), "{name}");
        }
    }

    #[test]
    fn every_coded_reason_that_a_caller_can_bring_about_is_in_the_collection() {
        // Left: what rests on the token's issuer, on the network, on time, or on something that is broken.
        const NOT_BROUGHT_ABOUT: &[&str] = &[
            "ASSURANCE",
            "PURPOSE",
            "SHARER",
            "NETWORK",
            "SEARCH_EXPIRED",
            "TOO_LONG",
            "THROTTLED",
            "AUDIT_UNAVAILABLE",
            "INTERNAL",
        ];
        let text = collection(&document(BASE, true)).to_string();
        for reason in crate::http::outcome::ALL_REASONS {
            assert_eq!(text.contains(reason), !NOT_BROUGHT_ABOUT.contains(reason), "{reason}");
        }
    }

    #[test]
    fn no_environment_holds_a_secret() {
        let document = document(BASE, true);
        for environment in [demo_environment(), test_environment(&document)] {
            for value in environment["values"].as_array().expect("values") {
                let secret = value["type"] == "secret";
                assert!(!secret || value["value"] == "", "{}", value["key"]);
            }
        }
    }
}
