//! What is asked about nobody whom this service could know, a read's parameters, and the public page.

use crate::database::extras;
use mig_fhir::clock::Clock;
use mig_fhir::ids::{LogicalId, Sealer};
use mig_fhir::simulator::cast;
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::running::{Running, Start};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use std::net::SocketAddr;
use time::macros::date;

struct Facade {
    running: Running,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Facade {
    async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let start = Start {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: Some(folder.path().to_owned()),
            holdings: Holdings::builtin(date!(2026 - 11 - 24)),
            clock: Clock::system(),
        };
        let running = Running::start_with(start, extras(folder.path()).await).await.expect("starts");
        Self { running, client: Client::new(), _folder: folder }
    }

    async fn get(&self, who: &str, path: &str, lenient: bool) -> Response {
        let token = self.running.token(cast::find(who).expect("in the cast")).expect("signed");
        let mut request = self.client.get(format!("{}/{path}", self.running.base())).bearer_auth(token);
        if lenient {
            request = request.header("prefer", "handling=lenient");
        }
        request.send().await.expect("answers")
    }

    async fn told(&self, who: &str, path: &str) -> (u16, Value) {
        let response = self.get(who, path, false).await;
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.expect("whole")).expect("JSON"))
    }
}

/// The most particular reason.
fn reason(body: &Value) -> &str {
    let codings = body["issue"][0]["details"]["coding"].as_array();
    codings.and_then(|codings| codings.last()).and_then(|coding| coding["code"].as_str()).unwrap_or("")
}

