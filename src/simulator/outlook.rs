//! What would become of a synthetic record: cut into the ten views as the simulated MIG would, and taken through reading,
//! screening, mapping and release as the facade would, for a viewer with all ten views. For the command line and tests.

use super::holdings::Holding;
use super::oddities::{is_event_type, oddities};
use crate::ids::{NhsNumber, Sealer};
use crate::kinds::{Kind, View};
use crate::mapping::{self, Context};
use crate::record::{Fate, Ledger, Limits, ReadError, Reason, Record, read};
use crate::release::{self, Exclusions, Released};
use crate::search;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;

/// A file of a tester may be larger than an answer of the MIG may be: whoever opens it bounds it, and each view cut out
/// of it holds no more than it.
const UNBOUNDED: Limits = Limits { bytes: usize::MAX, depth: 64 };

/// Months of tests in the Summary.
const RECENT_MONTHS: u8 = 3;

/// What became of the entries of one event type.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Entries in the record.
    pub entries: u64,
    /// Of which resources were made.
    pub sources: u64,
    /// That are part of what another entry made.
    pub components: u64,
    /// Omitted, by reason.
    pub omitted: BTreeMap<Reason, u64>,
    /// That no view holds.
    pub in_no_view: u64,
}

/// What became of the record.
pub struct Outlook {
    /// By event type; `ENC` for encounters, `other` for every type that the schema does not have: it may be anything.
    pub entries: BTreeMap<String, Tally>,
    /// What would be released, each once, whichever view brings it.
    pub released: Vec<Arc<Released>>,
    /// What is odd in the whole record, by a fixed word: what the reader met, references that lead nowhere, words that no
    /// vocabulary has.
    pub oddities: BTreeMap<&'static str, u64>,
    /// What FHIR cannot say, by a fixed word, over all views: an entry in two views counts twice.
    pub degraded: BTreeMap<&'static str, u64>,
    /// Views that the facade would refuse, since they are larger than an answer may be.
    pub too_large: Vec<View>,
}

impl Outlook {
    /// How many resources of each type would be released.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<Kind, u64> {
        let mut counts = BTreeMap::new();
        for resource in &self.released {
            *counts.entry(resource.kind()).or_default() += 1;
        }
        counts
    }
}

/// Looks ahead.
///
/// # Errors
/// [`ReadError`] when the record, or a view cut out of it, cannot be read.
pub fn outlook(
    holding: &Holding,
    exclusions: &Exclusions,
    sealer: &Sealer,
    now: OffsetDateTime,
) -> Result<Outlook, ReadError> {
    let patient = NhsNumber::parse(&holding.nhs_number).ok_or(ReadError::NotOpenHr)?;
    let whole = read(holding.xml.as_bytes(), UNBOUNDED)?;
    let today = crate::clock::to_london(now).date();
    let (mut pool, mut ledgers, mut degraded, mut too_large) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
    // In the order in which the facade asks them: Summary last.
    let others = View::ALL.iter().copied().filter(|view| *view != View::Summary);
    for view in others.chain([View::Summary]) {
        let xml = holding.cut(view, (None, None), today, RECENT_MONTHS);
        too_large.extend((xml.len() > Limits::default().bytes).then_some(view));
        let record = read(xml.as_bytes(), UNBOUNDED)?;
        drop(xml);
        let exclusions = &exclusions.for_supplier(&holding.supplier).for_view(view);
        let screened = release::screen(record, exclusions, &holding.supplier);
        let practice = (holding.practice.as_deref().unwrap_or("unknown"), holding.practice_name.as_deref());
        let mapped = mapping::map(&screened, &Context { patient, sealer, view, practice, now });
        for (word, count) in mapped.degraded {
            *degraded.entry(word).or_default() += count;
        }
        ledgers.push(mapped.ledger);
        pool.extend(release::release(mapped.held, exclusions, View::ALL, patient).into_iter().map(Arc::new));
    }
    let (entries, mut odd) = (tally(&whole, &ledgers), oddities(&whole));
    for (word, count) in whole.oddities {
        *odd.entry(word).or_default() += count;
    }
    Ok(Outlook { entries, released: search::everything(&pool, Kind::ALL), oddities: odd, degraded, too_large })
}

fn tally(whole: &Record, ledgers: &[Ledger]) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let events = whole.events.iter().map(|event| (event.id.as_str(), event.kind.as_str()));
    let encounters = whole.encounters.iter().map(|encounter| (encounter.id.as_str(), "ENC"));
    for (id, kind) in events.chain(encounters) {
        let tally = tallies.entry(sayable(kind).to_owned()).or_default();
        tally.entries += 1;
        match best(ledgers.iter().filter_map(|ledger| ledger.fate(id))) {
            Some(Fate::Source) => tally.sources += 1,
            Some(Fate::Component) => tally.components += 1,
            Some(Fate::Omitted(reason)) => *tally.omitted.entry(reason).or_default() += 1,
            None => tally.in_no_view += 1,
        }
    }
    for (_, kind) in &whole.unidentified {
        let tally = tallies.entry(sayable(kind).to_owned()).or_default();
        tally.entries += 1;
        *tally.omitted.entry(Reason::NoIdentity).or_default() += 1;
    }
    tallies
}

/// An event type of the schema, or `other`.
fn sayable(kind: &str) -> &str {
    if kind == "ENC" || is_event_type(kind) { kind } else { "other" }
}

/// The best that any view made of it; of two reasons the first.
fn best(fates: impl Iterator<Item = Fate>) -> Option<Fate> {
    let rank = |fate: &Fate| match fate {
        Fate::Source => 0,
        Fate::Component => 1,
        Fate::Omitted(_) => 2,
    };
    fates.min_by_key(rank)
}
