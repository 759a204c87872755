//! The far side as it should not be: every fault, outcome, status, content type, wrong echo, missing part and broken
//! delivery of WIRE section 7, made by the simulated MIG from its real answer, and what the caller gets for each. Every
//! case asserts status, issue code and coded reason; that nothing of the far side's words is in the answer or the log;
//! one AuditEvent; how often it was asked; and that nothing of a failed answer is kept. Long: tables.

use super::overheard;
use super::refusals::refused;
use super::world::{self, Answer, Who, World, run};
use mig_fhir::gateway::WireProfile;
use mig_fhir::gateway::profile::DEFAULT_PROFILE;
use mig_fhir::simulator::running::Extras;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// In every text of every answer of the far side.
const WORDS: &str = "Kanarienvogel <& \"upstream\">";
/// What of it could not hide.
const WORD: &str = "Kanarienvogel";
const PATIENT: u64 = 600;
const PRACTICE: &str = "B60000";

/// What the caller gets, and how often each question was sent.
#[derive(Clone, Copy)]
struct Wanted {
    status: u16,
    code: &'static str,
    reasons: &'static [&'static str],
    sent: usize,
}

const fn wanted(status: u16, code: &'static str, reasons: &'static [&'static str]) -> Wanted {
    Wanted { status, code, reasons, sent: 1 }
}

const FINE: Wanted = wanted(200, "", &[]);
const ERROR: Wanted = wanted(502, "exception", &["MIG_ERROR"]);
const AWAY: Wanted = wanted(503, "transient", &["MIG_UNAVAILABLE"]);
/// Asked again as often as the setting says.
const BUSY: Wanted = Wanted { sent: 3, ..AWAY };
const SLOW: Wanted = wanted(504, "timeout", &["MIG_TIMEOUT"]);
const UNKNOWN: Wanted = wanted(404, "not-found", &["PATIENT_NOT_FOUND"]);
const REFUSED: Wanted = wanted(403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]);
const OPTED_OUT: Wanted = wanted(403, "suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]);
const NOT_AGREED: Wanted = wanted(403, "forbidden", &["NO_ORGANISATION_CONSENT"]);
const SHARER: Wanted = wanted(403, "forbidden", &["ACCESS_DENIED", "SHARER"]);

/// What the far side does, and what comes of it.
type Case = (Value, Wanted);

fn tampers(list: &[&str], wanted: Wanted) -> Vec<Case> {
    list.iter().map(|tamper| (json!({ "tamper": [tamper] }), wanted)).collect()
}

fn each<T: serde::Serialize>(key: &str, list: &[T], wanted: Wanted) -> Vec<Case> {
    list.iter().map(|value| (json!({ key: value }), wanted)).collect()
}

fn settings(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| (format!("MIG_FHIR__{name}"), (*value).to_owned())).collect()
}

/// No circuit opens: each case is for itself.
fn unbroken(more: &[(&str, &str)]) -> Extras {
    // Time enough on a machine that is busy with other tests; what is about time sets its own.
    let list = [&[("GATEWAY__CIRCUIT_FAILURES", "1000000"), ("SERVER__SEARCH_DEADLINE_MS", "20000")], more].concat();
    Extras { settings: settings(&list), ..Extras::default() }
}

async fn alone(options: Extras) -> (World, String) {
    overheard::listen();
    let patient = world::patient(PATIENT, |holding| holding.practice = Some(PRACTICE.to_owned()));
    (World::start_with(world::holdings([patient]), options).await, world::number(PATIENT))
}

/// One view serves it, so that one question of each kind is sent.
async fn plain(world: &World, who: &Who, number: &str) -> Answer {
    world.search("MedicationStatement", number, "").by(who).send().await
}

/// How often each question of an interaction was sent.
fn sent(world: &World, who: &Who, since: usize, on: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for message in world.heard_of(who).into_iter().skip(since) {
        if message.view.is_some() == (on == "view") {
            *counts.entry(message.request_id).or_default() += 1;
        }
    }
    counts
}

