//! Times as people compare them: quantiles, and a rate where many went on at once.

use std::time::Duration;

/// Durations, sorted; signed, since a difference of two can be below nothing.
pub struct Times(Vec<f64>);

impl Times {
    /// Of durations.
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        Self::of_seconds(times.into_iter().map(|time| time.as_secs_f64()).collect())
    }

    /// Of seconds.
    pub fn of_seconds(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        Self(seconds)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them did not exceed (nearest rank), in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(rank).copied().unwrap_or(f64::NAN) * 1e3
    }

    /// `p50 1.23  p95 …  p99 …  ms`.
    pub fn line(&self) -> String {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| self.percentile(percent));
        format!("p50 {p50:8.3}  p95 {p95:8.3}  p99 {p99:8.3} ms  ({} counted)", self.count())
    }
}

/// What a load of requests gave.
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// Each answer's time, from the request's first byte to the answer's last.
    pub times: Times,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_that_the_share_did_not_exceed() {
        let times = Times::of((1..=200).rev().map(Duration::from_millis));
        assert_eq!(
            [50, 95, 99, 100].map(|percent| format!("{:.0}", times.percentile(percent))),
            ["100", "190", "198", "200"]
        );
        assert!(Times::of([Duration::from_millis(7)]).line().starts_with("p50    7.000"));
        assert!(Times::of([]).percentile(50).is_nan());
    }
}
