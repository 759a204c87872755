//! Verification: walks the chain in bounded memory and says where it breaks first.
//!
//! Finds a changed payload or column, a row deleted, added, moved or brought from another chain, and, with the anchor
//! file, a tail that was cut or written anew, and that file itself put back or added to. Reads only; may run beside the
//! service. What nothing inside can tell is a store and an anchor file that were both put back to the same moment: a head
//! kept elsewhere does, such as a report names, given as the anchor file.

use super::AuditError;
use super::anchor::{Head, Reading};
use super::keys::{Keys, MAC};
use super::row::{Columns, Payload, Stored, stored_columns};
use crate::clock::millis;
use crate::store::{Store, StoreError};
use sqlx::Row;
use std::path::Path;
use time::OffsetDateTime;

/// Rows read at a time.
const STEP: i64 = 512;

/// The most rows that a crash can leave without an anchor: one group of the store's writer.
const GROUP_ROWS: i64 = 128;

/// What part of the trail; all of it by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// From the first row recorded then.
    pub from: Option<OffsetDateTime>,
    /// To the last row recorded by then.
    pub to: Option<OffsetDateTime>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Unbroken.
    Verified {
        /// Rows walked.
        rows: u64,
        /// Anchors that agreed.
        anchors: u64,
        /// The last row walked.
        head: Option<Head>,
        /// Newest rows of which no anchor tells yet; a crash leaves as many as one group holds.
        unanchored: u64,
    },
    /// Broken.
    Broken {
        /// The first row that is not as it was.
        seq: i64,
        /// How.
        why: Why,
    },
}

/// How a chain is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The row that should be here is missing.
    Missing,
    /// It belongs to another chain.
    OtherChain,
    /// It does not follow the row before it.
    OutOfOrder,
    /// Its key is not in the key file.
    UnknownKey,
    /// Its payload is not what was written.
    Changed,
    /// A column says something else than the payload.
    ColumnChanged,
    /// The anchor file says that another row stood here.
    OtherThanAnchored,
    /// The anchor file says that the trail went on to here.
    Cut,
    /// The anchor file tells of this row a second time: an old line was added to it.
    AnchorRepeated,
    /// The anchor file ends before this row: it is an old copy, or could not be written for long.
    NotAnchored,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "the row is missing",
            Self::OtherChain => "the row belongs to another chain",
            Self::OutOfOrder => "the row does not follow the one before it",
            Self::UnknownKey => "the row's key is not in the key file",
            Self::Changed => "the row was changed",
            Self::ColumnChanged => "a searchable column was changed",
            Self::OtherThanAnchored => "the anchor file tells of another row here",
            Self::Cut => "the anchor file tells of rows up to here that are gone",
            Self::AnchorRepeated => "the anchor file tells of this row a second time",
            Self::NotAnchored => "the anchor file tells of no row from here on: it is an old copy",
        })
    }
}

/// Walks the trail.
///
/// # Errors
/// [`AuditError`] when the store or the anchor file cannot be read: then nothing is known.
pub async fn verify(store: &Store, keys: &Keys, span: Span, anchors: Option<&Path>) -> Result<Verdict, AuditError> {
    let (from, to) = (start(store, span).await?, end(store, span).await?);
    walked(store, keys, from, to, anchors, true).await
}

/// As [`verify`], with one head that was kept elsewhere: a file of a single anchor, which tells of no row after it.
///
/// # Errors
/// As [`verify`].
pub async fn verify_kept(store: &Store, keys: &Keys, span: Span, anchors: &Path) -> Result<Verdict, AuditError> {
    let (from, to) = (start(store, span).await?, end(store, span).await?);
    walked(store, keys, from, to, Some(anchors), false).await
}

/// As [`verify`], of all rows up to one, which stands as it is named. Of newer rows the anchors may tell: they have to stand too.
pub(super) async fn verify_to(
    store: &Store,
    keys: &Keys,
    head: &Head,
    anchors: Option<&Path>,
) -> Result<(), AuditError> {
    let unsound = |seq, why| Err(AuditError::Unsound { seq, why });
    match walked(store, keys, nothing(), head.seq, anchors, false).await? {
        Verdict::Broken { seq, why } => unsound(seq, why),
        Verdict::Verified { head: Some(last), .. } if last == *head => Ok(()),
        Verdict::Verified { .. } => unsound(head.seq, Why::Changed),
    }
}

