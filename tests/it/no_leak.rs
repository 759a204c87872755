//! What is withheld might as well not be in the record: every code and rubric of the list, in every shape, and every mark.
//!
//! The strongest form is told by comparison: the answers about a record with the planted entries are, byte for byte, the
//! answers about the same record without them.

use super::pipeline::{Pipeline, cut, name};
use super::wire::{ask, number};
use mig_fhir::clock::Clock;
use mig_fhir::ids::{NhsNumber, Sealer, Suffix};
use mig_fhir::kinds::{Kind, View};
use mig_fhir::release::ExclusionEntry;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::generate::{Generated, Mark, Options, Planted, generate};
use mig_fhir::simulator::holdings::{Holding, Holdings};
use mig_fhir::simulator::running::{Running, Start};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

const READ: &str = "2.16.840.1.113883.2.1.6.2";
/// A local code that nothing is known of.
const INNOCENT: &str = "EMISNQPL2";
/// Stands in the term of every marked entry.
const MARKER: &str = "Planted secret";

fn oid(system: &str) -> &'static str {
    match system {
        "read-v2" => READ,
        "ctv3" => "2.16.840.1.113883.2.1.3.2.4.14",
        "emis" => "2.16.840.1.113883.2.1.6.3",
        _ => "2.16.840.1.113883.2.1.3.2.4.15",
    }
}

fn plant(event_type: &str, system: &str, code: &str, term: &str) -> Planted {
    Planted {
        event_type: event_type.to_owned(),
        system: system.to_owned(),
        code: code.to_owned(),
        term: term.to_owned(),
        ..Planted::default()
    }
}

/// The spellings in which a source may write a code of the list.
fn spellings(entry: &ExclusionEntry) -> Vec<String> {
    let code = entry.code.as_str();
    if !matches!(entry.system.as_str(), "read-v2" | "ctv3") {
        return vec![code.to_owned()];
    }
    let bare = code.trim_end_matches('.');
    let mut all = vec![bare.to_owned(), format!("{bare:.<5}")];
    if entry.system == "read-v2" {
        all.extend([format!("{bare:.<5}00"), format!("{bare:.<5}11"), format!("{bare}-1")]);
        if entry.include_descendants && bare.len() < 5 {
            all.extend([format!("{bare}z"), format!("{:.<5}", format!("{bare}0"))]);
        }
    }
    all
}

/// Every line of the list in every shape, on entries of every type.
fn excluded_shapes(entries: &[ExclusionEntry]) -> Vec<Planted> {
    let types = ["OBS", "VAL", "INV", "MED", "ISS", "IMM", "ALL", "REF", "REP", "FH", "ALT"];
    let mut turn = 0;
    let mut kind = || {
        turn += 1;
        types[turn % types.len()]
    };
    let mut shapes = Vec::new();
    for entry in entries {
        if !entry.code.is_empty() {
            for code in spellings(entry) {
                shapes.push(plant(kind(), oid(&entry.system), &code, MARKER));
            }
            let code = |event_type| plant(event_type, oid(&entry.system), &entry.code, MARKER);
            shapes.push(Planted { as_translation: true, ..code(kind()) });
            shapes.push(Planted { as_qualifier: true, ..code(kind()) });
            shapes.push(Planted { as_problem: true, ..code("OBS") });
        }
        let terms = [(entry.row > 0).then_some(&entry.rubric), Some(&entry.display)];
        for term in terms.into_iter().flatten().filter(|term| !term.is_empty() && entry.system != "refset") {
            shapes.push(plant(kind(), READ, INNOCENT, term));
            shapes.push(plant(kind(), READ, "", &term.to_uppercase()));
            shapes.push(Planted { as_problem: true, ..plant("OBS", "", "", term) });
            shapes.push(Planted { as_translation: true, ..plant(kind(), READ, INNOCENT, term) });
        }
    }
    shapes
}

/// Every mark on every type.
pub(crate) fn marked_shapes() -> Vec<Planted> {
    let mut shapes = Vec::new();
    for mark in [Mark::Restricted, Mark::Hidden, Mark::Deleted] {
        for event_type in ["OBS", "VAL", "INV", "MED", "ISS", "IMM", "ALL", "REF", "REP", "FH"] {
            let marked = Planted { mark, ..plant(event_type, READ, "H33..", MARKER) };
            shapes.push(Planted { as_problem: true, ..marked.clone() });
            shapes.push(marked);
        }
    }
    shapes
}

