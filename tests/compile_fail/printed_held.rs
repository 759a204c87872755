//~ E0277
//! A held resource has no `Debug`: it cannot be logged.
use mig_fhir::release::Held;

pub fn forged(held: &Held) -> String {
    format!("{held:?}")
}
