//! Two instances on one PostgreSQL database, one of them under load: whatever takes a permission away is answered by the
//! other, and from then on no request discloses anything.

use crate::admin::admin;
use crate::database;
use crate::world::{self, Answer, FHIR, VIEWER, Who, World, run};
use mig_fhir::app::Server;
use mig_fhir::config::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Requests under way at once on the instance that reads.
const READERS: usize = 6;
/// Answers before anything is taken away.
const BEFORE: usize = 12;
/// Answers after it was, of which at most [`READERS`] are to requests that were under way already.
const AFTER: usize = 60;

/// The second instance: its own port and anchors, the same store, keys and gateway.
struct Second {
    base: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Second {
    async fn start(world: &World) -> Option<Self> {
        let store = database::config(world.folder()).await?;
        let mut config = Config::load(&world.folder().join("config.toml")).expect("the demo's settings");
        config.store = store;
        config.server.listen = "127.0.0.1:0".parse().expect("an address");
        config.audit.anchor_file = world.folder().join("second.anchor");
        let server = Server::build(&config, world.clock.clone(), None).await.expect("a second instance");
        let base = server.base_url().to_owned();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Some(Self { base, stop, task })
    }
}

/// What was asked of the second instance: when, and how it was answered.
type Asked = Vec<(Instant, u16)>;

struct Scene<'w> {
    world: &'w World,
    base: &'w str,
    boss: Who,
}

