//~ E0308
//! An attempt is not `Clone`: it is closed once.
use mig_fhir::audit::Attempt;

pub fn forged(attempt: &Attempt) -> Attempt {
    attempt.clone()
}
