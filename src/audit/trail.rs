//! The trail for reports: oldest first, as it stood at one head, a step at a time in bounded memory.
//!
//! [`Audit::whole`] walks the chain to that head first, since a row that is gone, or that a column hides from the selection,
//! shows in no other way. Each row is checked again by its own key when it is handed out. `report` alone calls both; they
//! decide nothing about who may read.

use super::anchor::Head;
use super::keys::MAC;
use super::row::{INTERRUPTED, Kind, Payload, Stored, stored_columns};
use super::verify::{Why, sound, verify_to};
use super::{Audit, AuditError, AuditScope, Inner, Interaction, event};
use crate::clock::from_millis;
use crate::ids::{NhsNumber, OdsCode};
use crate::store::{Clauses, StoreError};
use serde_json::Value;
use sqlx::Row as _;
use time::OffsetDateTime;

/// Rows read at a time.
const STEP: i64 = 1000;

/// Which events of the trail. Its `Default` is all of them.
#[derive(Clone, Default)]
pub struct Selection {
    /// Whose viewing; none for the whole trail, which the command line alone may ask for.
    pub scope: Option<AuditScope>,
    /// Recorded at or after, in milliseconds.
    pub from: Option<i64>,
    /// Recorded before.
    pub before: Option<i64>,
    /// About this patient.
    pub patient: Option<NhsNumber>,
    /// By this user.
    pub user: Option<String>,
    /// About records of this practice.
    pub practice: Option<OdsCode>,
    /// Only that overrides started.
    pub overrides: bool,
    /// Only this part of it.
    pub part: Option<Part>,
}

/// What one viewing organisation asked of one practice, either of which may have remained unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    organisation: Option<String>,
    practice: Option<String>,
}

/// The end of the trail that a report is made from, and when that row was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsAt {
    /// The row.
    pub head: Head,
    /// When it was recorded.
    pub at: OffsetDateTime,
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place(Option<(i64, i64)>);

/// How an interaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// Answered.
    Answered,
    /// Refused, with the coded reason.
    Refused(&'a str),
    /// Something broke.
    Failed,
    /// A crash ended it: an extract may have been made.
    Interrupted,
}

/// One event of the trail. No `Debug`: it names a patient.
pub struct Entry(Payload);

impl Entry {
    /// Its AuditEvent's logical id.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.kind.event_id(&self.0.attempt)
    }

    /// When it was recorded.
    #[must_use]
    pub fn at(&self) -> OffsetDateTime {
        from_millis(self.0.at)
    }

    /// Who.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Their name, as the token told it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Their role in words, else its code.
    #[must_use]
    pub fn role(&self) -> &str {
        self.0.role.as_ref().map_or("", |role| if role.name.trim().is_empty() { &role.code } else { &role.name })
    }

    /// The organisation that they acted for.
    #[must_use]
    pub fn organisation(&self) -> &str {
        self.0.organisation.as_deref().unwrap_or_default()
    }

    /// The practice whose record it is, where it came to be known.
    #[must_use]
    pub fn practice(&self) -> &str {
        self.0.basis.practice.as_deref().unwrap_or_default()
    }

    /// A number that stands for the patient, to tell apart and to count. It is the patient's own: it never leaves a report.
    #[must_use]
    pub fn patient(&self) -> Option<u64> {
        self.0.patient.as_deref().and_then(|number| number.parse().ok())
    }

    /// The FHIR type, or the register.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.0.resource_type
    }

    /// The interaction.
    #[must_use]
    pub fn interaction(&self) -> Interaction {
        self.0.interaction
    }

    /// Whether it says that an override started.
    #[must_use]
    pub fn starts_override(&self) -> bool {
        self.0.kind == Kind::Override
    }

    /// The logical id of what was read or made.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The category of the override that it rested on.
    #[must_use]
    pub fn override_category(&self) -> Option<&str> {
        self.0.basis.override_category.as_deref()
    }

    /// Whether that was an override after a refusal.
    #[must_use]
    pub fn after_refusal(&self) -> bool {
        self.0.basis.after_refusal
    }

    /// The Consent that it rested on.
    #[must_use]
    pub fn consent(&self) -> Option<&str> {
        self.0.basis.consent.as_deref()
    }

    /// The agreement that it rested on, with its version.
    #[must_use]
    pub fn agreement(&self) -> &str {
        self.0.basis.agreement.as_deref().unwrap_or_default()
    }

    /// The views asked for.
    #[must_use]
    pub fn views(&self) -> &[String] {
        &self.0.basis.views
    }

    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Ending<'_> {
        match (self.0.outcome, self.0.reason.as_deref()) {
            (Some(0), _) => Ending::Answered,
            (Some(4), reason) => Ending::Refused(reason.unwrap_or_default()),
            (_, Some(INTERRUPTED)) => Ending::Interrupted,
            _ => Ending::Failed,
        }
    }
}

