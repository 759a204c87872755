//! Rule 4: the user accepted the terms and did the training (7.3.3), for this organisation and role, and neither has run out.

use crate::policy::{Facts, Refusal};

pub(in crate::policy) fn passes(facts: &Facts) -> Result<(), Refusal> {
    facts.standing()?.enrolled.map_err(Refusal::Enrolment)
}
