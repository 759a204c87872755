//! Golden pairs: a small legacy record in, the released FHIR out, by name, for the rows of the mapping tables and the
//! traps of real records. `tests/fixtures/mapping/README.md` says which pair is for which row. `UPDATE=1` writes anew.

use mig_fhir::ids::Sealer;
use mig_fhir::kinds::Kind;
use mig_fhir::release::Exclusions;
use mig_fhir::simulator::generate::{Options, generate};
use mig_fhir::simulator::holdings::Holding;
use mig_fhir::simulator::outlook::outlook;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use time::macros::datetime;

fn files(ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mapping");
    let entries = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

/// What would be released, as an array sorted by type and id. Numbers stand as they were written: no parser is between.
fn released(xml: &str, name: &str) -> (String, BTreeSet<Kind>) {
    let (list, sealer) = (Exclusions::builtin().expect("sound"), Sealer::new(0, &[7; 64]));
    let holding = Holding::read(xml.to_owned()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found = outlook(&holding, &list, &sealer, datetime!(2026-11-24 10:00 UTC)).expect("readable");
    let mut made: Vec<_> = found.released.iter().map(|one| (one.kind().to_string(), one.id(), one)).collect();
    made.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let kinds = found.released.iter().map(|one| one.kind()).collect();
    let texts: Vec<String> = made
        .iter()
        .map(|(.., one)| String::from_utf8(AsRef::<[u8]>::as_ref(&one.json()).to_vec()).expect("text"))
        .collect();
    (indented(&format!("[{}]", texts.join(","))), kinds)
}

/// The same JSON, one member a line.
fn indented(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0_usize, false, false);
    for c in json.chars() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if matches!(c, '}' | ']') {
            depth -= 1;
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push(c);
        quoted = c == '"';
        if matches!(c, '{' | '[' | ',') {
            depth += usize::from(c != ',');
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        if c == ':' {
            out.push(' ');
        }
    }
    out.push('\n');
    out
}

#[test]
fn every_golden_pair_is_what_is_mapped_now_and_every_type_occurs() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    let inputs = files("xml");
    for path in &inputs {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (made, kinds) = released(&std::fs::read_to_string(path).expect("read"), &name);
        seen.extend(kinds);
        let golden = path.with_extension("json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &made).expect("written");
        }
        if std::fs::read_to_string(&golden).ok().as_deref() != Some(made.as_str()) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not what is mapped now (UPDATE=1 writes them; look at the difference): {wrong:?}");
    let stems = |files: Vec<PathBuf>| files.iter().map(|path| path.with_extension("")).collect::<BTreeSet<_>>();
    assert_eq!(stems(inputs), stems(files("json")), "a file without its pair");
    let missing: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| !seen.contains(kind)).collect();
    assert!(missing.is_empty(), "in no pair: {missing:?}");
}

fn index() -> String {
    let index = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mapping/README.md");
    std::fs::read_to_string(index).expect("read")
}

/// The names between backticks.
fn names(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The rows of each table: section number, first cell, the rest. Heads and rules of tables are left out.
fn rows(text: &str, section: impl Fn(&str) -> Option<String>) -> Vec<(String, String, &str)> {
    let (mut current, mut rows, mut head) = (None, Vec::new(), true);
    for line in text.lines() {
        if line.starts_with('#') {
            current = section(line.trim_start_matches('#').trim());
        }
        let Some(cells) = line.strip_prefix("| ") else {
            head = !line.starts_with("|-");
            continue;
        };
        let (first, rest) = cells.split_once('|').expect("two cells");
        if let Some(section) = current.as_ref().filter(|_| !head && !first.starts_with("--")) {
            rows.push((section.clone(), first.replace("**", "").trim().to_owned(), rest));
        }
        head = false;
    }
    rows
}

/// `8.2` of `8.2 Condition`, of `Section 8.2: Condition`, and of `8.2. Condition`.
fn number(title: &str) -> Option<String> {
    let title = title.strip_prefix("Section ").unwrap_or(title);
    let number: String = title.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    Some(number.trim_end_matches('.').to_owned()).filter(|number| !number.is_empty())
}

#[test]
fn the_index_names_every_golden_pair_and_no_other_with_its_own_words() {
    let index = index();
    let (tables, list) = index.split_once("## The pairs").expect("a list");
    let there: Vec<(String, String)> = files("xml")
        .iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into(), std::fs::read_to_string(path).expect("read")))
        .collect();
    let stems: BTreeSet<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names(tables), stems, "each pair shows a row");
    assert_eq!(names(list), stems);
    for (name, text) in &there {
        let words = text.split_once("<!-- ").and_then(|(_, rest)| rest.split_once(". Everyone in it is invented. -->"));
        let words = words.expect("what it shows").0.replace("&gt;", ">").replace("&lt;", "<");
        assert!(list.lines().any(|line| line == format!("- `{name}`: {words}")), "{name}: {words}");
    }
}

#[test]
fn every_row_of_the_index_has_a_pair() {
    let index = index();
    let rows = rows(&index, number);
    assert!(rows.len() > 200, "{}", rows.len());
    for (section, row, pairs) in rows {
        assert!(!names(pairs).is_empty(), "{section} {row}");
    }
}

/// Where the reference lies beside this repository: no row of its mapping tables, and no trap, is without a pair.
#[test]
fn every_row_of_the_mapping_tables_is_in_the_index() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/openhr-content.md");
    let Ok(reference) = std::fs::read_to_string(reference) else { return };
    let index = index();
    let shown: BTreeSet<(String, String)> = rows(&index, number).into_iter().map(|(at, row, _)| (at, row)).collect();
    let tables = ["4", "6.1", "7", "7.1", "8.2", "8.3", "8.6", "8.8"];
    let wanted = rows(&reference, number).into_iter().filter(|(at, ..)| tables.contains(&at.as_str()));
    let wanted: BTreeSet<(String, String)> = wanted.map(|(at, row, _)| (at, row)).collect();
    assert!(wanted.len() > 130, "{}", wanted.len());
    let missing: Vec<_> = wanted.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Where `INTO` says, one file for each resource of two hundred generated records.
#[test]
#[ignore = "writes what tests/interop/validate judges"]
fn two_hundred_generated_records_are_written_as_files() {
    let folder = PathBuf::from(std::env::var_os("INTO").expect("INTO names a folder"));
    std::fs::create_dir_all(&folder).expect("made");
    let (list, sealer) = (Exclusions::builtin().expect("sound"), Sealer::new(0, &[7; 64]));
    let now = datetime!(2026-11-24 10:00 UTC);
    for seed in 0..200 {
        let options = Options { today: now.date(), ..Options::default() };
        let holding = Holding::read(generate(seed, 4, &options).xml).expect("OpenHR");
        for (at, one) in outlook(&holding, &list, &sealer, now).expect("readable").released.iter().enumerate() {
            std::fs::write(folder.join(format!("generated-{seed}-{at}.json")), one.json()).expect("written");
            let xml = mig_fhir_model::json_to_xml(one.json()).expect("FHIR");
            std::fs::write(folder.join(format!("generated-{seed}-{at}.xml")), xml).expect("written");
        }
    }
}
