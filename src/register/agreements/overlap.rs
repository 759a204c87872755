//! A practice shares with a viewer under one agreement at a time: otherwise two sets of views would be possible.

use super::fields::Problems;
use super::{Registers, SignedAgreement};
use crate::ids::OdsCode;
use crate::register::{Agreement, AgreementStatus};
use std::collections::HashMap;
use time::Date;

/// One time of sharing.
struct Sharing<'a> {
    agreement: &'a str,
    at: Option<String>,
    first: Date,
    last: Option<Date>,
}

/// The last day that a sharer shares: the earlier of leaving and the agreement's end.
pub(super) fn last_day(agreement: &Agreement, left: Option<Date>) -> Option<Date> {
    match (agreement.until, left) {
        (Some(until), Some(left)) => Some(until.min(left)),
        (until, left) => until.or(left),
    }
}

/// Between the agreements of one file.
pub(super) fn within(registers: &Registers, problems: &mut Problems) {
    against(&[], registers, problems);
}

/// Between the agreements of a file and those that are kept. Kept ones of the same id are replaced by the file's.
pub(super) fn against(kept: &[SignedAgreement], registers: &Registers, problems: &mut Problems) {
    let mut times: HashMap<(&OdsCode, &OdsCode), Vec<Sharing<'_>>> = HashMap::new();
    let replaced = |id: &str| registers.agreements.iter().any(|agreement| agreement.terms.id == id);
    let others = kept.iter().filter(|agreement| !replaced(&agreement.terms.id)).map(|agreement| (None, agreement));
    let new = registers.agreements.iter().enumerate().map(|(index, agreement)| (Some(index), agreement));
    for (index, agreement) in others.chain(new) {
        let terms = &agreement.terms;
        if terms.status == AgreementStatus::Terminated {
            continue;
        }
        for (nth, sharer) in terms.sharers.iter().enumerate() {
            let sharing = Sharing {
                agreement: &terms.id,
                at: index.map(|index| format!("agreement[{index}].sharer[{nth}].practice")),
                first: terms.from.max(sharer.joined),
                last: last_day(terms, sharer.left),
            };
            let earlier = times.entry((&terms.viewer, &sharer.practice)).or_default();
            if let (Some(at), Some(other)) = (&sharing.at, earlier.iter().find(|other| meet(&sharing, other))) {
                problems.add(at, format!("already shares with this viewer then, under agreement {}", other.agreement));
            }
            earlier.push(sharing);
        }
    }
}

fn meet(one: &Sharing<'_>, other: &Sharing<'_>) -> bool {
    one.last.is_none_or(|last| other.first <= last) && other.last.is_none_or(|last| one.first <= last)
}
