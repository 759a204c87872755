//! Everything that is wrong with the lists, so that it can be told at once.

use std::path::{Path, PathBuf};

/// How many lines of one file are told of; a file of the wrong kind has as many problems as lines.
const LINES: usize = 10;

/// Why a list is not one. A key is that of the setting to look at, as [`super::Sources`] and the rules have it, such as
/// `files[1]`.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionsError {
    /// The file cannot be read.
    #[error("{key}: {} cannot be read", .file.display())]
    Unreadable {
        /// Of the setting that names it.
        key: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The content is not a list.
    #[error("{key}: {}: {problem}", .file.display())]
    Invalid {
        /// Of the setting that names it.
        key: String,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The list of this build is not one.
    #[error("the built-in exclusion list: {0}")]
    Builtin(String),
    /// A setting that cannot be.
    #[error("{key}: {problem}")]
    Setting {
        /// Its own.
        key: &'static str,
        /// Why not.
        problem: &'static str,
    },
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<ExclusionsError>,
    /// The setting that names what is being read.
    key: String,
    /// How many lines of it are wrong.
    lines: usize,
}

impl Problems {
    /// From here on what is wrong is wrong with the file that this setting names.
    pub(super) fn within(&mut self, key: impl Into<String>) {
        self.key = key.into();
        self.lines = 0;
    }

    pub(super) fn unreadable(&mut self, file: &Path, source: std::io::Error) {
        self.found.push(ExclusionsError::Unreadable { key: self.key.clone(), file: file.to_owned(), source });
    }

    pub(super) fn add(&mut self, file: &Path, problem: impl Into<String>) {
        let (key, file, problem) = (self.key.clone(), file.to_owned(), problem.into());
        self.found.push(ExclusionsError::Invalid { key, file, problem });
    }

    pub(super) fn setting(&mut self, key: &'static str, problem: &'static str) {
        self.found.push(ExclusionsError::Setting { key, problem });
    }

    pub(super) fn builtin(&mut self, problem: impl Into<String>) {
        self.found.push(ExclusionsError::Builtin(problem.into()));
    }

    /// A wrong line of a file; of many the first ten are named, and the rest in one word.
    pub(super) fn at(&mut self, file: &Path, line: usize, problem: &str) {
        self.lines += 1;
        match self.lines {
            ..=LINES => self.add(file, format!("line {line}: {problem}")),
            more if more == LINES + 1 => self.add(file, "and more lines are wrong"),
            _ => {}
        }
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_result(self) -> Result<(), Vec<ExclusionsError>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }
}
