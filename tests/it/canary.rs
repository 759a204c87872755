//! A clinical value, a name and an NHS number planted in a record are in the answers, and nowhere else: not in the log at its
//! most talkative, not in the metrics, and of the three only the number in the store (CONTRACT sections 8 and 9).

use super::wire::{Program, ask, free_port};
use mig_fhir::clock::Clock;
use mig_fhir::ids::NhsNumber;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::generate::{Options, generate};
use serde_json::Value;
use std::path::Path;

const NAME: &str = "Canarysurname";
const TERM: &str = "Canary of the clinic";
const TEXT: &str = "Canary in a text value";
const DOSAGE: &str = "Two canaries at night";
const AMOUNT: &str = "31337.4242";
const CODE: &str = "CANARY0117";
const LEGACY_ID: &str = "CA9A12EE-0000-4000-8000-0000000000C1";
/// Said by entries that may not leave: one on the list, one hidden.
const WITHHELD: &str = "Canary that nobody may see";
const WITHHELD_ID: &str = "CA9A12EE-0000-4000-8000-0000000000D";

/// A record in which every sort of content has its canary.
fn record() -> (NhsNumber, String) {
    let made = generate(4_242, 80, &Options::default());
    let at = made.xml.find("<surname>").expect("the patient's surname") + "<surname>".len();
    let end = at + made.xml[at..].find('<').expect("its end");
    let mut xml = made.xml;
    xml.replace_range(at..end, NAME);
    let code = format!(
        "<code codeSystem=\"2.16.840.1.113883.2.1.3.2.4.15\" code=\"{CODE}\" displayName=\"{TERM}\"/><displayTerm>{TERM}</displayTerm>"
    );
    let entries = format!(
        "<event><id>{LEGACY_ID}</id><eventType>VAL</eventType>{code}<observation><value><numeric><value>{AMOUNT}</value></numeric></value></observation></event>\
         <event><id>CA9A12EE-0000-4000-8000-0000000000C2</id><eventType>VAL</eventType>{code}<observation><value><text><value>{TEXT}</value></text></value></observation></event>\
         <event><id>CA9A12EE-0000-4000-8000-0000000000C3</id><eventType>ALL</eventType>{code}<allergy/></event>\
         <event><id>CA9A12EE-0000-4000-8000-0000000000C4</id><eventType>MED</eventType>{code}<medication><dosage>{DOSAGE}</dosage><prescriptionType>R</prescriptionType><drugStatus>A</drugStatus></medication></event>\
         <event><id>{WITHHELD_ID}1</id><eventType>VAL</eventType><code codeSystem=\"2.16.840.1.113883.2.1.6.2\" code=\"A788.00\" displayName=\"{WITHHELD}\"/><displayTerm>{WITHHELD}</displayTerm><observation><value><numeric><value>{AMOUNT}9</value></numeric></value></observation></event>\
         <event><id>{WITHHELD_ID}2</id><eventType>OBS</eventType><code codeSystem=\"2.16.840.1.113883.2.1.3.2.4.15\" code=\"{CODE}\" displayName=\"{WITHHELD}\"/><displayTerm>{WITHHELD}</displayTerm><hidden>true</hidden></event>\
         <event><id>CA9A12EE-0000-4000-8000-0000000000C5</id><eventType>{TERM}</eventType>{code}</event>\
         </healthDomain>"
    );
    (NhsNumber::parse(&made.nhs_number).expect("a number"), xml.replace("</healthDomain>", &entries))
}

