//! Killed at any moment, under load, the service has never said more than its audit can tell, and never asked the
//! practice's system without a record of it (CONTRACT section 8).

use super::wire::{Program, ask, command, number};
use mig_fhir::clock::{Clock, millis};
use mig_fhir::ids::NhsNumber;
use mig_fhir::simulator::cast;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A small seeded source of chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// What the clients received whole.
#[derive(Default)]
struct Noted {
    /// Request ids of answers with 200 or 201.
    answered: Vec<String>,
    /// Ids of Consents that were said to be kept.
    consents: Vec<String>,
    /// How many answers of each status.
    statuses: BTreeMap<u16, u64>,
}

/// Someone who records consent and searches, until the service is gone.
struct Client {
    to: SocketAddr,
    token: String,
    user: &'static str,
    patient: NhsNumber,
    noted: Arc<Mutex<Noted>>,
    chance: Chance,
}

impl Client {
    async fn run(mut self) {
        loop {
            if !self.consent().await {
                return;
            }
            for _ in 0..=self.chance.below(8) {
                if !self.search().await {
                    return;
                }
            }
        }
    }

    async fn consent(&mut self) -> bool {
        let member = cast::find(self.user).expect("of the cast");
        let body = cast::consent_to(member, self.patient, Clock::system().now()).to_string();
        let json = "Content-Type: application/fhir+json\r\n";
        let Some(created) = self.ask("POST", "/FHIR/R4/Consent", json, &body).await else { return false };
        if let Some(id) = created["id"].as_str().filter(|_| created["resourceType"] == "Consent") {
            self.noted.lock().expect("unpoisoned").consents.push(id.to_owned());
        }
        true
    }

