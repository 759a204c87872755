//! `/sharing`: who may see, who shares, since when, which views (3.6.2, 14); for anyone, as a page or as JSON by `Accept`.
//! Made of the agreements and what is stopped, and nothing else: it names organisations, and no person.

use super::layers::Peer;
use super::outcome::Rejection;
use super::page::{self, STYLE, escaped};
use super::{App, answer, only, respond};
use crate::clock;
use crate::disclose::Failure;
use crate::kinds::View;
use crate::register::AgreementStatus;
use crate::register::agreements::{self, SignedAgreement, Target};
use crate::store::StoreError;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use time::{Date, OffsetDateTime};

/// The page's route.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/sharing", only("GET, HEAD", routing::get(show)))
}

/// One agreement as anyone may know it.
struct Entry {
    viewer: String,
    since: Date,
    until: Option<Date>,
    views: Vec<View>,
    state: &'static str,
    sharers: Vec<(String, Date)>,
    joining: Vec<(String, Date)>,
}

struct Sharing {
    at: OffsetDateTime,
    /// Nobody sees anything just now.
    stopped: bool,
    entries: Vec<Entry>,
}

async fn show(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let sharing = read(&app).await.map_err(|error| Rejection::from(Failure::Store(error)));
    let answer = sharing.map(|sharing| {
        let mut response = if wants_json(&headers) {
            answer::json(&json(&sharing))
        } else {
            page::answer(page(&sharing))
        };
        // Who may see can change at any moment.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    });
    respond(&peer, answer)
}

/// Whether JSON stands before a page in what is accepted; a browser names the page.
fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let first = accepted.flat_map(|line| line.split(',')).map(|media| media.split(';').next().unwrap_or("").trim());
    let known = first.into_iter().find(|media| matches!(*media, "text/html" | "application/json" | "application/*"));
    known.is_some_and(|media| media != "text/html")
}

async fn read(app: &App) -> Result<Sharing, StoreError> {
    let (pool, at) = (app.store.reader(), app.service.clock.now());
    let today = clock::to_london(at).date();
    let in_force = agreements::in_force_on(pool, at).await?;
    let kept = agreements::registers(pool).await?.agreements;
    let suspensions = agreements::suspensions_at(pool, at).await?;
    let stopped = |target: Target, code: &str| {
        suspensions.iter().any(|one| one.suspension.target == target && one.suspension.subject == code)
    };
    let entries = kept
        .iter()
        .filter(|one| one.terms.status != AgreementStatus::Terminated)
        .filter(|one| one.terms.until.is_none_or(|until| today <= until))
        .map(|one| {
            let terms = &one.terms;
            let now = in_force.iter().find(|now| now.terms.id == terms.id);
            let sharing = |one: &SignedAgreement| {
                let sharers = one.terms.sharers.iter();
                let sharers = sharers.filter(|sharer| !stopped(Target::Sharer, sharer.practice.as_str()));
                sharers.map(|sharer| (sharer.practice.to_string(), sharer.joined)).collect()
            };
            Entry {
                viewer: terms.viewer.to_string(),
                since: terms.from,
                until: terms.until,
                views: terms.views.clone(),
                state: match now {
                    _ if terms.status == AgreementStatus::Suspended => "suspended",
                    _ if stopped(Target::Viewer, terms.viewer.as_str()) => "suspended",
                    None => "planned",
                    Some(_) => "active",
                },
                sharers: now.map(sharing).unwrap_or_default(),
                joining: terms
                    .sharers
                    .iter()
                    .filter(|sharer| sharer.joined > today || now.is_none() && terms.from > today)
                    .map(|sharer| (sharer.practice.to_string(), sharer.joined.max(terms.from)))
                    .collect(),
            }
        })
        .collect();
    Ok(Sharing { at, stopped: stopped(Target::Everything, ""), entries })
}

fn json(sharing: &Sharing) -> Value {
    let practices = |list: &[(String, Date)]| -> Vec<Value> {
        list.iter().map(|(practice, since)| json!({ "practice": practice, "since": since.to_string() })).collect()
    };
    let entries: Vec<Value> = sharing
        .entries
        .iter()
        .map(|entry| {
            json!({
                "viewer": entry.viewer,
                "state": entry.state,
                "since": entry.since.to_string(),
                "until": entry.until.map(|day| day.to_string()),
                "views": entry.views.iter().map(|view| view.as_str()).collect::<Vec<_>>(),
                "sharers": practices(&entry.sharers),
                "joining": practices(&entry.joining),
            })
        })
        .collect();
    json!({ "at": clock::rfc3339(sharing.at), "stopped": sharing.stopped, "agreements": entries })
}

/// A view in everyday words.
const fn words(view: View) -> &'static str {
    match view {
        View::PatientDetails => "name, address and GP practice",
        View::Summary => "a summary",
        View::Problems => "problems",
        View::Diagnosis => "diagnoses",
        View::Medication => "medication",
        View::RisksAndWarnings => "allergies, risks and warnings",
        View::Procedures => "operations and immunisations",
        View::Investigations => "test results",
        View::Examination => "examination findings such as blood pressure",
        View::Events => "consultations, admissions and referrals (that they took place, not what was written)",
    }
}

