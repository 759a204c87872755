//! One total table from every failure to status and OperationOutcome (CONTRACT section 4).
//!
//! A client never sees an internal message, an input value, upstream text or an NHS number: it sees a coded reason from
//! our own CodeSystem, which parameter or element was wrong, and the request id.

use crate::disclose::Failure;
use crate::gateway::GatewayError;
use crate::identity::IdentityError;
use crate::ids::RequestId;
use crate::policy::Refusal;
use crate::register::agreements::Declined;
use crate::register::{Invalid, Lack};
use crate::store::StoreError;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// The CodeSystem of reasons.
pub const REASONS: &str = "urn:x-mig-fhir:CodeSystem:refusal";

/// Everything that can go wrong on the wire.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// No, bad or expired token.
    #[error("no caller")]
    Token(#[source] IdentityError),
    /// The path of a disclosure.
    #[error("not disclosed")]
    Failure(#[source] Failure),
    /// A body that is not the resource asked for, or breaks a rule.
    #[error("the resource is invalid")]
    Invalid(Vec<Invalid>),
    /// A change of a register that was not made.
    #[error("declined")]
    Declined(Declined),
    /// The version named by `If-Match` is not the current one.
    #[error("concurrent change")]
    Conflict(
        /// That one, where it is known.
        Option<i64>,
    ),
    /// An update without `If-Match`, where one is needed.
    #[error("no version named")]
    NoVersion(
        /// The current one, where it is known.
        Option<i64>,
    ),
    /// No such route.
    #[error("unknown route")]
    Route,
    /// The route has other methods.
    #[error("method not allowed")]
    Method {
        /// For the `Allow` header.
        allow: &'static str,
    },
    /// `Accept` or `_format` asks for what is not served.
    #[error("not acceptable")]
    Accept,
    /// The body's media type.
    #[error("unsupported media type")]
    MediaType,
    /// The body or the URL is too long.
    #[error("too long")]
    TooLong,
    /// Shed.
    #[error("too many requests under way")]
    Shed,
    /// One caller asks too often; seconds until they may again.
    #[error("too many requests of one caller")]
    Throttled(u32),
    /// The audit or the register is not durable.
    #[error("not durable")]
    NotDurable(#[source] StoreError),
    /// A bug.
    #[error("bug")]
    Internal,
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Failure(Failure::Refused(refusal))
    }
}

/// What the table says of one failure.
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// `issue.code`.
    pub code: &'static str,
    /// The reasons, the general one first.
    pub reasons: Vec<&'static str>,
    /// `issue.expression`: names of parameters or paths of elements.
    pub expressions: Vec<String>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// The current version, for the `ETag`.
    pub version: Option<i64>,
    /// What is said instead of the reason's own words.
    pub said: Option<String>,
}

fn problem(status: u16, code: &'static str, reasons: &[&'static str]) -> Problem {
    Problem {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        code,
        reasons: reasons.to_vec(),
        expressions: Vec::new(),
        retry_after: None,
        version: None,
        said: None,
    }
}

impl Problem {
    fn at(mut self, expressions: Vec<String>) -> Self {
        self.expressions = expressions;
        self
    }

