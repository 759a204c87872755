//! Legitimate relationships, as FHIR `EpisodeOfCare` from the viewing organisation's system (7.2.2).
//!
//! A relationship exists while an episode is `active` and its period includes now; without a start or an end the period
//! is open on that side. An organisation writes and reads its own only. Accepted members: `status`, `patient`,
//! `managingOrganization` (by ODS code, the caller's own), `period`, `identifier` (the system's own keys). Nothing
//! about the patient's condition is accepted, so `diagnosis` and the rest are 422.

mod find;
mod named;

pub use find::search;
pub use named::of_identifier;

use super::days::{Span, span};
use super::row::row;
use super::shape::{Found, Invalid, Node, by_identifier, patient_reference};
use super::{ODS_CODE, version};
use crate::clock::{from_millis, millis, rfc3339};
use crate::ids::{LogicalId, NhsNumber, OdsCode, Sealer};
use crate::kinds::words;
use crate::store::{Job, Pool, StoreError};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

const ACCEPTED: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "text",
    "language",
    "identifier",
    "status",
    "patient",
    "managingOrganization",
    "period",
];
const FORBIDDEN: &[&str] = &[
    "implicitRules",
    "contained",
    "extension",
    "modifierExtension",
    "statusHistory",
    "type",
    "diagnosis",
    "referralRequest",
    "careManager",
    "team",
    "account",
];

words! {
    /// The status of an episode (FHIR's own list).
    EpisodeStatus {
        Planned = "planned",
        Waitlist = "waitlist",
        Active = "active",
        OnHold = "onhold",
        Finished = "finished",
        Cancelled = "cancelled",
        EnteredInError = "entered-in-error",
    }
}

/// An episode that may be kept.
#[derive(Clone)]
pub struct EpisodeDraft {
    id: LogicalId,
    patient: NhsNumber,
    organisation: OdsCode,
    status: EpisodeStatus,
    start: Option<OffsetDateTime>,
    finish: Option<OffsetDateTime>,
    body: Map<String, Value>,
}

/// A kept episode.
#[derive(Clone)]
pub struct StoredEpisode {
    /// Its logical id.
    pub id: LogicalId,
    /// Counts up with each update.
    pub version: i64,
    /// Whose care.
    pub patient: NhsNumber,
    /// The viewing organisation.
    pub organisation: OdsCode,
    /// Its status.
    pub status: EpisodeStatus,
    /// When it last changed.
    pub updated: OffsetDateTime,
    body: Map<String, Value>,
}

/// What is searched for; an absent part matches all.
#[derive(Debug, Clone, Default)]
pub struct EpisodeSearch {
    /// Whose care.
    pub patient: Option<NhsNumber>,
    /// The status.
    pub status: Option<EpisodeStatus>,
    /// The logical id.
    pub id: Option<String>,
    /// An identifier of the organisation's system, system and value.
    pub identifier: Option<(String, String)>,
}

/// Reads an `EpisodeOfCare` from an organisation's own system. For an update `stored` is what is kept under its id.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(
    body: &Value,
    organisation: &OdsCode,
    stored: Option<&StoredEpisode>,
    sealer: &Sealer,
) -> Result<EpisodeDraft, Vec<Invalid>> {
    let mut found = Found::default();
    let draft = Node::root(&mut found, body, "EpisodeOfCare")
        .and_then(|node| read_members(&mut found, &node, organisation, stored, sealer));
    found.finish(draft, "EpisodeOfCare")
}

