//! Every SNOMED CT id that stands in a data file of this project has its check digit and is the id of a concept: a digit
//! that was mistyped must not wait for a patient to meet it.

use mig_fhir::ids::has_verhoeff_check_digit;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|_| panic!("{}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn is_concept(id: &str) -> bool {
    let partition = id.len().checked_sub(3).and_then(|at| id.get(at..at + 2));
    has_verhoeff_check_digit(id) && !id.starts_with('0') && matches!(partition, Some("00" | "10"))
}

/// The runs of digits of a text that are long enough to be an id.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric());
    runs.filter(|run| run.len() >= 6 && run.bytes().all(|b| b.is_ascii_digit()))
}

/// Lists named `snomed`, on one line or several.
fn of_toml(text: &str) -> Vec<String> {
    let lists = text.split("\nsnomed = [").skip(1).filter_map(|rest| rest.split(']').next());
    lists.flat_map(ids).map(Into::into).collect()
}

/// Codes beside or below a member that names SNOMED CT.
fn of_json(value: &serde_json::Value, within: bool, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            let named = ["system", "source"].iter().find_map(|name| members.get(*name)?.as_str());
            let within = named.map_or(within, |system| system == "http://snomed.info/sct");
            if let Some(code) = members.get("code").and_then(serde_json::Value::as_str).filter(|_| within) {
                into.push(code.to_owned());
            }
            for (name, value) in members {
                // The other side of a map has codes of another system.
                of_json(value, within && name != "target", into);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| of_json(value, within, into)),
        _ => {}
    }
}

/// Rows of system `snomed` or `refset`.
fn of_csv(text: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| {
        let at = [",snomed,", ",refset,"].iter().find_map(|mark| Some(line.find(mark)? + mark.len()))?;
        line.get(at..)?.split(',').next()
    });
    rows.filter(|code| !code.is_empty()).map(Into::into).collect()
}

/// Attributes `code` beside the OID of SNOMED CT.
fn of_xml(text: &str) -> Vec<String> {
    let tags = text.split('<').filter(|tag| tag.contains("codeSystem=\"2.16.840.1.113883.2.1.3.2.4.15\""));
    let code = |tag: &str| tag.split(" code=\"").nth(1)?.split('"').next().map(str::to_owned);
    tags.filter_map(code).filter(|code| !code.is_empty()).collect()
}

#[test]
fn every_snomed_id_in_the_data_files_has_its_check_digit() {
    let mut counts = Vec::new();
    let mut wrong = Vec::new();
    let mut check = |what: &str, codes: Vec<String>| {
        counts.push((what.to_owned(), codes.len()));
        wrong.extend(codes.into_iter().filter(|code| !is_concept(code)).map(|code| format!("{what}: {code}")));
    };
    let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
    for name in ["src/mapping/rules.toml", "src/simulator/views.toml"] {
        check(name, of_toml(&read(&root().join(name))));
    }
    for path in files(&root().join("profiles"), ".json") {
        let value = serde_json::from_str(&read(&path)).expect("JSON");
        let mut codes = Vec::new();
        of_json(&value, false, &mut codes);
        check(&path.file_name().expect("a name").to_string_lossy(), codes);
    }
    for path in files(&root().join("profiles"), ".csv") {
        check("exclusions", of_csv(&read(&path)));
    }
    for path in files(&root().join("src/simulator/patients"), ".xml") {
        check(&path.file_name().expect("a name").to_string_lossy(), of_xml(&read(&path)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let found =
        |part: &str| counts.iter().filter(|(what, _)| what.contains(part)).map(|(_, count)| count).sum::<usize>();
    for (part, least) in
        [("rules.toml", 90), ("views.toml", 20), ("ConceptMap-severity", 3), ("exclusions", 50), ("systmone", 20)]
    {
        assert!(found(part) >= least, "{part}: {} found", found(part));
    }
}
