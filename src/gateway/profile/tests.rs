//! The profile as a file: sound as shipped, every problem told.

use super::*;

#[test]
fn the_built_in_profile_is_valid() {
    let profile = WireProfile::builtin().expect("valid");
    assert_eq!(profile.view("Summary"), Some(View::Summary));
    assert_eq!(profile.user_identity("A1", "a b/ü"), "urn:nhs-uk:identity:ods:A1:user:a%20b%2F%C3%BC");
}

#[test]
fn every_problem_is_told_and_an_unknown_key_refused() {
    let broken = DEFAULT_PROFILE
        .replace("Events = \"Events\"", "Evnets = \"Events\"")
        .replace("window_seconds = 300", "window_seconds = 0");
    let problems = WireProfile::parse(&broken).expect_err("broken");
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(WireProfile::parse(&format!("{DEFAULT_PROFILE}\nsurprise = 1\n")).is_err());
}
