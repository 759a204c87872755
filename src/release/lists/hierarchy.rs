//! What lies below a code, as a hierarchy file of the terminology says. Held while the tables are made, and no longer.

use std::collections::{HashMap, HashSet};

/// The hierarchies that the settings name; empty ones say that nothing lies below anything.
#[derive(Default)]
pub(in crate::release) struct Hierarchy {
    /// By SNOMED CT identifier.
    pub(in crate::release) snomed: Below,
    /// By the number of a five-byte code.
    pub(in crate::release) ctv3: Below,
}

/// Codes to those directly below them.
#[derive(Default)]
pub(in crate::release) struct Below(HashMap<u64, Vec<u64>>);

impl Below {
    pub(super) fn add(&mut self, parent: u64, child: u64) {
        self.0.entry(parent).or_default().push(child);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything below a code, each once, however many ways lead to it; not the code itself.
    pub(in crate::release) fn below(&self, code: u64) -> HashSet<u64> {
        let (mut found, mut waiting) = (HashSet::new(), vec![code]);
        while let Some(next) = waiting.pop() {
            for child in self.0.get(&next).into_iter().flatten() {
                if *child != code && found.insert(*child) {
                    waiting.push(*child);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_lies_below_is_found_once_and_a_ring_ends() {
        let mut below = Below::default();
        for (parent, child) in [(1, 2), (1, 3), (2, 4), (3, 4), (4, 5), (5, 1), (9, 10)] {
            below.add(parent, child);
        }
        assert_eq!(below.below(1), HashSet::from([2, 3, 4, 5]));
        assert_eq!(below.below(4), HashSet::from([5, 1, 2, 3]));
        assert!(below.below(10).is_empty());
        assert!(!below.is_empty() && Below::default().is_empty());
    }
}
