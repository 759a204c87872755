//~ E0308
//! The gateway gives a view for a permit; a clearance is not enough.
use mig_fhir::{gateway::Gateway, kinds::View, policy::Clearance};

pub async fn forged(gateway: &Gateway, clearance: &Clearance<'_>) {
    let _ = gateway.fetch(clearance, View::Problems, tokio::time::Instant::now()).await;
}
