//! The record's routes: search, read, `$everything`, the document. Each is one call of `disclose`, run detached from the connection.

use super::answer;
use super::extract::{self, Handling, Id, Parameters};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, kept, respond};
use crate::audit::{Interaction, Target};
use crate::disclose::{Ask, Request, disclose};
use crate::ids::LogicalId;
use crate::kinds::Kind;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use std::sync::Arc;

/// What is asked of one resource.
#[derive(Clone, Copy)]
enum Of {
    Itself,
    Everything,
    Document,
}

/// Routes from the catalogue's types.
pub fn routes() -> Router<Arc<App>> {
    let mut router = Router::new();
    for kind in Kind::ALL.iter().copied() {
        if !kind.is_referred_to() {
            let search = routing::get(
                move |State(app): State<Arc<App>>,
                      Extension(peer): Extension<Peer>,
                      RawQuery(query): RawQuery,
                      headers: HeaderMap| async move {
                    let asked = extract::sent(&peer, query.as_deref());
                    answered(&app, &peer, &headers, asked, kind, None).await
                },
            );
            let post = routing::post(
                move |State(app): State<Arc<App>>,
                      Extension(peer): Extension<Peer>,
                      RawQuery(query): RawQuery,
                      headers: HeaderMap,
                      body: Body| async move {
                    let asked = extract::form_parameters(&peer, &headers, query.as_deref(), body);
                    answered(&app, &peer, &headers, asked, kind, None).await
                },
            );
            router = router
                .route(&format!("/{kind}"), super::only("GET, HEAD", search))
                .route(&format!("/{kind}/_search"), super::only("POST", post));
        }
        let read = routing::get(
            move |State(app): State<Arc<App>>,
                  Extension(peer): Extension<Peer>,
                  Id(id): Id,
                  RawQuery(query): RawQuery,
                  headers: HeaderMap| async move {
                let asked = extract::sent(&peer, query.as_deref());
                answered(&app, &peer, &headers, asked, kind, Some((id, Of::Itself))).await
            },
        );
        router = router.route(&format!("/{kind}/{{id}}"), super::only("GET, HEAD", read));
    }
    for (name, of) in [("$everything", Of::Everything), ("$detailed-care-record", Of::Document)] {
        let operation = routing::get(
            move |State(app): State<Arc<App>>,
                  Extension(peer): Extension<Peer>,
                  Id(id): Id,
                  RawQuery(query): RawQuery,
                  headers: HeaderMap| async move {
                let asked = extract::sent(&peer, query.as_deref());
                answered(&app, &peer, &headers, asked, Kind::Patient, Some((id, of))).await
            },
        );
        router = router.route(&format!("/Patient/{{id}}/{name}"), super::only("GET, HEAD", operation));
    }
    router
}

/// Either side of the result, with the preference that it was made under.
async fn answered(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Parameters, Rejection>>,
    kind: Kind,
    instance: Option<(String, Of)>,
) -> Response {
    let response = respond(peer, run(app, peer, headers, asked, kind, instance).await);
    answer::preferred(response, Handling::preferred(headers))
}

async fn run(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Parameters, Rejection>>,
    kind: Kind,
    instance: Option<(String, Of)>,
) -> Result<Response, Rejection> {
    let caller = extract::caller(app, headers).await?;
    let (interaction, path) = match &instance {
        None => (Interaction::Search, kind.to_string()),
        Some((id, Of::Itself)) => (Interaction::Read, format!("{kind}/{id}")),
        Some((id, Of::Everything)) => (Interaction::Operation, format!("{kind}/{id}/$everything")),
        Some((id, Of::Document)) => (Interaction::Operation, format!("{kind}/{id}/$detailed-care-record")),
    };
    let (raw, asked) = extract::audited(path, asked.await);
    let pairs = match asked {
        Ok(pairs) => pairs,
        Err(rejection) => {
            let target = Target { interaction, resource_type: kind.to_string(), id: None, patient: None, query: raw };
            let attempt = app.service.audit.open(caller, target, extract::origin(peer));
            let app = app.clone();
            return kept::detached(
                &app.under_way.clone(),
                async move { Err(kept::refuse(&app, attempt, rejection).await) },
            )
            .await;
        }
    };
    let lenient = extract::is_lenient(headers);
    let ask = match instance {
        None => Ask::Search { kind, pairs, lenient },
        Some((id, of)) => {
            // A text that no id can be is an id that does not exist: the same audited answer as for any other.
            let id = LogicalId::parse(&id).unwrap_or_else(LogicalId::impossible);
            match of {
                Of::Itself => Ask::Read { kind, id, pairs, lenient },
                Of::Everything => Ask::Everything { id, pairs, lenient },
                Of::Document => Ask::Document { id, pairs, lenient },
            }
        }
    };
    let request = Request { ask, raw, fresh: extract::is_fresh(headers), origin: extract::origin(peer) };
    let disclosing = disclose(app.service.clone(), caller, request);
    match app.under_way.detached(disclosing).await {
        Some(Ok(audited)) => Ok(answer::disclosed(audited, &app.base, peer)),
        Some(Err(unaudited)) => Err(Rejection::NotDurable(unaudited.0)),
        None => Err(Rejection::Internal),
    }
}
