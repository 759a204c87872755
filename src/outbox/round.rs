//! The sender: round after round, what is due is claimed, sent and settled.

use super::keys::{SIGNATURE_HEADER, TIMESTAMP_HEADER, WEBHOOK_ID_HEADER};
use super::{AlertsConfig, Keys};
use crate::chance::Chance;
use crate::clock::{Clock, millis};
use crate::register::alerts::{self, After, Claim, Letter, LetterKind, LetterState};
use crate::register::review;
use crate::store::{Store, StoreError};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

/// Letters of one round at most, which are sent side by side.
const BATCH: i64 = 16;
/// How much longer than an attempt may take a lease lasts: for the writes before and after it, and for clocks that differ.
const BEYOND: Duration = Duration::seconds(60);
/// How much of an answer is read before the connection is given up.
const MOST_ANSWER: usize = 16 * 1024;
/// How often what waits is counted when nothing happens.
const COUNT_EVERY: std::time::Duration = std::time::Duration::from_secs(15);

/// Sends what the outbox holds.
pub struct Sender {
    store: Store,
    config: AlertsConfig,
    keys: Option<Keys>,
    client: reqwest::Client,
    clock: Clock,
    chance: Chance,
    /// How old an open review may be.
    review_within: Duration,
    /// Letters that were accepted and whose acceptance the store has not noted yet.
    accepted: BTreeMap<String, OffsetDateTime>,
}

/// How an attempt ended.
enum Attempt {
    Accepted,
    Failed(String),
    NoReceiver,
}

impl Sender {
    /// A sender over a store.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn build(
        config: &AlertsConfig,
        review_within: Duration,
        store: Store,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, String> {
        let keys =
            config.key_file.as_deref().map(Keys::load).transpose().map_err(|what| format!("key_file: {what}"))?;
        let client = config.client()?;
        let (config, accepted) = (config.clone(), BTreeMap::new());
        Ok(Self { store, config, keys, client, clock, chance, review_within, accepted })
    }

