//! What was signed once, by keys that were thrown away at once: `seeds` makes it, `base/` keeps it.

use mig_fhir::gateway::WireProfile;
use mig_fhir::gateway::fuzzing::Question;
use mig_fhir::gateway::security::{Verifier, certificates};
use mig_fhir::simulator::fuzzing::Gate;
use mig_fhir::simulator::pki::CLIENT_NAME;
use std::path::PathBuf;

/// A folder of this package.
pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A file of `base/`.
pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder("base").join(name)).expect("a file of base/")
}

/// The built-in wire profile.
pub fn profile() -> WireProfile {
    WireProfile::builtin().expect("the wire profile")
}

/// Trusts the root that signed what is in `base/`.
pub fn verifier() -> Verifier {
    let roots = certificates(&file("root.pem")).expect("a root");
    Verifier::new(&roots, &[], &profile().security).expect("a verifier")
}

/// The simulator's checks for the client of `base/`.
pub fn gate() -> Gate {
    Gate::new(verifier(), CLIENT_NAME, profile())
}

/// The question that `base/answer-*.xml` answers.
pub fn question(for_a_view: bool) -> Question {
    Question::new(for_a_view, profile()).expect("a question")
}