fn day(day: Date) -> String {
    format!("{} {} {}", day.day(), day.month(), day.year())
}

fn page(sharing: &Sharing) -> String {
    let mut out = String::with_capacity(8 * 1024);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en-GB\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Who shares GP records with whom</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Who shares GP records with whom</h1>\n\
         <p>GP practices have agreed to let clinicians of these organisations see parts of a patient's GP record while they \
         treat that patient, if the patient agrees at the time. Organisations are named by their NHS code.</p>\n"
    );
    if sharing.stopped {
        out.push_str("<p class=\"notice\"><strong>All sharing is stopped just now.</strong></p>\n");
    }
    if sharing.entries.is_empty() {
        out.push_str("<p>No organisation may see anything.</p>\n");
    }
    for entry in &sharing.entries {
        let viewer = escaped(&entry.viewer);
        let until = entry.until.map_or_else(String::new, |until| format!(" until {}", day(until)));
        let _ = writeln!(out, "<section aria-label=\"{viewer}\">\n<h2>{viewer}</h2>");
        let _ = match entry.state {
            "planned" => writeln!(out, "<p>May see from {}{until}.</p>", day(entry.since)),
            "suspended" => writeln!(out, "<p><strong>Stopped for now.</strong> Agreed on {}{until}.</p>", day(entry.since)),
            _ => writeln!(out, "<p>May see since {}{until}.</p>", day(entry.since)),
        };
        out.push_str("<h3>What may be seen</h3>\n<ul>\n");
        for view in &entry.views {
            let _ = writeln!(out, "<li>{}</li>", words(*view));
        }
        out.push_str("</ul>\n");
        table(&mut out, "Practices that share", "Since", &entry.sharers);
        table(&mut out, "Practices about to join", "From", &entry.joining);
        out.push_str("</section>\n");
    }
    let _ = write!(
        out,
        "<h2>What is never shown</h2>\n<p>Some subjects are always left out: <a href=\"/exclusions\">the list</a>. To stop \
         sharing altogether, ask your GP practice.</p>\n<footer><p>As it stood on {} at {:02}:{:02}.</p></footer>\n\
         </main>\n</body>\n</html>\n",
        day(clock::to_london(sharing.at).date()),
        clock::to_london(sharing.at).hour(),
        clock::to_london(sharing.at).minute()
    );
    out
}

fn table(out: &mut String, caption: &str, when: &str, practices: &[(String, Date)]) {
    if practices.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<table>\n<caption>{caption}</caption>\n<thead><tr><th scope=\"col\">Practice</th><th scope=\"col\">{when}</th></tr>\
         </thead>\n<tbody>\n"
    );
    for (practice, since) in practices {
        let _ = writeln!(out, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(practice), day(*since));
    }
    out.push_str("</tbody>\n</table>\n");
}
