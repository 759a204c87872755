//! What the routes of kept resources have in common: an attempt, how far the caller reaches, and an audited end.

use super::extract::{self, Pairs, Parameters};
use super::format::Wish;
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, UnderWay};
use crate::audit::{Attempt, Audited, Interaction, NotClosed, Outcome, Revision, Target};
use crate::disclose::Failure;
use crate::identity::{Caller, Permission, SelectedRole};
use crate::ids::{LogicalId, NhsNumber, OdsCode, Sealer};
use crate::policy::{self, Kept, Reach, Refusal};
use crate::register::NHS_NUMBER;
use crate::register::agreements::Declined;
use crate::search::{QueryError, names_a_person};
use crate::store::{Job, StoreError};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

/// One interaction with a kept type, under way.
pub struct Dealing {
    app: Arc<App>,
    /// Open until [`Dealing::answer`] or [`Dealing::refuse`].
    pub attempt: Attempt,
    kept: Kept,
    permission: Permission,
}

impl Dealing {
    /// Identifies the caller and opens the attempt. From here on an AuditEvent will exist, also of a request whose
    /// parameters could not be read. They are read only now: a form may be slow, and without a token nobody is waited for.
    ///
    /// # Errors
    /// 401, or what was wrong with the parameters.
    pub async fn open(
        app: &Arc<App>,
        peer: &Peer,
        headers: &HeaderMap,
        kept: Kept,
        interaction: Interaction,
        path: String,
        asked: impl Future<Output = Result<Parameters, Rejection>>,
    ) -> Result<(Self, Pairs), Rejection> {
        let caller = extract::caller(app, headers).await?;
        let (query, asked) = extract::audited(path, asked.await);
        let target = Target { interaction, resource_type: kept.as_str().to_owned(), id: None, patient: None, query };
        let attempt = app.service.audit.open(caller, target, extract::origin(peer));
        let permission = match interaction {
            Interaction::Search => Permission::Search,
            Interaction::Read | Interaction::Operation => Permission::Read,
            Interaction::Create => Permission::Create,
            Interaction::Update => Permission::Update,
        };
        let dealing = Self { app: app.clone(), attempt, kept, permission };
        match asked {
            Ok(pairs) => Ok((dealing, pairs)),
            Err(rejection) => Err(dealing.refuse(rejection).await),
        }
    }

    /// The application.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        self.attempt.caller()
    }

    /// How far the caller reaches into this type.
    ///
    /// # Errors
    /// The refusal, or the register's failure.
    pub async fn reach(&self) -> Result<Reach, Failure> {
        self.reach_to(self.permission).await
    }

    /// As [`Self::reach`], for what a batch is about to create.
    ///
    /// # Errors
    /// As [`Self::reach`].
    pub async fn may_create(&self) -> Result<Reach, Failure> {
        self.reach_to(Permission::Create).await
    }

    async fn reach_to(&self, permission: Permission) -> Result<Reach, Failure> {
        let caller = self.attempt.caller();
        let organisation = match &caller.role {
            SelectedRole::One(role) => Some(&role.organisation),
            SelectedRole::Several | SelectedRole::None => caller.organisation.as_ref(),
        };
        let suspended = match organisation {
            Some(organisation) => {
                let now = self.app.service.clock.now();
                self.app.service.register.suspended(&caller.user, organisation, now).await?
            }
            None => false,
        };
        Ok(policy::reach(caller, self.attempt.address(), &self.app.service.settings, self.kept, permission, suspended)?)
    }

    /// Closes with an answer that has been read.
    ///
    /// # Errors
    /// 503 when the audit is not durable.
    pub async fn answer<T>(self, answer: T) -> Result<Audited<T>, Rejection> {
        let closed = self.app.service.audit.close(self.attempt, Outcome::Answered, None, answer).await;
        closed.map_err(|NotClosed { error, .. }| Rejection::NotDurable(error))
    }

    /// Closes with a write of the register: both are durable, or neither. A write that did not happen gives the
    /// dealing back, still open.
    ///
    /// # Errors
    /// The dealing and why: [`StoreError::Stale`] when it has to be decided again.
    pub async fn write<T: Send + 'static>(
        self,
        standing: Option<Revision>,
        overriding: bool,
        job: Job<T>,
    ) -> Result<Audited<T>, (Box<Self>, StoreError)> {
        let Self { app, attempt, kept, permission } = self;
        let audit = app.service.audit.clone();
        let closed = if overriding {
            audit.close_overriding(attempt, standing, job).await
        } else {
            audit.close_writing(attempt, Outcome::Answered, standing, job).await
        };
        closed.map_err(|NotClosed { attempt, error }| (Box::new(Self { app, attempt, kept, permission }), error))
    }

    /// Closes after a write that failed.
    pub async fn failed(self, error: StoreError) -> Rejection {
        match error {
            StoreError::Conflict => self.refuse(Rejection::Conflict(None)).await,
            other => Rejection::NotDurable(other),
        }
    }

    /// Closes with a refusal.
    pub async fn refuse(self, rejection: Rejection) -> Rejection {
        refuse(&self.app, self.attempt, rejection).await
    }
}

