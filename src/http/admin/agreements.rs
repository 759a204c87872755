//! `/admin/agreements`: sharing agreements, their history and their acts; all registers in and out as TOML.

use super::{Act, What, if_match, needed_if_match, parameter, parameters, problem, problems, store, told};
use crate::audit::Interaction;
use crate::clock;
use crate::http::extract::{self, Id};
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, answer, only, respond};
use crate::ids::OdsCode;
use crate::register::agreements::{
    self, Alteration, Change, Declined, Kept, SignedAgreement, write_agreement, write_suspension,
};
use crate::register::submission::Reply;
use crate::store::Job;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

pub(super) const KIND: &str = "admin/agreements";
/// The longest reason.
const LONGEST: usize = 500;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/agreements", only("GET, HEAD, POST", routing::get(list).post(create)))
        .route("/agreements/{id}", only("GET, HEAD, PUT", routing::get(read).put(replace)))
        .route("/agreements/{id}/history", only("GET, HEAD", routing::get(history)))
        .route("/agreements/{id}/{act}", only("POST", routing::post(act)))
}

/// The registers as they stand, as TOML where that is asked for; with `on`, who could see what then.
async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: None, interaction: Interaction::Search, asked: "GET" };
    let act = match Act::open(&app, &peer, &headers, what).await {
        Ok(act) => act,
        Err(rejection) => return respond(&peer, Err(rejection)),
    };
    let pool = app.store.reader();
    if extract::wants_toml(&headers) {
        let read = agreements::registers(pool).await.map_err(store);
        return respond(&peer, act.tell(read).await.map(|registers| answer::toml(agreements::export(&registers))));
    }
    let read = async {
        extract::json_is_acceptable(&headers)?;
        let asked = parameters(query.as_deref(), &["on", "viewer", "practice"])?;
        let viewer = parameter(&asked, "viewer", OdsCode::parse)?;
        let practice = parameter(&asked, "practice", OdsCode::parse)?;
        let on = parameter(&asked, "on", instant)?;
        let among = |agreement: &SignedAgreement| {
            viewer.as_ref().is_none_or(|viewer| agreement.terms.viewer == *viewer)
                && practice
                    .as_ref()
                    .is_none_or(|practice| agreement.terms.sharers.iter().any(|one| one.practice == *practice))
        };
        let written = |found: Vec<SignedAgreement>| -> Vec<Value> {
            found.iter().filter(|one| among(one)).map(write_agreement).collect()
        };
        let Some(at) = on else {
            let found = agreements::registers(pool).await.map_err(store)?.agreements;
            return Ok(json!({ "agreements": written(found) }));
        };
        let found = agreements::in_force_on(pool, at).await.map_err(store)?;
        let stopped = agreements::suspensions_at(pool, at).await.map_err(store)?;
        let stopped: Vec<Value> = stopped.iter().map(|one| Value::Object(write_suspension(&one.suspension))).collect();
        Ok(json!({ "on": clock::rfc3339(at), "agreements": written(found), "suspensions": stopped }))
    }
    .await;
    told(&peer, act.tell(read).await, None)
}

/// An instant, or the end of a day of Great Britain.
fn instant(text: &str) -> Option<OffsetDateTime> {
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Some(clock::in_london(day.with_time(Time::from_hms(23, 59, 59).ok()?)));
    }
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let importing = extract::is_toml(&headers);
    let asked = if importing { "import" } else { "POST" };
    let what = What { kind: KIND, id: None, interaction: Interaction::Create, asked };
    let answer = async {
        let mut act = Act::open(&app, &peer, &headers, what).await?;
        let (by, now, mut said) = (act.by(), app.service.clock.now(), String::new());
        let job = async {
            if importing {
                said = extract::toml(body).await?;
                let registers = agreements::import(&said).map_err(problems)?;
                let job = agreements::import_job(registers, by, app.objection_days, now);
                return Ok(imported(job));
            }
            let body = extract::members(&headers, body, "agreement").await?;
            said = body.to_string();
            let agreement = agreements::agreement_of(&body).map_err(problems)?;
            act.attempt.note_id(agreement.terms.id.clone());
            Ok(replied(agreements::create_job(agreement, by, now), true))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn imported(job: Job<Result<agreements::Imported, Vec<agreements::Problem>>>) -> Job<Result<Reply, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            Ok(job(connection).await?.map_err(Declined::Problems).map(|done| Reply {
                status: 200,
                version: None,
                location: None,
                body: json!({ "agreements": done.agreements, "enrolments": done.enrolments,
                    "suspensions": done.suspensions, "unchanged": done.unchanged }),
            }))
        })
    })
}

