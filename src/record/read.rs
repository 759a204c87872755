//! The streaming reader: one pass over the bytes, one [`Record`] out.
//!
//! It walks the document with a pull cursor and names each OpenHR element once. What it does not name it skips, and
//! counts by a fixed word; a value it cannot understand becomes absent, and is counted. It never keeps text that WIRE
//! section 6 drops, never expands an entity, never follows the document's own depth with the machine's stack beyond
//! the bound of [`Limits`].

mod admin;
mod cursor;
mod drugs;
mod health;
mod namespaces;
mod scalars;
mod values;
mod xml;
#[cfg(test)]
mod tests;

use super::Record;
use cursor::Cursor;
use std::collections::HashSet;

/// Bounds on one record.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes: usize,
    /// Depth of elements.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 32 * 1024 * 1024, depth: 64 }
    }
}

/// How a record is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Its bounds.
    pub limits: Limits,
    /// Namespace and root.
    pub name: (&'a str, &'a str),
    /// The `eventType`s whose `associatedText` is kept: those of the wire profile, none by default (WIRE section 6).
    pub associated_text_of: &'a [String],
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { limits: Limits::default(), name: (OPENHR, "openHealthRecord"), associated_text_of: &[] }
    }
}

/// OpenHR's namespace.
const OPENHR: &str = "http://www.e-mis.com/emisopen";

/// Why a document is not a record. Carries no text of it.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// Not well-formed XML, cut short, or a DTD, entity or processing instruction.
    #[error("the record is not well-formed")]
    Malformed,
    /// Too large or too deep.
    #[error("the record is over its bounds")]
    TooLarge,
    /// Not an `openHealthRecord`, or one without a patient.
    #[error("the record is not OpenHR")]
    NotOpenHr,
}

/// Reads one `openHealthRecord` element (a document of its own, or the element cut out with its namespaces).
///
/// # Errors
/// See [`ReadError`]; odd entries are not errors.
pub fn read(xml: &[u8], limits: Limits) -> Result<Record, ReadError> {
    read_as(xml, &Reading { limits, ..Reading::default() })
}

/// The same with what a wire profile may say otherwise.
///
/// # Errors
/// As [`read`].
pub fn read_as(xml: &[u8], reading: &Reading<'_>) -> Result<Record, ReadError> {
    let (ns, root) = reading.name;
    let mut cursor = Cursor::open(xml, reading.limits, ns)?;
    cursor.root(root)?;
    let mut building = Building { associated_text_of: reading.associated_text_of.to_vec(), ..Building::default() };
    while let Some(tag) = cursor.child()? {
        match tag.name() {
            "author" => author(&mut cursor, &mut building.record)?,
            "adminDomain" => admin::domain(&mut cursor, &mut building)?,
            "healthDomain" => health::domain(&mut cursor, &mut building)?,
            "id" | "creationTime" | "contentSpecification" | "requestMessage" => cursor.skip()?,
            _ => cursor.skip_unknown()?,
        }
    }
    cursor.finish()?;
    building.into_record(cursor)
}

/// What is read so far, and what must be compared at the end.
#[derive(Default)]
struct Building {
    record: Record,
    /// Ids of the confidentiality policies that anything names, whether or not the item that named it is kept.
    named_policies: HashSet<String>,
    associated_text_of: Vec<String>,
}

impl Building {
    fn into_record(self, mut cursor: Cursor<'_>) -> Result<Record, ReadError> {
        let Self { mut record, named_policies, .. } = self;
        if record.patient.is_none() {
            return Err(ReadError::NotOpenHr);
        }
        record.names_absent_policy = named_policies.iter().any(|id| !record.policies.contains_key(id));
        for event in doubles(&mut record.events, |event| &event.id) {
            cursor.odd("duplicate-event");
            record.unidentified.push((event.id, event.kind));
        }
        for encounter in doubles(&mut record.encounters, |encounter| &encounter.id) {
            cursor.odd("duplicate-encounter");
            record.unidentified.push((encounter.id, "ENC".to_owned()));
        }
        record.oddities = cursor.into_oddities();
        Ok(record)
    }
}

/// Takes out the entries with the id of an earlier one.
fn doubles<T>(entries: &mut Vec<T>, id: impl Fn(&T) -> &str) -> Vec<T> {
    let mut seen = HashSet::with_capacity(entries.len());
    let keep: Vec<bool> = entries.iter().map(|entry| seen.insert(id(entry))).collect();
    let mut keep = keep.into_iter();
    entries.extract_if(.., |_| !keep.next().unwrap_or(true)).collect()
}

fn author(cursor: &mut Cursor<'_>, record: &mut Record) -> Result<(), ReadError> {
    while let Some(tag) = cursor.child()? {
        if tag.name() != "system" {
            cursor.skip()?;
            continue;
        }
        while let Some(tag) = cursor.child()? {
            match tag.name() {
                "systemType" => record.system_type = cursor.token()?,
                "displayName" => record.system_name = cursor.token()?,
                _ => cursor.skip()?,
            }
        }
    }
    Ok(())
}
