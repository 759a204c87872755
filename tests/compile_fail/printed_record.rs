//~ E0277
//! A record has no `Debug`: it cannot be logged.
use mig_fhir::record::Record;

pub fn forged(record: &Record) -> String {
    format!("{record:?}")
}
