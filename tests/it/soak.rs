//! Minutes of mixed load against the program, with its memory printed. No everyday test: `.ci/long/run` runs it.

use super::wire::{Program, ask, command, number};
use mig_fhir::clock::Clock;
use mig_fhir::ids::NhsNumber;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::generate::{Options, generate};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const RECORDS: u64 = 60;
const CLIENTS: u64 = 12;

/// Answers by what was asked and status, and how long they took in all.
type Tally = Arc<Mutex<BTreeMap<(&'static str, u16), (u64, Duration)>>>;

struct Client {
    to: SocketAddr,
    token: String,
    patients: Arc<Vec<NhsNumber>>,
    turn: u64,
    tally: Tally,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn run(mut self) {
        let member = cast::find("clinician").expect("of the cast");
        while !self.stop.load(Ordering::Relaxed) {
            self.turn += 1;
            let which = usize::try_from(self.turn * 7 + CLIENTS).expect("small") % self.patients.len();
            let patient = self.patients[which];
            let consent = cast::consent_to(member, patient, Clock::system().now()).to_string();
            let json = "Content-Type: application/fhir+json\r\n";
            let created = self.ask("consent", "POST", "Consent", json, &consent).await;
            if created["resourceType"] != "Consent" {
                continue;
            }
            let number = format!("https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{}", patient.reveal());
            let form = "Content-Type: application/x-www-form-urlencoded\r\n";
            let found = self.ask("patient", "GET", &format!("Patient?identifier={number}"), "", "").await;
            let id = found["entry"][0]["resource"]["id"].as_str().map(str::to_owned);
            for kind in ["AllergyIntolerance", "MedicationStatement", "Condition", "Observation"] {
                let body = format!("patient.identifier={number}");
                self.ask("search", "POST", &format!("{kind}/_search"), form, &body).await;
                let include = format!("{kind}?patient.identifier={number}&_count=20");
                let found = self.ask("page", "GET", &include, "", "").await;
                if let Some(one) = found["entry"][0]["resource"]["id"].as_str() {
                    self.ask("read", "GET", &format!("{kind}/{one}"), "", "").await;
                }
            }
            if let Some(id) = id.filter(|_| self.turn.is_multiple_of(3)) {
                let fresh = "Cache-Control: no-cache\r\n";
                self.ask("everything", "GET", &format!("Patient/{id}/$everything"), fresh, "").await;
            }
            self.ask("wrong", "GET", &format!("Condition?patient.identifier={number}&nonsense=1"), "", "").await;
            self.ask("unknown", "GET", "Condition/AAAA", "", "").await;
        }
    }

    async fn ask(&self, what: &'static str, method: &str, path: &str, headers: &str, body: &str) -> serde_json::Value {
        let headers = format!("Authorization: Bearer {}\r\n{headers}", self.token);
        let started = Instant::now();
        let answer = ask(self.to, method, &format!("/FHIR/R4/{path}"), &headers, body).await.expect("an answer");
        if answer.status >= 500 {
            println!("{what}: {} {}", answer.status, answer.json()["issue"][0]["details"]["coding"]);
        }
        let mut tally = self.tally.lock().expect("unpoisoned");
        let (count, took) = tally.entry((what, answer.status)).or_default();
        *count += 1;
        *took += started.elapsed();
        answer.json()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes minutes; .ci/long/run runs it"]
async fn minutes_of_mixed_load_leave_it_as_it_was() {
    let seconds = number("MIG_FHIR_PROOFS_SOAK_SECONDS", 300);
    let folder = tempfile::tempdir().expect("a folder");
    let (data, records) = (folder.path().join("data"), folder.path().join("records"));
    std::fs::create_dir(&records).expect("a folder");
    let today = Clock::system().now().date();
    for seed in 0..RECORDS {
        let events = 50 + usize::try_from(seed * 13 % 450).expect("small");
        let options = Options { today, restricted_every: 17, hidden_every: 23, ..Options::default() };
        let made = generate(seed, events, &options);
        std::fs::write(records.join(format!("{seed}.xml")), made.xml).expect("written");
    }
    let records = ["--records", records.to_str().expect("a path")];
    let program = Program::demo(&data, &records, &[], &folder.path().join("log")).await;
    let token = program.token("clinician").await;
    let listed = program.patients().await;
    let patients = listed.iter().filter_map(|patient| NhsNumber::parse(patient["nhs_number"].as_str()?)).collect();
    let patients: Arc<Vec<NhsNumber>> = Arc::new(patients);
    let (tally, stop) = (Tally::default(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|nth| {
            let client = Client {
                to: program.address,
                token: token.clone(),
                patients: patients.clone(),
                turn: nth * 1_000,
                tally: tally.clone(),
                stop: stop.clone(),
            };
            tokio::spawn(client.run())
        })
        .collect();
    let mut memory = Vec::new();
    let interval = (seconds / 20).max(1);
    for at in (interval..=seconds).step_by(usize::try_from(interval).expect("small")) {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        let kilobytes = program.memory().unwrap_or_default();
        let answers: u64 = tally.lock().expect("unpoisoned").values().map(|(count, _)| count).sum();
        println!("{at:>5} s  {:>6} MB resident  {answers:>8} answers", kilobytes / 1024);
        memory.push(kilobytes);
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    let tally = tally.lock().expect("unpoisoned");
    for ((what, status), (count, took)) in tally.iter() {
        println!("{what:<11} {status}  {count:>7}  mean {:?}", *took / u32::try_from(*count).expect("small"));
    }
    program.kill();
    let (verified, said) = command(&["audit", "verify", "--data", data.to_str().expect("a path")]);
    println!("{said}");
    assert!(verified, "{said}");
    let all: u64 = tally.values().map(|(count, _)| count).sum();
    let expected = [("consent", 201), ("patient", 200), ("wrong", 400), ("unknown", 404)];
    for ((what, status), (count, _)) in tally.iter() {
        let wanted = expected.iter().find(|(known, _)| known == what).map_or(200, |(_, status)| *status);
        // Every Consent makes whatever is under way decide again; what gives up on that says so, and is rare.
        assert!(*status == wanted || (*status == 503 && *count * 20 < all), "{count} answers of {status} to {what}");
    }
    // The cache fills in the first third; after that memory may breathe and not grow.
    let (early, late) = (memory[memory.len() / 3], memory[memory.len() - 1]);
    assert!(late < early + early / 2 + 64 * 1024, "resident memory grew from {early} to {late} kB");
}
