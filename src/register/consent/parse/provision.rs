//! The provision of a Consent, and the reason of an override: what is decided, to whom and for how long.

use super::{AHEAD, Reading, own_reference};
use crate::register::agreements::OVERRIDE_REASONS;
use crate::register::consent::{ACT_REASON, Asked, OVERRIDE_EXTENSION, OVERRIDE_SYSTEM, RECIPIENT};
use crate::register::days::span;
use crate::register::shape::{Found, Node};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The longest reason of an override, in characters (WIRE section 5).
const LONGEST_REASON: usize = 128;

/// What a provision says.
#[derive(Default)]
pub(super) struct Provided {
    pub asked: Option<Asked>,
    pub ends: Option<OffsetDateTime>,
    /// Whether the purpose is break-glass, where it is one of the two.
    pub overrides: Option<bool>,
}

pub(super) fn read(
    found: &mut Found,
    consent: &Node<'_>,
    reading: &Reading<'_>,
    body: &mut Map<String, Value>,
) -> Provided {
    let reason = extension(found, consent, body);
    let Some(node) = consent.needed_object(found, "provision") else { return Provided::default() };
    let forbidden = ["action", "securityLabel", "class", "code", "dataPeriod", "data", "provision"];
    node.only(found, &["type", "period", "purpose", "actor"], &forbidden);
    let ends = period(found, &node, reading);
    let permit = node.needed_text(found, "type").and_then(|word| match word {
        "permit" => Some(true),
        "deny" => Some(false),
        _ => {
            found.rule(node.path("type"));
            None
        }
    });
    let purpose_node = node.one(found, "purpose");
    let purpose = purpose_node.as_ref().and_then(|purpose| purpose.coding(found));
    let overrides = match purpose {
        Some((ACT_REASON, "TREAT")) => Some(false),
        Some((ACT_REASON, "BTG")) => Some(true),
        Some(_) => {
            found.rule(node.path("purpose"));
            None
        }
        None => None,
    };
    let actor = node.one(found, "actor").and_then(|actor| actor_is_caller(found, &actor, reading));
    let asked = match (permit, overrides) {
        (Some(permit), Some(overrides)) => decision(found, &node, permit, overrides, reason),
        _ => None,
    };
    body.insert(
        "provision".into(),
        json!({
            "type": if permit == Some(true) { "permit" } else { "deny" },
            "actor": [{ "role": { "coding": [{ "system": RECIPIENT.0, "code": RECIPIENT.1 }] }, "reference": actor }],
            "purpose": [{ "system": ACT_REASON, "code": purpose.map(|(_, code)| code) }],
        }),
    );
    Provided { asked, ends, overrides }
}

#[allow(clippy::option_option, reason = "absent and wrong are told differently")]
fn decision(
    found: &mut Found,
    provision: &Node<'_>,
    permit: bool,
    overrides: bool,
    reason: Option<Option<Asked>>,
) -> Option<Asked> {
    match (permit, overrides, reason) {
        (true, false, None) => return Some(Asked::Permit),
        (false, false, None) => return Some(Asked::Deny),
        (true, true, Some(reason)) => return reason,
        (false, true, _) => found.rule(provision.path("type")),
        (true, true, None) => found.required("Consent.extension"),
        (_, false, Some(_)) => found.rule("Consent.extension"),
    }
    None
}

/// The end, where one is named. Beginning later than now, or ending before it, would be another occasion than this one.
fn period(found: &mut Found, provision: &Node<'_>, reading: &Reading<'_>) -> Option<OffsetDateTime> {
    let period = provision.object(found, "period")?;
    period.only(found, &["start", "end"], &[]);
    let mut spans = ["start", "end"].map(|name| {
        let text = period.text(found, name)?;
        let at = span(text);
        if at.is_none() {
            found.malformed(period.path(name));
        }
        at
    });
    let (end, start) = (spans[1].take(), spans[0].take());
    if let Reading::Creation { now, .. } = reading {
        if start.is_some_and(|start| start.from > *now + AHEAD) {
            found.rule(period.path("start"));
        }
        let backwards = matches!((&start, &end), (Some(start), Some(end)) if end.to <= start.from);
        if backwards || end.as_ref().is_some_and(|end| end.to <= *now) {
            found.rule(period.path("end"));
        }
    }
    end.map(|end| end.to)
}

fn actor_is_caller(found: &mut Found, actor: &Node<'_>, reading: &Reading<'_>) -> Option<Value> {
    actor.only(found, &["role", "reference"], &[]);
    if let Some(role) = actor.needed_object(found, "role")
        && role.codings(found) != [RECIPIENT]
    {
        found.rule(actor.path("role"));
    }
    let reference = actor.needed_object(found, "reference")?;
    own_reference(found, &reference, reading)
}

/// The reason of an override. `Some(None)`: there is one, and it is wrong.
#[allow(clippy::option_option, reason = "absent and wrong are told differently")]
fn extension(found: &mut Found, consent: &Node<'_>, body: &mut Map<String, Value>) -> Option<Option<Asked>> {
    if !consent.has("extension") {
        return None;
    }
    let Some(node) = consent.one(found, "extension") else { return Some(None) };
    node.only(found, &["url", "valueCodeableConcept"], &[]);
    if node.needed_text(found, "url").is_some_and(|url| url != OVERRIDE_EXTENSION) {
        found.rule(node.path("url"));
        return Some(None);
    }
    let Some(concept) = node.needed_object(found, "valueCodeableConcept") else { return Some(None) };
    let category = match concept.codings(found).as_slice() {
        [(OVERRIDE_SYSTEM, code)] if OVERRIDE_REASONS.contains(code) => Some((*code).to_owned()),
        _ => {
            found.rule(concept.path("coding"));
            None
        }
    };
    let reason = concept.needed_text(found, "text").and_then(|text| {
        // Counted as the legacy wire counts it: after white space collapses.
        let collapsed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let sendable = !text.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'));
        if !sendable || !(1..=LONGEST_REASON).contains(&collapsed.chars().count()) {
            found.rule(concept.path("text"));
            return None;
        }
        Some(collapsed)
    });
    let (Some(category), Some(reason)) = (category, reason) else { return Some(None) };
    body.insert(
        "extension".into(),
        json!([{
            "url": OVERRIDE_EXTENSION,
            "valueCodeableConcept": { "coding": [{ "system": OVERRIDE_SYSTEM, "code": category }], "text": reason },
        }]),
    );
    Some(Some(Asked::Override { category, reason }))
}