/// An agreement's change as it is answered.
fn replied(job: Job<Result<Kept, Declined>>, creating: bool) -> Job<Result<Reply, Declined>> {
    Box::new(move |connection| {
        Box::pin(async move {
            Ok(job(connection).await?.map(|Kept { agreement, made }| Reply {
                status: if creating && made { 201 } else { 200 },
                version: Some(agreement.terms.version),
                location: creating.then(|| format!("agreements/{}", agreement.terms.id)),
                body: write_agreement(&agreement),
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
        let read = agreements::latest(app.store.reader(), &id).await.map_err(store);
        let agreement = act.tell(read.and_then(|found| found.ok_or(UNKNOWN))).await?;
        let (body, version) = (write_agreement(&agreement), agreement.terms.version);
        Ok(answer::register(axum::http::StatusCode::OK, &body, Some(version), None))
    };
    respond(&peer, answer.await)
}

const UNKNOWN: Rejection = Rejection::Declined(Declined::Unknown);

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
        let (by, mut said) = (act.by(), String::new());
        let job = async {
            let expected = needed_if_match(&headers)?;
            let body = extract::members(&headers, body, "agreement").await?;
            said = body.to_string();
            let alteration = Alteration::Replace(Box::new(agreements::agreement_of(&body).map_err(problems)?));
            Ok(changed(&app, &id, Some(expected), alteration, by, None))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn changed(
    app: &App,
    id: &str,
    expected: Option<i64>,
    alteration: Alteration,
    by: String,
    reason: Option<String>,
) -> Job<Result<Reply, Declined>> {
    let (days, now) = (app.objection_days, app.service.clock.now());
    replied(agreements::change_job(id.to_owned(), expected, alteration, by, reason, days, now), false)
}

async fn history(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Read, asked: "GET history" };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let read = agreements::history(app.store.reader(), &id).await.map_err(store);
        act.tell(read.and_then(|found| if found.is_empty() { Err(UNKNOWN) } else { Ok(found) })).await
    };
    let versions = answer.await.map(|found| found.iter().map(version).collect::<Vec<_>>());
    told(&peer, versions.map(|versions| json!({ "versions": versions })), None)
}

fn version(change: &Change) -> Value {
    json!({
        "version": change.agreement.terms.version,
        "at": clock::rfc3339(change.at),
        "by": change.by,
        "reason": change.reason,
        "agreement": write_agreement(&change.agreement),
    })
}

/// `withdrawal`, `suspension`, `resumption`, `joining`. What closes does not ask for a version: it must not wait.
async fn act(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    const ACTS: [&str; 4] = ["withdrawal", "suspension", "resumption", "joining"];
    let Some(name) = ACTS.into_iter().find(|act| *act == name) else {
        return respond(&peer, Err(Rejection::Route));
    };
    let what = What { kind: KIND, id: Some(&id), interaction: Interaction::Update, asked: name };
    let answer = async {
        let act = Act::open(&app, &peer, &headers, what).await?;
        let (by, mut said) = (act.by(), String::new());
        let job = async {
            let expected = match name {
                "withdrawal" | "suspension" => if_match(&headers)?,
                _ => Some(needed_if_match(&headers)?),
            };
            let body = extract::members(&headers, body, name).await?;
            said = body.to_string();
            let (alteration, reason) = alteration(name, &body)?;
            Ok(changed(&app, &id, expected, alteration, by, reason))
        }
        .await;
        act.change(&headers, &said, job).await
    };
    respond(&peer, answer.await)
}

fn alteration(name: &str, body: &Value) -> Result<(Alteration, Option<String>), Rejection> {
    if name == "joining" {
        let joining = agreements::joining_of(body).map_err(problems)?;
        return Ok((Alteration::Join(Box::new(joining)), None));
    }
    let members: &[&str] = if name == "withdrawal" { &["organisation", "on", "reason"] } else { &["reason"] };
    known(body, members)?;
    let reason = Some(text(body, "reason")?);
    let alteration = match name {
        "suspension" => Alteration::Suspend,
        "resumption" => Alteration::Resume,
        _ => {
            let on = match body.get("on").filter(|on| !on.is_null()) {
                None => None,
                Some(on) => Some(
                    on.as_str()
                        .and_then(|text| Date::parse(text, format_description!("[year]-[month]-[day]")).ok())
                        .ok_or_else(|| problem("on", "is not a day (2026-01-31)"))?,
                ),
            };
            Alteration::Withdraw { organisation: organisation(body, "organisation")?, on }
        }
    };
    Ok((alteration, reason))
}

pub(super) fn known(body: &Value, members: &[&str]) -> Result<(), Rejection> {
    let Some(object) = body.as_object() else { return Err(problem("", "is not an object")) };
    match object.keys().find(|name| !members.contains(&name.as_str())) {
        Some(_) => Err(problem("", "has a member that is not known")),
        None => Ok(()),
    }
}

pub(super) fn text(body: &Value, name: &str) -> Result<String, Rejection> {
    let text = body.get(name).and_then(Value::as_str).map_or("", str::trim);
    let fits = !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(problem(name, "is not a text of 1 to 500 characters")) }
}

pub(super) fn organisation(body: &Value, name: &str) -> Result<OdsCode, Rejection> {
    let code = body.get(name).and_then(Value::as_str).and_then(OdsCode::parse);
    code.ok_or_else(|| problem(name, "is not an ODS code"))
}
