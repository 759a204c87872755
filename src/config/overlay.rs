//! The file's table with the environment's overrides laid over it, read section by section.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Variables that start so are settings; a name that fits no setting is refused like an unknown key.
const PREFIX: &str = "MIG_FHIR__";

/// The process's environment, as far as it is ours.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect()
}

pub(super) struct Overlay {
    table: Table,
    /// Settings whose override may be meant as text although it reads as a number or the like.
    overrides: Vec<(String, String, String)>,
}

impl Overlay {
    pub fn new(text: &str, overrides: impl IntoIterator<Item = (String, String)>, problems: &mut Vec<String>) -> Self {
        let table = text.parse::<Table>().unwrap_or_else(|error| {
            problems.push(format!("the settings are not TOML: {}", error.message()));
            Table::new()
        });
        let mut found = Vec::new();
        for (name, value) in overrides {
            let path = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase).unwrap_or_default();
            match path.split_once("__") {
                Some((section, key)) if !section.is_empty() && !key.is_empty() && !key.contains("__") => {
                    found.push((section.to_owned(), key.to_owned(), value));
                }
                _ => problems.push(format!("{name}: is not of the form {PREFIX}SECTION__KEY")),
            }
        }
        Self { table, overrides: found }
    }

    /// Takes a section out and reads it; an absent one reads as an empty table.
    pub fn section<T: DeserializeOwned>(&mut self, name: &str, problems: &mut Vec<String>) -> Option<T> {
        let mut table = match self.table.remove(name) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => {
                problems.push(format!("{name}: is not a section"));
                return None;
            }
        };
        let (ours, others) = std::mem::take(&mut self.overrides).into_iter().partition(|(section, ..)| section == name);
        self.overrides = others;
        let ours: Vec<(String, String, String)> = ours;
        for (_, key, text) in ours {
            table.insert(key.clone(), typed::<T>(&key, text));
        }
        match Value::Table(table.clone()).try_into() {
            Ok(section) => Some(section),
            Err(error) => {
                explain::<T>(name, &table, error.message(), problems);
                None
            }
        }
    }

    /// What no section took.
    pub fn finish(self, problems: &mut Vec<String>) {
        problems.extend(self.table.keys().map(|name| format!("{name}: unknown section")));
        problems.extend(self.overrides.iter().map(|(section, ..)| format!("{section}: unknown section (environment)")));
    }
}

/// An override's value: in TOML's spelling where that fits the setting, else as text.
fn typed<T: DeserializeOwned>(key: &str, text: String) -> Value {
    let spelt = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    match spelt {
        Some(value) if problem_of::<T>(key, &value).is_none() => value,
        _ => Value::String(text),
    }
}

/// What the section says about one key by itself; missing keys are not its fault.
fn problem_of<T: DeserializeOwned>(key: &str, value: &Value) -> Option<String> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    let error = Value::Table(alone).try_into::<T>().err()?;
    missing_key(error.message()).is_none_or(|missing| missing == key).then(|| error.message().to_owned())
}

/// Every bad key and every missing one, not only the first that the reader stumbles over.
fn explain<T: DeserializeOwned>(name: &str, table: &Table, whole: &str, problems: &mut Vec<String>) {
    let before = problems.len();
    let mut sound = Table::new();
    for (key, value) in table {
        match problem_of::<T>(key, value) {
            Some(problem) => problems.push(format!("{name}.{key}: {}", first_line(&problem))),
            None => {
                sound.insert(key.clone(), value.clone());
            }
        }
    }
    // A stand-in for each missing key lets the reader go on to the next one.
    while let Err(error) = Value::Table(sound.clone()).try_into::<T>() {
        match missing_key(error.message()) {
            Some(key) if !sound.contains_key(&key) => {
                if !table.contains_key(&key) {
                    problems.push(format!("{name}.{key}: is missing"));
                }
                sound.insert(key, Value::String(String::new()));
            }
            _ => break,
        }
    }
    if problems.len() == before {
        problems.push(format!("{name}: {}", first_line(whole)));
    }
}

fn missing_key(message: &str) -> Option<String> {
    message.lines().next()?.strip_prefix("missing field `")?.strip_suffix('`').map(str::to_owned)
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
