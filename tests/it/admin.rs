//! What administrators and privacy officers do, from the front door, and what it does to those who are reading.

use crate::database;
use crate::world::{self, Answer, Ask, FHIR, VIEWER, Who, World, run};
use futures_util::future::join_all;
use mig_fhir::simulator::running::Extras;
use reqwest::{Client, Method};
use serde_json::{Value, json};

const PLAIN: u64 = 900;
const AGREEMENT: &str = "agreements/demo-all-views";

pub(crate) async fn small() -> World {
    World::start(world::holdings([world::patient(PLAIN, |_| {})])).await
}

/// A request below `/admin`.
pub(crate) fn admin<'w>(world: &'w World, method: Method, path: &str) -> Ask<'w> {
    world.ask(method, &format!("{}/admin/{path}", origin(world)))
}

fn origin(world: &World) -> &str {
    world.base().trim_end_matches("/FHIR/R4")
}

pub(crate) fn body<'w>(ask: Ask<'w>, json: &Value) -> impl Future<Output = Answer> + use<'w> {
    ask.body("application/json", json.to_string()).send()
}

async fn reads(world: &World, who: &Who) -> u16 {
    world.search("Condition", &world::number(PLAIN), "").by(who).send().await.status
}

async fn permitted(world: &World) -> Who {
    let who = world.clinician();
    world.permit(&who, &world::number(PLAIN)).await;
    assert_eq!(reads(world, &who).await, 200);
    who
}

#[test]
fn an_agreement_is_changed_by_whoever_names_its_version_and_its_history_tells() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let listed = admin(&world, Method::GET, "agreements").by(&boss).ok().await;
        let ids: Vec<&Value> =
            listed.body["agreements"].as_array().expect("a list").iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, ["demo-all-views", "demo-fewer-views"]);
        let read = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
        let etag = read.header("etag").expect("a version").to_owned();
        assert_eq!(read.header("content-type"), Some("application/json"));

        let mut longer = read.body.clone();
        longer["consent_minutes"] = 90.into();
        let put = |etag: &str, agreement: &Value| {
            body(admin(&world, Method::PUT, AGREEMENT).by(&boss).header("if-match", etag), agreement)
        };
        // Of many who change the same version one is first; the others learn which version there is now.
        let all = join_all((0..6).map(|_| put(&etag, &longer))).await;
        let done: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(done.len(), 1, "{:?}", all.iter().map(|answer| answer.status).collect::<Vec<_>>());
        let current = done[0].header("etag").expect("a version").to_owned();
        assert_ne!(current, etag);
        for answer in all.iter().filter(|answer| answer.status != 200) {
            assert_eq!((answer.status, answer.reasons()), (412, vec!["CONFLICT"]));
            assert_eq!(answer.header("etag"), Some(current.as_str()));
        }
        let nameless = body(admin(&world, Method::PUT, AGREEMENT).by(&boss), &longer).await;
        assert_eq!((nameless.status, nameless.expressions()), (412, vec!["If-Match"]));

        let mut wrong = longer.clone();
        wrong["consent_minutes"] = 481.into();
        wrong["views"] = json!(["Problems", "Gossip"]);
        wrong["9990000018"] = "a stranger".into();
        let answer = put(&current, &wrong).await;
        assert_eq!((answer.status, answer.reasons()), (422, vec!["RESOURCE_INVALID"]), "{}", answer.body);
        assert_eq!(answer.expressions(), ["views[1]", "body"]);
        assert!(!answer.body.to_string().contains("Gossip") && !answer.body.to_string().contains("9990000018"));

        let history = admin(&world, Method::GET, &format!("{AGREEMENT}/history")).by(&boss).ok().await;
        let versions = history.body["versions"].as_array().expect("versions");
        assert_eq!(versions.len(), 2);
        assert_eq!((&versions[0]["by"], &versions[1]["by"]), (&json!("settings"), &json!(boss.user)));
        assert_eq!(versions[1]["agreement"]["consent_minutes"], 90);
        let then = admin(&world, Method::GET, "agreements?on=2020-01-01").by(&boss).ok().await;
        assert_eq!(then.body["agreements"], json!([]), "nobody could see anything then");
        let now = format!("agreements?on={}&viewer={VIEWER}", world::text(world.clock.now()));
        let now = admin(&world, Method::GET, &now).by(&boss).ok().await;
        assert_eq!(now.body["agreements"][0]["id"], "demo-all-views");
        for unknown in ["agreements/none", "agreements/none/history", "suspensions/none", "enrolments/none"] {
            let answer = admin(&world, Method::GET, unknown).by(&boss).send().await;
            assert_eq!((answer.status, answer.reasons()), (404, vec!["NOT_FOUND"]), "{unknown}");
        }
    });
}

