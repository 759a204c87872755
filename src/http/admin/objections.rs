//! `/admin/agreements/ID/objections`: those who share may object to a practice that is about to join (14).

use super::agreements::{KIND, known, organisation, text};
use super::{Act, What, problem, store, told};
use crate::audit::Interaction;
use crate::clock;
use crate::http::extract::{self, Id};
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, only, respond};
use crate::register::agreements::{self, Declined, Objection, Settled};
use crate::register::submission::Reply;
use crate::store::Job;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/agreements/{id}/objections", only("GET, HEAD, POST", routing::get(objections).post(object)))
        .route("/agreements/{id}/objections/{objection}", only("POST", routing::post(settle)))
}

async fn objections(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Read, asked: "GET objections" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let read = async {
            // Of an agreement that is not there there is no list, not even an empty one.
            let known = agreements::latest(app.store.reader(), &id).await.map_err(store)?;
            known.ok_or(Rejection::Declined(Declined::Unknown))?;
            agreements::objections(app.store.reader(), &id).await.map_err(store)
        };
        act.tell(read.await).await
    };
    let found = answer.await.map(|found| found.iter().map(objection).collect::<Vec<_>>());
    told(&peer, found.map(|found| json!({ "objections": found })), None)
}

fn objection(objection: &Objection) -> Value {
    let mut told = json!({
        "id": objection.id,
        "practice": objection.practice.as_str(),
        "joined": objection.joined.to_string(),
        "organisation": objection.organisation.as_str(),
        "reason": objection.reason,
        "raised": clock::rfc3339(objection.raised),
        "by": objection.by,
    });
    if let (Some((how, at)), Some(members)) = (objection.settled, told.as_object_mut()) {
        members.insert("outcome".to_owned(), how.as_str().into());
        members.insert("settled".to_owned(), clock::rfc3339(at).into());
    }
    told
}

async fn object(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "objection" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let (by, now, mut said) = (act.by(), app.service.clock.now(), String::new());
        let job = async {
            let body = extract::members(&headers, body, "objection").await?;
            said = body.to_string();
            known(&body, &["practice", "organisation", "reason"])?;
            let (practice, who) = (organisation(&body, "practice")?, organisation(&body, "organisation")?);
            let job = agreements::object_job(id.clone(), practice, who, text(&body, "reason")?, by, now);
            Ok(recorded(job))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn recorded(job: Job<Result<(Objection, bool), Declined>>) -> Job<Result<Reply, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            Ok(job(connection).await?.map(|(kept, made)| Reply {
                status: if made { 201 } else { 200 },
                version: None,
                location: None,
                body: objection(&kept),
            }))
        })
    })
}

async fn settle(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path((id, which)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "settlement" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let (by, now, mut said) = (act.by(), app.service.clock.now(), String::new());
        let job = async {
            let body = extract::members(&headers, body, "objection").await?;
            said = format!("{which} {body}");
            known(&body, &["outcome"])?;
            let how = body.get("outcome").and_then(Value::as_str).and_then(Settled::parse);
            let how = how.ok_or_else(|| problem("outcome", "is not withdrawn or upheld"))?;
            let job = agreements::settle_job(id.clone(), which, how, by, now);
            let job: Job<Result<(Objection, bool), Declined>> =
                Box::new(move |connection| Box::pin(async move { Ok(job(connection).await?.map(|one| (one, false))) }));
            Ok(recorded(job))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}
