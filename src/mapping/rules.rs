//! The rules that are data: `rules.toml`, read once. What a code means, which investigation group it belongs to, and in
//! which parts of the Detailed Care Record an entry stands of which something is certain. Every row says its source.

use crate::kinds::View;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::OnceLock;

/// What a code is certain to mean.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Meaning {
    /// An allergy or adverse reaction.
    Allergy,
    /// An allergy to a drug: the category is certain.
    DrugAllergy,
    /// A coded assertion that no allergy is known.
    NoKnownAllergy,
    /// A disorder.
    Diagnosis,
    /// Something that stands among the diagnoses and is no disorder for certain.
    FiledAsDiagnosis,
    /// An operation that was done.
    Operation,
    /// Something that was not done: refused, not indicated.
    NotDone,
    /// A contraindication.
    Contraindication,
    /// An admission to hospital.
    Admission,
    /// A blood pressure as a whole.
    BloodPressure,
    /// A systolic reading.
    Systolic,
    /// A diastolic reading.
    Diastolic,
    /// Height, weight, pulse and their like.
    VitalSign,
    /// Smoking, alcohol.
    SocialHistory,
    /// A consultation by telephone or video.
    Remote,
    /// A visit to the home.
    HomeVisit,
}

/// The sub-sections of Investigations (CONTRACT section 2).
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Group {
    Biochemistry,
    Ecg,
    Haematology,
    Imaging,
    Microbiology,
    Cytology,
    /// Serology too. The clause has no part for it: it stands among the other tests.
    Immunology,
    Physiology,
    Urinalysis,
    Other,
}

/// What is certain of an entry, from which the data compute where it belongs.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fact {
    Patient,
    CurrentProblem,
    PastProblem,
    /// A diagnosis that is no problem.
    Diagnosis,
    CurrentDiagnosis,
    PastDiagnosis,
    /// A plan that is neither current nor past with certainty.
    Plan,
    CurrentPlan,
    PastPlan,
    Issue,
    Allergy,
    Contraindication,
    Alert,
    Operation,
    Immunisation,
    BloodPressure,
    Biochemistry,
    Ecg,
    Haematology,
    Imaging,
    Microbiology,
    Cytology,
    Physiology,
    Urinalysis,
    OtherTest,
    /// A test of the last months.
    RecentTest,
    Encounter,
    Admission,
    Referral,
}

impl From<Group> for Fact {
    fn from(group: Group) -> Self {
        match group {
            Group::Biochemistry => Self::Biochemistry,
            Group::Ecg => Self::Ecg,
            Group::Haematology => Self::Haematology,
            Group::Imaging => Self::Imaging,
            Group::Microbiology => Self::Microbiology,
            Group::Cytology => Self::Cytology,
            Group::Physiology => Self::Physiology,
            Group::Urinalysis => Self::Urinalysis,
            Group::Immunology | Group::Other => Self::OtherTest,
        }
    }
}

/// A set of meanings.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Meanings(u32);

impl Meanings {
    pub(super) fn has(self, meaning: Meaning) -> bool {
        self.0 & (1 << meaning as u32) != 0
    }

    pub(super) fn add(&mut self, meaning: Meaning) {
        self.0 |= 1 << meaning as u32;
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn without(self, meaning: Meaning) -> Self {
        Self(self.0 & !(1 << meaning as u32))
    }
}

/// What is known of one code.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    /// What it means.
    pub meanings: Meanings,
    /// Its investigation group.
    pub group: Option<Group>,
    /// Whether it is a Read code, whose chapter these rules know.
    pub is_read: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code, reason = "the source is read by people, and by a test"))]
struct MeaningRow {
    means: Meaning,
    source: String,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
    #[serde(default)]
    semantic_tag: Option<String>,
    #[serde(default)]
    display_starts: Vec<String>,
    #[serde(default)]
    display_is: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code, reason = "the source is read by people, and by a test"))]
struct GroupRow {
    group: Group,
    source: String,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), allow(dead_code, reason = "the source is read by people, and by a test"))]
struct SectionRow {
    fact: Fact,
    r#in: Vec<String>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    recent_months: u8,
    issue_days: i64,
    meaning: Vec<MeaningRow>,
    group: Vec<GroupRow>,
    section: Vec<SectionRow>,
}