async fn walked(
    store: &Store,
    keys: &Keys,
    from: Head,
    end: i64,
    anchors: Option<&Path>,
    complete: bool,
) -> Result<Verdict, AuditError> {
    let chain: String = sqlx::query("SELECT id FROM audit_chain")
        .fetch_one(store.reader())
        .await
        .and_then(|row| row.try_get(0))
        .map_err(StoreError::from)?;
    let mut walk = Walk { store, chain, last: from, rows: 0, anchors: 0 };
    let mut reading = anchors.map(Reading::open).transpose()?;
    let mut anchor = next_anchor(&mut reading)?;
    let broken = |seq, why| Ok(Verdict::Broken { seq, why });
    let first = walk.last.seq + 1;
    loop {
        let rows = walk.step(end).await?;
        let done = rows.is_empty();
        for row in rows {
            if let Err((seq, why)) = walk.check(keys, &row) {
                return broken(seq, why);
            }
            // Lines of two processes can stand in either order, hence the look back.
            while let Some(told) = anchor.take_if(|told| told.seq <= walk.last.seq) {
                if told.seq >= first {
                    let agrees =
                        if told.seq == walk.last.seq { told == walk.last } else { stands(store, &told).await? };
                    if !agrees {
                        return broken(told.seq, Why::OtherThanAnchored);
                    }
                    walk.anchors += 1;
                }
                anchor = next_anchor(&mut reading)?;
            }
        }
        if done {
            break;
        }
    }
    // What remains lies beyond the span, or beyond the end: the farthest tells whether a tail was cut.
    let mut farthest = anchor;
    while let Some(told) = next_anchor(&mut reading)? {
        if farthest.as_ref().is_none_or(|farthest| farthest.seq <= told.seq) {
            farthest = Some(told);
        }
    }
    if let Some(told) = farthest {
        if told.chain != walk.chain {
            return broken(told.seq, Why::OtherChain);
        }
        if !stands(store, &told).await? {
            let why = if told.seq > newest(store).await? { Why::Cut } else { Why::OtherThanAnchored };
            return broken(told.seq, why);
        }
    }
    let mut unanchored = 0;
    if let Some(reading) = &reading {
        if let Some(seq) = reading.repeated() {
            return broken(seq, Why::AnchorRepeated);
        }
        unanchored = walk.last.seq.saturating_sub(reading.farthest()).max(0);
        if unanchored > GROUP_ROWS && complete {
            return broken(reading.farthest() + 1, Why::NotAnchored);
        }
    }
    let head = (walk.rows > 0).then_some(walk.last);
    let unanchored = u64::try_from(unanchored).unwrap_or(0);
    Ok(Verdict::Verified { rows: walk.rows, anchors: walk.anchors, head, unanchored })
}

fn next_anchor(reading: &mut Option<Reading>) -> Result<Option<Head>, AuditError> {
    reading.as_mut().map_or(Ok(None), Reading::next)
}

/// Whether the newest anchor's row stands in the store; asked at each start.
pub(super) async fn stands(store: &Store, told: &Head) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT chain, mac FROM audit WHERE seq = $1")
        .bind(told.seq)
        .fetch_optional(store.reader())
        .await?;
    let Some(row) = row else { return Ok(false) };
    let (chain, mac): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(chain == told.chain && mac == told.mac)
}

struct Walk<'a> {
    store: &'a Store,
    chain: String,
    last: Head,
    rows: u64,
    anchors: u64,
}

impl Walk<'_> {
    async fn step(&self, end: i64) -> Result<Vec<Stored>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT ",
            stored_columns!(),
            " FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3"
        ))
        .bind(self.last.seq)
        .bind(end)
        .bind(STEP)
        .fetch_all(self.store.reader())
        .await?;
        rows.iter().map(Stored::read).collect()
    }

    fn check(&mut self, keys: &Keys, row: &Stored) -> Result<(), (i64, Why)> {
        let place = self.last.seq + 1;
        if row.seq != place {
            return Err((place, Why::Missing));
        }
        let here = |why| (row.seq, why);
        if row.chain != self.chain {
            return Err(here(Why::OtherChain));
        }
        if row.prev != self.last.mac {
            return Err(here(Why::OutOfOrder));
        }
        let (_, mac) = sound(keys, row).map_err(here)?;
        self.last = Head { chain: row.chain.clone(), seq: row.seq, mac };
        self.rows += 1;
        Ok(())
    }
}

/// What a row says and its keyed hash, if it is as it was written.
pub(super) fn sound(keys: &Keys, row: &Stored) -> Result<(Payload, [u8; MAC]), Why> {
    let mac = keys.mac(&row.key_id, &row.prev, &row.chain, row.seq, &row.payload).ok_or(Why::UnknownKey)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(&mac, &row.mac).map_err(|_| Why::Changed)?;
    let payload = Payload::read(&row.payload).map_err(|_| Why::Changed)?;
    let hash = payload.patient.as_deref().and_then(|patient| keys.patient_hash(&row.key_id, patient));
    if Columns::of(&payload, hash) == row.columns { Ok((payload, mac)) } else { Err(Why::ColumnChanged) }
}

/// What the first row of a chain follows.
fn nothing() -> Head {
    Head { chain: String::new(), seq: 0, mac: [0; MAC] }
}

/// The row before the span, taken on trust: what a shorter walk rests on.
async fn start(store: &Store, span: Span) -> Result<Head, StoreError> {
    let Some(from) = span.from else { return Ok(nothing()) };
    let row = sqlx::query(
        "SELECT chain, seq, mac FROM audit \
         WHERE seq < COALESCE((SELECT MIN(seq) FROM audit WHERE recorded >= $1), (SELECT MAX(seq) + 1 FROM audit)) \
         ORDER BY seq DESC LIMIT 1",
    )
    .bind(millis(from))
    .fetch_optional(store.reader())
    .await?;
    let Some(row) = row else { return Ok(nothing()) };
    let mac: Vec<u8> = row.try_get(2)?;
    Ok(Head { chain: row.try_get(0)?, seq: row.try_get(1)?, mac: mac.try_into().map_err(|_| StoreError::Corrupt)? })
}

async fn end(store: &Store, span: Span) -> Result<i64, StoreError> {
    let Some(to) = span.to else { return newest(store).await };
    let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) FROM audit WHERE recorded <= $1")
        .bind(millis(to))
        .fetch_one(store.reader())
        .await?;
    Ok(row.try_get(0)?)
}

async fn newest(store: &Store) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) FROM audit").fetch_one(store.reader()).await?;
    Ok(row.try_get(0)?)
}