fn read_members(
    found: &mut Found,
    episode: &Node<'_>,
    organisation: &OdsCode,
    stored: Option<&StoredEpisode>,
    sealer: &Sealer,
) -> Option<EpisodeDraft> {
    episode.only(found, ACCEPTED, FORBIDDEN);
    episode.ignore_envelope(found);
    let status = episode.needed_text(found, "status").and_then(|word| {
        let status = EpisodeStatus::parse(word);
        if status.is_none() {
            found.malformed(episode.path("status"));
        }
        status
    });
    let patient = episode.needed_object(found, "patient").and_then(|node| node.patient(found, sealer));
    if let Some(node) = episode.needed_object(found, "managingOrganization") {
        node.own_organisation(found, organisation);
    }
    if let Some(stored) = stored {
        if episode.peek("id") != Some(stored.id.as_str()) {
            found.unusable(episode.path("id"));
        }
        // Another patient's care is another episode.
        if patient.is_some_and(|patient| patient != stored.patient) {
            found.rule(episode.path("patient"));
        }
    }
    let mut body = Map::new();
    let identifiers: Vec<Value> = episode
        .list(found, "identifier")
        .iter()
        .filter_map(|node| node.as_identifier(found))
        .map(|(system, value)| json!({ "system": system, "value": value }))
        .collect();
    if !identifiers.is_empty() {
        body.insert("identifier".into(), identifiers.into());
    }
    let (mut start, mut end) = (None, None);
    if let Some(period) = episode.object(found, "period") {
        period.only(found, &["start", "end"], &[]);
        for (name, slot) in [("start", &mut start), ("end", &mut end)] {
            let Some(text) = period.text(found, name) else { continue };
            *slot = span(text);
            if slot.is_none() {
                found.malformed(period.path(name));
            }
        }
        // The end of a day, month or year is the first instant after it.
        let before = |(start, end): (Span, Span)| end.to < start.from || (end.to == start.from && !end.exact);
        if start.zip(end).is_some_and(before) {
            found.rule(period.path("end"));
        }
        body.insert("period".into(), period.copy(found, &["start", "end"]).into());
    }
    let (start, finish) = (start.map(|span| span.from), end.map(|span| span.to));
    let (id, organisation) = (LogicalId::random(), organisation.clone());
    Some(EpisodeDraft { id, patient: patient?, organisation, status: status?, start, finish, body })
}

impl EpisodeDraft {
    /// An active episode without an end, for a demo or a test to begin with.
    #[must_use]
    pub fn active(patient: NhsNumber, organisation: OdsCode, since: OffsetDateTime) -> Self {
        let mut body = Map::new();
        body.insert("period".into(), json!({ "start": rfc3339(since) }));
        let id = LogicalId::random();
        Self { id, patient, organisation, status: EpisodeStatus::Active, start: Some(since), finish: None, body }
    }

    /// The logical id that it will have when it is new.
    #[must_use]
    pub fn id(&self) -> &LogicalId {
        &self.id
    }

    /// Whose care.
    #[must_use]
    pub fn patient(&self) -> NhsNumber {
        self.patient
    }

    fn stored(self, id: LogicalId, version: i64, now: OffsetDateTime) -> StoredEpisode {
        let Self { patient, organisation, status, body, .. } = self;
        StoredEpisode { id, version, patient, organisation, status, updated: now, body }
    }
}

impl StoredEpisode {
    /// The resource.
    #[must_use]
    pub fn resource(&self, sealer: &Sealer) -> Value {
        let mut resource = Map::new();
        resource.insert("resourceType".into(), "EpisodeOfCare".into());
        resource.insert("id".into(), self.id.as_str().into());
        let meta = json!({ "versionId": self.version.to_string(), "lastUpdated": rfc3339(self.updated) });
        resource.insert("meta".into(), meta);
        resource.insert("status".into(), self.status.as_str().into());
        resource.insert("patient".into(), patient_reference(self.patient, sealer));
        resource.insert("managingOrganization".into(), by_identifier(ODS_CODE, self.organisation.as_str()));
        resource.extend(self.body.iter().map(|(name, value)| (name.clone(), value.clone())));
        Value::Object(resource)
    }

    /// Its `ETag`.
    #[must_use]
    pub fn etag(&self) -> String {
        version::etag(self.version)
    }
}

/// Keeps a new episode.
#[must_use]
pub fn create_job(draft: EpisodeDraft, now: OffsetDateTime) -> Job<StoredEpisode> {
    create_unless_job(draft, None, now)
}

