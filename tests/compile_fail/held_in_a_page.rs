//~ E0308
//! A page is made of `Released` only.
use mig_fhir::release::Held;
use mig_fhir::search;
use std::sync::Arc;

pub fn forged(pool: Vec<Arc<Held>>) {
    let _ = search::everything(&[], &pool);
}
