//~ E0308
//! Mapping sees a screened record only.
use mig_fhir::{mapping, record::Record};

pub fn forged(record: &Record, context: &mapping::Context<'_>) {
    let _ = mapping::map(record, context);
}
