//! `/admin`: the registers, for administrators; `/admin/explain`, for privacy officers (CONTRACT section 6); `/admin/alerts`,
//! for both; and `/admin/reports`, for privacy officers and practice auditors (section 8).
//!
//! Plain JSON, refusals as OperationOutcome. Every call of a known caller is audited, a change in the transaction of its own
//! audit row. No patient is named here but to those two, in a body. A change is in force on the next request of
//! every instance, since each decision asks for the register's revision; memory is emptied here at once, and on other
//! instances as soon as they see it.

mod agreements;
mod alerts;
mod enrolments;
mod explain;
mod objections;
mod reports;
mod suspensions;

use super::extract;
use super::kept::{self, refuse};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, answer, respond};
use crate::audit::{Attempt, Interaction, NotClosed, Outcome, Target};
use crate::disclose::Failure;
use crate::policy;
use crate::register::agreements::{Declined, Problem};
use crate::register::submission::{Reply, Submission, once};
use crate::register::version_of_etag;
use crate::search::QueryError;
use crate::store::{Job, StoreError};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use std::sync::{Arc, Mutex, PoisonError};

/// The routes below `/admin`.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .merge(agreements::routes())
        .merge(objections::routes())
        .merge(enrolments::routes())
        .merge(suspensions::routes())
        .merge(explain::routes())
        .merge(reports::routes())
        .merge(alerts::routes())
}

/// One act of an administrator, under way.
struct Act {
    app: Arc<App>,
    /// Open until answered or refused.
    attempt: Attempt,
}

/// What is dealt with.
#[derive(Clone, Copy)]
struct What<'a> {
    /// `admin/agreements` and so on: the word in the audit.
    kind: &'static str,
    /// Which one.
    id: Option<&'a str>,
    interaction: Interaction,
    /// What is asked, for the audit: the method, and for an act its name.
    asked: &'a str,
}

impl Act {
    /// Identifies the caller, opens the attempt, and refuses whoever is no administrator.
    async fn open(app: &Arc<App>, peer: &Peer, headers: &HeaderMap, what: What<'_>) -> Result<Self, Rejection> {
        let caller = extract::caller(app, headers).await?;
        let act = Self { app: app.clone(), attempt: attempt(app, caller, peer, what) };
        let (service, caller) = (&app.service, act.attempt.caller());
        let may = match service.register.stopped(&caller.user, service.clock.now()).await {
            Ok(stopped) => policy::administers(caller, act.attempt.address(), &service.settings, stopped),
            Err(error) => return Err(act.refuse(Failure::Store(error).into()).await),
        };
        match may {
            Ok(()) => Ok(act),
            Err(refusal) => Err(act.refuse(refusal.into()).await),
        }
    }

    /// Who acts, for the history.
    fn by(&self) -> String {
        self.attempt.caller().user.to_string()
    }

    async fn refuse(self, rejection: Rejection) -> Rejection {
        refuse(&self.app, self.attempt, rejection).await
    }

    /// Ends with what was read, or with why it could not be.
    async fn tell<T>(self, read: Result<T, Rejection>) -> Result<T, Rejection> {
        let read = match read {
            Ok(read) => read,
            Err(rejection) => return Err(self.refuse(rejection).await),
        };
        let closed = self.app.service.audit.close(self.attempt, Outcome::Answered, None, read).await;
        closed.map(crate::audit::Audited::into_inner).map_err(|NotClosed { error, .. }| Rejection::NotDurable(error))
    }

