//! The rules about organisation, consent and patient, in the order of WIRE section 3: the first that matches answers.

use super::checks::Accepted;
use super::holdings::{Holding, Holdings};
use super::request::{Request, Wanted};
use crate::gateway::WireProfile;
use crate::ids::NhsNumber;
use crate::kinds::View;

/// The override reasons that a rule knows.
const CATEGORIES: [&str; 5] = ["Emergency", "UnableToConsent", "Safeguarding", "DutyOfCare", "CourtOrder"];

/// The outcome of the question where the record is: a code, and whose location where it is a success.
pub(super) fn locate<'h>(
    accepted: &Accepted,
    holdings: &'h Holdings,
    profile: &WireProfile,
) -> Result<&'h Holding, String> {
    let (request, codes) = (&accepted.request, &profile.outcomes);
    if NhsNumber::parse(&request.nhs_number).is_none() {
        return Err(codes.invalid.clone());
    }
    if !accepted.speaks_for.contains(&request.source) {
        return Err(codes.not_authorised.clone());
    }
    let found = holdings.find(&request.nhs_number).filter(|holding| !holding.restricted);
    let found = found.ok_or_else(|| codes.unknown_patient.clone())?;
    if born_on_another_day(request, found) {
        return Err(codes.ambiguous.clone());
    }
    Ok(found)
}

/// The outcome of a question for a view: a code, or the record, the view, and whether it is whole.
pub(super) fn view<'h>(
    accepted: &Accepted,
    wanted: &Wanted,
    holdings: &'h Holdings,
    profile: &WireProfile,
) -> Result<(&'h Holding, View, bool), String> {
    let (request, codes) = (&accepted.request, &profile.outcomes);
    let found = holdings.find(&request.nhs_number);
    // Holdings name an outcome by its built-in code, whatever the profile calls it.
    let set = found.and_then(|holding| holding.outcome.as_deref()).map(|code| codes.by_builtin(code));
    let known = profile.view(&wanted.view);
    let here = found.filter(|holding| {
        !holding.restricted
            && holding.traced
            && holding.registration == "registered"
            && holding.practice.as_deref().is_some_and(|practice| profile.address(practice) == accepted.address)
    });
    let steps = [
        (&codes.invalid, known.is_none() || content_is_invalid(request, wanted, known)),
        (&codes.consent_refused, !consents(wanted)),
        (&codes.not_authorised, !accepted.speaks_for.contains(&request.source)),
        (&codes.outside_agreement, false),
        (&codes.unknown_patient, here.is_none()),
        (&codes.ambiguous, found.is_some_and(|holding| born_on_another_day(request, holding))),
        (&codes.opted_out, found.is_some_and(|holding| holding.opted_out)),
        (&codes.busy, false),
    ];
    for (code, matches) in steps {
        if matches || set == Some(code.as_str()) {
            return Err(code.clone());
        }
    }
    let (Some(holding), Some(view)) = (here, known) else {
        return Err(codes.failure.clone());
    };
    match set {
        None => Ok((holding, view, true)),
        Some(set) if set == codes.success => Ok((holding, view, true)),
        Some(set) if set == codes.partial => Ok((holding, view, false)),
        Some(other) => Err(other.to_owned()),
    }
}

fn content_is_invalid(request: &Request, wanted: &Wanted, view: Option<View>) -> bool {
    let consent = &wanted.consent;
    let backwards = matches!(wanted.range, (Some(from), Some(to)) if from > to);
    NhsNumber::parse(&request.nhs_number).is_none()
        || (backwards && view != Some(View::PatientDetails))
        || !matches!(consent.status.as_str(), "Explicit Consent" | "Explicit Dissent" | "Not Specified")
        || consent.category.as_deref().is_some_and(|category| !CATEGORIES.contains(&category))
}

fn consents(wanted: &Wanted) -> bool {
    matches!(
        (wanted.consent.status.as_str(), &wanted.consent.category),
        ("Explicit Consent", None) | ("Not Specified", Some(_))
    )
}

fn born_on_another_day(request: &Request, holding: &Holding) -> bool {
    matches!((request.birth_date, holding.birth_date), (Some(asked), Some(held)) if asked != held)
}
