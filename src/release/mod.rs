//! What may leave. [`screen`] removes from the source entries, [`release`] checks the mapped output again and is the
//! only code that opens a [`Held`].
//!
//! Order: marks and policies, deletions, uncoded text, the exclusion list on every coding and term, the cascade over
//! child links and references, empty groups. Mapping sees only a [`Screened`] record.

mod codes;
mod edit;
mod exclusions;
mod explain;
mod finding;
mod lists;
mod notice;
mod output;
mod rubric;
mod screen;
mod shadow;
mod subject;
mod terminology;

pub use exclusions::{ExclusionEntry, Exclusions, Layer, Rules, TOPICS, Topic};
pub use explain::{Explanation, Loss, Rule, explain, losses};
pub use lists::{Change, ExclusionsError, Lists, Part, Sources};
pub use notice::{EMPTY_SECTION, NOTICE, Notice, notice};
pub use output::release;
pub use screen::screen;
pub use shadow::{Difference, Shadow, differences};
pub use terminology::Definition;

use crate::ids::LogicalId;
use crate::kinds::{Kind, View};
use crate::record::{Ledger, Record};
use bytes::Bytes;
use mig_fhir_model::Resource;
use std::sync::OnceLock;

/// A record from which everything that may not leave is gone. Only [`screen`] makes one.
pub struct Screened {
    record: Record,
    /// What became of the entries so far.
    ledger: Ledger,
}

impl Screened {
    /// What is left.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Takes the ledger, for the mapping to go on with.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }
}

/// A mapped resource that has not been checked again. No `Debug`, no accessor to the resource: only `release` opens it.
pub struct Held {
    kind: Kind,
    id: LogicalId,
    resource: Resource,
    /// `mig-view` tags, as codes of the view CodeSystem.
    tags: Vec<&'static str>,
    /// Made from an event that came with its problem.
    with_problem: bool,
    /// `Type/id` of what it refers to.
    references: Vec<(Kind, LogicalId)>,
    /// The views that the rules place it in with certainty; empty when they cannot place it.
    placed_in: Vec<View>,
}

/// What mapping says beside the resource.
pub struct HeldFacts {
    /// See [`Held`].
    pub tags: Vec<&'static str>,
    /// See [`Held`].
    pub with_problem: bool,
    /// See [`Held`].
    pub references: Vec<(Kind, LogicalId)>,
    /// See [`Held`].
    pub placed_in: Vec<View>,
}

impl Held {
    /// Holds one mapped resource.
    #[must_use]
    pub fn new(kind: Kind, id: LogicalId, resource: Resource, facts: HeldFacts) -> Self {
        let HeldFacts { tags, with_problem, references, placed_in } = facts;
        Self { kind, id, resource, tags, with_problem, references, placed_in }
    }
}

/// A resource that may leave, encoded once.
pub struct Released {
    kind: Kind,
    id: LogicalId,
    json: Bytes,
    with_problem: bool,
    references: Vec<(Kind, LogicalId)>,
    index: OnceLock<Index>,
}

/// Values that search compares, by parameter name. Filled by `search` on first use.
#[derive(Default)]
pub struct Index(pub Vec<(&'static str, Vec<IndexValue>)>);

/// One value that search compares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IndexValue {
    /// System (absent for plain codes) and code.
    Token(Option<String>, String),
    /// A span of time in milliseconds, from first to one past the last.
    Period(i64, i64),
    /// `Type/id`.
    Reference(String),
    /// Text.
    Text {
        /// As given.
        said: String,
        /// Without case and accents.
        folded: String,
    },
}

impl Released {
    /// Its FHIR type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its logical id.
    #[must_use]
    pub fn id(&self) -> &LogicalId {
        &self.id
    }

    /// Its JSON, compact.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// Its JSON with those of its members alone that are kept, tagged `SUBSETTED`. Labels and tags stay in `meta`, which is kept
    /// unasked. `None` when it cannot be read, which release made impossible.
    #[must_use]
    pub fn subset(&self, keep: &dyn Fn(&str) -> bool) -> Option<String> {
        edit::subset(std::str::from_utf8(&self.json).ok()?, keep)
    }

    /// Whether it came with its problem; of two with one id, that one wins.
    #[must_use]
    pub fn with_problem(&self) -> bool {
        self.with_problem
    }

    /// What it refers to.
    #[must_use]
    pub fn references(&self) -> &[(Kind, LogicalId)] {
        &self.references
    }

    /// The search index, made once by the given function.
    #[allow(clippy::should_implement_trait, reason = "it is not indexed: it has an index")]
    pub fn index(&self, make: impl FnOnce(&[u8]) -> Index) -> &Index {
        self.index.get_or_init(|| make(&self.json))
    }
}