impl Audit {
    /// The newest row, or the one of this number; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn as_at(&self, row: Option<i64>) -> Result<Option<AsAt>, StoreError> {
        let found = sqlx::query(
            "SELECT chain, seq, mac, recorded FROM audit WHERE seq = COALESCE($1, (SELECT MAX(seq) FROM audit))",
        )
        .bind(row)
        .fetch_optional(self.inner.store.reader())
        .await?;
        let Some(found) = found else { return Ok(None) };
        let mac: Vec<u8> = found.try_get(2)?;
        let mac: [u8; MAC] = mac.try_into().map_err(|_| StoreError::Corrupt)?;
        let head = Head { chain: found.try_get(0)?, seq: found.try_get(1)?, mac };
        Ok(Some(AsAt { head, at: from_millis(found.try_get(3)?) }))
    }

    /// Whether the trail is whole to a row, and reaches what this instance has anchored. Walks all of it.
    ///
    /// # Errors
    /// [`AuditError::Unsound`], at the first row that is not as it was written.
    pub async fn whole(&self, as_at: &AsAt) -> Result<(), AuditError> {
        let inner = &self.inner;
        let _alone = inner.walking.lock().await;
        verify_to(&inner.store, inner.chain.keys(), &as_at.head, Some(&inner.anchor_file)).await
    }

    /// The next events of a selection, oldest first, of the trail as it stood at a row; none when there are no more.
    ///
    /// # Errors
    /// [`AuditError::Unsound`] for a row that is not as it was written.
    pub async fn walk(&self, selection: &Selection, as_at: &AsAt, place: &mut Place) -> Result<Vec<Entry>, AuditError> {
        let inner = &self.inner;
        let keys = inner.chain.keys();
        let mut query = Clauses::new(concat!("SELECT ", stored_columns!(), " FROM audit WHERE "));
        inner.selected(&mut query, selection, as_at);
        // One lower bound, which an index begins at: of two, SQLite would begin each step at the first row of all.
        let (recorded, seq) = place.0.unwrap_or((selection.from.unwrap_or(i64::MIN), 0));
        query.push(" AND (recorded, seq) > (").push_bind(recorded).push(", ").push_bind(seq).push(")");
        query.push(" ORDER BY recorded, seq LIMIT ").push_bind(STEP);
        let rows = query.build().fetch_all(inner.store.reader()).await.map_err(StoreError::from)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let row = Stored::read(row)?;
            if row.chain != as_at.head.chain {
                return Err(AuditError::Unsound { seq: row.seq, why: Why::OtherChain });
            }
            let (payload, _) = sound(keys, &row).map_err(|why| AuditError::Unsound { seq: row.seq, why })?;
            place.0 = Some((row.columns.recorded, row.seq));
            entries.push(Entry(payload));
        }
        Ok(entries)
    }

    /// The parts of a selection, by practice; where that is not known comes last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parts(&self, selection: &Selection, as_at: &AsAt) -> Result<Vec<Part>, StoreError> {
        let mut query = Clauses::new("SELECT DISTINCT organisation, practice FROM audit WHERE ");
        self.inner.selected(&mut query, selection, as_at);
        query.push(" AND recorded >= ").push_bind(selection.from.unwrap_or(i64::MIN));
        let rows = query.build().fetch_all(self.inner.store.reader()).await?;
        let parts: Result<Vec<Part>, sqlx::Error> =
            rows.iter().map(|row| Ok(Part { organisation: row.try_get(0)?, practice: row.try_get(1)? })).collect();
        let mut parts = parts?;
        // The databases differ in where they put what is null.
        parts.sort_by(|one, other| {
            let key = |part: &Part| (part.practice.is_none(), part.practice.clone(), part.organisation.clone());
            key(one).cmp(&key(other))
        });
        Ok(parts)
    }

    /// Its AuditEvent.
    #[must_use]
    pub fn event(&self, entry: &Entry) -> Value {
        event::event(&entry.0, &self.inner.server)
    }

    /// Its AuditEvent for a report that names no patient: who, when, on what basis and with what outcome, and neither whose
    /// nor which resource nor the query.
    #[must_use]
    pub fn unnamed_event(&self, entry: &Entry) -> Value {
        event::unnamed(&entry.0, &self.inner.server)
    }
}

impl Inner {
    /// All conditions of a selection but when it begins.
    fn selected(&self, query: &mut Clauses, selection: &Selection, as_at: &AsAt) {
        // Said in these words, the partial indexes serve.
        query.push(if selection.overrides { "kind = 'override'" } else { "kind <> 'opened'" });
        query.push(" AND seq <= ").push_bind(as_at.head.seq);
        if let Some(Part { organisation, practice }) = &selection.part {
            match organisation {
                Some(code) => query.push(" AND organisation = ").push_bind(code.clone()),
                None => query.push(" AND organisation IS NULL"),
            };
            // Not in the words of the practices' index: that of the user and the organisation serves.
            query.push(" AND COALESCE(practice, '') = ").push_bind(practice.clone().unwrap_or_default());
        } else {
            match &selection.scope {
                Some(AuditScope::Organisation(code)) => {
                    query.push(" AND organisation = ").push_bind(code.to_string());
                }
                Some(AuditScope::Practice(code)) => {
                    query.push(" AND practice = ").push_bind(code.to_string());
                }
                None => {}
            }
            if let Some(practice) = &selection.practice {
                query.push(" AND practice = ").push_bind(practice.to_string());
            }
        }
        if let Some(user) = &selection.user {
            query.push(" AND user_id = ").push_bind(user.clone());
        }
        if let Some(patient) = selection.patient {
            query.push(" AND patient IN (");
            for (position, hash) in self.chain.keys().patient_hashes(patient.reveal()).into_iter().enumerate() {
                query.push(if position == 0 { "" } else { ", " }).push_bind(hash);
            }
            query.push(")");
        }
        query.push(" AND recorded < ").push_bind(selection.before.unwrap_or(i64::MAX));
    }
}
