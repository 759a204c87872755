//! What is wrong with a profile: what could never work, or would protect nothing. Told at the start, all of it at once.

use super::{Outcomes, Security, SignedPart, WireProfile};
use crate::kinds::View;

impl WireProfile {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for view in View::ALL {
            if !self.views.contains_key(view.as_str()) {
                problems.push(format!("views.{view} is missing"));
            }
        }
        for name in self.views.keys().filter(|name| View::parse(name).is_none()) {
            problems.push(format!("views.{name} is no view"));
        }
        let mut words: Vec<_> = self.views.values().collect();
        words.sort_unstable();
        if words.windows(2).any(|pair| pair.first() == pair.last()) {
            problems.push("views: two have the same word".to_owned());
        }
        let mut codes = self.outcomes.all();
        codes.sort_unstable();
        if codes.windows(2).any(|pair| pair.first() == pair.last()) {
            problems.push("outcomes: two have the same code".to_owned());
        }
        let payload = &self.payload;
        let mut roots =
            [&payload.locate_request, &payload.locate_response, &payload.view_request, &payload.view_response];
        roots.sort_unstable();
        if roots.windows(2).any(|pair| pair.first() == pair.last()) {
            problems.push("payload: two roots have the same name".to_owned());
        }
        for (key, pattern) in [("interaction", &self.payload.interaction), ("profile", &self.payload.profile)] {
            if !pattern.contains("{root}") {
                problems.push(format!("payload.{key} has no {{root}}"));
            }
        }
        let security = &self.security;
        if !(1..=security.maximum_window_seconds).contains(&security.window_seconds) {
            problems.push("security.window_seconds is not between 1 and maximum_window_seconds".to_owned());
        }
        if security.skew_seconds < 0 {
            problems.push("security.skew_seconds is negative".to_owned());
        }
        problems.extend(security.problems());
        if self.limits.request_bytes == 0 || self.limits.response_bytes == 0 {
            problems.push("limits: a size is zero".to_owned());
        }
        problems
    }
}

impl Outcomes {
    fn all(&self) -> [&str; 11] {
        [
            &self.success,
            &self.invalid,
            &self.unknown_patient,
            &self.consent_refused,
            &self.opted_out,
            &self.outside_agreement,
            &self.not_authorised,
            &self.ambiguous,
            &self.busy,
            &self.partial,
            &self.failure,
        ]
    }
}

impl Security {
    /// Parts that are not signed or not demanded though something rests on them, and SHA-1 where it has no place.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let required = self.required();
        for part in [SignedPart::Timestamp, SignedPart::Body] {
            let spared = self.legacy_itk && part == SignedPart::Body;
            if !spared && !required.contains(&part) {
                problems.push(format!("security.signed_parts_required has no {part:?}"));
            }
        }
        let sent = |part: &SignedPart| {
            let addressing = !matches!(part, SignedPart::Timestamp | SignedPart::Body);
            self.signed_parts_sent.contains(part)
                || (addressing && self.signed_parts_sent.contains(&SignedPart::Addressing))
        };
        if !required.iter().all(sent) {
            problems.push("security.signed_parts_sent lacks a part that signed_parts_required demands".to_owned());
        }
        if self.names_sha1() && !self.legacy_itk {
            problems.push("security: SHA-1 needs legacy_itk = true".to_owned());
        }
        problems
    }
}
