//! Writes a request: payload, distribution envelope, SOAP with WS-Addressing, signed (WIRE sections 2 to 5).
//!
//! Takes plain values and decides nothing; what may be asked was decided where the values come from. What changes with
//! every attempt is in [`Stamp`]; `requestId` belongs to the question and stays.

use super::profile::{SignedPart, WireProfile};
use super::security::{Fragment, Signer};
use super::xml::{Canonical, ITK, SOAP, WSA, collapse};
use crate::clock::rfc3339;
use crate::kinds::View;
use time::{Date, OffsetDateTime};

/// Who asks.
pub(super) struct Asker {
    pub user: String,
    pub name: String,
    pub role: String,
    pub role_profile: Option<String>,
    pub sds_user: Option<String>,
    pub organisation: String,
}

/// On what consent.
pub(super) struct Consent {
    /// Opaque id of the occasion's Consent.
    pub reference: String,
    pub recorded: OffsetDateTime,
    /// Category and reason of an override; none means that the patient consented.
    pub override_reason: Option<(String, String)>,
}

/// What is asked.
pub(super) enum Question {
    Where,
    View { view: View, practice: String, consent: Consent },
}

/// One question, whatever number of attempts it takes.
pub(super) struct Ask {
    pub request_id: String,
    pub nhs_number: String,
    pub birth_date: Option<Date>,
    pub asker: Asker,
    pub question: Question,
}

/// What is new with every attempt.
pub(super) struct Stamp {
    pub message_id: String,
    pub tracking_id: String,
    pub payload_id: String,
    pub timestamp_id: String,
    /// Whole seconds.
    pub created: OffsetDateTime,
}

/// An upper-case UUID.
pub(crate) fn uuid() -> String {
    format!("{:X}", uuid::Uuid::new_v4().hyphenated())
}

impl Stamp {
    pub(super) fn new(now: OffsetDateTime) -> Self {
        Self {
            message_id: uuid(),
            tracking_id: uuid(),
            payload_id: format!("uuid_{}", uuid()),
            timestamp_id: format!("TS-{}", uuid()),
            created: now.replace_nanosecond(0).unwrap_or(now),
        }
    }
}

impl Ask {
    /// Whose record, where: the practice that it goes to.
    pub(super) fn practice(&self) -> Option<&str> {
        match &self.question {
            Question::Where => None,
            Question::View { practice, .. } => Some(practice),
        }
    }

    /// The whole request; nothing where signing failed.
    pub(super) fn write(&self, stamp: &Stamp, to: &str, profile: &WireProfile, signer: &Signer) -> Option<String> {
        let service = &profile.addressing.service;
        let from = profile.address(&self.asker.organisation);
        let headers = [
            ("MessageID", "id-message", stamp.message_id.as_str(), false),
            ("Action", "id-action", service.as_str(), false),
            ("To", "id-to", to, false),
            ("From", "id-from", from.as_str(), true),
        ]
        .map(|(name, id, text, nested)| {
            let mut out = Canonical::default();
            out.open(("wsa", WSA, name), Some(id), &[]);
            if nested {
                out.open(("wsa", WSA, "Address"), None, &[]);
            }
            out.text(text);
            (name, id, out.finish())
        });
        let mut body = Canonical::default();
        body.open(("soap", SOAP, "Body"), Some("id-body"), &[]);
        self.distribution(&mut body, stamp, profile);
        let body = body.finish();
        let created = rfc3339(stamp.created);
        let expires = rfc3339(stamp.created + time::Duration::seconds(profile.security.window_seconds));
        let timestamp = Signer::timestamp(&stamp.timestamp_id, &created, &expires);

        let signs = |part: SignedPart| profile.security.signed_parts_sent.contains(&part);
        let mut fragments = Vec::new();
        if signs(SignedPart::Timestamp) {
            fragments.push(Fragment { id: &stamp.timestamp_id, xml: &timestamp });
        }
        if signs(SignedPart::Body) {
            fragments.push(Fragment { id: "id-body", xml: &body });
        }
        for (name, id, xml) in &headers {
            if profile.security.signed_parts_sent.iter().any(|part| part.names_header(name)) {
                fragments.push(Fragment { id, xml });
            }
        }
        let security = signer.security(&timestamp, "id-token", &fragments)?;
        let mut out = String::with_capacity(body.len() + security.len() + 2048);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"");
        out.push_str(SOAP);
        out.push_str("\"><soap:Header>");
        for (_, _, xml) in &headers {
            out.push_str(xml);
        }
        out.push_str(&security);
        out.push_str("</soap:Header>");
        out.push_str(&body);
        out.push_str("</soap:Envelope>");
        Some(out)
    }

    fn root<'p>(&self, profile: &'p WireProfile) -> &'p str {
        match self.question {
            Question::Where => &profile.payload.locate_request,
            Question::View { .. } => &profile.payload.view_request,
        }
    }

    fn distribution(&self, out: &mut Canonical, stamp: &Stamp, profile: &WireProfile) {
        let address = profile.address(self.practice().unwrap_or(&profile.addressing.mig_ods));
        let asker = &self.asker;
        let identity = profile.user_identity(&asker.organisation, &asker.user);
        let mut identities = vec![(None, identity.as_str())];
        for (kind, value) in [
            (&profile.identity.user, asker.sds_user.as_deref()),
            (&profile.identity.role_profile, asker.role_profile.as_deref()),
            (&profile.identity.role, Some(asker.role.as_str())),
        ] {
            if let Some(value) = value {
                identities.push((Some(kind.as_str()), value));
            }
        }
        let parts = Parts {
            tracking_id: &stamp.tracking_id,
            payload_id: &stamp.payload_id,
            service: &profile.addressing.service,
            address: &address,
            identities: &identities,
            sender: &profile.address(&asker.organisation),
            root: self.root(profile),
        };
        parts.write(out, profile, |out| self.payload(out, stamp, profile));
    }

    fn payload(&self, out: &mut Canonical, stamp: &Stamp, profile: &WireProfile) {
        let ns = profile.payload.namespace.as_str();
        let asker = &self.asker;
        out.open(("dcr", ns, self.root(profile)), None, &[]);
        out.open(("dcr", ns, "serviceHeader"), None, &[]);
        out.leaf(("dcr", ns, "requestId"), &[], &self.request_id);
        out.leaf(("dcr", ns, "created"), &[], &rfc3339(stamp.created));
        out.leaf(("dcr", ns, "sourceOrganisation"), &[("odsCode", &asker.organisation)], "");
        if let Some(practice) = self.practice() {
            out.leaf(("dcr", ns, "targetOrganisation"), &[("odsCode", practice)], "");
        }
        let mut user = vec![("id", asker.user.as_str()), ("name", &asker.name), ("roleCode", &asker.role)];
        user.extend(asker.sds_user.as_deref().map(|id| ("sdsUserId", id)));
        user.extend(asker.role_profile.as_deref().map(|id| ("sdsRoleProfileId", id)));
        out.leaf(("dcr", ns, "user"), &user, "").close();
        out.open(("dcr", ns, "serviceContent"), None, &[]);
        out.leaf(("dcr", ns, "nhsNumber"), &[], &self.nhs_number);
        if let Some(date) = self.birth_date {
            out.leaf(("dcr", ns, "dateOfBirth"), &[], &date.to_string());
        }
        if let Question::View { view, consent, .. } = &self.question {
            out.leaf(("dcr", ns, "view"), &[], profile.view_word(*view));
            let status = if consent.override_reason.is_some() { "Not Specified" } else { "Explicit Consent" };
            let recorded = rfc3339(consent.recorded);
            let attributes = [("status", status), ("reference", &consent.reference), ("recordedAt", &recorded)];
            out.open(("dcr", ns, "consent"), None, &attributes);
            if let Some((category, reason)) = &consent.override_reason {
                let reason: String = collapse(reason).chars().take(128).collect();
                out.leaf(("dcr", ns, "overrideReason"), &[("category", category)], &reason);
            }
            out.close();
        }
        out.close().close();
    }
}

