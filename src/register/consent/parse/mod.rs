//! A submitted Consent, member by member, to a draft in normal form; or all that is wrong with it.

mod performer;
mod provision;

use super::{ConsentDraft, ConsentStatus, INFORMATION_ACCESS, LOINC, SCOPE, StoredConsent, Withdrawal};
use crate::identity::{Caller, Role, SelectedRole};
use crate::ids::{NhsNumber, Sealer};
use crate::register::days::span;
use crate::register::shape::{Found, Invalid, Node};
use crate::register::{ODS_CODE, SDS_ROLE_PROFILE, SDS_USER, Speaker};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};

const ACCEPTED: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "text",
    "language",
    "contained",
    "extension",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "provision",
];
const FORBIDDEN: &[&str] = &["implicitRules", "modifierExtension", "identifier", "policyRule", "verification"];
/// How far ahead of the server's clock, and how old, `dateTime` may be.
const AHEAD: Duration = Duration::seconds(60);
const OLD: Duration = Duration::minutes(15);
/// The longest wording shown, in base64.
const LONGEST_WORDING: usize = 65_536;

/// What a body is read for.
enum Reading<'a> {
    Creation { now: OffsetDateTime, caller: &'a Caller, role: &'a Role },
    Withdrawal(&'a StoredConsent),
}

/// Whose record a Consent is about, and nothing else: policy is asked before the rest is judged.
///
/// # Errors
/// The body is not a Consent, or its patient is missing, wrong or not one of ours.
pub fn patient_of(body: &Value, sealer: &Sealer) -> Result<NhsNumber, Vec<Invalid>> {
    let mut found = Found::default();
    let patient = Node::root(&mut found, body, "Consent")
        .and_then(|consent| consent.needed_object(&mut found, "patient"))
        .and_then(|reference| reference.patient(&mut found, sealer));
    found.finish(patient, "Consent.patient")
}

/// Reads a Consent to be created by a caller, received `now`.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(
    body: &Value,
    now: OffsetDateTime,
    caller: &Caller,
    sealer: &Sealer,
) -> Result<ConsentDraft, Vec<Invalid>> {
    let mut found = Found::default();
    let draft = match &caller.role {
        SelectedRole::One(role) => Node::root(&mut found, body, "Consent")
            .and_then(|consent| read(&mut found, &consent, &Reading::Creation { now, caller, role }, sealer)),
        SelectedRole::Several | SelectedRole::None => {
            found.rule("Consent.provision.actor");
            None
        }
    };
    found.finish(draft, "Consent")
}

/// Reads an update of a Consent by its author: only the status may change, and only to say that it is withdrawn.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_withdrawal(
    body: &Value,
    stored: &StoredConsent,
    caller: &Caller,
    sealer: &Sealer,
) -> Result<Withdrawal, Vec<Invalid>> {
    let mut found = Found::default();
    if caller.user != stored.user || caller.organisation.as_ref() != Some(&stored.organisation) {
        found.rule("Consent.provision.actor");
    }
    let status = Node::root(&mut found, body, "Consent").and_then(|consent| {
        if consent.text(&mut found, "id") != Some(stored.id.as_str()) {
            found.unusable("Consent.id");
        }
        let status = consent.needed_text(&mut found, "status").map(ConsentStatus::parse);
        let wanted = status.flatten().filter(|status| *status != ConsentStatus::Active);
        // An error cannot be un-erred.
        let reverted = stored.status == ConsentStatus::EnteredInError && wanted == Some(ConsentStatus::Inactive);
        if (status.is_some() && wanted.is_none()) || reverted {
            found.rule("Consent.status");
        }
        let draft = read(&mut found, &consent, &Reading::Withdrawal(stored), sealer)?;
        if draft.patient != stored.patient {
            found.rule("Consent.patient");
        }
        let names: BTreeSet<&String> = draft.body.keys().chain(stored.body.keys()).collect();
        for name in names.into_iter().filter(|name| draft.body.get(*name) != stored.body.get(*name)) {
            found.rule(format!("Consent.{name}"));
        }
        wanted
    });
    let status = found.finish(status, "Consent")?;
    Ok(Withdrawal { stored: stored.clone(), status })
}

fn read(found: &mut Found, consent: &Node<'_>, reading: &Reading<'_>, sealer: &Sealer) -> Option<ConsentDraft> {
    consent.only(found, ACCEPTED, FORBIDDEN);
    consent.ignore_envelope(found);
    let mut body = Map::new();
    fixed_members(found, consent, reading);
    let patient = consent.needed_object(found, "patient").and_then(|node| node.patient(found, sealer));
    when(found, consent, reading, &mut body);
    source(found, consent, &mut body);
    policy(found, consent, &mut body);
    let organisation = match reading {
        Reading::Creation { role, .. } => &role.organisation,
        Reading::Withdrawal(stored) => &stored.organisation,
    };
    if let Some(node) = consent.one(found, "organization") {
        node.own_organisation(found, organisation);
        body.insert(
            "organization".into(),
            json!([{ "identifier": { "system": ODS_CODE, "value": organisation.as_str() } }]),
        );
    }
    let provided = provision::read(found, consent, reading, &mut body);
    performer::read(
        found,
        consent,
        reading,
        &performer::Expected { overrides: provided.overrides, patient },
        sealer,
        &mut body,
    );
    let (user, received) = match reading {
        Reading::Creation { now, caller, .. } => (&caller.user, *now),
        Reading::Withdrawal(stored) => (&stored.user, stored.received),
    };
    let speaker = speaker(provided.overrides == Some(true), &body);
    Some(ConsentDraft {
        patient: patient?,
        user: user.clone(),
        organisation: organisation.clone(),
        asked: provided.asked?,
        speaker,
        received,
        ends: provided.ends,
        body,
    })
}

