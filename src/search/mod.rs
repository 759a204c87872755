//! Which of it was asked for: a query understood against its type's table, and the page of what was released.
//!
//! Knows no type by itself: tables come from the catalogue. Sees only [`Released`], so that no count, include or page
//! can betray what was withheld. Never fetches, never decides. Called by `disclose`.

mod condition;
mod cursor;
mod error;
mod index;
mod order;
mod parameter;
mod patient;
mod query;
mod shape;
mod span;
mod value;

pub use cursor::{CursorError, Expired, Holder};
pub use error::QueryError;
pub use parameter::{COMMON, Form, Include, Parameter, Table, Use, VIEW_SYSTEM};
pub use patient::{NHS_NUMBER_SYSTEM, PatientNamed};
pub use query::{PAGE, PAGE_MAX, Query, of_a_read};
pub use shape::{Element, ROOT, Shape, Standing, Summary, Total};
pub use value::names_a_person;

use crate::ids::{LogicalId, Sealer};
use crate::kinds::Kind;
use crate::release::Released;
use std::collections::HashMap;
use std::sync::Arc;

/// One page of a result.
pub struct Page {
    /// The matches on this page.
    pub matches: Vec<Arc<Released>>,
    /// What they refer to, as asked.
    pub included: Vec<Arc<Released>>,
    /// How many matches there are on all pages.
    pub total: usize,
    /// Whether that is said.
    pub says_total: bool,
    /// How much of each is said.
    pub shape: Shape,
    /// What was understood, as a query string for the self link.
    pub self_query: String,
    rest: Option<Rest>,
}

struct Rest {
    query: Query,
    offset: usize,
    digest: String,
}

impl Page {
    /// The value of [`PAGE`] under which the next page is found; none on the last. Only its holder can follow it.
    #[must_use]
    pub fn next(&self, sealer: &Sealer, holder: &Holder) -> Option<String> {
        let rest = self.rest.as_ref()?;
        cursor::seal(&rest.query, rest.offset, &rest.digest, sealer, holder)
    }
}

/// Runs a query over what was released: in the order asked for, else newest first where the type has dates, else in the
/// record's order.
///
/// # Errors
/// [`Expired`] on a later page of a result that is no longer what it was.
pub fn run(query: &Query, pool: &[Arc<Released>]) -> Result<Page, Expired> {
    let unique = unique(pool);
    let mut all: Vec<Arc<Released>> = unique
        .iter()
        .filter(|resource| query.kinds.contains(&resource.kind()))
        .filter(|resource| query.conditions.iter().all(|condition| condition.holds(resource, query.parameters)))
        .cloned()
        .collect();
    query.order.apply(&mut all, query.parameters);
    let total = all.len();
    let size = if query.shape.counts_alone() { 0 } else { query.count.unwrap_or(PAGE_MAX) };
    let offset = query.resumed.as_ref().map_or(0, |resumed| resumed.offset).min(total);
    let after = offset.saturating_add(size).min(total);
    // A count alone has no pages; otherwise the digest is made only where a second page exists to compare it.
    let paged = size > 0 && (after < total || query.resumed.is_some());
    let digest = paged.then(|| {
        let along = included(query, &all, &unique);
        cursor::digest(all.iter().chain(&along).map(AsRef::as_ref))
    });
    if query.resumed.as_ref().is_some_and(|resumed| digest.as_deref() != Some(resumed.digest.as_str())) {
        return Err(Expired);
    }
    let matches: Vec<Arc<Released>> = all.into_iter().skip(offset).take(size).collect();
    let included = included(query, &matches, &unique);
    let rest = digest.filter(|_| after < total).map(|digest| Rest { query: query.clone(), offset: after, digest });
    // A count is nothing but its total.
    let says_total = size == 0 || query.shape.says_total();
    Ok(Page { matches, included, total, says_total, shape: query.shape.clone(), self_query: query.self_query(), rest })
}

/// The resource of one id. Of two views that bring it, the one with its problem.
#[must_use]
pub fn find(kind: Kind, id: &LogicalId, pool: &[Arc<Released>]) -> Option<Arc<Released>> {
    let mut same = pool.iter().filter(|resource| resource.kind() == kind && resource.id() == id);
    let first = same.next()?;
    let better = if first.with_problem() { None } else { same.find(|resource| resource.with_problem()) };
    Some(better.unwrap_or(first).clone())
}

/// Every resource of the given types, each once, in the record's order.
#[must_use]
pub fn everything(pool: &[Arc<Released>], kinds: &[Kind]) -> Vec<Arc<Released>> {
    unique(pool).into_iter().filter(|resource| kinds.contains(&resource.kind())).collect()
}

/// One resource for each type and id, at its first place; the one that came with its problem wins.
fn unique(pool: &[Arc<Released>]) -> Vec<Arc<Released>> {
    let mut places: HashMap<(Kind, &LogicalId), usize> = HashMap::with_capacity(pool.len());
    let mut unique: Vec<Arc<Released>> = Vec::with_capacity(pool.len());
    for resource in pool {
        let place = *places.entry((resource.kind(), resource.id())).or_insert(unique.len());
        match unique.get_mut(place) {
            None => unique.push(resource.clone()),
            Some(kept) if resource.with_problem() && !kept.with_problem() => *kept = resource.clone(),
            Some(_) => {}
        }
    }
    unique
}

/// What the matches refer to: by the includes asked for, or for `$everything` by any way.
fn included(query: &Query, matches: &[Arc<Released>], unique: &[Arc<Released>]) -> Vec<Arc<Released>> {
    if query.includes.is_empty() && query.along.is_empty() {
        return Vec::new();
    }
    let places: HashMap<(Kind, &str), usize> =
        unique.iter().enumerate().map(|(at, resource)| ((resource.kind(), resource.id().as_str()), at)).collect();
    let is_match: std::collections::HashSet<(Kind, &str)> =
        matches.iter().map(|resource| (resource.kind(), resource.id().as_str())).collect();
    let mut chosen = vec![false; unique.len()];
    let mut frontier: Vec<&Arc<Released>> = matches.iter().collect();
    let mut first = true;
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for (kind, id) in frontier.iter().flat_map(|resource| targets(query, resource, first)) {
            let place = places.get(&(kind, id.as_str())).copied().filter(|_| !is_match.contains(&(kind, id.as_str())));
            if let Some((slot, resource)) = place.and_then(|at| Some((chosen.get_mut(at)?, unique.get(at)?)))
                && !*slot
            {
                *slot = true;
                next.push(resource);
            }
        }
        frontier = next;
        first = false;
    }
    unique.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(resource, _)| resource.clone()).collect()
}

fn targets(query: &Query, resource: &Released, first: bool) -> Vec<(Kind, String)> {
    let mut includes = query
        .includes
        .iter()
        .filter(|(include, iterate)| (first || *iterate) && include.source == resource.kind())
        .peekable();
    // Read once for all of them, and not at all for none.
    let json = includes.peek().map(|_| index::parsed(resource.json())).unwrap_or_default();
    let by_include = includes.flat_map(|(include, _)| {
        let wanted = include.targets;
        index::references(&json, include.paths)
            .into_iter()
            .filter_map(|reference| {
                let (kind, id) = reference.split_once('/')?;
                Some((Kind::parse(kind)?, id.to_owned()))
            })
            .filter(move |(kind, _)| wanted.contains(kind))
    });
    let along = resource
        .references()
        .iter()
        .filter(|(kind, _)| query.along.contains(kind))
        .map(|(kind, id)| (*kind, id.as_str().to_owned()));
    by_include.chain(along).collect()
}
