//! Rule 10: the patient has not opted out at the practice (6.1.4). Neither consent nor override lifts an opt-out.

use crate::policy::{Location, Refusal};

pub(in crate::policy) fn passes(location: &Location) -> Result<(), Refusal> {
    if location.opted_out { Err(Refusal::OptedOut) } else { Ok(()) }
}