    fn later(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The OperationOutcome.
    #[must_use]
    pub fn body(&self, request_id: &RequestId) -> Value {
        let coding: Vec<Value> =
            self.reasons.iter().map(|reason| json!({ "system": REASONS, "code": reason })).collect();
        let said = self.said.as_deref().or(self.reasons.last().map(|reason| text(reason))).unwrap_or("");
        let mut issue = json!({
            "severity": "error",
            "code": self.code,
            "details": { "coding": coding, "text": said },
            "diagnostics": request_id.as_str(),
        });
        if !self.expressions.is_empty()
            && let Some(members) = issue.as_object_mut()
        {
            members.insert("expression".to_owned(), json!(self.expressions));
        }
        json!({ "resourceType": "OperationOutcome", "issue": [issue] })
    }
}

/// The table.
#[must_use]
pub fn describe(rejection: &Rejection) -> Problem {
    match rejection {
        Rejection::Token(error) => match error {
            IdentityError::Expired => problem(401, "expired", &["TOKEN"]),
            IdentityError::Missing | IdentityError::Invalid => problem(401, "login", &["TOKEN"]),
            IdentityError::KeysUnavailable => problem(503, "transient", &["TOKEN"]).later(5),
        },
        Rejection::Failure(failure) => failed(failure),
        Rejection::Invalid(invalid) => {
            let status = invalid.first().map_or(422, |first| first.status);
            let code = invalid.first().map_or("invalid", |first| first.code);
            let expressions = invalid.iter().map(|one| one.expression.clone()).collect();
            problem(status, code, &["RESOURCE_INVALID"]).at(expressions)
        }
        Rejection::Declined(declined) => declined_as(declined),
        Rejection::Conflict(version) => Problem { version: *version, ..problem(412, "conflict", &["CONFLICT"]) },
        Rejection::NoVersion(version) => Problem {
            version: *version,
            said: Some("Name the version that you have read, as If-Match.".to_owned()),
            ..problem(412, "conflict", &["CONFLICT"]).at(vec!["If-Match".to_owned()])
        },
        Rejection::Route => problem(404, "not-found", &["NOT_FOUND"]),
        Rejection::Method { .. } => problem(405, "not-supported", &["METHOD"]),
        Rejection::Accept => problem(406, "not-supported", &["ACCEPT"]),
        Rejection::MediaType => problem(415, "not-supported", &["MEDIA_TYPE"]),
        Rejection::TooLong => problem(413, "too-long", &["TOO_LONG"]),
        Rejection::Shed => problem(503, "throttled", &["THROTTLED"]).later(1),
        Rejection::Throttled(seconds) => problem(429, "throttled", &["THROTTLED"]).later(*seconds),
        Rejection::NotDurable(_) => problem(503, "transient", &["AUDIT_UNAVAILABLE"]).later(5),
        Rejection::Internal => problem(500, "exception", &["INTERNAL"]),
    }
}

fn declined_as(declined: &Declined) -> Problem {
    match declined {
        Declined::Unknown => problem(404, "not-found", &["NOT_FOUND"]),
        Declined::Changed(version) => Problem { version: Some(*version), ..problem(412, "conflict", &["CONFLICT"]) },
        Declined::Problems(problems) => {
            let places = problems.iter().map(|problem| place(&problem.at)).collect();
            let said: Vec<String> =
                problems.iter().take(20).map(|one| format!("{}: {}.", place(&one.at), one.what)).collect();
            Problem { said: Some(said.join(" ")), ..problem(422, "business-rule", &["RESOURCE_INVALID"]).at(places) }
        }
        Declined::Reused => problem(422, "business-rule", &["RESOURCE_INVALID"]).at(vec!["Idempotency-Key".to_owned()]),
    }
}

/// Where, in words of ours: a member that is not known is the client's own text, which is not repeated.
fn place(at: &str) -> String {
    let ours = |c: char| c.is_ascii_lowercase() || "_.[]".contains(c);
    let plain = at.chars().all(|c| ours(c) || c.is_ascii_digit())
        && at.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() < 6);
    if plain && !at.is_empty() && at.len() <= 80 { at.to_owned() } else { "body".to_owned() }
}

fn failed(failure: &Failure) -> Problem {
    match failure {
        Failure::Refused(refusal) => refused(*refusal),
        Failure::Query(error) => problem(400, error.code, &["QUERY"]).at(vec![error.parameter.clone()]),
        Failure::NotFound => problem(404, "not-found", &["NOT_FOUND"]),
        Failure::Incomplete => problem(503, "transient", &["MIG_UNAVAILABLE"]).later(5),
        Failure::PageExpired => problem(410, "not-found", &["SEARCH_EXPIRED"]),
        Failure::Store(_) => problem(503, "transient", &["AUDIT_UNAVAILABLE"]).later(5),
        Failure::Gateway(error) => match **error {
            GatewayError::UnknownPatient => refused(Refusal::PatientNotFound),
            GatewayError::ConsentRefused => refused(Refusal::ConsentRefused),
            GatewayError::OptedOut => refused(Refusal::OptedOut),
            GatewayError::OutsideAgreement => refused(Refusal::NoAgreement),
            GatewayError::NotAuthorised => problem(403, "forbidden", &["ACCESS_DENIED", "SHARER"]),
            GatewayError::Unavailable { retry_after } => {
                problem(503, "transient", &["MIG_UNAVAILABLE"]).later(retry_after)
            }
            GatewayError::Timeout => problem(504, "timeout", &["MIG_TIMEOUT"]),
            GatewayError::Broken(_) => problem(502, "exception", &["MIG_ERROR"]),
            GatewayError::NotRecorded(_) => problem(503, "transient", &["AUDIT_UNAVAILABLE"]).later(5),
        },
    }
}

fn refused(refusal: Refusal) -> Problem {
    let (status, code) = match refusal {
        Refusal::Scope
        | Refusal::Suspended
        | Refusal::Role
        | Refusal::Assurance
        | Refusal::Purpose
        | Refusal::Enrolment(_)
        | Refusal::Network
        | Refusal::Relationship
        | Refusal::NoAgreement => (403, "forbidden"),
        Refusal::ConsentRequired | Refusal::ConsentRefused | Refusal::ConsentExpired | Refusal::OptedOut => {
            (403, "suppressed")
        }
        Refusal::PatientNotFound => (404, "not-found"),
    };
    let (general, particular) = refusal.reasons();
    let reasons: Vec<&'static str> = std::iter::once(general).chain(particular).collect();
    let said = match refusal {
        Refusal::Enrolment(lack) => Some(wanting(lack).to_owned()),
        _ => None,
    };
    Problem { said, ..problem(status, code, &reasons) }
}

