//! Edits of encoded resources, member by member: order and the digits of decimals stay as they were written.

use super::finding::{VIEW_SYSTEM, relative};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// The members of one object, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Members)
    }
}

/// What a resource is about, or rests on: without it there is no resource.
const SUBJECT: &[&str] = &["subject", "patient", "beneficiary", "target", "focus", "medicationReference"];
/// What a group is made of.
const MEMBERS: &[&str] = &["hasMember", "result"];
/// References that FHIR asks of the element that holds them: it goes with the reference. Entries of a List, the diagnoses
/// of an Encounter, performers, places, agents, members of a group, and extensions.
const NEEDED: &[&str] =
    &["item", "condition", "actor", "location", "who", "member", "entity", "content", "valueReference"];

/// A resource without its references to what is gone.
pub(super) enum Stripped {
    /// It still stands.
    Left(String),
    /// What it lost was what it is about, or all that it said.
    Void,
}

/// Removes every reference that names one of these, and what is left empty by that. `None` when it is not JSON.
pub(super) fn without_references(json: &str, gone: &HashSet<String>) -> Option<Stripped> {
    let members: Members<'_> = serde_json::from_str(json).ok()?;
    let mut out: Vec<(String, String)> = Vec::with_capacity(members.0.len());
    let (mut void, mut lost_members) = (false, false);
    for (name, raw) in members.0 {
        if let Some(text) = stripped(raw.get(), gone).ok()? {
            out.push((name, text));
        } else {
            void |= SUBJECT.contains(&name.as_str());
            lost_members |= MEMBERS.contains(&name.as_str());
        }
    }
    // A group that had only members says nothing once they are gone.
    let says = |(name, _): &(String, String)| {
        name.starts_with("value")
            || matches!(name.as_str(), "component" | "dataAbsentReason" | "hasMember" | "result")
            || name.starts_with("conclusion")
            || name == "presentedForm"
    };
    if void || (lost_members && !out.iter().any(says)) {
        return Some(Stripped::Void);
    }
    Some(Stripped::Left(object(&out)))
}

/// What is left of a value, if anything.
fn stripped(raw: &str, gone: &HashSet<String>) -> Result<Option<String>, serde_json::Error> {
    match raw.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(raw)?;
            let mut out = Vec::with_capacity(members.0.len());
            let all = members.0.len();
            for (name, raw) in members.0 {
                let names_gone = |to: String| gone.contains(relative(&to));
                if name == "reference" && serde_json::from_str::<String>(raw.get()).is_ok_and(names_gone) {
                    return Ok(None);
                }
                match stripped(raw.get(), gone)? {
                    Some(text) => out.push((name, text)),
                    // What was there only to say that.
                    None if NEEDED.contains(&name.as_str()) => return Ok(None),
                    None => {}
                }
            }
            // An extension without its value is none.
            let void = out.len() < all && out.iter().all(|(name, _)| name == "url");
            Ok((!void).then(|| object(&out)))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw)?;
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                out.extend(stripped(item.get(), gone)?);
            }
            Ok((!out.is_empty()).then(|| format!("[{}]", out.join(","))))
        }
        _ => Ok(Some(raw.to_owned())),
    }
}

/// Adds the labels of view-only use, and the view tags where there are none. `None` when it is not JSON.
pub(super) fn labelled(json: &str, nointegrate: bool, delau: bool, tags: &[&str]) -> Option<String> {
    let members: Members<'_> = serde_json::from_str(json).ok()?;
    let label = |code| format!(r#"{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}"#);
    let missing = [("NOINTEGRATE", nointegrate), ("DELAU", delau)];
    let labels: Vec<String> = missing.into_iter().filter(|(_, has)| !has).map(|(code, _)| label(code)).collect();
    let tags: Vec<String> =
        tags.iter().map(|code| format!(r#"{{"system":"{VIEW_SYSTEM}","code":"{code}"}}"#)).collect();
    with_meta(&members, &[("security", labels), ("tag", tags)])
}

/// What says that a resource is not whole.
const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}"#;

/// Leaves out the members that are not kept, but never `meta`, and says so in it. `None` when it is not JSON.
pub(super) fn subset(json: &str, keep: &dyn Fn(&str) -> bool) -> Option<String> {
    let mut members: Members<'_> = serde_json::from_str(json).ok()?;
    members.0.retain(|(name, _)| name == "meta" || keep(name));
    with_meta(&members, &[("tag", vec![SUBSETTED.to_owned()])])
}

/// Adds codings to lists of `meta`.
fn with_meta(members: &Members<'_>, added: &[(&str, Vec<String>)]) -> Option<String> {
    let meta = members.0.iter().find(|(name, _)| name == "meta");
    let mut inner: Vec<(String, String)> = match meta {
        Some((_, raw)) => {
            let inner: Members<'_> = serde_json::from_str(raw.get()).ok()?;
            inner.0.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect()
        }
        None => Vec::new(),
    };
    for (name, added) in added {
        if added.is_empty() {
            continue;
        }
        let added = added.join(",");
        match inner.iter_mut().find(|(have, _)| have == name) {
            Some((_, list)) => {
                let items = list.strip_prefix('[')?.strip_suffix(']')?.trim();
                *list = if items.is_empty() { format!("[{added}]") } else { format!("[{items},{added}]") };
            }
            None => inner.push(((*name).to_owned(), format!("[{added}]"))),
        }
    }
    let meta = object(&inner);
    let mut out: Vec<(String, String)> = Vec::with_capacity(members.0.len() + 1);
    let mut placed = false;
    for (name, raw) in &members.0 {
        // After the type and the id, before what comes next.
        if !placed && !matches!(name.as_str(), "resourceType" | "id") {
            out.push(("meta".to_owned(), meta.clone()));
            placed = true;
        }
        if name != "meta" {
            out.push((name.clone(), raw.get().to_owned()));
        }
    }
    if !placed {
        out.push(("meta".to_owned(), meta));
    }
    Some(object(&out))
}

fn object(members: &[(String, String)]) -> String {
    let mut out = String::from("{");
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        // FHIR's member names have nothing in them to escape; `Value` does it for any that do.
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