/// Who decided, once the performer has been read.
fn speaker(overrides: bool, body: &Map<String, Value>) -> Speaker {
    let relationship = body.get("contained").map(|contained| {
        let code = contained.pointer("/0/relationship/0/coding/0/code").and_then(Value::as_str);
        code.unwrap_or_default()
    });
    match relationship {
        _ if overrides => Speaker::Clinician,
        None => Speaker::Patient,
        Some(code) if code.ends_with("POWATT") => Speaker::Attorney,
        Some(_) => Speaker::Parent,
    }
}

fn fixed_members(found: &mut Found, consent: &Node<'_>, reading: &Reading<'_>) {
    let status = consent.needed_text(found, "status");
    if matches!(reading, Reading::Creation { .. }) && status.is_some_and(|status| status != "active") {
        found.rule("Consent.status");
    }
    if let Some(scope) = consent.needed_object(found, "scope")
        && !scope.codings(found).contains(&SCOPE)
    {
        found.rule("Consent.scope");
    }
    if !consent.has("category") {
        found.required("Consent.category");
        return;
    }
    let categories = consent.list(found, "category");
    let codings: Vec<_> = categories.iter().flat_map(|category| category.codings(found)).collect();
    let others = codings.iter().any(|coding| *coding != LOINC && *coding != INFORMATION_ACCESS);
    if !categories.is_empty() && (others || !codings.contains(&LOINC) || !codings.contains(&INFORMATION_ACCESS)) {
        found.rule("Consent.category");
    }
}

fn when(found: &mut Found, consent: &Node<'_>, reading: &Reading<'_>, body: &mut Map<String, Value>) {
    let Some(text) = consent.needed_text(found, "dateTime") else { return };
    let Some(at) = span(text) else {
        found.malformed("Consent.dateTime");
        return;
    };
    if let Reading::Creation { now, .. } = reading
        && (!at.exact || at.from > *now + AHEAD || at.from < *now - OLD)
    {
        found.rule("Consent.dateTime");
    }
    body.insert("dateTime".into(), text.into());
}

/// The wording that was shown, with its version.
fn source(found: &mut Found, consent: &Node<'_>, body: &mut Map<String, Value>) {
    match (consent.has("sourceAttachment"), consent.has("sourceReference")) {
        (false, false) => found.required("Consent.sourceAttachment"),
        (true, true) => found.rule("Consent.sourceReference"),
        (true, false) => {
            let Some(node) = consent.object(found, "sourceAttachment") else { return };
            node.only(found, &["contentType", "language", "data", "url", "hash", "title", "creation"], &["size"]);
            node.needed_text(found, "title");
            let mut kept = node.copy(found, &["contentType", "language", "url", "hash", "title", "creation"]);
            if let Some(data) = node.text_up_to(found, "data", LONGEST_WORDING) {
                use base64::Engine;
                if base64::engine::general_purpose::STANDARD.decode(data).is_err() {
                    found.malformed(node.path("data"));
                }
                kept.insert("data".into(), data.into());
            }
            body.insert("sourceAttachment".into(), Value::Object(kept));
        }
        (false, true) => {
            let Some(node) = consent.object(found, "sourceReference") else { return };
            node.only(found, &["reference", "type", "identifier", "display"], &[]);
            node.needed_text(found, "display");
            let mut kept = node.copy(found, &["reference", "type", "display"]);
            if let Some((system, value)) = node.identifier(found) {
                kept.insert("identifier".into(), json!({ "system": system, "value": value }));
            } else if !node.has("reference") && !node.has("identifier") {
                found.required(node.path("reference"));
            }
            body.insert("sourceReference".into(), Value::Object(kept));
        }
    }
}

fn policy(found: &mut Found, consent: &Node<'_>, body: &mut Map<String, Value>) {
    let Some(node) = consent.one(found, "policy") else { return };
    node.only(found, &["uri", "authority"], &[]);
    if node.needed_text(found, "uri").is_some_and(|uri| !is_uri(uri)) {
        found.malformed(node.path("uri"));
    }
    body.insert("policy".into(), json!([node.copy(found, &["uri", "authority"])]));
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default();
    text.len() > scheme.len() + 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !text.chars().any(char::is_whitespace)
}

/// A Reference by identifier to the caller: as user, or as role profile.
fn own_reference(found: &mut Found, reference: &Node<'_>, reading: &Reading<'_>) -> Option<Value> {
    reference.only(found, &["type", "identifier", "display"], &["reference"]);
    if !reference.has("identifier") {
        found.required(reference.path("identifier"));
        return None;
    }
    let (system, value) = reference.identifier(found)?;
    let own = match reading {
        Reading::Creation { caller, role, .. } => {
            (system == SDS_USER && value == caller.user.as_str())
                || (system == SDS_ROLE_PROFILE && value == role.profile)
        }
        // What it must equal is what is stored, which the comparison sees to.
        Reading::Withdrawal(_) => true,
    };
    if !own {
        found.rule(reference.path("identifier"));
    }
    let mut kept = reference.copy(found, &["type", "display"]);
    kept.insert("identifier".into(), json!({ "system": system, "value": value }));
    Some(Value::Object(kept))
}