/// Runs one case on one interaction, under a new occasion.
async fn judge(world: &World, who: &Who, number: &str, on: &str, (switch, wanted): &Case) {
    world.permit(who, number).await;
    let mut set = switch.clone();
    set["on"] = on.into();
    if set.get("words").is_none() {
        set["words"] = WORDS.into();
    }
    world.switch(&json!([set])).await;
    let (before, kept) = (world.heard_of(who).len(), world.kept_views().await);
    let answer = plain(world, who, number).await;
    let what = format!("{on}: {switch}");
    assert_eq!(answer.status, wanted.status, "{what}: {}", answer.body);
    assert!(!answer.body.to_string().contains(WORD), "{what}: the far side speaks through us");
    for value in answer.headers.values() {
        assert!(!String::from_utf8_lossy(value.as_bytes()).contains(WORD), "{what}");
    }
    assert_eq!(answer.header("retry-after").is_some(), wanted.status == 503, "{what}");
    let counts = sent(world, who, before, on);
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [wanted.sent], "{what}: how often it was asked");
    if wanted.status == 200 {
        assert_eq!(world.audited(who, &answer.request_id).await.len(), 1, "{what}");
        return;
    }
    refused(world, who, &answer, wanted.status, wanted.code, wanted.reasons).await;
    // Fewer where their time was over meanwhile.
    assert!(world.kept_views().await <= kept, "{what}: something of a failed answer was kept");
    if on == "locate" {
        assert!(sent(world, who, before, "view").is_empty(), "{what}: asked for a view of nobody known");
    }
    // Right again: the same question is sent anew, and answered.
    world.switch(&json!([])).await;
    let before = world.heard_of(who).len();
    let answer = plain(world, who, number).await;
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    assert_eq!(sent(world, who, before, on).len(), 1, "{what}: the failed answer served again");
}

async fn judge_all(cases: Vec<Case>, interactions: &[&str], options: Extras) {
    let (world, number) = alone(options).await;
    let mut who = world.clinician();
    for (place, case) in cases.iter().enumerate() {
        if place % 16 == 15 {
            who = world.clinician();
        }
        for on in interactions {
            judge(&world, &who, &number, on, case).await;
        }
    }
    println!("{} cases on {interactions:?}", cases.len());
    let heard = overheard::all();
    assert!(heard.contains("MIG_"), "a proof from silence needs something said");
    for never in [WORD, number.as_str()] {
        let line = heard.lines().find(|line| line.contains(never));
        assert!(line.is_none(), "{never} is in the log: {line:?}");
    }
}

const BOTH: &[&str] = &["locate", "view"];

#[test]
fn every_outcome_and_every_fault_has_one_answer() {
    let mut cases = vec![
        (json!({ "outcome": "MIG-0000" }), FINE),
        (json!({ "outcome": "MIG-0001" }), ERROR),
        (json!({ "outcome": "MIG-0002" }), UNKNOWN),
        (json!({ "outcome": "MIG-0003" }), REFUSED),
        (json!({ "outcome": "MIG-0004" }), OPTED_OUT),
        (json!({ "outcome": "MIG-0005" }), NOT_AGREED),
        (json!({ "outcome": "MIG-0006" }), SHARER),
        (json!({ "outcome": "MIG-0007" }), UNKNOWN),
        (json!({ "outcome": "MIG-0008" }), BUSY),
        (json!({ "outcome": "MIG-9999" }), ERROR),
    ];
    cases.extend(each("outcome", &["MIG-0042", "", "mig-0002", "0002", "MIG-0008x", "2100"], ERROR));
    cases.extend(each("fault", &["1000", "2200", "3000", "MustUnderstand", "VersionMismatch"], ERROR));
    cases.extend([
        (json!({ "fault": "2100" }), BUSY),
        (json!({ "fault": "2100", "status": 200 }), BUSY),
        (json!({ "fault": "1000", "status": 200 }), ERROR),
        // Without a code, of an unknown one or of somebody else's, nobody says that asking again helps.
        (json!({ "fault": "2100", "tamper": ["no-error-code"] }), ERROR),
        (json!({ "fault": "1000", "tamper": ["no-error-code"] }), ERROR),
        (json!({ "fault": "2100", "tamper": ["unknown-error-code"] }), ERROR),
        (json!({ "fault": "2100", "tamper": ["other-error-code"] }), ERROR),
        (json!({ "fault": "2100", "tamper": ["wrong-relates-to"] }), ERROR),
        (json!({ "fault": "2100", "tamper": ["no-relates-to"] }), BUSY),
        (json!({ "fault": "2100", "tamper": ["no-header"] }), BUSY),
        (json!({ "status": 500 }), ERROR),
    ]);
    run(judge_all(cases, BOTH, unbroken(&[])));
}

