//! The exclusion list: data, checked as it is read, and the two questions asked of it.
//!
//! A list that cannot be read in full is no list: a wrong check digit, an unknown terminology, a missing rubric or a
//! torn line is an error, and the service does not start.

use super::codes::{Comparable, comparable};
use super::rubric;
use crate::ids::has_verhoeff_check_digit;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BUILTIN: &str = include_str!("../../profiles/terminology/exclusion-codes.csv");
/// Appendix A of the sharing agreement has this many rows.
const ROWS: u32 = 66;

/// Why a list is not one.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionsError {
    /// The file cannot be read.
    #[error("exclusion list {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The content is not a list.
    #[error("exclusion list {0}: {1}")]
    Invalid(PathBuf, &'static str),
    /// The list of this build is not one.
    #[error("the built-in exclusion list: {0}")]
    Builtin(&'static str),
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusionEntry {
    /// Row of Appendix A; 0 for what stands beside it.
    pub row: u32,
    /// The row's rubric.
    pub rubric: String,
    /// Topic: `hiv-aids`, `gender` …
    pub group: String,
    /// `read-v2`, `ctv3`, `snomed`, `emis` or `refset`.
    pub system: String,
    /// The code; empty where only the rubric is known.
    pub code: String,
    /// Whether what lies below the code goes too, where the terminology's shape shows it.
    pub include_descendants: bool,
    /// A term of the code; may be empty.
    pub display: String,
    /// `verified`, `inferred`, `unknown`.
    pub confidence: String,
}

#[derive(Default)]
struct List {
    version: String,
    entries: Vec<ExclusionEntry>,
    // Each says at which entry of the list it stands first.
    /// Read codes whose whole subtree goes, by their letters before the dots.
    read_below: HashMap<Box<[u8]>, usize>,
    read: HashMap<[u8; 5], usize>,
    /// First letters of Read codes on the list: most codes need no more than this.
    read_heads: HashSet<u8>,
    ctv3: HashMap<[u8; 5], usize>,
    snomed: HashMap<u64, usize>,
    emis: HashMap<String, usize>,
    terms: HashMap<u64, Vec<(String, usize)>>,
}

/// The exclusion list in force. Cheap to clone.
#[derive(Clone)]
pub struct Exclusions(Arc<List>);

impl Exclusions {
    /// The built-in list: Appendix A's rubrics and their codes.
    ///
    /// # Errors
    /// When the embedded data fails its check digits.
    pub fn builtin() -> Result<Self, &'static str> {
        let mut list = List::default();
        list.read(BUILTIN)?;
        list.complete()?;
        Ok(Self(Arc::new(list)))
    }

    /// The built-in list and further files of the same columns, of which `system` and `code` or `rubric` are needed.
    ///
    /// # Errors
    /// When any of them cannot be read in full.
    pub fn load<P: AsRef<Path>>(files: &[P]) -> Result<Self, ExclusionsError> {
        let mut list = List::default();
        list.read(BUILTIN).and_then(|()| list.complete()).map_err(ExclusionsError::Builtin)?;
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for file in files {
            let path = file.as_ref();
            let text = std::fs::read_to_string(path).map_err(|e| ExclusionsError::Unreadable(path.to_owned(), e))?;
            digest.update(text.as_bytes());
            let before = (std::mem::take(&mut list.version), list.entries.len());
            list.read(&text).map_err(|why| ExclusionsError::Invalid(path.to_owned(), why))?;
            if list.entries.len() == before.1 {
                return Err(ExclusionsError::Invalid(path.to_owned(), "it has no lines"));
            }
            list.version = before.0;
        }
        if !files.is_empty() {
            use std::fmt::Write as _;
            list.version.push('+');
            for byte in digest.finish().as_ref().iter().take(6) {
                let _ = write!(list.version, "{byte:02x}");
            }
        }
        Ok(Self(Arc::new(list)))
    }

    /// Its version, for audit and cache. A list extended by files carries their fingerprint.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Its lines, for the public page.
    #[must_use]
    pub fn entries(&self) -> &[ExclusionEntry] {
        &self.0.entries
    }

    /// Whether a coding is on the list. Systems are known by their OID and by their FHIR URI.
    #[must_use]
    pub fn excludes_coding(&self, system: Option<&str>, code: &str) -> bool {
        self.coding(system, code).is_some()
    }

    /// The line of the list that a coding is on.
    #[must_use]
    pub fn coding(&self, system: Option<&str>, code: &str) -> Option<&ExclusionEntry> {
        let list = &*self.0;
        let at = match comparable(system, code) {
            Comparable::Read(code) => {
                if !code.first().is_some_and(|head| list.read_heads.contains(head)) {
                    return None;
                }
                let below = || (1..=5).find_map(|end| list.read_below.get(code.get(..end)?));
                list.read.get(&code).or_else(below)
            }
            Comparable::Ctv3(code) => list.ctv3.get(&code),
            Comparable::Snomed(code) => list.snomed.get(&code),
            Comparable::Emis(code) => list.emis.get(code),
            Comparable::Foreign => None,
        };
        list.entries.get(*at?)
    }

    /// Whether a term equals a rubric or a listed term of the list.
    #[must_use]
    pub fn excludes_term(&self, term: &str) -> bool {
        self.term(term).is_some()
    }

    /// The line of the list whose rubric or term a term equals.
    #[must_use]
    pub fn term(&self, term: &str) -> Option<&ExclusionEntry> {
        let listed = |term: &str| {
            let alike = self.0.terms.get(&rubric::fingerprint(term))?;
            let folded = rubric::folded(term);
            alike.iter().find(|(equal, _)| *equal == folded).map(|(_, at)| *at)
        };
        let bare = rubric::untagged(term);
        let at = listed(term).or_else(|| (bare.len() < term.trim_end().len()).then(|| listed(bare)).flatten())?;
        self.0.entries.get(at)
    }
}

impl List {
    fn read(&mut self, text: &str) -> Result<(), &'static str> {
        let mut lines = records(text)?.into_iter().filter(|line| !matches!(line.as_slice(), [one] if one.is_empty()));
        let mut head = lines.next().ok_or("it is empty")?;
        if let Some(version) = head.first().and_then(|first| first.strip_prefix("# version ")) {
            version.trim().clone_into(&mut self.version);
            head = lines.next().ok_or("it has no heading")?;
        }
        let column = |name: &str| head.iter().position(|cell| cell == name);
        let (Some(system), Some(code)) = (column("system"), column("code")) else {
            return Err("it lacks the columns system and code");
        };
        let optional = ["row", "rubric", "group", "include_descendants", "display", "confidence"].map(column);
        let [row, rubric, group, below, display, confidence] = optional;
        for line in lines {
            if line.len() != head.len() {
                return Err("a line does not have the columns of the heading");
            }
            let cell = |at: Option<usize>| at.and_then(|at| line.get(at)).map(|text| text.trim().to_owned());
            let row = match cell(row).as_deref() {
                None | Some("") => 0,
                Some(number) => number.parse().map_err(|_| "a row is not a number")?,
            };
            let include_descendants = match cell(below).as_deref() {
                None | Some("" | "false") => false,
                Some("true") => true,
                Some(_) => return Err("include_descendants is neither true nor false"),
            };
            self.add(ExclusionEntry {
                row,
                rubric: cell(rubric).unwrap_or_default(),
                group: cell(group).unwrap_or_default(),
                system: cell(Some(system)).unwrap_or_default(),
                code: cell(Some(code)).unwrap_or_default(),
                include_descendants,
                display: cell(display).unwrap_or_default(),
                confidence: cell(confidence).unwrap_or_default(),
            })?;
        }
        Ok(())
    }

    fn add(&mut self, entry: ExclusionEntry) -> Result<(), &'static str> {
        let at = self.entries.len();
        let oid = match entry.system.as_str() {
            "read-v2" => "2.16.840.1.113883.2.1.6.2",
            "ctv3" => "2.16.840.1.113883.2.1.3.2.4.14",
            "snomed" | "refset" => "2.16.840.1.113883.2.1.3.2.4.15",
            "emis" => "EMISLOCAL",
            _ => return Err("a terminology is not known"),
        };
        if entry.code.is_empty() {
            if entry.rubric.is_empty() || entry.row == 0 {
                return Err("a line has neither code nor rubric");
            }
        } else {
            match (comparable(Some(oid), &entry.code), entry.system.as_str()) {
                (Comparable::Read(code), "read-v2") if code != *b"....." => {
                    self.read_heads.extend(code.first());
                    if entry.include_descendants {
                        let bare = code.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
                        if let Some(head) = code.get(..bare) {
                            self.read_below.entry(head.into()).or_insert(at);
                        }
                    }
                    self.read.entry(code).or_insert(at);
                }
                (Comparable::Ctv3(code), "ctv3") => {
                    self.ctv3.entry(code).or_insert(at);
                }
                (Comparable::Snomed(code), "snomed" | "refset") if has_verhoeff_check_digit(&entry.code) => {
                    self.snomed.entry(code).or_insert(at);
                }
                (Comparable::Emis(code), "emis") => {
                    self.emis.entry(code.to_owned()).or_insert(at);
                }
                _ => return Err("a code fails its form or its check digit"),
            }
        }
        if entry.system != "refset" {
            if entry.row > 0 {
                self.add_term(&entry.rubric, at);
            }
            self.add_term(&entry.display, at);
            self.add_term(rubric::untagged(&entry.display), at);
        }
        self.entries.push(entry);
        Ok(())
    }

    fn add_term(&mut self, term: &str, at: usize) {
        let folded = rubric::folded(term);
        if folded.is_empty() {
            return;
        }
        let equal = self.terms.entry(rubric::fingerprint(term)).or_default();
        if equal.iter().all(|(known, _)| *known != folded) {
            equal.push((folded, at));
        }
    }

    fn complete(&self) -> Result<(), &'static str> {
        let rows: HashSet<u32> = self.entries.iter().map(|entry| entry.row).collect();
        if !(1..=ROWS).all(|row| rows.contains(&row)) {
            return Err("a row of the appendix is missing");
        }
        if self.version.is_empty() { Err("it has no version") } else { Ok(()) }
    }
}

/// Comma-separated lines with quoted cells.
fn records(text: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            ('"', true) => quoted = false,
            ('"', false) if cell.is_empty() => quoted = true,
            (',', false) => line.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            (c, _) => cell.push(c),
        }
    }
    if quoted {
        return Err("a quoted cell does not end");
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
#[path = "exclusions_tests.rs"]
mod tests;
