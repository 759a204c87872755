//! The alert of an override leaves the service: signed, naming nobody, until a receiver has accepted it, and then never
//! again. The receivers here are the test's own, over real sockets; what is down is a port where nobody listens.

use crate::world::{Answer, VIEWER, Who, World, builtin, run};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use mig_fhir::chance::Chance;
use mig_fhir::ids::OdsCode;
use mig_fhir::kinds::View;
use mig_fhir::outbox::{AlertsConfig, Keys, Sender};
use mig_fhir::register::agreements::{self, Registers, SignedAgreement};
use mig_fhir::register::alerts::{self, Letter, LetterState, Wanted};
use mig_fhir::simulator::running::Extras;
use mig_fhir::store::Store;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a receiver does with a letter.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Takes it.
    Takes,
    /// Answers with this status.
    Says(u16),
    /// Sends the caller elsewhere.
    Redirects,
    /// Takes it, with an answer that does not end.
    Endless,
    /// Says nothing for longer than anybody waits.
    Silent,
    /// Takes it, once the test says so.
    Gated,
}

#[derive(Clone)]
struct Got {
    id: String,
    timestamp: String,
    signatures: String,
    body: String,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    manner: Mutex<Manner>,
    elsewhere: Mutex<usize>,
    gate: Notify,
}

/// A receiver that can be closed and opened again at the same address.
struct Receiver {
    shared: Arc<Shared>,
    at: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let shared = Shared {
            got: Mutex::default(),
            manner: Mutex::new(manner),
            elsewhere: Mutex::default(),
            gate: Notify::new(),
        };
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut receiver = Self { shared: Arc::new(shared), at, task: None };
        receiver.open().await;
        receiver
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(self.at).await.expect("a port");
        self.at = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/hook", post(hook))
            .route("/elsewhere", post(elsewhere))
            .with_state(self.shared.clone());
        self.task = Some(tokio::spawn(async move { drop(axum::serve(listener, router).await) }));
    }

    async fn close(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            drop(task.await);
        }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    fn manner(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }
}

