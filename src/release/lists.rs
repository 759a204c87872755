//! The lists that make up what is withheld, read, checked and dated: the appendix, the national reference sets, the
//! supplement, what the locality added, hierarchies. Every problem is told at once, and one is enough to stop the start.

mod additions;
mod csv;
pub(super) mod hierarchy;
mod parts;
mod problems;
mod rf2;

pub use parts::{Change, Part};
pub use problems::ExclusionsError;

use super::exclusions::{ExclusionEntry, Exclusions, Layer, List, Rules, Tables, check, number};
use super::shadow::Shadow;
use crate::policy::Supplier;
use additions::Addition;
use aws_lc_rs::digest::{Context, SHA256};
use hierarchy::Hierarchy;
use parts::history;
use problems::Problems;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use time::Date;
use time::macros::format_description;

const APPENDIX: &str = include_str!("../../profiles/terminology/exclusion-codes.csv");
const SUPPLEMENT: &str = include_str!("../../profiles/terminology/exclusion-supplement.csv");
const MEDICINES: &str = include_str!("../../profiles/terminology/revealing-medicines.csv");
/// Appendix A of the sharing agreement has this many rows.
const ROWS: u32 = 66;

/// Which lists to load beside the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sources {
    /// A list in the form of the built-in one, instead of it. For a shadow alone.
    pub base: Option<PathBuf>,
    /// Additions: `.csv` in the form of the built-in list, `.toml`, or `.json` for a FHIR ValueSet.
    pub files: Vec<PathBuf>,
    /// Codes of the same topics beside the appendix.
    pub supplement: bool,
    /// Medicines that point to a topic.
    pub revealing_medicines: bool,
    /// Simple reference set files of a SNOMED CT release, which together hold the four national sets.
    pub refset_files: Vec<PathBuf>,
    /// The relationship snapshot of a SNOMED CT release, for what lies below a concept.
    pub snomed_relationships: Option<PathBuf>,
    /// A hierarchy of Clinical Terms version 3: child, parent, and what else a line may hold, with `|` between.
    pub ctv3_hierarchy: Option<PathBuf>,
}

/// All that is loaded. Cheap to clone.
#[derive(Clone)]
pub struct Lists(Arc<Book>);

struct Book {
    /// The list from each day of change on, in order; the first from the beginning.
    days: Vec<(Date, Arc<List>)>,
    shadow: Option<Shadow>,
}

impl Lists {
    /// The built-in list alone.
    ///
    /// # Errors
    /// When the embedded data fails its check digits.
    pub fn builtin() -> Result<Self, &'static str> {
        Self::load(&Sources::default(), &Rules::default()).map_err(|_| "it is not sound")
    }

    /// The built-in list and what the settings name beside it.
    ///
    /// # Errors
    /// Everything that is wrong with any of it.
    pub fn load(sources: &Sources, rules: &Rules) -> Result<Self, Vec<ExclusionsError>> {
        let mut loading = Loading::default();
        loading.rules(sources, rules);
        loading.read(sources);
        let Loading { problems, entries, parts, hierarchy, digest, .. } = loading;
        problems.into_result()?;

        let plain = *sources == Sources::default() && *rules == Rules::default();
        let mut version = parts.first().map(|part| part.version.clone()).unwrap_or_default();
        if !plain {
            version.push('+');
            for byte in digest.finish().as_ref().iter().take(6) {
                let _ = write!(version, "{byte:02x}");
            }
        }
        let ends = entries.iter().filter_map(|entry| entry.until?.next_day());
        let changes: BTreeSet<Date> = entries.iter().filter_map(|entry| entry.from).chain(ends).collect();
        let days = std::iter::once(Date::MIN).chain(changes);
        let list = |day: Date| {
            let in_force: Vec<ExclusionEntry> =
                entries.iter().filter(|entry| entry.is_in_force(day)).cloned().collect();
            // From a dated change on it is another list, and says so.
            let version = if day == Date::MIN { version.clone() } else { format!("{version}@{day}") };
            let (tables, definitions) = (Tables::of(&in_force, &hierarchy), OnceLock::new());
            Arc::new(List {
                version,
                entries: in_force,
                tables,
                rules: rules.clone(),
                parts: parts.clone(),
                definitions,
            })
        };
        Ok(Self(Arc::new(Book { days: days.map(|day| (day, list(day))).collect(), shadow: None })))
    }

    /// With another list beside it, which is compared and counted, and never changes what leaves.
    #[must_use]
    pub fn shadowed_by(self, other: Self) -> Self {
        let days = self.0.days.clone();
        Self(Arc::new(Book { days, shadow: Some(Shadow::new(other)) }))
    }

    /// The list in force on a day.
    #[must_use]
    pub fn on(&self, day: Date) -> Exclusions {
        let days = &self.0.days;
        let place = days.partition_point(|(from, _)| *from <= day).saturating_sub(1);
        // The first interval begins with time itself, so that there is always one.
        match days.get(place).or(days.first()) {
            Some((_, list)) => Exclusions::new(list.clone()),
            None => Exclusions::new(Arc::new(List::nothing())),
        }
    }

    /// The list that runs beside this one, if any.
    #[must_use]
    pub fn shadow(&self) -> Option<&Shadow> {
        self.0.shadow.as_ref()
    }
}

