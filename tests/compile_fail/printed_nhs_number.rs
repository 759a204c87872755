//~ E0277
//! A number has no `Display`.
use mig_fhir::ids::NhsNumber;

pub fn forged(number: NhsNumber) -> String {
    format!("{number}")
}
