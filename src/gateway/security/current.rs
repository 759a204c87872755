//! Certificates, keys and lists that change while the program runs: what is in force now, and when files have changed.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// A value in force, replaced as a whole. Who took it keeps it to the end of what they do with it.
pub struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    /// In force from now on.
    pub fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// What is in force.
    #[must_use]
    pub fn held(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces it.
    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

/// Files of which any may be replaced.
pub struct Watched {
    files: Vec<PathBuf>,
    taken: [u8; 32],
    seen: [u8; 32],
}

impl Watched {
    /// As they are now.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        let now = print(&files);
        Self { files, taken: now, seen: now }
    }

    /// Whether they have changed since they were last taken, and have stopped changing: the same at two looks in a row,
    /// since certificate and key are rarely written in one stroke. True once for each change. Reads the files.
    pub fn have_changed(&mut self) -> bool {
        let now = print(&self.files);
        let settled = std::mem::replace(&mut self.seen, now) == now;
        settled && std::mem::replace(&mut self.taken, now) != now
    }
}

/// A digest over all of them; a file that cannot be read counts as such.
fn print(files: &[PathBuf]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => {
                context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
                context.update(&bytes);
            }
            Err(_) => context.update(&u64::MAX.to_be_bytes()),
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_it_has_settled_and_only_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&one, "1").expect("written");
        let mut watched = Watched::new(vec![one.clone(), other.clone()]);
        assert!(!watched.have_changed());
        std::fs::write(&one, "2").expect("written");
        assert!(!watched.have_changed(), "perhaps still being written");
        std::fs::write(&other, "3").expect("written");
        assert!(!watched.have_changed(), "it was");
        assert!(watched.have_changed());
        assert!(!watched.have_changed());
        std::fs::remove_file(&other).expect("removed");
        assert!(!watched.have_changed());
        assert!(watched.have_changed(), "a file that is gone is a change");
    }

    #[test]
    fn what_was_taken_is_kept_while_another_comes_into_force() {
        let current = Current::new(1);
        let taken = current.held();
        current.replace(2);
        assert_eq!((*taken, *current.held()), (1, 2));
    }
}
