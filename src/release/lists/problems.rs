//! Everything that is wrong with the lists, so that it can be told at once.

use std::path::{Path, PathBuf};

/// How many lines of one file are told of; a file of the wrong kind has as many problems as lines.
const LINES: usize = 10;

/// Why a list is not one.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionsError {
    /// The file cannot be read.
    #[error("exclusion list {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// The content is not a list.
    #[error("exclusion list {0}: {1}")]
    Invalid(PathBuf, String),
    /// The list of this build is not one.
    #[error("the built-in exclusion list: {0}")]
    Builtin(String),
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(&'static str),
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<ExclusionsError>,
    /// Lines of one file that are wrong: the file, how many.
    lines: Option<(PathBuf, usize)>,
}

impl Problems {
    pub(super) fn unreadable(&mut self, file: &Path, error: std::io::Error) {
        self.found.push(ExclusionsError::Unreadable(file.to_owned(), error));
    }

    pub(super) fn add(&mut self, file: &Path, problem: impl Into<String>) {
        self.found.push(ExclusionsError::Invalid(file.to_owned(), problem.into()));
    }

    pub(super) fn setting(&mut self, problem: &'static str) {
        self.found.push(ExclusionsError::Setting(problem));
    }

    pub(super) fn builtin(&mut self, problem: impl Into<String>) {
        self.found.push(ExclusionsError::Builtin(problem.into()));
    }

    /// A wrong line of a file; of many the first ten are named, and the rest in one word.
    pub(super) fn at(&mut self, file: &Path, line: usize, problem: &str) {
        let count = match &mut self.lines {
            Some((of, count)) if of == file => {
                *count += 1;
                *count
            }
            other => {
                *other = Some((file.to_owned(), 1));
                1
            }
        };
        match count {
            ..=LINES => self.add(file, format!("line {line}: {problem}")),
            _ if count == LINES + 1 => self.add(file, "and more lines are wrong"),
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