#[test]
fn another_status_or_content_type_is_no_answer() {
    let mut cases = each("status", &[201, 202, 400, 401, 403, 404, 405, 410, 415, 418, 501, 505, 599], ERROR);
    cases.extend(each("status", &[429, 502, 503, 504], AWAY));
    cases.extend(
        [301, 302, 307, 308].map(|status| {
            (json!({ "status": status, "header": ["location", "https://localhost:1/elsewhere"] }), ERROR)
        }),
    );
    let kinds = [
        "",
        "text/html",
        "application/xml",
        "application/soap+xml",
        "text/xml; charset=iso-8859-1",
        "text/xml; charset=utf-16",
        "multipart/related; boundary=x",
        "text/xmlx",
    ];
    cases.extend(each("content_type", &kinds, ERROR));
    cases.extend(each("content_type", &["text/xml", "TEXT/XML;charset=\"UTF-8\""], FINE));
    cases.extend([
        (json!({ "header": ["content-encoding", "gzip"] }), ERROR),
        (json!({ "header": ["content-encoding", "identity"] }), FINE),
        (json!({ "header": ["x-unheard-of", WORD] }), FINE),
    ]);
    run(judge_all(cases, BOTH, unbroken(&[])));
}

#[test]
fn a_broken_off_answer_is_none_and_is_not_asked_for_again() {
    let mut cases = each("delivery", &["reset", "close"], AWAY);
    cases.extend(each("delivery", &["truncate", "reset-body", "chunked-cut"], ERROR));
    cases.extend([
        (json!({ "delivery": "chunked" }), FINE),
        (json!({ "delivery": "dribble", "piece_ms": 2 }), FINE),
        (json!({ "tamper": ["too-large"] }), ERROR),
        (json!({ "tamper": ["too-large"], "delivery": "chunked" }), ERROR),
    ]);
    run(judge_all(cases, BOTH, unbroken(&[])));
}

#[test]
fn a_wrong_echo_a_missing_part_and_what_is_not_xml_are_refused() {
    let wrong = [
        "not-xml",
        "dtd",
        "processing-instruction",
        "entity",
        "cut-xml",
        "soap12",
        "no-body",
        "two-bodies",
        "wrong-relates-to",
        "wrong-action",
        "infrastructure",
        "no-payload",
        "two-payloads",
        "other-root",
        "other-namespace",
        "no-service-header",
        "wrong-request-id",
        "no-request-id",
        "wrong-requester",
        "no-requester",
        "wrong-responder",
        "no-responder",
        "no-service-content",
        "no-outcome",
        "no-outcome-code",
    ];
    let mut cases = tampers(&wrong, ERROR);
    // Readers tolerate their absence, and ignore what they do not know.
    cases.extend(tampers(&["no-header", "no-relates-to", "unknowns"], FINE));
    run(judge_all(cases, BOTH, unbroken(&[])));
}

#[test]
fn a_location_with_anything_missing_fails_closed() {
    let mut cases = tampers(&["no-location"], ERROR);
    let closed = ["no-practice", "bad-practice", "no-registration", "bad-registration", "no-trace", "bad-trace"];
    cases.extend(tampers(&closed, UNKNOWN));
    cases.extend(tampers(&["no-sharing", "bad-sharing"], OPTED_OUT));
    cases.push((json!({ "tamper": ["other-practice", "wrong-responder"] }), NOT_AGREED));
    // A location in part is none.
    cases.extend(each("outcome", &["MIG-0009"], ERROR));
    cases.extend(tampers(&["no-system", "other-system"], FINE));
    run(judge_all(cases, &["locate"], unbroken(&[])));
}

#[test]
fn a_record_of_anything_but_what_was_asked_is_never_shown() {
    let wrong = [
        "no-record",
        "two-records",
        "empty-record",
        "other-record",
        "wrong-view",
        "no-view",
        "no-recorded-as-at",
        "bad-recorded-as-at",
        "no-complete",
        "bad-complete",
        "incomplete",
        "no-patient",
        "no-nhs-number",
        "wrong-patient",
        "absent-policy",
    ];
    let mut cases = tampers(&wrong, ERROR);
    cases.extend(tampers(&["restricted-patient"], UNKNOWN));
    cases.extend(tampers(&["schema-2.1.1", "schema-2.1.10", "old-record"], FINE));
    cases.push((json!({ "outcome": "MIG-0009" }), FINE));
    // Complete in part, and whole in part.
    cases.push((json!({ "outcome": "MIG-0009", "tamper": ["no-complete"] }), ERROR));
    run(judge_all(cases, &["view"], unbroken(&[])));
}

