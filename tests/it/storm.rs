//! Many clients while the far side fails three calls in ten and delays as many by a second, and one practice fails
//! altogether for a while: nobody waits past their deadline, nobody gets a wrong answer, circuits open and close again, and
//! every request and every message is in the audit. Seconds by default; `.ci/long/run` gives it minutes.

use super::wire::number;
use super::world::{self, Who, World, asked, run};
use mig_fhir::simulator::running::Extras;
use mig_fhir::telemetry::Metrics;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(3);
const KINDS: [&str; 4] = ["Condition", "MedicationStatement", "AllergyIntolerance", "Observation"];
const PRACTICES: [&str; 3] = ["B61001", "B61002", "B61003"];
const PATIENTS: u64 = 6;
const FIRST: u64 = 800;

/// Resources by patient and type, as they are in calm weather.
type Truth = BTreeMap<(u64, &'static str), Vec<Value>>;

/// What one client saw.
#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    took: Vec<Duration>,
    statuses: BTreeMap<u16, u64>,
}

/// A small seeded source of chance (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

fn weather() -> Vec<Value> {
    vec![
        json!({ "percent": 8, "fault": "2100" }),
        json!({ "percent": 4, "outcome": "MIG-0008" }),
        json!({ "percent": 8, "status": 503 }),
        json!({ "percent": 8, "delivery": "reset" }),
        json!({ "percent": 5, "delivery": "stall-head" }),
        json!({ "percent": 30, "delay_ms": 1_000 }),
    ]
}

async fn truth(world: &World) -> Truth {
    let who = world.clinician();
    let mut truth = Truth::new();
    for patient in 0..PATIENTS {
        let number = world::number(FIRST + patient);
        world.permit(&who, &number).await;
        for kind in KINDS {
            let found = world.search(kind, &number, "").by(&who).ok().await;
            truth.insert((patient, kind), found.resources().cloned().collect());
        }
    }
    let distinct: BTreeSet<String> = truth.values().map(|all| json!(all).to_string()).collect();
    assert!(distinct.len() > truth.len() / 2, "answers that can be told from each other");
    truth
}

