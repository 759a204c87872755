//! Rule 1: the token has a scope for every type that the request could return.

use crate::identity::Caller;
use crate::policy::{Facts, Refusal};

pub(in crate::policy) fn passes(caller: &Caller, facts: &Facts) -> Result<(), Refusal> {
    let lacks = |(kind, permission): &(&'static str, _)| !caller.scopes.allow(caller.class, kind, *permission);
    if facts.asked().permissions.is_empty() || facts.asked().permissions.iter().any(lacks) {
        return Err(Refusal::Scope);
    }
    Ok(())
}
