//! Rule 5: a live sharing agreement of the viewing organisation covers at least one of the views that are needed (2.2.5, 5.2),
//! and lets the caller in by role, assurance and network.

use super::network::lets_in;
use crate::identity::{Caller, SelectedRole};
use crate::ids::RoleCode;
use crate::policy::{Facts, Refusal, Settings};
use crate::register::{Agreement, AgreementStatus};
use std::net::IpAddr;
use time::OffsetDateTime;

pub(in crate::policy) fn passes(
    caller: &Caller,
    address: Option<IpAddr>,
    facts: &Facts,
) -> Result<Vec<Agreement>, Refusal> {
    let SelectedRole::One(role) = &caller.role else {
        return Err(Refusal::Role);
    };
    let required = &facts.asked().required;
    let covering: Vec<Agreement> = facts
        .standing()?
        .agreements
        .iter()
        .filter(|agreement| in_force(agreement, facts.now()))
        .filter(|agreement| agreement.viewer == role.organisation)
        .filter(|agreement| roles(agreement, &facts.settings().clinician_roles).contains(&role.code))
        .filter(|agreement| caller.assurance >= assurance(agreement, facts.settings()))
        .filter(|agreement| agreement.views.iter().any(|view| required.contains(view)))
        .cloned()
        .collect();
    if covering.is_empty() {
        return Err(Refusal::NoAgreement);
    }
    let from_here: Vec<Agreement> =
        covering.into_iter().filter(|agreement| lets_in(&agreement.client_networks, address)).collect();
    if from_here.is_empty() { Err(Refusal::Network) } else { Ok(from_here) }
}

/// Whether an agreement is in force at an instant; its days are days of Great Britain, both included.
pub(in crate::policy) fn in_force(agreement: &Agreement, now: OffsetDateTime) -> bool {
    let today = crate::clock::to_london(now).date();
    agreement.status == AgreementStatus::Active
        && agreement.from <= today
        && agreement.until.is_none_or(|until| today <= until)
}

/// The roles that count as qualified clinician under an agreement.
pub(super) fn roles<'r>(agreement: &'r Agreement, default: &'r [RoleCode]) -> &'r [RoleCode] {
    if agreement.clinician_roles.is_empty() { default } else { &agreement.clinician_roles }
}

/// The lowest assurance level under an agreement.
pub(super) fn assurance(agreement: &Agreement, settings: &Settings) -> u8 {
    agreement.assurance.unwrap_or(settings.assurance)
}