/// The organisation within reach, for types that are kept by organisation.
///
/// # Errors
/// [`Refusal::Role`] for any other reach.
pub fn organisation(reach: &Reach) -> Result<&OdsCode, Refusal> {
    match reach {
        Reach::Organisation(organisation) => Ok(organisation),
        Reach::Own { .. } | Reach::Practice(_) => Err(Refusal::Role),
    }
}

/// Closes an attempt with a refusal, which may be said once it is durable.
pub async fn refuse(app: &App, attempt: Attempt, rejection: Rejection) -> Rejection {
    let outcome = match &rejection {
        Rejection::Failure(failure) => failure.outcome(),
        Rejection::Invalid(_) | Rejection::Declined(Declined::Problems(_) | Declined::Reused) => {
            Outcome::Refused("RESOURCE_INVALID")
        }
        Rejection::Declined(Declined::Unknown) => Outcome::Refused("NOT_FOUND"),
        Rejection::Conflict(_) | Rejection::NoVersion(_) | Rejection::Declined(Declined::Changed(_)) => {
            Outcome::Refused("CONFLICT")
        }
        Rejection::TooLong => Outcome::Refused("TOO_LONG"),
        Rejection::MediaType => Outcome::Refused("MEDIA_TYPE"),
        Rejection::Accept => Outcome::Refused("ACCEPT"),
        _ => Outcome::Failed("INTERNAL"),
    };
    match app.service.audit.close(attempt, outcome, None, ()).await {
        Ok(_) => rejection,
        Err(NotClosed { error, .. }) => Rejection::NotDurable(error),
    }
}

/// Runs what must not be cut short by a client that hangs up.
///
/// # Errors
/// Its own, or a bug.
pub fn detached<T, F>(under_way: &UnderWay, work: F) -> impl Future<Output = Result<T, Rejection>> + Send + use<T, F>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Rejection>> + Send + 'static,
{
    let running = under_way.detached(work);
    async move { running.await.unwrap_or(Err(Rejection::Internal)) }
}

/// The parameters that are to be heeded: with `Prefer: handling=lenient` what is not known is passed over.
pub fn heeded(pairs: Pairs, headers: &HeaderMap, is_known: impl Fn(&str) -> bool) -> Pairs {
    if !extract::is_lenient(headers) {
        return pairs;
    }
    pairs.into_iter().filter(|(name, _)| is_known(name)).collect()
}

/// A parameter whose value is not understood.
pub fn invalid(name: &str) -> Failure {
    Failure::Query(QueryError::invalid(name))
}

/// A parameter that is not known.
pub fn unknown(name: &str) -> Failure {
    Failure::Query(QueryError::not_supported(name))
}

