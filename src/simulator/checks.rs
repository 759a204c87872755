//! The order of checks (WIRE section 3): the first failure answers.

use super::fault::Fault;
use super::replay::Replay;
use super::request::{Request, agree, envelope, payload};
use crate::gateway::WireProfile;
use crate::gateway::security::{Current, TimeRules, Verifier, window};
use crate::gateway::xml::{Message, Node, SOAP, WSA, WSSE, WSU, XmlError};
use std::collections::BTreeMap;
use time::OffsetDateTime;

const NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";
const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";

/// What the checks rest on.
pub(super) struct Rules {
    pub profile: WireProfile,
    pub verifier: Current<Verifier>,
    /// Common name to the ODS codes it may speak for.
    pub speakers: BTreeMap<String, Vec<String>>,
    /// Our own URLs.
    pub own_urls: Vec<String>,
    pub replay: Replay,
}

/// How a message arrived.
pub(super) struct Arrival<'a> {
    pub body: &'a [u8],
    /// Whether the body went over the limit, and was not read on.
    pub oversized: bool,
    pub soap_action: Option<&'a [u8]>,
    /// The common name of the TLS certificate.
    pub tls_name: Option<&'a str>,
    pub now: OffsetDateTime,
}

/// A message that passed every check of form.
pub(super) struct Accepted {
    pub message_id: String,
    /// As sent, for `RelatesTo`.
    pub message_id_sent: String,
    pub address: String,
    /// The ODS codes that the sender may speak for.
    pub speaks_for: Vec<String>,
    pub request: Request,
}

/// A fault, and the id it relates to.
pub(super) type Rejected = (Fault, Option<String>);

impl Rules {
    /// Runs every check up to the rules about the patient.
    pub(super) fn check(&self, arrival: &Arrival<'_>) -> Result<Accepted, Rejected> {
        if arrival.oversized || arrival.body.len() > self.profile.limits.request_bytes {
            return Err((Fault::Invalid("over the size limit"), None));
        }
        let message = Message::parse(arrival.body).map_err(|error| match error {
            XmlError::Malformed => (Fault::Invalid("not well-formed XML"), None),
            XmlError::Forbidden => (Fault::Invalid("a DTD, processing instruction or entity"), None),
        })?;
        let root = &message.root;
        if !root.is(SOAP, "Envelope") {
            let fault = if root.name == "Envelope" { Fault::Version } else { Fault::Invalid("not a SOAP envelope") };
            return Err((fault, None));
        }
        let related = related(root);
        self.judge(&message, arrival).map_err(|fault| (fault, related))
    }

    fn judge(&self, message: &Message<'_>, arrival: &Arrival<'_>) -> Result<Accepted, Fault> {
        let root = &message.root;
        let header = root.only(SOAP, "Header").ok_or(Fault::Denied("not exactly one Header"))?;
        let body = root.only(SOAP, "Body").ok_or(Fault::Denied("not exactly one Body"))?;
        let security = header.only(WSSE, "Security").ok_or(Fault::Denied("not exactly one Security"))?;
        understood(header)?;

        let timestamp = security.only(WSU, "Timestamp").ok_or(Fault::Denied("not exactly one Timestamp"))?;
        let rules = TimeRules::from(&self.profile.security);
        let (created, expires) = window(timestamp, arrival.now, rules).map_err(|why| Fault::Denied(why.0))?;
        let user = security
            .only(WSSE, "UsernameToken")
            .and_then(|token| token.only(WSSE, "Username"))
            .filter(|name| name.children.is_empty())
            .map(|name| name.text.clone())
            .filter(|name| !name.trim().is_empty())
            .ok_or(Fault::Denied("not exactly one Username"))?;
        let trust = self.verifier.held();
        let verified = trust.verify(message, security, arrival.now).map_err(|why| Fault::Denied(why.0))?;
        let names = &self.profile.security;
        if names.username_is_common_name && user != verified.common_name {
            return Err(Fault::Denied("Username is not the certificate's common name"));
        }
        if names.same_common_name && arrival.tls_name != Some(verified.common_name.as_str()) {
            return Err(Fault::Denied("TLS and signing certificate have different names"));
        }
        let speaks_for = self.speakers.get(&verified.common_name).ok_or(Fault::Denied("common name not listed"))?;

        for name in header.children.iter().filter(|child| child.ns == WSA).map(|child| child.name.as_str()) {
            if header.only(WSA, name).is_none() {
                return Err(Fault::Denied("an addressing header given twice"));
            }
        }
        if !verified.covers_required(header, timestamp, body, trust.required()) {
            return Err(Fault::Denied("a required part is not signed"));
        }
        let sent = header.child(WSA, "MessageID").and_then(leaf);
        let bare = sent.as_deref().and_then(bare_uuid);
        let until = expires + time::Duration::seconds(names.skew_seconds);
        if names.replay
            && let Some(id) = &bare
            && !self.replay.record(&verified.certificate, id, until, arrival.now)
        {
            return Err(Fault::Denied("seen before"));
        }

        let from = self.addressing(header, arrival)?;
        let message_id_sent = sent.ok_or(Fault::Invalid("no MessageID"))?;
        let message_id = bare.ok_or(Fault::Invalid("MessageID is no UUID"))?;
        let found = envelope(body, &self.profile)?;
        let stamp = timestamp.attribute_ns(WSU, "Id").unwrap_or_default();
        let ids = [message_id_sent.as_str(), &found.tracking_id, &found.payload_id, stamp];
        all_differ(&ids)?;
        let request = payload(found.payload, &self.profile)?;
        if ids.contains(&request.request_id.as_str()) {
            return Err(Fault::Invalid("ids are not all different"));
        }
        if request.created != created {
            return Err(Fault::Invalid("created is not the Timestamp's"));
        }
        agree(&request, &found, from.as_deref(), &self.profile)?;
        let accepted =
            Accepted { message_id, message_id_sent, address: found.address, speaks_for: speaks_for.clone(), request };
        Ok(accepted)
    }

