//! A row of the trail: its payload, which is what the keyed hash covers, and the columns derived from it for searching.

use super::{Attempt, Basis, Interaction, Outcome, StoreError};
use crate::identity::SelectedRole;
use crate::store;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use std::sync::PoisonError;

/// What is said of an attempt that a crash left open.
pub(super) const INTERRUPTED: &str = "interrupted, an extract may have been made";

/// What a row says about its attempt.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// The legacy side is about to be asked.
    Opened,
    /// It ended.
    Closed,
    /// It ended, and it started an override: the second event of one POST.
    Override,
    /// A crash ended it.
    Interrupted,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Override => "override",
            Self::Interrupted => "interrupted",
        }
    }

    /// The kind and attempt of an AuditEvent's logical id; `opened` rows are not events.
    pub(super) fn of_event(id: &str) -> (Self, &str) {
        [Self::Override, Self::Interrupted]
            .into_iter()
            .find_map(|kind| Some((kind, id.strip_suffix(kind.as_str())?.strip_suffix('.')?)))
            .unwrap_or((Self::Closed, id))
    }

    pub(super) fn event_id(self, attempt: &str) -> String {
        match self {
            Self::Opened | Self::Closed => attempt.to_owned(),
            Self::Override | Self::Interrupted => format!("{attempt}.{}", self.as_str()),
        }
    }
}

/// The role that the token selected.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RoleHeld {
    pub profile: String,
    pub code: String,
    pub name: String,
}

/// Everything that a row says. No `Debug`: it names the patient.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Payload {
    pub kind: Kind,
    pub attempt: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub user: String,
    pub name: String,
    pub role: Option<RoleHeld>,
    pub organisation: Option<String>,
    pub patient: Option<String>,
    pub interaction: Interaction,
    pub resource_type: String,
    pub id: Option<String>,
    pub query: String,
    pub purpose: Option<String>,
    pub basis: Basis,
    /// 0, 4 or 8 once it has ended.
    pub outcome: Option<i64>,
    pub reason: Option<String>,
    pub request_id: String,
    pub address: String,
    pub token_id: Option<String>,
    pub client_id: Option<String>,
}

impl Payload {
    pub(super) fn of(attempt: &Attempt, kind: Kind, outcome: Option<Outcome>, at: i64) -> Self {
        let caller = &attempt.caller;
        let (role, organisation) = match &caller.role {
            SelectedRole::One(role) => (
                Some(RoleHeld { profile: role.profile.clone(), code: role.code.to_string(), name: role.name.clone() }),
                Some(&role.organisation),
            ),
            SelectedRole::Several | SelectedRole::None => (None, caller.organisation.as_ref()),
        };
        let (outcome, reason) = match outcome {
            None => (None, None),
            Some(Outcome::Answered) => (Some(0), None),
            Some(Outcome::Refused(reason)) => (Some(4), Some(reason.to_owned())),
            Some(Outcome::Failed(reason)) => (Some(8), Some(reason.to_owned())),
        };
        let purpose = *attempt.purpose.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            kind,
            attempt: attempt.id.clone(),
            at,
            user: caller.user.to_string(),
            name: caller.name.clone(),
            role,
            organisation: organisation.map(ToString::to_string),
            patient: attempt.target.patient.map(|patient| patient.reveal().to_owned()),
            interaction: attempt.target.interaction,
            resource_type: attempt.target.resource_type.clone(),
            id: attempt.target.id.clone(),
            query: attempt.target.query.clone(),
            purpose: purpose.map(|purpose| purpose.to_string()),
            basis: attempt.basis.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            outcome,
            reason,
            request_id: attempt.origin.request_id.to_string(),
            address: attempt.origin.address.clone(),
            token_id: caller.token_id.clone(),
            client_id: caller.client_id.clone(),
        }
    }

    /// The same attempt as a crash left it.
    pub(super) fn interrupted(mut self, at: i64) -> Self {
        self.kind = Kind::Interrupted;
        self.at = at;
        self.outcome = Some(8);
        self.reason = Some(INTERRUPTED.to_owned());
        self
    }

    pub(super) fn read(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|_| StoreError::Corrupt)
    }
}

/// A row as stored.
pub(super) struct Stored {
    pub seq: i64,
    pub chain: String,
    pub key_id: String,
    pub prev: Vec<u8>,
    pub mac: Vec<u8>,
    pub columns: Columns,
    pub payload: String,
}

/// What a search sees of a payload.
#[derive(PartialEq, Eq)]
pub(super) struct Columns {
    pub kind: String,
    pub attempt: String,
    pub recorded: i64,
    pub patient: Option<Vec<u8>>,
    pub user: String,
    pub organisation: Option<String>,
    pub practice: Option<String>,
    pub resource_type: String,
    pub interaction: String,
    pub outcome: Option<i64>,
}

/// The columns of [`Stored::read`], in its order.
macro_rules! stored_columns {
    () => {
        "seq, chain, key_id, prev, mac, kind, attempt, recorded, patient, user_id, organisation, practice, \
         resource_type, interaction, outcome, payload"
    };
}
pub(super) use stored_columns;

impl Stored {
    pub(super) fn read(row: &store::Row) -> Result<Self, StoreError> {
        let read = || -> Result<Self, sqlx::Error> {
            Ok(Self {
                seq: row.try_get(0)?,
                chain: row.try_get(1)?,
                key_id: row.try_get(2)?,
                prev: row.try_get(3)?,
                mac: row.try_get(4)?,
                columns: Columns {
                    kind: row.try_get(5)?,
                    attempt: row.try_get(6)?,
                    recorded: row.try_get(7)?,
                    patient: row.try_get(8)?,
                    user: row.try_get(9)?,
                    organisation: row.try_get(10)?,
                    practice: row.try_get(11)?,
                    resource_type: row.try_get(12)?,
                    interaction: row.try_get(13)?,
                    outcome: row.try_get(14)?,
                },
                payload: row.try_get(15)?,
            })
        };
        read().map_err(|_| StoreError::Corrupt)
    }
}

impl Columns {
    /// `hash` is the patient's, under the row's key.
    pub(super) fn of(payload: &Payload, hash: Option<Vec<u8>>) -> Self {
        Self {
            kind: payload.kind.as_str().to_owned(),
            attempt: payload.attempt.clone(),
            recorded: payload.at,
            patient: hash,
            user: payload.user.clone(),
            organisation: payload.organisation.clone(),
            practice: payload.basis.practice.clone(),
            resource_type: payload.resource_type.clone(),
            interaction: payload.interaction.code().to_owned(),
            outcome: payload.outcome,
        }
    }
}
