//! `/admin/reports`: what the audit trail tells, as CSV or FHIR, for privacy officers about their own organisation's viewing
//! and for practice auditors about who viewed their practice's patients (CONTRACT section 8); for nobody else.
//!
//! They ask with the scope for searching AuditEvent, since that is what a report is made of. A patient or user is named in
//! the body of a POST; a GET names none. A trail that is not whole makes none. That it was made is in the trail before its first
//! byte leaves; it is then made as it is read, and one that cannot be finished is cut off, never ended as if it were whole.

use super::{What, attempt, bad, parameter, parameters, problem, store};
use crate::audit::{Attempt, AuditScope, Interaction, NotClosed, Outcome};
use crate::clock::in_london;
use crate::disclose::Failure;
use crate::http::extract::{self, Id};
use crate::http::kept::refuse;
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, answer, only, respond};
use crate::identity::{Permission, SelectedRole};
use crate::ids::{NhsNumber, OdsCode, UserId};
use crate::policy::{self, Kept, Reach, Refusal};
use crate::report::{Format, Name, Report, ReportError, Request, Rules};
use crate::telemetry;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};

const KIND: &str = "admin/reports";
const MEMBERS: [&str; 7] = ["from", "to", "practice", "user", "nhs_number", "staff_names", "row"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/reports", only("GET, HEAD", routing::get(list)))
        .route("/reports/{name}", only("GET, POST", routing::get(make).post(make).head(no_head)))
}

/// A HEAD would have the report made and audited for nobody to read.
async fn no_head(Extension(peer): Extension<Peer>) -> Response {
    answer::rejected(&Rejection::Method { allow: "GET, POST" }, &peer)
}

async fn list(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let answer = async {
        let caller = extract::caller(&app, &headers).await?;
        let what = What { kind: KIND, id: None, interaction: Interaction::Read, asked: "GET" };
        let attempt = attempt(&app, caller, &peer, what);
        match reach(&app, &attempt).await {
            Ok(scope) => {
                closed(&app, attempt).await?;
                Ok(answer::json(&listed(&scope)))
            }
            Err(rejection) => Err(refuse(&app, attempt, rejection).await),
        }
    };
    respond(&peer, answer.await)
}

fn listed(scope: &AuditScope) -> Value {
    let practice = matches!(scope, AuditScope::Practice(_));
    let reports = Name::ALL.iter().filter(|name| !practice || **name != Name::OverrideReview);
    let reports: Vec<Value> = reports
        .map(|name| {
            json!({
                "name": name.as_str(),
                "title": name.title(),
                "fhir": if name.counts() { "MeasureReport" } else { "Bundle" },
                "needs": match name {
                    Name::WhoViewed => vec!["nhs_number"],
                    Name::UserActivity => vec!["user"],
                    _ => Vec::new(),
                },
            })
        })
        .collect();
    json!({ "reports": reports })
}

async fn make(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(name): Id,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let caller = extract::caller(&app, &headers).await?;
        let known = Name::parse(&name);
        let what = What {
            kind: KIND,
            id: known.map(crate::report::Name::as_str),
            interaction: Interaction::Operation,
            asked: if method == Method::POST { "POST" } else { "GET" },
        };
        let mut attempt = attempt(&app, caller, &peer, what);
        let report = async {
            let scope = reach(&app, &attempt).await?;
            let name = known.ok_or(Failure::NotFound)?;
            let format = format(&headers, query.as_deref())?;
            let request = if method == Method::POST {
                let body = extract::members(&headers, body, "report").await?;
                of_body(Request::of(name, format, Some(scope)), &body)?
            } else {
                of_query(Request::of(name, format, Some(scope)), query.as_deref())?
            };
            if let Some(patient) = request.patient {
                attempt.note_patient(patient);
            }
            if let Some(AuditScope::Practice(practice)) = &request.scope {
                attempt.note_practice(practice);
            }
            // Before anything is walked, and after the right to it is known: nobody else takes a place.
            let place = app.places.take(&attempt.caller().user).map_err(Rejection::Throttled)?;
            let rules = Rules::builtin().map_err(|_| Rejection::Internal)?;
            let opened = Report::open(&app.service.audit, &app.store, &rules, &app.base.0, request).await;
            let report = opened.map_err(rejected)?;
            attempt.note_query(report.said());
            Ok((report, format, place))
        }
        .await;
        match report {
            Ok((report, format, place)) => {
                closed(&app, attempt).await?;
                Ok(answer::report(report, format, place))
            }
            // As where it is the caller's rate, which is no event of the trail.
            Err(throttled @ Rejection::Throttled(_)) => Err(throttled),
            Err(rejection) => Err(refuse(&app, attempt, rejection).await),
        }
    };
    respond(&peer, answer.await)
}