/// A record with planted entries, and the same record without them.
pub(crate) struct Pair {
    pub(crate) with: Generated,
    pub(crate) without: String,
    secrets: Vec<String>,
}

impl Pair {
    pub(crate) fn new(seed: u64, events: usize, planted: &[Planted]) -> Self {
        let with = generate(seed, events, &Options { planted: planted.to_vec(), ..Options::default() });
        let mut without = with.xml.clone();
        let mut secrets = vec![MARKER.to_owned()];
        for (id, plant) in with.planted.iter().zip(planted) {
            secrets.extend([id.to_ascii_lowercase(), id.to_ascii_uppercase()]);
            if plant.term != MARKER {
                secrets.push(json_text(&plant.term));
            }
            if !plant.code.is_empty() && plant.code != INNOCENT && plant.mark == Mark::None {
                secrets.push(json_text(&plant.code));
            }
            // A drug loses an excluded qualifier and stays (WIRE section 6 and CONTRACT section 7).
            let stays = plant.as_qualifier && matches!(plant.event_type.as_str(), "MED" | "ISS");
            without = if stays { without_qualifier(&without, id) } else { without_entry(&without, id) };
        }
        Self { with, without, secrets }
    }

    pub(crate) fn check(&self, text: &str, place: &str) {
        for secret in &self.secrets {
            assert!(!text.contains(secret.as_str()), "{place}: {secret} leaves");
        }
    }
}

/// As it stands in JSON, quotes included, so that it is found as a whole value alone.
fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// Takes out `start…end` around every place where `within` is found.
fn cut_out(xml: &str, start: &str, within: &str, end: &str) -> String {
    let mut left = xml.to_owned();
    while let Some(at) = left.find(within) {
        let from = left[..at + within.len()].rfind(start).expect("a start");
        let to = at + left[at..].find(end).expect("an end") + end.len();
        left.replace_range(from..to, "");
    }
    left
}

fn without_entry(xml: &str, id: &str) -> String {
    let left = cut_out(xml, "<component>", &format!("<component><event>{id}<"), "</component>");
    let left = cut_out(&left, "<problem>", &format!("<problem><id>{id}<"), "</problem>");
    let left = cut_out(&left, "<eventLink>", &format!("<eventLink><id>{id}<"), "</eventLink>");
    // Before its closing tag an event holds no other event.
    cut_out(&left, "<event", &format!("<id>{id}</id><patient>"), "</event>")
}

fn without_qualifier(xml: &str, id: &str) -> String {
    let at = xml.find(&format!("<event><id>{id}<")).expect("the entry");
    let end = at + xml[at..].find("</event>").expect("its end");
    let inner = xml[at..end].to_owned();
    format!("{}{}{}", &xml[..at], cut_out(&inner, "<qualifier>", "<qualifier>", "</qualifier>"), &xml[end..])
}

/// Every released byte of every view, and of the whole record as one.
fn released(pipeline: &Pipeline, xml: &str) -> (NhsNumber, Vec<(View, String)>) {
    let holding = Holding::read(xml.to_owned()).expect("a record");
    let patient = NhsNumber::parse(&holding.nhs_number).expect("a number");
    let mut all = Vec::new();
    let mut add = |view: View, xml: &str| {
        let mut text = String::new();
        for released in pipeline.run(xml, patient, view, View::ALL).released {
            let json = std::str::from_utf8(released.json()).expect("UTF-8");
            let _ = writeln!(text, "{} {json} {}", name(released.kind(), released.id()), released.with_problem());
        }
        all.push((view, text));
    };
    for view in View::ALL.iter().copied() {
        add(view, &cut(&holding, view));
    }
    add(View::Diagnosis, &holding.xml);
    (patient, all)
}

