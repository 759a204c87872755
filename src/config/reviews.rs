//! How soon reviews are to be closed, and which ordinary views are reviewed too (7.3.5, 7.3.6).

use serde::Deserialize;
use time::Duration;

/// Reviews.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReviewsConfig {
    /// Days within which a review is to be closed; older open ones are counted in `/metrics`.
    pub within_days: u16,
    /// Of a hundred Consents by which a record may be viewed, how many open a review although nothing was overridden.
    pub sample_percent: f64,
}

impl Default for ReviewsConfig {
    fn default() -> Self {
        Self { within_days: 14, sample_percent: 0.0 }
    }
}

impl ReviewsConfig {
    /// As [`Self::within_days`].
    #[must_use]
    pub fn within(self) -> Duration {
        Duration::days(self.within_days.into())
    }

    /// As [`Self::sample_percent`], from 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        self.sample_percent / 100.0
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        super::sections::within(&mut problems, "reviews.within_days", self.within_days.into(), 1..=365);
        if !(0.0..=100.0).contains(&self.sample_percent) {
            problems.push("reviews.sample_percent: is not within 0 to 100".to_owned());
        }
        problems
    }
}
