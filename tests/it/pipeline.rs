//! The real stages in a row, as `views` runs them: read, screen, map, release. For proofs about records, without a server.

use mig_fhir::ids::{LogicalId, NhsNumber, Sealer};
use mig_fhir::kinds::{Kind, View};
use mig_fhir::mapping;
use mig_fhir::record::{self, Ledger, Reading};
use mig_fhir::release::{self, Exclusions, Released};
use mig_fhir::simulator::holdings::Holding;
use quick_xml::events::Event;
use serde_json::Value;
use std::collections::BTreeSet;
use time::OffsetDateTime;
use time::macros::datetime;

/// "Now" of every proof.
pub const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);
/// How far back Summary's tests go.
const RECENT_MONTHS: u8 = 3;

/// What stays the same over all records.
pub struct Pipeline {
    pub exclusions: Exclusions,
    pub sealer: Sealer,
    /// Types of entries whose associated text the wire profile keeps.
    pub kept_texts: Vec<String>,
}

/// What one view became.
pub struct Seen {
    pub ledger: Ledger,
    pub released: Vec<Released>,
}

impl Pipeline {
    pub fn new() -> Self {
        let mut secret = [0; 64];
        for (at, byte) in secret.iter_mut().enumerate() {
            *byte = u8::try_from(at * 37 % 251).expect("a byte");
        }
        Self {
            exclusions: Exclusions::builtin().expect("the list"),
            sealer: Sealer::new(0, &secret),
            kept_texts: Vec::new(),
        }
    }

    /// One answer of the practice's system, all the way to what may leave.
    pub fn run(&self, xml: &str, patient: NhsNumber, view: View, agreed: &[View]) -> Seen {
        let reading = Reading { associated_text_of: &self.kept_texts, ..Reading::default() };
        let record = record::read_as(xml.as_bytes(), &reading).expect("a record");
        let screened = release::screen(record, &self.exclusions, "EMIS");
        let context = mapping::Context {
            patient,
            sealer: &self.sealer,
            view,
            practice: ("A99981", Some("The Surgery")),
            now: NOW,
        };
        let mapped = mapping::map(&screened, &context);
        let released = release::release(mapped.held, &self.exclusions, agreed, patient);
        Seen { ledger: mapped.ledger, released }
    }
}

/// One view cut out of a held record, as the simulated MIG cuts it.
pub fn cut(holding: &Holding, view: View) -> String {
    holding.cut(view, (None, None), NOW.date(), RECENT_MONTHS)
}

/// Id and type of every event and encounter of a document, read without the crate's own reader. Ids are folded; an entry
/// that names no type has an empty one.
pub fn entries(xml: &str) -> Vec<(String, String)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(tag) => {
                path.push(tag.local_name().as_ref().to_owned());
                match within(&path).as_slice() {
                    ["event"] => found.push((String::new(), String::new())),
                    ["encounter"] => found.push((String::new(), "ENC".to_owned())),
                    _ => {}
                }
            }
            Event::Text(text) => {
                let text = text.trim().to_owned();
                match (within(&path).as_slice(), found.last_mut()) {
                    (["event" | "encounter", "id"], Some((id, _))) => *id = text.to_ascii_lowercase(),
                    (["event", "eventType"], Some((_, kind))) => *kind = text,
                    _ => {}
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn within(path: &[String]) -> Vec<&str> {
    match path {
        [_, health, rest @ ..] if health == "healthDomain" => rest.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Every `reference` of a resource.
pub fn references(resource: &Value, into: &mut BTreeSet<String>) {
    match resource {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(to) if name == "reference" => {
                        into.insert(to.clone());
                    }
                    value => references(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

/// `Type/id`.
pub fn name(kind: Kind, id: &LogicalId) -> String {
    format!("{kind}/{id}")
}
