//! A search that goes on page by page: where a page ended, and what came after it.
//!
//! A place is the sort key of the last resource that was shown, not a count of them: what is written or closed meanwhile
//! neither hides what was still to come nor shows anything twice.

use crate::store::{Clauses, Pool, StoreError};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

/// The most of one page.
pub const MOST: u32 = 1000;

/// How far matches are counted: beyond it a page tells no total.
const COUNTED: i64 = 10_000;

/// How much of what matches, and from where.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// On a page; [`MOST`] at most and unless said.
    pub count: Option<u32>,
    /// Where the page before ended.
    pub after: Option<Place>,
}

/// The sort key of one resource: what comes first, the instant or number that orders, and the id that tells equals apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub(super) first: i64,
    pub(super) at: i64,
    pub(super) id: String,
}

/// One page of what matches.
#[derive(Debug)]
pub struct Page<T> {
    /// In order.
    pub found: Vec<T>,
    /// How many match in all; untold above ten thousand.
    pub total: Option<u64>,
    /// Where the next page starts.
    pub next: Option<Place>,
}

impl Slice {
    fn count(&self) -> u32 {
        self.count.unwrap_or(MOST).min(MOST)
    }

    /// Adds the bound: one more than the page, to know whether there is a next one.
    pub(super) fn bound(&self, query: &mut Clauses) {
        query.push(" LIMIT ").push_bind(i64::from(self.count()) + 1);
    }

    /// Makes the page of rows that were read in order.
    pub(super) fn page<R, T>(
        &self,
        rows: Vec<R>,
        total: Option<u64>,
        place: impl Fn(&R) -> Place,
        make: impl Fn(R) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let count = usize::try_from(self.count()).unwrap_or(usize::MAX);
        let more = rows.len() > count;
        let mut next = None;
        let mut found = Vec::with_capacity(rows.len().min(count));
        for row in rows.into_iter().take(count) {
            next = more.then(|| place(&row));
            found.push(make(row)?);
        }
        Ok(Page { found, total, next })
    }
}

/// Counts what a query of single rows would find.
pub(super) async fn total(pool: &Pool, matching: impl FnOnce(&mut Clauses)) -> Result<Option<u64>, StoreError> {
    let mut query = Clauses::new("SELECT COUNT(*) FROM (SELECT 1 ");
    matching(&mut query);
    query.push(" LIMIT ").push_bind(COUNTED + 1).push(") AS counted");
    let counted: i64 = query.build().fetch_one(pool).await?.try_get(0)?;
    Ok(u64::try_from(counted).ok().filter(|_| counted <= COUNTED))
}
