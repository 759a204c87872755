//! The forgeries that the compiler must refuse (ARCHITECTURE section 3).
//!
//! Each file of `tests/compile_fail` stands outside the crate and must fail with the error code in its first line. They are
//! compiled by `rustc` against the library that this test was linked with: trybuild would check every dependency a second
//! time in a target folder of its own, which costs more than the rest of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

fn newest(deps: &Path, name: &str) -> PathBuf {
    let prefix = format!("lib{name}-");
    std::fs::read_dir(deps)
        .expect("the folder of dependencies")
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlib"))
        .filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)))
        .max_by_key(|path| path.metadata().and_then(|metadata| metadata.modified()).expect("a time"))
        .unwrap_or_else(|| panic!("no {name} in {}", deps.display()))
}

#[test]
fn forgeries_do_not_compile() {
    let exe = std::env::current_exe().expect("this test");
    let deps = exe.parent().expect("its folder");
    let scratch = tempfile::tempdir().expect("a folder");
    let externs: Vec<String> = ["mig_fhir", "mig_fhir_model", "tokio", "time"]
        .iter()
        .map(|name| format!("{name}={}", newest(deps, name).display()))
        .collect();
    let compile = |source: &Path| {
        let mut rustc = Command::new(option_env!("RUSTC").unwrap_or("rustc"));
        rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=short"]);
        rustc.arg("-L").arg(format!("dependency={}", deps.display())).arg("--out-dir").arg(scratch.path());
        for one in &externs {
            rustc.arg("--extern").arg(one);
        }
        rustc.arg(source).output().expect("rustc runs")
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    assert!(files.len() >= 18, "the forgeries are there");
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        let code =
            text.lines().next().and_then(|line| line.strip_prefix("//~ ")).expect("an expected code").trim().to_owned();
        let output = compile(&file);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let codes: Vec<&str> =
            errors.match_indices("error[").filter_map(|(at, _)| errors.get(at + 6..at + 11)).collect();
        // Exactly the expected error and no other: a forgery that fails for a misspelt import proves nothing.
        if output.status.success() || codes.is_empty() || codes.iter().any(|found| *found != code) {
            wrong.push(format!("{}: expected {code}\n{errors}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // The same way of compiling accepts an honest use, so that a broken harness cannot pass for a guarantee.
    let honest = scratch.path().join("honest.rs");
    std::fs::write(
        &honest,
        "pub fn number() -> Option<mig_fhir::ids::NhsNumber> { mig_fhir::ids::NhsNumber::parse(\"\") }",
    )
    .expect("written");
    let output = compile(&honest);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
