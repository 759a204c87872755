//! How often one caller may ask: a bucket for each, which fills as time goes by and is emptied by each request.
//!
//! Counted by user, once the token has said who that is: an address is shared by a whole hospital. In the memory of each
//! instance alone, so that several let through so many times the rate. Decides nothing about who may see what.

use crate::ids::UserId;
use moka::sync::Cache;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers remembered; beyond them those not seen for longest start anew.
const REMEMBERED: u64 = 100_000;

/// The rate, and what each caller has left of it. Cheap to clone.
#[derive(Clone)]
pub struct Pace {
    /// Requests a minute, and the most at once; 0 is no limit.
    per_minute: u32,
    buckets: Cache<UserId, Arc<Mutex<Bucket>>>,
}

/// What one caller has left.
#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// Takes one, or tells how long until there is one.
    fn take(&mut self, per_minute: u32, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(per_minute) / 60.0;
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * rate).min(f64::from(per_minute));
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / rate))
    }
}

impl Pace {
    /// So many a minute for each caller; 0 is no limit.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        // After two minutes a bucket is full again, and is as good as none.
        let buckets = Cache::builder().max_capacity(REMEMBERED).time_to_idle(Duration::from_mins(2)).build();
        Self { per_minute, buckets }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// Seconds until the next one would be let in.
    pub fn count(&self, caller: &UserId, now: Instant) -> Result<(), u32> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let full = || Arc::new(Mutex::new(Bucket { left: f64::from(self.per_minute), at: now }));
        let bucket = self.buckets.get_with_by_ref(caller, full);
        let taken = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(self.per_minute, now);
        taken.map_err(|wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_minutes_worth_that_comes_back_with_time() {
        let pace = Pace::new(60);
        let (one, other) = (UserId::parse("u1").expect("a user"), UserId::parse("u2").expect("a user"));
        let start = Instant::now();
        for _ in 0..60 {
            assert_eq!(pace.count(&one, start), Ok(()));
        }
        assert_eq!(pace.count(&one, start), Err(2), "within a second and a bit");
        assert_eq!(pace.count(&other, start), Ok(()), "another caller's is their own");
        assert_eq!(pace.count(&one, start + Duration::from_millis(500)), Err(1));
        assert_eq!(pace.count(&one, start + Duration::from_millis(1_100)), Ok(()));
        assert_eq!(pace.count(&one, start + Duration::from_millis(1_100)), Err(1), "what was refused took nothing");
        let rested = start + Duration::from_hours(1);
        let let_in = (0..100).filter(|_| pace.count(&one, rested).is_ok()).count();
        assert_eq!(let_in, 60, "a rest saves up a minute and no more");
    }

    #[test]
    fn without_a_limit_nobody_is_refused() {
        let pace = Pace::new(0);
        let one = UserId::parse("u1").expect("a user");
        let now = Instant::now();
        assert!((0..10_000).all(|_| pace.count(&one, now).is_ok()));
    }
}