#[test]
fn nobody_but_an_administrator_keeps_the_registers_and_all_that_they_do_is_audited() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        for name in ["clinician", "privacy-officer", "practice-auditor", "viewer-system", "receptionist"] {
            let who = world.member(name);
            for (method, path) in
                [(Method::GET, "agreements"), (Method::POST, "suspensions"), (Method::GET, "enrolments")]
            {
                let answer = body(admin(&world, method, path).by(&who), &json!({})).await;
                assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "ROLE"]), "{name} {path}");
                if name == "clinician" {
                    let events = world.audited(&who, &answer.request_id).await;
                    assert_eq!((events.len(), &events[0]["outcome"]), (1, &json!("4")));
                }
            }
        }
        let answer = admin(&world, Method::GET, "agreements").send().await;
        assert_eq!((answer.status, answer.reasons()), (401, vec!["TOKEN"]));
        let weak = world.like("administrator", |claims| claims["authentication_assurance_level"] = "2".into());
        let answer = admin(&world, Method::GET, "agreements").by(&weak).send().await;
        assert_eq!(answer.reasons(), ["ACCESS_DENIED", "ASSURANCE"]);

        let stop = json!({ "target": "user", "subject": boss.user, "reason": "left" });
        let placed = body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
        assert_eq!(placed.status, 201, "{}", placed.body);
        let events = world.audited(&boss, &placed.request_id).await;
        let [event] = events.as_slice() else { panic!("{} AuditEvents", events.len()) };
        assert_eq!((&event["outcome"], &event["subtype"][0]["code"]), (&json!("0"), &json!("create")));
        assert_eq!(event["meta"]["profile"], Value::Null);
        let answer = admin(&world, Method::GET, "agreements").by(&boss).send().await;
        assert_eq!(answer.reasons(), ["ACCESS_DENIED", "SUSPENDED"], "a stopped administrator lifts nothing");
    });
}

#[test]
fn the_switch_stops_each_kind_in_one_call_from_the_next_request_and_lets_go_again() {
    run(async {
        let world = small().await;
        let (boss, who) = (world.member("administrator"), permitted(&world).await);
        for (target, subject) in [
            ("everything", None),
            ("viewer", Some(VIEWER)),
            ("sharer", Some("A99981")),
            ("user", Some(who.user.as_str())),
        ] {
            let mut stop = json!({ "target": target, "reason": "an incident" });
            if let Some(subject) = subject {
                stop["subject"] = subject.into();
            }
            let placed = body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
            assert_eq!(placed.status, 201, "{}", placed.body);
            let answer = world.search("Condition", &world::number(PLAIN), "").by(&who).send().await;
            assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "SUSPENDED"]), "{target}");
            // Sent again it is the same one, with a key or without.
            let again = body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
            assert_eq!((again.status, &again.body["id"]), (200, &placed.body["id"]));
            let listed = admin(&world, Method::GET, "suspensions").by(&boss).ok().await;
            assert_eq!(listed.body["suspensions"].as_array().map(Vec::len), Some(1));
            let path = format!("suspensions/{}", placed.body["id"].as_str().expect("an id"));
            let ended = admin(&world, Method::DELETE, &path).by(&boss).ok().await;
            assert_eq!(ended.body["lifted_by"], boss.user.as_str());
            assert_eq!(reads(&world, &who).await, 200, "{target}");
        }
        let ever = admin(&world, Method::GET, "suspensions?lifted=true").by(&boss).ok().await;
        assert_eq!(ever.body["suspensions"].as_array().map(Vec::len), Some(4));
        for wrong in [
            json!({ "target": "viewer", "reason": "no subject" }),
            json!({ "target": "universe", "reason": "too much" }),
            json!({ "target": "everything" }),
            json!({ "target": "everything", "reason": "over", "until": "2020-01-01T00:00:00Z" }),
            json!([]),
        ] {
            let answer = body(admin(&world, Method::POST, "suspensions").by(&boss), &wrong).await;
            assert_eq!((answer.status, answer.reasons()), (422, vec!["RESOURCE_INVALID"]), "{wrong}");
        }
    });
}

