//! Every route over HTTP: the answers about a record with planted entries that may not leave are, byte for byte, the answers
//! about the same record without them, and nothing of them stays in what the service keeps.

use super::no_leak::{Pair, READ, excluded_shapes, marked_shapes};
use super::pipeline::Pipeline;
use super::wire::{ask, number};
use mig_fhir::clock::Clock;
use mig_fhir::ids::{NhsNumber, Sealer, Suffix};
use mig_fhir::kinds::Kind;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::generate::Planted;
use mig_fhir::simulator::holdings::{Holding, Holdings};
use mig_fhir::simulator::running::{Running, Start};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use time::OffsetDateTime;

/// One request of a client.
#[derive(Clone)]
struct Asked {
    method: &'static str,
    path: String,
    /// Headers beside those of every request.
    wishes: &'static str,
    body: String,
}

/// What is asked of every type that can be searched.
const QUERIES: [&str; 19] = [
    "",
    "&_count=2",
    "&_count=0",
    "&_count=5&_total=none&_sort=-date",
    "&_sort=date",
    "&_include=*&_include:iterate=*",
    "&code=http%3A%2F%2Fread.info%2Freadv2%7CA541.",
    "&code:text=planted",
    "&_summary=count",
    "&_summary=true",
    "&_summary=text",
    "&_summary=data",
    "&_elements=code",
    "&_elements=id,meta",
    "&_tag=Problems",
    "&_tag=Investigations&_total=estimate",
    "&date=ge2000-01-01",
    "&_format=xml&_pretty=true",
    "&no-such-parameter=1",
];

/// Ways in which an answer may be wished for.
const WISHES: [&str; 5] = [
    "Accept: application/fhir+xml\r\n",
    "Accept-Encoding: gzip\r\n",
    "If-None-Match: W/\"1\"\r\nIf-Modified-Since: Sun, 01 Nov 2026 00:00:00 GMT\r\n",
    "Cache-Control: no-cache\r\n",
    "Prefer: handling=lenient\r\n",
];

/// Everything that a client of one patient's record can ask, as asked.
async fn transcript(
    running: &Running,
    patient: NhsNumber,
    withheld: &[String],
    sealer: &Sealer,
    now: OffsetDateTime,
) -> Vec<String> {
    let to: SocketAddr = running.origin().trim_start_matches("http://").parse().expect("an address");
    let member = cast::find("clinician").expect("of the cast");
    let token = running.token(member).expect("a token");
    let bearer = format!("Authorization: Bearer {token}\r\nX-Request-ID: proof\r\n");
    let consent = cast::consent_to(member, patient, now).to_string();
    let json = format!("{bearer}Content-Type: application/fhir+json\r\n");
    let created = ask(to, "POST", "/FHIR/R4/Consent", &json, &consent).await.expect("an answer");
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));

    let id = sealer.seal_patient(patient);
    let number = format!("https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{}", patient.reveal());
    let mut asked: Vec<Asked> = Vec::new();
    let mut add = |method, path: String, wishes, body: &str| {
        asked.push(Asked { method, path, wishes, body: body.to_owned() });
    };
    add("GET", format!("Patient?identifier={number}"), "", "");
    add("GET", format!("Patient/{id}"), "", "");
    add("GET", format!("Patient/{id}/$everything?_type=Observation,Condition&_count=3"), "", "");
    for operation in ["$everything", "$detailed-care-record"] {
        for method in ["GET", "HEAD"] {
            add(method, format!("Patient/{id}/{operation}"), "", "");
        }
        for wishes in WISHES {
            add("GET", format!("Patient/{id}/{operation}"), wishes, "");
        }
    }
    let searched = Kind::ALL.iter().filter(|kind| !kind.is_referred_to() && **kind != Kind::Patient);
    for (nth, kind) in searched.enumerate() {
        let search = |query: &str| format!("{kind}?patient.identifier={number}{query}");
        for query in QUERIES {
            add("GET", search(query), "", "");
        }
        add("GET", search(&format!("&code={READ}%7CA541.")), "", "");
        add("HEAD", search(""), "", "");
        add("GET", search(""), WISHES[nth % WISHES.len()], "");
        add("POST", format!("{kind}/_search"), "", &format!("patient=Patient/{id}"));
    }
    for (nth, legacy) in withheld.iter().enumerate() {
        let withheld = sealer.seal(patient, legacy, Suffix(0));
        for kind in Kind::ALL {
            add("GET", format!("{kind}/{withheld}"), "", "");
        }
        for kind in ["Observation", "Condition", "MedicationRequest", "DiagnosticReport"] {
            add("HEAD", format!("{kind}/{withheld}"), "", "");
            let search = |query: &str| format!("{kind}?patient.identifier={number}&{query}");
            add("GET", search(&format!("_id={withheld}")), "", "");
            add("GET", search(&format!("encounter=Encounter/{withheld}")), "", "");
            add("GET", format!("{kind}/{withheld}"), WISHES[nth % WISHES.len()], "");
        }
        // What a specimen or the second resource of it would be called.
        let second = sealer.seal(patient, legacy, Suffix(1));
        add("GET", format!("Specimen/{second}"), "", "");
    }

    let mut told = Vec::new();
    let mut shown: BTreeSet<String> = BTreeSet::new();
    let mut next = 0;
    while let Some(Asked { method, path, wishes, body }) = asked.get(next).cloned() {
        next += 1;
        let form = if body.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded\r\n" };
        let answer = ask(to, method, &format!("/FHIR/R4/{path}"), &format!("{bearer}{form}{wishes}"), &body).await;
        let mut answer = answer.expect("an answer");
        if answer.header("content-encoding") == Some("gzip") {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(answer.body.as_slice()), &mut plain)
                .expect("gzip");
            answer.body = plain;
            // The port in the body is squeezed too, so that its length says nothing to compare.
            answer.head = answer.head.lines().filter(|line| !line.starts_with("content-length:")).fold(
                String::new(),
                |mut head, line| {
                    let _ = writeln!(head, "{line}");
                    head
                },
            );
        }
        let bundle = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        for link in bundle["link"].as_array().into_iter().flatten().filter(|link| link["relation"] == "next") {
            let url = link["url"].as_str().expect("a link");
            let path = url.rsplit_once("/FHIR/R4/").expect("ours").1.to_owned();
            asked.push(Asked { method: "GET", path, wishes: "", body: String::new() });
        }
        // Each resource is read by its id, once; the document itself is kept nowhere.
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            if let (Some(kind), Some(id)) = (resource["resourceType"].as_str(), resource["id"].as_str())
                && kind != "Composition"
                && shown.insert(format!("{kind}/{id}"))
                && shown.len().is_multiple_of(4)
            {
                let path = format!("{kind}/{id}");
                asked.push(Asked { method: "GET", path, wishes: "", body: String::new() });
            }
        }
        told.push(format!("{method} {path} {wishes:?} {body}\n{}", normalised(&answer.head, &answer.body, to)));
    }
    told
}

