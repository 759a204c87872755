//! The episodes that a search finds, page by page.

use super::{EpisodeSearch, Row, StoredEpisode};
use crate::ids::OdsCode;
use crate::register::slice::{self, Page, Place, Slice};
use crate::store::{Clauses, Pool, StoreError};
use sqlx::FromRow as _;

/// The episodes of an organisation that match, the latest first.
///
/// # Errors
/// [`StoreError`].
pub async fn search(
    pool: &Pool,
    own: &OdsCode,
    wanted: &EpisodeSearch,
    slice: &Slice,
) -> Result<Page<StoredEpisode>, StoreError> {
    let total = slice::total(pool, |query| matching(query, own, wanted)).await?;
    let mut query =
        Clauses::new("SELECT r.id, r.version, r.patient, r.organisation, r.status, r.created, r.updated, r.body ");
    matching(&mut query, own, wanted);
    if let Some(Place { at, id, .. }) = &slice.after {
        query.push(" AND (r.created < ").push_bind(*at).push(" OR (r.created = ").push_bind(*at);
        query.push(" AND r.id > ").push_bind(id.clone()).push("))");
    }
    query.push(" ORDER BY r.created DESC, r.id");
    slice.bound(&mut query);
    let rows = query.build().fetch_all(pool).await?;
    let rows: Vec<Row> = rows.iter().map(Row::from_row).collect::<Result<_, _>>()?;
    slice.page(rows, total, |row| Place { first: 0, at: row.created, id: row.id.clone() }, Row::episode)
}

fn matching(query: &mut Clauses, own: &OdsCode, wanted: &EpisodeSearch) {
    query.push("FROM relationship r WHERE r.organisation = ").push_bind(own.to_string());
    if let Some(patient) = wanted.patient {
        query.push(" AND r.patient = ").push_bind(patient.reveal().to_owned());
    }
    if let Some(status) = wanted.status {
        query.push(" AND r.status = ").push_bind(status.to_string());
    }
    if let Some(id) = &wanted.id {
        query.push(" AND r.id = ").push_bind(id.clone());
    }
    if let Some((system, value)) = &wanted.identifier {
        query.push(" AND r.id IN (SELECT relationship FROM relationship_identifier WHERE organisation = ");
        query.push_bind(own.to_string()).push(" AND system = ").push_bind(system.clone());
        query.push(" AND value = ").push_bind(value.clone()).push(")");
    }
}