#[test]
fn a_submission_that_names_itself_is_done_once_however_often_it_arrives() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let enrolment = json!({ "user": "999000000555", "organisation": VIEWER, "role": "R8000",
            "terms_accepted": "2026-01-01", "trained": "2026-01-01" });
        let post = |key: &str, enrolment: &Value| {
            let ask = admin(&world, Method::POST, "enrolments").by(&boss).header("idempotency-key", key);
            body(ask, enrolment)
        };
        let all = join_all((0..8).map(|_| post("one", &enrolment))).await;
        for answer in &all {
            assert_eq!((answer.status, &answer.body), (201, &all[0].body));
            assert_eq!(answer.header("etag"), Some("W/\"1\""));
        }
        let path = all[0].header("location").expect("where").to_owned();
        let read = world.get(&path).by(&boss).ok().await;
        assert_eq!(read.body, all[0].body);
        let mut other = enrolment.clone();
        other["trained"] = "2026-02-02".into();
        let answer = post("one", &other).await;
        assert_eq!((answer.status, answer.expressions()), (422, vec!["Idempotency-Key"]));
        // Without a name: the same is there already, another one is a change, which names a version.
        let answer = body(admin(&world, Method::POST, "enrolments").by(&boss), &enrolment).await;
        assert_eq!(answer.status, 200);
        let answer = body(admin(&world, Method::POST, "enrolments").by(&boss), &other).await;
        assert_eq!((answer.status, answer.header("etag")), (412, Some("W/\"1\"")));
        let changed = body(world.ask(Method::PUT, &path).by(&boss).header("if-match", "W/\"1\""), &other).await;
        assert_eq!((changed.status, changed.header("etag")), (200, Some("W/\"2\"")), "{}", changed.body);
        let wrong = json!({ "user": "u", "organisation": VIEWER, "role": "doctor", "trained": "soon" });
        let answer = post("two", &wrong).await;
        assert_eq!((answer.status, answer.expressions()), (422, vec!["role", "trained"]));
    });
}

#[test]
fn whoever_lacks_terms_or_training_is_told_what_to_do() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let who = world.like("untrained-clinician", |_| {});
        let told = async || {
            let answer = world.search("Condition", &world::number(PLAIN), "").by(&who).send().await;
            assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "ENROLMENT"]));
            answer.body["issue"][0]["details"]["text"].as_str().expect("words").to_owned()
        };
        assert!(told().await.contains("not enrolled"));
        let mut enrolment = json!({ "user": who.user, "organisation": VIEWER, "role": "R8000" });
        let made = body(admin(&world, Method::POST, "enrolments").by(&boss), &enrolment).await;
        let path = made.header("location").expect("where").to_owned();
        assert!(told().await.contains("terms of use"));
        let put = async |enrolment: &Value| {
            let etag = world.get(&path).by(&boss).ok().await.header("etag").expect("a version").to_owned();
            let answer = body(world.ask(Method::PUT, &path).by(&boss).header("if-match", &etag), enrolment).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        };
        enrolment["terms_accepted"] = "2026-01-01".into();
        put(&enrolment).await;
        assert!(told().await.contains("training"));
        enrolment["trained"] = "2026-01-02".into();
        put(&enrolment).await;
        world.permit(&who, &world::number(PLAIN)).await;
        assert_eq!(reads(&world, &who).await, 200);
        world.ask(Method::DELETE, &path).by(&boss).ok().await;
        assert!(told().await.contains("has ended"));
    });
}

#[test]
fn a_practice_that_withdraws_and_a_viewer_that_does_are_out_on_the_next_request_and_stay_out_after_a_restart() {
    run(async {
        let elsewhere = || world::patient(901, |holding| holding.practice = Some("A99982".to_owned()));
        let holdings = || world::holdings([world::patient(PLAIN, |_| {}), elsewhere()]);
        let world = World::start(holdings()).await;
        let (boss, who) = (world.member("administrator"), permitted(&world).await);
        world.permit(&who, &world::number(901)).await;
        let other =
            async |world: &World| world.search("Condition", &world::number(901), "").by(&who).send().await.status;
        assert_eq!(other(&world).await, 200);
        let leave = json!({ "organisation": "A99981", "reason": "clause 12.1" });
        let path = format!("{AGREEMENT}/withdrawal");
        let left = body(admin(&world, Method::POST, &path).by(&boss), &leave).await;
        assert_eq!(left.status, 200, "{}", left.body);
        let answer = world.search("Condition", &world::number(PLAIN), "").by(&who).send().await;
        assert_eq!(answer.reasons(), ["NO_ORGANISATION_CONSENT"]);
        assert_eq!(other(&world).await, 200, "another practice still shares");
        let again = body(admin(&world, Method::POST, &path).by(&boss), &leave).await;
        assert_eq!(again.status, 422, "it has left");
        let history = admin(&world, Method::GET, &format!("{AGREEMENT}/history")).by(&boss).ok().await;
        assert_eq!(history.body["versions"][1]["reason"], "clause 12.1");

        let stop = json!({ "reason": "clause 12.2" });
        let stopped = body(admin(&world, Method::POST, &format!("{AGREEMENT}/suspension")).by(&boss), &stop).await;
        assert_eq!(stopped.body["status"], "suspended");
        assert_eq!(other(&world).await, 403);
        let resume = admin(&world, Method::POST, &format!("{AGREEMENT}/resumption")).by(&boss);
        let answer = body(resume, &stop).await;
        assert_eq!(answer.status, 412, "what opens names a version");
        let resume = admin(&world, Method::POST, &format!("{AGREEMENT}/resumption")).by(&boss);
        let answer = body(resume.header("if-match", stopped.header("etag").expect("one")), &stop).await;
        assert_eq!((answer.status, other(&world).await), (200, 200));

        let leave = json!({ "organisation": VIEWER, "reason": "the viewer leaves" });
        let ended = body(admin(&world, Method::POST, &path).by(&boss), &leave).await;
        assert_eq!((ended.status, other(&world).await), (200, 403));
        let mut back = ended.body.clone();
        back["status"] = "active".into();
        let put =
            admin(&world, Method::PUT, AGREEMENT).by(&boss).header("if-match", ended.header("etag").expect("one"));
        let answer = body(put, &back).await;
        assert_eq!((answer.status, answer.expressions()), (422, vec!["agreement[0].status"]));
        // The settings name a file in which all of it is still in force: what was done since stays done.
        let world = world.restart(holdings()).await;
        let read = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
        assert_eq!(read.body["status"], "terminated");
        assert_eq!(other(&world).await, 403);
    });
}