/// Whose viewing the caller may have reported.
async fn reach(app: &App, attempt: &Attempt) -> Result<AuditScope, Rejection> {
    let (service, caller) = (&app.service, attempt.caller());
    let suspended = match &caller.role {
        SelectedRole::One(role) => {
            let now = service.clock.now();
            service.register.suspended(&caller.user, &role.organisation, now).await.map_err(store)?
        }
        SelectedRole::Several | SelectedRole::None => false,
    };
    let (settings, address) = (&service.settings, attempt.address());
    match policy::reach(caller, address, settings, Kept::AuditEvent, Permission::Search, suspended)? {
        Reach::Organisation(organisation) => Ok(AuditScope::Organisation(organisation)),
        Reach::Practice(practice) => Ok(AuditScope::Practice(practice)),
        Reach::Own { .. } => Err(Refusal::Role.into()),
    }
}

async fn closed(app: &App, attempt: Attempt) -> Result<(), Rejection> {
    let closed = app.service.audit.close(attempt, Outcome::Answered, None, ()).await;
    closed.map(drop).map_err(|NotClosed { error, .. }| Rejection::NotDurable(error))
}

fn rejected(error: ReportError) -> Rejection {
    match error {
        ReportError::Wanting("organisation") => Refusal::Role.into(),
        ReportError::Wanting(what) => problem(what, "is needed, or does not go with this report"),
        ReportError::NoRow => problem("row", "is no row of the trail"),
        ReportError::Store(error) => store(error),
        ReportError::Audit(_) => {
            tracing::error!(chain = telemetry::chain(&error), "no report: the audit trail is not whole");
            Rejection::Internal
        }
    }
}

/// `_format`, else the first of `Accept` that is served; FHIR where nothing is said.
fn format(headers: &HeaderMap, query: Option<&str>) -> Result<Format, Rejection> {
    let named = form_urlencoded::parse(query.unwrap_or("").as_bytes()).find(|(name, _)| name == "_format");
    if let Some((_, named)) = &named
        && matches!(named.as_ref(), "csv" | "text/csv")
    {
        return Ok(Format::Csv);
    }
    if let Some((_, named)) = named {
        // A plus of a query that was not escaped has become a space.
        let is_json =
            matches!(named.as_ref(), "json" | "application/json" | "application/fhir+json" | "application/fhir json");
        return if is_json { Ok(Format::Fhir) } else { Err(Rejection::Accept) };
    }
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let csv = accepts.flat_map(|line| line.split(',')).find_map(|media| {
        let name = media.split(';').next().unwrap_or("").trim();
        match name {
            "text/csv" | "text/*" => Some(true),
            "application/fhir+json" | "application/json" | "*/*" | "application/*" => Some(false),
            _ => None,
        }
    });
    if csv == Some(true) {
        return Ok(Format::Csv);
    }
    extract::json_is_acceptable(headers).map(|()| Format::Fhir)
}

fn of_query(mut request: Request, query: Option<&str>) -> Result<Request, Rejection> {
    let found = parameters(query, &["from", "to", "practice", "row", "_format"])?;
    request.from = parameter(&found, "from", first)?;
    request.before = parameter(&found, "to", past)?;
    request.practice = parameter(&found, "practice", OdsCode::parse)?;
    request.row = parameter(&found, "row", |text| text.parse().ok())?;
    Ok(request)
}

/// A member of a body, where there is one.
fn member<T>(body: &Value, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Rejection> {
    match body.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().and_then(parse).map(Some).ok_or_else(|| bad(name)),
    }
}

fn of_body(mut request: Request, body: &Value) -> Result<Request, Rejection> {
    let Some(members) = body.as_object() else { return Err(problem("", "is not an object")) };
    if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(problem("", "has a member that is not known"));
    }
    request.from = member(body, "from", first)?;
    request.before = member(body, "to", past)?;
    request.practice = member(body, "practice", OdsCode::parse)?;
    request.user = member(body, "user", UserId::parse)?;
    request.patient = member(body, "nhs_number", NhsNumber::parse)?;
    if let Some(names) = body.get("staff_names") {
        request.staff_names = names.as_bool().ok_or_else(|| bad("staff_names"))?;
    }
    if let Some(row) = body.get("row") {
        request.row = Some(row.as_i64().ok_or_else(|| bad("row"))?);
    }
    Ok(request)
}

/// The first instant of a day of Great Britain, or the instant.
fn first(text: &str) -> Option<OffsetDateTime> {
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return Some(in_london(day.midnight()));
    }
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The first instant after a day of Great Britain, or after the instant.
fn past(text: &str) -> Option<OffsetDateTime> {
    if let Ok(day) = Date::parse(text, format_description!("[year]-[month]-[day]")) {
        return day.next_day().map(|day| in_london(day.midnight()));
    }
    OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_add(Duration::milliseconds(1))
}
