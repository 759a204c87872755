//~ E0616
//! What mapping made is held: nobody but `release` opens it.
use mig_fhir::release::Held;

pub fn forged(held: &Held) -> Vec<u8> {
    mig_fhir_model::to_json(&held.resource).unwrap()
}
