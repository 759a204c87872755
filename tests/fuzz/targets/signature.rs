//! The verifier, on both sides. A request that the simulator admits says what the one says that was signed; an answer that
//! counts as signed is read as the one that was signed, and by the streaming reader as no other.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mig_fhir::gateway::fuzzing::{Question, Told};
use mig_fhir::gateway::security::{Verifier, canonical};
use mig_fhir::gateway::xml::{Message, SOAP};
use mig_fhir::simulator::fuzzing::{Gate, Said};
use mig_fhir_fuzz::{base, edits, written};
use std::sync::OnceLock;

struct Signed {
    gate: Gate,
    verifier: Verifier,
    questions: [Question; 2],
    /// Of each request: what it says, and its Body.
    requests: Vec<(Said, Vec<u8>)>,
    /// Of each answer: what is understood, and its Body.
    answers: Vec<(String, Vec<u8>)>,
    /// Every Body that was signed, by either side: both have keys under the one root.
    bodies: Vec<Vec<u8>>,
}

fn signed() -> &'static Signed {
    static SIGNED: OnceLock<Signed> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let (gate, verifier) = (base::gate(), base::verifier());
        let questions = [base::question(false), base::question(true)];
        let requests = ["request-location.xml", "request-view.xml"].map(|name| {
            let bytes = base::file(name);
            (gate.admitted(&bytes).expect("what was signed is admitted"), body(&bytes))
        });
        let answers = [("answer-location.xml", 0), ("answer-view.xml", 1)].map(|(name, at)| {
            let bytes = base::file(name);
            let (is_signed, answer) = questions[at].signed(&verifier, &bytes);
            assert!(is_signed, "what was signed verifies");
            (told(&answer.expect("an answer")), body(&bytes))
        });
        let bodies =
            requests.iter().map(|(_, body)| body).chain(answers.iter().map(|(_, body)| body)).cloned().collect();
        Signed { gate, verifier, questions, requests: requests.into(), answers: answers.into(), bodies }
    })
}

fn body(bytes: &[u8]) -> Vec<u8> {
    let message = Message::parse(bytes).expect("parsed before");
    let body = message.root.only(SOAP, "Body").expect("one Body");
    canonical(&message, body).expect("a canonical form")
}

fn told(told: &Told) -> String {
    match told {
        Told::Located(location) => format!("{location:?}"),
        Told::Fetched(record, at, complete) => format!("{at} {complete} {}", written::record(record)),
    }
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| { edits::mutate(data, size, most, seed) });

fuzz_target!(|data: &[u8]| {
    let signed = signed();
    if let Some(said) = signed.gate.admitted(data) {
        assert!(signed.requests.contains(&(said, body(data))), "admitted, and not what was signed");
    }
    for question in &signed.questions {
        let (is_signed, answer) = question.signed(&signed.verifier, data);
        if !is_signed {
            continue;
        }
        let body = body(data);
        assert!(signed.bodies.contains(&body), "signed, and another Body");
        let answer = answer.as_ref().map(told);
        // The other reader, which reads answers that need not be signed, sees no other answer in the same bytes.
        let streamed = question.answered(data).as_ref().map(told);
        assert!(streamed.is_none() || streamed == answer, "two readers see two answers");
        if let Some(answer) = answer {
            assert!(signed.answers.contains(&(answer, body)), "read as another answer than was signed");
        }
    }
});
