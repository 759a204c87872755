//! Files that are made from code and checked in, so that a change of code is a visible difference. Tests alone use this.

use std::path::Path;

/// Compares a checked-in file with what is made now; with `UPDATE` set, writes it instead.
#[allow(clippy::disallowed_methods, reason = "a test's own switch")]
pub fn compare(path: &str, made: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().expect("in a folder")).expect("can be made");
        std::fs::write(&file, made).expect("can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == made, "{path} is not what is made now: run this test with UPDATE=1 and look at the difference");
}
