//! AuditEvent: read and search, for privacy officers and practice auditors. Reading the trail is itself audited.

use super::answer;
use super::extract::{self, Handling, Id, Parameters};
use super::format::Wish;
use super::kept::{self, Dealing};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, only, respond};
use crate::audit::{AuditFilter, AuditPage, AuditScope, Cursor, EventType, Interaction};
use crate::disclose::Failure;
use crate::ids::NhsNumber;
use crate::policy::{Kept, Reach, Refusal};
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

/// Events on a page unless `_count` says otherwise.
const PAGE: u32 = 100;

/// What is searched by; as the catalogue says, which a test compares.
const PARAMETERS: [&str; 7] =
    ["date", "patient", "patient.identifier", "agent.identifier", "outcome", "type", "_count"];
/// The parameter of a page link.
const PAGE_LINK: &str = "_page";

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/AuditEvent", only("GET, HEAD", routing::get(search)))
        .route("/AuditEvent/_search", only("POST", routing::post(search_by_form)))
        .route("/AuditEvent/{id}", only("GET, HEAD", routing::get(read)))
}

async fn search(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = extract::sent(&peer, query.as_deref());
    answer::preferred(respond(&peer, searched(&app, &peer, &headers, asked).await), Handling::preferred(&headers))
}

async fn search_by_form(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = extract::form_parameters(&peer, &headers, query.as_deref(), body);
    answer::preferred(respond(&peer, searched(&app, &peer, &headers, asked).await), Handling::preferred(&headers))
}

async fn searched(
    app: &Arc<App>,
    peer: &Peer,
    headers: &HeaderMap,
    asked: impl Future<Output = Result<Parameters, Rejection>>,
) -> Result<Response, Rejection> {
    let (kept, path) = (Kept::AuditEvent, "AuditEvent".to_owned());
    let (mut dealing, pairs) = Dealing::open(app, peer, headers, kept, Interaction::Search, path, asked).await?;
    let pairs = kept::heeded(pairs, headers, |name| name == PAGE_LINK || PARAMETERS.contains(&name));
    match found(&mut dealing, &pairs).await {
        Ok(found) => {
            let (filter, page) = dealing.answer(found).await?.into_inner();
            Ok(answer::kept(StatusCode::OK, &bundle(app, peer.wishes.now(), &pairs, &filter, page), None, None))
        }
        Err(failure) => Err(dealing.refuse(failure.into()).await),
    }
}

async fn found(dealing: &mut Dealing, pairs: &[(String, String)]) -> Result<(AuditFilter, AuditPage), Failure> {
    let scope = scope(dealing.reach().await?)?;
    let filter = filter(dealing.app(), pairs)?;
    if let Some(patient) = filter.patient {
        dealing.attempt.note_patient(patient);
    }
    let page = dealing.app().service.audit.search(&scope, &filter).await?;
    Ok((filter, page))
}

async fn read(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let raw = format!("AuditEvent/{id}");
        let (mut dealing, _) =
            Dealing::open(&app, &peer, &headers, Kept::AuditEvent, Interaction::Read, raw, asked).await?;
        dealing.attempt.note_id(id.clone());
        let found: Result<Value, Failure> = async {
            let scope = scope(dealing.reach().await?)?;
            app.service.audit.read(&scope, &id).await?.ok_or(Failure::NotFound)
        }
        .await;
        match found {
            Ok(event) => {
                let event = dealing.answer(event).await?.into_inner();
                Ok(answer::kept(StatusCode::OK, &event, Some(1), None))
            }
            Err(failure) => Err(dealing.refuse(failure.into()).await),
        }
    };
    respond(&peer, answer.await)
}

fn scope(reach: Reach) -> Result<AuditScope, Failure> {
    match reach {
        Reach::Organisation(organisation) => Ok(AuditScope::Organisation(organisation)),
        Reach::Practice(practice) => Ok(AuditScope::Practice(practice)),
        Reach::Own { .. } => Err(Refusal::Role.into()),
    }
}

