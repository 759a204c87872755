//! Opens what mapping made: the second net over codes and terms, the agreed views, and the references that remain.

use super::edit::{self, Stripped};
use super::exclusions::Exclusions;
use super::finding::{Finding, find};
use super::{Held, Released};
use crate::ids::NhsNumber;
use crate::kinds::{Kind, View};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A resource under examination.
struct Open {
    held: Held,
    json: String,
    /// `Type/id`.
    name: String,
    references: Vec<String>,
}

/// Opens what mapping made: encodes it, checks every code and text of the output again, enforces the agreed views, and
/// drops references to what did not pass.
#[must_use]
pub fn release(held: Vec<Held>, exclusions: &Exclusions, agreed: &[View], patient: NhsNumber) -> Vec<Released> {
    let mut open = Vec::with_capacity(held.len());
    let mut gone = HashSet::new();
    for held in held {
        let name = format!("{}/{}", held.kind, held.id);
        let opened =
            if in_agreed_views(&held, agreed) { opened(held, name.clone(), exclusions, patient) } else { None };
        match opened {
            Some(resource) => open.push(resource),
            None => {
                gone.insert(name);
            }
        }
    }
    let open = reached(without_dangling(open, gone));
    open.into_iter().map(Open::released).collect()
}

/// What the rules place with certainty outside every agreed view goes, but never what safety rests on.
fn in_agreed_views(held: &Held, agreed: &[View]) -> bool {
    let always = matches!(
        held.kind,
        Kind::AllergyIntolerance | Kind::MedicationStatement | Kind::MedicationRequest | Kind::Immunization
    ) || (held.kind == Kind::Condition && held.with_problem);
    always || held.placed_in.is_empty() || held.placed_in.iter().any(|view| agreed.contains(view))
}

/// Encoded and passed by the second net. What the screening let through is a fault of ours, and is counted.
fn opened(held: Held, name: String, exclusions: &Exclusions, patient: NhsNumber) -> Option<Open> {
    let Some(json) = mig_fhir_model::to_json(&held.resource).ok().and_then(|json| String::from_utf8(json).ok()) else {
        metrics::counter!("mig_release_unencodable_total").increment(1);
        return None;
    };
    let is_medicine = held.kind.as_str().starts_with("Medication");
    let passed = find(json.as_bytes(), exclusions, patient.reveal(), is_medicine)
        .filter(|found| !found.excluded && !found.stranger);
    let Some(found) = passed else {
        metrics::counter!("mig_release_second_net_total").increment(1);
        return None;
    };
    let json = labelled(json, &found, &held.tags)?;
    Some(Open { held, json, name, references: found.references })
}

fn labelled(json: String, found: &Finding, tags: &[&'static str]) -> Option<String> {
    let tags = if found.tagged { &[] } else { tags };
    if found.nointegrate && found.delau && tags.is_empty() {
        return Some(json);
    }
    edit::labelled(&json, found.nointegrate, found.delau, tags)
}

/// Takes references to what is gone off the rest, until nothing more goes by that.
fn without_dangling(mut open: Vec<Open>, mut gone: HashSet<String>) -> Vec<Open> {
    loop {
        // Two entries may have come under one id; it is gone only when both are.
        for resource in &open {
            gone.remove(&resource.name);
        }
        if gone.is_empty() {
            return open;
        }
        let mut left = Vec::with_capacity(open.len());
        let mut voided = HashSet::new();
        for mut resource in open {
            if resource.references.iter().any(|to| gone.contains(to)) {
                let Some(Stripped::Left(json)) = edit::without_references(&resource.json, &gone) else {
                    voided.insert(resource.name);
                    continue;
                };
                resource.json = json;
                resource.references.retain(|to| !gone.contains(to));
                resource.held.references.retain(|(kind, id)| !gone.contains(&format!("{kind}/{id}")));
            }
            left.push(resource);
        }
        open = left;
        if voided.is_empty() {
            return open;
        }
        gone = voided;
    }
}

/// Leaves out staff, organisations and places that nothing released leads to.
fn reached(open: Vec<Open>) -> Vec<Open> {
    let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, resource) in open.iter().enumerate() {
        at.entry(resource.name.as_str()).or_default().push(index);
    }
    let mut keep: Vec<bool> = open.iter().map(|resource| !resource.held.kind.is_referred_to()).collect();
    let mut waiting: Vec<usize> = keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(at, _)| at).collect();
    while let Some(index) = waiting.pop() {
        let references = open.get(index).into_iter().flat_map(|resource| &resource.references);
        for target in references.filter_map(|to| at.get(to.as_str())).flatten() {
            if let Some(slot) = keep.get_mut(*target).filter(|slot| !**slot) {
                *slot = true;
                waiting.push(*target);
            }
        }
    }
    open.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(resource, _)| resource).collect()
}

impl Open {
    fn released(self) -> Released {
        Released {
            kind: self.held.kind,
            id: self.held.id,
            json: self.json.into(),
            with_problem: self.held.with_problem,
            references: self.held.references,
            index: OnceLock::new(),
        }
    }
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
