//! The commands that look at a synthetic record, from outside: what they print, and what they never print.

use mig_fhir::clock::Clock;
use mig_fhir::ids::Sealer;
use mig_fhir::record::{Fate, Limits, read};
use mig_fhir::release::{Exclusions, explain, screen};
use mig_fhir::simulator::demo::Demo;
use mig_fhir::simulator::holdings::Holdings;
use mig_fhir::simulator::outlook::outlook;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};
use time::macros::{date, datetime};

fn builtin() -> Holdings {
    Holdings::builtin(date!(2026 - 11 - 24))
}

fn file(folder: &tempfile::TempDir, scenario: &str, change: impl Fn(&str) -> String) -> PathBuf {
    let holdings = builtin();
    let holding = holdings.iter().find(|holding| holding.scenario == scenario).expect("in the cast");
    let path = folder.path().join(format!("{scenario}.xml"));
    std::fs::write(&path, change(&holding.xml)).expect("written");
    path
}

fn run(arguments: &[&str], file: &std::path::Path) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mig-fhir")).args(arguments).arg(file).output().expect("runs");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    (output, text)
}

#[test]
fn an_explanation_names_exactly_the_entries_that_screening_takes() {
    let list = Exclusions::builtin().expect("sound");
    for holding in builtin().iter() {
        let record = read(holding.xml.as_bytes(), Limits::default()).expect("OpenHR");
        let told: BTreeSet<(String, String)> = explain(&record, &list)
            .iter()
            .filter(|entry| !record.unidentified.iter().any(|(id, _)| id == entry.id))
            .map(|entry| (entry.id.to_owned(), entry.reason.to_string()))
            .collect();
        let unidentified = |id: &str| id.contains('#');
        let taken: BTreeSet<(String, String)> = screen(record.clone(), &list, &holding.supplier)
            .ledger()
            .iter()
            .filter(|(id, ..)| !unidentified(id) && !record.unidentified.iter().any(|(other, _)| other == id))
            .filter_map(|(id, _, fate)| match fate {
                Fate::Omitted(reason) => Some((id.to_owned(), reason.to_string())),
                Fate::Source | Fate::Component => None,
            })
            .collect();
        assert!(told == taken, "{}: {} told, {} taken", holding.scenario, told.len(), taken.len());
    }
}

#[test]
fn explain_prints_rule_and_version_for_each_entry_and_no_term_of_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (output, text) = run(&["exclusions", "explain"], &file(&folder, "excluded", str::to_owned));
    assert!(output.status.success());
    for expected in [
        "list row 16 (sexually-transmitted-infection), layer statutory 1.0.0, by code: read-v2 A541. and below, verified",
        "marked hidden",
        "private: under a confidentiality policy that restricts",
        "deleted at the source",
        "uncoded: consultation text",
        "component of the withheld encounter ",
        "which goes",
        "a report or group without value or member left",
        "list version 1.0.0",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    for value in ["Syphilis", "Genital", "999"] {
        assert!(!text.split_whitespace().any(|word| word.contains(value) && word.len() < 20), "{value}");
    }
}

#[test]
fn explain_tells_what_entries_that_stay_lose_and_what_another_list_would_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "excluded", str::to_owned);
    let (_, text) = run(&["exclusions", "explain"], &path);
    assert!(text.contains("  ENC  stays without  ") && text.contains(" links to what goes"), "{text}");
    assert!(!text.contains("shadow"), "{text}");
}

#[test]
fn map_accounts_for_every_entry_of_every_patient() {
    let (list, sealer) = (Exclusions::builtin().expect("sound"), Sealer::new(0, &[7; 64]));
    for holding in builtin().iter() {
        let record = read(holding.xml.as_bytes(), Limits::default()).expect("OpenHR");
        let found = outlook(holding, &list, &sealer, datetime!(2026-11-24 10:00 UTC)).expect("readable");
        let all = record.events.len() + record.encounters.len() + record.unidentified.len();
        let told: u64 = found.entries.values().map(|tally| tally.entries).sum();
        assert_eq!(told, all as u64, "{}", holding.scenario);
        for (kind, tally) in &found.entries {
            let sum = tally.sources + tally.components + tally.omitted.values().sum::<u64>() + tally.in_no_view;
            assert_eq!(sum, tally.entries, "{} {kind}", holding.scenario);
        }
        assert_eq!(found.resources().values().sum::<u64>(), found.released.len() as u64);
    }
}