/// What whoever is refused for want of an enrolment can do about it.
fn wanting(lack: Lack) -> &'static str {
    match lack {
        Lack::Enrolment => {
            "You are not enrolled for this organisation and role. Ask your organisation's administrator."
        }
        Lack::Terms => "You have not accepted the terms of use for this organisation and role. Accept them first.",
        Lack::Training => "Your training for this organisation and role is not on record. Complete it first.",
        Lack::Ended => {
            "Your enrolment for this organisation and role has ended. Ask your organisation's administrator."
        }
    }
}

/// What each reason means, for people. Also the displays of the CodeSystem.
#[must_use]
pub fn text(reason: &str) -> &'static str {
    match reason {
        "TOKEN" => "A valid bearer token is needed.",
        "SCOPE" => "The token lacks a scope for a type that this request could return.",
        "ROLE" => "The selected role may not do this, or no role is selected.",
        "ASSURANCE" => "The sign-in is not strong enough.",
        "PURPOSE" => "The record is shown for direct care only.",
        "ENROLMENT" => "The terms of use are not accepted, or the training is not done or has run out.",
        "SUSPENDED" => "Access is suspended.",
        "RELATIONSHIP" => "The patient is not registered for care with your organisation.",
        "SHARER" => "The practice's system did not accept the organisation, user or role.",
        "ACCESS_DENIED" => "Access is denied.",
        "NETWORK" => "The client is not on a network that is let in.",
        "NO_ORGANISATION_CONSENT" => "No sharing agreement covers this.",
        "NO_PATIENT_CONSENT" => "There is no consent of the patient.",
        "CONSENT_REQUIRED" => "Ask the patient for consent and record it first.",
        "CONSENT_REFUSED" => "The patient refused.",
        "CONSENT_EXPIRED" => "The consent for this occasion has run out or was withdrawn. Ask the patient again.",
        "OPTED_OUT" => "The patient has opted out of sharing at the practice.",
        "PATIENT_NOT_FOUND" => "No record can be shown for this patient.",
        "NOT_FOUND" => "There is no such resource.",
        "QUERY" => "A parameter is unknown, missing or not understood.",
        "RESOURCE_INVALID" => "The resource is not valid.",
        "CONFLICT" => "The resource has changed since the version named.",
        "SEARCH_EXPIRED" => "What may be shown has changed since the first page. Start the search again.",
        "METHOD" => "The method is not allowed here.",
        "ACCEPT" => "The format asked for is not served.",
        "MEDIA_TYPE" => "The media type of the body is not accepted.",
        "TOO_LONG" => "The request is too long.",
        "MIG_ERROR" => "The practice's system gave an answer that cannot be used.",
        "MIG_UNAVAILABLE" => "The practice's system cannot be reached now. Try again later.",
        "MIG_TIMEOUT" => "The practice's system did not answer in time.",
        "THROTTLED" => "Too many requests. Try again later.",
        "AUDIT_UNAVAILABLE" => "The access could not be recorded, so nothing was disclosed. Try again later.",
        _ => "An error of this service. Quote the request id.",
    }
}

/// Every reason of the CodeSystem.
pub const ALL_REASONS: &[&str] = &[
    "TOKEN",
    "ACCESS_DENIED",
    "SCOPE",
    "ROLE",
    "ASSURANCE",
    "PURPOSE",
    "ENROLMENT",
    "SUSPENDED",
    "RELATIONSHIP",
    "SHARER",
    "NETWORK",
    "NO_ORGANISATION_CONSENT",
    "NO_PATIENT_CONSENT",
    "CONSENT_REQUIRED",
    "CONSENT_REFUSED",
    "CONSENT_EXPIRED",
    "OPTED_OUT",
    "PATIENT_NOT_FOUND",
    "NOT_FOUND",
    "QUERY",
    "RESOURCE_INVALID",
    "CONFLICT",
    "SEARCH_EXPIRED",
    "METHOD",
    "ACCEPT",
    "MEDIA_TYPE",
    "TOO_LONG",
    "MIG_ERROR",
    "MIG_UNAVAILABLE",
    "MIG_TIMEOUT",
    "THROTTLED",
    "AUDIT_UNAVAILABLE",
    "INTERNAL",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_system_checked_in_is_that_of_the_table() {
        let concepts: Vec<Value> =
            ALL_REASONS.iter().map(|reason| json!({ "code": reason, "display": text(reason) })).collect();
        let system = json!({
            "resourceType": "CodeSystem",
            "id": "refusal",
            "url": REASONS,
            "version": "1.0.0",
            "name": "Refusal",
            "title": "Reasons of a refusal",
            "status": "active",
            "experimental": false,
            "date": "2026-11-24",
            "publisher": "mig-fhir",
            "description": "Why a request was refused or could not be answered: OperationOutcome.issue.details.",
            "caseSensitive": true,
            "content": "complete",
            "count": concepts.len(),
            "concept": concepts,
        });
        let made = serde_json::to_string_pretty(&system).expect("JSON") + "\n";
        crate::golden::compare("profiles/terminology/CodeSystem-refusal.json", &made);
    }
}
