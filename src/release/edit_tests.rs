//! Edits of encoded resources, byte by byte, and what is known of a released one.

use super::*;
use crate::ids::LogicalId;
use crate::kinds::Kind;
use crate::release::{Index, IndexValue, Released};
use std::sync::OnceLock;

const NOINTEGRATE: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NOINTEGRATE"}"#;
const DELAU: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"DELAU"}"#;

fn left(json: &str, gone: &str) -> Option<String> {
    match without_references(json, &HashSet::from([gone.to_owned()])).expect("JSON") {
        Stripped::Left(json) => Some(json),
        Stripped::Void => None,
    }
}

#[test]
fn labels_are_put_once_after_type_and_id_whatever_else_there_is() {
    let both = format!(r#""meta":{{"security":[{NOINTEGRATE},{DELAU}]}}"#);
    for (bare, whole) in [
        (r#"{"resourceType":"Flag","id":"a"}"#, format!(r#"{{"resourceType":"Flag","id":"a",{both}}}"#)),
        (r#"{"resourceType":"Flag"}"#, format!(r#"{{"resourceType":"Flag",{both}}}"#)),
        (
            r#"{"resourceType":"Flag","id":"a","status":"active"}"#,
            format!(r#"{{"resourceType":"Flag","id":"a",{both},"status":"active"}}"#),
        ),
        (
            r#"{"resourceType":"Flag","status":"active","meta":{"security":[]}}"#,
            format!(r#"{{"resourceType":"Flag",{both},"status":"active"}}"#),
        ),
    ] {
        assert_eq!(labelled(bare, false, false, &[]).as_deref(), Some(whole.as_str()));
    }
    let one = format!(r#"{{"resourceType":"Flag","meta":{{"security":[{DELAU}]}}}}"#);
    let two = format!(
        r#"{{"resourceType":"Flag","meta":{{"security":[{DELAU},{NOINTEGRATE}],"tag":[{{"system":"{VIEW_SYSTEM}","code":"Events"}}]}}}}"#
    );
    assert_eq!(labelled(&one, false, true, &["Events"]).as_deref(), Some(two.as_str()));
    assert_eq!(labelled("[]", false, false, &[]), None);
}

#[test]
fn an_extension_goes_with_what_it_held_and_one_that_lost_nothing_stays() {
    let json = r#"{"resourceType":"Flag","extension":[{"url":"a","extension":[{"url":"b","valueReference":{"reference":"Location/1"}}]},{"url":"c"},{"url":"d","valueString":"1.0"}]}"#;
    assert_eq!(
        left(json, "Location/1").as_deref(),
        Some(r#"{"resourceType":"Flag","extension":[{"url":"c"},{"url":"d","valueString":"1.0"}]}"#)
    );
    assert_eq!(left(json, "Location/2").as_deref(), Some(json));
}

#[test]
fn a_resource_goes_with_its_subject_and_a_group_with_its_last_member() {
    assert_eq!(left(r#"{"resourceType":"Flag","subject":{"reference":"Patient/1"}}"#, "Patient/1"), None);
    let group =
        |more: &str| format!(r#"{{"resourceType":"Observation","hasMember":[{{"reference":"Observation/1"}}]{more}}}"#);
    assert_eq!(left(&group(""), "Observation/1"), None);
    assert_eq!(left(&group(r#","status":"final""#), "Observation/1"), None);
    for says in
        ["valueString", "component", "dataAbsentReason", "result", "conclusion", "conclusionCode", "presentedForm"]
    {
        let more = format!(r#","{says}":"x""#);
        let stays = format!(r#"{{"resourceType":"Observation"{more}}}"#);
        assert_eq!(left(&group(&more), "Observation/1").as_deref(), Some(stays.as_str()));
    }
    let two =
        r#"{"resourceType":"Observation","hasMember":[{"reference":"Observation/1"},{"reference":"Observation/2"}]}"#;
    assert_eq!(
        left(two, "Observation/1").as_deref(),
        Some(r#"{"resourceType":"Observation","hasMember":[{"reference":"Observation/2"}]}"#)
    );
}

#[test]
fn a_subset_keeps_its_labels_whoever_asked_for_what_and_says_that_it_is_one() {
    let json = format!(
        r#"{{"resourceType":"Observation","id":"a","meta":{{"security":[{NOINTEGRATE},{DELAU}],"tag":[{{"system":"{VIEW_SYSTEM}","code":"Events"}}]}},"status":"final","valueQuantity":{{"value":5.10}}}}"#
    );
    let meta = format!(
        r#""meta":{{"security":[{NOINTEGRATE},{DELAU}],"tag":[{{"system":"{VIEW_SYSTEM}","code":"Events"}},{SUBSETTED}]}}"#
    );
    let resource = Released {
        kind: Kind::Observation,
        id: LogicalId::parse("a").expect("id"),
        json: json.clone().into(),
        with_problem: false,
        references: Vec::new(),
        index: OnceLock::new(),
    };
    for (keep, left) in [
        (
            &["resourceType", "valueQuantity"] as &[&str],
            r#"{"resourceType":"Observation",META,"valueQuantity":{"value":5.10}}"#,
        ),
        (&["resourceType", "id", "status"], r#"{"resourceType":"Observation","id":"a",META,"status":"final"}"#),
        (&[], "{META}"),
    ] {
        let (keep, left) = (|name: &str| keep.contains(&name), left.replace("META", &meta));
        assert_eq!(subset(&json, &keep).as_deref(), Some(left.as_str()));
        assert_eq!(resource.subset(&keep), Some(left));
    }
    assert_eq!(subset("[]", &|_| true), None, "what cannot be read has no subset");
}

#[test]
fn a_released_resource_tells_what_it_is_and_makes_its_index_once() {
    let resource = |with_problem| Released {
        kind: Kind::Condition,
        id: LogicalId::parse("a").expect("id"),
        json: bytes::Bytes::from_static(b"{}"),
        with_problem,
        references: vec![(Kind::Encounter, LogicalId::parse("b").expect("id"))],
        index: OnceLock::new(),
    };
    assert!(resource(true).with_problem() && !resource(false).with_problem());
    let resource = resource(false);
    assert_eq!(resource.references().len(), 1);
    let first = resource.index(|json| Index(vec![("x", vec![IndexValue::Reference(format!("{} bytes", json.len()))])]));
    assert_eq!(first.0, [("x", vec![IndexValue::Reference("2 bytes".to_owned())])]);
    let again = resource.index(|_| Index::default());
    assert_eq!(again.0.len(), 1);
}
