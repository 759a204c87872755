//! What is withheld might as well not be in the record: every code and rubric of the list, in every shape, and every mark.
//!
//! The strongest form is told by comparison: the answers about a record with the planted entries are, byte for byte, the
//! answers about the same record without them.

use super::pipeline::{Pipeline, cut, name};
use super::wire::number;
use mig_fhir::ids::{NhsNumber, Suffix};
use mig_fhir::kinds::View;
use mig_fhir::release::ExclusionEntry;
use mig_fhir::simulator::generate::{Generated, Mark, Options, Planted, generate};
use mig_fhir::simulator::holdings::Holding;
use serde_json::Value;
use std::fmt::Write as _;

pub(crate) const READ: &str = "2.16.840.1.113883.2.1.6.2";
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
pub(crate) fn excluded_shapes(entries: &[ExclusionEntry]) -> Vec<Planted> {
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