fn of_another_service() -> LogicalId {
    Sealer::new(0, &[9; 64]).seal_patient(mig_fhir::ids::NhsNumber::parse("9990000018").expect("valid"))
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_is_an_unknown_patient_for_a_clinician_and_a_refusal_for_anyone_else() {
    let facade = Facade::start().await;
    let id = of_another_service();
    let (status, body) = facade.told("clinician", &format!("Patient?_id={id}")).await;
    assert_eq!((status, &body["total"]), (200, &0.into()), "{body}");
    assert_eq!(body["entry"].as_array().map(Vec::len), Some(1), "the notice alone");
    for path in [format!("Condition?patient={id}"), format!("Patient/{id}/$everything")] {
        let (status, body) = facade.told("clinician", &path).await;
        assert_eq!((status, reason(&body)), (404, "PATIENT_NOT_FOUND"), "{path}");
    }
    let (status, body) = facade.told("clinician", &format!("Condition/{id}")).await;
    assert_eq!((status, reason(&body)), (404, "NOT_FOUND"));
    let others = [
        ("receptionist", "ROLE"),
        ("untrained-clinician", "ENROLMENT"),
        ("unagreed-clinician", "NO_ORGANISATION_CONSENT"),
        ("privacy-officer", "SCOPE"),
        ("viewer-system", "SCOPE"),
    ];
    for (who, expected) in others {
        for path in [
            format!("Patient?_id={id}"),
            "Patient?identifier=urn:other|1".to_owned(),
            format!("Patient/{id}"),
            format!("Condition?patient={id}"),
            format!("Patient/{id}/$everything"),
        ] {
            let (status, body) = facade.told(who, &path).await;
            assert_eq!((status, reason(&body)), (403, expected), "{who} {path}");
        }
    }
    facade.running.stop().await;
}

#[tokio::test]
async fn a_read_refuses_parameters_that_it_does_not_know_unless_lenient_and_audits_the_refusal() {
    let facade = Facade::start().await;
    let id = of_another_service();
    let path = format!("Condition/{id}?_summary=true&colour=red");
    let (status, body) = facade.told("clinician", &path).await;
    assert_eq!((status, body["issue"][0]["expression"][0].as_str()), (400, Some("_summary")), "{body}");
    let format = format!("Condition/{id}?_format=json");
    assert_eq!(facade.get("clinician", &format, false).await.status(), 404);
    assert_eq!(facade.get("clinician", &path, true).await.status(), 404);
    let (status, events) = facade.told("privacy-officer", "AuditEvent").await;
    assert_eq!(status, 200);
    let refused = events["entry"].as_array().into_iter().flatten().any(|entry| {
        let event = entry["resource"].to_string();
        event.contains("QUERY") && event.contains("\"outcome\":\"4\"")
    });
    assert!(refused, "{events}");
    facade.running.stop().await;
}

#[tokio::test]
async fn the_list_the_views_and_the_refusals_are_read_in_fhir_without_a_token() {
    let facade = Facade::start().await;
    let base = facade.running.base();
    let get = |path: String| facade.client.get(format!("{base}/{path}")).send();
    let read = get("ValueSet/mig-exclusions".to_owned()).await.expect("answers");
    assert_eq!(read.status(), 200);
    assert_eq!(read.headers()["cache-control"], "public, max-age=300");
    let tag = read.headers()["etag"].clone();
    let set: serde_json::Value = serde_json::from_slice(&read.bytes().await.expect("a body")).expect("JSON");
    assert_eq!((set["resourceType"].as_str(), set["version"].as_str()), (Some("ValueSet"), Some("1.0.0")));
    let xml = facade.client.get(format!("{base}/ValueSet/mig-exclusions")).header("accept", "application/fhir+xml");
    let xml = xml.send().await.expect("answers");
    assert!(xml.headers()["content-type"].to_str().expect("ASCII").starts_with("application/fhir+xml"));
    let xml = mig_fhir_model::xml_to_json(&xml.bytes().await.expect("a body")).expect("FHIR XML");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&xml).expect("JSON"), set, "the same in XML");
    let again = facade.client.get(format!("{base}/ValueSet/mig-exclusions")).header("if-none-match", tag);
    let again = again.send().await.expect("answers");
    assert_eq!(again.status(), 304);
    assert!(again.bytes().await.expect("no body").is_empty());
    for (query, total) in [
        ("ValueSet?url=urn:x-mig-fhir:ValueSet:exclusions-gender&version=1.0.0&status=active", 1),
        ("ValueSet?name=MigExclusions", 6),
        ("CodeSystem?_id=view,refusal", 2),
        ("CodeSystem?url=urn:x-mig-fhir:CodeSystem:view&_format=json", 1),
        ("CodeSystem?url=urn:x-mig-fhir:ValueSet:exclusions", 0),
        ("ValueSet?version=0.0.1", 0),
    ] {
        let body = get(query.to_owned()).await.expect("answers").bytes().await.expect("a body");
        let found: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(found["total"], total, "{query}: {found}");
        assert_eq!(found["entry"].as_array().map_or(0, Vec::len), total, "{query}");
        assert_eq!(found["link"][0]["relation"], "self");
    }
    for (path, status) in [
        ("ValueSet/view", 404),
        ("CodeSystem/none", 404),
        ("ValueSet?title=x", 400),
        ("ValueSet?url=", 400),
        ("CodeSystem?_format=ttl", 406),
    ] {
        assert_eq!(get(path.to_owned()).await.expect("answers").status(), status, "{path}");
    }
    let posted = facade.client.request(Method::POST, format!("{base}/ValueSet")).send().await.expect("answers");
    assert_eq!((posted.status().as_u16(), posted.headers()["allow"].to_str().ok()), (405, Some("GET, HEAD")));
    facade.running.stop().await;
}

#[tokio::test]
async fn the_page_of_exclusions_is_for_anyone_and_only_to_be_read() {
    let facade = Facade::start().await;
    let url = format!("{}/exclusions", facade.running.origin());
    let page = facade.client.get(&url).send().await.expect("answers");
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert!(page.headers()["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'"));
    let text = page.text().await.expect("text");
    assert!(text.contains("Genital herpes simplex") && text.contains("Version 1.0.0"));
    let posted = facade.client.request(Method::POST, &url).send().await.expect("answers");
    assert_eq!((posted.status().as_u16(), posted.headers()["allow"].to_str().ok()), (405, Some("GET, HEAD")));
    facade.running.stop().await;
}
