//! EpisodeOfCare: legitimate relationships, kept by the viewing organisation's own system (7.2.2).

use super::extract::{self, Id};
use super::kept::{self, Dealing};
use super::kept_type::{self, KeptType, Wanted};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, UnderWay, only, respond};
use crate::audit::Interaction;
use crate::disclose::Failure;
use crate::ids::{LogicalId, NhsNumber, Sealer};
use crate::policy::{Kept, Reach};
use crate::register::episode::{self, EpisodeSearch, EpisodeStatus, StoredEpisode};
use crate::register::slice::Page;
use crate::store::{Job, StoreError};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::Value;
use std::sync::Arc;

/// The type.
pub const TYPE: &str = Episode::KEPT.as_str();

struct Episode;

impl KeptType for Episode {
    const KEPT: Kept = Kept::EpisodeOfCare;
    const PARAMETERS: &'static [&'static str] =
        &["patient", "patient.identifier", "status", "identifier", "_id", "_count"];
    type Stored = StoredEpisode;

    fn version(stored: &StoredEpisode) -> i64 {
        stored.version
    }

    fn patient(stored: &StoredEpisode) -> NhsNumber {
        stored.patient
    }

    fn resource(stored: &StoredEpisode, sealer: &Sealer) -> Value {
        stored.resource(sealer)
    }

    async fn read(app: &App, reach: &Reach, id: &LogicalId) -> Result<Option<StoredEpisode>, Failure> {
        Ok(episode::read(app.store.reader(), kept::organisation(reach)?, id).await?)
    }

    async fn search(app: &App, reach: &Reach, wanted: &Wanted) -> Result<Page<StoredEpisode>, Failure> {
        let search = EpisodeSearch {
            patient: wanted.patient,
            status: wanted.status(EpisodeStatus::parse)?,
            id: wanted.id.clone(),
            identifier: wanted.identifier.clone(),
        };
        Ok(episode::search(app.store.reader(), kept::organisation(reach)?, &search, &wanted.slice).await?)
    }
}

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/EpisodeOfCare", only("GET, HEAD, POST", routing::get(kept_type::search::<Episode>).post(create)))
        .route("/EpisodeOfCare/_search", only("POST", routing::post(kept_type::search_by_form::<Episode>)))
        .route("/EpisodeOfCare/{id}", only("GET, HEAD, PUT", routing::get(kept_type::read::<Episode>).put(update)))
}

async fn create(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let kind = Kept::EpisodeOfCare;
        let (dealing, _) =
            Dealing::open(&app, &peer, &headers, kind, Interaction::Create, TYPE.to_owned(), asked).await?;
        let read = async {
            // Who may not, learns that; not what is wrong with the body.
            dealing.reach().await?;
            let unless = match headers.get("if-none-exist") {
                None => None,
                Some(query) => {
                    let named = query.to_str().ok().and_then(identified);
                    Some(named.ok_or_else(|| kept::invalid("If-None-Exist"))?)
                }
            };
            Ok::<_, Rejection>((extract::resource(&headers, body, TYPE).await?, unless))
        }
        .await;
        let (body, unless) = match read {
            Ok(read) => read,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let (stored, made) = created(dealing, &body, unless).await?;
        let location = format!("{}/{TYPE}/{}", app.base.0, stored.id);
        let status = if made { StatusCode::CREATED } else { StatusCode::OK };
        Ok(kept_type::shown::<Episode>(&app, status, &stored, Some(&location)))
    };
    respond(&peer, answer.await)
}

async fn update(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let raw = format!("{TYPE}/{id}");
        let (dealing, _) =
            Dealing::open(&app, &peer, &headers, Kept::EpisodeOfCare, Interaction::Update, raw, asked).await?;
        let read = async {
            dealing.reach().await?;
            let body = extract::resource(&headers, body, TYPE).await?;
            Ok::<_, Rejection>((body, extract::if_match(&headers, None)?))
        }
        .await;
        let (body, expected) = match read {
            Ok(read) => read,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let stored = updated(dealing, &id, &body, expected).await?;
        Ok(kept_type::shown::<Episode>(&app, StatusCode::OK, &stored, None))
    };
    respond(&peer, answer.await)
}

