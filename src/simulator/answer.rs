//! Writes answers: SOAP, distribution envelope, payload (WIRE sections 2, 4 and 5).

use super::checks::Accepted;
use super::holdings::Holding;
use crate::clock::{rfc3339, to_london};
use crate::gateway::WireProfile;
use crate::gateway::xml::{Canonical, SOAP, WSA};
use crate::gateway::{Parts, uuid};
use crate::kinds::View;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What is answered.
pub(super) enum Answer<'h> {
    /// A code without more.
    Outcome(String),
    /// Where the record is.
    Location(&'h Holding),
    /// One view: its word, the element cut, and whether it is whole.
    Record { holding: &'h Holding, view: View, xml: String, complete: bool },
}

/// Where the record stands in the text until it is put in: no text of ours has it.
const PLACE: &str = "\u{e000}record\u{e000}";

impl Answer<'_> {
    /// The outcome's code.
    pub(super) fn code<'a>(&'a self, profile: &'a WireProfile) -> &'a str {
        match self {
            Self::Outcome(code) => code,
            Self::Record { complete: false, .. } => &profile.outcomes.partial,
            Self::Location(_) | Self::Record { .. } => &profile.outcomes.success,
        }
    }

    /// The practice whose word it is: where the answer carries a practice or a record.
    fn practice(&self) -> Option<&str> {
        match self {
            Self::Outcome(_) => None,
            Self::Location(holding) => placed(holding),
            Self::Record { holding, .. } => holding.practice.as_deref(),
        }
    }

    /// The whole answer.
    pub(super) fn write(&self, accepted: &Accepted, now: OffsetDateTime, profile: &WireProfile) -> String {
        let request = &accepted.request;
        let names = &profile.payload;
        let root = if request.wanted.is_some() { &names.view_response } else { &names.locate_response };
        let source = self.practice().unwrap_or(&profile.addressing.mig_ods);
        let payload_id = format!("uuid_{}", uuid());
        let identity = format!("{}{source}", profile.addressing.identity_prefix);
        let parts = Parts {
            tracking_id: &uuid(),
            payload_id: &payload_id,
            service: &profile.response_action(),
            address: &profile.address(&request.source),
            identities: &[(None, identity.as_str())],
            sender: &profile.address(source),
            root,
        };
        let mut out = Canonical::default();
        out.open(("soap", SOAP, "Envelope"), None, &[]);
        out.open(("soap", SOAP, "Header"), None, &[]);
        out.leaf(("wsa", WSA, "MessageID"), &[], &uuid());
        out.leaf(("wsa", WSA, "Action"), &[], &profile.response_action());
        out.leaf(("wsa", WSA, "RelatesTo"), &[], &accepted.message_id_sent);
        out.close().open(("soap", SOAP, "Body"), None, &[]);
        parts.write(&mut out, profile, |out| self.payload(out, root, accepted, source, now, profile));
        let text = out.finish();
        match self {
            Self::Record { xml, .. } => match text.split_once(PLACE) {
                Some((head, tail)) => [head, xml, tail].concat(),
                None => text,
            },
            Self::Outcome(_) | Self::Location(_) => text,
        }
    }

    fn payload(
        &self,
        out: &mut Canonical,
        root: &str,
        accepted: &Accepted,
        source: &str,
        now: OffsetDateTime,
        profile: &WireProfile,
    ) {
        let ns = profile.payload.namespace.as_str();
        let request = &accepted.request;
        out.open(("dcr", ns, root), None, &[]).open(("dcr", ns, "serviceHeader"), None, &[]);
        out.leaf(("dcr", ns, "responseId"), &[], &uuid());
        out.leaf(("dcr", ns, "requestId"), &[], &request.request_id);
        out.leaf(("dcr", ns, "created"), &[], &rfc3339(now.replace_nanosecond(0).unwrap_or(now)));
        out.leaf(("dcr", ns, "sourceOrganisation"), &[("odsCode", source)], "");
        out.leaf(("dcr", ns, "targetOrganisation"), &[("odsCode", &request.source)], "").close();
        out.open(("dcr", ns, "serviceContent"), None, &[]);
        let code = self.code(profile);
        let outcome = [("code", code), ("display", display(code, profile))];
        out.leaf(("dcr", ns, "outcome"), &outcome, "");
        match self {
            Self::Outcome(_) => {}
            Self::Location(holding) => location(out, ns, holding),
            Self::Record { view, complete, .. } => {
                let at = to_london(now).replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
                let whole = if *complete { "true" } else { "false" };
                let attributes = [("view", profile.view_word(*view)), ("recordedAsAt", &at), ("complete", whole)];
                out.leaf(("dcr", ns, "record"), &attributes, PLACE);
            }
        }
        out.close().close();
    }
}

/// The practice, where the patient is registered.
fn placed(holding: &Holding) -> Option<&str> {
    holding.practice.as_deref().filter(|_| holding.registration == "registered")
}

fn location(out: &mut Canonical, ns: &str, holding: &Holding) {
    out.open(("dcr", ns, "location"), None, &[]);
    if let Some(practice) = placed(holding) {
        let mut attributes = vec![("odsCode", practice)];
        attributes.extend(holding.practice_name.as_deref().map(|name| ("name", name)));
        out.leaf(("dcr", ns, "practice"), &attributes, "");
    }
    if holding.registration == "registered" {
        let mut attributes = vec![("supplier", holding.supplier.as_str())];
        attributes.extend(holding.supplier_version.as_deref().map(|version| ("version", version)));
        out.leaf(("dcr", ns, "system"), &attributes, "");
    }
    let registration = if holding.practice.is_some() { holding.registration.as_str() } else { "unknown" };
    out.leaf(("dcr", ns, "registration"), &[("status", registration)], "");
    out.leaf(("dcr", ns, "trace"), &[("status", if holding.traced { "traced" } else { "untraced" })], "");
    out.leaf(("dcr", ns, "sharing"), &[("optedOut", if holding.opted_out { "true" } else { "false" })], "").close();
}

fn display(code: &str, profile: &WireProfile) -> &'static str {
    let codes = &profile.outcomes;
    [
        (&codes.success, "Success"),
        (&codes.invalid, "Request content invalid"),
        (&codes.unknown_patient, "Patient unknown"),
        (&codes.consent_refused, "Consent refused or not given"),
        (&codes.opted_out, "Patient opted out at the practice"),
        (&codes.outside_agreement, "View or practice outside the agreement"),
        (&codes.not_authorised, "Organisation, user or role not authorised"),
        (&codes.ambiguous, "More than one match, or birth date differs"),
        (&codes.busy, "Provider busy"),
        (&codes.partial, "Part of the record"),
    ]
    .into_iter()
    .find(|(known, _)| code == *known)
    .map_or("Provider failure", |(_, text)| text)
}
