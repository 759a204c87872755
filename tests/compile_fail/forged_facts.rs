//~ E0451
//! Facts have private fields: only `policy::facts` makes them.
use mig_fhir::policy::{Asked, Facts, Settings};

pub fn forged(asked: Asked) -> Facts {
    Facts { asked, settings: Settings::default(), standing: None, now: time::OffsetDateTime::UNIX_EPOCH }
}