/// Without the port, the time that the connection says, and the name that each document is given by chance.
fn normalised(head: &str, body: &[u8], to: SocketAddr) -> String {
    const UUID: usize = 36;
    let head: String = head.lines().filter(|line| !line.starts_with("date:")).fold(String::new(), |mut head, line| {
        let _ = writeln!(head, "{line}");
        head
    });
    let told = format!("{head}\n{}", String::from_utf8_lossy(body)).replace(&to.to_string(), "HOST");
    let document = told.split("\"urn:uuid:").nth(1).and_then(|rest| rest.get(..UUID)).map(str::to_owned);
    document.map_or(told.clone(), |name| told.replace(&name, "DOCUMENT"))
}

/// The answers of a service whose clock stands still, so that no time in them differs.
async fn answers(data: &Path, records: &[(String, Vec<String>)], now: OffsetDateTime) -> Vec<Vec<String>> {
    let mut holdings = Holdings::default();
    let mut patients = Vec::new();
    for (xml, withheld) in records {
        let holding = Holding::read(xml.clone()).expect("a record");
        patients.push((NhsNumber::parse(&holding.nhs_number).expect("a number"), withheld));
        assert!(holdings.add(holding));
    }
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let start = Start { listen, data: Some(data.to_owned()), holdings, clock: Clock::fixed(now) };
    let extras = crate::database::extras(data).await;
    let running = Running::start_with(start, extras).await.unwrap_or_else(|error| panic!("{error:?}"));
    let secret = std::fs::read(data.join("ids.key")).expect("the key");
    let sealer = Sealer::new(0, &secret.try_into().expect("64 bytes"));
    let mut all = Vec::new();
    for (patient, withheld) in patients {
        all.push(transcript(&running, patient, withheld, &sealer, now).await);
    }
    running.stop().await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_route_tells_a_record_with_withheld_entries_from_one_without() {
    let pipeline = Pipeline::new();
    let mut shapes = excluded_shapes(pipeline.exclusions.entries());
    shapes.extend(marked_shapes());
    let records = number("MIG_FHIR_PROOFS_LEAKS", 20);
    let every = shapes.len() / usize::try_from(records).expect("small");
    let pairs: Vec<Pair> = (0..records)
        .map(|seed| {
            let start = usize::try_from(seed).expect("small") * every;
            // The dates of the record end today, or Summary would be empty.
            let planted: Vec<Planted> = shapes[start..].iter().cycle().step_by(3).take(26).cloned().collect();
            Pair::new(5_000 + seed, 56, &planted)
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let withheld: Vec<Vec<String>> =
        pairs.iter().map(|pair| pair.with.planted.iter().take(4).cloned().collect()).collect();
    let with: Vec<_> = pairs.iter().zip(&withheld).map(|(pair, ids)| (pair.with.xml.clone(), ids.clone())).collect();
    let without: Vec<_> = pairs.iter().zip(&withheld).map(|(pair, ids)| (pair.without.clone(), ids.clone())).collect();
    let now = Clock::system().now();
    let with = answers(&data, &with, now).await;
    // What is kept of it: the store, the audit trail, the anchor, whatever else lies there.
    for path in std::fs::read_dir(&data).expect("the folder").map(|entry| entry.expect("an entry").path()) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for pair in &pairs {
            pair.check(&text, &format!("{}", path.display()));
        }
    }
    let without = answers(&data, &without, now).await;
    let mut count = 0;
    for ((pair, with), without) in pairs.iter().zip(&with).zip(&without) {
        for (with, without) in with.iter().zip(without) {
            count += 1;
            let asked = with.lines().next().unwrap_or_default();
            pair.check(with.split_once('\n').map_or("", |(_, answer)| answer), asked);
            assert_eq!(with, without, "{asked}");
        }
        assert_eq!(with.len(), without.len());
        let ok = with.iter().filter(|answer| answer.contains("\nHTTP/1.1 200 ")).count();
        assert!(ok > 40, "{ok} answers of {}", with.len());
    }
    let planted: usize = pairs.iter().map(|pair| pair.with.planted.len()).sum();
    assert!(planted >= 500 || records < 20);
    println!("{planted} plantings, {count} answers compared");
}
