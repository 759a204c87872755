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

/// Looks through one resource; `None` when it is not JSON.
pub(super) fn find(json: &[u8], exclusions: &Exclusions, nhs_number: &str) -> Option<Finding> {
    let mut finding = Finding::default();
    let mut walk = Walk { finding: &mut finding, exclusions, nhs_number };
    let mut json = serde_json::Deserializer::from_slice(json);
    Node(&mut walk).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(finding)
}

struct Walk<'a> {
    finding: &'a mut Finding,
    exclusions: &'a Exclusions,
    nhs_number: &'a str,
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
    fn pair(&mut self, system: Option<&str>, code: Option<&str>, value: Option<&str>) {
        if let Some(code) = code {
            match (system, code) {
                (Some(ACT_CODE), "NOINTEGRATE") => self.finding.nointegrate = true,
                (Some(ACT_CODE), "DELAU") => self.finding.delau = true,
                (Some(VIEW_SYSTEM), _) => self.finding.tagged = true,
                _ => self.finding.excluded |= self.exclusions.excludes_coding(system, code),
            }
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
        while seq.next_element_seed(Node(&mut *self.0))?.is_some() {}
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
                Name::Term => self.0.finding.excluded |= self.0.exclusions.excludes_term(&text),
                Name::Reference => self.0.finding.references.push(text.into_owned()),
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
                    "text" | "display" | "valueString" | "conclusion" => Name::Term,
                    "reference" => Name::Reference,
                    _ => Name::Other,
                })
            }
        }
        deserializer.deserialize_str(Names)
    }
}
