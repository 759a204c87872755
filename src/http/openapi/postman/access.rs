//! Getting a token, and what needs none.

use super::request::{Request, get, post};
use serde_json::Value;

/// Only the demo mints tokens; elsewhere they come from the environment.
const DEMO_ONLY: &str = "if (pm.variables.get('demo') !== 'yes') pm.execution.skipRequest();";

pub(super) fn tokens(document: &Value) -> Vec<Request> {
    let cast =
        "/paths/~1demo~1token/post/requestBody/content/application~1x-www-form-urlencoded/schema/properties/user/enum";
    let cast = document.pointer(cast).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut requests: Vec<Request> = cast
        .map(|user| {
            post(&format!("A token: {user}"), "/demo/token")
                .form(&[("user", user)])
                .before(DEMO_ONLY)
                .shape(200, &["access_token", "expires_in"])
                .keep(&format!("token_{}", user.replace('-', "_")), "body.access_token")
        })
        .collect();
    requests.push(
        post("A token: nobody of that name", "/demo/token")
            .form(&[("user", "nobody")])
            .before(DEMO_ONLY)
            .shape(400, &["error", "user"]),
    );
    requests.push(
        get("The demo's patients", "/demo/patients")
            .told("Each with a scenario; the requests below call them nhs_rich, nhs_opted_out and so on.")
            .before(DEMO_ONLY)
            .answers(200, "application/json")
            .check(
                "each with a Consent to post",
                "body.forEach(p => pm.expect(p.consent.resourceType).to.eql('Consent'))",
            )
            .then(
                "body.forEach(p => pm.collectionVariables.set('nhs_' + p.scenario.replace(/-/g, '_'), p.nhs_number));",
            ),
    );
    requests
}

pub(super) fn open() -> Vec<Request> {
    let listed = |name: &str| {
        get(&format!("Search {name}"), &format!("/FHIR/R4/{name}"))
            .searchset(name)
            .check("something is published", "pm.expect(matches.length).to.be.above(0)")
            .keep(&format!("id_{name}"), "matches[0].resource.id")
    };
    let read = |name: &str| {
        get(&format!("Read one {name}"), &format!("/FHIR/R4/{name}/{{{{id_{name}}}}}"))
            .resource(200, name)
            .keep(&format!("etag_{name}"), "pm.response.headers.get('ETag')")
    };
    let kept = |name: &str| {
        get(&format!("{name}: not changed since"), &format!("/FHIR/R4/{name}/{{{{id_{name}}}}}"))
            .header("If-None-Match", &format!("{{{{etag_{name}}}}}"))
            .answers(304, "")
    };
    vec![
        get("What is served", "/FHIR/R4/metadata")
            .resource(200, "CapabilityStatement")
            .check("FHIR R4", "pm.expect(body.fhirVersion).to.eql('4.0.1')")
            // A name for what this run makes, so that another run makes its own.
            .keep("run", "Date.now().toString(36)")
            .keep("today", "new Date().toISOString().slice(0, 10)"),
        get("Is it alive", "/health/live").shape(200, &["status"]),
        get("Is it ready", "/health/ready").shape(200, &["status", "store", "exclusions", "mig"]),
        get("The OpenAPI document", "/openapi.json")
            .shape(200, &["paths", "components"])
            .check("version 3.1", "pm.expect(body.openapi).to.match(/^3\\.1\\./)"),
        get("What is withheld", "/exclusions").header("Accept", "text/html").answers(200, "text/html"),
        get("Who shares with whom, as a page", "/sharing").header("Accept", "text/html").answers(200, "text/html"),
        get("Who shares with whom, as JSON", "/sharing")
            .header("Accept", "application/json")
            .shape(200, &["at", "stopped", "agreements"]),
        listed("ValueSet"),
        read("ValueSet"),
        kept("ValueSet"),
        listed("CodeSystem"),
        read("CodeSystem"),
        kept("CodeSystem"),
    ]
}
