//! The simulator's strict reader of envelopes and payloads. What it accepts it accepts from the canonical form too, and
//! understands the same.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::WireProfile;
use mig_fhir::gateway::security::canonical;
use mig_fhir::gateway::xml::Message;
use mig_fhir::simulator::fuzzing::unsigned;
use mig_fhir_fuzz::{base, edits};
use std::sync::OnceLock;

fn profile() -> &'static WireProfile {
    static PROFILE: OnceLock<WireProfile> = OnceLock::new();
    PROFILE.get_or_init(base::profile)
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    let Some(said) = unsigned(data, profile()) else { return };
    let message = Message::parse(data).expect("parsed before");
    let seen = canonical(&message, &message.root).expect("a canonical form");
    assert_eq!(unsigned(&seen, profile()).as_ref(), Some(&said), "the canonical form");
    let part = |name| said.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str()).unwrap_or_default();
    assert_eq!(part("nhsNumber").len(), 10);
    assert_eq!(part("requestId").len(), 36);
});
