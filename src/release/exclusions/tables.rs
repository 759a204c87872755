//! The list as tables, made once when it is loaded: what is asked of it for every coding and term of a record is a look
//! into one or two of them.

use super::entry::ExclusionEntry;
use crate::ids::has_verhoeff_check_digit;
use crate::release::codes::{Comparable, comparable};
use crate::release::lists::hierarchy::Hierarchy;
use crate::release::rubric;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

type Table = HashMap<u64, usize, BuildHasherDefault<Mixer>>;

/// Each says at which line of the list what is asked for stands first.
#[derive(Default)]
pub(in crate::release) struct Tables {
    /// First letters of Read codes on the list: most codes need no more than this.
    heads: [u64; 4],
    read: Table,
    /// Read codes whose whole subtree goes, by what stands before the dots.
    read_below: Table,
    ctv3: Table,
    snomed: Table,
    emis: HashMap<String, usize>,
    terms: HashMap<u64, Vec<(String, usize)>, BuildHasherDefault<Mixer>>,
    /// Codes that are matched on medicines alone.
    medicines: Table,
    /// Names of substances, in lower case.
    names: Vec<(String, usize)>,
}

/// A line's code, checked.
enum Key {
    Read([u8; 5]),
    Ctv3([u8; 5]),
    Snomed(u64),
    Emis(String),
    Medicine(u64),
    Name(String),
    /// Nothing but a rubric.
    Rubric,
}

/// What is wrong with a line.
///
/// # Errors
/// In a word.
pub(in crate::release) fn check(entry: &ExclusionEntry) -> Result<(), &'static str> {
    if matches!((entry.from, entry.until), (Some(from), Some(until)) if until < from) {
        return Err("it ends before it begins");
    }
    key(entry).map(|_| ())
}

fn key(entry: &ExclusionEntry) -> Result<Key, &'static str> {
    let oid = match entry.system.as_str() {
        "read-v2" => "2.16.840.1.113883.2.1.6.2",
        "ctv3" => "2.16.840.1.113883.2.1.3.2.4.14",
        "snomed" | "refset" | "dmd" => "2.16.840.1.113883.2.1.3.2.4.15",
        "emis" => "EMISLOCAL",
        "medicine" => {
            let name = entry.display.trim().to_lowercase();
            let sound = name.len() >= 4 && name.starts_with(char::is_alphabetic) && entry.code.is_empty();
            return if sound {
                Ok(Key::Name(name))
            } else {
                Err("a medicine needs a name of a few letters, and no code")
            };
        }
        _ => return Err("a terminology is not known"),
    };
    if entry.code.is_empty() {
        let has_rubric = !rubric::folded(&entry.rubric).is_empty();
        return if has_rubric { Ok(Key::Rubric) } else { Err("a line has neither code nor rubric") };
    }
    match (comparable(Some(oid), &entry.code), entry.system.as_str()) {
        (Comparable::Read(code), "read-v2") if code.first() != Some(&b'.') => Ok(Key::Read(code)),
        (Comparable::Ctv3(code), "ctv3") if code.first() != Some(&b'.') => Ok(Key::Ctv3(code)),
        (Comparable::Snomed(code), "dmd") if has_verhoeff_check_digit(&entry.code) => Ok(Key::Medicine(code)),
        (Comparable::Snomed(code), "snomed" | "refset") if has_verhoeff_check_digit(&entry.code) => {
            Ok(Key::Snomed(code))
        }
        (Comparable::Emis(code), "emis") => Ok(Key::Emis(code.to_owned())),
        _ => Err("a code fails its form or its check digit"),
    }
}

