//! Rule 8: fully registered, with a fully traced NHS number (5.1). Temporary is not registered.

use crate::ids::OdsCode;
use crate::policy::{Location, Refusal, Registration};

pub(in crate::policy) fn passes(location: &Location) -> Result<OdsCode, Refusal> {
    match (location.traced, location.registration, &location.practice) {
        (true, Registration::Registered, Some(practice)) => Ok(practice.clone()),
        _ => Err(Refusal::PatientNotFound),
    }
}
