//! The gateway's reader of answers. What it accepts relates to the message sent, echoes its request, and holds this
//! patient's record out of the practice and view that were asked, by another parser's account; in memory of a small
//! multiple of its size.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::fuzzing::{MESSAGE, PATIENT, PRACTICE, Question, REQUEST, Told, VIEW, VIEWER};
use mig_fhir::gateway::xml::{Message, Node, SOAP, WSA};
use mig_fhir_fuzz::{base, edits, memory};
use std::sync::OnceLock;

fn questions() -> &'static [Question; 2] {
    static ASKED: OnceLock<[Question; 2]> = OnceLock::new();
    ASKED.get_or_init(|| [base::question(false), base::question(true)])
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    for question in questions() {
        let (told, peak) = memory::peak(|| question.answered(data));
        assert!(peak <= 64 * 1024 + 60 * data.len(), "{peak} bytes for {}", data.len());
        let Some(told) = told else { continue };
        if let Told::Fetched(record, ..) = &told {
            let number = record.patient.as_ref().and_then(|patient| patient.nhs_number.as_deref());
            assert_eq!(number, Some(PATIENT), "another patient");
        }
        if let Ok(message) = Message::parse(data) {
            judge(&message.root, matches!(told, Told::Fetched(..)));
        }
    }
});

fn judge(root: &Node, is_view: bool) {
    let body = root.only(SOAP, "Body").expect("one Body");
    if let Some(header) = root.child(SOAP, "Header") {
        assert!(header.all(WSA, "RelatesTo").all(|node| node.token() == MESSAGE), "another message");
    }
    let mut found = (0, 0, 0, 0);
    each(body, &mut |node| {
        let ods = node.attribute("odsCode");
        match node.name.as_str() {
            "requestId" if node.token() == REQUEST => found.0 += 1,
            "targetOrganisation" if ods == Some(VIEWER) => found.1 += 1,
            "sourceOrganisation" if ods == Some(PRACTICE) => found.2 += 1,
            "record" if node.attribute("view") == Some(VIEW.as_str()) => found.3 += 1,
            _ => {}
        }
    });
    assert!(found.0 > 0, "another request");
    assert!(found.1 > 0, "another requester");
    assert!(!is_view || (found.2 > 0 && found.3 > 0), "another practice or view");
}

fn each(node: &Node, look: &mut impl FnMut(&Node)) {
    look(node);
    node.children.iter().for_each(|child| each(child, look));
}
