//! The two XML readers of the legacy leg, one against the other: the nodes that a signature covered, as the verifier's
//! parser has them, are the nodes that are processed, as the streaming one has them; and a record cut out of an answer
//! reads as the same record in its place.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::security::canonical;
use mig_fhir::gateway::xml::{Message, Node, scan};
use mig_fhir::record::{Limits, read};
use mig_fhir_fuzz::{edits, written};

const OPENHR: &str = "http://www.e-mis.com/emisopen";

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    let Ok(message) = Message::parse(data) else {
        let _ = scan(data, (OPENHR, "openHealthRecord"));
        return;
    };
    if let Ok((root, _)) = scan(data, ("", "")) {
        same(&root, &message.root);
    }
    let Ok((_, embedded)) = scan(data, (OPENHR, "openHealthRecord")) else { return };
    let mut records = Vec::new();
    collect(&message.root, &mut records);
    assert_eq!(embedded.len(), records.len(), "records found");
    let bytes = bytes::Bytes::copy_from_slice(data);
    for (cut, node) in embedded.iter().zip(records) {
        let Ok(record) = read(&cut.cut(&bytes), Limits::default()) else { continue };
        let seen = canonical(&message, node).expect("a canonical form");
        let whole = read(&seen, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(written::record(&record), written::record(&whole), "the record in its place");
    }
});

fn same(streamed: &Node, parsed: &Node) {
    assert_eq!((&streamed.ns, &streamed.name), (&parsed.ns, &parsed.name));
    assert_eq!(streamed.text, parsed.text, "text of {}", parsed.name);
    let declared = |node: &Node| {
        let mut list: Vec<_> =
            node.attributes.iter().filter(|(ns, ..)| ns != "http://www.w3.org/2000/xmlns/").cloned().collect();
        list.sort();
        list
    };
    assert_eq!(declared(streamed), declared(parsed), "attributes of {}", parsed.name);
    assert_eq!(streamed.children.len(), parsed.children.len(), "children of {}", parsed.name);
    streamed.children.iter().zip(&parsed.children).for_each(|(a, b)| same(a, b));
}

fn collect<'n>(node: &'n Node, out: &mut Vec<&'n Node>) {
    if node.is(OPENHR, "openHealthRecord") {
        out.push(node);
        return;
    }
    node.children.iter().for_each(|child| collect(child, out));
}
