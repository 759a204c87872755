//! Signs an answer: Timestamp, Body and every addressing header (WIRE section 3, `require_signed_response`).
//!
//! An answer holds a record that somebody else wrote, so its canonical form is made, not assumed.

use crate::clock::rfc3339;
use crate::gateway::WireProfile;
use crate::gateway::security::{Fragment, Signer, canonical};
use crate::gateway::uuid;
use crate::gateway::xml::{Message, SOAP, WSA, WSU};
use std::fmt::Write as _;
use time::OffsetDateTime;

/// The answer with a Security header; nothing where it cannot be signed.
pub(super) fn seal(answer: &str, signer: &Signer, now: OffsetDateTime, profile: &WireProfile) -> Option<String> {
    let (header, rest) = answer.split_once("</soap:Header>")?;
    let mut text = String::with_capacity(answer.len() + 8192);
    let opening = format!(" xmlns:wsa=\"{WSA}\">");
    for (at, piece) in header.split(&opening).enumerate() {
        if at > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, " xmlns:wsa=\"{WSA}\" xmlns:wsu=\"{WSU}\" wsu:Id=\"id-header-{at}\">");
        }
        text.push_str(piece);
    }
    let place = text.len();
    text.push_str("</soap:Header>");
    text.push_str(&rest.replacen("<soap:Body>", &format!("<soap:Body xmlns:wsu=\"{WSU}\" wsu:Id=\"id-body\">"), 1));

    let created = now.replace_nanosecond(0).unwrap_or(now);
    let expires = created + time::Duration::seconds(profile.security.window_seconds);
    let stamp = format!("TS-{}", uuid());
    let mut parts = vec![(stamp.clone(), Signer::timestamp(&stamp, &rfc3339(created), &rfc3339(expires)))];
    {
        let message = Message::parse(text.as_bytes()).ok()?;
        let header = message.root.only(SOAP, "Header")?;
        let body = message.root.only(SOAP, "Body")?;
        for node in header.children.iter().chain([body]) {
            let id = node.attribute_ns(WSU, "Id")?.to_owned();
            parts.push((id, String::from_utf8(canonical(&message, node).ok()?).ok()?));
        }
    }
    let fragments: Vec<_> = parts.iter().map(|(id, xml)| Fragment { id, xml }).collect();
    let (_, timestamp) = parts.first()?;
    let security = signer.security_of_answer(timestamp, "id-token", &fragments)?;
    text.insert_str(place, &security);
    Some(text)
}
