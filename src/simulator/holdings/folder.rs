//! A folder of OpenHR files as patients (WIRE section 9), with `overrides.toml`. Tells every problem at once, by file
//! name and reason, and never a number.

use super::{Holding, Holdings, SUPPLIERS};
use crate::ids::{NhsNumber, OdsCode};
use crate::simulator::switches::Switch;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use toml::Value;

const OVERRIDES: &str = "overrides.toml";
const OUTCOMES: [&str; 11] = [
    "MIG-0000", "MIG-0001", "MIG-0002", "MIG-0003", "MIG-0004", "MIG-0005", "MIG-0006", "MIG-0007", "MIG-0008",
    "MIG-0009", "MIG-9999",
];
const FAULTS: [&str; 4] = ["1000", "2100", "2200", "3000"];
const REGISTRATIONS: [&str; 5] = ["registered", "temporary", "left", "deceased", "unknown"];

/// Reads the folder.
pub(super) fn read(folder: &Path, allow_any_number: bool) -> Result<Holdings, Vec<String>> {
    let mut problems = Vec::new();
    let files = match files(folder) {
        Ok(files) if files.is_empty() => return Err(vec![format!("{}: holds no *.xml file", folder.display())]),
        Ok(files) => files,
        Err(error) => return Err(vec![format!("{}: cannot be read: {}", folder.display(), error.kind())]),
    };
    let mut holdings = Holdings::default();
    let mut first: HashMap<String, String> = HashMap::new();
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match one(&path, allow_any_number) {
            Err(reason) => problems.push(format!("{name}: {reason}")),
            Ok(mut holding) => {
                holding.description = format!("The record of {name}");
                if let Some(other) = first.get(&holding.nhs_number) {
                    problems.push(format!("{name}: the same NHS number as {other}"));
                    continue;
                }
                if NhsNumber::parse(&holding.nhs_number).is_some_and(|number| !number.is_synthetic()) {
                    tracing::warn!("{name}: the NHS number is outside the range of synthetic people");
                }
                first.insert(holding.nhs_number.clone(), name);
                holdings.add(holding);
            }
        }
    }
    let overrides = folder.join(OVERRIDES);
    if overrides.exists() {
        match std::fs::read_to_string(&overrides) {
            Ok(text) => apply(&text, &mut holdings, &mut problems),
            Err(error) => problems.push(format!("{OVERRIDES}: cannot be read: {}", error.kind())),
        }
    }
    if problems.is_empty() { Ok(holdings) } else { Err(problems) }
}

fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn one(path: &Path, allow_any_number: bool) -> Result<Holding, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {}", error.kind()))?;
    let text = String::from_utf8(bytes).map_err(|_| "not OpenHR: not UTF-8".to_owned())?;
    let holding = Holding::read(text).map_err(|error| error.to_string())?;
    let synthetic = NhsNumber::parse(&holding.nhs_number).is_some_and(|number| number.is_synthetic());
    if !synthetic && !allow_any_number {
        return Err("the NHS number is outside the 999 range (--allow-any-number allows it)".to_owned());
    }
    Ok(holding)
}

/// Applies `overrides.toml`.
fn apply(text: &str, holdings: &mut Holdings, problems: &mut Vec<String>) {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            problems.push(format!("{OVERRIDES}: line {line}: not TOML"));
            return;
        }
    };
    for (number, value) in &table {
        let line = text.find(number.as_str()).map_or(1, |at| line_of(text, at));
        let mut refuse = |reason: String| problems.push(format!("{OVERRIDES}: line {line}: {reason}"));
        let Value::Table(keys) = value else {
            refuse("not a table named by an NHS number".to_owned());
            continue;
        };
        let Some(holding) = holdings.find_mut(number) else {
            refuse("a number that no file of the folder has".to_owned());
            continue;
        };
        for (key, value) in keys {
            if let Err(reason) = set(holding, key, value) {
                refuse(reason);
            }
        }
        holding.without_practice();
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn set(holding: &mut Holding, key: &str, value: &Value) -> Result<(), String> {
    let unknown = || format!("{key}: unknown value");
    match key {
        "opted_out" => holding.opted_out = value.as_bool().ok_or_else(unknown)?,
        "trace" => holding.traced = one_of(value, &["traced", "untraced"]).ok_or_else(unknown)? == "traced",
        "registration" => holding.registration = one_of(value, &REGISTRATIONS).ok_or_else(unknown)?,
        "supplier" => holding.supplier = one_of(value, &SUPPLIERS).ok_or_else(unknown)?,
        "practice" => {
            let code = value.as_str().and_then(OdsCode::parse).ok_or_else(unknown)?;
            if holding.practice.as_deref() != Some(code.as_str()) {
                holding.practice_name = holding.name_of_practice(code.as_str());
                let known = holding.practice.is_some();
                holding.practice = Some(code.as_str().to_owned());
                // The record's own registration counts again once a practice is known.
                if !known && holding.registration == "unknown" {
                    holding.whole.facts.registration.clone_into(&mut holding.registration);
                }
            }
        }
        "outcome" => {
            holding.outcome = Some(one_of(value, &OUTCOMES).ok_or_else(unknown)?).filter(|code| code != "MIG-0000");
        }
        "fault" => holding.fault = Some(one_of(value, &FAULTS).ok_or_else(unknown)?),
        "delay_ms" => {
            holding.delay_ms = value.as_integer().and_then(|ms| u64::try_from(ms).ok()).ok_or_else(unknown)?;
        }
        "switch" => {
            let tables = match value {
                Value::Array(tables) => tables.clone(),
                table => vec![table.clone()],
            };
            for table in tables {
                let switch: Switch = table.try_into().map_err(|_| unknown())?;
                if switch.patient.is_some() || switch.problem().is_some() {
                    return Err(unknown());
                }
                holding.switches.push(switch);
            }
        }
        _ => return Err(format!("{key}: unknown key")),
    }
    Ok(())
}

/// One of the allowed words; a whole number is read as its digits.
fn one_of(value: &Value, allowed: &[&str]) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => return None,
    };
    allowed.contains(&text.as_str()).then_some(text)
}