#[test]
fn whoever_joins_waits_out_the_objection_period_with_two_approvals() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let read = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
        let etag = read.header("etag").expect("one").to_owned();
        let mut sneaked = read.body.clone();
        let sharers = sneaked["sharer"].as_array_mut().expect("sharers");
        sharers.push(json!({ "practice": "A90001", "joined": "2026-01-01" }));
        let put =
            |body_of: &Value| body(admin(&world, Method::PUT, AGREEMENT).by(&boss).header("if-match", &etag), body_of);
        let answer = put(&sneaked).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(answer.expressions()[0].ends_with(".joined"), "{:?}", answer.expressions());
        let mut joining = json!({ "practice": "A90001", "name": "P. Partner", "role": "Partner", "date": "2026-11-24",
            "approvals": [{ "name": "One", "date": "2026-11-24" }] });
        let join = |joining: &Value, etag: &str| {
            let ask = admin(&world, Method::POST, &format!("{AGREEMENT}/joining")).by(&boss);
            body(ask.header("if-match", etag), joining)
        };
        let answer = join(&joining, &etag).await;
        assert_eq!((answer.status, answer.expressions()), (422, vec!["approvals"]));
        let unversioned = body(admin(&world, Method::POST, &format!("{AGREEMENT}/joining")).by(&boss), &joining).await;
        assert_eq!(
            (unversioned.status, unversioned.expressions()),
            (412, vec!["If-Match"]),
            "as for a PUT, before the body"
        );
        let mut nothing = joining.clone();
        nothing["approvals"] =
            json!([{ "name": "One", "date": "2026-11-24" }, null, { "name": "Two", "date": "2026-11-24" }]);
        assert_eq!(join(&nothing, &etag).await.status, 422, "an item that is nothing is not passed over");
        joining["approvals"] =
            json!([{ "name": "One", "date": "2026-11-24" }, { "name": "Two", "date": "2026-11-24" }]);
        let joined = join(&joining, &etag).await;
        assert_eq!(joined.status, 200, "{}", joined.body);
        let sharers = joined.body["sharer"].as_array().expect("sharers");
        let newcomer = sharers.iter().find(|one| one["practice"] == "A90001").expect("there");
        let today = mig_fhir::clock::to_london(world.clock.now()).date();
        let first = (today + time::Duration::days(28)).to_string();
        assert_eq!(newcomer["joined"], first.as_str());

        let path = format!("{AGREEMENT}/objections");
        let object = json!({ "practice": "A90001", "organisation": "A99981", "reason": "not yet assured" });
        let raised = body(admin(&world, Method::POST, &path).by(&boss), &object).await;
        assert_eq!(raised.status, 201, "{}", raised.body);
        assert_eq!((raised.body.get("outcome"), raised.body.get("settled")), (None, None), "not settled, so not said");
        let again = body(admin(&world, Method::POST, &path).by(&boss), &object).await;
        assert_eq!((again.status, &again.body["id"]), (200, &raised.body["id"]));
        let stranger = json!({ "practice": "A90001", "organisation": "X1", "reason": "nosy" });
        assert_eq!(body(admin(&world, Method::POST, &path).by(&boss), &stranger).await.status, 422);
        let on = format!("agreements?viewer={VIEWER}&on={}", today + time::Duration::days(40));
        let sees = async |practice: &str| {
            let then = admin(&world, Method::GET, &on).by(&boss).ok().await;
            let sharers = then.body["agreements"][0]["sharer"].as_array().expect("sharers").clone();
            sharers.iter().any(|one| one["practice"] == practice)
        };
        assert!(sees("A99981").await && !sees("A90001").await, "nobody shares under an objection");
        let settle = format!("{path}/{}", raised.body["id"].as_str().expect("an id"));
        let settled = body(admin(&world, Method::POST, &settle).by(&boss), &json!({ "outcome": "withdrawn" })).await;
        assert_eq!((settled.status, &settled.body["outcome"]), (200, &json!("withdrawn")));
        assert!(sees("A90001").await, "it joins on its day");
        let listed = admin(&world, Method::GET, &path).by(&boss).ok().await;
        assert_eq!(listed.body["objections"].as_array().map(Vec::len), Some(1));
        let nowhere = admin(&world, Method::GET, "agreements/nowhere/objections").by(&boss).send().await;
        assert_eq!((nowhere.status, nowhere.reasons()), (404, vec!["NOT_FOUND"]));
    });
}