async fn hook(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    shared.got.lock().unwrap().push(Got {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signatures: text("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let manner = *shared.manner.lock().unwrap();
    match manner {
        Manner::Takes => StatusCode::NO_CONTENT.into_response(),
        Manner::Says(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Redirects => (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response(),
        Manner::Endless => {
            let pieces =
                futures_util::stream::repeat(Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'x'; 4096])));
            Body::from_stream(pieces).into_response()
        }
        Manner::Silent => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Manner::Gated => {
            shared.gate.notified().await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

async fn elsewhere(State(shared): State<Arc<Shared>>) -> StatusCode {
    *shared.elsewhere.lock().unwrap() += 1;
    StatusCode::NO_CONTENT
}

fn extras(more: &[(&str, &str)]) -> Extras {
    let settings = [("LOOK_EVERY_MS", "20")].iter().chain(more);
    let settings = settings.map(|(key, value)| (format!("MIG_FHIR__ALERTS__{key}"), (*value).to_owned())).collect();
    Extras { settings, ..Extras::default() }
}

async fn world(receiver: &Receiver, more: &[(&str, &str)]) -> World {
    let url = receiver.url();
    let said: Vec<(&str, &str)> = [("WEBHOOK", url.as_str())].iter().chain(more).copied().collect();
    World::start_with(builtin(), extras(&said)).await
}

async fn letters(world: &World) -> Vec<Letter> {
    let wanted = Wanted { kind: Some(alerts::LetterKind::Override), ..Wanted::default() };
    alerts::listed(world.store().reader(), &wanted).await.expect("read")
}

/// Waits until something is so.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn all_stand(world: &World, state: LetterState) -> Vec<Letter> {
    until("that state", async || {
        let all = letters(world).await;
        all.iter().all(|letter| letter.state == state).then_some(all)
    })
    .await
}

async fn overrides(world: &World, who: &Who) -> Answer {
    world.post_consent(who, &world.override_body(who, &world.scenario("rich"), "Emergency")).await
}

fn admin(world: &World, path: &str) -> String {
    format!("{}/admin/{path}", world.base().trim_end_matches("/FHIR/R4"))
}

async fn shown(world: &World, who: &Who, path: &str) -> Value {
    world.get(&admin(world, path)).by(who).ok().await.body
}

#[test]
fn the_alert_of_an_override_arrives_signed_and_names_neither_patient_nor_user() {
    run(async {
        let receiver = Receiver::start(Manner::Takes).await;
        let world = world(&receiver, &[]).await;
        let who = world.clinician();
        let consent = overrides(&world, &who).await;
        let got = until("the alert", async || receiver.got().pop()).await;
        let keys = Keys::load(&world.folder().join("alerts.key")).expect("keys");
        let now = world.clock.now().unix_timestamp();
        assert!(keys.verify(&got.id, &got.timestamp, &got.signatures, got.body.as_bytes(), now));
        assert!(!keys.verify(&got.id, &got.timestamp, &got.signatures, b"{}", now));
        let body: Value = serde_json::from_str(&got.body).expect("JSON");
        let data = json!({ "reference": got.id, "organisation": VIEWER });
        assert_eq!(
            body,
            json!({ "type": "override", "timestamp": crate::world::text(world.clock.now()), "data": data })
        );
        let number = world.scenario("rich");
        for secret in [number.as_str(), &world.sealed(&number), &who.user, consent.id(), "Unconscious"] {
            assert!(!got.body.contains(secret), "{secret}");
        }
        all_stand(&world, LetterState::Delivered).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(receiver.got().len(), 1, "accepted once, it is not sent again");

        // Who sees to it: privacy officers of the organisation with the review, administrators without, others not.
        let officer = world.member("privacy-officer");
        let seen = shown(&world, &officer, "alerts").await;
        let one = &seen["alerts"][0];
        assert_eq!((&one["id"], &one["state"], &one["attempts"]), (&json!(got.id), &json!("delivered"), &json!(1)));
        let task = one["review"].as_str().expect("a review");
        assert_eq!(
            world.get(task).by(&officer).ok().await.body["focus"]["reference"],
            format!("Consent/{}", consent.id())
        );
        let boss = world.member("administrator");
        let seen = shown(&world, &boss, &format!("alerts/{}", got.id)).await;
        assert_eq!((&seen["organisation"], seen.get("review")), (&json!(VIEWER), None));
        let other = world.privacy_officer("RX002");
        assert_eq!(shown(&world, &other, "alerts").await, json!({ "alerts": [] }));
        let hidden = world.get(&admin(&world, &format!("alerts/{}", got.id))).by(&other).send().await;
        assert_eq!(hidden.status, 404);
        for name in ["clinician", "receptionist", "practice-auditor", "viewer-system"] {
            let refused = world.get(&admin(&world, "alerts")).by(&world.member(name)).send().await;
            assert_eq!((refused.status, refused.reasons()), (403, vec!["ACCESS_DENIED", "ROLE"]), "{name}");
        }
        let again =
            world.ask(Method::POST, &admin(&world, &format!("alerts/{}/retry", got.id))).by(&officer).send().await;
        assert_eq!((again.status, again.expressions()), (422, vec!["state"]));
        assert_eq!(shown(&world, &boss, "alerts?state=dead").await, json!({ "alerts": [] }));
        assert_eq!(world.get(&admin(&world, "alerts?state=lost")).by(&boss).send().await.status, 400);
        let events = world.trail(&officer).await;
        assert!(events.iter().any(|event| event.to_string().contains("admin/alerts")), "seeing to alerts is audited");
    });
}

#[test]
fn a_receiver_that_is_down_for_a_day_loses_nothing_and_gets_each_alert_once() {
    run(async {
        let mut receiver = Receiver::start(Manner::Says(503)).await;
        let mut world = world(&receiver, &[]).await;
        for _ in 0..3 {
            overrides(&world, &world.clinician()).await;
        }
        let tried = async |world: &World, times: i64| {
            until("the next attempt", async || {
                letters(world).await.iter().all(|letter| letter.attempts >= times).then_some(())
            })
            .await;
        };
        tried(&world, 1).await;
        let first = letters(&world).await;
        assert!(first.iter().all(|letter| letter.reason.as_deref() == Some("http-503")));
        receiver.close().await;
        let steps = 24 * 60 / 16;
        for step in 0..steps {
            world.clock.advance(Duration::from_mins(16));
            tried(&world, 2 + step).await;
            if step == steps / 2 {
                let url = receiver.url();
                world = world.restart_with(builtin(), extras(&[("WEBHOOK", &url)])).await;
            }
        }
        let all = letters(&world).await;
        assert!(all.iter().all(|letter| letter.state == LetterState::Waiting), "nothing was given up");
        assert!(all.iter().all(|letter| letter.reason.as_deref() == Some("unreachable")));
        let ids: BTreeSet<&str> = all.iter().map(|letter| letter.id.as_str()).collect();
        assert_eq!(ids, first.iter().map(|letter| letter.id.as_str()).collect(), "none was lost");
        let before = receiver.got().len();
        receiver.manner(Manner::Takes);
        receiver.open().await;
        world.clock.advance(Duration::from_mins(16));
        all_stand(&world, LetterState::Delivered).await;
        for _ in 0..4 {
            world.clock.advance(Duration::from_hours(6));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let url = receiver.url();
        let world = world.restart_with(builtin(), extras(&[("WEBHOOK", &url)])).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let got: Vec<String> = receiver.got().into_iter().skip(before).map(|got| got.id).collect();
        assert_eq!(got.len(), 3, "none was sent again after it was accepted");
        assert_eq!(got.iter().map(String::as_str).collect::<BTreeSet<_>>(), ids);
        drop(world);
    });
}

#[test]
fn what_is_not_accepted_in_time_is_a_dead_letter_until_somebody_has_it_tried_again() {
    let metrics = mig_fhir::telemetry::Metrics::install();
    run(async {
        let receiver = Receiver::start(Manner::Says(500)).await;
        let world = world(&receiver, &[("MOST_ATTEMPTS", "3")]).await;
        overrides(&world, &world.clinician()).await;
        for times in 1..=3 {
            until("an attempt", async || (letters(&world).await[0].attempts == times).then_some(())).await;
            world.clock.advance(Duration::from_mins(16));
        }
        let dead = all_stand(&world, LetterState::Dead).await.remove(0);
        assert!(metrics.render().contains("mig_fhir_alert_attempts_total{kind=\"override\",outcome=\"dead\"}"));
        assert!(metrics.render().contains("mig_fhir_alerts{kind=\"override\",state=\"dead\"}"));
        world.clock.advance(Duration::from_hours(24));
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(receiver.got().len(), 3, "a dead letter rests");
        let officer = world.member("privacy-officer");
        let seen = shown(&world, &officer, "alerts?state=dead").await;
        let one = &seen["alerts"][0];
        assert_eq!((&one["reason"], &one["attempts"]), (&json!("http-500"), &json!(3)));
        assert!(one["settled"].is_string() && one.get("next_attempt").is_none());

        receiver.manner(Manner::Takes);
        let path = admin(&world, &format!("alerts/{}/retry", dead.id));
        let other = world.ask(Method::POST, &path).by(&world.privacy_officer("RX002")).send().await;
        assert_eq!(other.status, 404);
        let again = world.ask(Method::POST, &path).by(&officer).ok().await;
        assert_eq!((&again.body["state"], &again.body["attempts"]), (&json!("waiting"), &json!(0)));
        all_stand(&world, LetterState::Delivered).await;
        let ids: BTreeSet<String> = receiver.got().into_iter().map(|got| got.id).collect();
        assert_eq!(ids.len(), 1, "under the same id each time");

        // By age as well: three days by default.
        receiver.manner(Manner::Says(500));
        overrides(&world, &world.clinician()).await;
        until("an attempt", async || {
            letters(&world).await.iter().find(|one| one.attempts == 1 && one.reason.is_some()).cloned()
        })
        .await;
        world.clock.advance(Duration::from_hours(73));
        until("a dead letter", async || letters(&world).await.into_iter().find(|one| one.state == LetterState::Dead))
            .await;
    });
}

#[test]
fn what_was_accepted_while_the_store_was_gone_is_noted_when_it_is_back_and_not_sent_again() {
    run(async {
        let receiver = Receiver::start(Manner::Gated).await;
        let world = world(&receiver, &[]).await;
        overrides(&world, &world.clinician()).await;
        until("the alert", async || receiver.got().pop()).await;
        let held = crate::database::hold(world.folder()).await;
        receiver.shared.gate.notify_one();
        receiver.manner(Manner::Takes);
        // Longer than a write may take; and the lease is over.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(letters(&world).await[0].state, LetterState::Waiting, "it could not be noted");
        world.clock.advance(Duration::from_mins(5));
        drop(held);
        let noted = all_stand(&world, LetterState::Delivered).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!((noted[0].attempts, receiver.got().len()), (1, 1));
    });
}

#[test]
fn a_receiver_that_misbehaves_is_bounded_and_never_followed() {
    run(async {
        let receiver = Receiver::start(Manner::Redirects).await;
        let world = world(&receiver, &[("TIMEOUT_SECONDS", "1")]).await;
        overrides(&world, &world.clinician()).await;
        let reason = async |wanted: &str| {
            until(wanted, async || {
                letters(&world).await.iter().any(|letter| letter.reason.as_deref() == Some(wanted)).then_some(())
            })
            .await;
        };
        reason("http-307").await;
        receiver.manner(Manner::Silent);
        world.clock.advance(Duration::from_mins(16));
        reason("timeout").await;
        receiver.manner(Manner::Endless);
        world.clock.advance(Duration::from_mins(16));
        all_stand(&world, LetterState::Delivered).await;
        assert_eq!((receiver.got().len(), *receiver.shared.elsewhere.lock().unwrap()), (3, 0));
    });
}

#[test]
fn alerts_wait_for_a_receiver_that_the_settings_name_later() {
    run(async {
        let receiver = Receiver::start(Manner::Takes).await;
        // The world's own sender looks once, before there is anything.
        let world = world(&receiver, &[("LOOK_EVERY_MS", "60000")]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        overrides(&world, &world.clinician()).await;
        let sender = |settings: &AlertsConfig| {
            let (store, clock) = (world.store().clone(), world.clock.clone());
            Sender::build(settings, time::Duration::days(14), store, clock, Chance::fixed([0.5])).expect("a sender")
        };
        assert_eq!(sender(&AlertsConfig::default()).round().await.expect("a round"), 1);
        let waits = all_stand(&world, LetterState::Unaddressed).await.remove(0);
        assert_eq!((waits.attempts, waits.reason.as_deref()), (0, Some("no-receiver")));
        // An organisation's own receiver goes before the common one.
        let settings = AlertsConfig {
            webhook: Some("http://127.0.0.1:9/nobody".to_owned()),
            organisations: BTreeMap::from([(VIEWER.to_owned(), receiver.url())]),
            key_file: Some(world.folder().join("alerts.key")),
            loopback_http: true,
            ..AlertsConfig::default()
        };
        let (stop, told) = tokio::sync::watch::channel(false);
        let sending = tokio::spawn(sender(&settings).run(told));
        all_stand(&world, LetterState::Delivered).await;
        stop.send(true).expect("heard");
        sending.await.expect("stopped");
        assert_eq!(receiver.got().len(), 1);
    });
}

/// Two senders over two connections to one store, as two instances have them.
#[test]
fn two_instances_send_each_letter_once() {
    run(async {
        let receiver = Receiver::start(Manner::Takes).await;
        let folder = tempfile::tempdir().expect("a folder");
        let config = match crate::database::config(folder.path()).await {
            Some(config) => config,
            None => mig_fhir::store::StoreConfig::sqlite(folder.path().join("store.db")),
        };
        let stores = [Store::open(&config).await.expect("opens"), Store::open(&config).await.expect("opens")];
        let clock = crate::world::clock();
        let codes: Vec<OdsCode> =
            (0..50).map(|number| OdsCode::parse(&format!("P{number}")).expect("a code")).collect();
        let viewer = OdsCode::parse("VIEW1").expect("a code");
        let agreement = SignedAgreement::new("a", viewer.clone(), View::ALL, &codes, clock.now().date());
        let agreement = agreement.signed(viewer, "Jo", "Guardian");
        let registers = Registers { agreements: vec![agreement], ..Registers::default() };
        let job = agreements::store_job(registers, "op".to_owned(), clock.now());
        stores[0].write(job).await.expect("kept").expect("fine");
        let key_file = folder.path().join("alerts.key");
        std::fs::write(&key_file, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("written");
        let settings = AlertsConfig {
            notices: codes.iter().map(|code| (code.to_string(), receiver.url())).collect::<BTreeMap<_, _>>(),
            key_file: Some(key_file),
            loopback_http: true,
            ..AlertsConfig::default()
        };
        assert_eq!(settings.problems(), Vec::<String>::new());
        let work = stores.map(|store| {
            let (settings, clock) = (settings.clone(), clock.clone());
            tokio::spawn(async move {
                let sent = Sender::build(&settings, time::Duration::days(14), store, clock, Chance::fixed([0.5]));
                let mut sender = sent.expect("a sender");
                let mut sent = 0;
                for _ in 0..12 {
                    sent += sender.round().await.expect("a round");
                }
                sent
            })
        });
        let mut sent = 0;
        for work in work {
            sent += work.await.expect("ran");
        }
        let got = receiver.got();
        let ids: BTreeSet<&str> = got.iter().map(|got| got.id.as_str()).collect();
        assert_eq!((sent, got.len(), ids.len()), (50, 50, 50));
        let told: BTreeSet<String> = got
            .iter()
            .map(|got| serde_json::from_str::<Value>(&got.body).expect("JSON")["data"]["to"].to_string())
            .collect();
        assert_eq!(told.len(), 50, "each of those who signed was told");
    });
}

#[test]
fn those_who_signed_are_told_of_a_change_once_it_is_made_and_not_before() {
    run(async {
        let receiver = Receiver::start(Manner::Takes).await;
        let url = receiver.url();
        let notices = format!("{{ A99981 = \"{url}\", A99982 = \"{url}\", RX001 = \"{url}\" }}");
        let world = world(&receiver, &[("NOTICES", &notices)]).await;
        let boss = world.member("administrator");
        let told = async |wanted: usize| -> Vec<Value> {
            let found = until("the notices", async || {
                let all = receiver.got();
                (all.len() >= wanted).then_some(all)
            });
            let found = found.await;
            tokio::time::sleep(Duration::from_millis(150)).await;
            assert_eq!(receiver.got().len(), wanted, "no more than that");
            receiver.shared.got.lock().unwrap().clear();
            let data = |got: &Got| serde_json::from_str::<Value>(&got.body).expect("JSON")["data"].clone();
            found.iter().map(data).collect()
        };
        // The demo's agreements were taken in at the start: two, of which the viewer RX001 is a party to one.
        let made = told(5).await;
        assert!(made.iter().all(|one| one["change"] == "made"));
        let act = async |path: &str, body: Value, if_match: Option<&str>| {
            let ask = world.ask(Method::POST, &admin(&world, &format!("agreements/demo-all-views/{path}"))).by(&boss);
            let ask = if_match.into_iter().fold(ask, |ask, etag| ask.header("if-match", etag));
            ask.body("application/json", body.to_string()).send().await
        };
        let stale = act("suspension", json!({ "reason": "an incident at Dr Stone\u{2019}s" }), Some("W/\"9\"")).await;
        assert_eq!(stale.status, 412);
        let stopped = act("suspension", json!({ "reason": "an incident at Dr Stone\u{2019}s" }), None).await;
        assert_eq!(stopped.status, 200, "{}", stopped.body);
        let said = told(3).await;
        let to: BTreeSet<&str> = said.iter().filter_map(|one| one["to"].as_str()).collect();
        assert_eq!(to, BTreeSet::from(["A99981", "A99982", "RX001"]));
        for one in &said {
            assert_eq!((&one["agreement"], &one["status"]), (&json!("demo-all-views"), &json!("suspended")));
            assert_eq!((&one["version"], &one["change"]), (&json!(2), &json!("suspension")));
            let text = one.to_string();
            assert!(!text.contains("Stone") && !text.contains(&boss.user) && !text.contains("Signatory"), "{text}");
        }
        let left = act("withdrawal", json!({ "organisation": "A99981", "reason": "moves" }), None).await;
        assert_eq!(left.status, 200, "{}", left.body);
        let said = told(2).await;
        let to: BTreeSet<&str> = said.iter().filter_map(|one| one["to"].as_str()).collect();
        assert_eq!(to, BTreeSet::from(["A99982", "RX001"]), "whoever leaves knows");
        assert!(said.iter().all(|one| one["organisation"] == "A99981" && one["change"] == "withdrawal"));
        let seen = shown(&world, &boss, "alerts?kind=agreement&state=delivered").await;
        assert_eq!(seen["alerts"].as_array().map(Vec::len), Some(10));
    });
}

#[test]
fn the_demo_has_a_receiver_that_shows_what_it_has_verified() {
    run(async {
        let world = World::start_with(builtin(), extras(&[])).await;
        let who = world.clinician();
        overrides(&world, &who).await;
        let origin = world.base().trim_end_matches("/FHIR/R4").to_owned();
        let seen = until("the alert", async || {
            let list = world.get(&format!("{origin}/demo/alerts")).ok().await.body;
            let found = list.as_array()?.iter().find(|one| one["body"]["type"] == "override")?;
            Some(found.clone())
        })
        .await;
        assert_eq!((&seen["verified"], &seen["times"]), (&json!(true), &json!(1)));
        assert_eq!(seen["body"]["data"]["organisation"], VIEWER);
        assert_eq!(seen["body"]["data"]["reference"], seen["webhook_id"]);
    });
}

#[test]
fn a_share_of_ordinary_views_is_reviewed_as_chance_has_it() {
    run(async {
        let percent = ("MIG_FHIR__REVIEWS__SAMPLE_PERCENT".to_owned(), "25".to_owned());
        let options =
            Extras { settings: vec![percent], chance: Chance::fixed([0.2, 0.3, 0.9, 0.24]), ..Extras::default() };
        let world = World::start_with(builtin(), options).await;
        let officer = world.member("privacy-officer");
        let mut consents = Vec::new();
        for _ in 0..4 {
            let who = world.clinician();
            consents.push(world.permit(&who, &world.scenario("rich")).await.id().to_owned());
        }
        let tasks = world.get("Task").by(&officer).ok().await;
        let picked: BTreeSet<&str> = tasks.resources().filter_map(|task| task["focus"]["reference"].as_str()).collect();
        let wanted = [0, 3].map(|place: usize| format!("Consent/{}", consents[place]));
        assert_eq!(picked, wanted.iter().map(String::as_str).collect());
        let task = tasks.resources().next().expect("a review").clone();
        assert_eq!(task["code"]["coding"][0]["code"], "view-review");
        // It is closed like any other, with the evidence.
        let mut closed = task.clone();
        closed["status"] = "completed".into();
        let coding = |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
        closed["businessStatus"] = coding("urn:x-mig-fhir:CodeSystem:review-outcome", "justified");
        closed["output"] =
            json!([{ "type": coding("urn:x-mig-fhir:CodeSystem:task", "evidence"), "valueString": "File 12/2026" }]);
        let path = format!("Task/{}", task["id"].as_str().expect("an id"));
        let answer = world.ask(Method::PUT, &path).by(&officer).header("if-match", "W/\"1\"").json(&closed).await;
        assert_eq!((answer.status, &answer.body["output"]), (200, &closed["output"]), "{}", answer.body);
        let xml = world.get(&path).by(&officer).header("accept", "application/fhir+xml").ok().await;
        assert_eq!(xml.body["output"][0]["valueString"], "File 12/2026");
        // Nobody learns of it but whoever reviews: no alert goes out for an ordinary view.
        assert!(letters(&world).await.is_empty());
    });
}
