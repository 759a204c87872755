//! Reads the shape of a submitted resource, and gathers all that is wrong with it at once.
//!
//! A finding names where in the resource, never what stood there. Not the JSON of this type at all is 400; well-formed
//! but against a rule, a profile or what the caller may say is 422.

use super::{NHS_NUMBER, ODS_CODE};
use crate::ids::{LogicalId, NhsNumber, OdsCode, Sealer};
use serde_json::{Map, Value, json};

/// One thing that is wrong with a submitted resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// 400 or 422.
    pub status: u16,
    /// `structure`, `invalid`, `required` or `business-rule`.
    pub code: &'static str,
    /// Where, as a `FHIRPath` that never holds a value.
    pub expression: String,
}

/// The longest text accepted anywhere but in an attachment's data.
const LONGEST: usize = 2048;
/// Members that every element could have and none of ours may.
const ELEMENT: &[&str] = &["id", "extension", "modifierExtension"];

/// What has been found wrong so far.
#[derive(Default)]
pub(super) struct Found(Vec<Invalid>);

impl Found {
    fn push(&mut self, status: u16, code: &'static str, expression: impl Into<String>) {
        self.0.push(Invalid { status, code, expression: expression.into() });
    }

    /// Not JSON of this shape.
    pub fn structure(&mut self, at: impl Into<String>) {
        self.push(400, "structure", at);
    }

    /// A value that is not of its FHIR type.
    pub fn malformed(&mut self, at: impl Into<String>) {
        self.push(400, "invalid", at);
    }

    /// Missing.
    pub fn required(&mut self, at: impl Into<String>) {
        self.push(422, "required", at);
    }

    /// A value of its type that cannot be right.
    pub fn unusable(&mut self, at: impl Into<String>) {
        self.push(422, "invalid", at);
    }

    /// Against a rule.
    pub fn rule(&mut self, at: impl Into<String>) {
        self.push(422, "business-rule", at);
    }

    /// The value, unless anything was wrong. `root` is blamed should a value be missing without a finding.
    pub fn finish<T>(mut self, value: Option<T>, root: &str) -> Result<T, Vec<Invalid>> {
        // An element is blamed once, for the first thing that was wrong with it.
        let mut blamed = std::collections::HashSet::new();
        self.0.retain(|invalid| blamed.insert(invalid.expression.clone()));
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            None if self.0.is_empty() => {
                self.structure(root);
                Err(self.0)
            }
            _ => Err(self.0),
        }
    }
}

/// Whether a text is one as FHIR means it: not empty, without control characters, and not longer than this.
fn plain(text: &str, longest: usize) -> bool {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    !text.trim().is_empty() && text.len() <= longest && !text.chars().any(control)
}

/// One JSON object of the resource, with where it stands.
#[derive(Clone)]
pub(super) struct Node<'v> {
    map: &'v Map<String, Value>,
    /// Its `FHIRPath`.
    pub at: String,
}

impl<'v> Node<'v> {
    /// The resource itself, which must be of the type.
    pub fn root(found: &mut Found, body: &'v Value, resource_type: &str) -> Option<Self> {
        let Some(map) = body.as_object() else {
            found.structure(resource_type);
            return None;
        };
        if map.get("resourceType").and_then(Value::as_str) != Some(resource_type) {
            found.structure(format!("{resource_type}.resourceType"));
            return None;
        }
        Some(Self { map, at: resource_type.to_owned() })
    }

