//! What this service keeps itself, page by page: nothing is lost between two pages and nothing shown twice, whatever is
//! written meanwhile; and how often one caller may ask, and in how few bytes they are answered.

use super::world::{self, NHS, ODS, VIEWER, Who, World, run};
use mig_fhir::simulator::running::Extras;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FIRST: u64 = 2_300;
const MANY: u64 = 23;

async fn world() -> World {
    World::start(world::holdings((0..MANY + 2).map(|nth| world::patient(FIRST + nth, |_| {})))).await
}

fn episode(seed: u64) -> Value {
    json!({
        "resourceType": "EpisodeOfCare",
        "status": "planned",
        "patient": { "identifier": { "system": NHS, "value": world::number(seed) } },
        "managingOrganization": { "identifier": { "system": ODS, "value": VIEWER } },
    })
}

/// Every id of a search, in order, by following its pages; `between` runs once, after the first.
async fn walked(world: &World, who: &Who, query: &str, between: impl AsyncFnOnce()) -> Vec<String> {
    let mut page = world.get(query).by(who).ok().await;
    let (mut ids, mut between) = (page.ids(), Some(between));
    while let Some(next) = page.link("next") {
        assert!(!next.contains("patient"), "a page link says nothing");
        if let Some(between) = between.take() {
            between().await;
        }
        page = world.get(next.rsplit_once("/FHIR/R4/").expect("of this service").1).by(who).ok().await;
        ids.extend(page.ids());
    }
    assert!(between.is_none(), "there was a second page");
    ids
}

#[test]
fn a_register_is_read_page_by_page_while_it_grows() {
    run(async {
        let world = world().await;
        let system = world.member("viewer-system");
        for nth in 0..MANY {
            let answer = world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&episode(FIRST + nth)).await;
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
        let whole = world.get("EpisodeOfCare?status=planned").by(&system).ok().await;
        assert_eq!((whole.total(), whole.link("next")), (MANY, None));
        for count in [1, 5, 22, 23] {
            let query = format!("EpisodeOfCare?status=planned&_count={count}");
            if count == 23 {
                assert_eq!(world.get(&query).by(&system).ok().await.link("next"), None);
                continue;
            }
            let newcomer = async || {
                // Of another status on the way back, so that the next walk is of the same ones.
                let answer = world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&episode(FIRST + MANY)).await;
                let mut ended = answer.body.clone();
                ended["status"] = "cancelled".into();
                let path = format!("EpisodeOfCare/{}", answer.id());
                let put = world.ask(Method::PUT, &path).by(&system).header("if-match", "W/\"1\"").json(&ended).await;
                assert_eq!(put.status, 200, "{}", put.body);
            };
            assert_eq!(walked(&world, &system, &query, newcomer).await, whole.ids(), "{count} a page");
        }
        let none = world.get("EpisodeOfCare?status=planned&_count=0").by(&system).ok().await;
        assert_eq!((none.total(), none.ids().len(), none.link("next")), (MANY, 0, None));
    });
}

#[test]
fn reviews_that_are_closed_meanwhile_hide_none_that_are_still_open() {
    run(async {
        let world = world().await;
        let officer = world.privacy_officer(VIEWER);
        for nth in 0..7 {
            let who = world.clinician();
            let body = world.override_body(&who, &world::number(FIRST + nth), "Emergency");
            assert_eq!(world.post_consent(&who, &body).await.status, 201);
        }
        let whole = world.get("Task?status=requested").by(&officer).ok().await;
        assert_eq!(whole.total(), 7);
        let first = whole.resources().next().expect("a Task").clone();
        let close = async || {
            let mut closed = first.clone();
            closed["status"] = "completed".into();
            closed["businessStatus"] = json!({ "coding": [{
                "system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified" }] });
            let path = format!("Task/{}", first["id"].as_str().expect("an id"));
            let put = world.ask(Method::PUT, &path).by(&officer).header("if-match", "W/\"1\"").json(&closed).await;
            assert_eq!(put.status, 200, "{}", put.body);
        };
        assert_eq!(walked(&world, &officer, "Task?status=requested&_count=2", close).await, whole.ids());
        assert_eq!(world.get("Task?status=requested").by(&officer).ok().await.total(), 6);
    });
}

