//! Makes `base/` and the seeds of the corpus that come from it: two requests and their answers, signed by keys that live
//! as long as this program runs. Needed again only when the wire changes: `./run seeds`.

use mig_fhir::gateway::fuzzing::{NOW, PATIENT, PRACTICE};
use mig_fhir::gateway::profile::{DigestAlgorithm, SignatureAlgorithm};
use mig_fhir::gateway::security::Signer;
use mig_fhir::ids::{NhsNumber, OdsCode, UserId};
use mig_fhir::register::consent::{example, override_example};
use mig_fhir::simulator::fuzzing::ENDPOINT;
use mig_fhir::simulator::holdings::Holding;
use mig_fhir::simulator::pki::Pki;
use mig_fhir_fuzz::base;
use std::path::Path;

const RECORD: &str = include_str!("../corpus/record/medication.xml");

fn put(folder: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let folder = base::folder(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), bytes).expect("a file");
}

fn signer(certificate: &Path, key: &Path) -> Signer {
    let (certificate, key) = (std::fs::read(certificate).expect("a file"), std::fs::read(key).expect("a file"));
    Signer::from_pem(&certificate, &key, SignatureAlgorithm::RsaSha256, DigestAlgorithm::Sha256).expect("a signer")
}

fn main() {
    let keys = std::env::temp_dir().join(format!("mig-fhir-seeds-{}", std::process::id()));
    std::fs::create_dir_all(&keys).expect("a folder");
    let pki = Pki::in_folder(&keys, NOW).expect("keys");
    put("base", "root.pem", std::fs::read(pki.ca()).expect("a root"));
    let client = signer(&pki.client_certificate(), &pki.client_key());
    let server = signer(&pki.server_certificate(), &pki.server_key());
    std::fs::remove_dir_all(&keys).expect("the keys are gone");

    let mut holding = Holding::read(RECORD.to_owned()).expect("a record");
    holding.practice = Some(PRACTICE.to_owned());
    holding.practice_name = Some("The Surgery".to_owned());
    "registered".clone_into(&mut holding.registration);
    let gate = base::gate();
    for (name, for_a_view) in [("location", false), ("view", true)] {
        let question = base::question(for_a_view);
        let request = question.write(ENDPOINT, &client).expect("a request");
        let answer = gate.answer(request.as_bytes(), &holding).expect("an answer");
        assert!(question.answered(answer.as_bytes()).is_some(), "the answer is read");
        let sealed = gate.sealed(&answer, &server).expect("a signed answer");
        for (kind, text) in [("request", &request), ("answer", &sealed)] {
            let name = format!("{kind}-{name}.xml");
            put("base", &name, text);
            put("corpus/signature", &name, text);
            put("corpus/envelope", &name, text);
        }
        put("corpus/request", &format!("{name}.xml"), &request);
        put("corpus/answer", &format!("{name}.xml"), &answer);
    }

    let patient = NhsNumber::parse(PATIENT).expect("a number");
    let (user, organisation) = (UserId::parse("999000000001"), OdsCode::parse("A99982"));
    let (user, organisation) = (user.expect("a user"), organisation.expect("a code"));
    for (name, permit) in [("permit.json", true), ("deny.json", false)] {
        put("corpus/consent", name, example(patient, &user, &organisation, permit, NOW).to_string());
    }
    let overriding = override_example(patient, &user, &organisation, "Emergency", "unconscious", NOW);
    put("corpus/consent", "override.json", overriding.to_string());
}