/// Refuses an NHS number in a parameter that names no patient: an answer's links would repeat it.
///
/// # Errors
/// 400.
pub fn names_nobody(name: &str, value: &str) -> Result<(), Failure> {
    if !is_own_id(name, value) && names_a_person(value) { Err(invalid(name)) } else { Ok(()) }
}

/// The ids that this service makes are UUIDs, whose digits may stand as anything.
fn is_own_id(name: &str, value: &str) -> bool {
    name == "_id" && uuid::Uuid::try_parse(value).is_ok()
}

/// The patient that `patient` (sealed id) or `patient.identifier` (NHS number) names.
///
/// # Errors
/// 400.
pub fn patient(sealer: &Sealer, name: &str, value: &str) -> Result<NhsNumber, Failure> {
    let found = if name == "patient" {
        let id = match value.rsplit_once('/') {
            None => Some(value),
            Some((before, id)) => (before == "Patient" || before.ends_with("/Patient")).then_some(id),
        };
        id.and_then(LogicalId::parse)
            .and_then(|id| sealer.open(&id))
            .filter(|opened| opened.is_patient)
            .map(|opened| opened.patient)
    } else {
        // Without a system it is of any, as in a search of the record.
        let number = match value.split_once('|') {
            None => Some(value),
            Some((system, number)) => (system == NHS_NUMBER).then_some(number),
        };
        number.and_then(NhsNumber::parse)
    };
    found.ok_or_else(|| invalid(name))
}

/// A searchset of kept resources, whole. `self` says what was asked, the patient by sealed id.
pub fn bundle(app: &App, wish: Wish, kind: &str, pairs: &[(String, String)], resources: Vec<Value>) -> Value {
    let base = &app.base;
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|resource| {
            let id = resource.get("id").and_then(Value::as_str).unwrap_or("");
            json!({ "fullUrl": format!("{}/{kind}/{id}", base.0), "resource": resource, "search": { "mode": "match" } })
        })
        .collect();
    let link = json!([{ "relation": "self", "url": wish.kept_by(repeated(app, kind, pairs)) }]);
    let total = entries.len();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "searchset", "total": total, "link": link });
    // FHIR has no empty lists.
    if let (Some(members), true) = (bundle.as_object_mut(), total > 0) {
        members.insert("entry".to_owned(), Value::Array(entries));
    }
    bundle
}

/// One page of such a searchset: how many match in all, where that was counted, and the sealed link to what follows.
pub fn page(
    app: &App,
    wish: Wish,
    kind: &str,
    pairs: &[(String, String)],
    resources: Vec<Value>,
    (total, next): (Option<u64>, Option<String>),
) -> Value {
    let mut bundle = bundle(app, wish, kind, pairs, resources);
    if let Some(members) = bundle.as_object_mut() {
        match total {
            Some(total) => members.insert("total".to_owned(), json!(total)),
            None => members.remove("total"),
        };
        if let (Some(sealed), Some(links)) = (next, members.get_mut("link").and_then(Value::as_array_mut)) {
            let url = format!("{}/{kind}?_page={sealed}", app.base.0);
            links.push(json!({ "relation": "next", "url": wish.kept_by(url) }));
        }
    }
    bundle
}

/// The search as a URL that can be asked again, without an NHS number.
fn repeated(app: &App, kind: &str, pairs: &[(String, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if !name.starts_with("patient") {
            // A value of an identifier that looks like an NHS number may be one.
            if is_own_id(name, value) || !names_a_person(value) {
                query.append_pair(name, value);
            }
        } else if let Ok(number) = patient(&app.service.sealer, name, value) {
            query.append_pair("patient", app.service.sealer.seal_patient(number).as_str());
        }
    }
    let query = query.finish();
    let separator = if query.is_empty() { "" } else { "?" };
    format!("{}/{kind}{separator}{query}", app.base.0)
}
