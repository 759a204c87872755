//! The only source of chance that decides anything: tests fix it; everything else is handed a [`Chance`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A source of numbers from 0 to below 1, cheap to clone.
#[derive(Clone, Default)]
pub struct Chance {
    /// The numbers that come round and round when fixed; the machine's own otherwise.
    fixed: Option<Arc<(Vec<f64>, AtomicUsize)>>,
}

impl Chance {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// These numbers in turn, over and over.
    #[must_use]
    pub fn fixed(numbers: impl Into<Vec<f64>>) -> Self {
        Self { fixed: Some(Arc::new((numbers.into(), AtomicUsize::new(0)))) }
    }

    /// A number from 0 to below 1.
    #[must_use]
    pub fn draw(&self) -> f64 {
        if let Some(fixed) = &self.fixed {
            let (numbers, next) = fixed.as_ref();
            let place = next.fetch_add(1, Ordering::SeqCst).checked_rem(numbers.len()).unwrap_or(0);
            return numbers.get(place).copied().unwrap_or(0.0);
        }
        let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something happens that happens with this probability.
    #[must_use]
    pub fn hits(&self, probability: f64) -> bool {
        self.draw() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_numbers_come_round_and_the_machines_stay_below_one() {
        let chance = Chance::fixed([0.25, 0.75]);
        assert_eq!([chance.draw(), chance.draw(), chance.draw()].map(|drawn| drawn < 0.5), [true, false, true]);
        let machine = Chance::system();
        let drawn: Vec<f64> = (0..1000).map(|_| machine.draw()).collect();
        assert!(drawn.iter().all(|one| (0.0..1.0).contains(one)));
        assert!(drawn.iter().any(|one| *one < 0.5) && drawn.iter().any(|one| *one >= 0.5));
        assert!(!machine.hits(0.0) && machine.hits(1.0));
    }
}
