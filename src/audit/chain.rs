//! Appending: each row carries the keyed hash of the one before it, its place and its payload.
//!
//! Runs only inside the store's writer, where this process is the only one that writes; the head is read from the
//! store once in each group, because the command line may have appended since.

use super::anchor::{Anchors, Head};
use super::keys::{Keys, MAC};
use super::row::{Columns, Payload};
use super::{Revision, StoreError};
use crate::clock::Clock;
use crate::store::{Connection, GroupEnd};
use sqlx::Row;
use std::sync::{Mutex, PoisonError};

/// A row before it has its place: everything that can be done outside the writer is done.
pub(super) struct Draft {
    columns: Columns,
    json: String,
    /// The patient, whose affairs must stand as they stood.
    scope: Option<String>,
}

/// The chain's end that writes.
pub(super) struct Chain {
    keys: Keys,
    anchors: Anchors,
    clock: Clock,
    /// The newest row of the group under way.
    pending: Mutex<Option<Head>>,
}

impl Chain {
    pub(super) fn new(keys: Keys, anchors: Anchors, clock: Clock) -> Self {
        Self { keys, anchors, clock, pending: Mutex::default() }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn draft(&self, payload: &Payload) -> Result<Draft, StoreError> {
        let json = serde_json::to_string(payload).map_err(|_| StoreError::Corrupt)?;
        let patient = payload.patient.as_deref();
        let hash = patient.and_then(|patient| self.keys.patient_hash(self.keys.current(), patient));
        Ok(Draft { columns: Columns::of(payload, hash), json, scope: payload.patient.clone() })
    }

    /// Appends rows, each in one statement, provided that the register still stands at the revision named. It is the last
    /// thing that a job does: a job that failed after it would leave `pending` ahead of the store.
    pub(super) async fn append(
        &self,
        connection: &mut Connection,
        standing: Option<Revision>,
        drafts: Vec<Draft>,
    ) -> Result<(), StoreError> {
        // Inside a group nobody else can have appended, and a group that is undone takes its head with it.
        let known = self.pending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut head = match known {
            Some(head) => head,
            None => stored_head(connection).await?,
        };
        for draft in drafts {
            head = self.insert(&mut *connection, &head, standing, draft).await?;
        }
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        Ok(())
    }

    async fn insert(
        &self,
        connection: &mut Connection,
        head: &Head,
        standing: Option<Revision>,
        draft: Draft,
    ) -> Result<Head, StoreError> {
        let Draft { columns, json, scope } = draft;
        let seq = head.seq + 1;
        let key_id = self.keys.current();
        let mac = self.keys.mac(key_id, &head.mac, &head.chain, seq, &json).ok_or(StoreError::Corrupt)?;
        let done = sqlx::query(
            "INSERT INTO audit (seq, chain, key_id, prev, mac, kind, attempt, recorded, patient, user_id, organisation, \
             practice, resource_type, interaction, outcome, payload) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 \
             WHERE $17 IS NULL OR NOT EXISTS (SELECT 1 FROM register_touch WHERE revision > $17 \
             AND (scope = '' OR scope = $18))",
        )
        .bind(seq)
        .bind(head.chain.clone())
        .bind(key_id.to_owned())
        .bind(head.mac.to_vec())
        .bind(mac.to_vec())
        .bind(columns.kind)
        .bind(columns.attempt)
        .bind(columns.recorded)
        .bind(columns.patient)
        .bind(columns.user)
        .bind(columns.organisation)
        .bind(columns.practice)
        .bind(columns.resource_type)
        .bind(columns.interaction)
        .bind(columns.outcome)
        .bind(json)
        .bind(standing.map(|standing| standing.0))
        .bind(scope)
        .execute(connection)
        .await?;
        if done.rows_affected() == 1 {
            Ok(Head { chain: head.chain.clone(), seq, mac })
        } else {
            Err(StoreError::Stale)
        }
    }

    /// After each group: what was committed is anchored before anybody is answered.
    pub(super) fn anchor(&self, end: GroupEnd) {
        let head = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(head), GroupEnd::Committed) = (head, end)
            && self.anchors.add(&head, self.clock.now_millis()).is_err()
        {
            // The rows stand; only the proof that none was cut is late, until the next group's line.
            tracing::error!("the anchor file cannot be written");
        }
    }
}

async fn stored_head(connection: &mut Connection) -> Result<Head, StoreError> {
    let row = sqlx::query(
        "SELECT c.id, a.seq, a.mac FROM audit_chain c LEFT JOIN audit a ON a.seq = (SELECT MAX(seq) FROM audit)",
    )
    .fetch_one(connection)
    .await?;
    let (seq, mac): (Option<i64>, Option<Vec<u8>>) = (row.try_get(1)?, row.try_get(2)?);
    let mac = match mac {
        Some(mac) => mac.try_into().map_err(|_| StoreError::Corrupt)?,
        None => [0; MAC],
    };
    Ok(Head { chain: row.try_get(0)?, seq: seq.unwrap_or(0), mac })
}
