//! Fault switches: what the simulated MIG is told to do wrong, for whom, how often.
//!
//! Without a switch the simulator is right and prompt. A switch is set for one patient or for all, by `overrides.toml`, by
//! the control endpoint, or by a test in the same process. What goes wrong is made from the real answer.

use super::holdings::Holdings;
use super::tampering::Tamper;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// One switch. Everything that matches a request applies; delays add up, of the rest the first one counts.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Switch {
    /// Ten digits; everybody without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// Which question; both without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<On>,
    /// The view's word; any without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// How many of a hundred, by chance; all without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// How many more times; without end without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Waits so long before anything is answered.
    pub delay_ms: u64,
    /// Waits up to so much longer, by chance.
    pub jitter_ms: u64,
    /// 1000, 2100, 2200, 3000, `MustUnderstand` or `VersionMismatch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Any code, also one that nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What is changed in the answer.
    pub tamper: Vec<Tamper>,
    /// Words put wherever an answer has text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The content type; an empty one is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// One more header, name and value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<(String, String)>,
    /// How the answer travels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Milliseconds between the pieces of a dribbled answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piece_ms: Option<u64>,
}

/// Which question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// Where the record is.
    Locate,
    /// A view.
    View,
}

/// How an answer travels, where it does not simply arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The connection is reset before the answer.
    Reset,
    /// The connection is closed in order before the answer.
    Close,
    /// Nothing ever comes.
    StallHead,
    /// Half of it comes, then nothing ever.
    StallBody,
    /// Half of what was announced comes, then the connection is closed.
    Truncate,
    /// Half of it comes, then the connection is reset.
    ResetBody,
    /// Chunked, whole.
    Chunked,
    /// Chunked, without the last chunk.
    ChunkedCut,
    /// In small pieces, with a pause after each.
    Dribble,
}

/// What the switches come to for one request.
#[derive(Clone, Default)]
pub(super) struct Effect {
    pub delay_ms: u64,
    pub fault: Option<String>,
    pub outcome: Option<String>,
    pub tamper: Vec<Tamper>,
    pub words: Option<String>,
    pub status: Option<u16>,
    pub content_type: Option<String>,
    pub header: Option<(String, String)>,
    pub delivery: Option<Delivery>,
    pub piece_ms: Option<u64>,
}

/// Every switch of a simulator, and its chance.
pub struct Switches {
    kept: Mutex<(Vec<Switch>, Chance)>,
}

/// A seeded source of chance (splitmix64): the same switches and requests give the same faults.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end.max(1)
    }
}

/// The seed until another is set.
const SEED: u64 = 4_711;

impl Switches {
    /// Those of the patients' own.
    pub(super) fn of(holdings: &Holdings) -> Self {
        let own = holdings.iter().flat_map(|holding| {
            let number = &holding.nhs_number;
            holding.switches.iter().map(move |switch| Switch { patient: Some(number.clone()), ..switch.clone() })
        });
        Self { kept: Mutex::new((own.collect(), Chance(SEED))) }
    }

    /// Every switch that is on.
    #[must_use]
    pub fn all(&self) -> Vec<Switch> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Sets these and no others; chance starts again, at this seed where one is given.
    pub fn set(&self, switches: Vec<Switch>, seed: Option<u64>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = (switches, Chance(seed.unwrap_or(SEED)));
    }

    /// Sets one more.
    pub fn add(&self, switch: Switch) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.push(switch);
    }

    /// What they come to for a request, which uses them up where they are counted.
    pub(super) fn effect(&self, patient: &str, view: Option<&str>) -> Effect {
        let mut effect = Effect::default();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (switches, chance) = &mut *kept;
        let on = if view.is_some() { On::View } else { On::Locate };
        for switch in switches.iter_mut() {
            let meant = switch.patient.as_deref().is_none_or(|meant| meant == patient)
                && switch.on.is_none_or(|meant| meant == on)
                && (switch.view.is_none() || switch.view.as_deref() == view)
                && switch.times != Some(0);
            if !meant || switch.percent.is_some_and(|percent| chance.below(100) >= u64::from(percent)) {
                continue;
            }
            if let Some(times) = &mut switch.times {
                *times -= 1;
            }
            effect.delay_ms += switch.delay_ms;
            if switch.jitter_ms > 0 {
                effect.delay_ms += chance.below(switch.jitter_ms + 1);
            }
            effect.tamper.extend(&switch.tamper);
            first(&mut effect.fault, switch.fault.as_ref());
            first(&mut effect.outcome, switch.outcome.as_ref());
            first(&mut effect.words, switch.words.as_ref());
            first(&mut effect.status, switch.status.as_ref());
            first(&mut effect.content_type, switch.content_type.as_ref());
            first(&mut effect.header, switch.header.as_ref());
            first(&mut effect.delivery, switch.delivery.as_ref());
            first(&mut effect.piece_ms, switch.piece_ms.as_ref());
        }
        effect
    }
}

fn first<T: Clone>(slot: &mut Option<T>, value: Option<&T>) {
    if slot.is_none() {
        *slot = value.cloned();
    }
}

impl Switch {
    /// What is wrong with it, if anything is.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        const FAULTS: [&str; 6] = ["1000", "2100", "2200", "3000", "MustUnderstand", "VersionMismatch"];
        if self.fault.as_deref().is_some_and(|fault| !FAULTS.contains(&fault)) {
            return Some("fault: unknown value");
        }
        if self.percent.is_some_and(|percent| percent > 100) {
            return Some("percent: over 100");
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Some("status: not from 200 to 599");
        }
        if self.view.is_some() && self.on == Some(On::Locate) {
            return Some("view: the question where the record is has none");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(list: Vec<Switch>) -> Switches {
        let switches = Switches::of(&Holdings::default());
        switches.set(list, None);
        switches
    }

    #[test]
    fn a_switch_is_for_whom_and_what_it_names_and_counts_down() {
        let fault = |fault: &str| Some(fault.to_owned());
        let switches = switches(vec![
            Switch { patient: Some("1".into()), fault: fault("1000"), ..Switch::default() },
            Switch { on: Some(On::Locate), fault: fault("2100"), times: Some(1), ..Switch::default() },
            Switch { view: Some("Problems".into()), delay_ms: 5, ..Switch::default() },
            Switch { delay_ms: 2, ..Switch::default() },
        ]);
        assert_eq!(switches.effect("1", None).fault, fault("1000"));
        assert_eq!(switches.effect("2", None).fault, None, "used up by the one before");
        assert_eq!(switches.effect("2", Some("Problems")).delay_ms, 7);
        assert_eq!(switches.effect("2", Some("Summary")).delay_ms, 2);
    }

    #[test]
    fn chance_keeps_to_its_share_and_comes_again_with_its_seed() {
        let some = Switch { percent: Some(30), delay_ms: 1, jitter_ms: 10, ..Switch::default() };
        let run = |seed| {
            let switches = switches(Vec::new());
            switches.set(vec![some.clone()], Some(seed));
            (0..1000).map(|_| switches.effect("1", None).delay_ms).collect::<Vec<_>>()
        };
        let hit = run(1).iter().filter(|delay| **delay > 0).count();
        assert!((250..350).contains(&hit), "{hit}");
        assert!(run(1).iter().all(|delay| *delay <= 11));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
