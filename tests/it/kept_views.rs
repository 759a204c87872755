//! What is kept of one request serves the next one of the same occasion, and must be what that one would have fetched.

use crate::world::{self, World};
use mig_fhir::clock::Clock;
use mig_fhir::register::agreements::Target;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::running::{Running, Start};
use reqwest::Client;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use time::macros::date;

#[tokio::test]
async fn an_earlier_search_changes_nothing_in_everything() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let start = Start {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: Some(folder.path().to_owned()),
        holdings: Holdings::builtin(date!(2026 - 11 - 24)),
        clock: Clock::system(),
    };
    let running = Running::start(start).await.expect("starts");
    let client = Client::new();
    let clinician = cast::find("clinician").expect("in the cast");
    let token = running.token(clinician).expect("signed");
    let patients = running.demo().patients().iter();
    let patient = patients.clone().find(|patient| patient.scenario == "rich").expect("in the cast").nhs_number;
    let consent = cast::consent_to(clinician, patient, Clock::system().now());
    let posted = client
        .post(format!("{}/Consent", running.base()))
        .bearer_auth(&token)
        .header("content-type", "application/fhir+json")
        .body(consent.to_string());
    assert_eq!(posted.send().await.expect("answers").status(), 201);
    let id = running.service().sealer.seal_patient(patient);
    let get = async |path: String, fresh: bool| {
        let request = client.get(format!("{}/{path}", running.base())).bearer_auth(&token);
        let request = if fresh { request.header("cache-control", "no-cache") } else { request };
        let response = request.send().await.expect("answers");
        assert_eq!(response.status(), 200, "{path}");
        let mut body: Value = serde_json::from_slice(&response.bytes().await.expect("whole")).expect("JSON");
        // The legacy answers' own time is the one thing that may differ.
        body.as_object_mut().expect("a bundle").remove("meta");
        body
    };
    let everything = format!("Patient/{id}/$everything");
    let wanted = get(everything.clone(), true).await;
    let kinds = [
        "Condition",
        "AllergyIntolerance",
        "Procedure",
        "Observation",
        "Encounter",
        "MedicationStatement",
        "MedicationRequest",
        "Flag",
        "DiagnosticReport",
        "Immunization",
        "ServiceRequest",
    ];
    for kind in kinds {
        get(format!("{kind}?patient={id}"), true).await;
        let found = get(everything.clone(), false).await;
        let count = |bundle: &Value| bundle["entry"].as_array().map_or(0, Vec::len);
        assert!(found == wanted, "after a search of {kind}: {} entries, not {}", count(&found), count(&wanted));
    }
    running.stop().await;
}

#[test]
fn a_suspension_empties_the_memory_within_a_second_or_so() {
    world::run(async {
        let world = World::start(Holdings::builtin(date!(2026 - 11 - 24))).await;
        let who = world.clinician();
        let number = world.number_of("rich");
        world.permit(&who, &number).await;
        world.search("Condition", &number, "").by(&who).ok().await;
        assert!(world.kept_views().await > 0, "a search leaves what it released");
        world.suspend(Target::User, "nobody").await;
        let emptied = async {
            while world.kept_views().await > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), emptied).await.expect("forgotten long before its time is over");
    });
}
