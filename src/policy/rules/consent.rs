//! Rule 7: the latest Consent of this patient, user and organisation is live and permits, or is an override (6.2, 6.5).

use crate::policy::{Facts, Refusal};
use crate::register::{ConsentDecision, Occasion};

pub(in crate::policy) fn passes(facts: &Facts) -> Result<Occasion, Refusal> {
    let standing = facts.standing()?;
    let occasion = standing.occasion.as_ref().ok_or(Refusal::ConsentRequired)?;
    let live = occasion.received <= facts.now() && facts.now() < occasion.until;
    // A deny that nobody who could has lifted: a permit by somebody else does not (CONTRACT section 5).
    let refused = !standing.refused_by.is_empty();
    match &occasion.decision {
        // Its author cannot lift a deny by withdrawing it: only a new permit does, or its time.
        ConsentDecision::Deny if live || refused => Err(Refusal::ConsentRefused),
        ConsentDecision::Deny => Err(Refusal::ConsentRequired),
        ConsentDecision::Permit if refused => Err(Refusal::ConsentRefused),
        ConsentDecision::Permit | ConsentDecision::Override { .. } if live && !occasion.withdrawn => {
            Ok(occasion.clone())
        }
        ConsentDecision::Override { .. } if refused => Err(Refusal::ConsentRefused),
        ConsentDecision::Permit | ConsentDecision::Override { .. } => Err(Refusal::ConsentExpired),
    }
}
