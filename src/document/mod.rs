//! What was released, as one document to read: a section for each of the ten views of the Detailed Care Record, below it
//! each sub-section, and a narrative for people (clause 5.2.1).
//!
//! Sections are data: the code system of views names them, and an entry stands in whichever its tags say. The narrative is
//! made here, after release, out of nothing but the released resources. Never fetches, never decides, writes no bytes of an
//! answer. Called by `disclose`.

mod columns;
mod narrative;
mod outline;
mod words;

pub use narrative::{paragraphs, reader_date};

use crate::ids::LogicalId;
use crate::kinds::{Kind, View};
use crate::release::{EMPTY_SECTION, Released};
use crate::search;
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use words::Names;

/// What the section of a view outside the agreement says: it is about the agreement, not about the patient.
pub const OUTSIDE_AGREEMENT: &str = "This view is outside the sharing agreement, so it was not asked for.";

/// The code system of views and their sub-sections.
pub const VIEW_SYSTEM: &str = search::VIEW_SYSTEM;

/// One document.
pub struct Document {
    /// Its sections, in the order of the views.
    pub sections: Vec<Section>,
    /// Every resource that it holds, each once: the patient, the sections' entries, what they refer to.
    pub entries: Vec<Arc<Released>>,
    /// The patient, where the agreement covers the patient's details.
    pub subject: Option<(Kind, LogicalId)>,
    /// The practice, where a released resource says who it is.
    pub practice: Option<(Kind, LogicalId)>,
}

/// One section.
pub struct Section {
    /// Code of the view or sub-section; none for what belongs to no section of the agreement.
    pub code: Option<&'static str>,
    /// As people read it.
    pub title: &'static str,
    /// XHTML; none where the sub-sections say it all.
    pub text: Option<String>,
    /// Newest first, undated last.
    pub entries: Vec<(Kind, LogicalId)>,
    /// Why it has no entries.
    pub empty: Option<Empty>,
    /// Its sub-sections.
    pub sections: Vec<Section>,
}

/// Why a section has no entries. There is no word for "none exist": nothing here is proof of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// None are shown.
    NoneShown,
    /// Its view is outside the agreement.
    OutsideAgreement,
}

impl Empty {
    /// As the section says it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoneShown => EMPTY_SECTION,
            Self::OutsideAgreement => OUTSIDE_AGREEMENT,
        }
    }

    /// The code of FHIR's list-empty-reason: never `nilknown`, and never `withheld`, which would tell.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoneShown => "unavailable",
            Self::OutsideAgreement => "notasked",
        }
    }
}

/// One resource with what its sections and rows are made of.
struct Entry {
    released: Arc<Released>,
    json: Value,
    tags: HashSet<String>,
}

/// Makes the document of what was released. `outside` are the views outside the agreement, `left_out` the types that it
/// does not cover.
#[must_use]
pub fn compose(pool: &[Arc<Released>], outside: &[View], left_out: &[Kind]) -> Document {
    let covered: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| !left_out.contains(kind)).collect();
    let mut entries: Vec<Entry> = search::everything(pool, &covered).into_iter().map(read).collect();
    // By the date that is read in its row. Mapping writes dates in one zone, so that their texts are in order.
    entries.sort_by_cached_key(|entry| Reverse(Names::dated(&entry.json)));
    let names = Names::of(entries.iter().map(|entry| (entry.released.kind(), entry.released.id(), &entry.json)));
    let own: Vec<&Entry> = entries.iter().filter(|entry| !entry.released.kind().is_referred_to()).collect();

    let mut sections: Vec<Section> = View::ALL
        .iter()
        .map(|view| {
            let view = outline::of(*view);
            if outside.iter().any(|outside| outside.as_str() == view.code) {
                apart(view)
            } else {
                shown(view, &own, &names)
            }
        })
        .collect();
    let placed: HashSet<(Kind, LogicalId)> = sections.iter().flat_map(Section::all).cloned().collect();
    let is_placed = |entry: &&Entry| placed.contains(&(entry.released.kind(), entry.released.id().clone()));
    let rest: Vec<&Entry> = own.iter().copied().filter(|entry| !is_placed(entry)).collect();
    if !rest.is_empty() {
        // An allergy that came with an agreed view is shown although its own view is not agreed (CONTRACT section 2).
        sections.push(section(None, "Entries of no section above", &rest, &names));
    }
    assemble(sections, &entries)
}

