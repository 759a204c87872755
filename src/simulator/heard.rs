//! What arrived at the simulated MIG, before anything was made of it: the ids of every message, and how many connections
//! and handshakes it took. Kept only where the control endpoint is on; never a patient.

use super::line::Counts;
use crate::gateway::WireProfile;
use crate::gateway::xml::{ITK, Message, Node, SOAP, WSA, WSSE, WSU};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

/// Everything since the start.
#[derive(Debug, Clone, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// TCP connections.
    pub connections: u64,
    /// TLS handshakes that were completed.
    pub handshakes: u64,
    /// Messages, in the order of arrival.
    pub messages: Vec<Arrived>,
}

/// One message, as its sender wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrived {
    /// `wsa:MessageID`.
    pub message_id: String,
    /// `header/@trackingid`.
    pub tracking_id: String,
    /// `payload/@id`.
    pub payload_id: String,
    /// `Timestamp/@wsu:Id`.
    pub timestamp_id: String,
    /// `Timestamp/Created`.
    pub created: String,
    /// `serviceHeader/created`.
    pub payload_created: String,
    /// `requestId`.
    pub request_id: String,
    /// `user/@id`.
    pub user: String,
    /// The view's word.
    pub view: Option<String>,
}

/// Messages kept; the oldest half goes beyond it.
const KEPT: usize = 100_000;

/// Keeps what arrives.
#[derive(Default)]
pub(super) struct Hearing {
    messages: Mutex<Vec<Arrived>>,
}

impl Hearing {
    pub(super) fn note(&self, body: &[u8], profile: &WireProfile) {
        let Ok(message) = Message::parse(body) else { return };
        let arrived = arrived(&message.root, profile.payload.namespace.as_str());
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() >= KEPT {
            messages.drain(..KEPT / 2);
        }
        messages.push(arrived);
    }

    pub(super) fn all(&self, counts: &Counts) -> Heard {
        Heard {
            connections: counts.connections.load(Ordering::Relaxed),
            handshakes: counts.handshakes.load(Ordering::Relaxed),
            messages: self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

fn arrived(root: &Node, ns: &str) -> Arrived {
    let down = |path: &[(&str, &str)]| path.iter().try_fold(root, |node: &Node, (ns, name)| node.child(ns, name));
    let text = |path: &[(&str, &str)]| down(path).map(Node::token).unwrap_or_default();
    let stamp = [(SOAP, "Header"), (WSSE, "Security"), (WSU, "Timestamp")];
    let stamp = down(&stamp);
    let envelope = [(SOAP, "Body"), (ITK, "DistributionEnvelope")];
    let envelope = down(&envelope);
    let attribute =
        |node: Option<&Node>, name| node.and_then(|node| node.attribute(name)).unwrap_or_default().to_owned();
    let wrapper = envelope.and_then(|envelope| envelope.child(ITK, "payloads")?.child(ITK, "payload"));
    let payload = wrapper.and_then(|wrapper| wrapper.children.first());
    let about = payload.and_then(|payload| payload.child(ns, "serviceHeader"));
    let said = |name| about.and_then(|about| about.child(ns, name)).map(Node::token).unwrap_or_default();
    Arrived {
        message_id: text(&[(SOAP, "Header"), (WSA, "MessageID")]),
        tracking_id: attribute(envelope.and_then(|envelope| envelope.child(ITK, "header")), "trackingid"),
        payload_id: attribute(wrapper, "id"),
        timestamp_id: stamp.and_then(|stamp| stamp.attribute_ns(WSU, "Id")).unwrap_or_default().to_owned(),
        created: stamp.and_then(|stamp| stamp.child(WSU, "Created")).map(Node::token).unwrap_or_default(),
        payload_created: said("created"),
        request_id: said("requestId"),
        user: attribute(about.and_then(|about| about.child(ns, "user")), "id"),
        view: payload.and_then(|payload| Some(payload.child(ns, "serviceContent")?.child(ns, "view")?.token())),
    }
}
