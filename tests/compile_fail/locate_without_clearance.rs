//~ E0308
//! The gateway locates for a clearance; a number is not enough.
use mig_fhir::{gateway::Gateway, ids::NhsNumber};

pub async fn forged(gateway: &Gateway, patient: &NhsNumber) {
    let _ = gateway.locate(patient, tokio::time::Instant::now()).await;
}
