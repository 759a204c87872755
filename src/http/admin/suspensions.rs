//! `/admin/suspensions`: the kill switch. One call stops everything, a viewer, a sharer or a user, on the next request (12.4).

use super::{Act, What, parameter, parameters, problems, store, told};
use crate::audit::Interaction;
use crate::clock;
use crate::http::extract::{self, Id};
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, only, respond};
use crate::register::agreements::{self, Declined, KeptSuspension, suspension_of, write_suspension};
use crate::register::submission::Reply;
use crate::store::Job;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;

const KIND: &str = "admin/suspensions";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/suspensions", only("GET, HEAD, POST", routing::get(list).post(place)))
        .route("/suspensions/{id}", only("GET, HEAD, DELETE", routing::get(read).delete(lift)))
}

fn written(kept: &KeptSuspension) -> Value {
    let mut json = write_suspension(&kept.suspension);
    json.insert("id".to_owned(), kept.id.clone().into());
    if let Some((at, by)) = &kept.lifted {
        json.insert("lifted".to_owned(), clock::rfc3339(*at).into());
        json.insert("lifted_by".to_owned(), by.clone().into());
    }
    Value::Object(json)
}

async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: None, interaction: Interaction::Search, asked: "GET" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let read = async {
            extract::json_is_acceptable(&headers)?;
            let asked = parameters(query.as_deref(), &["lifted"])?;
            let lifted = parameter(&asked, "lifted", |text| text.parse::<bool>().ok())?.unwrap_or(false);
            agreements::suspensions(app.store.reader(), lifted).await.map_err(store)
        }
        .await;
        act.tell(read).await
    };
    let found = answer.await.map(|found| found.iter().map(written).collect::<Vec<_>>());
    told(&peer, found.map(|found| json!({ "suspensions": found })), None)
}

async fn place(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let what = What { kind: KIND, id: None, interaction: Interaction::Create, asked: "POST" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let (by, now, mut said) = (act.by(), app.service.clock.now(), String::new());
        let job = async {
            let body = extract::members(&headers, body, "suspension").await?;
            said = body.to_string();
            let job = agreements::place_job(suspension_of(&body, &by).map_err(problems)?, now);
            Ok(replied(job))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn replied(job: Job<Result<(KeptSuspension, bool), Declined>>) -> Job<Result<Reply, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            Ok(job(connection).await?.map(|(kept, made)| Reply {
                status: if made { 201 } else { 200 },
                version: None,
                location: Some(format!("suspensions/{}", kept.id)),
                body: written(&kept),
            }))
        })
    })
}

async fn read(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Read, asked: "GET" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let found = agreements::suspension(app.store.reader(), &id).await.map_err(store);
        act.tell(found.and_then(|found| found.ok_or(Rejection::Declined(Declined::Unknown)))).await
    };
    told(&peer, answer.await.map(|kept| written(&kept)), None)
}

async fn lift(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "DELETE" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let job = agreements::lift_by_id_job(id.clone(), act.by(), app.service.clock.now());
        let job: Job<Result<(KeptSuspension, bool), Declined>> =
            Box::new(move |connection| Box::pin(async move { Ok(job(connection).await?.map(|one| (one, false))) }));
        act.change(&headers, "", Ok(replied(job))).await
    };
    respond(&peer, answer.await)
}
