//! Permit to released views: the short-lived cache in memory, one flight per key.
//!
//! What is kept was *released*: never what was withheld, never a legacy answer. The key names the consent occasion, so
//! another user, organisation or occasion always makes a new legacy request, and the practice's own audit sees every
//! viewer (CONTRACT section 9). Nothing here decides: a permit or a clearance is asked for on every call, made anew for
//! every request.

mod omissions;

use crate::clock::{Clock, to_london};
use crate::gateway::{Gateway, GatewayError};
use crate::ids::Sealer;
use crate::kinds::View;
use crate::mapping;
use crate::policy::{Clearance, Location, Permit};
use crate::release::{self, Exclusions, Lists, Released};
use moka::future::Cache;
use omissions::Omissions;
use std::sync::Arc;
use std::time::Duration;
use time::{Date, OffsetDateTime};
use tokio::time::Instant;

/// How long and how much to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Seconds that a released view is kept; 300 at most, 0 keeps nothing.
    pub ttl_seconds: u64,
    /// Bytes of released views that are kept in all.
    pub bytes: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { ttl_seconds: 60, bytes: 256 * 1024 * 1024 }
    }
}

impl CacheConfig {
    /// The longest life that the contract allows.
    pub const LONGEST_SECONDS: u64 = 300;
}

/// What was released of one view, once fetched. Holds nothing of what was withheld.
pub struct ReleasedView {
    /// The view.
    pub view: View,
    /// Its resources, in the record's order.
    pub resources: Vec<Arc<Released>>,
    /// `recordedAsAt` of the legacy answer.
    pub recorded_as_at: OffsetDateTime,
    /// False when the MIG itself called the record incomplete (MIG-0009).
    pub complete: bool,
    /// The record's birth date, compared on every hit with the one that a request names.
    birth_date: Option<Date>,
}

