//! At a start: attempts that a crash left open get their closing row, appended like any other.

use super::chain::Chain;
use super::row::Payload;
use crate::store::{Job, Store, StoreError};
use sqlx::Row;
use std::sync::Arc;

/// Appends an `interrupted` row for each attempt left open since the start before; tells how many.
pub(super) async fn interrupted(store: &Store, chain: &Arc<Chain>, at: i64) -> Result<usize, StoreError> {
    let chain = Arc::clone(chain);
    let job: Job<usize> = Box::new(move |connection| {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT o.payload FROM audit o WHERE o.kind = 'opened' \
                 AND o.seq > (SELECT seq FROM audit_recovered) \
                 AND NOT EXISTS (SELECT 1 FROM audit c WHERE c.attempt = o.attempt AND c.kind IN ('closed', 'interrupted')) \
                 AND NOT EXISTS (SELECT 1 FROM audit l WHERE l.attempt = o.attempt AND l.kind = 'opened' AND l.seq > o.seq) \
                 ORDER BY o.seq",
            )
            .fetch_all(&mut *connection)
            .await?;
            let mut drafts = Vec::with_capacity(rows.len());
            for row in rows {
                let payload: String = row.try_get(0)?;
                drafts.push(chain.draft(&Payload::read(&payload)?.interrupted(at))?);
            }
            // Before the rows: appending has to be the last thing that can fail in a job (see `Chain::append`).
            sqlx::query("UPDATE audit_recovered SET seq = (SELECT COALESCE(MAX(seq), 0) FROM audit)")
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