/// The rules, ready for use.
#[derive(Default)]
pub(super) struct Rules {
    /// How long a test is recent.
    pub recent_months: u8,
    /// How long an issue lasts whose duration is not recorded.
    pub issue_days: i64,
    read: HashMap<String, Meanings>,
    read_groups: HashMap<String, Group>,
    snomed: HashMap<String, Meanings>,
    snomed_groups: HashMap<String, Group>,
    semantic_tags: Vec<(String, Meaning)>,
    display_starts: Vec<(String, Meaning)>,
    display_is: Vec<(String, Meaning)>,
    sections: HashMap<Fact, Vec<(View, String)>>,
}

const TEXT: &str = include_str!("rules.toml");

/// The rules in force.
pub(super) fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // The file is part of the program and a test reads it: an empty set here means that the build was not tested.
    RULES.get_or_init(|| toml::from_str(TEXT).map(Rules::of).unwrap_or_default())
}

impl Rules {
    fn of(written: Written) -> Self {
        let mut rules =
            Self { recent_months: written.recent_months, issue_days: written.issue_days, ..Self::default() };
        for row in written.meaning {
            for prefix in row.read {
                rules.read.entry(prefix).or_default().add(row.means);
            }
            for code in row.snomed {
                rules.snomed.entry(code).or_default().add(row.means);
            }
            rules.semantic_tags.extend(row.semantic_tag.map(|tag| (format!("({tag})"), row.means)));
            rules.display_starts.extend(row.display_starts.into_iter().map(|start| (start, row.means)));
            rules.display_is.extend(row.display_is.into_iter().map(|words| (words, row.means)));
        }
        for row in written.group {
            rules.read_groups.extend(row.read.into_iter().map(|prefix| (prefix, row.group)));
            rules.snomed_groups.extend(row.snomed.into_iter().map(|code| (code, row.group)));
        }
        for row in written.section {
            let view = |code: &str| View::parse(code.split_once('.').map_or(code, |(view, _)| view));
            let parts = row.r#in.into_iter().filter_map(|code| Some((view(&code)?, code)));
            rules.sections.entry(row.fact).or_default().extend(parts);
        }
        rules
    }

    /// What a Read code means: every prefix counts, the longest decides the group. Case is significant.
    pub(super) fn read(&self, code: &str) -> Known {
        let mut known = Known { is_read: true, ..Known::default() };
        let code = code.trim_end_matches('.');
        for end in (1..=code.len().min(5)).rev() {
            let Some(prefix) = code.get(..end) else { continue };
            if let Some(meanings) = self.read.get(prefix) {
                known.meanings.join(*meanings);
            }
            if known.group.is_none() {
                known.group = self.read_groups.get(prefix).copied();
            }
        }
        known
    }

    /// What a code of Clinical Terms version 3 means, where it is one that version 2 had already.
    pub(super) fn ctv3(&self, code: &str) -> Known {
        let mut chars = code.chars();
        let own = match (chars.next(), chars.next()) {
            (Some('X' | 'Y'), _) => true,
            (Some('U'), Some(second)) => second.is_ascii_lowercase(),
            _ => false,
        };
        if own { Known::default() } else { self.read(code) }
    }

    /// What a SNOMED CT concept means, by its id, or by a fully specified name.
    pub(super) fn snomed(&self, code: &str, display: Option<&str>) -> Known {
        let mut meanings = self.snomed.get(code).copied().unwrap_or_default();
        for (tag, meaning) in &self.semantic_tags {
            if display.is_some_and(|display| display.ends_with(tag.as_str())) {
                meanings.add(*meaning);
            }
        }
        Known { meanings, group: self.snomed_groups.get(code).copied(), is_read: false }
    }