/// The identifier that a condition of a create names, `identifier=SYSTEM|VALUE`: the only one that is understood.
pub fn identified(query: &str) -> Option<(String, String)> {
    let mut pairs = form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
    let (name, value) = pairs.next()?;
    if name != "identifier" || pairs.next().is_some() {
        return None;
    }
    let (system, value) = value.split_once('|')?;
    (!system.is_empty() && !value.is_empty()).then(|| (system.to_owned(), value.to_owned()))
}

/// Keeps a new episode, unless there is one of the identifier named: then it is that one, which is told by false.
pub async fn created(
    mut dealing: Dealing,
    body: &Value,
    unless: Option<(String, String)>,
) -> Result<(StoredEpisode, bool), Rejection> {
    let app = dealing.app().clone();
    for again in [true, false] {
        let found = async {
            let reach = dealing.reach().await?;
            let own = kept::organisation(&reach)?;
            let draft = episode::parse(body, own, None, &app.service.sealer).map_err(Rejection::Invalid)?;
            let there = match &unless {
                Some(identifier) => episode::of_identifier(app.store.reader(), own, identifier).await,
                None => Ok(Vec::new()),
            };
            Ok::<_, Rejection>((draft, there.map_err(Failure::Store)?))
        }
        .await;
        let (draft, there) = match found {
            Ok(found) => found,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        dealing.attempt.note_patient(draft.patient());
        match there.as_slice() {
            [] => {}
            [one] if one.patient == draft.patient() => {
                dealing.attempt.note_id(one.id.to_string());
                return Ok((dealing.answer(one.clone()).await?.into_inner(), false));
            }
            // Several of one key, or another patient under it: which is meant cannot be told.
            _ => return Err(dealing.refuse(Rejection::Conflict(None)).await),
        }
        dealing.attempt.note_id(draft.id().to_string());
        let job = episode::create_unless_job(draft, unless.clone(), app.service.clock.now());
        match keep(&app.under_way, dealing, job).await? {
            Ok(stored) => return Ok((stored, true)),
            // Somebody else was first: it is theirs that is told now.
            Err((open, StoreError::Conflict)) if again => dealing = *open,
            Err((open, error)) => return Err(open.failed(error).await),
        }
    }
    Err(dealing.refuse(Rejection::Conflict(None)).await)
}

/// Keeps a change of an episode of this version.
pub async fn updated(mut dealing: Dealing, id: &str, body: &Value, expected: i64) -> Result<StoredEpisode, Rejection> {
    let app = dealing.app().clone();
    let drafted = async {
        let stored = kept_type::held::<Episode>(&mut dealing, id).await?;
        let draft = episode::parse(body, &stored.organisation, Some(&stored), &app.service.sealer)
            .map_err(Rejection::Invalid)?;
        Ok::<_, Rejection>(episode::update_job(stored, draft, Some(expected), app.service.clock.now()))
    }
    .await;
    match drafted {
        Ok(job) => match keep(&app.under_way, dealing, job).await? {
            Ok(stored) => Ok(stored),
            Err((open, error)) => Err(kept_type::failed::<Episode>(*open, id, error).await),
        },
        Err(rejection) => Err(dealing.refuse(rejection).await),
    }
}

type Written = Result<StoredEpisode, (Box<Dealing>, StoreError)>;

/// Detached: a client that hangs up cannot part the episode from its AuditEvent.
async fn keep(under_way: &UnderWay, dealing: Dealing, job: Job<StoredEpisode>) -> Result<Written, Rejection> {
    kept::detached(under_way, async move {
        Ok(dealing.write(None, false, job).await.map(crate::audit::Audited::into_inner))
    })
    .await
}
