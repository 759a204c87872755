//! One pass over the JSON of a mapped resource, without building it: what it codes, says and refers to.

use super::exclusions::Exclusions;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
pub(super) const VIEW_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:view";

/// What a resource holds that bears on its release.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each asked once")]
pub(super) struct Finding {
    /// A coding or a term of it is on the list.
    pub excluded: bool,
    /// `Type/id`, as written.
    pub references: Vec<String>,
    pub nointegrate: bool,
    pub delau: bool,
    pub tagged: bool,
    /// Another patient's NHS number is in it.
    pub stranger: bool,
}

/// `Type/id` of a reference, however much of an address stands around it.
pub(super) fn relative(reference: &str) -> &str {
    let bare = reference.split_once("/_history/").map_or(reference, |(bare, _)| bare);
    if !bare.contains("://") {
        return bare;
    }
    let from = bare.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    bare.get(from..).unwrap_or(bare)
}

/// Looks through one resource; `None` when it is not JSON.
///
/// Nothing in here knows a FHIR type: a coding is whatever has a system and a code, a reference is a `reference`, and
/// every other string that can be words is put to the list of terms. A type that is added is covered as it is.
/// `is_medicine` says whether its words can be the name of a medicine.
pub(super) fn find(json: &[u8], exclusions: &Exclusions, nhs_number: &str, is_medicine: bool) -> Option<Finding> {
    let mut finding = Finding::default();
    let medicines = is_medicine && exclusions.judges_medicines();
    let mut walk = Walk { finding: &mut finding, exclusions, nhs_number, medicines };
    let mut json = serde_json::Deserializer::from_slice(json);
    Node(&mut walk).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(finding)
}

struct Walk<'a> {
    finding: &'a mut Finding,
    exclusions: &'a Exclusions,
    nhs_number: &'a str,
    medicines: bool,
}

/// What the name of a member says about its string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    System,
    Code,
    Value,
    Term,
    Reference,
    Other,
}

impl Walk<'_> {
    fn term(&mut self, text: &str) {
        self.finding.excluded |=
            self.exclusions.excludes_term(text) || (self.medicines && self.exclusions.medicine_name(text).is_some());
    }

    fn pair(&mut self, system: Option<&str>, code: Option<&str>, value: Option<&str>) {
        if let Some(code) = code {
            match (system, code) {
                (Some(ACT_CODE), "NOINTEGRATE") => self.finding.nointegrate = true,
                (Some(ACT_CODE), "DELAU") => self.finding.delau = true,
                (Some(VIEW_SYSTEM), _) => self.finding.tagged = true,
                _ => {
                    self.finding.excluded |= self.exclusions.excludes_coding(system, code)
                        || (self.medicines && self.exclusions.medicine_coding(system, code).is_some());
                }
            }
        }
        // The text of a plain `value` can be words too.
        if let (None, Some(value)) = (system, value) {
            self.term(value);
        }
        if let (Some(NHS_NUMBER), Some(value)) = (system, value) {
            self.finding.stranger |= value != self.nhs_number;
        }
    }
}

/// Any value; a string is handed back for its object to judge.
struct Node<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while let Some(item) = seq.next_element_seed(Node(&mut *self.0))? {
            // Given names, lines of an address and the like: words, whatever the list is called.
            if let Some(text) = item {
                self.0.term(&text);
            }
        }
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut system, mut code, mut value) = (None, None, None);
        while let Some(name) = map.next_key::<Name>()? {
            let Some(text) = map.next_value_seed(Node(&mut *self.0))? else { continue };
            match name {
                Name::System => system = Some(text),
                Name::Code => code = Some(text),
                Name::Value => value = Some(text),
                Name::Term => self.0.term(&text),
                Name::Reference => self.0.finding.references.push(relative(&text).to_owned()),
                Name::Other => {}
            }
        }
        self.0.pair(system.as_deref(), code.as_deref(), value.as_deref());
        Ok(None)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "system" => Name::System,
                    "code" => Name::Code,
                    "value" => Name::Value,
                    "reference" => Name::Reference,
                    // Identifiers, addresses of the web, codes, dates: what is never words.
                    "resourceType" | "id" | "url" | "uri" | "profile" | "status" | "use" | "type" | "versionId"
                    | "start" | "end" | "issued" | "recorded" | "recordedDate" | "lastUpdated" => Name::Other,
                    name if name.starts_with("effective") || name.ends_with("DateTime") => Name::Other,
                    _ => Name::Term,
                })
            }
        }
        deserializer.deserialize_str(Names)
    }
}
