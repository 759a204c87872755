//! Rule 3: a qualified clinician (7.3.1), strongly authenticated, for direct care only (2.1.4).

use super::agreement::{assurance, in_force, roles};
use crate::identity::{Caller, CallerClass, SelectedRole};
use crate::kinds::Purpose;
use crate::policy::{Facts, Refusal};
use crate::register::Agreement;

pub(in crate::policy) fn passes(caller: &Caller, facts: &Facts) -> Result<(), Refusal> {
    let SelectedRole::One(role) = &caller.role else {
        return Err(Refusal::Role);
    };
    if caller.class != CallerClass::User {
        return Err(Refusal::Role);
    }
    let standing = facts.standing()?;
    let default = &facts.settings().clinician_roles;
    let live: Vec<&Agreement> =
        standing.agreements.iter().filter(|agreement| in_force(agreement, facts.now())).collect();
    // An agreement can widen or narrow both; without a live one the defaults decide, and rule 5 refuses.
    let qualifying: Vec<&Agreement> =
        live.iter().copied().filter(|agreement| roles(agreement, default).contains(&role.code)).collect();
    let qualified = if live.is_empty() { default.contains(&role.code) } else { !qualifying.is_empty() };
    if !qualified {
        return Err(Refusal::Role);
    }
    let least = qualifying.iter().map(|agreement| assurance(agreement, facts.settings())).min();
    if caller.assurance < least.unwrap_or(facts.settings().assurance) {
        return Err(Refusal::Assurance);
    }
    match facts.asked().purpose {
        Purpose::Treatment | Purpose::BreakGlass => Ok(()),
    }
}