/// A distribution envelope around one payload.
pub(crate) struct Parts<'a> {
    pub tracking_id: &'a str,
    pub payload_id: &'a str,
    pub service: &'a str,
    pub address: &'a str,
    /// Type (none for the default) and URI.
    pub identities: &'a [(Option<&'a str>, &'a str)],
    pub sender: &'a str,
    pub root: &'a str,
}

impl Parts<'_> {
    /// Writes the envelope; the payload writes itself.
    pub(crate) fn write(&self, out: &mut Canonical, profile: &WireProfile, payload: impl FnOnce(&mut Canonical)) {
        let itk = |name: &'static str| ("itk", ITK, name);
        out.open(itk("DistributionEnvelope"), None, &[]);
        out.open(itk("header"), None, &[("service", self.service), ("trackingid", self.tracking_id)]);
        out.open(itk("addresslist"), None, &[]).leaf(itk("address"), &[("uri", self.address)], "").close();
        out.open(itk("auditIdentity"), None, &[]);
        for (kind, uri) in self.identities {
            match kind {
                Some(kind) => out.leaf(itk("id"), &[("type", kind), ("uri", uri)], ""),
                None => out.leaf(itk("id"), &[("uri", uri)], ""),
            };
        }
        out.close();
        out.open(itk("manifest"), None, &[("count", "1")]);
        let profile_id = profile.profile_id(self.root);
        let item = [("id", self.payload_id), ("mimetype", "text/xml"), ("profileid", profile_id.as_str())];
        out.leaf(itk("manifestitem"), &item, "").close();
        out.leaf(itk("senderAddress"), &[("uri", self.sender)], "");
        out.open(itk("handlingSpecification"), None, &[]);
        let interaction = profile.interaction(self.root);
        let spec = [("key", profile.payload.interaction_key.as_str()), ("value", &interaction)];
        out.leaf(itk("spec"), &spec, "").close().close();
        out.open(itk("payloads"), None, &[("count", "1")]);
        out.open(itk("payload"), None, &[("id", self.payload_id)]);
        payload(out);
        out.close().close().close();
    }
}

/// The root name of a payload and the payload, found in a body.
pub(super) fn payload(body: &super::xml::Node) -> Option<&super::xml::Node> {
    let payload = body.only(ITK, "DistributionEnvelope")?.only(ITK, "payloads")?.only(ITK, "payload")?;
    match payload.children.as_slice() {
        [root] => Some(root),
        _ => None,
    }
}
