//! Rule 2: neither everything, nor the viewing organisation, nor the user is stopped (12.4). Sharers: rule 9.

use crate::policy::{Facts, Refusal};

pub(in crate::policy) fn passes(facts: &Facts) -> Result<(), Refusal> {
    if facts.standing()?.suspended { Err(Refusal::Suspended) } else { Ok(()) }
}
