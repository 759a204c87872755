//! What became of every entry, once: the source of resources, a component of another, or a counted omission.

use crate::kinds::words;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

words! {
    /// Why an entry is not shown. The words are metric labels and the lines of a mapping report.
    Reason {
        /// Under the exclusion list, marked private, hidden or under a restricted policy. One word for all of them.
        Withheld = "withheld",
        /// Deleted at the source.
        Deleted = "deleted",
        /// An uncoded observation or referral: consultation text (WIRE section 6).
        Uncoded = "uncoded",
        /// Outside the Detailed Care Record: diary, attachments, family history, test requests (CONTRACT section 2).
        OutsideRecord = "outside-record",
        /// An event type that this service does not serve yet, or does not know.
        NotServed = "not-served",
        /// Outside every agreed view, by a certain rule.
        ViewNotAgreed = "view-not-agreed",
        /// A report or group without value, text or released member (CONTRACT section 7).
        Empty = "empty",
        /// Its id is missing, or an entry with the same id came before.
        NoIdentity = "no-identity",
        /// The mapping cannot say it in valid FHIR.
        Unmappable = "unmappable",
    }
}

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// One or more resources were made from it.
    Source,
    /// It is a component or member of the resource that another entry made.
    Component,
    /// It is not shown.
    Omitted(Reason),
}

/// The fates of one record's entries, by legacy id and event type. Never leaves the process but as counts.
#[derive(Default, Clone)]
pub struct Ledger {
    entries: HashMap<String, Noted>,
}

/// What was noted under one id. An event and an encounter may share it: then there is more than one.
#[derive(Clone)]
struct Noted {
    kind: String,
    fate: Fate,
    others: Vec<(String, Fate)>,
}

impl Noted {
    /// Notes a fate under a further event type, or settles it with what is there.
    fn note(&mut self, kind: &str, fate: Fate) {
        let known = if self.kind == kind {
            Some(&mut self.fate)
        } else {
            self.others.iter_mut().find(|(other, _)| other == kind).map(|(_, fate)| fate)
        };
        match known {
            Some(known) if fate == Fate::Source => *known = Fate::Source,
            Some(_) => {}
            None => self.others.push((kind.to_owned(), fate)),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, Fate)> {
        let others = self.others.iter().map(|(kind, fate)| (kind.as_str(), *fate));
        std::iter::once((self.kind.as_str(), self.fate)).chain(others)
    }
}

impl Ledger {
    /// Notes a fate. An entry that became a source stays one; otherwise the first fate stands.
    pub fn note(&mut self, legacy_id: &str, event_type: &str, fate: Fate) {
        match self.entries.entry(legacy_id.to_ascii_lowercase()) {
            Entry::Occupied(mut noted) => noted.get_mut().note(event_type, fate),
            Entry::Vacant(place) => {
                place.insert(Noted { kind: event_type.to_owned(), fate, others: Vec::new() });
            }
        }
    }

    /// The fate of one entry; of several under one id, that of the first event type by its letters.
    #[must_use]
    pub fn fate(&self, legacy_id: &str) -> Option<Fate> {
        let noted = self.entries.get(&legacy_id.to_ascii_lowercase())?;
        noted.iter().min_by_key(|(kind, _)| *kind).map(|(_, fate)| fate)
    }

    /// Every entry: legacy id, event type, fate. In no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Fate)> {
        self.entries.iter().flat_map(|(id, noted)| noted.iter().map(|(kind, fate)| (id.as_str(), kind, fate)))
    }

    /// How many entries were omitted for each reason, by event type.
    #[must_use]
    pub fn omissions(&self) -> BTreeMap<(Reason, String), u64> {
        let mut counts = BTreeMap::new();
        for (_, kind, fate) in self.iter() {
            if let Fate::Omitted(reason) = fate {
                *counts.entry((reason, kind.to_owned())).or_default() += 1;
            }
        }
        counts
    }
}