    /// Round after round until `stop` says so; a round that is under way then is finished.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let pause = std::time::Duration::from_millis(self.config.look_every_ms);
        let mut readdressed = false;
        let mut counted: Option<tokio::time::Instant> = None;
        let mut failing = false;
        loop {
            let round = async {
                if !readdressed {
                    self.readdress().await?;
                    readdressed = true;
                }
                let done = self.round().await?;
                if done > 0 || counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY) {
                    self.count().await?;
                    counted = Some(tokio::time::Instant::now());
                }
                Ok::<usize, StoreError>(done)
            };
            let full = match round.await {
                Ok(done) => {
                    failing = false;
                    i64::try_from(done).unwrap_or(i64::MAX) >= BATCH
                }
                Err(error) => {
                    // Said once an outage: what is in the store waits for it.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, stage = "outbox", "alerts wait for the store");
                    }
                    false
                }
            };
            let stopped = *stop.borrow();
            if stopped {
                return;
            }
            if !full {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
                }
            }
        }
    }

    /// What had no receiver may have one now that the settings have been read anew; not what is older than patience.
    async fn readdress(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.write(alerts::readdress_job(now - self.patience(), now)).await?;
        Ok(())
    }

    fn patience(&self) -> Duration {
        Duration::hours(i64::try_from(self.config.give_up_after_hours).unwrap_or(i64::MAX))
    }

    /// One round. Says how many letters it dealt with.
    ///
    /// # Errors
    /// [`StoreError`]; what had been claimed is due again when its lease is over.
    pub async fn round(&mut self) -> Result<usize, StoreError> {
        self.note_accepted().await?;
        let now = self.clock.now();
        if alerts::changes_waiting(self.store.reader()).await? {
            self.store.write(alerts::address_job(self.config.told(), now, BATCH)).await?;
        }
        if !alerts::any_due(self.store.reader(), now).await? {
            return Ok(0);
        }
        let until = now + Duration::try_from(self.config.timeout()).unwrap_or(BEYOND) + BEYOND;
        let claim = self.store.write(alerts::claim_job(now, until, BATCH)).await?;
        let ends: Vec<(Letter, Attempt)> = {
            let sender = &*self;
            let claim = &claim;
            let attempts =
                claim.letters.iter().map(|letter| async move { (letter.clone(), sender.attempt(claim, letter).await) });
            attempts.collect::<FuturesUnordered<_>>().collect().await
        };
        let dealt = ends.len();
        let (accepted, others): (Vec<_>, Vec<_>) =
            ends.into_iter().partition(|(_, end)| matches!(end, Attempt::Accepted));
        // All of them first: should the store be gone, they are noted when it is back.
        let now = self.clock.now();
        for (letter, _) in accepted {
            counted(letter.kind, "accepted");
            self.accepted.insert(letter.id, now);
        }
        self.note_accepted().await?;
        for (letter, end) in others {
            self.settle(&claim.lease, letter, end).await?;
        }
        Ok(dealt)
    }

    async fn settle(&self, lease: &str, letter: Letter, end: Attempt) -> Result<(), StoreError> {
        let (now, kind, tried) = (self.clock.now(), letter.kind.as_str(), letter.attempts + 1);
        let (after, reason) = match end {
            Attempt::Accepted => return Ok(()),
            Attempt::NoReceiver => (After::Unaddressed, "no-receiver".to_owned()),
            Attempt::Failed(reason) => {
                let most = i64::try_from(self.config.most_attempts).unwrap_or(i64::MAX);
                if tried >= most || now - letter.since >= self.patience() {
                    counted(letter.kind, "dead");
                    tracing::error!(
                        kind,
                        reason,
                        attempts = tried,
                        stage = "outbox",
                        "an alert was given up: a dead letter"
                    );
                    (After::Dead(now), reason)
                } else {
                    counted(letter.kind, "failed");
                    tracing::warn!(kind, reason, attempts = tried, stage = "outbox", "an alert was not accepted");
                    (After::Again(now + self.pause(letter.attempts)), reason)
                }
            }
        };
        self.store.write(alerts::settled_job(letter.id, lease.to_owned(), after, reason)).await
    }

    /// The pause after this many attempts that failed before: between half and all of what doubles.
    fn pause(&self, before: i64) -> Duration {
        let doublings = u32::try_from(before.clamp(0, 20)).unwrap_or(20);
        let seconds = self.config.first_pause_seconds.saturating_mul(2_u64.saturating_pow(doublings));
        let seconds = u32::try_from(seconds.min(self.config.longest_pause_seconds)).unwrap_or(u32::MAX);
        Duration::seconds_f64(f64::from(seconds) * (1.0 + self.chance.draw()) / 2.0)
    }

    /// Nothing that was accepted is sent again: until the store has noted it, nothing is claimed.
    async fn note_accepted(&mut self) -> Result<(), StoreError> {
        while let Some((id, at)) = self.accepted.first_key_value() {
            self.store.write(alerts::delivered_job(id.clone(), *at)).await?;
            self.accepted.pop_first();
        }
        Ok(())
    }

    async fn attempt(&self, claim: &Claim, letter: &Letter) -> Attempt {
        let receiver = match letter.kind {
            LetterKind::Override => self.config.of_override(&letter.organisation),
            LetterKind::Agreement => self.config.of_notice(&letter.organisation),
        };
        let (Some(receiver), Some(keys)) = (receiver, &self.keys) else { return Attempt::NoReceiver };
        let now = self.clock.now();
        if now >= claim.until {
            // Whatever held us up: the letter is somebody else's by now.
            return Attempt::Failed("late".to_owned());
        }
        let (body, timestamp) = (letter.body(), millis(now).div_euclid(1000));
        let sent = self
            .client
            .post(receiver)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(WEBHOOK_ID_HEADER, letter.id.as_str())
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, keys.sign(&letter.id, timestamp, body.as_bytes()))
            .body(body)
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Attempt::Failed("unreachable".to_owned()),
            Err(error) if error.is_timeout() => return Attempt::Failed("timeout".to_owned()),
            Err(_) => return Attempt::Failed("interrupted".to_owned()),
        };
        let status = answer.status();
        // The status is the answer. The rest is taken off the connection, within bounds, so that it can be used again.
        let mut rest = answer.bytes_stream();
        let mut read = 0;
        while let Some(Ok(piece)) = rest.next().await {
            read += piece.len();
            if read > MOST_ANSWER {
                break;
            }
        }
        if status.is_success() { Attempt::Accepted } else { Attempt::Failed(format!("http-{}", status.as_u16())) }
    }

    /// What waits, for `/metrics`.
    async fn count(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let standing = alerts::standing(self.store.reader()).await?;
        for kind in LetterKind::ALL {
            for state in [LetterState::Waiting, LetterState::Unaddressed, LetterState::Dead] {
                let found = standing.iter().find(|one| one.kind == *kind && one.state == state);
                let labels = [("kind", kind.as_str()), ("state", state.as_str())];
                metrics::gauge!("mig_fhir_alerts", &labels).set(number(found.map_or(0, |one| one.count)));
                let oldest = found.map_or(Duration::ZERO, |one| now - one.oldest);
                metrics::gauge!("mig_fhir_alert_oldest_seconds", &labels).set(oldest.as_seconds_f64().max(0.0));
            }
        }
        let (open, overdue) = review::backlog(self.store.reader(), now - self.review_within).await?;
        metrics::gauge!("mig_fhir_reviews_open").set(number(open));
        metrics::gauge!("mig_fhir_reviews_overdue").set(number(overdue));
        Ok(())
    }
}

fn counted(kind: LetterKind, outcome: &'static str) {
    metrics::counter!("mig_fhir_alert_attempts_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

fn number(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