#[test]
fn consents_are_paged_for_their_own_readers_alone() {
    run(async {
        let world = world().await;
        let (who, other, officer) = (world.clinician(), world.clinician(), world.privacy_officer(VIEWER));
        for nth in 0..5 {
            world.permit(&who, &world::number(FIRST + nth)).await;
            world.permit(&other, &world::number(FIRST + nth)).await;
        }
        let mine: BTreeSet<String> = walked(&world, &who, "Consent?_count=2", async || {}).await.into_iter().collect();
        let all = walked(&world, &officer, "Consent?_count=3", async || {}).await;
        assert_eq!((mine.len(), all.len(), all.iter().collect::<BTreeSet<_>>().len()), (5, 10, 10));
        // A link is worth what its bearer may see, and nothing at another type or changed.
        let page = world.get("Consent?_count=2").by(&officer).ok().await;
        let next = page.link("next").expect("a next page");
        let sealed = next.rsplit_once("_page=").expect("sealed").1;
        let theirs = world.get(&format!("Consent?_page={sealed}")).by(&who).ok().await;
        assert!(theirs.ids().iter().all(|id| mine.contains(id)));
        for path in [
            format!("Task?_page={sealed}"),
            format!("Consent?_page={sealed}&status=active"),
            format!("Consent?_page=x{sealed}"),
            "Consent?_page=".to_owned(),
        ] {
            let answer = world.get(&path).by(&officer).send().await;
            assert_eq!((answer.status, answer.reasons(), answer.expressions()), (400, vec!["QUERY"], vec!["_page"]));
        }
        for count in ["-1", "1001", "x", ""] {
            let answer = world.get(&format!("Consent?_count={count}")).by(&officer).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec!["_count"]), "{count}");
        }
    });
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_again_and_nobody_else_is() {
    run(async {
        let settings = vec![("MIG_FHIR__SERVER__REQUESTS_PER_MINUTE".to_owned(), "20".to_owned())];
        let holdings = world::holdings([world::patient(FIRST, |_| {})]);
        let world = World::start_with(holdings, Extras { settings, ..Extras::default() }).await;
        let (who, other) = (world.clinician(), world.clinician());
        let mut refused = None;
        for _ in 0..40 {
            let answer = world.get("Consent").by(&who).send().await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
            assert_eq!(answer.status, 200);
        }
        let refused = refused.expect("refused in the end");
        assert_eq!(refused.reasons(), ["THROTTLED"]);
        assert_eq!(refused.body["issue"][0]["code"], "throttled");
        let seconds: u32 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
        assert!((1..=4).contains(&seconds), "{seconds}");
        world.get("Consent").by(&other).ok().await;
        assert_eq!(world.get("metadata").send().await.status, 200, "what anyone may read is not counted");
        // Another role of the same user is the same user.
        let again = world.get("Consent").by(&Who { organisation: "RX002".to_owned(), ..who.clone() }).send().await;
        assert_eq!(again.status, 429);
        tokio::time::sleep(std::time::Duration::from_secs(seconds.into())).await;
        world.get("Consent").by(&who).ok().await;
    });
}

#[test]
fn an_answer_is_squeezed_for_whoever_accepts_it_and_is_the_same() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world::number(FIRST);
        world.permit(&who, &number).await;
        let url = format!("{}/Patient/{}/$everything", world.base(), world.sealed(&number));
        let client = reqwest::Client::new();
        let ask = |encoding: Option<&'static str>, method: Method| {
            let mut request = client.request(method, &url).bearer_auth(&who.token);
            if let Some(encoding) = encoding {
                request = request.header("accept-encoding", encoding);
            }
            async move { request.send().await.expect("an answer") }
        };
        let plain = ask(None, Method::GET).await;
        assert!(plain.headers().get("content-encoding").is_none());
        assert!(plain.headers().get_all("vary").iter().any(|value| value == "accept-encoding"));
        let plain = plain.bytes().await.expect("bytes");
        let squeezed = ask(Some("gzip"), Method::GET).await;
        assert_eq!(
            (squeezed.status().as_u16(), &squeezed.headers()["content-encoding"]),
            (200, &"gzip".parse().expect("a value"))
        );
        let length: usize = squeezed.headers()["content-length"].to_str().expect("text").parse().expect("bytes");
        let squeezed = squeezed.bytes().await.expect("bytes");
        assert_eq!(length, squeezed.len());
        assert!(squeezed.len() * 4 < plain.len(), "{} of {}", squeezed.len(), plain.len());
        let mut back = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&squeezed[..]), &mut back).expect("gzip");
        let strip = |text: &str| {
            let mut bundle: Value = serde_json::from_str(text).expect("JSON");
            bundle.as_object_mut().expect("a Bundle").remove("id");
            bundle
        };
        assert_eq!(strip(&back), strip(std::str::from_utf8(&plain).expect("text")));
        let head = ask(Some("gzip"), Method::HEAD).await;
        assert_eq!(head.headers()["content-encoding"], "gzip");
        assert!(head.bytes().await.expect("bytes").is_empty());
    });
}