/// Asks everything that a client may get right or wrong; tells all the answers.
async fn ask_everything(program: &Program, token: &str, patient: NhsNumber) -> String {
    let member = cast::find("clinician").expect("of the cast");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let json = format!("{bearer}Content-Type: application/fhir+json\r\n");
    let form = format!("{bearer}Content-Type: application/x-www-form-urlencoded\r\n");
    let digits = patient.reveal();
    let number = format!("https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{digits}");
    let consent = cast::consent_to(member, patient, Clock::system().now()).to_string();
    let mut told = String::new();
    let mut tell = async |method: &str, path: String, headers: &str, body: &str| -> Value {
        let answer = ask(program.address, method, &path, headers, body).await.expect("an answer");
        told.push_str(&String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    let created = tell("POST", "/FHIR/R4/Consent".into(), &json, &consent).await;
    assert_eq!(created["resourceType"], "Consent", "{created}");
    let found = tell("GET", format!("/FHIR/R4/Patient?identifier={number}"), &bearer, "").await;
    let id = found["entry"][0]["resource"]["id"].as_str().expect("the patient").to_owned();
    tell("GET", format!("/FHIR/R4/Patient/{id}/$everything"), &bearer, "").await;
    let kinds = [
        "Condition",
        "MedicationStatement",
        "MedicationRequest",
        "AllergyIntolerance",
        "Flag",
        "Observation",
        "DiagnosticReport",
        "Procedure",
        "Immunization",
        "Encounter",
        "ServiceRequest",
    ];
    for kind in kinds {
        tell("GET", format!("/FHIR/R4/{kind}?patient.identifier={number}"), &bearer, "").await;
        let fresh = format!("{form}Cache-Control: no-cache\r\n");
        tell("POST", format!("/FHIR/R4/{kind}/_search"), &fresh, &format!("patient.identifier={number}")).await;
        tell("GET", format!("/FHIR/R4/{kind}?patient.identifier={number}&{digits}={digits}"), &bearer, "").await;
        tell("GET", format!("/FHIR/R4/{kind}?patient.identifier={number}&date={digits}"), &bearer, "").await;
        tell("GET", format!("/FHIR/R4/{kind}?patient={digits}"), &bearer, "").await;
        tell("GET", format!("/FHIR/R4/{kind}/{digits}"), &bearer, "").await;
    }
    // Wrong in every place where a number could be.
    for path in
        [format!("/FHIR/R4/{digits}"), format!("/{digits}?{digits}"), format!("/FHIR/R4/Patient/{digits}/$everything")]
    {
        tell("GET", path, &bearer, "").await;
    }
    tell("GET", format!("/FHIR/R4/Patient?identifier={number}"), &format!("Authorization: Bearer {digits}\r\n"), "")
        .await;
    tell("POST", "/FHIR/R4/Consent".into(), &json, &format!("{{\"resourceType\":\"{NAME}\",\"{digits}\":")).await;
    tell("POST", "/FHIR/R4/Consent".into(), &json, &consent.replace("TREAT", digits)).await;
    tell("POST", "/FHIR/R4/Consent".into(), &form, &format!("x={digits}")).await;
    let correlation = format!("{bearer}X-Request-ID: {digits} {NAME}\r\nX-Correlation-ID: {digits}\r\n");
    tell("GET", format!("/FHIR/R4/Patient?identifier={number}"), &correlation, "").await;
    told
}

fn bytes_of(store: &Path) -> String {
    let name = store.file_name().expect("a name").to_string_lossy().into_owned();
    let mut bytes = Vec::new();
    for suffix in ["", "-wal", "-shm"] {
        bytes.extend(std::fs::read(store.with_file_name(format!("{name}{suffix}"))).unwrap_or_default());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether it is there, in capitals or not.
fn holds(haystack: &str, needle: &str) -> bool {
    haystack.to_ascii_lowercase().contains(&needle.to_ascii_lowercase())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_canary_is_in_the_answers_and_nowhere_else() {
    let (patient, xml) = record();
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("records")).expect("a folder");
    std::fs::write(at("records/canary.xml"), &xml).expect("written");
    let records = at("records");
    let records = ["--records", records.to_str().expect("a path"), "--log-format", "json"];
    let metrics = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let environment = [("MIG_FHIR__SERVER__METRICS_LISTEN", metrics[0].as_str())];
    let demo = Program::demo(&at("data"), &records, &environment, &at("demo.log")).await;
    let token = demo.token("clinician").await;
    let mut told = vec![ask_everything(&demo, &token, patient).await];
    let mut measured = vec![measure(&metrics[0]).await];

    // The facade alone at its most talkative, before the demo's simulated MIG, with a store of its own.
    let store = at("own.sqlite");
    std::fs::copy(at("data/store.sqlite"), &store).expect("copied");
    let wal = at("data/store.sqlite-wal");
    if wal.exists() {
        std::fs::copy(wal, at("own.sqlite-wal")).expect("copied");
    }
    let path = |path: &Path| path.to_str().expect("a path").to_owned();
    let (own, anchor) = (path(&store), path(&at("own.anchor")));
    let environment = [
        ("MIG_FHIR__LOG__LEVEL", "debug"),
        ("MIG_FHIR__LOG__FORMAT", "json"),
        ("MIG_FHIR__STORE__PATH", own.as_str()),
        ("MIG_FHIR__AUDIT__ANCHOR_FILE", anchor.as_str()),
        ("MIG_FHIR__SERVER__METRICS_LISTEN", metrics[1].as_str()),
    ];
    let facade = Program::serve(&at("data/config.toml"), &[], &environment, &at("facade.log")).await;
    told.push(ask_everything(&facade, &token, patient).await);
    measured.push(measure(&metrics[1]).await);

    let stored = [bytes_of(&at("data/store.sqlite")), bytes_of(&store)];
    facade.kill();
    demo.kill();
    let logs: Vec<String> =
        ["demo.log", "facade.log"].iter().map(|name| std::fs::read_to_string(at(name)).expect("a log")).collect();
    // A proof from silence needs something said.
    assert!(logs[1].lines().count() > 50, "the facade logs a line a request");
    for text in &measured {
        assert!(text.contains("_seconds"), "the metrics are there: {text}");
    }
    assert!(holds(&stored[0], patient.reveal()) || holds(&stored[1], patient.reveal()), "the audit names the patient");

    for (which, told) in told.iter().enumerate() {
        for canary in [NAME, TERM, TEXT, DOSAGE, AMOUNT, patient.reveal()] {
            assert!(told.contains(canary), "{canary} is in the answers of {which}");
        }
        for canary in [WITHHELD, "A788.", WITHHELD_ID, &format!("{AMOUNT}9")] {
            assert!(!holds(told, canary), "{canary} is in the answers of {which}");
        }
    }
    for canary in [NAME, TERM, TEXT, DOSAGE, AMOUNT, CODE, LEGACY_ID, WITHHELD, WITHHELD_ID, "A788.", patient.reveal()]
    {
        for (name, log) in ["the demo", "the facade"].iter().zip(&logs) {
            let line = log.lines().find(|line| holds(line, canary));
            assert!(line.is_none(), "{canary} is in the log of {name}: {line:?}");
        }
        for text in &measured {
            assert!(!holds(text, canary), "{canary} is in the metrics");
        }
        if canary != patient.reveal() {
            for bytes in &stored {
                assert!(!holds(bytes, canary), "{canary} is in the store");
            }
        }
    }
}

async fn measure(listen: &str) -> String {
    let answer = ask(listen.parse().expect("an address"), "GET", "/metrics", "", "").await.expect("the metrics");
    String::from_utf8(answer.body).expect("text")
}
