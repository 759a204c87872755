//! A module uses only modules above it in `lib.rs`, so that reading them in order is reading the path of a request.

use std::path::{Path, PathBuf};

fn files(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("folder") {
            files(&entry.expect("entry").path(), into);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        into.push(path.to_owned());
    }
}

#[test]
fn a_module_uses_only_modules_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(src.join("lib.rs")).expect("lib.rs");
    let order: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|name| name.trim_end_matches(';')).collect();
    assert!(order.len() > 15, "lib.rs lists the stages");
    let mut wrong = Vec::new();
    for (place, module) in order.iter().enumerate() {
        let mut sources = Vec::new();
        files(&src.join(module), &mut sources);
        let file = src.join(format!("{module}.rs"));
        if file.exists() {
            sources.push(file);
        }
        assert!(!sources.is_empty(), "{module} has sources");
        for source in sources {
            let text = std::fs::read_to_string(&source).expect("text");
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                for used in code.split("crate::").skip(1) {
                    let name: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    let below = order.iter().position(|other| *other == name).is_some_and(|other| other > place);
                    if below {
                        wrong.push(format!("{}:{}: {module} uses {name}", source.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
