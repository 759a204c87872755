//! A list that runs beside the one in force.

use super::*;
use crate::record::{Code, Event};
use crate::release::{Rules, Sources};
use std::io::Write as _;
use time::macros::date;

const TODAY: Date = date!(2026 - 12 - 01);

fn lists(files: &[&str]) -> Lists {
    let mut kept = Vec::new();
    for text in files {
        let mut file = tempfile::Builder::new().suffix(".csv").tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        kept.push(file);
    }
    let files = kept.iter().map(|file| file.path().to_owned()).collect();
    Lists::load(&Sources { files, ..Sources::default() }, &Rules::default()).expect("lists")
}

fn coded(id: &str, code: &str) -> Event {
    let code =
        Code { code: Some(code.to_owned()), system: Some("2.16.840.1.113883.2.1.6.2".to_owned()), ..Code::default() };
    Event { id: id.to_owned(), kind: "OBS".to_owned(), code: Some(code), ..Event::default() }
}

fn record() -> Record {
    let group = Event { kind: "INV".to_owned(), children: vec!["m".to_owned()], ..coded("g", "43C3.") };
    let events = vec![coded("a", "A788."), group, coded("m", "H33.."), coded("k", "H33..")];
    Record { events, ..Record::default() }
}

fn count(found: &BTreeMap<Difference, u64>, more: bool, topic: &str, code: &str) -> u64 {
    let matching = |(one, _): &(&Difference, &u64)| one.more == more && one.topic == topic && one.code == code;
    found.iter().filter(matching).map(|(_, count)| *count).sum()
}

#[test]
fn differences_are_told_by_the_line_that_makes_them_and_in_both_directions() {
    let (old, new) = (lists(&[]).on(TODAY), lists(&["system,code,group\nread-v2,43C3.,hiv-aids\n"]).on(TODAY));
    let found = differences(&record(), &old, &new);
    assert_eq!(count(&found, true, "hiv-aids", "43C3."), 1);
    assert_eq!(count(&found, true, "linked", ""), 1, "the member of the group");
    assert_eq!(found.len(), 2);
    let back = differences(&record(), &new, &old);
    assert_eq!((count(&back, false, "hiv-aids", "43C3."), count(&back, false, "linked", ""), back.len()), (1, 1, 2));
    assert!(differences(&record(), &old, &old).is_empty());
}

#[test]
fn a_shadow_changes_nothing_that_leaves_and_shows_its_counts_in_batches() {
    let both = lists(&[]).shadowed_by(lists(&["system,code,group\nread-v2,43C3.,hiv-aids\n"]));
    let shadow = both.shadow().expect("a shadow");
    let list = both.on(TODAY);
    assert!(!list.excludes_coding(Some("http://read.info/readv2"), "43C3."));
    assert!(shadow.on(TODAY).excludes_coding(Some("http://read.info/readv2"), "43C3."));
    assert_eq!(list.version(), lists(&[]).on(TODAY).version());
    for _ in 1..BATCH {
        shadow.compare(&record(), &list, TODAY, "EMIS", View::Diagnosis);
    }
    let held = |shadow: &Shadow| {
        let waiting = shadow.waiting.lock().expect("whole");
        (waiting.compared, waiting.counts.values().sum::<u64>())
    };
    assert_eq!(held(shadow), (BATCH - 1, 2 * u64::from(BATCH - 1)), "nothing is shown yet");
    shadow.compare(&record(), &list, TODAY, "EMIS", View::Diagnosis);
    assert_eq!(held(shadow), (0, 0), "shown, and begun anew");
}

#[test]
fn an_entry_of_an_unknown_code_system_is_told_as_such() {
    let rules = Rules { withhold_unknown: vec![View::Diagnosis], ..Rules::default() };
    let strict = Lists::load(&Sources::default(), &rules).expect("lists").on(TODAY).for_view(View::Diagnosis);
    let mut strange = coded("s", "X1");
    strange.code.get_or_insert_default().system = Some("http://example.org".to_owned());
    let record = Record { events: vec![strange, coded("k", "H33..")], ..Record::default() };
    let found = differences(&record, &lists(&[]).on(TODAY), &strict);
    assert_eq!((count(&found, true, "unknown-code", ""), found.len()), (1, 1));
}
