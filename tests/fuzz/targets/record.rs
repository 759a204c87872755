//! The OpenHR reader. Whatever it reads it reads the same again from its own words, and the same from the canonical form
//! that a verifier sees; and it never takes more memory than a small multiple of its input.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::security::canonical;
use mig_fhir::gateway::xml::Message;
use mig_fhir::record::{Limits, Record, read};
use mig_fhir_fuzz::{edits, memory, written};

/// The smallest entry has about 30 bytes of text, and its place in the model about 450: hostile input gets no more than
/// this for a byte. A real record stays below three.
const FOR_A_BYTE: usize = 40;
/// What even an empty document takes.
const AT_LEAST: usize = 16 * 1024;

fn again(xml: &[u8]) -> Record {
    let limits = Limits { depth: 128, bytes: usize::MAX };
    read(xml, limits).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(xml)))
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    let (first, peak) = memory::peak(|| read(data, Limits::default()));
    assert!(peak <= AT_LEAST + FOR_A_BYTE * data.len(), "{peak} bytes for {}", data.len());
    let Ok(record) = first else { return };
    let text = written::record(&record);
    let second = again(text.as_bytes());
    assert_eq!(text, written::record(&second), "read again");
    if let Ok(message) = Message::parse(data) {
        let seen = canonical(&message, &message.root).expect("a canonical form");
        let third = again(&seen);
        assert_eq!(text, written::record(&third), "the canonical form");
        assert_eq!(record.names_absent_policy, third.names_absent_policy);
        assert_eq!(record.unidentified, third.unidentified);
    }
});
