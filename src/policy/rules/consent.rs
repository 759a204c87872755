//! Rule 7: the latest Consent of this patient, user and organisation is live and permits, or is an override (6.2, 6.5).

use crate::policy::{Facts, Refusal};
use crate::register::{ConsentDecision, Occasion};

pub(in crate::policy) fn passes(facts: &Facts) -> Result<Occasion, Refusal> {
    let occasion = facts.standing()?.occasion.as_ref().ok_or(Refusal::ConsentRequired)?;
    let live = occasion.received <= facts.now() && facts.now() < occasion.until;
    match (&occasion.decision, live) {
        // Its author cannot lift a deny by withdrawing it (CONTRACT section 5): only a new permit does, or its time.
        (ConsentDecision::Deny, true) => Err(Refusal::ConsentRefused),
        (ConsentDecision::Deny, false) => Err(Refusal::ConsentRequired),
        (ConsentDecision::Permit | ConsentDecision::Override { .. }, false) => Err(Refusal::ConsentExpired),
        (ConsentDecision::Permit | ConsentDecision::Override { .. }, true) if occasion.withdrawn => {
            Err(Refusal::ConsentExpired)
        }
        (ConsentDecision::Permit | ConsentDecision::Override { .. }, true) => Ok(occasion.clone()),
    }
}
