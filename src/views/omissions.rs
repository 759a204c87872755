//! How many entries are not shown, counted for the process as a whole. The counts become visible in batches, as those of a
//! shadow list do: one that moved with a request would tell of a record that something in it is withheld.

use crate::record::Reason;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many views are mapped before their counts are shown.
const BATCH: u32 = 100;

/// By reason and event type.
type Counts = BTreeMap<(Reason, &'static str), u64>;

/// What is counted and not shown yet.
#[derive(Default)]
pub(super) struct Omissions(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    views: u32,
    counts: Counts,
}

impl Omissions {
    /// Adds what one view left out, and shows what has come together once it is of many.
    pub(super) fn add(&self, of_view: &BTreeMap<(Reason, String), u64>) {
        for ((reason, entry), count) in self.due(of_view).into_iter().flatten() {
            metrics::counter!("mig_omitted_total", "reason" => reason.as_str(), "entry" => entry).increment(count);
        }
    }

    fn due(&self, of_view: &BTreeMap<(Reason, String), u64>) -> Option<Counts> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((reason, kind), count) in of_view {
            *waiting.counts.entry((*reason, label(kind))).or_default() += count;
        }
        waiting.views += 1;
        (waiting.views >= BATCH).then(|| std::mem::take(&mut *waiting).counts)
    }
}

/// An event type outside OpenHR's list is one label, so that a label can carry nothing of a record.
fn label(kind: &str) -> &'static str {
    const KINDS: &[&str] =
        &["OBS", "MED", "TR", "INV", "VAL", "ISS", "ATT", "REF", "DRY", "ALT", "ALL", "FH", "IMM", "REP", "OH", "ENC"];
    KINDS.iter().find(|known| **known == kind).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_view_shows_by_itself_and_none_is_forgotten() {
        let omissions = Omissions::default();
        let of = |kind: &str| BTreeMap::from([((Reason::Withheld, kind.to_owned()), 2)]);
        for round in 1..=2 {
            assert_eq!(omissions.due(&of("a word of the record")), None);
            for nth in 2..BATCH {
                assert_eq!(omissions.due(&of("OBS")), None, "{nth} of round {round}");
            }
            let shown = omissions.due(&BTreeMap::new()).expect("a batch");
            assert_eq!(shown, BTreeMap::from([((Reason::Withheld, "OBS"), 196), ((Reason::Withheld, "other"), 2)]));
        }
    }
}