#[test]
fn the_registers_leave_as_toml_and_come_back_as_they_left() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let client = Client::new();
        let url = format!("{}/admin/agreements", origin(&world));
        let get = client.get(&url).bearer_auth(&boss.token).header("accept", "application/toml");
        let exported = get.send().await.expect("an answer");
        assert_eq!(exported.headers()["content-type"], "application/toml");
        let text = exported.text().await.expect("a text");
        assert!(text.contains("[[agreement]]") && text.contains("[[enrolment]]"));
        let post = async |text: &str| {
            admin(&world, Method::POST, "agreements").by(&boss).body("application/toml", text.to_owned()).send().await
        };
        let back = post(&text).await;
        assert_eq!((back.status, &back.body["agreements"], &back.body["enrolments"]), (200, &json!(0), &json!(0)));
        let more = text.replace("consent_minutes = 60", "consent_minutes = 30");
        assert_eq!(post(&more).await.body["agreements"], 2);
        let wrong = post(&text.replace("status = \"active\"", "status = \"live\"")).await;
        assert_eq!((wrong.status, wrong.expressions()), (422, vec!["agreement[0].status", "agreement[1].status"]));
        assert_eq!(post("[[agreement").await.status, 422);
        let answer = admin(&world, Method::POST, "agreements").by(&boss).body("text/csv", "a,b").send().await;
        assert_eq!(answer.status, 415);
    });
}

#[test]
fn anyone_can_read_who_shares_with_whom_as_a_page_or_as_json() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let client = Client::new();
        let get = async |accept: &str| {
            let url = format!("{}/sharing", origin(&world));
            let answer = client.get(url).header("accept", accept).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let media = answer.headers()["content-type"].to_str().expect("text").to_owned();
            (media, answer.text().await.expect("a text"))
        };
        let (media, page) = get("text/html,application/xhtml+xml,*/*;q=0.8").await;
        assert!(media.starts_with("text/html") && page.starts_with("<!DOCTYPE html>\n<html lang=\"en-GB\">"));
        for expected in ["<h1>", VIEWER, "A99981", "1 January 2026", "medication", "<caption>", "scope=\"col\""] {
            assert!(page.contains(expected), "{expected}");
        }
        assert!(!page.contains("<script") && !page.contains("Jo Signatory"), "no person is named");
        let (media, text) = get("application/json").await;
        assert_eq!(media, "application/json");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(told["agreements"][0]["viewer"], VIEWER);
        assert_eq!(told["agreements"][0]["views"].as_array().map(Vec::len), Some(10));
        let stop = json!({ "target": "sharer", "subject": "A99981", "reason": "an incident" });
        body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
        assert!(!get("text/html").await.1.contains("A99981"));
        let stop = json!({ "target": "everything", "reason": "an incident" });
        body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
        assert!(get("text/html").await.1.contains("All sharing is stopped"));
    });
}

