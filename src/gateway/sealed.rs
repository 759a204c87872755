//! Opens a signed answer (WIRE section 3, `require_signed_response`): what was verified is what is read.
//!
//! The answer is parsed once. The tree that comes out, and the record in it, are of the document that the signature
//! covered: another reader of the same bytes might see something else in them.

use super::GatewayError;
use super::answer::Opened;
use super::profile::SignedPart;
use super::security::{TimeRules, Verifier, canonical, window};
use super::xml::{Message, Node, SOAP, WSA, WSSE, WSU};
use bytes::Bytes;
use time::OffsetDateTime;

/// Timestamp, Body and every `wsa` header are signed by a trusted leaf; nothing else is read.
pub(super) fn open(
    verifier: &Verifier,
    bytes: &[u8],
    now: OffsetDateTime,
    rules: TimeRules,
    record: (&str, &str),
) -> Result<Opened, GatewayError> {
    let broken = GatewayError::Broken;
    let mut message = Message::parse(bytes).map_err(|_| broken("answer unreadable"))?;
    verified(verifier, &message, now, rules)?;
    let mut records = Vec::new();
    collect(&message, &message.root, record, &mut records)?;
    let mut root = std::mem::take(&mut message.root);
    empty(&mut root, record);
    Ok(Opened { root, records })
}

fn verified(
    verifier: &Verifier,
    message: &Message<'_>,
    now: OffsetDateTime,
    rules: TimeRules,
) -> Result<(), GatewayError> {
    let broken = GatewayError::Broken;
    let root = &message.root;
    let header = root.only(SOAP, "Header").ok_or(broken("signed answer without Header"))?;
    let body = root.only(SOAP, "Body").ok_or(broken("signed answer without Body"))?;
    let security = header.only(WSSE, "Security").ok_or(broken("answer not signed"))?;
    let timestamp = security.only(WSU, "Timestamp").ok_or(broken("signed answer without Timestamp"))?;
    window(timestamp, now, rules).map_err(|_| broken("signed answer out of its time"))?;
    let held = verifier.verify(message, security, now).map_err(|_| broken("the answer's signature"))?;
    let wanted = [SignedPart::Timestamp, SignedPart::Body, SignedPart::Addressing];
    let all =
        header.children.iter().any(|child| child.ns == WSA) && held.covers_required(header, timestamp, body, &wanted);
    if all { Ok(()) } else { Err(broken("part of the answer is not signed")) }
}

/// Records in the order of the document, each as its canonical form: what the signature's digest was made of.
fn collect(message: &Message<'_>, node: &Node, record: (&str, &str), out: &mut Vec<Bytes>) -> Result<(), GatewayError> {
    if node.is(record.0, record.1) {
        let bytes = canonical(message, node).map_err(|_| GatewayError::Broken("answer unreadable"))?;
        out.push(bytes.into());
        return Ok(());
    }
    node.children.iter().try_for_each(|child| collect(message, child, record, out))
}

fn empty(node: &mut Node, record: (&str, &str)) {
    if node.is(record.0, record.1) {
        node.children.clear();
        node.text.clear();
        return;
    }
    for child in &mut node.children {
        empty(child, record);
    }
}
