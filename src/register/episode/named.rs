//! Episodes by the keys that their own system knows them by: how a list that is sent twice is registered once.

use super::{Row, StoredEpisode};
use crate::ids::{LogicalId, OdsCode};
use crate::store::{Connection, Pool, StoreError};
use serde_json::{Map, Value};

/// The episodes of an organisation that its system knows by an identifier.
///
/// # Errors
/// [`StoreError`].
pub async fn of_identifier(
    pool: &Pool,
    own: &OdsCode,
    identifier: &(String, String),
) -> Result<Vec<StoredEpisode>, StoreError> {
    identified(&mut *pool.acquire().await?, own, identifier).await
}

pub(super) async fn identified(
    connection: &mut Connection,
    own: &OdsCode,
    (system, value): &(String, String),
) -> Result<Vec<StoredEpisode>, StoreError> {
    let rows = sqlx::query_as::<_, Row>(
        "SELECT r.id, r.version, r.patient, r.organisation, r.status, r.created, r.updated, r.body FROM relationship r \
         JOIN relationship_identifier i ON i.relationship = r.id WHERE i.organisation = $1 AND i.system = $2 \
         AND i.value = $3 ORDER BY r.id LIMIT 2",
    )
    .bind(own.to_string())
    .bind(system.clone())
    .bind(value.clone())
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::episode).collect()
}

/// Keeps the identifiers of an episode where they can be found.
pub(super) async fn name(
    connection: &mut Connection,
    id: &LogicalId,
    organisation: &OdsCode,
    body: &Map<String, Value>,
) -> Result<(), StoreError> {
    for identifier in body.get("identifier").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| identifier.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        sqlx::query(
            "INSERT INTO relationship_identifier (relationship, organisation, system, value) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(organisation.as_str())
        .bind(text("system"))
        .bind(text("value"))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
