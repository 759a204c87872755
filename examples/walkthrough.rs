//! A client of the facade, from token to record: `cargo run --release -- demo` in one terminal, then in another
//! `cargo run --example walkthrough`. A base other than the demo's may be given as the only argument.

#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]
#![allow(clippy::indexing_slicing, reason = "a member of a JSON value that is missing reads as null")]

use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

const TYPES: [&str; 12] = [
    "Patient",
    "Condition",
    "MedicationStatement",
    "MedicationRequest",
    "AllergyIntolerance",
    "Flag",
    "Observation",
    "DiagnosticReport",
    "Procedure",
    "Immunization",
    "Encounter",
    "ServiceRequest",
];
const FORM: &str = "application/x-www-form-urlencoded";

type Answer = Result<(StatusCode, Value), Box<dyn Error>>;

struct Facade {
    client: Client,
    origin: String,
    token: String,
}

impl Facade {
    async fn post(&self, path: &str, content_type: &str, body: String) -> Answer {
        let request = self.client.post(format!("{}{path}", self.origin)).header(header::CONTENT_TYPE, content_type);
        let answer = request.bearer_auth(&self.token).body(body).send().await?;
        Ok((answer.status(), serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// One type of one patient's record. The NHS number goes in the body, never in a URL.
    async fn search(&self, name: &str, nhs_number: &str) -> Answer {
        let parameter = if name == "Patient" { "identifier" } else { "patient.identifier" };
        let body = format!("{parameter}=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{nhs_number}");
        self.post(&format!("/FHIR/R4/{name}/_search"), FORM, body).await
    }
}

/// What a refusal says that a program can act on: the coded reasons, never the text.
fn reasons(outcome: &Value) -> Vec<&str> {
    let issues = outcome["issue"].as_array().into_iter().flatten();
    let codings = issues.filter_map(|issue| issue["details"]["coding"].as_array()).flatten();
    codings.filter_map(|coding| coding["code"].as_str()).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Only `https` would need it; reqwest asks for it all the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let base = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/FHIR/R4".to_owned());
    let origin = base.trim_end_matches("/FHIR/R4").to_owned();
    let client = Client::builder().timeout(Duration::from_secs(15)).build()?;
    let mut facade = Facade { client, origin, token: String::new() };

    let (_, token) = facade.post("/demo/token", FORM, "user=clinician".to_owned()).await?;
    facade.token = token["access_token"].as_str().ok_or("no token")?.to_owned();

    let list = facade.client.get(format!("{}/demo/patients", facade.origin)).send().await?.bytes().await?;
    let list: Value = serde_json::from_slice(&list)?;
    let patients = list.as_array().ok_or("no patients")?;
    let patient = patients.iter().find(|one| one["scenario"] == "rich").or(patients.first()).ok_or("no patient")?;
    let nhs_number = patient["nhs_number"].as_str().ok_or("no number")?;

    let (status, answer) = facade.search("Condition", nhs_number).await?;
    if status == StatusCode::FORBIDDEN && reasons(&answer).contains(&"CONSENT_REQUIRED") {
        println!("{status}: the patient has to be asked first");
    }
    let (status, _) = facade.post("/FHIR/R4/Consent", "application/fhir+json", patient["consent"].to_string()).await?;
    println!("{status}: consent recorded");

    for name in TYPES {
        let (status, answer) = facade.search(name, nhs_number).await?;
        if status.is_success() {
            println!("{status}: {name}, {} found", answer["total"]);
        } else {
            println!("{status}: {name}, refused as {}", reasons(&answer).join(", "));
        }
    }
    Ok(())
}
