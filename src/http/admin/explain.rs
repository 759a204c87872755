//! `/admin/explain`: what each local gate would say to a caller about a patient. For privacy officers, about their own
//! organisation. The patient is named in the body; nothing is sent to the MIG; nothing clinical is said; it is audited as
//! an operation on that patient.

use super::{What, attempt, bad, problem, store};
use crate::audit::{Attempt, Interaction, NotClosed, Outcome};
use crate::catalogue;
use crate::clock;
use crate::http::extract;
use crate::http::kept::refuse;
use crate::http::layers::Peer;
use crate::http::outcome::Rejection;
use crate::http::{App, answer, only, respond};
use crate::identity::{Caller, CallerClass, Permission, Role, Scopes, SelectedRole};
use crate::ids::{NhsNumber, OdsCode, RoleCode, UserId};
use crate::kinds::{Kind, Purpose};
use crate::policy::{self, Asked, Refusal, Verdict};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

const KIND: &str = "admin/explain";
const MEMBERS: [&str; 8] = ["user", "organisation", "role", "nhs_number", "type", "scope", "assurance", "address"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/explain", only("POST", routing::post(explain)))
}

async fn explain(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let caller = extract::caller(&app, &headers).await?;
        let what = What { kind: KIND, id: None, interaction: Interaction::Operation, asked: "POST" };
        let mut attempt = attempt(&app, caller, &peer, what);
        let explained = async {
            let own = officer(&app, &attempt).await?;
            let body = extract::members(&headers, body, "explain").await?;
            let case = Case::read(&body, own)?;
            attempt.note_patient(case.patient);
            attempt.note_query(format!(
                "admin/explain user={} role={} type={}",
                case.user,
                case.role,
                case.kind.as_str()
            ));
            verdicts(&app, &case).await
        }
        .await;
        match explained {
            Ok(explained) => {
                let closed = app.service.audit.close(attempt, Outcome::Answered, None, explained).await;
                match closed {
                    Ok(audited) => Ok(answer::json(&audited.into_inner())),
                    Err(NotClosed { error, .. }) => Err(Rejection::NotDurable(error)),
                }
            }
            Err(rejection) => Err(refuse(&app, attempt, rejection).await),
        }
    };
    respond(&peer, answer.await)
}

/// The organisation whose decisions the caller may have explained.
async fn officer(app: &App, attempt: &Attempt) -> Result<OdsCode, Rejection> {
    let (service, caller) = (&app.service, attempt.caller());
    let suspended = match &caller.organisation {
        Some(own) => service.register.suspended(&caller.user, own, service.clock.now()).await.map_err(store)?,
        None => false,
    };
    Ok(policy::explains(caller, attempt.address(), &service.settings, suspended)?)
}

/// Who would ask for what. What is not said is as good as can be: every scope, the assurance of the setting. An
/// address that is not said is on no network.
struct Case {
    user: UserId,
    organisation: OdsCode,
    role: RoleCode,
    patient: NhsNumber,
    kind: Kind,
    scope: Option<String>,
    assurance: Option<u8>,
    address: Option<IpAddr>,
}

impl Case {
    fn read(body: &Value, own: OdsCode) -> Result<Self, Rejection> {
        let Some(members) = body.as_object() else { return Err(problem("", "is not an object")) };
        if members.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(problem("", "has a member that is not known"));
        }
        // A member of another type is not one that is not there.
        if let Some(name) = ["organisation", "scope", "address"]
            .into_iter()
            .find(|name| body.get(*name).is_some_and(|told| !told.is_string()))
        {
            return Err(problem(name, "is not a text"));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let user = text("user").and_then(UserId::parse).ok_or_else(|| problem("user", "is not a user id"))?;
        let role = text("role").and_then(RoleCode::parse).ok_or_else(|| problem("role", "is not a role code"))?;
        let patient = text("nhs_number").and_then(NhsNumber::parse);
        let patient = patient.ok_or_else(|| problem("nhs_number", "is not an NHS number"))?;
        let kind = text("type").and_then(Kind::parse).ok_or_else(|| problem("type", "is not a type of the record"))?;
        if text("organisation").is_some_and(|organisation| organisation != own.as_str()) {
            return Err(problem("organisation", "is not your own"));
        }
        let assurance = match body.get("assurance") {
            None => None,
            Some(level) => {
                let level = level.as_u64().and_then(|level| u8::try_from(level).ok());
                Some(level.ok_or_else(|| problem("assurance", "is not a level"))?)
            }
        };
        let address = match text("address") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| bad("address"))?),
        };
        Ok(Self {
            user,
            organisation: own,
            role,
            patient,
            kind,
            scope: text("scope").map(str::to_owned),
            assurance,
            address,
        })
    }
}

async fn verdicts(app: &App, case: &Case) -> Result<Value, Rejection> {
    let service = &app.service;
    let (settings, now) = (&service.settings, service.clock.now());
    let granted = format!("user/{}.rs", case.kind.as_str());
    let role = Role {
        profile: String::new(),
        code: case.role.clone(),
        name: String::new(),
        organisation: case.organisation.clone(),
    };
    let caller = Caller {
        user: case.user.clone(),
        name: String::new(),
        class: CallerClass::User,
        role: SelectedRole::One(role),
        organisation: Some(case.organisation.clone()),
        assurance: case.assurance.unwrap_or(settings.assurance),
        scopes: Scopes::parse(case.scope.as_deref().unwrap_or(&granted)),
        token_id: None,
        client_id: None,
    };
    let asked = Asked {
        patient: Some(case.patient),
        birth_date: None,
        permissions: vec![(case.kind.as_str(), Permission::Search)],
        wanted: catalogue::wanted(&[case.kind]),
        required: catalogue::required(&[case.kind]),
        purpose: Purpose::Treatment,
    };
    let facts = policy::facts(&service.register, settings, &caller, asked, now).await.map_err(store)?;
    let explained = policy::explain(&caller, case.address, &facts);
    Ok(json!({
        "at": clock::rfc3339(now),
        "revision": explained.revision.map(|revision| revision.0),
        "asked": {
            "user": case.user.as_str(),
            "organisation": case.organisation.as_str(),
            "role": case.role.as_str(),
            "type": case.kind.as_str(),
            "views": catalogue::wanted(&[case.kind]).iter().map(|view| view.as_str()).collect::<Vec<_>>(),
        },
        "verdict": explained.refusal().map_or("passes", |refusal| refusal.word()),
        "rules": explained.verdicts.iter().map(rule).collect::<Vec<_>>(),
        "not_asked": "Rules 8 to 10 (registration, sharer, opt-out) rest on what the MIG says, which was not asked.",
    }))
}

fn rule(verdict: &Verdict) -> Value {
    json!({
        "rule": verdict.rule,
        "name": verdict.name,
        "version": verdict.version,
        "verdict": if verdict.refusal.is_none() { "passes" } else { "refuses" },
        "reason": verdict.refusal.map(Refusal::word),
        "facts": verdict.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
    })
}