    /// Where a member stands.
    pub fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.at)
    }

    /// Whether the member is there.
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Blames members that are not known (400) or known and not accepted (422).
    pub fn only(&self, found: &mut Found, accepted: &[&str], forbidden: &[&str]) {
        for name in self.map.keys() {
            let plain = name.strip_prefix('_').unwrap_or(name);
            if accepted.contains(&name.as_str()) {
                continue;
            }
            match forbidden.iter().chain(ELEMENT).chain(accepted).find(|known| **known == plain) {
                Some(known) => found.rule(self.path(known)),
                // The name is the client's own text, so only its place is told.
                None => found.structure(self.at.clone()),
            }
        }
    }

    /// A text that may be absent.
    pub fn text(&self, found: &mut Found, name: &str) -> Option<&'v str> {
        self.text_up_to(found, name, LONGEST)
    }

    /// A text that may be absent, of a length.
    pub fn text_up_to(&self, found: &mut Found, name: &str, longest: usize) -> Option<&'v str> {
        let Some(text) = self.map.get(name)?.as_str() else {
            found.structure(self.path(name));
            return None;
        };
        if !plain(text, longest) {
            found.malformed(self.path(name));
            return None;
        }
        Some(text)
    }

    /// A text as it stands, whatever it is; blames nothing.
    pub fn peek(&self, name: &str) -> Option<&'v str> {
        self.map.get(name)?.as_str()
    }

    /// An array of texts; empty when absent.
    pub fn texts(&self, found: &mut Found, name: &str) -> Vec<&'v str> {
        let Some(value) = self.map.get(name) else { return Vec::new() };
        let texts: Option<Vec<&str>> = value.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
        match texts {
            Some(texts) if !texts.is_empty() && texts.iter().all(|text| plain(text, LONGEST)) => texts,
            Some(_) => {
                found.malformed(self.path(name));
                Vec::new()
            }
            None => {
                found.structure(self.path(name));
                Vec::new()
            }
        }
    }

    /// A text that must be there.
    pub fn needed_text(&self, found: &mut Found, name: &str) -> Option<&'v str> {
        self.needed(found, name)?;
        self.text(found, name)
    }

    /// An object that may be absent.
    pub fn object(&self, found: &mut Found, name: &str) -> Option<Node<'v>> {
        let value = self.map.get(name)?;
        match value.as_object() {
            Some(map) if !map.is_empty() => Some(Node { map, at: self.path(name) }),
            _ => {
                found.structure(self.path(name));
                None
            }
        }
    }

    /// An object that must be there.
    pub fn needed_object(&self, found: &mut Found, name: &str) -> Option<Node<'v>> {
        self.needed(found, name)?;
        self.object(found, name)
    }

    /// An array of objects; empty when absent.
    pub fn list(&self, found: &mut Found, name: &str) -> Vec<Node<'v>> {
        let Some(value) = self.map.get(name) else { return Vec::new() };
        let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
            found.structure(self.path(name));
            return Vec::new();
        };
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = format!("{}[{index}]", self.path(name));
            match item.as_object() {
                Some(map) if !map.is_empty() => nodes.push(Node { map, at }),
                _ => found.structure(at),
            }
        }
        nodes
    }

    /// An array of exactly one object.
    pub fn one(&self, found: &mut Found, name: &str) -> Option<Node<'v>> {
        self.needed(found, name)?;
        let mut nodes = self.list(found, name);
        if nodes.len() > 1 {
            found.rule(self.path(name));
            return None;
        }
        nodes.pop()
    }

    fn needed(&self, found: &mut Found, name: &str) -> Option<()> {
        if self.has(name) {
            return Some(());
        }
        found.required(self.path(name));
        None
    }

    /// Members that a server ignores on what it is sent, if they have the right JSON type.
    pub fn ignore_envelope(&self, found: &mut Found) {
        let _ = (self.object(found, "meta"), self.object(found, "text"), self.text(found, "language"));
        if self.text(found, "id").is_some_and(|id| LogicalId::parse(id).is_none()) {
            found.malformed(self.path("id"));
        }
    }

    /// The codings of a `CodeableConcept`, as system and code.
    pub fn codings(&self, found: &mut Found) -> Vec<(&'v str, &'v str)> {
        self.only(found, &["coding", "text"], &[]);
        let _ = self.text(found, "text");
        self.list(found, "coding").iter().filter_map(|coding| coding.coding(found)).collect()
    }

    /// This node as a Coding.
    pub fn coding(&self, found: &mut Found) -> Option<(&'v str, &'v str)> {
        self.only(found, &["system", "version", "code", "display"], &["userSelected"]);
        let _ = (self.text(found, "version"), self.text(found, "display"));
        let (system, code) = (self.needed_text(found, "system"), self.needed_text(found, "code"));
        Some((system?, code?))
    }

    /// The identifier of a Reference, as system and value.
    pub fn identifier(&self, found: &mut Found) -> Option<(&'v str, &'v str)> {
        self.object(found, "identifier")?.as_identifier(found)
    }

    /// This node as an Identifier.
    pub fn as_identifier(&self, found: &mut Found) -> Option<(&'v str, &'v str)> {
        self.only(found, &["system", "value", "use"], &["type", "period", "assigner"]);
        let _ = self.text(found, "use");
        let (system, value) = (self.needed_text(found, "system"), self.needed_text(found, "value"));
        Some((system?, value?))
    }

    /// This node as a Reference to a patient: by NHS number, by sealed id, or by both where they agree.
    pub fn patient(&self, found: &mut Found, sealer: &Sealer) -> Option<NhsNumber> {
        self.only(found, &["reference", "type", "identifier", "display"], &[]);
        let _ = self.text(found, "display");
        if self.text(found, "type").is_some_and(|kind| kind != "Patient") {
            found.rule(self.path("type"));
        }
        if !self.has("identifier") && !self.has("reference") {
            found.required(self.path("identifier"));
            return None;
        }
        let by_number = self.identifier(found).and_then(|(system, value)| {
            let number = if system == NHS_NUMBER { NhsNumber::parse(value) } else { None };
            if number.is_none() {
                found.unusable(self.path("identifier"));
            }
            number
        });
        let by_id = self.text(found, "reference").and_then(|reference| {
            let number = reference
                .strip_prefix("Patient/")
                .and_then(LogicalId::parse)
                .and_then(|id| sealer.open(&id))
                .filter(|opened| opened.is_patient)
                .map(|opened| opened.patient);
            if number.is_none() {
                found.unusable(self.path("reference"));
            }
            number
        });
        match (by_number, by_id) {
            (Some(number), Some(other)) if number != other => {
                found.rule(self.path("reference"));
                None
            }
            (number, other) => number.or(other),
        }
    }

    /// This node as a Reference, by identifier, to the caller's own organisation.
    pub fn own_organisation(&self, found: &mut Found, own: &OdsCode) {
        self.only(found, &["type", "identifier", "display"], &["reference"]);
        let _ = (self.text(found, "type"), self.text(found, "display"));
        if !self.has("identifier") {
            found.required(self.path("identifier"));
        } else if let Some((system, value)) = self.identifier(found)
            && (system != ODS_CODE || value != own.as_str())
        {
            found.rule(self.path("identifier"));
        }
    }

    /// The texts among these members, as they stand. Others must have been refused before.
    pub fn copy(&self, found: &mut Found, names: &[&str]) -> Map<String, Value> {
        let mut copied = Map::new();
        for name in names {
            if let Some(text) = self.text(found, name) {
                copied.insert((*name).to_owned(), text.into());
            }
        }
        copied
    }
}

/// A Reference by identifier.
pub(super) fn by_identifier(system: &str, value: &str) -> Value {
    json!({ "identifier": { "system": system, "value": value } })
}

/// A Reference to a patient: sealed id and NHS number.
pub(super) fn patient_reference(patient: NhsNumber, sealer: &Sealer) -> Value {
    json!({
        "reference": format!("Patient/{}", sealer.seal_patient(patient)),
        "identifier": { "system": NHS_NUMBER, "value": patient.reveal() },
    })
}

/// Sets a member of an object; of anything else, nothing.
pub(super) fn put(value: &mut Value, name: &str, member: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(name.to_owned(), member);
    }
}

/// Sets a member of a member that is an object.
pub(super) fn put_in(value: &mut Value, outer: &str, name: &str, member: Value) {
    if let Some(inner) = value.get_mut(outer) {
        put(inner, name, member);
    }
}
