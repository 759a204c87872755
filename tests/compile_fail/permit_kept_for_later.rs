//~ E0505
//! A permit borrows its attempt: once the attempt is closed there is none.
use mig_fhir::audit::{Attempt, Audit, Outcome};
use mig_fhir::policy::{Facts, Location, clear, decide};

pub async fn forged(audit: &Audit, attempt: Attempt, facts: &Facts, location: &Location) -> usize {
    let Ok(permit) = clear(&attempt, facts).and_then(|clearance| decide(clearance, location)) else { return 0 };
    let _ = audit.close(attempt, Outcome::Answered, None, ()).await;
    permit.views().len()
}
