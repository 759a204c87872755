//! ValueSet and CodeSystem: the exclusion list, the views and the reasons of a refusal in FHIR's words, for anyone to read.
//! Made of the list in force and of nothing else: no token, no patient, no caller, so that there is nothing to audit.

use super::extract::{self, Handling, Id, Pairs};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, answer, kept, only, respond};
use crate::catalogue::PUBLIC;
use crate::disclose::Failure;
use crate::release::Definition;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::Value;
use std::sync::Arc;

/// How long anyone may keep an answer.
const PUBLIC_FOR: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The routes of both types.
pub fn routes() -> Router<Arc<App>> {
    PUBLIC.iter().fold(Router::new(), |router, public| {
        let kind = public.name;
        let one = async move |state, peer, headers, id| read(kind, state, peer, &headers, id);
        let many = async move |state, peer, headers, query| search(kind, state, peer, &headers, query);
        router
            .route(&format!("/{kind}/{{id}}"), only("GET, HEAD", routing::get(one)))
            .route(&format!("/{kind}"), only("GET, HEAD", routing::get(many)))
    })
}

fn read(
    kind: &'static str,
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: &HeaderMap,
    Id(id): Id,
) -> Response {
    let found = || {
        peer.wishes.now().served()?;
        let list = app.service.views.exclusions();
        let mut all = list.definitions().iter();
        let one = all.find(|one| one.text("resourceType") == kind && one.text("id") == id);
        let one = one.ok_or(Rejection::Failure(Failure::NotFound))?;
        Ok(shown(one, headers))
    };
    respond(&peer, found())
}

fn shown(one: &Definition, headers: &HeaderMap) -> Response {
    let tag = format!("W/\"{}\"", one.tag);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    let mut response = answer::document(&one.resource);
    if known.any(|known| known == "*" || known == tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, PUBLIC_FOR);
    response
}

fn search(
    kind: &'static str,
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: &HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let found = || {
        let pairs = extract::parameters(&peer, query.as_deref(), None)?.pairs;
        let pairs = understood(pairs, extract::is_lenient(headers))?;
        let list = app.service.views.exclusions();
        let of_kind = list.definitions().iter().filter(|one| one.text("resourceType") == kind);
        let all = of_kind.filter(|one| pairs.iter().all(|(name, value)| matches(one, name, value)));
        let resources: Vec<Value> = all.map(|one| one.resource.clone()).collect();
        let mut response = answer::document(&kept::bundle(&app, peer.wishes.now(), kind, &pairs, resources));
        response.headers_mut().insert(header::CACHE_CONTROL, PUBLIC_FOR);
        Ok(response)
    };
    answer::preferred(respond(&peer, found()), Handling::preferred(headers))
}

/// The parameters that are searched by; an unknown one is refused, or left out where the client is lenient.
fn understood(pairs: Pairs, lenient: bool) -> Result<Pairs, Rejection> {
    let mut known = Vec::new();
    for (name, value) in pairs {
        match name.as_str() {
            "_id" | "url" | "version" | "status" | "name" | "name:exact" | "name:contains" => {
                if value.is_empty() {
                    return Err(Rejection::Failure(kept::invalid(&name)));
                }
                kept::names_nobody(&name, &value)?;
                known.push((name, value));
            }
            _ if lenient => {}
            _ => return Err(Rejection::Failure(kept::unknown(&name))),
        }
    }
    Ok(known)
}

/// One of several values, separated by commas, is enough.
fn matches(one: &Definition, name: &str, values: &str) -> bool {
    let folded = |text: &str| text.to_lowercase();
    values.split(',').any(|value| match name {
        "_id" => one.text("id") == value,
        "name" => folded(one.text("name")).starts_with(&folded(value)),
        "name:exact" => one.text("name") == value,
        "name:contains" => folded(one.text("name")).contains(&folded(value)),
        // A token may name its code system.
        "status" => {
            value.strip_prefix("http://hl7.org/fhir/publication-status|").unwrap_or(value) == one.text("status")
        }
        other => one.text(other) == value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Exclusions;

    fn found(name: &str, value: &str) -> Vec<String> {
        let list = Exclusions::builtin().expect("the list of this build");
        let all = list.definitions().iter().filter(|one| matches(one, name, value));
        all.map(|one| format!("{}/{}", one.text("resourceType"), one.text("id"))).collect()
    }

    #[test]
    fn definitions_are_found_by_address_version_name_status_and_id() {
        assert_eq!(found("url", "urn:x-mig-fhir:ValueSet:exclusions"), ["ValueSet/mig-exclusions"]);
        assert_eq!(found("_id", "view,refusal"), ["CodeSystem/refusal", "CodeSystem/view"]);
        assert_eq!(found("name", "migexclusionsgen"), ["ValueSet/mig-exclusions-gender"]);
        assert_eq!(found("name:exact", "MigExclusionsGender"), ["ValueSet/mig-exclusions-gender"]);
        assert!(found("name:exact", "migexclusionsgender").is_empty());
        assert_eq!(found("name:contains", "hiv"), ["ValueSet/mig-exclusions-hiv-aids"]);
        assert!(found("name", "hiv").is_empty());
        let all = found("status", "active");
        assert_eq!(found("status", "http://hl7.org/fhir/publication-status|active"), all);
        assert!(all.len() > 15 && found("status", "draft").is_empty());
        assert!(found("version", "1.0.0").len() > 15 && found("version", "0").is_empty());
    }

    #[test]
    fn what_is_not_understood_is_refused_unless_the_client_is_lenient() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(understood(pair("title", "x"), false).is_err());
        assert!(understood(pair("title", "x"), true).expect("lenient").is_empty());
        assert!(understood(pair("url", ""), true).is_err());
        for name in ["_id", "url", "version", "status", "name", "name:exact", "name:contains"] {
            for value in ["9990151059", "urn:999 015 1059", "a,9990151059x"] {
                assert!(understood(pair(name, value), true).is_err(), "{name} {value}");
            }
            assert_eq!(understood(pair(name, "x"), false).expect("known"), pair(name, "x"));
        }
    }

    #[test]
    fn a_tag_that_the_client_holds_answers_without_a_body() {
        let list = Exclusions::builtin().expect("the list of this build");
        let one = &list.definitions()[0];
        let tag = format!("W/\"{}\"", one.tag);
        for (sent, status) in [
            (tag.as_str(), StatusCode::NOT_MODIFIED),
            ("*", StatusCode::NOT_MODIFIED),
            ("W/\"other\"", StatusCode::OK),
            (&format!("W/\"other\", {tag}"), StatusCode::NOT_MODIFIED),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(sent).expect("a header"));
            let response = shown(one, &headers);
            assert_eq!(response.status(), status, "{sent}");
            assert_eq!(response.headers()[header::ETAG], tag.as_str());
            assert_eq!(response.headers()[header::CACHE_CONTROL], PUBLIC_FOR);
        }
        assert_eq!(shown(one, &HeaderMap::new()).status(), StatusCode::OK);
    }
}
