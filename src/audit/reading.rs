//! Reading the trail: newest first, a page at a time, and only ever inside one scope.
//!
//! A privacy officer sees the own organisation's viewing, a practice auditor who viewed that practice's patients
//! (CONTRACT section 8). Whether a caller holds that office is decided elsewhere; there is no reading without a scope.

use super::row::{Kind, Payload};
use super::{Audit, Interaction, event};
use crate::ids::{NhsNumber, OdsCode};
use crate::store::{Clauses, StoreError};
use serde_json::Value;
use sqlx::Row as _;
use time::OffsetDateTime;

/// The most events on a page.
pub const MOST: u32 = 1000;

/// How far matches are counted: beyond it a page tells no total.
const COUNTED: i64 = 10_000;

/// Whose viewing may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditScope {
    /// All that users of a viewing organisation did.
    Organisation(OdsCode),
    /// All that was asked of a practice.
    Practice(OdsCode),
}

/// The type of an AuditEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// `rest`
    Rest,
    /// DCM 110113, an override started.
    SecurityAlert,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Recorded at or after.
    pub from: Option<OffsetDateTime>,
    /// Recorded before.
    pub before: Option<OffsetDateTime>,
    /// The patient.
    pub patient: Option<NhsNumber>,
    /// The user.
    pub user: Option<String>,
    /// 0, 4 or 8.
    pub outcome: Option<u8>,
    /// The AuditEvent's type.
    pub event: Option<EventType>,
    /// Its subtype where it is an interaction.
    pub interaction: Option<Interaction>,
    /// The FHIR type asked for.
    pub resource_type: Option<String>,
    /// Events on a page, at most and by default [`MOST`].
    pub count: Option<u32>,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// Where a page ended. Its text names no patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    recorded: i64,
    seq: i64,
}

impl Cursor {
    /// Reads what [`std::fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (recorded, seq) = text.split_once('.')?;
        Some(Self { recorded: recorded.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.recorded, self.seq)
    }
}

/// One page of AuditEvents, newest first. No `Debug`: they name patients.
pub struct AuditPage {
    /// The AuditEvents, as FHIR.
    pub events: Vec<Value>,
    /// How many match in all; untold above ten thousand.
    pub total: Option<u64>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
}

impl Audit {
    /// One page of what the scope lets be seen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search(&self, scope: &AuditScope, filter: &AuditFilter) -> Result<AuditPage, StoreError> {
        let inner = &self.inner;
        let hashes = filter.patient.map(|patient| inner.chain.keys().patient_hashes(patient.reveal()));
        let mut counting = Clauses::new("SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE ");
        matching(&mut counting, scope, filter, hashes.as_deref());
        counting.push(" LIMIT ").push_bind(COUNTED + 1).push(") AS counted");
        let counted: i64 = counting.build().fetch_one(inner.store.reader()).await?.try_get(0)?;

        let count = filter.count.unwrap_or(MOST).min(MOST);
        let mut query = Clauses::new("SELECT recorded, seq, payload FROM audit WHERE ");
        matching(&mut query, scope, filter, hashes.as_deref());
        if let Some(after) = filter.after {
            query.push(" AND (recorded, seq) < (").push_bind(after.recorded).push(", ").push_bind(after.seq).push(")");
        }
        // One more than the page, to know whether there is a next one.
        query.push(" ORDER BY recorded DESC, seq DESC LIMIT ").push_bind(i64::from(count) + 1);
        let rows = query.build().fetch_all(inner.store.reader()).await?;
        let page = usize::try_from(count).unwrap_or(usize::MAX);
        let mut events = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(page) {
            last = Some(Cursor { recorded: row.try_get(0)?, seq: row.try_get(1)? });
            events.push(event::event(&Payload::read(row.try_get(2)?)?, &inner.server));
        }
        let total = u64::try_from(counted).ok().filter(|_| counted <= COUNTED);
        Ok(AuditPage { events, total, next: last.filter(|_| rows.len() > page) })
    }

    /// One AuditEvent by its logical id; `None` outside the scope, as if it did not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read(&self, scope: &AuditScope, id: &str) -> Result<Option<Value>, StoreError> {
        let (kind, attempt) = Kind::of_event(id);
        let mut query = Clauses::new("SELECT payload FROM audit WHERE attempt = ");
        query.push_bind(attempt.to_owned()).push(" AND kind = ").push_bind(kind.as_str().to_owned()).push(" AND ");
        within(&mut query, scope);
        match query.build().fetch_optional(self.inner.store.reader()).await? {
            Some(row) => Ok(Some(event::event(&Payload::read(row.try_get(0)?)?, &self.inner.server))),
            None => Ok(None),
        }
    }
}

fn within(query: &mut Clauses, scope: &AuditScope) {
    match scope {
        AuditScope::Organisation(code) => query.push("organisation = ").push_bind(code.to_string()),
        AuditScope::Practice(code) => query.push("practice = ").push_bind(code.to_string()),
    };
}

fn matching(query: &mut Clauses, scope: &AuditScope, filter: &AuditFilter, hashes: Option<&[Vec<u8>]>) {
    within(query, scope);
    // Said in these words, the partial indexes serve.
    query.push(" AND kind <> 'opened'");
    match filter.event {
        Some(EventType::Rest) => query.push(" AND kind <> 'override'"),
        Some(EventType::SecurityAlert) => query.push(" AND kind = 'override'"),
        None => query,
    };
    if let Some(hashes) = hashes {
        query.push(" AND patient IN (");
        for (position, hash) in hashes.iter().enumerate() {
            query.push(if position == 0 { "" } else { ", " }).push_bind(hash.clone());
        }
        query.push(")");
    }
    if let Some(from) = filter.from {
        query.push(" AND recorded >= ").push_bind(ceiling(from));
    }
    if let Some(before) = filter.before {
        query.push(" AND recorded < ").push_bind(ceiling(before));
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_id = ").push_bind(user.clone());
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(i64::from(outcome));
    }
    if let Some(interaction) = filter.interaction {
        // An override started is no interaction, though a create brought it.
        query.push(" AND kind <> 'override' AND interaction = ").push_bind(interaction.code().to_owned());
    }
    if let Some(resource_type) = &filter.resource_type {
        query.push(" AND resource_type = ").push_bind(resource_type.clone());
    }
}

/// Rows are kept to the millisecond; a bound inside one millisecond is not met by it.
fn ceiling(at: OffsetDateTime) -> i64 {
    let floor = crate::clock::millis(at);
    if crate::clock::from_millis(floor) < at { floor + 1 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreConfig};

    #[tokio::test]
    async fn a_page_is_read_off_an_index_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&StoreConfig::sqlite(folder.path().join("store.db"))).await.expect("opens");
        let code = OdsCode::parse("G82001").expect("valid");
        for (scope, index) in [
            (AuditScope::Organisation(code.clone()), "audit_organisation"),
            (AuditScope::Practice(code), "audit_practice"),
        ] {
            let filter = AuditFilter { from: Some(OffsetDateTime::UNIX_EPOCH), ..AuditFilter::default() };
            let mut query = Clauses::new("EXPLAIN QUERY PLAN SELECT recorded, seq, payload FROM audit WHERE ");
            matching(&mut query, &scope, &filter, None);
            query.push(" ORDER BY recorded DESC, seq DESC LIMIT 10");
            let rows = query.build().fetch_all(store.reader()).await.expect("explained");
            let plan: Vec<String> = rows.iter().map(|row| row.get(3)).collect();
            assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
            assert!(plan.concat().contains(index), "{plan:?}");
        }
    }
}