#[test]
fn a_record_of_another_birth_date_is_never_shown() {
    run(async {
        let (world, number) = alone(unbroken(&[])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        let found = world.search("Patient", &number, "").by(&who).ok().await;
        let born = found.resources().next().expect("the patient")["birthDate"].as_str().expect("a date").to_owned();
        world.permit(&who, &number).await;
        world.switch(&json!([{ "on": "view", "tamper": ["wrong-birth-date"], "words": WORDS }])).await;
        let dated = format!("&patient.birthdate={born}");
        let answer = world.search("MedicationStatement", &number, &dated).by(&who).send().await;
        refused(&world, &who, &answer, 502, "exception", &["MIG_ERROR"]).await;
        world.switch(&json!([])).await;
        world.search("MedicationStatement", &number, &dated).by(&who).ok().await;
    });
}

#[test]
fn a_record_in_part_or_of_long_ago_carries_a_warning() {
    run(async {
        let (world, number) = alone(unbroken(&[])).await;
        let who = world.clinician();
        for (switch, code) in
            [(json!({ "outcome": "MIG-0009" }), "incomplete"), (json!({ "tamper": ["old-record"] }), "informational")]
        {
            world.permit(&who, &number).await;
            world.switch(&json!([])).await;
            let calm = plain(&world, &who, &number).await;
            world.permit(&who, &number).await;
            let mut set = switch.clone();
            set["on"] = "view".into();
            world.switch(&json!([set])).await;
            let answer = plain(&world, &who, &number).await;
            let issues = |answer: &Answer| answer.outcome()["issue"].as_array().expect("issues").clone();
            let more: Vec<Value> = issues(&answer).into_iter().filter(|issue| !issues(&calm).contains(issue)).collect();
            assert_eq!(more.len(), 1, "{switch}: {more:?}");
            assert_eq!(more[0]["severity"], "warning", "{more:?}");
            if code == "incomplete" {
                assert_eq!(more[0]["code"], code);
            }
        }
    });
}

#[test]
fn an_answer_that_has_to_be_signed_is_refused_unsigned_or_edited() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("signed.toml");
        let signed = DEFAULT_PROFILE.replace("require_signed_response = false", "require_signed_response = true");
        std::fs::write(&path, signed).expect("written");
        let profile = WireProfile::load(&path).expect("a profile");
        let path = path.to_str().expect("a path");
        // The demo's folder is not known yet: the world's certificates are copies of one template.
        let ca = world::authority();
        let list = [("GATEWAY__WIRE_PROFILE", path), ("GATEWAY__RESPONSE_CA", ca.to_str().expect("a path"))];
        let options = Extras { mig_profile: Some(profile), ..unbroken(&list) };
        let mut cases = tampers(&["unsigned", "edited-after-signing", "no-header"], ERROR);
        cases.push((json!({}), FINE));
        cases.push((json!({ "fault": "2100" }), BUSY));
        cases.push((json!({ "fault": "2100", "tamper": ["unsigned"] }), ERROR));
        Box::pin(judge_all(cases, BOTH, options)).await;
    });
}

#[test]
fn what_never_comes_is_given_up_at_the_deadline() {
    run(async {
        const DEADLINE: Duration = Duration::from_millis(1_500);
        let (world, number) = alone(unbroken(&[("SERVER__SEARCH_DEADLINE_MS", "1500")])).await;
        let who = world.clinician();
        for switch in [
            json!({ "delay_ms": 60_000 }),
            json!({ "delivery": "stall-head" }),
            json!({ "delivery": "stall-body" }),
            json!({ "delivery": "dribble", "piece_ms": 500 }),
        ] {
            for on in BOTH {
                let started = Instant::now();
                judge_timed(&world, &who, &number, on, &(switch.clone(), SLOW), DEADLINE).await;
                assert!(started.elapsed() < 2 * DEADLINE + Duration::from_secs(8), "{switch}");
            }
        }
    });
}

