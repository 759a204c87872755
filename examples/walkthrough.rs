//! Token, a refusal and what to do about it, consent, read and page: `cargo run --release -- demo` in one terminal, then in
//! another `cargo run --example walkthrough`. A base other than the demo's may be given as the only argument.

#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]
#![allow(clippy::indexing_slicing, reason = "a member of a JSON value that is missing reads as null")]

use reqwest::{Client, RequestBuilder, header};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

const FHIR: &str = "application/fhir+json";
const FORM: &str = "application/x-www-form-urlencoded";

struct Facade {
    client: Client,
    base: String,
    token: String,
}

/// An answer, or an OperationOutcome's coded reasons: what a program can act on, never the text.
type Answer = Result<Result<Value, Vec<String>>, Box<dyn Error>>;

impl Facade {
    async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.bearer_auth(&self.token).header(header::ACCEPT, FHIR).send().await?;
        let ok = answer.status().is_success();
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let issues = body["issue"].as_array().into_iter().flatten();
        let codings = issues.filter_map(|issue| issue["details"]["coding"].as_array()).flatten();
        let reasons = codings.filter_map(|coding| Some(coding["code"].as_str()?.to_owned())).collect();
        Ok(if ok { Ok(body) } else { Err(reasons) })
    }

    async fn post(&self, path: &str, media: &str, body: String) -> Answer {
        let request = self.client.post(format!("{}/{path}", self.base)).header(header::CONTENT_TYPE, media);
        self.send(request.body(body)).await
    }

    async fn read(&self, url: &str) -> Answer {
        self.send(self.client.get(url)).await
    }
}

/// Fails the example where the service refuses what it should not.
fn granted(answer: Result<Value, Vec<String>>) -> Result<Value, String> {
    answer.map_err(|reasons| format!("refused as {}", reasons.join(", ")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Only `https` would need it; reqwest asks for it all the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let base = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/FHIR/R4".to_owned());
    let origin = base.trim_end_matches("/FHIR/R4").to_owned();
    let client = Client::builder().timeout(Duration::from_secs(15)).build()?;
    let get = async |path: &str| client.get(format!("{origin}{path}")).send().await?.bytes().await;
    let token_of = async |user: &str| {
        let request = client.post(format!("{origin}/demo/token")).header(header::CONTENT_TYPE, FORM);
        let answer = request.body(format!("user={user}")).send().await?.bytes().await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        Ok::<_, Box<dyn Error>>(answer["access_token"].as_str().ok_or("no token")?.to_owned())
    };
    let people: Vec<Value> = serde_json::from_slice(&get("/demo/patients").await?)?;
    let person = people.iter().find(|one| one["scenario"] == "rich").or(people.first()).ok_or("no patient")?;
    let base = format!("{origin}/FHIR/R4");
    let mut facade = Facade { client: client.clone(), base, token: token_of("clinician").await? };

    // By POST, so that no NHS number stands in a URL.
    let number = person["nhs_number"].as_str().ok_or("no number")?;
    let who = format!("identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{number}");
    let mut found = facade.post("Patient/_search", FORM, who.clone()).await?;
    let ask = |reason: &String| matches!(reason.as_str(), "CONSENT_REQUIRED" | "CONSENT_EXPIRED");
    if found.as_ref().is_err_and(|reasons| reasons.iter().any(ask)) {
        println!("refused: the patient has to be asked first");
        granted(facade.post("Consent", FHIR, person["consent"].to_string()).await?)?;
        println!("consent recorded");
        found = facade.post("Patient/_search", FORM, who).await?;
    }
    let found = granted(found)?;
    let id = found["entry"][0]["resource"]["id"].as_str().ok_or("no patient found")?;
    let again = granted(facade.read(&format!("{}/Patient/{id}", facade.base)).await?)?;
    println!("patient read again by id: {}", again["id"] == *id);

    let mut page = granted(facade.post("Observation/_search", FORM, format!("patient={id}&_count=7")).await?)?;
    let (total, mut seen) = (page["total"].as_u64(), 0);
    loop {
        let entries = page["entry"].as_array().into_iter().flatten();
        seen += entries.filter(|entry| entry["search"]["mode"] == "match").count() as u64;
        let next = page["link"].as_array().into_iter().flatten().find(|link| link["relation"] == "next");
        let Some(next) = next.and_then(|link| link["url"].as_str()) else { break };
        page = granted(facade.read(next).await?)?;
    }
    println!("observations, by sevens: {seen}");

    facade.token = token_of("receptionist").await?;
    let refused = facade.post("Condition/_search", FORM, format!("patient={id}")).await?.err().unwrap_or_default();
    println!("a receptionist is refused: {}", refused.join(", "));
    if total == Some(seen) && refused.iter().any(|reason| reason == "ROLE") { Ok(()) } else { Err("not so".into()) }
}