/// The cache and what fills it, cheap to clone.
#[derive(Clone)]
pub struct Views {
    gateway: Gateway,
    lists: Lists,
    sealer: Sealer,
    clock: Clock,
    released: Cache<ViewKey, Arc<ReleasedView>>,
    locations: Cache<LocationKey, Location>,
    omissions: Arc<Omissions>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct ViewKey {
    consent: String,
    agreement: (String, i64),
    practice: String,
    exclusions: String,
    view: View,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct LocationKey {
    consent: String,
    birth_date: Option<Date>,
}

/// Why there is no view; shared by every request that waited for the same flight.
pub type ViewError = Arc<GatewayError>;

impl Views {
    /// An empty cache before a gateway.
    #[must_use]
    pub fn new(config: CacheConfig, gateway: Gateway, lists: Lists, sealer: Sealer, clock: Clock) -> Self {
        let life = Duration::from_secs(config.ttl_seconds.min(CacheConfig::LONGEST_SECONDS));
        let released = Cache::builder()
            .time_to_live(life)
            .max_capacity(config.bytes)
            .weigher(|_: &ViewKey, view: &Arc<ReleasedView>| view.weight())
            .support_invalidation_closures()
            .build();
        let locations =
            Cache::builder().time_to_live(life).max_capacity(100_000).support_invalidation_closures().build();
        Self { gateway, lists, sealer, clock, released, locations, omissions: Arc::default() }
    }

    /// The exclusion list in force today.
    #[must_use]
    pub fn exclusions(&self) -> Exclusions {
        self.lists.on(to_london(self.clock.now()).date())
    }

    /// How many views are kept, and their weight in bytes, once what is under way in the cache is done.
    pub async fn kept(&self) -> (u64, u64) {
        self.released.run_pending_tasks().await;
        (self.released.entry_count(), self.released.weighted_size())
    }

    /// Whether calls to the MIG as a whole are let through; false while its circuit is open.
    #[must_use]
    pub fn gateway_is_open(&self) -> bool {
        self.gateway.answers()
    }

    /// Where the record is: kept, or asked of the MIG. `fresh` asks anew and forgets what was kept of the occasion.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn location(
        &self,
        clearance: &Clearance<'_>,
        fresh: bool,
        deadline: Instant,
    ) -> Result<Location, ViewError> {
        let consent = clearance.occasion().consent.clone();
        if fresh {
            self.forget_occasion(&consent).await;
        }
        let key = LocationKey { consent, birth_date: clearance.birth_date() };
        flight(&self.locations, key, deadline, || self.gateway.locate(clearance, deadline)).await
    }

    /// The released views of a permit, side by side; one that fails fails all, so that no part is mistaken for the whole.
    ///
    /// # Errors
    /// See [`GatewayError`].
    pub async fn of(
        &self,
        permit: &Permit<'_>,
        views: &[View],
        deadline: Instant,
    ) -> Result<Vec<Arc<ReleasedView>>, ViewError> {
        let agreed = views.iter().copied().filter(|view| permit.views().contains(view));
        futures_util::future::try_join_all(agreed.map(|view| self.one(permit, view, deadline))).await
    }

    async fn one(&self, permit: &Permit<'_>, view: View, deadline: Instant) -> Result<Arc<ReleasedView>, ViewError> {
        let (agreement, version) = permit.agreement();
        let exclusions = self.exclusions();
        let key = ViewKey {
            consent: permit.occasion().consent.clone(),
            agreement: (agreement.to_owned(), version),
            practice: permit.practice().to_string(),
            exclusions: exclusions.version().to_owned(),
            view,
        };
        let released =
            flight(&self.released, key, deadline, || self.fetch(permit, view, exclusions.clone(), deadline)).await?;
        permit.attempt().note_basis(|basis| {
            let word = view.to_string();
            if !basis.views.contains(&word) {
                basis.views.push(word);
            }
        });
        match (permit.birth_date(), released.birth_date) {
            (Some(asked), Some(held)) if asked != held => Err(Arc::new(GatewayError::UnknownPatient)),
            _ => Ok(released),
        }
    }

    /// The whole way of one view: fetched, screened, mapped, released.
    async fn fetch(
        &self,
        permit: &Permit<'_>,
        view: View,
        exclusions: Exclusions,
        deadline: Instant,
    ) -> Result<Arc<ReleasedView>, GatewayError> {
        let fetched = self.gateway.fetch(permit, view, deadline).await?;
        // By the agreement and not by what this request wants: what is kept serves the occasion's other requests too.
        let (patient, agreed, practice) = (permit.patient(), permit.agreed().to_vec(), permit.practice().clone());
        let location = permit.location().clone();
        let stages = self.clone();
        // Off the async threads: a large record would hold up everybody else's requests.
        let work = move || {
            let birth_date = fetched.record.patient_person().and_then(|person| person.birth_date);
            let now = stages.clock.now();
            let supplier = location.supplier.as_str();
            if let Some(shadow) = stages.lists.shadow() {
                shadow.compare(&fetched.record, &exclusions, to_london(now).date(), supplier, view);
            }
            let exclusions = exclusions.for_supplier(supplier).for_view(view);
            let screened = release::screen(fetched.record, &exclusions, supplier);
            let context = mapping::Context {
                patient,
                sealer: &stages.sealer,
                view,
                practice: (practice.as_str(), location.practice_name.as_deref()),
                now,
            };
            let mapped = mapping::map(&screened, &context);
            stages.omissions.add(&mapped.ledger.omissions());
            let released = release::release(mapped.held, &exclusions, &agreed, patient);
            Arc::new(ReleasedView {
                view,
                resources: released.into_iter().map(Arc::new).collect(),
                recorded_as_at: fetched.recorded_as_at,
                complete: fetched.complete,
                birth_date,
            })
        };
        // A bug in a stage withholds the view.
        tokio::task::spawn_blocking(work).await.map_err(|_| GatewayError::Broken("the record could not be processed"))
    }

    /// Forgets where a record is: what was told shows nothing of it.
    pub async fn forget_location(&self, consent: String, birth_date: Option<Date>) {
        self.locations.invalidate(&LocationKey { consent, birth_date }).await;
    }

    /// Forgets everything of one occasion: it was withdrawn, or the client asked for the source.
    pub async fn forget_occasion(&self, consent: &str) {
        let (of_views, of_locations) = (consent.to_owned(), consent.to_owned());
        // Both calls fail only on caches built without closures, which these are not.
        let _ = self.released.invalidate_entries_if(move |key, _| key.consent == of_views);
        let _ = self.locations.invalidate_entries_if(move |key, _| key.consent == of_locations);
        self.released.run_pending_tasks().await;
    }

    /// Forgets everything: an agreement or a suspension changed.
    pub fn forget_all(&self) {
        self.released.invalidate_all();
        self.locations.invalidate_all();
    }
}

/// What is kept under a key, or what one asker at a time brings. Only what succeeded is kept. Whoever waited for another
/// whose time was over before their own asks again.
async fn flight<K, V, F>(cache: &Cache<K, V>, key: K, deadline: Instant, bring: impl Fn() -> F) -> Result<V, ViewError>
where
    K: Clone + Eq + std::hash::Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    F: Future<Output = Result<V, GatewayError>>,
{
    loop {
        let ours = std::sync::atomic::AtomicBool::new(false);
        let bringing = async {
            ours.store(true, std::sync::atomic::Ordering::Relaxed);
            bring().await
        };
        let brought = tokio::time::timeout_at(deadline, cache.try_get_with(key.clone(), bringing)).await;
        let Ok(brought) = brought else { return Err(Arc::new(GatewayError::Timeout)) };
        match brought {
            Err(error)
                if matches!(*error, GatewayError::Timeout) && !ours.into_inner() && Instant::now() < deadline => {}
            brought => return brought,
        }
    }
}

impl ReleasedView {
    fn weight(&self) -> u32 {
        let bytes: usize = self.resources.iter().map(|resource| resource.json().len() + 256).sum();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}