    /// Ends with a change of the registers: it and its audit row are durable, or neither. `said` is what makes the
    /// submission what it is, should it name itself.
    async fn change(
        self,
        headers: &HeaderMap,
        said: &str,
        job: Result<Job<Result<Reply, Declined>>, Rejection>,
    ) -> Result<Response, Rejection> {
        let job = match job {
            Ok(job) => job,
            Err(rejection) => return Err(self.refuse(rejection).await),
        };
        let submission = match self.submission(headers, said) {
            Ok(submission) => submission,
            Err(rejection) => return Err(self.refuse(rejection).await),
        };
        let job = once(submission, self.app.service.clock.now(), job);
        let base = self.app.base.0.trim_end_matches("/FHIR/R4").to_owned();
        let under_way = self.app.under_way.clone();
        let reply = kept::detached(&under_way, async move {
            let why = Arc::new(Mutex::new(None));
            let service = self.app.service.clone();
            let job = undone_when_declined(job, why.clone());
            match service.audit.close_writing(self.attempt, Outcome::Answered, None, job).await {
                Ok(audited) => {
                    service.views.forget_all();
                    Ok(audited.into_inner())
                }
                Err(NotClosed { attempt, error }) => {
                    let declined = why.lock().unwrap_or_else(PoisonError::into_inner).take();
                    Err(match declined {
                        Some(declined) => refuse(&self.app, attempt, Rejection::Declined(declined)).await,
                        None => Rejection::NotDurable(error),
                    })
                }
            }
        })
        .await?;
        let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
        let location = reply.location.map(|path| format!("{base}/admin/{path}"));
        Ok(answer::register(status, &reply.body, reply.version, location.as_deref()))
    }

    /// The name that the submission gives itself by `Idempotency-Key`, if any.
    fn submission(&self, headers: &HeaderMap, said: &str) -> Result<Option<Submission>, Rejection> {
        let Some(name) = headers.get("idempotency-key") else { return Ok(None) };
        let target = self.attempt.target();
        let said = format!("{} {:?} {} {said}", target.resource_type, target.id, target.query);
        let name = name.to_str().unwrap_or("");
        match Submission::named(&self.attempt.caller().user, name, &said) {
            Some(submission) => Ok(Some(submission)),
            None => Err(bad("Idempotency-Key")),
        }
    }
}

fn attempt(app: &App, caller: crate::identity::Caller, peer: &Peer, what: What<'_>) -> Attempt {
    let target = Target {
        interaction: what.interaction,
        resource_type: what.kind.to_owned(),
        id: what.id.map(str::to_owned),
        patient: None,
        query: format!("{} {}", what.asked, what.kind),
    };
    app.service.audit.open(caller, target, extract::origin(peer))
}

/// A change that is declined leaves nothing, its audit row included: the attempt ends as refused instead.
fn undone_when_declined(job: Job<Result<Reply, Declined>>, why: Arc<Mutex<Option<Declined>>>) -> Job<Reply> {
    Box::new(move |connection| {
        Box::pin(async move {
            job(connection).await?.map_err(|declined| {
                *why.lock().unwrap_or_else(PoisonError::into_inner) = Some(declined);
                StoreError::Conflict
            })
        })
    })
}

/// The version that `If-Match` names, where it is there.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Rejection> {
    match headers.get(header::IF_MATCH) {
        None => Ok(None),
        Some(value) => value.to_str().ok().and_then(version_of_etag).map(Some).ok_or(Rejection::NoVersion(None)),
    }
}

/// The version that `If-Match` has to name.
fn needed_if_match(headers: &HeaderMap) -> Result<i64, Rejection> {
    if_match(headers)?.ok_or(Rejection::NoVersion(None))
}

fn problems(problems: Vec<Problem>) -> Rejection {
    Rejection::Declined(Declined::Problems(problems))
}

fn problem(at: &str, what: &str) -> Rejection {
    problems(vec![Problem { at: at.to_owned(), what: what.to_owned() }])
}

fn bad(parameter: &str) -> Rejection {
    Failure::Query(QueryError::invalid(parameter)).into()
}

fn store(error: StoreError) -> Rejection {
    Failure::Store(error).into()
}

/// The parameters of an address: known ones, each at most once.
fn parameters(query: Option<&str>, known: &[&'static str]) -> Result<Vec<(&'static str, String)>, Rejection> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
        let Some(name) = known.iter().find(|known| **known == name) else {
            return Err(Failure::Query(QueryError::not_supported("query")).into());
        };
        if found.iter().any(|(before, _)| before == name) {
            return Err(bad(name));
        }
        found.push((*name, value.into_owned()));
    }
    Ok(found)
}

/// A parameter's value, read; absent without it.
fn parameter<T>(
    found: &[(&'static str, String)],
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Rejection> {
    let value = found.iter().find(|(known, _)| *known == name);
    value.map(|(_, value)| parse(value).ok_or_else(|| bad(name))).transpose()
}

fn told(peer: &Peer, read: Result<serde_json::Value, Rejection>, version: Option<i64>) -> Response {
    respond(peer, read.map(|body| answer::register(StatusCode::OK, &body, version, None)))
}
