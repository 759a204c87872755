//! The rules that are data: `rules.toml`, read once. What a code means, which investigation group it belongs to, units.

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
    Physiology,
    Urinalysis,
    Other,
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
struct MeaningRow {
    means: Meaning,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
    #[serde(default)]
    semantic_tag: Option<String>,
    #[serde(default)]
    display_starts: Vec<String>,
}

#[derive(Deserialize)]
struct GroupRow {
    group: Group,
    read: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Written {
    recent_months: u8,
    issue_days: i64,
    #[serde(default)]
    meaning: Vec<MeaningRow>,
    #[serde(default)]
    group: Vec<GroupRow>,
    #[serde(default)]
    ucum: HashMap<String, String>,
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
    semantic_tags: Vec<(String, Meaning)>,
    display_starts: Vec<(String, Meaning)>,
    ucum: HashMap<String, String>,
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
        let mut rules = Self {
            recent_months: written.recent_months,
            issue_days: written.issue_days,
            ucum: written.ucum,
            ..Self::default()
        };
        for row in written.meaning {
            for prefix in row.read {
                rules.read.entry(prefix).or_default().add(row.means);
            }
            for code in row.snomed {
                rules.snomed.entry(code).or_default().add(row.means);
            }
            rules.semantic_tags.extend(row.semantic_tag.map(|tag| (format!("({tag})"), row.means)));
            rules.display_starts.extend(row.display_starts.into_iter().map(|start| (start, row.means)));
        }
        for row in written.group {
            rules.read_groups.extend(row.read.into_iter().map(|prefix| (prefix, row.group)));
        }
        rules
    }

    /// What a Read code means: every prefix counts, the longest decides the group. Case is significant.
    pub(super) fn read(&self, code: &str) -> Known {
        let mut known = Known { is_read: !code.starts_with('X'), ..Known::default() };
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

    /// What a SNOMED CT concept means, by its id, or by a display that leaves no doubt.
    pub(super) fn snomed(&self, code: &str, display: Option<&str>) -> Known {
        let mut known = Known { meanings: self.snomed.get(code).copied().unwrap_or_default(), ..Known::default() };
        if let Some(display) = display {
            for (tag, meaning) in &self.semantic_tags {
                if display.ends_with(tag.as_str()) {
                    known.meanings.add(*meaning);
                }
            }
            for (start, meaning) in &self.display_starts {
                if display.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)) {
                    known.meanings.add(*meaning);
                }
            }
        }
        known
    }

    /// The UCUM code of a unit as written, where certain.
    pub(super) fn ucum(&self, unit: &str) -> Option<&str> {
        self.ucum.get(unit).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes::is_sctid;
    use super::*;

    #[test]
    fn the_rules_are_read_and_every_snomed_id_has_its_check_digit() {
        let written: Written = toml::from_str(TEXT).expect("rules.toml");
        assert_eq!((written.recent_months, written.issue_days), (3, 28));
        assert!(written.meaning.len() > 10 && written.group.len() == 9);
        for code in written.meaning.iter().flat_map(|row| &row.snomed) {
            assert!(is_sctid(code), "{code}");
        }
        for prefix in written.meaning.iter().flat_map(|row| &row.read).chain(written.group.iter().flat_map(|r| &r.read))
        {
            assert!((1..=5).contains(&prefix.len()) && !prefix.ends_with('.'), "{prefix}");
        }
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
    }
}
