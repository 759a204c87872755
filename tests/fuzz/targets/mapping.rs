//! What follows the reader: whatever was read is screened, mapped and released without a panic; every entry has one fate;
//! what leaves is JSON of this patient, and refers to nothing that did not leave.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::fuzzing::{NOW, PATIENT, PRACTICE};
use mig_fhir::ids::{NhsNumber, Sealer};
use mig_fhir::kinds::View;
use mig_fhir::mapping::{Context, map};
use mig_fhir::record::{Fate, Limits, read};
use mig_fhir::release::{Exclusions, release, screen};
use mig_fhir_fuzz::edits;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::OnceLock;

fn list() -> &'static Exclusions {
    static LIST: OnceLock<Exclusions> = OnceLock::new();
    LIST.get_or_init(|| Exclusions::builtin().expect("the exclusion list"))
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    let Ok(record) = read(data, Limits::default()) else { return };
    let ids: Vec<(String, String)> = record.events.iter().map(|event| (event.id.clone(), event.kind.clone())).collect();
    let sealer = Sealer::new(0, &[7; 64]);
    let patient = NhsNumber::parse(PATIENT).expect("a number");
    let view = View::ALL[data.len() % View::ALL.len()];
    let screened = screen(record, list(), "EMIS");
    let context = Context { patient, sealer: &sealer, view, practice: (PRACTICE, None), now: NOW };
    let mapped = map(&screened, &context);
    for (id, _) in &ids {
        assert!(mapped.ledger.fate(id).is_some(), "an entry without a fate");
    }
    let sources = mapped.ledger.iter().filter(|(_, _, fate)| *fate == Fate::Source).count();
    let made = mapped.held.len();
    assert!(sources == 0 || made > 0, "{sources} sources, nothing made");
    let released = release(mapped.held, list(), View::ALL, patient);
    let names: HashSet<String> = released.iter().map(|one| format!("{}/{}", one.kind(), one.id())).collect();
    let own = format!("Patient/{}", sealer.seal_patient(patient));
    for one in &released {
        let json: Value = serde_json::from_slice(one.json()).expect("JSON");
        assert_eq!(json["resourceType"], one.kind().as_str());
        assert_eq!(json["id"], one.id().to_string());
        each_reference(&json, &mut |to| assert!(to == own || names.contains(to), "{to} did not leave"));
    }
});

fn each_reference(json: &Value, check: &mut impl FnMut(&str)) {
    match json {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("reference") {
                check(to);
            }
            members.values().for_each(|value| each_reference(value, check));
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, check)),
        _ => {}
    }
}