fn filter(app: &App, pairs: &[(String, String)]) -> Result<AuditFilter, Failure> {
    let mut filter = AuditFilter { count: Some(PAGE), ..AuditFilter::default() };
    // A link says all that was asked; whatever stands beside it would be lost.
    if let Some((_, sealed)) = pairs.iter().find(|(name, _)| name == PAGE_LINK) {
        let opened = app.service.sealer.open_text(sealed).filter(|_| pairs.len() == 1);
        let text = opened.and_then(|opened| String::from_utf8(opened).ok());
        return text.and_then(|text| resumed(&text)).ok_or_else(|| kept::invalid(PAGE_LINK));
    }
    for (index, (name, value)) in pairs.iter().enumerate() {
        let wrong = || kept::invalid(name);
        // Dates bound a span from both sides. Of two others one would win, and nobody be told which.
        let named = if name == "patient.identifier" { "patient" } else { name };
        let again =
            |(other, _): &(String, String)| other == named || (other == "patient.identifier" && named == "patient");
        if name != "date" && pairs.iter().take(index).any(again) {
            return Err(wrong());
        }
        let code = value.rsplit('|').next().unwrap_or("");
        match name.as_str() {
            "date" => {
                let (from, before) = dates(value).ok_or_else(wrong)?;
                filter.from = [filter.from, from].into_iter().flatten().max();
                filter.before = [filter.before, before].into_iter().flatten().min();
            }
            "patient" | "patient.identifier" => {
                filter.patient = Some(kept::patient(&app.service.sealer, name, value)?);
            }
            "agent.identifier" if code.is_empty() => return Err(wrong()),
            "agent.identifier" => filter.user = Some(code.to_owned()),
            "outcome" => {
                filter.outcome = Some(match code {
                    "0" => 0,
                    "4" => 4,
                    "8" => 8,
                    "12" => 12,
                    _ => return Err(wrong()),
                });
            }
            "type" => {
                filter.event = Some(match code {
                    "rest" => EventType::Rest,
                    "110113" => EventType::SecurityAlert,
                    _ => return Err(wrong()),
                });
            }
            "_count" => {
                filter.count = Some(value.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(wrong)?);
            }
            _ => return Err(kept::unknown(name)),
        }
    }
    Ok(filter)
}

/// A date parameter as a half-open span.
fn dates(value: &str) -> Option<(Option<OffsetDateTime>, Option<OffsetDateTime>)> {
    let (prefix, text) = match value.get(..2) {
        Some(prefix @ ("eq" | "ge" | "gt" | "le" | "lt")) => (prefix, value.get(2..)?),
        _ => ("eq", value),
    };
    let (first, past) = if let Ok(instant) = OffsetDateTime::parse(text, &Rfc3339) {
        (instant, instant.checked_add(Duration::milliseconds(1))?)
    } else {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
        let midnight = |day: Date| crate::clock::in_london(day.midnight());
        (midnight(day), midnight(day.next_day()?))
    };
    Some(match prefix {
        "ge" => (Some(first), None),
        "gt" => (Some(past), None),
        "le" => (None, Some(past)),
        "lt" => (None, Some(first)),
        _ => (Some(first), Some(past)),
    })
}

/// The text that a page link seals: it carries the filter, since the link repeats nothing else.
fn link(filter: &AuditFilter, next: Cursor) -> String {
    json!({
        "from": filter.from.map(crate::clock::millis),
        "before": filter.before.map(crate::clock::millis),
        "patient": filter.patient.map(|patient| patient.reveal().to_owned()),
        "user": filter.user,
        "outcome": filter.outcome,
        "alert": filter.event.map(|event| event == EventType::SecurityAlert),
        "count": filter.count,
        "after": next.to_string(),
    })
    .to_string()
}

fn resumed(text: &str) -> Option<AuditFilter> {
    let link: Value = serde_json::from_str(text).ok()?;
    let instant = |name: &str| link.get(name).and_then(Value::as_i64).map(crate::clock::from_millis);
    Some(AuditFilter {
        from: instant("from"),
        before: instant("before"),
        patient: link.get("patient").and_then(Value::as_str).and_then(NhsNumber::parse),
        user: link.get("user").and_then(Value::as_str).map(str::to_owned),
        outcome: link.get("outcome").and_then(Value::as_u64).and_then(|outcome| u8::try_from(outcome).ok()),
        event: link
            .get("alert")
            .and_then(Value::as_bool)
            .map(|alert| if alert { EventType::SecurityAlert } else { EventType::Rest }),
        count: link.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()),
        after: Some(Cursor::parse(link.get("after")?.as_str()?)?),
        ..AuditFilter::default()
    })
}

fn bundle(app: &App, wish: Wish, pairs: &[(String, String)], filter: &AuditFilter, page: AuditPage) -> Value {
    let AuditPage { events, total, next } = page;
    let next = next.map(|next| app.service.sealer.seal_text(link(filter, next).as_bytes()));
    kept::page(app, wish, "AuditEvent", pairs, events, (total, next))
}
