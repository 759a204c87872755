//! Files of a SNOMED CT release (RF2), read line by line: simple reference sets and relationships. They are licensed, so
//! that none comes with this service; the settings name them. A line that is not what its heading promises is a problem,
//! and a problem stops the start.

use super::hierarchy::Below;
use super::problems::Problems;
use crate::ids::has_verhoeff_check_digit;
use aws_lc_rs::digest::Context;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

const REFSET: &str = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId";
const RELATIONSHIP: &str = "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\t\
                            characteristicTypeId\tmodifierId";
const IS_A: &str = "116680003";
const INFERRED: &str = "900000000000011006";

/// The last that a release says of one membership.
struct Membership {
    since: String,
    active: bool,
    set: String,
    member: String,
}

/// The members of the reference sets asked for, out of any number of files.
#[derive(Default)]
pub(super) struct RefSets {
    memberships: HashMap<String, Membership>,
}

impl RefSets {
    /// Reads one file: a snapshot, or a full one, of which the last word on each membership counts.
    pub(super) fn read(&mut self, file: &Path, wanted: &BTreeSet<&str>, digest: &mut Context, problems: &mut Problems) {
        lines(file, REFSET, digest, problems, |line| {
            let [id, since, active, module, set, member] = columns(line)?;
            let active = dated(since, active)?;
            if id.is_empty() {
                return Err("a membership has no id");
            }
            for sctid in [module, set, member] {
                if !is_sctid(sctid) {
                    return Err("an identifier fails its form or its check digit");
                }
            }
            if !wanted.contains(set) {
                return Ok(());
            }
            if !is_concept(member) {
                return Err("a member is not a concept");
            }
            let found = Membership { since: since.to_owned(), active, set: set.to_owned(), member: member.to_owned() };
            match self.memberships.get_mut(id) {
                // Of two last words the one that withholds.
                Some(held) if (held.since.as_str(), held.active) < (since, active) => *held = found,
                Some(_) => {}
                None => {
                    self.memberships.insert(id.to_owned(), found);
                }
            }
            Ok(())
        });
    }

    /// Active members by reference set, and the day of the latest change among them.
    pub(super) fn members(&self) -> (BTreeMap<&str, BTreeSet<&str>>, &str) {
        let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for membership in self.memberships.values().filter(|membership| membership.active) {
            members.entry(&membership.set).or_default().insert(&membership.member);
        }
        (members, self.memberships.values().map(|membership| membership.since.as_str()).max().unwrap_or(""))
    }
}

/// Reads the inferred is-a relationships of a snapshot.
pub(super) fn relationships(file: &Path, below: &mut Below, digest: &mut Context, problems: &mut Problems) {
    let (mut seen, before) = (HashSet::new(), problems.count());
    lines(file, RELATIONSHIP, digest, problems, |line| {
        let [id, since, active, _, source, destination, _, kind, characteristic, _] = columns(line)?;
        let active = dated(since, active)?;
        if kind != IS_A || characteristic != INFERRED {
            return Ok(());
        }
        if ![id, source, destination].into_iter().all(is_sctid) {
            return Err("an identifier fails its form or its check digit");
        }
        let (Ok(number), Ok(child), Ok(parent)) = (id.parse::<u64>(), source.parse(), destination.parse()) else {
            return Err("an identifier fails its form or its check digit");
        };
        if !seen.insert(number) {
            return Err("a relationship stands twice: a snapshot is needed, not the full file");
        }
        if active {
            below.add(parent, child);
        }
        Ok(())
    });
    if below.is_empty() && problems.count() == before {
        problems.add(file, "it holds no inferred is-a relationship");
    }
}

/// Every line behind the heading, which has to be this one.
fn lines(
    file: &Path,
    heading: &str,
    digest: &mut Context,
    problems: &mut Problems,
    mut each: impl FnMut(&str) -> Result<(), &'static str>,
) {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) => return problems.unreadable(file, error),
    };
    let (mut reader, mut line, mut number) = (BufReader::with_capacity(1 << 16, opened), String::new(), 0_usize);
    loop {
        line.clear();
        match reader.read_line(&mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return problems.unreadable(file, error),
        }
        digest.update(line.as_bytes());
        number += 1;
        let ended = line.ends_with('\n');
        let text = line.trim_end_matches(['\n', '\r']);
        if number == 1 {
            if text.trim_start_matches('\u{feff}') != heading {
                return problems.add(file, "its heading is not that of the RF2 file that is needed");
            }
            continue;
        }
        // A release ends every line, so that a torn file shows.
        let read = if ended { each(text) } else { Err("it is cut off") };
        if let Err(problem) = read {
            problems.at(file, number, problem);
        }
    }
    if number < 2 {
        problems.add(file, "it has no lines");
    }
}

fn columns<const N: usize>(line: &str) -> Result<[&str; N], &'static str> {
    let mut cells = [""; N];
    let mut parts = line.split('\t');
    for cell in &mut cells {
        *cell = parts.next().ok_or("it does not have the columns of the heading")?;
    }
    if parts.next().is_some() { Err("it does not have the columns of the heading") } else { Ok(cells) }
}

/// Whether a line is active, if its date and its mark are sound.
fn dated(since: &str, active: &str) -> Result<bool, &'static str> {
    if since.len() != 8 || !since.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its effective time is not a date");
    }
    match active {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err("active is neither 0 nor 1"),
    }
}

/// Length, no leading zero, check digit.
fn is_sctid(text: &str) -> bool {
    (6..=18).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && has_verhoeff_check_digit(text)
}

/// The partition of concepts, short and long form.
fn is_concept(sctid: &str) -> bool {
    let end = sctid.len();
    matches!(end.checked_sub(3).and_then(|from| sctid.get(from..end - 1)), Some("00" | "10"))
}