/// Keeps a new episode; [`StoreError::Conflict`] when the organisation has one of this identifier.
#[must_use]
pub fn create_unless_job(
    draft: EpisodeDraft,
    identifier: Option<(String, String)>,
    now: OffsetDateTime,
) -> Job<StoredEpisode> {
    Box::new(move |connection| {
        Box::pin(async move {
            if let Some(identifier) = &identifier
                && !named::identified(&mut *connection, &draft.organisation, identifier).await?.is_empty()
            {
                return Err(StoreError::Conflict);
            }
            version::advance(connection, Some(draft.patient)).await?;
            let id = draft.id.clone();
            sqlx::query(
                "INSERT INTO relationship (id, version, patient, organisation, status, start, finish, created, updated, \
                 body) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $7, $8)",
            )
            .bind(id.as_str())
            .bind(draft.patient.reveal())
            .bind(draft.organisation.as_str())
            .bind(draft.status.as_str())
            .bind(draft.start.map(millis))
            .bind(draft.finish.map(millis))
            .bind(millis(now))
            .bind(serde_json::to_string(&draft.body).map_err(|_| StoreError::Corrupt)?)
            .execute(&mut *connection)
            .await?;
            named::name(connection, &id, &draft.organisation, &draft.body).await?;
            Ok(draft.stored(id, 1, now))
        })
    })
}

/// Keeps a changed episode; [`StoreError::Conflict`] when another change came before it.
#[must_use]
pub fn update_job(
    stored: StoredEpisode,
    draft: EpisodeDraft,
    if_match: Option<i64>,
    now: OffsetDateTime,
) -> Job<StoredEpisode> {
    Box::new(move |connection| {
        Box::pin(async move {
            let expected = version::expected(if_match, stored.version)?;
            let done = sqlx::query(
                "UPDATE relationship SET status = $1, start = $2, finish = $3, updated = $4, body = $5, \
                 version = version + 1 WHERE id = $6 AND version = $7",
            )
            .bind(draft.status.as_str())
            .bind(draft.start.map(millis))
            .bind(draft.finish.map(millis))
            .bind(millis(now))
            .bind(serde_json::to_string(&draft.body).map_err(|_| StoreError::Corrupt)?)
            .bind(stored.id.as_str())
            .bind(expected)
            .execute(&mut *connection)
            .await?;
            version::changed(done.rows_affected())?;
            version::advance(&mut *connection, Some(draft.patient)).await?;
            sqlx::query("DELETE FROM relationship_identifier WHERE relationship = $1")
                .bind(stored.id.as_str())
                .execute(&mut *connection)
                .await?;
            named::name(connection, &stored.id, &draft.organisation, &draft.body).await?;
            Ok(draft.stored(stored.id, expected + 1, now))
        })
    })
}

row! {
    struct Row {
        id: String,
        version: i64,
        patient: String,
        organisation: String,
        status: String,
        created: i64,
        updated: i64,
        body: String,
    }
}

impl Row {
    fn episode(self) -> Result<StoredEpisode, StoreError> {
        Ok(StoredEpisode {
            id: LogicalId::parse(&self.id).ok_or(StoreError::Corrupt)?,
            version: self.version,
            patient: NhsNumber::parse(&self.patient).ok_or(StoreError::Corrupt)?,
            organisation: OdsCode::parse(&self.organisation).ok_or(StoreError::Corrupt)?,
            status: EpisodeStatus::parse(&self.status).ok_or(StoreError::Corrupt)?,
            updated: from_millis(self.updated),
            body: serde_json::from_str(&self.body).map_err(|_| StoreError::Corrupt)?,
        })
    }
}

/// An episode of an organisation, if it is there.
///
/// # Errors
/// [`StoreError`].
pub async fn read(pool: &Pool, own: &OdsCode, id: &LogicalId) -> Result<Option<StoredEpisode>, StoreError> {
    let row = sqlx::query_as::<_, Row>(
        "SELECT id, version, patient, organisation, status, created, updated, body FROM relationship \
         WHERE id = $1 AND organisation = $2",
    )
    .bind(id.as_str())
    .bind(own.as_str())
    .fetch_optional(pool)
    .await?;
    row.map(Row::episode).transpose()
}

#[cfg(test)]
#[path = "episode_tests.rs"]
mod tests;