fn prove(pipeline: &Pipeline, seed: u64, planted: &[Planted]) {
    let pair = Pair::new(seed, planted.len() + 25, planted);
    let (patient, with) = released(pipeline, &pair.with.xml);
    let (_, without) = released(pipeline, &pair.without);
    let sealed: Vec<String> =
        pair.with.planted.iter().map(|id| pipeline.sealer.seal(patient, id, Suffix(0)).as_str().to_owned()).collect();
    for ((view, with), (_, without)) in with.iter().zip(&without) {
        let place = format!("seed {seed}, {view}");
        pair.check(with, &place);
        if with != without {
            let differs = with.lines().zip(without.lines()).find(|(a, b)| a != b);
            let planted: Vec<_> = pair.with.planted.iter().zip(&sealed).filter(|(_, id)| with.contains(*id)).collect();
            panic!("{place}: it shows that something is withheld: {differs:?}, planted and shown: {planted:?}");
        }
    }
}

#[test]
fn an_excluded_entry_in_any_shape_might_as_well_not_be_there() {
    let pipeline = std::sync::Arc::new(Pipeline::new());
    let mut shapes = excluded_shapes(pipeline.exclusions.entries());
    shapes.extend(marked_shapes());
    assert!(shapes.len() > 1_500, "{} shapes", shapes.len());
    let batches: Vec<Vec<Planted>> = shapes.chunks(25).map(<[Planted]>::to_vec).collect();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let threads: Vec<_> = (0..workers)
        .map(|worker| {
            let (pipeline, batches) = (pipeline.clone(), batches.clone());
            std::thread::spawn(move || {
                for (seed, batch) in (0..).zip(batches).skip(worker).step_by(workers) {
                    prove(&pipeline, seed, &batch);
                }
            })
        })
        .collect();
    let failed = threads.into_iter().map(std::thread::JoinHandle::join).filter(Result::is_err).count();
    assert_eq!(failed, 0, "the failures are printed above");
}

/// The comparison itself is no rubber stamp: an ordinary planted entry is seen.
#[test]
fn an_ordinary_planted_entry_is_told_from_none() {
    let pipeline = Pipeline::new();
    for event_type in ["OBS", "VAL", "MED", "ISS", "IMM", "ALL"] {
        let pair = Pair::new(77, 30, &[plant(event_type, READ, "H33..", "Asthma of the proof")]);
        let (with, without) = (released(&pipeline, &pair.with.xml).1, released(&pipeline, &pair.without).1);
        let seen: Vec<View> = with.iter().zip(&without).filter(|(a, b)| a != b).map(|(a, _)| a.0).collect();
        assert!(seen.len() >= 2 || event_type == "IMM", "{event_type} is seen in {seen:?}");
    }
}

/// Marks spread over a record, on whatever entry they fall: parents, members, plans, issues, problems.
#[test]
fn a_marked_entry_never_leaves_wherever_the_mark_falls() {
    let pipeline = Pipeline::new();
    for seed in 0..number("MIG_FHIR_PROOFS_MARKED", 30) {
        let every = 3 + usize::try_from(seed % 7).expect("small");
        let options = Options { restricted_every: every, hidden_every: every + 1, ..Options::default() };
        let made = generate(seed, 90, &options);
        let (patient, views) = released(&pipeline, &made.xml);
        for id in &made.marked {
            let sealed = pipeline.sealer.seal(patient, id, Suffix(0));
            for (view, text) in &views {
                assert!(!text.contains(sealed.as_str()), "seed {seed}, {view}: the marked entry {id} leaves");
            }
        }
    }
}

