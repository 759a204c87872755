//! The ConceptMaps of `profiles/mapping`, read once: the one place where a word of the legacy record becomes a code of
//! FHIR. Code asks them row by row and holds no list of its own beside them; a word that no row has is the caller's to
//! degrade, never an error.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A ConceptMap of this build.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Map {
    /// Descriptions of abnormal results.
    AbnormalFlag,
    /// Which address is where the patient lives.
    AddressType,
    /// Allergy schemes whose category is certain.
    AllergyCategory,
    /// Schemes and their URIs.
    CodeSystem,
    /// The class of an encounter.
    ConsultationType,
    /// The status of a repeat.
    DrugStatus,
    /// Episodicity.
    Episodicity,
    /// Event types, and those outside the record.
    EventType,
    /// Issues by another prescriber.
    IssueMethod,
    /// Comparators.
    Operator,
    /// Significance of a problem.
    ProblemSignificance,
    /// Status of a problem, three ways.
    ProblemStatus,
    /// What a range means.
    RangeQualifier,
    /// Status of a result.
    ResultStatus,
    /// Severity of a reaction.
    Severity,
    /// Gender.
    Sex,
    /// Units.
    Units,
    /// Professional registers.
    UserIdentifier,
}

macro_rules! texts {
    ($($map:ident = $file:literal),+ $(,)?) => {
        /// Each map and its text.
        const TEXTS: &[(Map, &str)] =
            &[$((Map::$map, include_str!(concat!("../../profiles/mapping/ConceptMap-", $file, ".json")))),+];
    };
}

texts! {
    AbnormalFlag = "abnormal-flag",
    AddressType = "address-type",
    AllergyCategory = "allergy-category",
    CodeSystem = "code-system",
    ConsultationType = "consultation-type",
    DrugStatus = "drug-status",
    Episodicity = "episodicity",
    EventType = "event-type",
    IssueMethod = "issue-method",
    Operator = "operator",
    ProblemSignificance = "problem-significance",
    ProblemStatus = "problem-status",
    RangeQualifier = "range-qualifier",
    ResultStatus = "result-status",
    Severity = "severity",
    Sex = "sex",
    Units = "units",
    UserIdentifier = "user-identifier",
}

/// One row: what a word becomes, or that FHIR has no code for it.
#[derive(Default)]
pub(super) struct Row {
    targets: Vec<Target>,
}

/// What a word becomes.
pub(super) struct Target {
    /// The system of the code.
    pub system: String,
    /// The code.
    pub code: String,
    /// Its display.
    pub display: Option<String>,
    context: Option<String>,
}

impl Target {
    /// As a concept of one coding.
    pub(super) fn concept(&self) -> mig_fhir_model::types::CodeableConcept {
        super::parts::concept(&self.system, &self.code, self.display.as_deref())
    }
}

impl Row {
    /// The code that it becomes, whatever the context.
    pub(super) fn target(&self) -> Option<&Target> {
        self.targets.iter().find(|target| target.context.is_none())
    }

    /// The code that it becomes in this context alone.
    pub(super) fn target_in(&self, context: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.context.as_deref() == Some(context))
    }
}

/// The row of a word in a map's first group: `None` where the map does not know the word.
pub(super) fn row(map: Map, word: &str) -> Option<&'static Row> {
    rows(map).first().and_then(|group| group.rows.get(word))
}

/// What a word becomes by a map's first group.
pub(super) fn target(map: Map, word: &str) -> Option<&'static Target> {
    row(map, word).and_then(Row::target)
}

/// What a word becomes in one of the systems that a map leads to.
pub(super) fn target_of(map: Map, system: &str, word: &str) -> Option<&'static Target> {
    rows(map).iter().find(|group| group.system == system)?.rows.get(word).and_then(Row::target)
}

struct Group {
    system: String,
    rows: HashMap<String, Row>,
}

fn rows(map: Map) -> &'static [Group] {
    static MAPS: OnceLock<HashMap<Map, Vec<Group>>> = OnceLock::new();
    // The files are part of the program and a test reads them: an empty one means that the build was not tested.
    let maps = MAPS.get_or_init(|| {
        let read = |(map, text): &(Map, &str)| (*map, serde_json::from_str(text).map(groups).unwrap_or_default());
        TEXTS.iter().map(read).collect()
    });
    maps.get(&map).map_or(&[], Vec::as_slice)
}

fn groups(written: Written) -> Vec<Group> {
    let group = |group: WrittenGroup| {
        let row = |element: WrittenElement| {
            let targets = element.target.into_iter().filter_map(|target| {
                let context = target.depends_on.into_iter().next().map(|on| on.value);
                Some(Target { system: group.target.clone(), code: target.code?, display: target.display, context })
            });
            (element.code, Row { targets: targets.collect() })
        };
        Group { rows: group.element.into_iter().map(row).collect(), system: group.target.clone() }
    };
    written.group.into_iter().map(group).collect()
}

#[derive(Deserialize)]
struct Written {
    group: Vec<WrittenGroup>,
}

#[derive(Deserialize)]
struct WrittenGroup {
    target: String,
    element: Vec<WrittenElement>,
}

#[derive(Deserialize)]
struct WrittenElement {
    code: String,
    target: Vec<WrittenTarget>,
}

#[derive(Deserialize)]
struct WrittenTarget {
    code: Option<String>,
    display: Option<String>,
    #[serde(default, rename = "dependsOn")]
    depends_on: Vec<WrittenContext>,
}

#[derive(Deserialize)]
struct WrittenContext {
    value: String,
}

#[cfg(test)]
#[path = "concept_map_tests.rs"]
mod tests;