#[test]
fn a_privacy_officer_has_each_gates_verdict_explained_and_nothing_is_asked_of_the_mig() {
    run(async {
        let world = small().await;
        let (officer, who) = (world.member("privacy-officer"), world.clinician());
        let number = world::number(PLAIN);
        let case = json!({ "user": who.user, "role": "R8000", "nhs_number": number, "type": "Condition" });
        let explain = |by: &Who, case: &Value| body(admin(&world, Method::POST, "explain").by(by), case);
        let told = explain(&officer, &case).await;
        assert_eq!(told.status, 200, "{}", told.body);
        assert_eq!(told.body["verdict"], "CONSENT_REQUIRED");
        let verdicts: Vec<(u64, &str)> = told.body["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| (rule["rule"].as_u64().expect("a number"), rule["verdict"].as_str().expect("a word")))
            .collect();
        let passes = |rule| (rule, "passes");
        assert_eq!(
            verdicts,
            [passes(1), passes(2), passes(3), passes(3), passes(4), passes(5), passes(6), (7, "refuses")]
        );
        assert!(told.body["rules"][0]["version"].is_u64());
        world.permit(&who, &number).await;
        assert_eq!(explain(&officer, &case).await.body["verdict"], "passes");
        assert_eq!(world.heard_of(&who).len(), 0, "nothing was sent");
        let events = world.audited(&officer, &told.request_id).await;
        let [event] = events.as_slice() else { panic!("{} AuditEvents", events.len()) };
        let patient = event["entity"].as_array().into_iter().flatten().find(|one| one["what"]["type"] == "Patient");
        assert_eq!(patient.expect("the patient")["what"]["identifier"]["value"], number.as_str());

        for name in ["administrator", "clinician", "viewer-system"] {
            let answer = explain(&world.member(name), &case).await;
            assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "ROLE"]), "{name}");
        }
        for (member, value) in [
            ("organisation", json!("RX002")),
            ("nhs_number", json!("9990000019")),
            ("type", json!("Consent")),
            ("role", json!("doctor")),
            ("user", json!("")),
            // Of another type, it is not as good as absent.
            ("organisation", json!(5)),
            ("scope", json!(["user/Patient.rs"])),
            ("address", json!(7)),
        ] {
            let mut wrong = case.clone();
            wrong[member] = value;
            let answer = explain(&officer, &wrong).await;
            assert_eq!((answer.status, answer.expressions()), (422, vec![member]), "{}", answer.body);
        }
        let stranger = json!({ "user": "nobody", "role": "R8009", "nhs_number": "9990000018", "type": "Condition",
            "scope": "user/Patient.rs", "assurance": 1 });
        let told = explain(&officer, &stranger).await;
        let refused: Vec<&Value> =
            told.body["rules"].as_array().expect("rules").iter().map(|rule| &rule["reason"]).collect();
        assert_eq!(
            refused,
            ["SCOPE", "", "ROLE", "", "ENROLMENT", "NO_ORGANISATION_CONSENT", "RELATIONSHIP", "CONSENT_REQUIRED"]
                .map(|word| if word.is_empty() { Value::Null } else { word.into() })
                .iter()
                .collect::<Vec<_>>()
        );
    });
}

fn by_mother(consent: &Value, code: &str) -> Value {
    let mut spoken = consent.clone();
    spoken["performer"] = json!([{ "reference": "#speaker" }]);
    spoken["contained"] = json!([{ "resourceType": "RelatedPerson", "id": "speaker", "patient": consent["patient"],
        "relationship": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": code }] }] }]);
    spoken
}

#[test]
fn what_the_patient_refused_in_person_nobody_permits_for_them() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let who = permitted(&world).await;
        world.deny(&who, &number).await;
        let yes = world.consent_body(&who, &number, true);
        for code in ["MTH", "HPOWATT"] {
            let answer = world.ask(Method::POST, "Consent").by(&who).json(&by_mother(&yes, code)).await;
            assert_eq!((answer.status, answer.expressions()), (422, vec!["Consent.performer"]), "{code}");
            assert_eq!(reads(&world, &who).await, 403);
        }
        world.post_consent(&who, &yes).await;
        assert_eq!(reads(&world, &who).await, 200, "the patient's own yes");

        let child = permitted(&world).await;
        let (yes, no) = (world.consent_body(&child, &number, true), world.consent_body(&child, &number, false));
        world.post_consent(&child, &by_mother(&no, "MTH")).await;
        assert_eq!(reads(&world, &child).await, 403);
        let answer = world.ask(Method::POST, "Consent").by(&child).json(&by_mother(&yes, "HPOWATT")).await;
        assert_eq!(answer.status, 422, "an attorney does not lift what a parent said");
        world.post_consent(&child, &by_mother(&yes, "FTH")).await;
        assert_eq!(reads(&world, &child).await, 200, "a parent does");
    });
}

