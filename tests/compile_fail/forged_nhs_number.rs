//~ E0423
//! A number is valid or absent: only `NhsNumber::parse` makes one.
use mig_fhir::ids::NhsNumber;

pub fn forged() -> NhsNumber {
    NhsNumber(*b"9990000019")
}
