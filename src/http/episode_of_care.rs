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
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::Value;
use std::sync::Arc;

const TYPE: &str = Episode::KEPT.as_str();

struct Episode;

impl KeptType for Episode {
    const KEPT: Kept = Kept::EpisodeOfCare;
    const PARAMETERS: &'static [&'static str] = &["patient", "patient.identifier", "status"];
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

    async fn search(app: &App, reach: &Reach, wanted: &Wanted) -> Result<Vec<StoredEpisode>, Failure> {
        let search = EpisodeSearch { patient: wanted.patient, status: wanted.status(EpisodeStatus::parse)? };
        Ok(episode::search(app.store.reader(), kept::organisation(reach)?, search).await?)
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
        let asked = extract::sent(&headers, None);
        let kind = Kept::EpisodeOfCare;
        let (mut dealing, _) =
            Dealing::open(&app, &peer, &headers, kind, Interaction::Create, TYPE.to_owned(), asked).await?;
        let drafted = async {
            let reach = dealing.reach().await?;
            let own = kept::organisation(&reach)?;
            let body = extract::resource(&headers, body, TYPE).await?;
            episode::parse(&body, own, None, &app.service.sealer).map_err(Rejection::Invalid)
        }
        .await;
        let draft = match drafted {
            Ok(draft) => draft,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        dealing.attempt.note_patient(draft.patient());
        dealing.attempt.note_id(draft.id().to_string());
        let stored = keep(&app.under_way, dealing, episode::create_job(draft, app.service.clock.now())).await?;
        let location = format!("{}/{TYPE}/{}", app.base.0, stored.id);
        Ok(kept_type::shown::<Episode>(&app, StatusCode::CREATED, &stored, Some(&location)))
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
        let asked = extract::sent(&headers, None);
        let raw = format!("{TYPE}/{id}");
        let (mut dealing, _) =
            Dealing::open(&app, &peer, &headers, Kept::EpisodeOfCare, Interaction::Update, raw, asked).await?;
        let drafted = async {
            let stored = kept_type::held::<Episode>(&mut dealing, &id).await?;
            let body = extract::resource(&headers, body, TYPE).await?;
            let if_match = extract::if_match(&headers)?;
            let draft = episode::parse(&body, &stored.organisation, Some(&stored), &app.service.sealer)
                .map_err(Rejection::Invalid)?;
            Ok(episode::update_job(stored, draft, Some(if_match), app.service.clock.now()))
        }
        .await;
        let job = match drafted {
            Ok(job) => job,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let stored = keep(&app.under_way, dealing, job).await?;
        Ok(kept_type::shown::<Episode>(&app, StatusCode::OK, &stored, None))
    };
    respond(&peer, answer.await)
}

async fn keep(
    under_way: &UnderWay,
    dealing: Dealing,
    job: crate::store::Job<StoredEpisode>,
) -> Result<StoredEpisode, Rejection> {
    kept::detached(under_way, async move {
        match dealing.write(None, false, job).await {
            Ok(audited) => Ok(audited.into_inner()),
            Err((again, error)) => Err(again.failed(error).await),
        }
    })
    .await
}