    /// Action, `SOAPAction`, To, From and `ReplyTo`; gives the address in From.
    fn addressing(&self, header: &Node, arrival: &Arrival<'_>) -> Result<Option<String>, Fault> {
        let text = |name: &str| header.child(WSA, name).and_then(leaf);
        if header.child(WSA, "MessageID").is_none() {
            return Err(Fault::Invalid("no MessageID"));
        }
        let action = text("Action").ok_or(Fault::Invalid("no Action"))?;
        if action != self.profile.addressing.service {
            return Err(Fault::Invalid("unknown Action"));
        }
        let soap_action = arrival.soap_action.and_then(|value| std::str::from_utf8(value).ok()).map(str::trim);
        let soap_action =
            soap_action.map(|value| value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value));
        if soap_action != Some(action.as_str()) {
            return Err(Fault::Invalid("SOAPAction is not the Action"));
        }
        // Compared byte for byte: no white space is taken off.
        let to = header.child(WSA, "To").ok_or(Fault::Invalid("no To"))?;
        if !to.children.is_empty() || !self.own_urls.contains(&to.text) {
            return Err(Fault::Invalid("To is not this endpoint"));
        }
        if let Some(reply) = header.child(WSA, "ReplyTo")
            && reply.only(WSA, "Address").is_none_or(|address| address.token() != ANONYMOUS)
        {
            return Err(Fault::Invalid("ReplyTo is not anonymous"));
        }
        match header.child(WSA, "From") {
            Some(from) => {
                let address = from.only(WSA, "Address").and_then(leaf);
                Ok(Some(address.ok_or(Fault::Invalid("From without one Address"))?))
            }
            None => Ok(None),
        }
    }
}

/// The single `MessageID` of a message, verified or not.
fn related(root: &Node) -> Option<String> {
    let mut found = root.all(SOAP, "Header").flat_map(|header| header.all(WSA, "MessageID"));
    match (found.next(), found.next()) {
        (Some(id), None) => leaf(id),
        _ => None,
    }
}

/// The text of an element that holds nothing else; absent when blank.
fn leaf(node: &Node) -> Option<String> {
    Some(node.token()).filter(|text| node.children.is_empty() && !text.is_empty())
}

fn all_differ(ids: &[&str]) -> Result<(), Fault> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let differ = sorted.windows(2).all(|pair| pair.first() != pair.last());
    if differ { Ok(()) } else { Err(Fault::Invalid("ids are not all different")) }
}

/// Headers that have to be understood, by us or by whoever comes next, are.
fn understood(header: &Node) -> Result<(), Fault> {
    let strange = header.children.iter().any(|child| {
        let demanded = child.attribute_ns(SOAP, "mustUnderstand").map(str::trim);
        let for_us = matches!(child.attribute_ns(SOAP, "actor").map(str::trim), None | Some("" | NEXT));
        let known = child.is(WSSE, "Security")
            || (child.ns == WSA
                && matches!(
                    child.name.as_str(),
                    "MessageID" | "Action" | "To" | "From" | "ReplyTo" | "FaultTo" | "RelatesTo"
                ));
        matches!(demanded, Some("1" | "true")) && for_us && !known
    });
    if strange { Err(Fault::MustUnderstand) } else { Ok(()) }
}

/// A UUID in any of the tolerated forms, as bare upper case.
fn bare_uuid(text: &str) -> Option<String> {
    let bare = text.strip_prefix("urn:uuid:").or_else(|| text.strip_prefix("uuid_")).unwrap_or(text);
    super::schema::uuid(bare.to_ascii_uppercase()).ok()
}
