//! What became of every entry, once: the source of resources, a component of another, or a counted omission.

use crate::kinds::words;
use std::collections::BTreeMap;

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
    entries: BTreeMap<(String, String), Fate>,
}

impl Ledger {
    /// Notes a fate. An entry that became a source stays one; otherwise the first fate stands.
    pub fn note(&mut self, legacy_id: &str, event_type: &str, fate: Fate) {
        let slot = self.entries.entry((legacy_id.to_ascii_lowercase(), event_type.to_owned())).or_insert(fate);
        if fate == Fate::Source {
            *slot = Fate::Source;
        }
    }

    /// The fate of one entry.
    #[must_use]
    pub fn fate(&self, legacy_id: &str) -> Option<Fate> {
        let id = legacy_id.to_ascii_lowercase();
        self.entries
            .range((id.clone(), String::new())..)
            .next()
            .filter(|((key, _), _)| *key == id)
            .map(|(_, fate)| *fate)
    }

    /// Every entry: legacy id, event type, fate.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Fate)> {
        self.entries.iter().map(|((id, kind), fate)| (id.as_str(), kind.as_str(), *fate))
    }

    /// How many entries were omitted for each reason, by event type.
    #[must_use]
    pub fn omissions(&self) -> BTreeMap<(Reason, String), u64> {
        let mut counts = BTreeMap::new();
        for ((_, kind), fate) in &self.entries {
            if let Fate::Omitted(reason) = fate {
                *counts.entry((*reason, kind.clone())).or_default() += 1;
            }
        }
        counts
    }
}