fn read(released: Arc<Released>) -> Entry {
    // What cannot be read has no section and an empty row; release made it, so this does not happen.
    let json: Value = serde_json::from_slice(released.json()).unwrap_or_default();
    let tags = json.pointer("/meta/tag").and_then(Value::as_array).into_iter().flatten();
    let tags = tags
        .filter(|tag| tag.get("system").and_then(Value::as_str) == Some(VIEW_SYSTEM))
        .filter_map(|tag| tag.get("code").and_then(Value::as_str).map(str::to_owned))
        .collect();
    Entry { released, json, tags }
}

/// A view outside the agreement.
fn apart(view: &outline::Outline) -> Section {
    Section {
        code: Some(view.code),
        title: view.title,
        text: Some(paragraphs(&[OUTSIDE_AGREEMENT])),
        entries: Vec::new(),
        empty: Some(Empty::OutsideAgreement),
        sections: Vec::new(),
    }
}

/// A view of the agreement: in its sub-sections what they are tagged with, in itself what only the view is.
fn shown(view: &outline::Outline, entries: &[&Entry], names: &Names<'_>) -> Section {
    let tagged =
        |code: &str| -> Vec<&Entry> { entries.iter().copied().filter(|entry| entry.tags.contains(code)).collect() };
    let sections: Vec<Section> =
        view.parts.iter().map(|part| section(Some(part.code), part.title, &tagged(part.code), names)).collect();
    let in_part = |entry: &&Entry| view.parts.iter().any(|part| entry.tags.contains(part.code));
    let own: Vec<&Entry> = tagged(view.code).into_iter().filter(|entry| !in_part(entry)).collect();
    let mut section = section(Some(view.code), view.title, &own, names);
    if sections.iter().any(|part| part.empty.is_none()) && own.is_empty() {
        (section.text, section.empty) = (None, None);
    }
    Section { sections, ..section }
}

fn section(code: Option<&'static str>, title: &'static str, entries: &[&Entry], names: &Names<'_>) -> Section {
    let rows: Vec<&Value> = entries.iter().map(|entry| &entry.json).collect();
    let empty = rows.is_empty().then_some(Empty::NoneShown);
    let text = match empty {
        Some(empty) => paragraphs(&[empty.text()]),
        None => narrative::tables(title, &rows, names),
    };
    let entries = entries.iter().map(|entry| (entry.released.kind(), entry.released.id().clone())).collect();
    Section { code, title, text: Some(text), entries, empty, sections: Vec::new() }
}

/// The patient, what the sections refer to in their order, and whatever that leads to.
fn assemble(sections: Vec<Section>, entries: &[Entry]) -> Document {
    let places: HashMap<(Kind, &LogicalId), usize> =
        entries.iter().enumerate().map(|(at, entry)| ((entry.released.kind(), entry.released.id()), at)).collect();
    let patient = entries.iter().find(|entry| entry.released.kind() == Kind::Patient);
    let subject = patient.map(|entry| (Kind::Patient, entry.released.id().clone()));
    let mut chosen = vec![false; entries.len()];
    let mut held: Vec<Arc<Released>> = Vec::with_capacity(entries.len());
    let mut take = |kind: Kind, id: &LogicalId, held: &mut Vec<Arc<Released>>| {
        let place = places.get(&(kind, id)).copied();
        if let Some((slot, entry)) = place.and_then(|at| Some((chosen.get_mut(at)?, entries.get(at)?)))
            && !std::mem::replace(slot, true)
        {
            held.push(entry.released.clone());
        }
    };
    for (kind, id) in subject.iter().chain(sections.iter().flat_map(Section::all)) {
        take(*kind, id, &mut held);
    }
    let mut at = 0;
    while let Some(resource) = held.get(at).cloned() {
        at += 1;
        resource.references().iter().for_each(|(kind, id)| take(*kind, id, &mut held));
    }
    let practice = patient
        .and_then(|entry| entry.json.pointer("/managingOrganization/reference"))
        .and_then(Value::as_str)
        .and_then(|reference| reference.strip_prefix("Organization/"))
        .and_then(LogicalId::parse)
        .filter(|id| held.iter().any(|held| held.kind() == Kind::Organization && held.id() == id))
        .map(|id| (Kind::Organization, id));
    Document { sections, entries: held, subject, practice }
}

impl Section {
    /// Its entries and those of its sub-sections.
    fn all(&self) -> impl Iterator<Item = &(Kind, LogicalId)> {
        self.entries.iter().chain(self.sections.iter().flat_map(|section| &section.entries))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
