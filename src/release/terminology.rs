//! The exclusion list in FHIR's own words, as checked in: one ValueSet for all of it and one for each topic, and the
//! CodeSystem of rubrics. A test makes them anew from the list and fails on any difference.

/// Type, id and JSON of each definition, readable by anyone.
pub const DEFINITIONS: &[(&str, &str, &str)] = &[
    ("ValueSet", "mig-exclusions", include_str!("../../profiles/terminology/ValueSet-mig-exclusions.json")),
    (
        "ValueSet",
        "mig-exclusions-assisted-fertilisation",
        include_str!("../../profiles/terminology/ValueSet-mig-exclusions-assisted-fertilisation.json"),
    ),
    (
        "ValueSet",
        "mig-exclusions-gender",
        include_str!("../../profiles/terminology/ValueSet-mig-exclusions-gender.json"),
    ),
    (
        "ValueSet",
        "mig-exclusions-hiv-aids",
        include_str!("../../profiles/terminology/ValueSet-mig-exclusions-hiv-aids.json"),
    ),
    (
        "ValueSet",
        "mig-exclusions-sexually-transmitted-infection",
        include_str!("../../profiles/terminology/ValueSet-mig-exclusions-sexually-transmitted-infection.json"),
    ),
    (
        "ValueSet",
        "mig-exclusions-termination-of-pregnancy",
        include_str!("../../profiles/terminology/ValueSet-mig-exclusions-termination-of-pregnancy.json"),
    ),
    (
        "CodeSystem",
        "mig-exclusion-rubric",
        include_str!("../../profiles/terminology/CodeSystem-mig-exclusion-rubric.json"),
    ),
];

#[cfg(test)]
#[path = "terminology_tests.rs"]
mod tests;
