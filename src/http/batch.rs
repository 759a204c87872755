//! `POST /FHIR/R4`: a batch of EpisodeOfCare, by which an organisation's system registers its list (7.2.2).
//!
//! Only that type, only to create (`POST`, with `ifNoneExist` by identifier) and to change (`PUT`, with `ifMatch`). Each entry is
//! decided, kept and audited by itself, and answered in its place: one that is wrong leaves the others alone.

use super::episode_of_care::{self, TYPE};
use super::extract;
use super::kept::{self, Dealing};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, answer, only, respond};
use crate::audit::Interaction;
use crate::policy::Kept;
use crate::register::episode::StoredEpisode;
use crate::register::{Invalid, version_of_etag};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most entries of a batch.
pub const MOST: usize = 500;
/// Entries under way at once: they share the store's groups, and leave the others who write their turn.
const ABREAST: usize = 16;

/// The route, within the FHIR base.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/", only("POST", routing::post(batch)))
}

/// The same with a slash at its end.
pub fn beside() -> Router<Arc<App>> {
    Router::new().route("/FHIR/R4/", only("POST", routing::post(batch)))
}

async fn batch(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let (kind, path) = (Kept::EpisodeOfCare, "batch".to_owned());
        // The batch as a whole: whose token it is, and whether it is one.
        let (dealing, _) = Dealing::open(&app, &peer, &headers, kind, Interaction::Operation, path, asked).await?;
        let read = async {
            let reach = dealing.may_create().await?;
            kept::organisation(&reach)?;
            entries(extract::batch(&headers, body).await?)
        }
        .await;
        let entries = match read {
            Ok(entries) => entries,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let entries = dealing.answer(entries).await?.into_inner();
        let answered: Vec<Value> = stream::iter(entries.into_iter().enumerate())
            .map(|(place, entry)| answered(app.clone(), peer.clone(), headers.clone(), place, entry))
            .buffered(ABREAST)
            .collect()
            .await;
        let bundle = json!({ "resourceType": "Bundle", "type": "batch-response", "entry": answered });
        Ok(answer::kept(StatusCode::OK, &bundle, None, None))
    };
    respond(&peer, answer.await)
}

fn invalid(status: u16, code: &'static str, expression: impl Into<String>) -> Rejection {
    Rejection::Invalid(vec![Invalid { status, code, expression: expression.into() }])
}

/// The entries of a batch, unread.
fn entries(mut body: Value) -> Result<Vec<Value>, Rejection> {
    if body.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        return Err(invalid(400, "structure", "Bundle.resourceType"));
    }
    if body.get("type").and_then(Value::as_str) != Some("batch") {
        return Err(invalid(422, "business-rule", "Bundle.type"));
    }
    match body.get_mut("entry").map(Value::take) {
        Some(Value::Array(entries)) if entries.len() > MOST => Err(Rejection::TooLong),
        Some(Value::Array(entries)) if !entries.is_empty() => Ok(entries),
        Some(_) => Err(invalid(400, "structure", "Bundle.entry")),
        None => Err(invalid(422, "required", "Bundle.entry")),
    }
}

/// One entry's answer.
async fn answered(app: Arc<App>, peer: Peer, headers: HeaderMap, place: usize, entry: Value) -> Value {
    let base = app.base.0.clone();
    match entered(&app, &peer, &headers, place, entry).await {
        Ok((stored, made)) => json!({ "response": {
            "status": if made { "201 Created" } else { "200 OK" },
            "location": format!("{base}/{TYPE}/{}", stored.id),
            "etag": stored.etag(),
            "lastModified": crate::clock::rfc3339(stored.updated),
        } }),
        Err(rejection) => {
            let (status, outcome) = answer::told(&rejection, &peer);
            json!({ "response": { "status": status.to_string(), "outcome": outcome } })
        }
    }
}

/// What an entry asks for.
enum Wanted {
    Create { unless: Option<(String, String)> },
    Update { id: String, expected: i64 },
}

async fn entered(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    place: usize,
    mut entry: Value,
) -> Result<(StoredEpisode, bool), Rejection> {
    let wanted = wanted(&entry, place);
    let (interaction, raw) = match &wanted {
        Ok(Wanted::Update { id, .. }) => (Interaction::Update, format!("{TYPE}/{id}")),
        _ => (Interaction::Create, TYPE.to_owned()),
    };
    let asked = extract::sent(peer, None);
    let (dealing, _) = Dealing::open(app, peer, headers, Kept::EpisodeOfCare, interaction, raw, asked).await?;
    let at = format!("Bundle.entry[{place}].resource");
    let body = match entry.get_mut("resource").map(Value::take) {
        Some(body) if body.get("resourceType").and_then(Value::as_str) == Some(TYPE) => Ok(body),
        Some(_) => Err(invalid(422, "business-rule", at)),
        None => Err(invalid(422, "required", at)),
    };
    match (wanted, body) {
        (Ok(Wanted::Create { unless }), Ok(body)) => episode_of_care::created(dealing, &body, unless).await,
        (Ok(Wanted::Update { id, expected }), Ok(body)) => {
            Ok((episode_of_care::updated(dealing, &id, &body, expected).await?, false))
        }
        (Err(rejection), _) | (_, Err(rejection)) => Err(dealing.refuse(rejection).await),
    }
}

fn wanted(entry: &Value, place: usize) -> Result<Wanted, Rejection> {
    let at = |name: &str| format!("Bundle.entry[{place}].request.{name}");
    let text = |name: &str| entry.pointer(&format!("/request/{name}")).and_then(Value::as_str);
    let url = text("url").ok_or_else(|| invalid(422, "required", at("url")))?;
    match text("method") {
        Some("POST") if url == TYPE => {
            let unless = match text("ifNoneExist") {
                None => None,
                Some(query) => Some(
                    episode_of_care::identified(query)
                        .ok_or_else(|| invalid(422, "business-rule", at("ifNoneExist")))?,
                ),
            };
            Ok(Wanted::Create { unless })
        }
        Some("PUT") => {
            let id = url.strip_prefix(TYPE).and_then(|rest| rest.strip_prefix('/'));
            let id = id.ok_or_else(|| invalid(422, "business-rule", at("url")))?.to_owned();
            let expected = text("ifMatch").and_then(version_of_etag).ok_or(Rejection::NoVersion(None))?;
            Ok(Wanted::Update { id, expected })
        }
        Some("POST") => Err(invalid(422, "business-rule", at("url"))),
        Some(_) => Err(invalid(422, "business-rule", at("method"))),
        None => Err(invalid(422, "required", at("method"))),
    }
}