impl List {
    fn nothing() -> Self {
        let (tables, rules) = (Tables::default(), Rules::default());
        let (version, entries, parts) = (String::new(), Vec::new(), Vec::new());
        Self { version, entries, tables, rules, parts, definitions: OnceLock::new() }
    }
}

struct Loading {
    problems: Problems,
    entries: Vec<ExclusionEntry>,
    parts: Vec<Part>,
    hierarchy: Hierarchy,
    digest: Context,
}

impl Default for Loading {
    fn default() -> Self {
        let digest = Context::new(&SHA256);
        let (problems, hierarchy) = (Problems::default(), Hierarchy::default());
        Self { problems, entries: Vec::new(), parts: Vec::new(), hierarchy, digest }
    }
}

impl Loading {
    /// Settings that contradict themselves.
    fn rules(&mut self, sources: &Sources, rules: &Rules) {
        if rules.exempt.contains(&Supplier::Other) {
            self.problems.setting("exempt_suppliers", "a supplier that is not known cannot be exempt from the list");
        }
        if sources.revealing_medicines && rules.medicines_approved.as_deref().is_none_or(|who| who.trim().is_empty()) {
            self.problems.setting(
                "revealing_medicines_approved_by",
                "revealing medicines are withheld only once somebody has approved that by name",
            );
        }
        self.digest.update(format!("{rules:?}{}{}", sources.supplement, sources.revealing_medicines).as_bytes());
    }

    fn read(&mut self, sources: &Sources) {
        match &sources.base {
            None => {
                self.embedded("Appendix A of the sharing agreement", APPENDIX, None);
                let rows: BTreeSet<u32> = self.entries.iter().map(|entry| entry.row).collect();
                if !(1..=ROWS).all(|row| rows.contains(&row)) {
                    self.problems.builtin("a row of the appendix is missing");
                }
            }
            Some(file) => {
                self.problems.within("base");
                self.file(file, None);
            }
        }
        if sources.supplement {
            self.embedded(
                "Supplement: codes of the same subjects beside the appendix",
                SUPPLEMENT,
                Some(Layer::Supplement),
            );
        }
        if sources.revealing_medicines {
            self.embedded("Medicines that point to a subject of the list", MEDICINES, Some(Layer::Medicine));
        }
        for (at, file) in sources.files.iter().enumerate() {
            self.problems.within(format!("files[{at}]"));
            self.file(file, Some(Layer::Local));
        }
        let named = |entry: &ExclusionEntry| matches!(entry.system.as_str(), "medicine" | "dmd");
        if !sources.revealing_medicines && self.entries.iter().any(named) {
            self.problems.setting(
                "revealing_medicines",
                "a list names medicines, and withholding revealing medicines is not turned on",
            );
        }
        self.reference_sets(&sources.refset_files);
        if let Some(file) = &sources.snomed_relationships {
            self.problems.within("snomed_relationships");
            rf2::relationships(file, &mut self.hierarchy.snomed, &mut self.digest, &mut self.problems);
        }
        if let Some(file) = &sources.ctv3_hierarchy {
            self.problems.within("ctv3_hierarchy");
            self.ctv3(file);
        }
    }

    fn embedded(&mut self, title: &str, text: &str, layer: Option<Layer>) {
        self.digest.update(text.as_bytes());
        let table = match csv::read(text, layer) {
            Ok(table) => table,
            Err(problem) => return self.problems.builtin(problem),
        };
        if let Some((line, problem)) = table.problems.first() {
            self.problems.builtin(format!("line {line}: {problem}"));
        }
        let Some(version) = table.version else { return self.problems.builtin("it has no version") };
        let changes = history(title);
        self.part(
            Part {
                title: title.to_owned(),
                layer: layer.unwrap_or(Layer::Agreement),
                version,
                lines: 0,
                ends: None,
                changes,
            },
            table.entries,
            None,
        );
    }

