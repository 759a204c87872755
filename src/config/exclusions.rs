//! Exclusion lists beside the built-in one, and the decisions about them.

use crate::kinds::View;
use crate::policy::Supplier;
use crate::release::{ExclusionsError, Lists, Rules, Sources};
use crate::telemetry::chain;
use serde::Deserialize;
use std::path::PathBuf;

/// What is withheld beside the built-in list, and from whose records.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExclusionsConfig {
    /// Additions: `.csv` in the form of the built-in list, `.toml`, or `.json` for a FHIR ValueSet. They can only add.
    pub files: Vec<PathBuf>,
    /// Whether codes of the same topics beside the appendix are withheld too.
    pub supplement: bool,
    /// Whether medicines are withheld that point to a topic. Needs the approval beside it.
    pub revealing_medicines: bool,
    /// Who approved that, and when: a clinical safety decision.
    pub revealing_medicines_approved_by: Option<String>,
    /// Simple reference set files of a SNOMED CT release, which together hold the four national sets.
    pub refset_files: Vec<PathBuf>,
    /// The relationship snapshot of a SNOMED CT release.
    pub snomed_relationships: Option<PathBuf>,
    /// A hierarchy of Clinical Terms version 3.
    pub ctv3_hierarchy: Option<PathBuf>,
    /// Suppliers to whose records the list is not applied; none by default.
    pub exempt_suppliers: Vec<String>,
    /// Views in which entries without a known code system are withheld; none by default.
    pub withhold_unknown_codes: Vec<String>,
    /// A list that runs beside the one in force and is only counted.
    pub shadow: Option<Sources>,
}

impl ExclusionsConfig {
    /// The lists.
    ///
    /// # Errors
    /// Everything that is wrong with a setting, a file, or the built-in list, each after the key to look at.
    pub fn load(&self) -> Result<Lists, Vec<String>> {
        let mut problems = Vec::new();
        let mut exempt = Vec::new();
        for name in &self.exempt_suppliers {
            match Supplier::parse(name) {
                Some(supplier) => exempt.push(supplier),
                None => problems.push(format!("exclusions.exempt_suppliers: {name:?} is not a supplier")),
            }
        }
        let mut withhold_unknown = Vec::new();
        for name in &self.withhold_unknown_codes {
            match View::parse(name) {
                Some(view) => withhold_unknown.push(view),
                None => problems.push(format!("exclusions.withhold_unknown_codes: {name:?} is not a view")),
            }
        }
        let rules =
            Rules { exempt, withhold_unknown, medicines_approved: self.revealing_medicines_approved_by.clone() };
        let sources = Sources {
            base: None,
            files: self.files.clone(),
            supplement: self.supplement,
            revealing_medicines: self.revealing_medicines,
            refset_files: self.refset_files.clone(),
            snomed_relationships: self.snomed_relationships.clone(),
            ctv3_hierarchy: self.ctv3_hierarchy.clone(),
        };
        let lists = Lists::load(&sources, &rules);
        let shadow = self.shadow.as_ref().map(|sources| Lists::load(sources, &rules)).transpose();
        match (lists, shadow) {
            (Ok(lists), Ok(shadow)) if problems.is_empty() => Ok(match shadow {
                Some(shadow) => lists.shadowed_by(shadow),
                None => lists,
            }),
            (lists, shadow) => {
                let of_both = [("exclusions", lists.err()), ("exclusions.shadow", shadow.err())];
                for (section, error) in of_both
                    .iter()
                    .flat_map(|(section, errors)| errors.iter().flatten().map(move |error| (section, error)))
                {
                    let told = told(section, error);
                    // The rules are one for both lists: what is wrong with them is said once.
                    if !problems.contains(&told) {
                        problems.push(told);
                    }
                }
                Err(problems)
            }
        }
    }

    /// Everything that [`Self::load`] finds.
    pub(super) fn problems(&self) -> Vec<String> {
        self.load().err().unwrap_or_default()
    }
}

/// A problem after the whole key to look at: that of a list's own section, or that of the rules, which both lists share.
fn told(section: &str, error: &ExclusionsError) -> String {
    let said = chain(error);
    match error {
        ExclusionsError::Builtin(_) => format!("exclusions: {said}"),
        ExclusionsError::Setting { key: "exempt_suppliers" | "revealing_medicines_approved_by", .. } => {
            format!("exclusions.{said}")
        }
        ExclusionsError::Unreadable { .. } | ExclusionsError::Invalid { .. } | ExclusionsError::Setting { .. } => {
            format!("{section}.{said}")
        }
    }
}
