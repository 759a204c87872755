//! How much of what was found is said: `_summary`, `_elements`, `_total`.
//!
//! Leaves members out, and never one that the rest cannot be understood without: type, id, the labels and tags of `meta`, and
//! what is mandatory or modifies. What it makes is tagged `SUBSETTED`, so that nobody takes it for the whole.

use crate::release::Released;
use std::borrow::Cow;

/// What a subset does with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It stays: it is mandatory, or it changes what the rest means.
    Always,
    /// It is a part of the summary.
    Summary,
    /// It is not.
    Detail,
}

/// One element of a type, at its root: what stands below one that stays, stays.
#[derive(Debug)]
pub struct Element {
    /// FHIR's name for it, `[x]` included.
    pub name: &'static str,
    /// What a subset does with it.
    pub standing: Standing,
}

/// What every type has.
pub const ROOT: &[Element] = &[
    Element { name: "resourceType", standing: Standing::Always },
    Element { name: "id", standing: Standing::Always },
    Element { name: "meta", standing: Standing::Always },
    Element { name: "implicitRules", standing: Standing::Always },
    Element { name: "contained", standing: Standing::Always },
    Element { name: "modifierExtension", standing: Standing::Always },
    Element { name: "language", standing: Standing::Detail },
    Element { name: "text", standing: Standing::Detail },
    Element { name: "extension", standing: Standing::Detail },
];

impl Element {
    /// The name by which `_elements` may ask for it, without `[x]`; none for what is no element.
    #[must_use]
    pub fn stem(&self) -> Option<&'static str> {
        (self.name != "resourceType").then(|| self.name.trim_end_matches("[x]"))
    }

    /// Whether a member of the JSON is this element, or what JSON puts beside it.
    fn is(&self, member: &str) -> bool {
        let member = member.strip_prefix('_').unwrap_or(member);
        match self.name.strip_suffix("[x]") {
            None => member == self.name,
            Some(stem) => {
                let of_type = member.strip_prefix(stem).unwrap_or("");
                of_type.starts_with(|first: char| first.is_ascii_uppercase())
            }
        }
    }
}

/// What is asked for of the answer.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    pub(super) summary: Option<Summary>,
    pub(super) elements: Option<Vec<&'static str>>,
    pub(super) total: Option<Total>,
}

/// `_summary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// What R4 marks as summary.
    True,
    /// The narrative.
    Text,
    /// All but the narrative.
    Data,
    /// No resources.
    Count,
    /// All.
    False,
}

/// `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Left out.
    None,
    /// What is known is exact, so this is too.
    Estimate,
    /// Exact.
    Accurate,
}

impl Summary {
    /// Every word, in the order of R4.
    pub const WORDS: [&str; 5] = ["true", "text", "data", "count", "false"];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "true" => Self::True,
            "text" => Self::Text,
            "data" => Self::Data,
            "count" => Self::Count,
            "false" => Self::False,
            _ => return None,
        })
    }
}

impl Total {
    /// Every word.
    pub const WORDS: [&str; 3] = ["none", "estimate", "accurate"];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "none" => Self::None,
            "estimate" => Self::Estimate,
            "accurate" => Self::Accurate,
            _ => return None,
        })
    }
}

/// Reads `_elements`; `None` when a name in it is no element of the type.
pub(super) fn elements(raw: &str, own: &'static [Element]) -> Option<Vec<&'static str>> {
    raw.split(',')
        .map(|word| {
            let named = |element: &&Element| word == element.name || element.stem() == Some(word);
            ROOT.iter().chain(own).find(named).and_then(|element| element.stem().map(|_| element.name))
        })
        .collect()
}

impl Shape {
    /// Whether the total alone is asked for.
    #[must_use]
    pub fn counts_alone(&self) -> bool {
        self.summary == Some(Summary::Count)
    }

    /// Whether the total is said.
    #[must_use]
    pub fn says_total(&self) -> bool {
        self.total != Some(Total::None)
    }

    /// Whether both are asked for of which only one can be.
    pub(super) fn conflict(&self, includes: bool) -> Option<&'static str> {
        let subset = matches!(self.summary, Some(Summary::True | Summary::Text | Summary::Data));
        if subset && self.elements.is_some() {
            return Some("_elements");
        }
        // R4 search, "Summary": includes and a summary that is text do not mix.
        (includes && self.summary == Some(Summary::Text)).then_some("_summary")
    }

    /// What is said of one resource of a type with these elements: its bytes, or those of a subset. `_elements` is about the
    /// matches alone (R4 search, "Elements").
    #[must_use]
    pub fn of<'r>(&self, resource: &'r Released, own: &'static [Element], is_match: bool) -> Cow<'r, [u8]> {
        let named = self.elements.as_ref().filter(|_| is_match);
        let keep = |member: &str| {
            let element = ROOT.iter().chain(own).find(|element| element.is(member));
            let standing = element.map_or(Standing::Detail, |element| element.standing);
            let by_summary = match self.summary {
                Some(Summary::True) => standing == Standing::Summary,
                Some(Summary::Text) => element.is_some_and(|element| element.name == "text"),
                Some(Summary::Data) => element.is_none_or(|element| element.name != "text"),
                Some(Summary::Count | Summary::False) | None => false,
            };
            let by_name = named.is_some_and(|names| element.is_some_and(|element| names.contains(&element.name)));
            standing == Standing::Always || by_summary || by_name
        };
        let subset = match self.summary {
            Some(Summary::True | Summary::Text | Summary::Data) => true,
            Some(Summary::Count | Summary::False) | None => named.is_some(),
        };
        // What was released may be said whole: it is what is said of a resource that could not be read.
        let made = subset.then(|| resource.subset(&keep)).flatten();
        made.map_or(Cow::Borrowed(resource.json()), |made| Cow::Owned(made.into_bytes()))
    }
}