#[test]
fn map_prints_counts_and_writes_each_released_resource() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (file(&folder, "rich", str::to_owned), folder.path().join("out"));
    let (output, text) = run(&["map", "--out", out.to_str().expect("text")], &path);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("omitted: withheld") && text.contains("Patient 1\n") && text.contains("oddities read"));
    let mut written = 0;
    for entry in std::fs::read_dir(&out).expect("made") {
        let path = entry.expect("listed").path();
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let name =
            format!("{}-{}.json", json["resourceType"].as_str().expect("a type"), json["id"].as_str().expect("an id"));
        assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
        written += 1;
    }
    assert!(written > 50, "{written}");
}

#[test]
fn a_policy_that_is_named_but_absent_is_told_and_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let named = "<confidentialityPolicy>11111111-2222-5333-8444-555555555555</confidentialityPolicy>";
    let path = file(&folder, "emis", |xml| {
        let (start, end) = (xml.find("<confidentialityPolicy>").expect("one"), "</confidentialityPolicy>");
        let rest = &xml[start..];
        let after = rest.find(end).expect("closed") + end.len();
        format!("{}{named}{}", &xml[..start], &rest[after..])
    });
    let (output, text) = run(&["map"], &path);
    assert_eq!((output.status.code(), text.trim()), (Some(1), "policy-absent"));
}

#[test]
fn a_number_outside_the_synthetic_range_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let holdings = builtin();
    let number = &holdings.iter().find(|holding| holding.scenario == "emis").expect("in the cast").nhs_number;
    // A published test number.
    let path = file(&folder, "emis", |xml| xml.replace(number.as_str(), "9434765919"));
    for (command, word) in [(&["map"][..], "not-synthetic"), (&["exclusions", "explain"], "")] {
        let (output, text) = run(command, &path);
        assert_eq!((output.status.code(), text.trim()), (Some(1), word));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("not a record of the 999 range") && !said.contains("9434765919"), "{said}");
    }
}

#[test]
fn documents_and_the_wire_profile_are_printed_without_a_deployment() {
    for (arguments, expected) in [
        (&["openapi"][..], "\"openapi\""),
        (&["capability"], "\"CapabilityStatement\""),
        (&["check", "--print-wire-profile"], "[addressing]"),
        (&["check", "--print-wire-profile", "--legacy-itk"], "signature = \"rsa-sha1\""),
        (&["check", "--print-schema"], "<xs:schema"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mig-fhir")).args(arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{arguments:?}");
    }
}

#[test]
fn check_says_how_many_days_each_certificate_has_left_and_warns_below_the_threshold() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Demo::in_folder(Some(folder.path()), Vec::new(), Clock::system()).expect("a demo");
    demo.settings("127.0.0.1:0".parse().expect("an address"), "https://127.0.0.1:1/mig").expect("settings");
    for (days, warned) in [("30", false), ("400", true)] {
        let (_, text) = run(&["check", "--warn-days", days, "--config"], &folder.path().join("config.toml"));
        for key in ["ca", "client_certificate"] {
            let start = format!("gateway.{key}: expires ");
            let line = text.lines().find(|line| line.starts_with(&start)).expect("a line");
            assert!(line.contains("(364 days left)"), "{line}");
            assert_eq!(line.contains("WARNING"), warned, "{line}");
        }
    }
}

#[test]
fn map_writes_xml_where_it_is_asked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, out) = (file(&folder, "emis", str::to_owned), folder.path().join("out"));
    let (output, _) = run(&["map", "--xml", "--out", out.to_str().expect("text")], &path);
    assert!(output.status.success());
    let mut written = 0;
    for entry in std::fs::read_dir(&out).expect("made") {
        let path = entry.expect("listed").path();
        assert_eq!(path.extension().and_then(|ending| ending.to_str()), Some("xml"));
        assert!(std::fs::read_to_string(&path).expect("read").contains("http://hl7.org/fhir"));
        written += 1;
    }
    assert!(written > 5, "{written}");
}
