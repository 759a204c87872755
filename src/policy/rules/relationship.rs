//! Rule 6: the patient is registered for care with the viewing organisation (7.2.2): an active EpisodeOfCare.

use crate::policy::{Facts, Refusal};

pub(in crate::policy) fn passes(facts: &Facts) -> Result<(), Refusal> {
    // Nobody is registered whom nobody knows: what a caller of rules 1 to 5 is told of an unknown patient.
    if facts.asked().patient.is_none() {
        return Err(Refusal::PatientNotFound);
    }
    if facts.standing()?.relationship { Ok(()) } else { Err(Refusal::Relationship) }
}
