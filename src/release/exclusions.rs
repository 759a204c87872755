//! The exclusion list in force on one day, and the questions asked of it. [`super::Lists`] makes one.

mod entry;
mod tables;

pub use entry::{ExclusionEntry, Layer, TOPICS, Topic, layer_of};
pub(super) use tables::{Tables, check, number};

use super::codes::{Comparable, comparable};
use super::lists::{Lists, Part};
use super::notice::{NOTICE_OF_SOME, Notice, notice};
use super::terminology::{Definition, definitions};
use crate::kinds::View;
use crate::policy::Supplier;
use std::sync::{Arc, OnceLock};

/// What a deployment decides about the list beside what stands on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Suppliers to whose records the list is not applied. Marks of the practice are heeded all the same.
    pub exempt: Vec<Supplier>,
    /// Views in which entries are withheld whose code system is unknown, or that have text only; never allergies,
    /// medication, issues or immunisations.
    pub withhold_unknown: Vec<View>,
    /// Who approved that medicines are withheld that point to a topic.
    pub medicines_approved: Option<String>,
}

/// The list of one interval between changes.
pub(super) struct List {
    pub(super) version: String,
    pub(super) entries: Vec<ExclusionEntry>,
    pub(super) tables: Tables,
    pub(super) rules: Rules,
    pub(super) parts: Vec<Part>,
    pub(super) definitions: OnceLock<Vec<Definition>>,
}

/// The exclusion list in force. Cheap to clone.
#[derive(Clone)]
pub struct Exclusions {
    list: Arc<List>,
    scope: Scope,
}

/// How far the list goes for one record and view.
#[derive(Clone, Copy)]
struct Scope {
    listed: bool,
    unknown: bool,
}

impl Exclusions {
    pub(super) fn new(list: Arc<List>) -> Self {
        Self { list, scope: Scope { listed: true, unknown: false } }
    }

    /// The built-in list: Appendix A's rubrics and their codes.
    ///
    /// # Errors
    /// When the embedded data fails its check digits.
    pub fn builtin() -> Result<Self, &'static str> {
        Lists::builtin().map(|lists| lists.on(time::Date::MIN))
    }

    /// As it applies to a supplier's records: to all of them, unless the settings say otherwise of this very one. A name
    /// that is not known is nobody's exemption.
    #[must_use]
    pub fn for_supplier(&self, supplier: &str) -> Self {
        let applies = Supplier::parse(supplier).is_none_or(|supplier| self.applies_to(supplier));
        Self { scope: Scope { listed: self.scope.listed && applies, ..self.scope }, ..self.clone() }
    }

    /// Whether it is applied to a supplier's records. To those of one that is not known it always is.
    #[must_use]
    pub fn applies_to(&self, supplier: Supplier) -> bool {
        supplier == Supplier::Other || !self.list.rules.exempt.contains(&supplier)
    }

    /// As it applies to what one view brings.
    #[must_use]
    pub fn for_view(&self, view: View) -> Self {
        let unknown = self.list.rules.withhold_unknown.contains(&view);
        Self { scope: Scope { unknown, ..self.scope }, ..self.clone() }
    }

    /// Its version, for audit and cache: that of the built-in list, and where anything is added or set, a fingerprint of
    /// every loaded part and setting; from a dated change on, its day too.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.list.version
    }

    /// Its lines, for the public page.
    #[must_use]
    pub fn entries(&self) -> &[ExclusionEntry] {
        &self.list.entries
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.list.parts
    }

    /// What the deployment decided about it.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.list.rules
    }

    /// It in FHIR's words, with the other code systems and value sets of this service.
    #[must_use]
    pub fn definitions(&self) -> &[Definition] {
        self.list.definitions.get_or_init(|| definitions(self))
    }

    /// The neutral notice of a deployment with this list: which rule holds, never what the rule did.
    #[must_use]
    pub fn notice(&self) -> Notice {
        if self.list.rules.exempt.is_empty() { notice() } else { NOTICE_OF_SOME }
    }

    /// Whether a coding is on the list. Systems are known by their OID and by their FHIR URI.
    #[must_use]
    pub fn excludes_coding(&self, system: Option<&str>, code: &str) -> bool {
        self.coding(system, code).is_some()
    }

    /// The line of the list that a coding is on.
    #[must_use]
    pub fn coding(&self, system: Option<&str>, code: &str) -> Option<&ExclusionEntry> {
        self.line(self.list.tables.coding(system, code))
    }

    /// Whether a term equals a rubric or a listed term of the list.
    #[must_use]
    pub fn excludes_term(&self, term: &str) -> bool {
        self.term(term).is_some()
    }

    /// The line of the list whose rubric or term a term equals.
    #[must_use]
    pub fn term(&self, term: &str) -> Option<&ExclusionEntry> {
        self.line(self.list.tables.term(term))
    }

    /// Whether the list names medicines at all.
    #[must_use]
    pub fn judges_medicines(&self) -> bool {
        self.scope.listed && self.list.tables.judges_medicines()
    }

    /// The line that names a medicine by its code.
    #[must_use]
    pub fn medicine_coding(&self, system: Option<&str>, code: &str) -> Option<&ExclusionEntry> {
        self.line(self.list.tables.medicine_coding(system, code))
    }

    /// The line that names a substance with which a medicine's name begins.
    #[must_use]
    pub fn medicine_name(&self, term: &str) -> Option<&ExclusionEntry> {
        self.line(self.list.tables.medicine_name(term))
    }

    /// Whether entries that no known code system codes are withheld.
    #[must_use]
    pub fn withholds_unknown(&self) -> bool {
        self.scope.unknown
    }

    fn line(&self, at: Option<usize>) -> Option<&ExclusionEntry> {
        at.filter(|_| self.scope.listed).and_then(|at| self.list.entries.get(at))
    }
}

/// Whether a coding is of a terminology that the list could speak of.
pub(super) fn is_known(system: Option<&str>, code: &str) -> bool {
    comparable(system, code) != Comparable::Foreign
}

#[cfg(test)]
#[path = "exclusions_tests.rs"]
mod tests;
