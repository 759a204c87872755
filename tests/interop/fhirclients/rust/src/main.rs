//! Reads, searches, pages and is refused with the client of the `fhir` crate, without special cases.
//! Usage: fhir-rust-client BASE

use fhir_r4::client::{Client, ClientError};
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;

const TYPES: [&str; 11] = [
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

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A client with the demo's token of one user.
async fn client_of(user: &str, base: &str, root: &str) -> Outcome<Client> {
    let answer = reqwest::Client::new()
        .post(format!("{root}/demo/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("user={user}"))
        .send()
        .await?;
    let token = answer.json::<Value>().await?["access_token"].as_str().ok_or("no token")?.to_owned();
    Ok(Client::new(base).with_bearer_token(move || Some(token.clone())))
}

/// Ids of the matches of a page, each parsed as its type; none may fail to.
fn matches(bundle: &fhir_r4::resources::Bundle, kind: &str) -> Outcome<Vec<String>> {
    let page = serde_json::to_value(bundle)?;
    let entries = page["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let found = entries.iter().filter(|entry| entry["search"]["mode"] == "match");
    let ids: Vec<String> = found
        .map(|entry| entry["resource"]["id"].as_str().map(str::to_owned).ok_or("a match without an id"))
        .collect::<Result<_, _>>()?;
    let parsed = bundle.resources::<fhir_r4::resources::Resource>(kind).count();
    assert!(parsed >= ids.len(), "{kind}: {} of {} are resources", parsed, ids.len());
    Ok(ids)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let base = std::env::args().nth(1).ok_or("BASE")?;
    let root = base.trim_end_matches("/FHIR/R4").to_owned();
    let people: Value = reqwest::get(format!("{root}/demo/patients")).await?.json().await?;
    let people = people.as_array().ok_or("no patients")?;
    let person = people.iter().find(|one| one["scenario"] == "rich").ok_or("no patient")?;
    let number = person["nhs_number"].as_str().ok_or("no number")?;

    let client = client_of("clinician", &base, &root).await?;
    assert_eq!(serde_json::to_value(client.capabilities().await?)?["fhirVersion"], "4.0.1");
    client.create("Consent", &person["consent"]).await?;
    let identifier = format!("https://fhir.nhs.uk/Id/nhs-number|{number}");
    let found = client.search("Patient", &[("identifier", &identifier)]).await?;
    let patient = matches(&found, "Patient")?.pop().ok_or("no Patient")?;
    for kind in TYPES {
        let ids = matches(&client.search(kind, &[("patient", &patient)]).await?, kind)?;
        let first = ids.first().ok_or(kind)?;
        assert_eq!(serde_json::to_value(client.read(kind, first).await?)?["id"], first.as_str());
    }
    println!("   fhir (Rust): {} types searched, each read by id", TYPES.len());

    let pages = client.search_all("Observation", &[("patient", patient.as_str()), ("_count", "7")], 1000).await?;
    let mut seen = BTreeSet::new();
    for page in &pages {
        seen.extend(matches(page, "Observation")?);
    }
    let total = serde_json::to_value(&pages[0])?["total"].as_u64().ok_or("no total")?;
    assert_eq!(seen.len() as u64, total);
    println!("   fhir (Rust): {total} observations by sevens");

    let refused = client_of("receptionist", &base, &root).await?.search("Condition", &[("patient", &patient)]).await;
    let Err(ClientError::Outcome { status: 403, outcome }) = refused else { return Err("not refused".into()) };
    let codings = serde_json::to_value(outcome)?["issue"][0]["details"]["coding"].clone();
    assert_eq!(codings.as_array().and_then(|all| all.last()).ok_or("no reason")?["code"], "ROLE");
    println!("   fhir (Rust): a receptionist is refused, ROLE");
    Ok(())
}