impl Tables {
    /// Of these lines, which have been checked. What a hierarchy adds stands behind what a line itself says.
    pub(in crate::release) fn of(entries: &[ExclusionEntry], hierarchy: &Hierarchy) -> Self {
        let mut tables = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            tables.add(at, entry);
        }
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.include_descendants) {
            match key(entry) {
                Ok(Key::Snomed(code)) => {
                    for below in hierarchy.snomed.below(code) {
                        tables.snomed.entry(below).or_insert(at);
                    }
                }
                Ok(Key::Medicine(code)) => {
                    for below in hierarchy.snomed.below(code) {
                        tables.medicines.entry(below).or_insert(at);
                    }
                }
                Ok(Key::Ctv3(code)) => {
                    for below in hierarchy.ctv3.below(number(&code)) {
                        tables.ctv3.entry(below).or_insert(at);
                    }
                }
                _ => {}
            }
        }
        tables
    }

    fn add(&mut self, at: usize, entry: &ExclusionEntry) {
        match key(entry) {
            Ok(Key::Read(code)) => {
                if let Some(word) = code.first().and_then(|head| self.heads.get_mut(usize::from(*head >> 6))) {
                    *word |= 1 << (code.first().map_or(0, |head| head & 63));
                }
                if entry.include_descendants {
                    let bare = code.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
                    self.read_below.entry(number(code.get(..bare).unwrap_or(&code))).or_insert(at);
                }
                self.read.entry(number(&code)).or_insert(at);
            }
            Ok(Key::Ctv3(code)) => {
                self.ctv3.entry(number(&code)).or_insert(at);
            }
            Ok(Key::Snomed(code)) => {
                self.snomed.entry(code).or_insert(at);
            }
            Ok(Key::Emis(code)) => {
                self.emis.entry(code).or_insert(at);
            }
            Ok(Key::Medicine(code)) => {
                self.medicines.entry(code).or_insert(at);
                return;
            }
            Ok(Key::Name(name)) => {
                self.names.push((name, at));
                return;
            }
            Ok(Key::Rubric) | Err(_) => {}
        }
        if entry.system != "refset" {
            // The "rubric" of a reference set is its name.
            self.add_term(&entry.rubric, at);
            self.add_term(&entry.display, at);
            self.add_term(rubric::untagged(&entry.display), at);
        }
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

    /// The line that a coding is on.
    pub(in crate::release) fn coding(&self, system: Option<&str>, code: &str) -> Option<usize> {
        match comparable(system, code) {
            Comparable::Read(code) => self.read(code),
            Comparable::Ctv3(code) => self.ctv3.get(&number(&code)).copied(),
            Comparable::Snomed(code) => self.snomed.get(&code).copied(),
            Comparable::Emis(code) => self.emis.get(code).copied(),
            Comparable::Foreign => None,
        }
    }

    fn read(&self, code: [u8; 5]) -> Option<usize> {
        let head = *code.first()?;
        if self.heads.get(usize::from(head >> 6))? & (1 << (head & 63)) == 0 {
            return None;
        }
        let below = || (1..=5).find_map(|end| self.read_below.get(&number(code.get(..end)?)));
        self.read.get(&number(&code)).or_else(below).copied()
    }

    /// The line whose rubric or term a term equals.
    pub(in crate::release) fn term(&self, term: &str) -> Option<usize> {
        let listed = |term: &str| {
            let alike = self.terms.get(&rubric::fingerprint(term))?;
            let folded = rubric::folded(term);
            alike.iter().find(|(equal, _)| *equal == folded).map(|(_, at)| *at)
        };
        let bare = rubric::untagged(term);
        listed(term).or_else(|| (bare.len() < term.trim_end().len()).then(|| listed(bare)).flatten())
    }

    /// The line that names a medicine by its code.
    pub(in crate::release) fn medicine_coding(&self, system: Option<&str>, code: &str) -> Option<usize> {
        match comparable(system, code) {
            Comparable::Snomed(code) => self.medicines.get(&code).copied(),
            _ => None,
        }
    }

    /// The line that names a substance with which the name of a medicine, or of one part of a combination, begins.
    pub(in crate::release) fn medicine_name(&self, term: &str) -> Option<usize> {
        let begins = |part: &str, name: &str| {
            let rest = part.get(..name.len()).filter(|head| head.to_lowercase() == name).and(part.get(name.len()..));
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        let parts = || term.split(['/', '+', '&']).map(str::trim_start);
        self.names.iter().find(|(name, _)| parts().any(|part| begins(part, name))).map(|(_, at)| *at)
    }

    /// Whether medicines are judged at all.
    pub(in crate::release) fn judges_medicines(&self) -> bool {
        !self.names.is_empty() || !self.medicines.is_empty()
    }
}

/// Up to five bytes as a number of their own.
pub(in crate::release) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(1, |number, byte| number << 8 | u64::from(*byte))
}

/// For keys that are numbers of our own list, so that nobody can choose them to collide.
#[derive(Default, Clone, Copy)]
pub struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
