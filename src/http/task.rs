//! Task: reviews of overrides, for privacy officers of the organisation (6.5, 7.3.6).

use super::extract::{self, Id};
use super::kept::{self, Dealing};
use super::kept_type::{self, KeptType, Wanted};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, only, respond};
use crate::audit::Interaction;
use crate::disclose::Failure;
use crate::ids::{LogicalId, NhsNumber, Sealer};
use crate::policy::{Kept, Reach};
use crate::register::review::{self, Review, ReviewStatus};
use crate::register::slice::Page;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::Value;
use std::sync::Arc;

const TYPE: &str = OverrideReview::KEPT.as_str();

struct OverrideReview;

impl KeptType for OverrideReview {
    const KEPT: Kept = Kept::Task;
    const PARAMETERS: &'static [&'static str] = &["status", "_count"];
    type Stored = Review;

    fn version(stored: &Review) -> i64 {
        stored.version
    }

    fn patient(stored: &Review) -> NhsNumber {
        stored.patient
    }

    fn resource(stored: &Review, sealer: &Sealer) -> Value {
        stored.resource(sealer)
    }

    async fn read(app: &App, reach: &Reach, id: &LogicalId) -> Result<Option<Review>, Failure> {
        Ok(review::read(app.store.reader(), kept::organisation(reach)?, id).await?)
    }

    async fn search(app: &App, reach: &Reach, wanted: &Wanted) -> Result<Page<Review>, Failure> {
        let status = wanted.status(ReviewStatus::parse)?;
        Ok(review::search(app.store.reader(), kept::organisation(reach)?, status, &wanted.slice).await?)
    }
}

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/Task", only("GET, HEAD", routing::get(kept_type::search::<OverrideReview>)))
        .route("/Task/_search", only("POST", routing::post(kept_type::search_by_form::<OverrideReview>)))
        .route("/Task/{id}", only("GET, HEAD, PUT", routing::get(kept_type::read::<OverrideReview>).put(update)))
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
        let (mut dealing, _) =
            Dealing::open(&app, &peer, &headers, Kept::Task, Interaction::Update, raw, asked).await?;
        let stepped = async {
            let held = kept_type::held::<OverrideReview>(&mut dealing, &id).await?;
            let body = extract::resource(&headers, body, TYPE).await?;
            let if_match = extract::if_match(&headers, Some(held.version))?;
            let step =
                review::parse(&body, &held, &dealing.caller().user, &app.service.sealer).map_err(Rejection::Invalid)?;
            Ok(review::step_job(step, Some(if_match), app.service.clock.now()))
        }
        .await;
        let job = match stepped {
            Ok(job) => job,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let held: Review = kept::detached(&app.under_way, async move {
            match dealing.write(None, false, job).await {
                Ok(audited) => Ok(audited.into_inner()),
                Err((again, error)) => Err(kept_type::failed::<OverrideReview>(*again, &id, error).await),
            }
        })
        .await?;
        Ok(kept_type::shown::<OverrideReview>(&app, StatusCode::OK, &held, None))
    };
    respond(&peer, answer.await)
}
