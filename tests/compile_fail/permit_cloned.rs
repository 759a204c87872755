//~ E0308
//! A permit is not `Clone`.
use mig_fhir::policy::Permit;

pub fn forged<'a>(permit: &Permit<'a>) -> Permit<'a> {
    permit.clone()
}