impl Scene<'_> {
    /// Reads on the second instance until told to stop.
    async fn reading(&self, who: &Who, number: &str, answered: &AtomicUsize, stop: &AtomicBool) -> Asked {
        let url = format!("{}/Condition?patient={}", self.base, self.world.sealed(number));
        let mut asked = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let at = Instant::now();
            let answer = self.world.get(&url).by(who).send().await;
            if answer.status != 200 {
                assert!(answer.body["entry"].is_null(), "a refusal holds nothing");
            }
            asked.push((at, answer.status));
            answered.fetch_add(1, Ordering::SeqCst);
        }
        asked
    }

    /// Under load, takes away by a request to the first instance; nothing that was asked later is disclosed.
    async fn taken_away(&self, what: &str, seed: u64, take: impl AsyncFnOnce(&Self, &Who, &str)) {
        let (who, number) = (self.world.clinician(), world::number(seed));
        self.world.permit(&who, &number).await;
        let (answered, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let readers = (0..READERS).map(|_| self.reading(&who, &number, &answered, &stop));
        let taking = async {
            while answered.load(Ordering::SeqCst) < BEFORE {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            take(self, &who, &number).await;
            let at = Instant::now();
            // Counted, not timed: a busy machine asks more slowly.
            let enough = answered.load(Ordering::SeqCst) + AFTER;
            while answered.load(Ordering::SeqCst) < enough {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stop.store(true, Ordering::SeqCst);
            at
        };
        let (asked, at) = tokio::join!(futures_util::future::join_all(readers), taking);
        let asked: Asked = asked.into_iter().flatten().collect();
        let disclosed = asked.iter().filter(|(_, status)| *status == 200).count();
        assert!(disclosed >= BEFORE - READERS, "{what}: it was open before, {disclosed}");
        let later: Vec<u16> = asked.iter().filter(|(sent, _)| *sent > at).map(|(_, status)| *status).collect();
        assert!(later.len() >= AFTER - READERS, "{what}: {} requests afterwards", later.len());
        assert!(later.iter().all(|status| *status == 403), "{what}: {later:?}");
        println!("{what}: {disclosed} disclosed before, none of {} asked after", later.len());
    }

    async fn send(&self, method: Method, path: &str, version: Option<&str>, body: &Value) -> Answer {
        let ask = admin(self.world, method, path).by(&self.boss).body("application/json", body.to_string());
        let ask = match version {
            Some(version) => ask.header("if-match", version),
            None => ask,
        };
        let answer = ask.send().await;
        assert!([200, 201].contains(&answer.status), "{path}: {}", answer.body);
        answer
    }

    async fn version(&self, path: &str) -> Answer {
        admin(self.world, Method::GET, path).by(&self.boss).ok().await
    }
}

const AGREEMENT: &str = "agreements/demo-all-views";

#[test]
#[allow(clippy::too_many_lines, reason = "one kind of revocation after the other")]
fn whatever_is_taken_away_on_one_instance_is_closed_on_the_other_for_every_later_request() {
    run(async {
        let at = |seed: u64, practice: &'static str| {
            world::patient(seed, move |holding| holding.practice = Some(practice.to_owned()))
        };
        let world = World::start(world::holdings([at(950, "A99981"), at(951, "A99982")])).await;
        let Some(second) = Second::start(&world).await else {
            eprintln!("skipped: needs PostgreSQL (tests/postgres/run)");
            return;
        };
        let scene = Scene { world: &world, base: &second.base, boss: world.member("administrator") };
        scene
            .taken_away("consent withdrawn", 950, async |scene, who, _| {
                let mine = scene.world.get("Consent?status=active").by(who).ok().await;
                let mut consent = mine.resources().next().expect("one").clone();
                consent["status"] = "inactive".into();
                let ask = scene.world.ask(Method::PUT, &format!("Consent/{}", consent["id"].as_str().expect("an id")));
                let answer = ask.by(who).header("if-match", "W/\"1\"").body(FHIR, consent.to_string()).send().await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            })
            .await;
        scene
            .taken_away("deny", 950, async |scene, who, number| {
                scene.world.deny(who, number).await;
            })
            .await;
        for (target, subject) in [("everything", ""), ("viewer", VIEWER), ("sharer", "A99981"), ("user", "the reader")]
        {
            let mut placed = None;
            scene
                .taken_away(&format!("suspension of {target}"), 950, async |scene, who, _| {
                    let mut stop = json!({ "target": target, "reason": "an incident" });
                    if target != "everything" {
                        stop["subject"] = if target == "user" { who.user.as_str() } else { subject }.into();
                    }
                    placed = Some(scene.send(Method::POST, "suspensions", None, &stop).await);
                })
                .await;
            let placed = placed.expect("placed");
            let path = format!("suspensions/{}", placed.body["id"].as_str().expect("an id"));
            scene.send(Method::DELETE, &path, None, &json!({})).await;
        }
        scene
            .taken_away("enrolment ended", 950, async |scene, who, _| {
                let found = scene.version(&format!("enrolments?user={}", who.user)).await;
                let id = found.body["enrolments"][0]["id"].as_str().expect("an id").to_owned();
                scene.send(Method::DELETE, &format!("enrolments/{id}"), None, &json!({})).await;
            })
            .await;
        scene
            .taken_away("agreement suspended", 950, async |scene, _, _| {
                let why = json!({ "reason": "clause 12.2" });
                scene.send(Method::POST, &format!("{AGREEMENT}/suspension"), None, &why).await;
            })
            .await;
        let stopped = scene.version(AGREEMENT).await;
        let why = json!({ "reason": "looked into" });
        scene.send(Method::POST, &format!("{AGREEMENT}/resumption"), stopped.header("etag"), &why).await;
        scene
            .taken_away("views removed", 950, async |scene, _, _| {
                let read = scene.version(AGREEMENT).await;
                let mut fewer = read.body.clone();
                fewer["views"] = json!(["PatientDetails", "Medication"]);
                scene.send(Method::PUT, AGREEMENT, read.header("etag"), &fewer).await;
            })
            .await;
        let fewer = scene.version(AGREEMENT).await;
        let mut whole = fewer.body.clone();
        whole["views"] = stopped.body["views"].clone();
        scene.send(Method::PUT, AGREEMENT, fewer.header("etag"), &whole).await;
        scene
            .taken_away("sharer withdrawn", 950, async |scene, _, _| {
                let leave = json!({ "organisation": "A99981", "reason": "clause 12.1" });
                scene.send(Method::POST, &format!("{AGREEMENT}/withdrawal"), None, &leave).await;
            })
            .await;
        scene
            .taken_away("relationship ended", 951, async |scene, _, number| {
                let system = scene.world.member("viewer-system");
                let found = scene.world.search("EpisodeOfCare", number, "").by(&system).ok().await;
                let mut episode = found.resources().next().expect("one").clone();
                episode["status"] = "finished".into();
                let ask =
                    scene.world.ask(Method::PUT, &format!("EpisodeOfCare/{}", episode["id"].as_str().expect("an id")));
                let ask = ask.by(&system).header("if-match", "W/\"1\"");
                assert_eq!(ask.body(FHIR, episode.to_string()).send().await.status, 200);
            })
            .await;
        let system = world.member("viewer-system");
        let anew = json!({ "resourceType": "EpisodeOfCare", "status": "active",
            "patient": { "identifier": { "system": world::NHS, "value": world::number(951) } },
            "managingOrganization": { "identifier": { "system": world::ODS, "value": VIEWER } } });
        assert_eq!(world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&anew).await.status, 201);
        scene
            .taken_away("agreement terminated", 951, async |scene, _, _| {
                let leave = json!({ "organisation": VIEWER, "reason": "the viewer leaves" });
                scene.send(Method::POST, &format!("{AGREEMENT}/withdrawal"), None, &leave).await;
            })
            .await;
        let _ = second.stop.send(());
        second.task.await.expect("stopped");
    });
}
