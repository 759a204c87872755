//! `/docs`: wherever `/openapi.json` is, and made of nothing but what this service serves.

use crate::world::{World, builtin, run};
use reqwest::Client;

const FILES: [&str; 12] = [
    "",
    "/site.css",
    "/docs.css",
    "/main.js",
    "/attempt.js",
    "/errors.js",
    "/operation.js",
    "/schema.js",
    "/session.js",
    "/token.js",
    "/dom.js",
    "/reasons.js",
];

#[test]
fn the_documentation_stands_beside_the_document_with_its_policy_and_needs_no_token() {
    run(async {
        let world = World::start(builtin()).await;
        let origin = world.base().trim_end_matches("/FHIR/R4").to_owned();
        let document = reqwest::get(format!("{origin}/openapi.json")).await.expect("an answer");
        assert_eq!(document.status(), 200);
        for file in FILES {
            let answer = reqwest::get(format!("{origin}/docs{file}")).await.expect("an answer");
            assert_eq!(answer.status(), 200, "{file}");
            let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{file}: {policy}");
            assert!(policy.contains("trusted-types 'none'") && policy.contains("frame-ancestors 'none'"), "{file}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{file}");
            let text = answer.text().await.expect("a text");
            assert!(!text.contains("localStorage") && !text.contains("sessionStorage"), "{file} keeps nothing");
        }
        let posted = Client::new().post(format!("{origin}/docs")).send().await.expect("an answer");
        assert_eq!((posted.status().as_u16(), &posted.headers()["allow"]), (405, &"GET, HEAD".parse().expect("text")));
    });
}