#[test]
fn what_is_kept_is_searched_strictly_or_leniently_and_no_parameter_is_lost_without_a_word() {
    run(async {
        let world = world().await;
        let (who, number) = (world.clinician(), world::number(FIRST));
        world.permit(&who, &number).await;
        world.search("Condition", &number, "").by(&who).ok().await;
        let (officer, system) = (world.privacy_officer(VIEWER), world.member("viewer-system"));
        for (kind, by, known) in [
            ("Consent", &who, "status=active"),
            ("EpisodeOfCare", &system, "status=planned"),
            ("Task", &officer, "status=requested"),
            ("AuditEvent", &officer, "outcome=0"),
        ] {
            let ask = |query: &str| world.get(&format!("{kind}?{query}")).by(by);
            let strict = ask(&format!("{known}&colour=red")).send().await;
            assert_eq!((strict.status, strict.expressions()), (400, vec!["colour"]), "{kind}");
            let whole = ask(known).ok().await;
            let lenient = ask(&format!("{known}&colour=red")).header("prefer", "handling=lenient").ok().await;
            assert_eq!(lenient.header("preference-applied"), Some("handling=lenient"), "{kind}");
            assert!(!lenient.link("self").expect("a self link").contains("colour"), "{kind}");
            // The trail grows with each of these requests.
            let grown = if kind == "AuditEvent" { 0..3 } else { 0..1 };
            assert!(grown.contains(&(lenient.total() - whole.total())), "{kind}");
            // A preference makes no wrong value right, and takes no page for another.
            for wrong in ["_count=many", "_page=nothing", &format!("{known}&{known}")] {
                let refused = ask(wrong).header("prefer", "handling=lenient").send().await;
                assert_eq!((refused.status, refused.reasons()), (400, vec!["QUERY"]), "{kind}?{wrong}");
            }
        }
        // A link says all that was asked.
        let next = world.get("AuditEvent?_count=1").by(&officer).ok().await.link("next").expect("a next page");
        let page = next.rsplit_once("/FHIR/R4/").expect("of this service").1;
        world.get(page).by(&officer).ok().await;
        assert_eq!(world.get(&format!("{page}&outcome=0")).by(&officer).send().await.status, 400);
        // Both sides of a span are dates; of two patients neither is meant.
        world.get("AuditEvent?date=ge2020-01-01&date=le2999-01-01").by(&officer).ok().await;
        let two = format!("AuditEvent?patient={0}&patient.identifier={NHS}%7C{number}", world.sealed(&number));
        assert_eq!(world.get(&two).by(&officer).send().await.expressions(), ["patient.identifier"]);
        // The number in the body, and the same events.
        let form = format!("patient.identifier={NHS}%7C{number}&outcome=0&type=rest");
        let by_form = world.ask(Method::POST, "AuditEvent/_search").by(&officer).form(&form).ok().await;
        assert!(by_form.total() >= 2);
        let link = by_form.link("self").expect("a self link");
        assert!(link.contains(&format!("patient={}", world.sealed(&number))), "{link}");
    });
}

#[test]
fn a_search_of_what_is_kept_reads_its_parameters_like_one_of_the_record() {
    run(async {
        let world = world().await;
        let (system, officer) = (world.member("viewer-system"), world.member("privacy-officer"));
        let number = world::number(FIRST);
        let stored = world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&episode(FIRST)).await;
        assert_eq!(stored.status, 201, "{}", stored.body);
        let sealed = stored.body["patient"]["reference"].as_str().and_then(|text| text.strip_prefix("Patient/"));
        let sealed = sealed.expect("a sealed id").to_owned();
        let found = async |query: String| {
            world.ask(Method::POST, "EpisodeOfCare/_search").by(&system).form(&query).send().await
        };
        // A number without a system is of any; a sealed id may stand alone, or as a reference to a Patient and to nothing else.
        for query in [
            format!("patient.identifier={NHS}|{number}"),
            format!("patient.identifier={number}"),
            format!("patient={sealed}"),
            format!("patient=Patient/{sealed}"),
        ] {
            let answer = found(query).await;
            assert_eq!((answer.status, answer.total() > 0), (200, true), "{}", answer.body);
        }
        for (name, value) in [
            ("patient.identifier", format!("urn:other|{number}")),
            ("patient.identifier", format!("|{number}")),
            ("patient", format!("Practitioner/{sealed}")),
        ] {
            let answer = found(format!("{name}={value}")).await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "{value}");
        }
        for (name, value) in
            [("outcome", "5"), ("outcome", "256"), ("agent.identifier", ""), ("agent.identifier", "urn:x|")]
        {
            let answer = world.get(&format!("AuditEvent?{name}={value}")).by(&officer).send().await;
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "{value}");
        }
        assert_eq!(world.get("AuditEvent?outcome=12").by(&officer).ok().await.total(), 0);
    });
}
