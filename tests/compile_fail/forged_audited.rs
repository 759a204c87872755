//~ E0423
//! `Audited` has a private field: only `Audit::close` makes one.
use mig_fhir::audit::Audited;

pub fn forged() -> Audited<u8> {
    Audited(1)
}