/// Everything that a client of one patient's record can ask, as asked.
async fn transcript(running: &Running, patient: NhsNumber, withheld: &[String], sealer: &Sealer) -> Vec<String> {
    let to: SocketAddr = running.origin().trim_start_matches("http://").parse().expect("an address");
    let member = cast::find("clinician").expect("of the cast");
    let token = running.token(member).expect("a token");
    let bearer = format!("Authorization: Bearer {token}\r\nX-Request-ID: proof\r\n");
    let consent = cast::consent_to(member, patient, Clock::system().now()).to_string();
    let json = format!("{bearer}Content-Type: application/fhir+json\r\n");
    let created = ask(to, "POST", "/FHIR/R4/Consent", &json, &consent).await.expect("an answer");
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));

    let id = sealer.seal_patient(patient);
    let number = format!("https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{}", patient.reveal());
    let mut asked: Vec<(&str, String, String)> = vec![
        ("GET", format!("Patient?identifier={number}"), String::new()),
        ("GET", format!("Patient/{id}"), String::new()),
        ("GET", format!("Patient/{id}/$everything"), String::new()),
        ("GET", format!("Patient/{id}/$everything?_type=Observation,Condition&_count=3"), String::new()),
    ];
    for kind in Kind::ALL.iter().filter(|kind| !kind.is_referred_to() && **kind != Kind::Patient) {
        for query in [
            String::new(),
            "&_count=2".to_owned(),
            "&_include=*&_include:iterate=*".to_owned(),
            format!("&code={READ}%7CA541."),
            "&code=http%3A%2F%2Fread.info%2Freadv2%7CA541.".to_owned(),
            "&_summary=count".to_owned(),
            "&_elements=code".to_owned(),
            "&_tag=Problems".to_owned(),
            "&date=ge2000-01-01".to_owned(),
            "&no-such-parameter=1".to_owned(),
        ] {
            asked.push(("GET", format!("{kind}?patient.identifier={number}{query}"), String::new()));
        }
        asked.push(("POST", format!("{kind}/_search"), format!("patient=Patient/{id}")));
    }
    for legacy in withheld {
        let withheld = sealer.seal(patient, legacy, Suffix(0));
        for kind in Kind::ALL {
            asked.push(("GET", format!("{kind}/{withheld}"), String::new()));
        }
    }

    let mut told = Vec::new();
    let mut shown: BTreeSet<String> = BTreeSet::new();
    let mut next = 0;
    while let Some((method, path, body)) = asked.get(next).cloned() {
        next += 1;
        let form = if body.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded\r\n" };
        let answer = ask(to, method, &format!("/FHIR/R4/{path}"), &format!("{bearer}{form}"), &body).await;
        let answer = answer.expect("an answer");
        let bundle = answer.json();
        for link in bundle["link"].as_array().into_iter().flatten().filter(|link| link["relation"] == "next") {
            let url = link["url"].as_str().expect("a link");
            asked.push(("GET", url.rsplit_once("/FHIR/R4/").expect("ours").1.to_owned(), String::new()));
        }
        // Each resource is read by its id, once.
        for entry in bundle["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            if let (Some(kind), Some(id)) = (resource["resourceType"].as_str(), resource["id"].as_str())
                && shown.insert(format!("{kind}/{id}"))
                && shown.len().is_multiple_of(4)
            {
                asked.push(("GET", format!("{kind}/{id}"), String::new()));
            }
        }
        told.push(format!("{method} {path} {body}\n{}", normalised(&answer.head, &answer.body, to)));
    }
    told
}

/// Without port, time and page links, which are sealed with the time in them.
fn normalised(head: &str, body: &[u8], to: SocketAddr) -> String {
    let head: String = head.lines().filter(|line| !line.starts_with("date:")).fold(String::new(), |mut head, line| {
        let _ = writeln!(head, "{line}");
        head
    });
    let host = to.to_string();
    let mut body = String::from_utf8_lossy(body).replace(&host, "HOST");
    for (start, end) in [("\"lastUpdated\":\"", "\""), ("?_page=", "\"")] {
        let mut from = 0;
        while let Some(at) = body[from..].find(start).map(|at| from + at + start.len()) {
            let to = at + body[at..].find(end).expect("its end");
            body.replace_range(at..to, "");
            from = at;
        }
    }
    format!("{}\n{body}", head.replace(&host, "HOST"))
}

async fn answers(data: &Path, records: &[(String, Vec<String>)]) -> Vec<Vec<String>> {
    let mut holdings = Holdings::default();
    let mut patients = Vec::new();
    for (xml, withheld) in records {
        let holding = Holding::read(xml.clone()).expect("a record");
        patients.push((NhsNumber::parse(&holding.nhs_number).expect("a number"), withheld));
        assert!(holdings.add(holding));
    }
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let start = Start { listen, data: Some(data.to_owned()), holdings, clock: Clock::system() };
    let running = Running::start(start).await.unwrap_or_else(|error| panic!("{error:?}"));
    let secret = std::fs::read(data.join("ids.key")).expect("the key");
    let sealer = Sealer::new(0, &secret.try_into().expect("64 bytes"));
    let mut all = Vec::new();
    for (patient, withheld) in patients {
        all.push(transcript(&running, patient, withheld, &sealer).await);
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
    let with = answers(&data, &with).await;
    let without = answers(&data, &without).await;
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
