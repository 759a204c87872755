//! Rule 9: the practice is a sharer, today, under an agreement that covers a view that is needed, and is not stopped.

use crate::ids::OdsCode;
use crate::kinds::View;
use crate::policy::{Clearance, Refusal};
use crate::register::Agreement;

pub(in crate::policy) fn passes<'c>(
    clearance: &'c Clearance<'_>,
    practice: &OdsCode,
) -> Result<(&'c Agreement, Vec<View>), Refusal> {
    let today = crate::clock::to_london(clearance.decided_at).date();
    let shares = |agreement: &&Agreement| {
        agreement.sharers.iter().any(|sharer| {
            sharer.practice == *practice && sharer.joined <= today && sharer.left.is_none_or(|left| today <= left)
        })
    };
    let agreement = clearance
        .agreements
        .iter()
        .filter(shares)
        .max_by_key(|agreement| {
            (clearance.wanted.iter().filter(|view| agreement.views.contains(view)).count(), &agreement.id)
        })
        .ok_or(Refusal::NoAgreement)?;
    if clearance.suspended_sharers.contains(practice) {
        return Err(Refusal::Suspended);
    }
    let views: Vec<View> = clearance.wanted.iter().copied().filter(|view| agreement.views.contains(view)).collect();
    if views.iter().any(|view| clearance.required.contains(view)) {
        Ok((agreement, views))
    } else {
        Err(Refusal::NoAgreement)
    }
}