#[test]
fn networks_of_the_deployment_and_of_an_agreement_are_asked_before_anything_is_disclosed() {
    run(async {
        let settings =
            [("POLICY__CLIENT_NETWORKS", "[\"10.0.0.0/8\"]"), ("SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]")];
        let settings = settings.map(|(key, value)| (format!("MIG_FHIR__{key}"), value.to_owned())).to_vec();
        let options = Extras { settings, ..Extras::default() };
        let world = World::start_with(world::holdings([world::patient(PLAIN, |_| {})]), options).await;
        let (boss, who, number) = (world.member("administrator"), world.clinician(), world::number(PLAIN));
        let search = async |address: &str| {
            let ask = world.search("Condition", &number, "").by(&who).header("x-forwarded-for", address);
            ask.send().await
        };
        let answer = search("203.0.113.7").await;
        assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "NETWORK"]));
        assert_eq!(world.heard_of(&who).len(), 0);
        let yes = world.consent_body(&who, &number, true);
        let post = async |address: &str| {
            let ask = world.ask(Method::POST, "Consent").by(&who).header("x-forwarded-for", address);
            ask.json(&yes).await.status
        };
        assert_eq!(post("203.0.113.7").await, 403);
        assert_eq!(post("10.20.1.1").await, 201);
        assert_eq!(search("10.20.1.1").await.status, 200);
        assert_eq!(search("10.20.1.1, 203.0.113.7").await.status, 403, "the last address that is no proxy's counts");
        let answer = admin(&world, Method::GET, AGREEMENT).by(&boss).send().await;
        assert_eq!(answer.reasons(), ["ACCESS_DENIED", "NETWORK"], "the proxy itself is on no such network");
        let read = admin(&world, Method::GET, AGREEMENT).by(&boss).header("x-forwarded-for", "10.0.0.9").ok().await;
        let mut narrowed = read.body.clone();
        narrowed["client_networks"] = json!(["10.30.0.0/16"]);
        let put = admin(&world, Method::PUT, AGREEMENT).by(&boss).header("x-forwarded-for", "10.0.0.9");
        let answer = body(put.header("if-match", read.header("etag").expect("one")), &narrowed).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(search("10.20.1.1").await.reasons(), ["ACCESS_DENIED", "NETWORK"]);
        assert_eq!(search("10.30.1.1").await.status, 200);
        narrowed["client_networks"] = json!(["10.30.0.1/16"]);
        let put = admin(&world, Method::PUT, AGREEMENT).by(&boss).header("x-forwarded-for", "10.0.0.9");
        let answer = body(put.header("if-match", answer.header("etag").expect("one")), &narrowed).await;
        assert_eq!(answer.expressions(), ["client_networks[0]"]);
    });
}

#[test]
fn an_agreement_widens_and_narrows_assurance_and_roles() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let number = world::number(PLAIN);
        let weak = world.clinician_with(|claims| claims["authentication_assurance_level"] = "2".into());
        let set = async |change: &dyn Fn(&mut Value)| {
            let read = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
            let mut changed = read.body.clone();
            change(&mut changed);
            let put =
                admin(&world, Method::PUT, AGREEMENT).by(&boss).header("if-match", read.header("etag").expect("one"));
            let answer = body(put, &changed).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        };
        let search = async |who: &Who| world.search("Condition", &number, "").by(who).send().await;
        assert_eq!(search(&weak).await.reasons(), ["ACCESS_DENIED", "ASSURANCE"]);
        set(&|agreement| agreement["assurance_level"] = 2.into()).await;
        world.permit(&weak, &number).await;
        assert_eq!(search(&weak).await.status, 200);
        set(&|agreement| agreement["assurance_level"] = 3.into()).await;
        assert_eq!(search(&weak).await.reasons(), ["ACCESS_DENIED", "ASSURANCE"]);
        let strong = permitted(&world).await;
        set(&|agreement| agreement["clinician_roles"] = json!(["R8001"])).await;
        assert_eq!(search(&strong).await.reasons(), ["ACCESS_DENIED", "ROLE"]);
    });
}

#[test]
fn a_store_that_hangs_leaves_nothing_half_done() {
    run(async {
        let world = small().await;
        let boss = world.member("administrator");
        let read = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
        let etag = read.header("etag").expect("one").to_owned();
        let mut changed = read.body.clone();
        changed["consent_minutes"] = 45.into();
        let put = || {
            let ask = admin(&world, Method::PUT, AGREEMENT).by(&boss).header("if-match", &etag);
            body(ask.header("idempotency-key", "held"), &changed)
        };
        let held = database::hold(world.folder()).await;
        let answer = put().await;
        assert_eq!((answer.status, answer.reasons()), (503, vec!["AUDIT_UNAVAILABLE"]), "{}", answer.body);
        sqlx::Connection::close(held).await.expect("let go");
        let events = world.audited(&boss, &answer.request_id).await;
        assert_eq!(events.len(), 0, "neither the change nor a row that says it was made");
        let still = admin(&world, Method::GET, AGREEMENT).by(&boss).ok().await;
        assert_eq!((still.header("etag"), &still.body), (Some(etag.as_str()), &read.body));
        // What was sent in vain can be sent again under the same name.
        let done = put().await;
        assert_eq!((done.status, &done.body["consent_minutes"]), (200, &json!(45)), "{}", done.body);
    });
}

