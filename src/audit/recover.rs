//! Attempts that a crash left open get their closing row, appended like any other.
//!
//! A store of one instance is looked through when that instance starts: whatever is open then has nobody left to close it. In
//! a store that instances share, what another has under way is open too, so that only what is older than any request can
//! be counts as left, and the instances look again and again. Should one close late all the same, it cannot: an attempt
//! ends once, and what is not closed is not disclosed.

use super::chain::Chain;
use super::row::Payload;
use crate::store::{Engine, Job, Store, StoreError};
use sqlx::Row;
use std::sync::Arc;

/// Older than any request can be, in milliseconds: deadlines are of seconds.
const ABANDONED: i64 = 5 * 60 * 1000;

/// Appends an `interrupted` row for each attempt left open since the last time; tells how many.
pub(super) async fn interrupted(store: &Store, chain: &Arc<Chain>, at: i64) -> Result<usize, StoreError> {
    let chain = Arc::clone(chain);
    let before = match store.engine() {
        Engine::Sqlite => i64::MAX,
        Engine::Postgres => at.saturating_sub(ABANDONED),
    };
    let job: Job<usize> = Box::new(move |connection| {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT o.payload FROM audit o WHERE o.kind = 'opened' \
                 AND o.seq > (SELECT seq FROM audit_recovered) AND o.recorded < $1 \
                 AND NOT EXISTS (SELECT 1 FROM audit c WHERE c.attempt = o.attempt AND c.kind IN ('closed', 'interrupted')) \
                 AND NOT EXISTS (SELECT 1 FROM audit l WHERE l.attempt = o.attempt AND l.kind = 'opened' AND l.seq > o.seq) \
                 ORDER BY o.seq",
            )
            .bind(before)
            .fetch_all(&mut *connection)
            .await?;
            let mut drafts = Vec::with_capacity(rows.len());
            for row in rows {
                let payload: String = row.try_get(0)?;
                drafts.push(chain.draft(&Payload::read(&payload)?.interrupted(at))?);
            }
            // Before the rows: appending has to be the last thing that can fail in a job (see `Chain::append`).
            sqlx::query(
                "UPDATE audit_recovered SET seq = COALESCE((SELECT MIN(o.seq) - 1 FROM audit o WHERE o.kind = 'opened' \
                 AND o.seq > audit_recovered.seq AND o.recorded >= $1), (SELECT MAX(seq) FROM audit), 0)",
            )
            .bind(before)
            .execute(&mut *connection)
            .await?;
            let count = drafts.len();
            if count > 0 {
                chain.append(connection, None, drafts).await?;
            }
            Ok(count)
        })
    });
    store.write(job).await
}
