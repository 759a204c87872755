//~ E0308
//! A clinical response is made of `Audited`; the answer alone is not enough.
use mig_fhir::disclose::{Disclosed, Failure};
use mig_fhir::http::{Base, answer};

pub fn forged(answer: Result<Disclosed, Failure>, base: &Base, peer: &mig_fhir::http::Peer) {
    let _ = answer::disclosed(answer, base, peer);
}