    /// What a term says by itself, whatever the scheme of its code.
    pub(super) fn words(&self, term: &str) -> Meanings {
        let mut meanings = Meanings::default();
        for (start, meaning) in &self.display_starts {
            if term.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)) {
                meanings.add(*meaning);
            }
        }
        for (words, meaning) in &self.display_is {
            if term.eq_ignore_ascii_case(words) {
                meanings.add(*meaning);
            }
        }
        meanings
    }

    /// The parts of the record that something certain of an entry puts it in: view and code of its tag.
    pub(super) fn sections(&self, fact: Fact) -> &[(View, String)] {
        self.sections.get(&fact).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::is_sctid;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_rules_are_read_and_every_row_says_its_source() {
        let written: Written = toml::from_str(TEXT).expect("rules.toml");
        assert_eq!((written.recent_months, written.issue_days), (3, 28));
        assert!(written.meaning.len() > 20 && written.group.len() > 9);
        let sources = written.meaning.iter().map(|row| &row.source);
        let sources = sources.chain(written.group.iter().map(|row| &row.source));
        assert!(sources.chain(written.section.iter().map(|row| &row.source)).all(|source| source.len() > 10));
        let codes = written.meaning.iter().flat_map(|row| &row.snomed);
        for code in codes.chain(written.group.iter().flat_map(|row| &row.snomed)) {
            assert!(is_sctid(code), "{code}");
        }
        for prefix in written.meaning.iter().flat_map(|row| &row.read).chain(written.group.iter().flat_map(|r| &r.read))
        {
            assert!((1..=5).contains(&prefix.len()) && !prefix.ends_with('.'), "{prefix}");
        }
        let words = written.meaning.iter().flat_map(|row| row.display_starts.iter().chain(&row.display_is));
        assert!(words.into_iter().all(|words| words.is_ascii() && !words.is_empty()));
    }

    /// What an app rebuilds the ten tabs from: each part of clause 5.2.1 is reached by a rule, and none is made up.
    #[test]
    fn the_sections_are_those_of_the_published_code_system() {
        let text = include_str!("../../profiles/terminology/CodeSystem-view.json");
        let system: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let concepts = system["concept"].as_array().expect("concepts");
        let codes: BTreeSet<&str> = concepts.iter().filter_map(|concept| concept["code"].as_str()).collect();
        assert_eq!((system["count"].as_u64(), codes.len()), (Some(codes.len() as u64), concepts.len()));
        let placed: BTreeSet<&str> =
            rules().sections.values().flatten().flat_map(|(view, code)| [view.as_str(), code.as_str()]).collect();
        assert_eq!(placed, codes);
        let written: Written = toml::from_str(TEXT).expect("rules.toml");
        let kept: usize = rules().sections.values().map(Vec::len).sum();
        assert_eq!(kept, written.section.iter().map(|row| row.r#in.len()).sum::<usize>(), "each names a view");
    }

    #[test]
    fn the_longest_prefix_decides_the_group() {
        assert_eq!(rules().read("5882.").group, Some(Group::Physiology));
        assert_eq!(rules().read("585..").group, Some(Group::Imaging));
        assert_eq!(rules().read("424").group, Some(Group::Haematology));
        assert_eq!(rules().read("58C1.").group, Some(Group::Other));
        assert!(rules().read("14L1").meanings.has(Meaning::DrugAllergy));
        assert!(!rules().read("C10E").meanings.has(Meaning::Allergy));
        assert!(rules().snomed("73211009", Some("Diabetes mellitus (disorder)")).meanings.has(Meaning::Diagnosis));
        assert_eq!(rules().snomed("1022431000000105", None).group, Some(Group::Haematology));
    }

    #[test]
    fn codes_of_version_3_are_judged_only_where_version_2_had_them() {
        assert!(rules().ctv3("C10..").meanings.has(Meaning::Diagnosis));
        for own in ["XaIpk", "Ub1na", "Y1234", "XE2Iq"] {
            let known = rules().ctv3(own);
            assert!(known.meanings == Meanings::default() && !known.is_read && known.group.is_none(), "{own}");
        }
        assert!(rules().ctv3("U60..").is_read);
    }

    #[test]
    fn a_term_that_says_so_itself_is_believed_and_no_other() {
        for term in ["Allergy to nuts", "ADVERSE REACTION TO PENICILLIN", "H/O: non-drug allergy"] {
            assert!(rules().words(term).has(Meaning::Allergy), "{term}");
        }
        for term in ["FH: Allergy to nuts", "Allergy test", "No allergy to nuts", "Allergy clinic", ""] {
            assert_eq!(rules().words(term), Meanings::default(), "{term}");
        }
        assert!(rules().words("no known allergies").has(Meaning::NoKnownAllergy));
        assert!(!rules().words("No known allergies to date were asked for").has(Meaning::NoKnownAllergy));
    }
}