    fn file(&mut self, file: &Path, layer: Option<Layer>) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.problems.unreadable(file, error),
        };
        self.digest.update(text.as_bytes());
        let read = match file.extension().and_then(|end| end.to_str()) {
            Some("toml") => additions::toml(&text),
            Some("json") => additions::value_set(&text),
            _ => csv::read(&text, layer).map_err(str::to_owned).map(|table| Addition {
                version: table.version.unwrap_or_default(),
                entries: table.entries,
                problems: table.problems,
                ..Addition::default()
            }),
        };
        let mut addition = match read {
            Ok(addition) => addition,
            Err(problem) => return self.problems.add(file, problem),
        };
        for (at, problem) in &addition.problems {
            self.problems.at(file, *at, problem);
        }
        if addition.entries.is_empty() && addition.problems.is_empty() {
            self.problems.add(file, "it has no lines");
        }
        if addition.title.is_empty() {
            addition.title =
                format!("Local list {}", self.parts.iter().filter(|part| part.layer == Layer::Local).count() + 1);
        }
        if addition.version.is_empty() {
            "unversioned".clone_into(&mut addition.version);
        }
        let Addition { title, version, mut changes, entries, .. } = addition;
        changes.sort_by_key(|change| std::cmp::Reverse(change.date));
        let layer = layer.unwrap_or(Layer::Agreement);
        self.part(Part { title, layer, version, lines: 0, ends: None, changes }, entries, Some(file));
    }

    /// Takes a part in, its lines checked.
    fn part(&mut self, mut part: Part, entries: Vec<ExclusionEntry>, file: Option<&Path>) {
        let version: Arc<str> = part.version.as_str().into();
        for (at, mut entry) in entries.into_iter().enumerate() {
            if let Err(problem) = check(&entry) {
                match file {
                    Some(file) => self.problems.at(file, at + 1, problem),
                    None => self.problems.builtin(format!("entry {}: {problem}", at + 1)),
                }
            }
            part.lines += 1;
            part.ends = [part.ends, entry.until].into_iter().flatten().min();
            entry.version = version.clone();
            self.entries.push(entry);
        }
        self.parts.push(part);
    }

    fn reference_sets(&mut self, files: &[PathBuf]) {
        if files.is_empty() {
            return;
        }
        let named: BTreeMap<String, String> = self
            .entries
            .iter()
            .filter(|entry| entry.system == "refset")
            .map(|entry| (entry.code.clone(), entry.group.clone()))
            .collect();
        let wanted: BTreeSet<&str> = named.keys().map(String::as_str).collect();
        let (mut sets, before) = (rf2::RefSets::default(), self.problems.count());
        for (at, file) in files.iter().enumerate() {
            self.problems.within(format!("refset_files[{at}]"));
            sets.read(file, &wanted, &mut self.digest, &mut self.problems);
        }
        // What is wrong with the sets as such is wrong with the files together.
        self.problems.within("refset_files");
        let (members, latest) = sets.members();
        let mut entries = Vec::new();
        for (set, group) in &named {
            let Some(members) = members.get(set.as_str()) else {
                if self.problems.count() == before {
                    let first = files.first().map_or(Path::new(""), PathBuf::as_path);
                    self.problems.add(first, format!("the files hold no active member of reference set {set}"));
                }
                continue;
            };
            entries.extend(members.iter().map(|member| ExclusionEntry {
                row: 0,
                rubric: String::new(),
                group: group.clone(),
                system: "snomed".to_owned(),
                code: (*member).to_owned(),
                include_descendants: false,
                display: String::new(),
                confidence: "verified".to_owned(),
                source: format!("reference set {set}"),
                layer: Layer::NationalSet,
                version: "".into(),
                from: None,
                until: None,
            }));
        }
        let title = "National reference sets for GP summaries".to_owned();
        let version = latest.to_owned();
        let part = Part { title, layer: Layer::NationalSet, version, lines: 0, ends: None, changes: Vec::new() };
        self.part(part, entries, files.first().map(PathBuf::as_path));
    }

    fn ctv3(&mut self, file: &Path) {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return self.problems.unreadable(file, error),
        };
        self.digest.update(text.as_bytes());
        let packed = |code: &str| {
            let sound = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
            sound.then(|| number(code.as_bytes()))
        };
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut cells = line.split(['|', ',', '\t']).map(str::trim);
            match (cells.next().and_then(packed), cells.next().and_then(packed)) {
                (Some(child), Some(parent)) => self.hierarchy.ctv3.add(parent, child),
                _ => self.problems.at(file, at + 1, "child and parent are not two codes of five characters"),
            }
        }
        if self.hierarchy.ctv3.is_empty() {
            self.problems.add(file, "it holds no hierarchy");
        }
    }
}

/// A day as `2026-12-31`.
pub(super) fn day(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok()
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
