//! One line of an exclusion list, the layer that it belongs to, and the topics of the agreement.

use crate::kinds::words;
use std::sync::Arc;
use time::Date;

words! {
    /// Where a line has its authority from. What a law or direction is named for stands apart from what rests on the
    /// sharing agreement alone, and both from what a deployment adds.
    Layer {
        /// Appendix A of the agreement, in a topic for which the agreement itself names an act or a direction.
        Statutory = "statutory",
        /// Appendix A of the agreement, in the other topics.
        Agreement = "agreement",
        /// A member of one of the national reference sets, out of the release file that the settings name.
        NationalSet = "national-set",
        /// The supplement: codes of the same topics beside Appendix A. Off unless the settings turn it on.
        Supplement = "supplement",
        /// What the locality added.
        Local = "local",
        /// Medicines that point to a topic. Off unless the settings turn it on.
        Medicine = "medicine",
    }
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusionEntry {
    /// Row of Appendix A; 0 for what stands beside it.
    pub row: u32,
    /// The row's rubric.
    pub rubric: String,
    /// Topic: `hiv-aids`, `gender` …
    pub group: String,
    /// `read-v2`, `ctv3`, `snomed`, `emis` or `refset`; `dmd` and `medicine` are matched on medicines alone.
    pub system: String,
    /// The code; empty where only a rubric or a name is known.
    pub code: String,
    /// Whether what lies below the code goes too, where the terminology's shape or a loaded hierarchy shows it.
    pub include_descendants: bool,
    /// A term of the code; may be empty.
    pub display: String,
    /// `verified`, `inferred`, `unknown`.
    pub confidence: String,
    /// Where it is known from.
    pub source: String,
    /// Its layer.
    pub layer: Layer,
    /// The version of the part of the list that it stands in.
    pub version: Arc<str>,
    /// The first day on which it is in force; from the beginning without one.
    pub from: Option<Date>,
    /// The last day on which it is in force; without end without one.
    pub until: Option<Date>,
}

impl ExclusionEntry {
    /// Whether it is in force on a day, its first and its last included.
    #[must_use]
    pub fn is_in_force(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// A topic of the agreement.
#[derive(Debug)]
pub struct Topic {
    /// As the list names it.
    pub name: &'static str,
    /// As people name it.
    pub title: &'static str,
    /// The layer of Appendix A's lines.
    pub layer: Layer,
    /// What they rest on, for people.
    pub basis: &'static str,
}

/// The topics, in the order of the page. The agreement names an act or direction for three of the five subjects; whether
/// that binds direct care is for governance to say, and nothing here is narrowed by it.
pub const TOPICS: [Topic; 5] = [
    Topic {
        name: "termination-of-pregnancy",
        title: "Termination of pregnancy",
        layer: Layer::Agreement,
        basis: "the sharing agreement",
    },
    Topic {
        name: "sexually-transmitted-infection",
        title: "Sexually transmitted infections",
        layer: Layer::Statutory,
        basis: "the sharing agreement, which names the NHS Trusts and Primary Care Trusts (Sexually Transmitted Diseases) \
                Directions 2000",
    },
    Topic { name: "hiv-aids", title: "HIV and AIDS", layer: Layer::Agreement, basis: "the sharing agreement" },
    Topic {
        name: "assisted-fertilisation",
        title: "Assisted fertilisation",
        layer: Layer::Statutory,
        basis: "the sharing agreement, which names the Human Fertilisation and Embryology Act 1990 and the Disclosure of \
                Information Act 1992",
    },
    Topic {
        name: "gender",
        title: "Gender identity",
        layer: Layer::Statutory,
        basis: "the sharing agreement, which names the Gender Recognition Act 2004",
    },
];

/// The layer of Appendix A's lines of a topic.
#[must_use]
pub fn layer_of(group: &str) -> Layer {
    TOPICS.iter().find(|topic| topic.name == group).map_or(Layer::Agreement, |topic| topic.layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn dated(from: Option<Date>, until: Option<Date>) -> ExclusionEntry {
        ExclusionEntry {
            row: 0,
            rubric: String::new(),
            group: String::new(),
            system: String::new(),
            code: String::new(),
            include_descendants: false,
            display: String::new(),
            confidence: String::new(),
            source: String::new(),
            layer: Layer::Local,
            version: "1".into(),
            from,
            until,
        }
    }

    #[test]
    fn a_line_is_in_force_from_its_first_day_to_its_last() {
        let (first, last) = (date!(2026 - 12 - 01), date!(2026 - 12 - 31));
        let both = dated(Some(first), Some(last));
        for (day, is) in [
            (date!(2026 - 11 - 30), false),
            (first, true),
            (date!(2026 - 12 - 15), true),
            (last, true),
            (date!(2027 - 01 - 01), false),
        ] {
            assert_eq!(both.is_in_force(day), is, "{day}");
        }
        assert!(dated(None, None).is_in_force(Date::MIN) && dated(None, None).is_in_force(Date::MAX));
        assert!(!dated(Some(first), None).is_in_force(Date::MIN) && !dated(None, Some(last)).is_in_force(Date::MAX));
    }

    #[test]
    fn statute_and_agreement_are_told_apart_by_topic() {
        assert_eq!(layer_of("assisted-fertilisation"), Layer::Statutory);
        assert_eq!(layer_of("termination-of-pregnancy"), Layer::Agreement);
        assert_eq!(layer_of("anything else"), Layer::Agreement);
        for topic in &TOPICS {
            assert_eq!(topic.layer == Layer::Statutory, topic.basis.contains("which names"), "{}", topic.name);
        }
    }
}