#[test]
fn a_list_is_registered_by_batch_each_entry_by_itself() {
    run(async {
        let world = small().await;
        let system = world.member("viewer-system");
        let episode = |seed: u64, key: &str| {
            json!({ "resourceType": "EpisodeOfCare", "status": "active",
                "identifier": [{ "system": "urn:x-list", "value": key }],
                "patient": { "identifier": { "system": world::NHS, "value": world::number(seed) } },
                "managingOrganization": { "identifier": { "system": world::ODS, "value": VIEWER } } })
        };
        let create = |seed: u64, key: &str| {
            json!({ "resource": episode(seed, key), "request": { "method": "POST", "url": "EpisodeOfCare",
                "ifNoneExist": format!("identifier=urn:x-list|{key}") } })
        };
        let mut wrong = create(911, "wrong");
        wrong["resource"]["status"] = "sleeping".into();
        let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
            create(910, "one"), wrong,
            { "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "EpisodeOfCare" } },
            { "request": { "method": "GET", "url": "EpisodeOfCare" } },
            { "resource": {}, "request": { "method": "POST", "url": "Consent" } },
            create(912, "two"),
        ] });
        let post = async |who: &Who, batch: &Value| world.ask(Method::POST, world.base()).by(who).json(batch).await;
        let answer = post(&system, &batch).await;
        assert_eq!((answer.status, &answer.body["type"]), (200, &json!("batch-response")), "{}", answer.body);
        let statuses = |answer: &Answer| -> Vec<String> {
            let entries = answer.body["entry"].as_array().expect("entries").iter();
            entries.map(|entry| entry["response"]["status"].as_str().expect("a status")[..3].to_owned()).collect()
        };
        assert_eq!(statuses(&answer), ["201", "400", "422", "422", "422", "201"]);
        let outcome = |place: usize| &answer.body["entry"][place]["response"]["outcome"]["issue"][0];
        assert_eq!(outcome(1)["expression"], json!(["EpisodeOfCare.status"]));
        assert_eq!(outcome(2)["expression"], json!(["Bundle.entry[2].resource"]));
        assert_eq!(outcome(3)["expression"], json!(["Bundle.entry[3].request.method"]));
        let events = world.audited(&system, &answer.request_id).await;
        assert_eq!(events.len(), 7, "the batch, and each entry");
        let again = post(&system, &batch).await;
        assert_eq!(statuses(&again), ["200", "400", "422", "422", "422", "200"], "registered once");
        let found = world.get("EpisodeOfCare?identifier=urn:x-list|one").by(&system).ok().await;
        assert_eq!(found.total(), 1);
        let id = found.ids().remove(0);
        assert_eq!(world.get(&format!("EpisodeOfCare?_id={id}")).by(&system).ok().await.total(), 1);
        // Many at once under one key are one.
        let one = || {
            let ask = world.ask(Method::POST, "EpisodeOfCare").by(&system);
            ask.header("if-none-exist", "identifier=urn:x-list|three")
                .body(FHIR, episode(913, "three").to_string())
                .send()
        };
        let all = join_all((0..6).map(|_| one())).await;
        let made = all.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((made, all.iter().filter(|answer| answer.status == 200).count()), (1, 5));
        let another =
            world.ask(Method::POST, "EpisodeOfCare").by(&system).header("if-none-exist", "identifier=urn:x-list|three");
        assert_eq!(another.json(&episode(914, "three")).await.status, 412, "another patient under that key");

        let mut ended = found.resources().next().expect("one").clone();
        ended["status"] = "finished".into();
        let update = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
            { "resource": ended, "request": { "method": "PUT", "url": format!("EpisodeOfCare/{id}"), "ifMatch": "W/\"1\"" } },
            { "resource": ended, "request": { "method": "PUT", "url": format!("EpisodeOfCare/{id}"), "ifMatch": "W/\"7\"" } },
        ] });
        assert_eq!(statuses(&post(&system, &update).await), ["200", "412"]);
        for (who, batch, status) in [
            (world.member("clinician"), batch.clone(), 403),
            (system.clone(), json!({ "resourceType": "Bundle", "type": "transaction", "entry": [] }), 422),
            (system.clone(), json!({ "resourceType": "Bundle", "type": "batch" }), 422),
            (
                system.clone(),
                json!({ "resourceType": "Bundle", "type": "batch", "entry": vec![create(910, "one"); 501] }),
                413,
            ),
        ] {
            let answer = post(&who, &batch).await;
            assert_eq!(answer.status, status, "{}", answer.body);
            assert_eq!(world.audited(&who, &answer.request_id).await.len(), 1, "{status}");
        }
    });
}
