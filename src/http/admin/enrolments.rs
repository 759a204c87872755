//! `/admin/enrolments`: who accepted the terms and was trained, for which organisation and role (7.3.3).

use super::{Act, What, needed_if_match, parameter, parameters, problem, problems, store, told};
use crate::audit::Interaction;
use crate::http::extract::{self, Id};
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, only, respond};
use crate::ids::{OdsCode, UserId};
use crate::register::agreements::{self, Declined, EnrolmentId, KeptEnrolment, enrolment_of, write_enrolment};
use crate::register::submission::Reply;
use crate::store::Job;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;

const KIND: &str = "admin/enrolments";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/enrolments", only("GET, HEAD, POST", routing::get(list).post(create)))
        .route("/enrolments/{id}", only("GET, HEAD, PUT, DELETE", routing::get(read).put(replace).delete(end)))
}

fn written(kept: &KeptEnrolment) -> Value {
    let mut json = write_enrolment(&kept.enrolment);
    json.insert("id".to_owned(), EnrolmentId::of(&kept.enrolment).to_string().into());
    json.insert("version".to_owned(), kept.version.into());
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
            let asked = parameters(query.as_deref(), &["user", "organisation"])?;
            let user = parameter(&asked, "user", UserId::parse)?;
            let organisation = parameter(&asked, "organisation", OdsCode::parse)?;
            agreements::enrolments(app.store.reader(), user.as_ref(), organisation.as_ref()).await.map_err(store)
        }
        .await;
        act.tell(read).await
    };
    let found = answer.await.map(|found| found.iter().map(written).collect::<Vec<_>>());
    told(&peer, found.map(|found| json!({ "enrolments": found })), None)
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let what = What { kind: KIND, id: None, interaction: Interaction::Create, asked: "POST" };
    let answer = async {
        let mut act = Act::open(&app, &peer, &headers, what).await?;
        let mut said = String::new();
        let job = async {
            let body = extract::members(&headers, body, "enrolment").await?;
            said = body.to_string();
            let enrolment = enrolment_of(&body).map_err(problems)?;
            act.attempt.note_id(EnrolmentId::of(&enrolment).to_string());
            Ok(replied(agreements::enrol_job(enrolment, None), true))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn replied(job: Job<Result<(KeptEnrolment, bool), Declined>>, creating: bool) -> Job<Result<Reply, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            Ok(job(connection).await?.map(|(kept, made)| Reply {
                status: if creating && made { 201 } else { 200 },
                version: Some(kept.version),
                location: creating.then(|| format!("enrolments/{}", EnrolmentId::of(&kept.enrolment))),
                body: written(&kept),
            }))
        })
    })
}

async fn held(app: &App, id: &str) -> Result<KeptEnrolment, Rejection> {
    let unknown = || Rejection::Declined(Declined::Unknown);
    let id = EnrolmentId::parse(id).ok_or_else(unknown)?;
    agreements::enrolment(app.store.reader(), &id).await.map_err(store)?.ok_or_else(unknown)
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
        act.tell(held(&app, &id).await).await
    };
    let found = answer.await;
    let version = found.as_ref().ok().map(|kept| kept.version);
    told(&peer, found.map(|kept| written(&kept)), version)
}

async fn replace(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "PUT" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let mut said = String::new();
        let job = async {
            let expected = needed_if_match(&headers)?;
            let body = extract::members(&headers, body, "enrolment").await?;
            said = body.to_string();
            let enrolment = enrolment_of(&body).map_err(problems)?;
            if EnrolmentId::parse(&id) != Some(EnrolmentId::of(&enrolment)) {
                return Err(problem("user", "is, with organisation and role, not that of the address"));
            }
            Ok(replied(agreements::enrol_job(enrolment, Some(expected)), false))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

/// Ends it at once: yesterday was its last day. It stays on record, and does not ask for a version.
async fn end(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: "DELETE" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let today = crate::clock::to_london(app.service.clock.now()).date();
        let job = held(&app, &id).await.map(|kept| {
            let mut enrolment = kept.enrolment;
            enrolment.until = today.previous_day().map(|last| enrolment.until.map_or(last, |until| until.min(last)));
            replied(agreements::enrol_job(enrolment, Some(kept.version)), false)
        });
        act.change(&headers, "", job).await
    };
    respond(&peer, answer.await)
}