    async fn search(&mut self) -> bool {
        let kinds = ["AllergyIntolerance", "MedicationStatement", "Patient", "Condition"];
        let kind = kinds[usize::try_from(self.chance.below(4)).expect("small")];
        let patient = format!("https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{}", self.patient.reveal());
        let named = if kind == "Patient" { "identifier" } else { "patient.identifier" };
        let fresh = if self.chance.below(2) == 0 { "Cache-Control: no-cache\r\n" } else { "" };
        if self.chance.below(2) == 0 {
            let form = format!("Content-Type: application/x-www-form-urlencoded\r\n{fresh}");
            let path = format!("/FHIR/R4/{kind}/_search");
            return self.ask("POST", &path, &form, &format!("{named}={patient}")).await.is_some();
        }
        self.ask("GET", &format!("/FHIR/R4/{kind}?{named}={patient}"), fresh, "").await.is_some()
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Option<Value> {
        let request = uuid::Uuid::new_v4().to_string();
        let headers = format!("Authorization: Bearer {}\r\nX-Request-ID: {request}\r\n{headers}", self.token);
        let answer = ask(self.to, method, path, &headers, body).await.ok()?;
        let mut noted = self.noted.lock().expect("unpoisoned");
        *noted.statuses.entry(answer.status).or_default() += 1;
        if matches!(answer.status, 200 | 201) {
            noted.answered.push(request);
        }
        Some(answer.json())
    }
}

/// A row of the trail.
struct Trail {
    kind: String,
    attempt: String,
    recorded: i64,
    payload: Value,
}

async fn trail(data: &Path) -> (Vec<Trail>, BTreeSet<String>) {
    let options = SqliteConnectOptions::new().filename(data.join("store.sqlite"));
    let pool = SqlitePool::connect_with(options).await.expect("the store");
    let rows = sqlx::query("SELECT kind, attempt, recorded, payload FROM audit ORDER BY seq").fetch_all(&pool);
    let rows = rows.await.expect("rows").into_iter().map(|row| Trail {
        kind: row.get(0),
        attempt: row.get(1),
        recorded: row.get(2),
        payload: serde_json::from_str(row.get(3)).expect("a payload"),
    });
    let rows = rows.collect();
    let consents = sqlx::query("SELECT id FROM consent").fetch_all(&pool).await.expect("consents");
    let consents = consents.iter().map(|row| row.get(0)).collect();
    pool.close().await;
    (rows, consents)
}

/// One attempt, from its rows.
#[derive(Default)]
struct Attempt {
    /// The Consents that its `opened` rows name, each with when it was first named.
    opened: BTreeMap<Option<String>, i64>,
    closed: Option<i64>,
    interrupted: Option<i64>,
    user: String,
    organisation: String,
    messages: BTreeSet<String>,
}

fn attempts(trail: &[Trail]) -> BTreeMap<&str, Attempt> {
    let mut attempts: BTreeMap<&str, Attempt> = BTreeMap::new();
    for row in trail {
        let attempt = attempts.entry(&row.attempt).or_default();
        let text = |name: &str| row.payload[name].as_str().unwrap_or_default().to_owned();
        (attempt.user, attempt.organisation) = (text("user"), text("organisation"));
        let slot = match row.kind.as_str() {
            "opened" => {
                let consent = row.payload["basis"]["consent"].as_str().map(str::to_owned);
                attempt.opened.entry(consent).or_insert(row.recorded);
                continue;
            }
            "closed" => &mut attempt.closed,
            "interrupted" => &mut attempt.interrupted,
            _ => continue,
        };
        assert!(slot.replace(row.recorded).is_none(), "an attempt has one {} row", row.kind);
        let messages = row.payload["basis"]["messages"].as_array().into_iter().flatten();
        attempt.messages.extend(messages.filter_map(Value::as_str).map(str::to_owned));
    }
    attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_any_moment_it_has_said_nothing_that_the_audit_does_not_tell() {
    let kills = number("MIG_FHIR_PROOFS_KILLS", 20);
    let folder = tempfile::tempdir().expect("a folder");
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let noted = Arc::new(Mutex::new(Noted::default()));
    let mut chance = Chance(0x6B69_6C6C);
    let started = Instant::now();
    for kill in 0..kills {
        let program = Program::demo(&data, &[], &[], &log).await;
        let patients = program.patients().await;
        let of = |scenario: &str| {
            let listed = patients.iter().find(|patient| patient["scenario"] == scenario).expect("a scenario");
            NhsNumber::parse(listed["nhs_number"].as_str().expect("a number")).expect("a number")
        };
        let clinician = program.token("clinician").await;
        let other = program.token("other-clinician").await;
        let clients = [
            ("clinician", &clinician, of("rich")),
            // The same occasion as the first: consents overtake each other.
            ("clinician", &clinician, of("rich")),
            ("clinician", &clinician, of("systmone")),
            ("other-clinician", &other, of("emis")),
        ];
        let clients: Vec<_> = (0..)
            .zip(clients)
            .map(|(nth, (user, token, patient))| {
                let client = Client {
                    to: program.address,
                    token: token.clone(),
                    user,
                    patient,
                    noted: noted.clone(),
                    chance: Chance(kill * 100 + nth),
                };
                tokio::spawn(client.run())
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(50 + chance.below(550))).await;
        program.kill();
        for client in clients {
            client.await.expect("a client");
        }
    }
    // The last start closes what the last kill left open.
    Program::demo(&data, &[], &[], &log).await.kill();

    let noted = std::mem::take(&mut *noted.lock().expect("unpoisoned"));
    println!("{kills} kills in {:?}: answers by status {:?}", started.elapsed(), noted.statuses);
    assert!(noted.answered.len() as u64 >= kills * 2, "there was load: {:?}", noted.statuses);

    let (rows, kept) = trail(&data).await;
    let attempts = attempts(&rows);
    every_answer_is_in_the_trail(&noted, &rows, &kept);
    every_attempt_ended_once(&attempts, kills);
    every_extract_is_told(&data, &attempts, kills);

    let (verified, said) = command(&["audit", "verify", "--data", data.to_str().expect("a path")]);
    assert!(verified, "{said}");
}

fn every_answer_is_in_the_trail(noted: &Noted, rows: &[Trail], kept: &BTreeSet<String>) {
    let closed: BTreeSet<&str> = rows
        .iter()
        .filter(|row| row.kind == "closed" && row.payload["outcome"] == 0)
        .filter_map(|row| row.payload["request_id"].as_str())
        .collect();
    let untold: Vec<&String> = noted.answered.iter().filter(|id| !closed.contains(id.as_str())).collect();
    assert!(untold.is_empty(), "answered without an AuditEvent: {untold:?}");
    let lost: Vec<&String> = noted.consents.iter().filter(|id| !kept.contains(*id)).collect();
    assert!(lost.is_empty(), "Consents that were said to be kept: {lost:?}");
}

fn every_attempt_ended_once(attempts: &BTreeMap<&str, Attempt>, kills: u64) {
    for (id, attempt) in attempts {
        let ended = [attempt.closed, attempt.interrupted].into_iter().flatten().count();
        assert_eq!(ended, 1, "{id} ended once");
        assert!(attempt.interrupted.is_none() || !attempt.opened.is_empty(), "{id} was opened");
    }
    let interrupted = attempts.values().filter(|attempt| attempt.interrupted.is_some()).count();
    println!("{} attempts, {interrupted} interrupted", attempts.len());
    assert!(interrupted > 0 || kills < 10, "some kill met an attempt under way");
}

/// Every message that the practice's side logged belongs to an attempt that was on disk before it was sent.
fn every_extract_is_told(data: &Path, attempts: &BTreeMap<&str, Attempt>, kills: u64) {
    let text = std::fs::read_to_string(data.join("extracts.jsonl")).expect("the practice's log");
    let (mut extracts, mut torn, mut unfinished) = (0, 0, 0);
    for line in text.lines() {
        let Ok(extract) = serde_json::from_str::<Value>(line) else {
            torn += 1;
            continue;
        };
        extracts += 1;
        let text = |name: &str| extract[name].as_str().unwrap_or_default();
        let at = millis(OffsetDateTime::parse(text("time"), &Rfc3339).expect("a time"));
        let asked_by = |attempt: &&Attempt| {
            attempt.user == text("user")
                && attempt.organisation == text("organisation")
                && attempt.opened.iter().any(|(named, opened)| {
                    *opened <= at && extract["consent"].as_str().is_none_or(|consent| named.as_deref() == Some(consent))
                })
        };
        let mut candidates = attempts.values().filter(asked_by);
        let told = candidates.clone().any(|attempt| attempt.messages.contains(text("messageId")));
        // A crash kept the message's id from being told; that an extract may have been made is.
        let interrupted = candidates.any(|attempt| attempt.interrupted.is_some_and(|ended| at <= ended));
        unfinished += u64::from(!told);
        assert!(told || interrupted, "an extract that no attempt tells of: {line}");
    }
    println!("{extracts} extracts, {unfinished} of them under way at a kill, {torn} torn lines");
    assert!(extracts > 0);
    assert!(torn <= kills, "no more torn lines than kills");
}
