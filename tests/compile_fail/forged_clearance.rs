//~ E0451
//! A clearance has private fields: only `policy::clear` makes one.
use mig_fhir::{audit::Attempt, ids::NhsNumber, policy::Clearance, register::Occasion};

pub fn forged(attempt: &Attempt, patient: NhsNumber, occasion: Occasion) -> Clearance<'_> {
    Clearance {
        attempt,
        patient,
        birth_date: None,
        wanted: vec![],
        required: vec![],
        occasion,
        agreements: vec![],
        suspended_sharers: vec![],
        revision: mig_fhir::audit::Revision(0),
        decided_at: time::OffsetDateTime::UNIX_EPOCH,
    }
}
