//! Rule 3: a qualified clinician (7.3.1), strongly authenticated, for direct care only (2.1.4).

use super::agreement::in_force;
use crate::identity::{Caller, CallerClass, SelectedRole};
use crate::kinds::Purpose;
use crate::policy::{Facts, Refusal};

pub(in crate::policy) fn passes(caller: &Caller, facts: &Facts) -> Result<(), Refusal> {
    let SelectedRole::One(role) = &caller.role else {
        return Err(Refusal::Role);
    };
    if caller.class != CallerClass::User {
        return Err(Refusal::Role);
    }
    let standing = facts.standing()?;
    let default = &facts.settings().clinician_roles;
    let mut live = standing.agreements.iter().filter(|agreement| in_force(agreement, facts.now())).peekable();
    // An agreement can widen or narrow the roles; without a live one the default decides, and rule 5 refuses.
    let qualified = if live.peek().is_none() {
        default.contains(&role.code)
    } else {
        live.any(|agreement| super::agreement::roles(agreement, default).contains(&role.code))
    };
    if !qualified {
        return Err(Refusal::Role);
    }
    if caller.assurance < facts.settings().assurance {
        return Err(Refusal::Assurance);
    }
    match facts.asked().purpose {
        Purpose::Treatment | Purpose::BreakGlass => Ok(()),
    }
}
