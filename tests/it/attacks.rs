//! A caller who tries to get at data, or at a false audit trail, without permission: what held, so that it keeps holding.

use crate::database::extras;
use mig_fhir::clock::Clock;
use mig_fhir::ids::{NhsNumber, OdsCode, UserId};
use mig_fhir::register::consent;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::running::{Running, Start};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FORM: &str = "application/x-www-form-urlencoded";
const FHIR: &str = "application/fhir+json";

/// A demo, a clinician with the consent of its `rich` patient, and a privacy officer who sees what was recorded of it.
struct Target {
    running: Running,
    _folder: TempDir,
    client: Client,
    clinician: String,
    officer: String,
    number: String,
}

impl Target {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::system();
        let start = Start {
            listen: "127.0.0.1:0".parse().expect("an address"),
            data: Some(folder.path().to_owned()),
            holdings: Holdings::builtin(mig_fhir::clock::to_london(clock.now()).date()),
            clock: clock.clone(),
        };
        let running = Running::start_with(start, extras(folder.path()).await).await.expect("a demo");
        let token = |name| running.token(cast::find(name).expect("of the cast")).expect("a token");
        let (clinician, officer) = (token("clinician"), token("privacy-officer"));
        let rich = running.demo().patients().iter().find(|patient| patient.scenario == "rich").expect("a patient");
        let number = rich.nhs_number.reveal().to_owned();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().build().expect("a client");
        let target = Self { running, _folder: folder, client, clinician, officer, number };
        let (user, organisation) = (UserId::parse("999000000101"), OdsCode::parse(cast::VIEWER));
        let body = consent::example(
            NhsNumber::parse(&target.number).expect("a number"),
            &user.expect("a user"),
            &organisation.expect("a code"),
            true,
            clock.now(),
        );
        let request = target.ask(Method::POST, "/Consent", "consent").header("Content-Type", FHIR);
        assert_eq!(answer(request.body(body.to_string())).await.0, 201);
        target
    }

    fn ask(&self, method: Method, path: &str, id: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.running.base());
        self.client.request(method, url).bearer_auth(&self.clinician).header("X-Request-ID", id)
    }

    fn get(&self, path: &str, id: &str) -> RequestBuilder {
        self.ask(Method::GET, path, id)
    }

    fn search(&self, kind: &str, id: &str) -> RequestBuilder {
        self.get(&format!("/{kind}?patient.identifier=https://fhir.nhs.uk/Id/nhs-number|{}&_count=2", self.number), id)
    }

    /// The AuditEvents of one request.
    async fn events(&self, id: &str) -> Vec<Value> {
        let url = format!("{}/AuditEvent?_count=500", self.running.base());
        let (status, bundle) = answer(self.client.get(url).bearer_auth(&self.officer)).await;
        assert_eq!(status, 200);
        let quoted = format!("\"{id}\"");
        let events = bundle["entry"].as_array().expect("entries").iter().map(|entry| entry["resource"].clone());
        events.filter(|event| event.to_string().contains(&quoted)).collect()
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let bytes = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn next(bundle: &Value) -> String {
    let links = bundle["link"].as_array().expect("links");
    let next = links.iter().find(|link| link["relation"] == "next").expect("a next page");
    next["url"].as_str().and_then(|url| url.split_once("_page=")).expect("a page link").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_link_followed_elsewhere_cannot_put_a_false_type_or_patient_into_the_audit() {
    let target = Target::start().await;
    let (status, first) = answer(target.search("Observation", "first")).await;
    assert_eq!(status, 200);
    let page = next(&first);
    let patient = first["entry"][0]["resource"]["subject"]["reference"].as_str().expect("a patient").to_owned();
    for (index, path) in
        ["/Condition", "/Patient", &format!("/{patient}/$everything"), "/Patient/other/$everything"].iter().enumerate()
    {
        let id = format!("elsewhere-{index}");
        assert_eq!(answer(target.get(&format!("{path}?_page={page}"), &id)).await.0, 400, "{path}");
        assert_eq!(target.events(&id).await.len(), 1, "{path}");
    }
    assert_eq!(answer(target.get(&format!("/Observation?_page={page}"), "there")).await.0, 200);

    let (status, first) = answer(target.get(&format!("/{patient}/$everything?_count=2"), "everything")).await;
    assert_eq!(status, 200);
    let page = next(&first);
    assert_eq!(answer(target.get(&format!("/Observation?_page={page}"), "not-there")).await.0, 400);
    assert_eq!(answer(target.get(&format!("/Patient/other/$everything?_page={page}"), "not-of-them")).await.0, 400);
    assert_eq!(answer(target.get(&format!("/Patient?_page={page}"), "more")).await.0, 200);
    let events = target.events("more").await;
    assert_eq!(events.len(), 1);
    assert!(events[0]["subtype"].to_string().contains("\"operation\""), "{}", events[0]["subtype"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_token_is_audited_whatever_is_wrong_and_whoever_has_none_is_told_only_that() {
    let target = Target::start().await;
    let attacks: Vec<(&str, u16, RequestBuilder)> = vec![
        ("accept", 406, target.search("Condition", "accept").header("Accept", "text/csv")),
        ("format", 406, target.get("/Condition?_format=csv", "format")),
        ("read-accept", 406, target.get("/Condition/1", "read-accept").header("Accept", "text/html")),
        (
            "media-type",
            415,
            target.ask(Method::POST, "/Condition/_search", "media-type").header("Content-Type", FHIR).body("{}"),
        ),
        (
            "too-long",
            413,
            target
                .ask(Method::POST, "/Condition/_search", "too-long")
                .header("Content-Type", FORM)
                .body(format!("code={}", "a".repeat(9_000))),
        ),
        ("not-text", 404, target.get("/Condition/%ff", "not-text")),
        ("kept-not-text", 404, target.get("/Consent/%ff", "kept-not-text")),
        ("kept-accept", 406, target.get("/Consent", "kept-accept").header("Accept", "text/csv")),
        ("kept-read-accept", 406, target.get("/Consent/1", "kept-read-accept").header("Accept", "text/csv")),
        (
            "kept-media-type",
            415,
            target.ask(Method::POST, "/Consent/_search", "kept-media-type").header("Content-Type", FHIR).body("{}"),
        ),
    ];
    for (id, status, request) in attacks {
        let anonymous = request.try_clone().expect("a request with a body in memory");
        assert_eq!(answer(request).await.0, status, "{id}");
        assert_eq!(target.events(id).await.len(), 1, "{id}");
        let mut anonymous = anonymous.build().expect("a request");
        anonymous.headers_mut().remove("Authorization");
        let refused = target.client.execute(anonymous).await.expect("an answer");
        assert_eq!(refused.status().as_u16(), 401, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_at_the_end_of_the_calendar_is_a_bad_query_and_audited() {
    let target = Target::start().await;
    for (index, date) in ["9999-12-31T23:59:59.9999Z", "le9999-12-31T23:59:59.9999Z", "9999-12-31"].iter().enumerate() {
        let id = format!("calendar-{index}");
        let url = format!("{}/AuditEvent?date={date}", target.running.base());
        let request = target.client.get(url).bearer_auth(&target.officer).header("X-Request-ID", &id);
        assert_eq!(answer(request).await.0, 400, "{date}");
        assert_eq!(target.events(&id).await.len(), 1, "{date}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nobody_is_waited_for_so_that_slow_forms_cannot_take_every_place() {
    let target = Target::start().await;
    let address = target.running.origin().trim_start_matches("http://");
    let mut slow = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /FHIR/R4/Condition/_search HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 100\r\n\r\na="
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    let mut first = [0; 12];
    let answered = tokio::time::timeout(Duration::from_secs(5), slow.read_exact(&mut first)).await;
    answered.expect("before the body is whole").expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 401");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_that_is_an_nhs_number_is_not_taken() {
    let target = Target::start().await;
    let response = target.search("Condition", &target.number).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 200);
    assert_ne!(response.headers()["x-request-id"].to_str().expect("text"), target.number);
}
