//! Pages with a script: `/docs`, the API to read and to try, and `/viewer`, a record to look at. They are for anyone and hold
//! nothing; what they show they fetch through the public API, with the token that the person at the screen has. `/docs` is
//! wherever `/openapi.json` is; `/viewer` is there in the demo, and elsewhere only where a setting says so.

use super::{App, only};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::{Router, routing};
use std::sync::Arc;

/// Nothing from elsewhere, no frame, no form that is sent, no inline script or style; and no text ever becomes markup, since
/// `trusted-types 'none'` leaves no way to make any: what a record says may be hostile.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Where a page says whether it stands in a demo.
const DEMO: &str = "{DEMO}";

/// A file of a page: its path, its media type, and what is in it.
type File = (&'static str, &'static str, &'static str);

const VIEWER: &[File] = &[
    ("/viewer", HTML, include_str!("site/viewer.html")),
    ("/viewer/site.css", STYLE, include_str!("site/site.css")),
    ("/viewer/viewer.css", STYLE, include_str!("site/viewer/viewer.css")),
    ("/viewer/main.js", SCRIPT, include_str!("site/viewer/main.js")),
    ("/viewer/alerts.js", SCRIPT, include_str!("site/viewer/alerts.js")),
    ("/viewer/api.js", SCRIPT, include_str!("site/viewer/api.js")),
    ("/viewer/consent.js", SCRIPT, include_str!("site/viewer/consent.js")),
    ("/viewer/narrative.js", SCRIPT, include_str!("site/viewer/narrative.js")),
    ("/viewer/office.js", SCRIPT, include_str!("site/viewer/office.js")),
    ("/viewer/people.js", SCRIPT, include_str!("site/viewer/people.js")),
    ("/viewer/plots.js", SCRIPT, include_str!("site/viewer/plots.js")),
    ("/viewer/record.js", SCRIPT, include_str!("site/viewer/record.js")),
    ("/viewer/refusal.js", SCRIPT, include_str!("site/viewer/refusal.js")),
    ("/viewer/when.js", SCRIPT, include_str!("site/viewer/when.js")),
    ("/viewer/dom.js", SCRIPT, include_str!("site/dom.js")),
    ("/viewer/reasons.js", SCRIPT, include_str!("site/reasons.js")),
];

const DOCS: &[File] = &[
    ("/docs", HTML, include_str!("site/docs.html")),
    ("/docs/site.css", STYLE, include_str!("site/site.css")),
    ("/docs/docs.css", STYLE, include_str!("site/docs/docs.css")),
    ("/docs/main.js", SCRIPT, include_str!("site/docs/main.js")),
    ("/docs/attempt.js", SCRIPT, include_str!("site/docs/attempt.js")),
    ("/docs/errors.js", SCRIPT, include_str!("site/docs/errors.js")),
    ("/docs/operation.js", SCRIPT, include_str!("site/docs/operation.js")),
    ("/docs/schema.js", SCRIPT, include_str!("site/docs/schema.js")),
    ("/docs/session.js", SCRIPT, include_str!("site/docs/session.js")),
    ("/docs/token.js", SCRIPT, include_str!("site/docs/token.js")),
    ("/docs/dom.js", SCRIPT, include_str!("site/dom.js")),
    ("/docs/reasons.js", SCRIPT, include_str!("site/reasons.js")),
];

/// The routes of the pages: the documentation, and the viewer if it is to be there.
pub fn routes(viewer: bool) -> Router<Arc<App>> {
    let viewer = if viewer { VIEWER } else { &[] };
    DOCS.iter().chain(viewer).fold(Router::new(), |router, file| {
        let show = move |State(app): State<Arc<App>>| async move { answer(file, app.demo) };
        router.route(file.0, only("GET, HEAD", routing::get(show)))
    })
}

fn answer((_, media, text): &File, demo: bool) -> Response {
    let page = *media == HTML;
    let body = if page { Body::from(text.replace(DEMO, if demo { "yes" } else { "no" })) } else { Body::from(*text) };
    let mut response = Response::new(body);
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_TYPE, media),
        // A page and its scripts are of one version, always; and what a viewer showed is not to be had by going back.
        (header::CACHE_CONTROL, if page { "no-store" } else { "no-cache" }),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> impl Iterator<Item = &'static File> {
        DOCS.iter().chain(VIEWER)
    }

    #[test]
    fn every_page_and_script_comes_with_the_policy_and_only_scripts_are_kept_by_a_browser() {
        for file in files() {
            let response = answer(file, false);
            let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
            assert_eq!(header("content-security-policy"), POLICY, "{}", file.0);
            assert_eq!(header("content-type"), file.1);
            assert_eq!(header("cache-control"), if file.1 == HTML { "no-store" } else { "no-cache" });
            assert_eq!((header("x-frame-options"), header("referrer-policy")), ("DENY".into(), "no-referrer".into()));
        }
        assert!(POLICY.starts_with("default-src 'none'") && !POLICY.contains("unsafe") && !POLICY.contains("http"));
    }

    #[test]
    fn no_page_names_another_origin_or_has_anything_inline_or_makes_markup_of_text() {
        for (path, _, text) in files() {
            for banned in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser", "style=\""]
            {
                assert!(!text.contains(banned), "{path}: {banned}");
            }
            for banned in
                ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(", "@import", "<style", "onclick="]
            {
                assert!(!text.contains(banned), "{path}: {banned}");
            }
        }
    }

    #[test]
    fn whatever_a_page_loads_is_among_its_files() {
        for (path, _, text) in files() {
            let folder = path.split('/').nth(1).expect("a folder");
            let quoted =
                text.split(['"', '\'']).filter(|part| matches!(part.rsplit_once('.'), Some((_, "js" | "css"))));
            for name in quoted {
                let name = name.trim_start_matches("./").trim_start_matches(&format!("{folder}/"));
                let wanted = format!("/{folder}/{name}");
                assert!(files().any(|file| file.0 == wanted), "{path} loads {wanted}");
            }
        }
    }

    #[test]
    fn a_page_says_whether_it_stands_in_a_demo() {
        for (path, _, text) in files().filter(|file| file.1 == HTML) {
            assert!(text.contains("data-demo=\"{DEMO}\""), "{path}");
        }
    }
}