async fn client(world: Arc<World>, who: Who, truth: Arc<Truth>, seed: u64, until: Instant) -> Seen {
    let mut chance = Chance(seed);
    let mut noted = Seen::default();
    while Instant::now() < until {
        let patient = chance.below(PATIENTS);
        let kind = KINDS[usize::try_from(chance.below(4)).expect("small")];
        let ask = world.search(kind, &world::number(FIRST + patient), "").by(&who);
        let started = Instant::now();
        let answer = ask.header("cache-control", "no-cache").send().await;
        let took = started.elapsed();
        match answer.status {
            200 => {
                let found: Vec<Value> = answer.resources().cloned().collect();
                assert!(found == truth[&(patient, kind)], "{kind}: another answer than in calm weather");
            }
            503 => {
                assert_eq!(answer.reasons(), ["MIG_UNAVAILABLE"]);
                assert!(answer.header("retry-after").is_some());
            }
            504 => assert_eq!(answer.reasons(), ["MIG_TIMEOUT"]),
            other => panic!("{other}: {}", answer.body),
        }
        noted.requests.push(answer.request_id);
        noted.took.push(took);
        *noted.statuses.entry(answer.status).or_default() += 1;
        if answer.status == 503 {
            // As a client does that reads Retry-After, only less patient.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    noted
}

/// How long a request takes at most that asks nobody, and is audited like any other.
async fn pulse(world: Arc<World>, who: Who, until: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    while Instant::now() < until {
        let started = Instant::now();
        world.get("Consent").by(&who).ok().await;
        longest = longest.max(started.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    longest
}

/// Changes of the circuits of the storm's practices, to open or to closed.
fn changes(metrics: &Metrics, practice: &str, to: &str) -> u64 {
    let name = format!("mig_fhir_gateway_circuit_changes_total{{practice=\"{practice}\",to=\"{to}\"}} ");
    let text = metrics.render();
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

#[test]
fn in_a_storm_nobody_waits_too_long_nobody_is_told_wrong_and_everything_is_audited() {
    run(async {
        let seconds = number("MIG_FHIR_PROOFS_STORM_SECONDS", 10);
        let clients = number("MIG_FHIR_PROOFS_STORM_CLIENTS", 16);
        let metrics = Metrics::install();
        let patients = (0..PATIENTS).map(|nth| {
            let practice = PRACTICES[usize::try_from(nth).expect("small") % PRACTICES.len()];
            world::patient(FIRST + nth, |holding| holding.practice = Some(practice.to_owned()))
        });
        let settings = vec![("MIG_FHIR__GATEWAY__CIRCUIT_OPEN_SECONDS".to_owned(), "1".to_owned())];
        let world = World::start_with(world::holdings(patients), Extras { settings, ..Extras::default() }).await;
        let world = Arc::new(world);
        let truth = Arc::new(truth(&world).await);
        let crowd: Vec<Who> = (0..clients).map(|_| world.clinician()).collect();
        for who in &crowd {
            for patient in 0..PATIENTS {
                world.permit(who, &world::number(FIRST + patient)).await;
            }
        }

        world.switch(&json!(weather())).await;
        let (started, spell) = (Instant::now(), Duration::from_secs(seconds) / 3);
        let until = started + 3 * spell;
        let tasks: Vec<_> = (0..)
            .zip(&crowd)
            .map(|(seed, who)| tokio::spawn(client(world.clone(), who.clone(), truth.clone(), seed, until)))
            .collect();
        let pulse = tokio::spawn(pulse(world.clone(), world.clinician(), until + DEADLINE));
        tokio::time::sleep(spell).await;
        // One practice's system fails altogether, for both of its patients.
        let mut worse = weather();
        worse.splice(
            0..0,
            [0, 3]
                .map(|patient| json!({ "patient": world::number(FIRST + patient), "on": "view", "delivery": "close" })),
        );
        world.switch(&json!(worse)).await;
        tokio::time::sleep(spell).await;
        let opened = changes(&metrics, PRACTICES[0], "open");
        assert!(opened > 0, "its circuit opened");
        world.switch(&json!(weather())).await;
        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await.expect("a client without a finding");
            all.requests.extend(seen.requests);
            all.took.extend(seen.took);
            for (status, count) in seen.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }

        let pulse = pulse.await.expect("a pulse");

        // Calm again: every circuit closes, and every practice answers.
        world.switch(&json!([])).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        for patient in 0..PATIENTS {
            let number = world::number(FIRST + patient);
            let found = world.search("Condition", &number, "").by(&crowd[0]).ok().await;
            assert!(found.resources().cloned().collect::<Vec<_>>() == truth[&(patient, "Condition")]);
        }
        let closed = changes(&metrics, PRACTICES[0], "closed");
        assert_eq!(closed, changes(&metrics, PRACTICES[0], "open"), "as often closed as opened");

        // One AuditEvent for each request, and every message that was sent is named by one.
        let mut audited: BTreeMap<String, u64> = BTreeMap::new();
        let mut told = String::new();
        for who in &crowd {
            for event in world.trail(who).await {
                if let Some(request) = asked(&event) {
                    *audited.entry(request.to_owned()).or_default() += 1;
                }
                told.push_str(&event.to_string());
            }
        }
        for request in &all.requests {
            assert_eq!(audited.get(request), Some(&1), "one AuditEvent of each request");
        }
        let users: BTreeSet<&str> = crowd.iter().map(|who| who.user.as_str()).collect();
        let heard = world.heard();
        let sent: Vec<_> = heard.messages.iter().filter(|message| users.contains(message.user.as_str())).collect();
        for message in &sent {
            assert!(told.contains(&message.message_id), "a message that no AuditEvent names");
        }

        all.took.sort_unstable();
        let at = |percent: usize| all.took[(all.took.len() - 1) * percent / 100];
        println!(
            "{clients} clients, {seconds} s: {} requests, by status {:?}; p50 {:?}, p95 {:?}, longest {:?} of {DEADLINE:?} (asking nobody {pulse:?}); \
             {} messages over {} handshakes; the failing practice's circuit opened {opened} times in its spell, closed {closed} in all",
            all.requests.len(),
            all.statuses,
            at(50),
            at(95),
            at(100),
            sent.len(),
            heard.handshakes,
        );
        // A machine that makes a request wait that asks nobody makes every request wait.
        assert!(at(100) < DEADLINE + pulse, "{:?} with a pulse of {pulse:?}", at(100));
        assert!(all.statuses.get(&200).is_some_and(|count| *count > 20), "{:?}", all.statuses);
        assert!(all.statuses.len() > 1, "there was a storm: {:?}", all.statuses);
    });
}
