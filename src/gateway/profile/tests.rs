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

#[test]
fn what_would_never_work_or_protect_nothing_is_a_problem_at_the_start() {
    for (from, to, wanted) in [
        ("partial = \"MIG-0009\"", "partial = \"MIG-0000\"", "outcomes: two have the same code"),
        (
            "view_response = \"getDetailedCareRecordResponse\"",
            "view_response = \"locatePatientResponse\"",
            "payload: two roots have the same name",
        ),
        (
            "\"Timestamp\", \"Body\", \"Addressing\"]",
            "\"Timestamp\", \"Body\", \"To\"]",
            "security.signed_parts_sent lacks a part that signed_parts_required demands",
        ),
        (
            "required = [\"Timestamp\", \"Body\",",
            "required = [\"Timestamp\",",
            "security.signed_parts_required has no Body",
        ),
        ("required = [\"Timestamp\",", "required = [", "security.signed_parts_required has no Timestamp"),
        ("\"rsa-sha256\"", "\"rsa-sha1\"", "security: SHA-1 needs legacy_itk = true"),
        ("skew_seconds = 5", "skew_seconds = -1", "security.skew_seconds is negative"),
    ] {
        assert!(DEFAULT_PROFILE.contains(from), "{from}");
        let problems = WireProfile::parse(&DEFAULT_PROFILE.replace(from, to)).expect_err("a problem");
        assert_eq!(problems, [wanted]);
    }
    assert!(WireProfile::parse(&DEFAULT_PROFILE.replace("\"exc-c14n\"", "\"c14n11\"")).is_err());
}

#[test]
fn every_key_of_both_files_is_explained_and_has_a_section() {
    for text in [DEFAULT_PROFILE, LEGACY_ITK_PROFILE] {
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(
            table.keys().collect::<Vec<_>>(),
            ["addressing", "identity", "limits", "outcomes", "payload", "security", "text", "views"]
        );
        assert!(text.lines().filter(|line| line.starts_with('#')).count() > 20);
    }
}

#[test]
fn the_legacy_profile_is_announced_loudly_and_the_default_one_is_not() {
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for (text, loud) in [(DEFAULT_PROFILE, false), (LEGACY_ITK_PROFILE, true)] {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let profile = WireProfile::parse(text).expect("valid");
        tracing::subscriber::with_default(subscriber, || profile.announce());
        let said = String::from_utf8(sink.0.lock().expect("lock").clone()).expect("text");
        assert_eq!(said.contains("WARN") && said.contains("LEGACY-ITK"), loud, "{said}");
    }
}

/// Elements and attributes of a document, one a line: comments, white space and the order of attributes are nothing.
fn shape(node: &crate::gateway::xml::Node, depth: usize, out: &mut Vec<String>) {
    let mut attributes = node.attributes.clone();
    attributes.sort();
    out.push(format!("{depth} {{{}}}{} {attributes:?} {}", node.ns, node.name, node.token()));
    node.children.iter().for_each(|child| shape(child, depth + 1, out));
}

#[test]
fn the_printed_schema_is_the_contracts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/mig-dcr-v1.xsd");
    let Ok(theirs) = std::fs::read(&path) else {
        println!("skipped: {} is not there to compare with", path.display());
        return;
    };
    let shapes = [SCHEMA.as_bytes(), &theirs].map(|bytes| {
        let message = crate::gateway::xml::Message::parse(bytes).expect("a schema");
        let mut out = Vec::new();
        shape(&message.root, 0, &mut out);
        out
    });
    let [ours, theirs] = &shapes;
    assert!(ours.len() > 80, "{}", ours.len());
    assert_eq!(ours, theirs);
}
