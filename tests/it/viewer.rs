//! `/viewer`: a page for the demo and for test environments, and nowhere else.

use crate::world::{World, builtin, run};
use mig_fhir::app::Server;
use mig_fhir::config::Config;
use mig_fhir::store::StoreConfig;
use serde_json::Value;
use tokio::sync::oneshot;

/// Serves with the demo's settings but without the demo's routes, and tells what these paths answer.
async fn served(world: &World, viewer: bool, paths: [&str; 2]) -> [(u16, String); 2] {
    let mut config = Config::load(&world.folder().join("config.toml")).expect("the demo's settings");
    assert!(!config.server.viewer, "off unless a setting says so");
    config.server.viewer = viewer;
    config.server.listen = "127.0.0.1:0".parse().expect("an address");
    let folder = tempfile::tempdir().expect("a folder");
    config.audit.anchor_file = folder.path().join("anchor");
    config.store = StoreConfig::sqlite(folder.path().join("store.sqlite"));
    let server = Server::build(&config, world.clock.clone(), None).await.expect("a server");
    let origin = server.base_url().trim_end_matches("/FHIR/R4").to_owned();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    let mut answers = Vec::new();
    for path in paths {
        let answer = reqwest::get(format!("{origin}{path}")).await.expect("an answer");
        answers.push((answer.status().as_u16(), answer.text().await.expect("a body")));
    }
    let _ = stop.send(());
    task.await.expect("stopped");
    answers.try_into().expect("two")
}

#[test]
fn serving_has_no_viewer_unless_a_setting_says_so() {
    run(async {
        let world = World::start(builtin()).await;
        for (status, body) in served(&world, false, ["/viewer", "/viewer/main.js"]).await {
            let outcome: Value = serde_json::from_str(&body).expect("FHIR");
            assert_eq!((status, &outcome["resourceType"]), (404, &"OperationOutcome".into()));
        }
        for (status, page) in served(&world, false, ["/openapi.json", "/docs"]).await {
            assert_eq!(status, 200);
            assert!(!page.contains("data-demo=\"yes\""), "the documentation is there, without the demo's cast");
        }
        let [(status, page), (script, _)] = served(&world, true, ["/viewer", "/viewer/main.js"]).await;
        assert_eq!((status, script), (200, 200));
        assert!(page.contains("data-demo=\"no\""), "without the demo's cast");
    });
}

#[test]
fn the_demo_has_the_viewer_with_its_policy_and_nothing_that_outlives_the_page() {
    run(async {
        let world = World::start(builtin()).await;
        let origin = world.base().trim_end_matches("/FHIR/R4").to_owned();
        let answer = reqwest::get(format!("{origin}/viewer")).await.expect("an answer");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
        assert!(header("content-security-policy").contains("require-trusted-types-for 'script'"));
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!((header("x-content-type-options"), header("x-frame-options")), ("nosniff".into(), "DENY".into()));
        assert!(answer.text().await.expect("a page").contains("data-demo=\"yes\""));
        let posted = reqwest::Client::new().post(format!("{origin}/viewer")).send().await.expect("an answer");
        assert_eq!((posted.status().as_u16(), &posted.headers()["allow"]), (405, &"GET, HEAD".parse().expect("text")));
    });
}
