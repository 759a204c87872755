//! Synthetic OpenHR records of any size from a seed, for tests, load and the demo's `large` patient. The same seed and
//! options give the same bytes. The mix and the oddities are those of real-world records: unpadded Read codes, local
//! codes under the Read OID, times beside a `YMD`, acutes with status C, uncoded text, gaps in blood pressures.

mod catalogue;
mod entries;
mod frame;
mod writing;

use time::Date;
use time::macros::date;

/// What a generated record is to hold beside the usual.
#[derive(Clone)]
pub struct Options {
    /// ODS code of the practice.
    pub practice: String,
    /// The day on which the record ends.
    pub today: Date,
    /// Entries that must be in it, spread over the record.
    pub planted: Vec<Planted>,
    /// Every so many events one is marked restricted; 0 for none.
    pub restricted_every: usize,
    /// Every so many events one is marked hidden; 0 for none.
    pub hidden_every: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            practice: "A99981".to_owned(),
            today: date!(2026 - 11 - 24),
            planted: Vec::new(),
            restricted_every: 0,
            hidden_every: 0,
        }
    }
}

/// An entry to plant.
#[derive(Clone, Default)]
pub struct Planted {
    /// OBS, VAL, INV, MED, ISS, IMM, ALL, REF …
    pub event_type: String,
    /// The OID or name of the code's system; blank plants the term alone, without a code.
    pub system: String,
    /// The code; blank gives a display name alone.
    pub code: String,
    /// Its term.
    pub term: String,
    /// The code stands in a translation of an ordinary local code.
    pub as_translation: bool,
    /// The code stands in a qualifier of an ordinary code.
    pub as_qualifier: bool,
    /// The entry also defines an active problem.
    pub as_problem: bool,
    /// A mark on the entry.
    pub mark: Mark,
}

/// A mark that withholds an entry.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Mark {
    /// None.
    #[default]
    None,
    /// A policy restricted to the organisation.
    Restricted,
    /// `hidden=true`.
    Hidden,
    /// `updateMode="delete"`.
    Deleted,
}

/// A generated record.
pub struct Generated {
    /// The patient's number, in the 999 range.
    pub nhs_number: String,
    /// The whole record.
    pub xml: String,
    /// Ids of the planted entries, in the order of the options.
    pub planted: Vec<String>,
    /// Ids of the entries that carry a mark, planted ones included.
    pub marked: Vec<String>,
}

/// Makes a record with so many events, planted ones included and never left out.
#[must_use]
pub fn generate(seed: u64, events: usize, options: &Options) -> Generated {
    let mut maker = entries::Maker::new(seed, events, options);
    maker.run();
    frame::finish(seed, maker, options)
}

/// The synthetic NHS number of a seed: 999, five digits of the seed, and the first ending with a check digit.
#[must_use]
pub fn nhs_number(seed: u64) -> String {
    let stem = format!("999{:05}", seed % 100_000);
    for ninth in '0'..='9' {
        let body = format!("{stem}{ninth}");
        let sum: u32 =
            (2..=10u32).rev().zip(body.bytes()).map(|(weight, digit)| weight * u32::from(digit - b'0')).sum();
        match 11 - sum % 11 {
            10 => {}
            11 => return format!("{body}0"),
            check => return format!("{body}{check}"),
        }
    }
    String::new()
}

/// A small seeded source of chance (splitmix64).
pub(super) struct Chance(u64);

impl Chance {
    /// The next number.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of a list, by copy.
    fn of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let len = u64::try_from(list.len()).unwrap_or(0);
        usize::try_from(self.below(len)).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
    }

    /// A GUID, upper case three times in four.
    fn guid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let text = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        );
        if self.once_in(4) { text } else { text.to_ascii_uppercase() }
    }
}

/// Whether a SNOMED id has a right check digit (Verhoeff).
#[cfg(test)]
pub(super) fn is_sctid(id: &str) -> bool {
    fn times(a: u8, b: u8) -> u8 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b) % 5,
            (false, true) => 5 + (a + 5 - b) % 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    const TURN: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (place, digit) in id.bytes().rev().enumerate() {
        if !digit.is_ascii_digit() {
            return false;
        }
        let mut digit = digit - b'0';
        for _ in 0..place % 8 {
            digit = TURN[usize::from(digit)];
        }
        check = times(check, digit);
    }
    check == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NhsNumber;
    use std::collections::BTreeSet;

    #[test]
    fn one_seed_gives_one_record() {
        let options = Options::default();
        let (a, b) = (generate(7, 300, &options), generate(7, 300, &options));
        assert!(a.xml == b.xml && a.nhs_number == b.nhs_number);
        assert!(a.xml != generate(8, 300, &options).xml);
    }

    #[test]
    fn every_seed_has_its_own_valid_number() {
        let numbers: BTreeSet<String> = (0..2000).map(nhs_number).collect();
        assert_eq!(numbers.len(), 2000);
        assert!(numbers.iter().all(|n| NhsNumber::parse(n).is_some_and(|n| n.is_synthetic())));
        assert_eq!(nhs_number(0), "9990000018");
    }

    #[test]
    fn a_record_has_as_many_events_as_were_asked_for() {
        for events in [0, 1, 2, 17, 500] {
            let made = generate(3, events, &Options::default());
            assert_eq!(
                made.xml.matches("<event ").count() + made.xml.matches("<event>").count() - links(&made.xml),
                events
            );
        }
    }

    /// `event` is also what a component calls its entry.
    fn links(xml: &str) -> usize {
        xml.matches("<component><event>").count()
    }

    #[test]
    fn planted_entries_are_there_with_their_marks() {
        let planted = vec![
            Planted {
                event_type: "OBS".into(),
                system: "2.16.840.1.113883.2.1.6.2".into(),
                code: "A541".into(),
                term: "Genital herpes simplex".into(),
                as_problem: true,
                ..Planted::default()
            },
            Planted { event_type: "VAL".into(), term: "plain".into(), mark: Mark::Restricted, ..Planted::default() },
        ];
        let made = generate(5, 40, &Options { planted, restricted_every: 10, hidden_every: 15, ..Options::default() });
        assert_eq!(made.planted.len(), 2);
        assert!(made.planted.iter().all(|id| made.xml.contains(&format!("<event><id>{id}</id>"))));
        assert!(made.marked.len() >= 5 && made.marked.contains(&made.planted[1]));
        assert!(made.xml.contains("code=\"A541\""));
        assert!(made.xml.contains("<hidden>true</hidden>"));
    }

    #[test]
    fn the_translations_of_the_catalogue_have_right_check_digits() {
        let terms =
            [catalogue::OBSERVATIONS, catalogue::IMMUNISATIONS, catalogue::ALLERGIES, catalogue::RECALLS].concat();
        for id in terms.iter().map(|t| t.2).chain(catalogue::DRUGS.iter().map(|d| d.2)).filter(|id| !id.is_empty()) {
            assert!(is_sctid(id), "{id}");
        }
    }
}