async fn judge_timed(world: &World, who: &Who, number: &str, on: &str, case: &Case, deadline: Duration) {
    world.permit(who, number).await;
    let mut set = case.0.clone();
    set["on"] = on.into();
    world.switch(&json!([set])).await;
    let started = Instant::now();
    plain(world, who, number).await;
    let took = started.elapsed();
    // An eighth is kept back for the audit and the way out.
    assert!(took + deadline / 8 + Duration::from_millis(100) >= deadline, "{on} {set}: {took:?}");
    assert!(took < deadline + Duration::from_millis(2_500), "{on} {set}: {took:?}");
    judge(world, who, number, on, case).await;
}

#[test]
fn asking_again_renews_every_id_and_both_instants_and_keeps_the_request_id() {
    run(async {
        let (world, number) = alone(unbroken(&[])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        world.switch(&json!([{ "on": "view", "fault": "2100", "times": 2, "delay_ms": 400 }])).await;
        let later = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                world.clock.advance(Duration::from_secs(2));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let (answer, ()) = tokio::join!(plain(&world, &who, &number), later);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let heard: Vec<_> = world.heard_of(&who).into_iter().filter(|message| message.view.is_some()).collect();
        assert_eq!(heard.len(), 3);
        let distinct = |name: fn(&mig_fhir::simulator::heard::Arrived) -> &String| {
            heard.iter().map(name).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(distinct(|message| &message.request_id), 1, "the practice counts one viewing");
        assert_eq!(distinct(|message| &message.message_id), 3);
        assert_eq!(distinct(|message| &message.tracking_id), 3);
        assert_eq!(distinct(|message| &message.payload_id), 3);
        assert_eq!(distinct(|message| &message.timestamp_id), 3);
        assert!(distinct(|message| &message.created) >= 2, "{heard:?}");
        assert!(heard.iter().all(|message| message.created == message.payload_created));
        // The AuditEvent names each message that was sent.
        let events = world.audited(&who, &answer.request_id).await;
        assert_eq!(events.len(), 1);
        for message in &heard {
            assert!(events[0].to_string().contains(&message.message_id), "{}", events[0]);
        }
    });
}

#[test]
fn asking_again_ends_at_the_deadline() {
    run(async {
        let list = [("SERVER__SEARCH_DEADLINE_MS", "1500"), ("GATEWAY__RETRIES", "1000")];
        let (world, number) = alone(unbroken(&list)).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        world.switch(&json!([{ "on": "view", "outcome": "MIG-0008", "delay_ms": 50 }])).await;
        let started = Instant::now();
        let answer = plain(&world, &who, &number).await;
        assert!(matches!(answer.status, 503 | 504), "{}", answer.body);
        assert!(started.elapsed() < Duration::from_millis(2_500), "{:?}", started.elapsed());
        let counts = sent(&world, &who, 0, "view");
        assert_eq!(counts.len(), 1, "one question");
        assert!(counts.values().all(|count| (3..12).contains(count)), "pauses grow: {counts:?}");
    });
}

#[test]
fn whoever_waited_for_another_whose_time_was_over_asks_for_themselves() {
    run(async {
        let list = [("SERVER__SEARCH_DEADLINE_MS", "800"), ("SERVER__EVERYTHING_DEADLINE_MS", "20000")];
        let (world, number) = alone(unbroken(&list)).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        world.search("MedicationStatement", &number, "").by(&who).ok().await;
        // The occasion's location is kept; one view of it is asked for by a search that gives up early.
        world.switch(&json!([{ "view": "PatientDetails", "delay_ms": 1_500, "times": 1 }])).await;
        let sealed = world.sealed(&number);
        let everything = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.get(&format!("Patient/{sealed}/$everything")).by(&who).send().await
        };
        let (early, patient) = tokio::join!(world.search("Patient", &number, "").by(&who).send(), everything);
        assert_eq!(early.status, 504, "{}", early.body);
        assert_eq!(patient.status, 200, "{}", patient.body);
    });
}

#[test]
fn views_are_asked_side_by_side_each_under_an_id_of_its_own() {
    run(async {
        let (world, number) = alone(unbroken(&[])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        let everything = format!("Patient/{}/$everything", world.sealed(&number));
        world.get(&everything).by(&who).ok().await;
        world.permit(&who, &number).await;
        world.switch(&json!([{ "on": "view", "delay_ms": 1_000 }])).await;
        let before = world.heard_of(&who).len();
        let started = Instant::now();
        world.get(&everything).by(&who).ok().await;
        let took = started.elapsed();
        let heard: Vec<_> = world.heard_of(&who).into_iter().skip(before).collect();
        assert!(heard[0].view.is_none(), "where it is comes first");
        let views: BTreeSet<_> = heard.iter().filter_map(|message| message.view.clone()).collect();
        let ids: BTreeSet<_> = heard.iter().map(|message| &message.request_id).collect();
        // Every view but the Summary, which holds nothing that the others do not.
        assert_eq!((views.len(), ids.len(), heard.len()), (9, 10, 10));
        assert!(took >= Duration::from_secs(1) && took < Duration::from_millis(2_500), "nine views in {took:?}");
    });
}

#[test]
fn a_practice_is_asked_no_more_at_once_than_the_setting_says() {
    run(async {
        let (world, number) = alone(unbroken(&[("GATEWAY__PRACTICE_CALLS", "2")])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        world.switch(&json!([{ "on": "view", "delay_ms": 400 }])).await;
        let started = Instant::now();
        world.get(&format!("Patient/{}/$everything", world.sealed(&number))).by(&who).ok().await;
        assert!(started.elapsed() >= Duration::from_secs(2), "nine views, two at once: {:?}", started.elapsed());
        assert!(world.heard().connections <= 3, "{} connections", world.heard().connections);
    });
}

#[test]
fn whoever_gets_no_place_before_the_deadline_is_told_to_come_again() {
    run(async {
        let list = [
            ("GATEWAY__CALLS", "1"),
            ("SERVER__SEARCH_DEADLINE_MS", "1000"),
            ("SERVER__EVERYTHING_DEADLINE_MS", "4000"),
        ];
        let (world, number) = alone(unbroken(&list)).await;
        let (first, second) = (world.clinician(), world.clinician());
        for who in [&first, &second] {
            world.permit(who, &number).await;
            plain(&world, who, &number).await;
        }
        world.switch(&json!([{ "on": "view", "delay_ms": 60_000 }])).await;
        let everything = format!("Patient/{}/$everything", world.sealed(&number));
        let late = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let before = world.heard_of(&second).len();
            let answer = world.search("Condition", &number, "").by(&second).send().await;
            (answer, world.heard_of(&second).len() - before)
        };
        let (slow, (answer, asked)) = tokio::join!(world.get(&everything).by(&first).send(), late);
        assert_eq!(slow.status, 504, "{}", slow.body);
        refused(&world, &second, &answer, 503, "transient", &["MIG_UNAVAILABLE"]).await;
        assert!(answer.header("retry-after").is_some());
        assert_eq!(asked, 0, "nothing was sent for whoever had no place");
    });
}

#[test]
fn many_requests_share_few_connections() {
    run(async {
        let (world, number) = alone(unbroken(&[])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        for _ in 0..30 {
            let fresh = world.search("MedicationStatement", &number, "").by(&who).header("cache-control", "no-cache");
            fresh.ok().await;
        }
        let heard = world.heard();
        assert!(heard.messages.len() >= 60, "{}", heard.messages.len());
        assert!(heard.handshakes <= 3, "{} handshakes for {} messages", heard.handshakes, heard.messages.len());
    });
}

#[test]
fn a_circuit_opens_for_its_practice_alone_and_closes_again() {
    run(async {
        overheard::listen();
        let metrics = mig_fhir::telemetry::Metrics::install();
        let at = |seed, practice: &'static str| {
            world::patient(seed, move |holding| holding.practice = Some(practice.to_owned()))
        };
        let patients = [at(PATIENT, "B60001"), at(PATIENT + 1, "B60002")];
        let options = Extras { settings: settings(&[("GATEWAY__CIRCUIT_OPEN_SECONDS", "3")]), ..Extras::default() };
        let world = World::start_with(world::holdings(patients), options).await;
        let (failing, other) = (world::number(PATIENT), world::number(PATIENT + 1));
        let who = world.clinician();
        for number in [&failing, &other] {
            world.permit(&who, number).await;
        }
        world.switch(&json!([{ "patient": failing, "on": "view", "delivery": "reset" }])).await;
        for _ in 0..5 {
            assert_eq!(plain(&world, &who, &failing).await.status, 503);
        }
        let before = world.heard_of(&who).len();
        let answer = plain(&world, &who, &failing).await;
        refused(&world, &who, &answer, 503, "transient", &["MIG_UNAVAILABLE"]).await;
        assert!(answer.header("retry-after").is_some());
        assert_eq!(world.heard_of(&who).len(), before, "an open circuit sends nothing");
        assert_eq!(plain(&world, &who, &other).await.status, 200, "another practice is asked all the same");
        assert!(metrics.render().contains("mig_fhir_gateway_circuit_open{practice=\"B60001\"} 1"));
        world.switch(&json!([])).await;
        tokio::time::sleep(Duration::from_millis(3_100)).await;
        assert_eq!(plain(&world, &who, &failing).await.status, 200, "one call tried, and it is closed again");
        let text = metrics.render();
        for line in [
            "mig_fhir_gateway_circuit_open{practice=\"B60001\"} 0",
            "mig_fhir_gateway_circuit_changes_total{practice=\"B60001\",to=\"open\"} 1",
            "mig_fhir_gateway_circuit_changes_total{practice=\"B60001\",to=\"closed\"} 1",
            "mig_fhir_gateway_calls_total{interaction=\"view\",outcome=\"answered\"}",
            "mig_fhir_gateway_calls_total{interaction=\"view\",outcome=\"unavailable\"}",
            "mig_fhir_gateway_call_seconds_bucket{interaction=\"locate\"",
            "mig_fhir_gateway_calls_in_flight",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains(failing.as_str()));
        let heard = overheard::all();
        let told = |words: &str| heard.lines().any(|line| line.contains(words) && line.contains("B60001"));
        assert!(told("circuit opened") && told("circuit closed"));
    });
}

#[test]
fn a_gateway_that_fails_as_a_whole_is_left_alone_and_asked_again_later() {
    run(async {
        let options = Extras { settings: settings(&[("GATEWAY__CIRCUIT_OPEN_SECONDS", "3")]), ..Extras::default() };
        let (world, number) = alone(options).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        let ready = async || {
            let path = format!("{}/health/ready", world.base().trim_end_matches("/FHIR/R4"));
            world.get(&path).ok().await.body["mig"].clone()
        };
        assert_eq!(ready().await, "circuit-closed");
        world.switch(&json!([{ "on": "locate", "status": 503 }])).await;
        for _ in 0..5 {
            assert_eq!(plain(&world, &who, &number).await.status, 503);
        }
        assert_eq!(ready().await, "circuit-open", "reported, and ready all the same");
        let before = world.heard().messages.len();
        assert_eq!(plain(&world, &who, &number).await.status, 503);
        assert_eq!(world.heard().messages.len(), before);
        world.switch(&json!([])).await;
        tokio::time::sleep(Duration::from_millis(3_100)).await;
        assert_eq!(plain(&world, &who, &number).await.status, 200);
        assert_eq!(ready().await, "circuit-closed");
    });
}

#[test]
fn a_patient_s_own_switches_count_and_the_endpoint_refuses_what_it_does_not_know() {
    run(async {
        let patient = world::patient(PATIENT, |holding| {
            holding.switches = serde_json::from_value(json!([{ "outcome": "MIG-0042" }])).expect("switches");
        });
        let world = World::start(world::holdings([patient])).await;
        let (who, number) = (world.clinician(), world::number(PATIENT));
        world.permit(&who, &number).await;
        assert_eq!(plain(&world, &who, &number).await.status, 502);
        let control = world.control();
        let client = reqwest::Client::new();
        let told: Value = {
            let answer = client.get(format!("{control}/switches")).send().await.expect("an answer");
            serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON")
        };
        assert_eq!(told[0]["outcome"], "MIG-0042");
        for (kind, body, status) in [
            ("application/json", "[{\"outcomes\":\"MIG-0042\"}]", 422),
            ("application/json", "[{\"fault\":\"9\"}]", 422),
            ("application/json", "[{\"tamper\":[\"unheard-of\"]}]", 422),
            ("text/plain", "[]", 415),
        ] {
            let request = client.put(format!("{control}/switches")).header("content-type", kind).body(body);
            assert_eq!(request.send().await.expect("an answer").status(), status, "{body}");
        }
        assert_eq!(client.delete(format!("{control}/switches")).send().await.expect("an answer").status(), 204);
        assert_eq!(plain(&world, &who, &number).await.status, 200);
        // Never on the MIG's own port.
        let mig = world.mig().replace("/mig", "/switches");
        assert!(client.get(&mig).send().await.is_err());
    });
}
