//! `/admin/alerts`: what became of the alerts of overrides and of the notices of changed agreements. Privacy officers see
//! those of their own organisation, administrators all: none names a patient or a user. A dead letter is tried again when
//! somebody asks for it here. Which review an alert led to is told to privacy officers alone, who may see Tasks.

use super::{Act, What, attempt, parameter, parameters, store};
use crate::audit::{Attempt, Interaction};
use crate::clock::rfc3339;
use crate::http::extract::{self, Id};
use crate::http::kept::refuse;
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, only, respond};
use crate::ids::OdsCode;
use crate::policy;
use crate::register::agreements::Declined;
use crate::register::alerts::{self, Letter, LetterKind, LetterState, Wanted};
use crate::register::submission::Reply;
use crate::store::Job;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;

const KIND: &str = "admin/alerts";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/alerts", only("GET, HEAD", routing::get(list)))
        .route("/alerts/{id}", only("GET, HEAD", routing::get(read)))
        .route("/alerts/{id}/retry", only("POST", routing::post(retry)))
}

/// Identifies the caller and refuses whoever sees to no alerts; otherwise whose they are.
async fn open(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    what: What<'_>,
) -> Result<(Act, Option<OdsCode>), Rejection> {
    let caller = extract::caller(app, headers).await?;
    let attempt = attempt(app, caller, peer, what);
    match overseen(app, &attempt).await {
        Ok(own) => Ok((Act { app: app.clone(), attempt }, own)),
        Err(rejection) => Err(refuse(app, attempt, rejection).await),
    }
}

async fn overseen(app: &App, attempt: &Attempt) -> Result<Option<OdsCode>, Rejection> {
    let (service, caller) = (&app.service, attempt.caller());
    let now = service.clock.now();
    let stopped = service.register.stopped(&caller.user, now).await.map_err(store)?;
    let suspended = match &caller.organisation {
        Some(own) => service.register.suspended(&caller.user, own, now).await.map_err(store)?,
        None => stopped,
    };
    Ok(policy::oversees(caller, attempt.address(), &service.settings, stopped, suspended)?)
}

fn written(letter: &Letter, officer: bool) -> Value {
    let mut json = json!({
        "id": letter.id,
        "kind": letter.kind.as_str(),
        "organisation": letter.organisation.as_str(),
        "raised": rfc3339(letter.raised),
        "after_refusal": letter.after_refusal,
        "state": letter.state.as_str(),
        "attempts": letter.attempts,
    });
    let waits = (letter.state == LetterState::Waiting).then(|| rfc3339(letter.next_attempt));
    let review = letter.review.as_ref().filter(|_| officer).map(|review| format!("Task/{review}"));
    let more = [
        ("next_attempt", waits),
        ("reason", letter.reason.clone()),
        ("settled", letter.settled.map(rfc3339)),
        ("review", review),
    ];
    if let Some(members) = json.as_object_mut() {
        let there = more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        members.extend(there);
    }
    json
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: None, interaction: Interaction::Search, asked: "GET" };
    let answer = async {
        let (act, own) = open(&app, &peer, &headers, what).await?;
        let officer = own.is_some();
        let read = async {
            extract::json_is_acceptable(&headers)?;
            let asked = parameters(query.as_deref(), &["state", "kind"])?;
            let state = parameter(&asked, "state", LetterState::parse)?;
            let kind = parameter(&asked, "kind", LetterKind::parse)?;
            alerts::listed(app.store.reader(), &Wanted { own, state, kind, id: None }).await.map_err(store)
        }
        .await;
        let found = act.tell(read).await?;
        Ok(found.iter().map(|letter| written(letter, officer)).collect::<Vec<_>>())
    };
    super::told(&peer, answer.await.map(|found| json!({ "alerts": found })), None)
}

async fn read(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Read, asked: "GET" };
    let answer = async {
        let (act, own) = open(&app, &peer, &headers, what).await?;
        let officer = own.is_some();
        let wanted = Wanted { own, id: Some(id.clone()), ..Wanted::default() };
        let found = alerts::listed(app.store.reader(), &wanted).await.map_err(store);
        let found = found.and_then(|mut found| found.pop().ok_or(Rejection::Declined(Declined::Unknown)));
        Ok(written(&act.tell(found).await?, officer))
    };
    super::told(&peer, answer.await, None)
}

async fn retry(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "retry" };
    let answer = async {
        let (act, own) = open(&app, &peer, &headers, what).await?;
        let officer = own.is_some();
        let job = alerts::retry_job(id.clone(), own, app.service.clock.now());
        let job: Job<Result<Reply, Declined>> = Box::new(move |connection| {
            Box::pin(async move {
                Ok(job(connection).await?.map(|letter| Reply {
                    status: 200,
                    version: None,
                    location: None,
                    body: written(&letter, officer),
                }))
            })
        });
        act.change(&headers, "", Ok(job)).await
    };
    respond(&peer, answer.await)
}
