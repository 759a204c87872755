//! Reports from the front door: `/admin/reports` over HTTP and `audit report` by the program, upon one trail.

use crate::admin::admin;
use crate::database;
use crate::refusals::refused;
use crate::wire::told;
use crate::world::{self, Answer, Ask, VIEWER, Who, World, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const HERE: u64 = 980;
const THERE: u64 = 981;
const PRACTICE: &str = "A99981";
const NAMES: [&str; 6] =
    ["practice-access", "who-viewed", "override-review", "annual-return", "user-activity", "unusual-viewing"];
const COUNTING: [&str; 3] = ["override-review", "annual-return", "unusual-viewing"];
const FORMATS: [&str; 2] = ["text/csv", "application/fhir+json"];

/// A world in which something has happened.
struct Lived {
    world: World,
    who: Who,
    /// Of the other viewing organisation.
    other: Who,
    overriding: Who,
    officer: Who,
    auditor: Who,
}

/// Two patients of two practices, viewed by two organisations; a refusal, an override, and a look after a refusal.
async fn lived() -> Lived {
    let there = world::patient(THERE, |holding| holding.practice = Some("A99982".to_owned()));
    let world = World::start(world::holdings([world::patient(HERE, |_| {}), there])).await;
    let (who, overriding, other) = (world.clinician(), world.clinician(), world.member("other-clinician"));
    let unasked = world.search("Condition", &world::number(HERE), "").by(&who).send().await;
    assert_eq!(unasked.status, 403);
    for number in [world::number(HERE), world::number(THERE)] {
        world.permit(&who, &number).await;
        for kind in ["Condition", "AllergyIntolerance"] {
            world.search(kind, &number, "").by(&who).ok().await;
        }
    }
    world.permit(&other, &world::number(HERE)).await;
    world.search("MedicationStatement", &world::number(HERE), "").by(&other).ok().await;
    let body = world.override_body(&overriding, &world::number(HERE), "Emergency");
    world.post_consent(&overriding, &body).await;
    world.get(&format!("Patient/{}/$everything", world.sealed(&world::number(HERE)))).by(&overriding).ok().await;
    let (officer, auditor) = (world.privacy_officer(VIEWER), world.member("practice-auditor"));
    Lived { world, who, other, overriding, officer, auditor }
}

impl Lived {
    /// What a report needs, and more members of the body.
    fn asked(&self, name: &str, more: &Value) -> Value {
        let mut body = match name {
            "who-viewed" => json!({ "nhs_number": world::number(HERE) }),
            "user-activity" => json!({ "user": self.who.user }),
            _ => json!({}),
        };
        for (member, value) in more.as_object().expect("members") {
            body[member] = value.clone();
        }
        body
    }

    fn ask(&self, name: &str, format: &str, more: &Value) -> Ask<'_> {
        let ask = admin(&self.world, Method::POST, &format!("reports/{name}")).header("accept", format);
        ask.body("application/json", self.asked(name, more).to_string())
    }

    async fn made(&self, by: &Who, name: &str, format: &str, more: &Value) -> Answer {
        let answer = self.ask(name, format, more).by(by).send().await;
        assert_eq!(answer.status, 200, "{name} {format}: {}", answer.text);
        let media = answer.header("content-type").expect("a type");
        assert!(media.starts_with(format), "{media}");
        answer
    }

    async fn csv(&self, by: &Who, name: &str, more: &Value) -> Vec<Vec<String>> {
        rows(&self.made(by, name, "text/csv", more).await.text)
    }

    /// The row that an answer says it was made from.
    fn row(answer: &Answer) -> i64 {
        let head = answer.header("x-audit-chain-head").expect("a head");
        head.split(' ').nth(1).and_then(|row| row.parse().ok()).expect("a row")
    }

    fn data(&self) -> &str {
        self.world.folder().to_str().expect("text")
    }
}

/// The lines of a CSV, by RFC 4180: every one ends, and all have as many cells.
fn rows(text: &str) -> Vec<Vec<String>> {
    assert!(text.ends_with("\r\n"), "the last line ends");
    let (mut all, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => cell.push(rest.next().expect("peeked")),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                all.push(std::mem::take(&mut line));
            }
            c => cell.push(c),
        }
    }
    assert!(all.iter().all(|line| line.len() == all[0].len()), "{text}");
    all
}

/// The values of a column.
fn column<'r>(rows: &'r [Vec<String>], name: &str) -> Vec<&'r str> {
    let at = rows[0].iter().position(|column| column == name).expect("a column");
    rows[1..].iter().map(|row| row[at].as_str()).collect()
}

#[test]
fn a_privacy_officer_has_all_six_of_the_own_organisation_and_a_practice_auditor_those_of_the_practice() {
    run(async {
        let lived = lived().await;
        let (officer, auditor, nothing) = (&lived.officer, &lived.auditor, json!({}));
        for name in NAMES {
            for format in FORMATS {
                let own = lived.made(officer, name, format, &nothing).await;
                assert!(!own.text.contains(&lived.other.user), "{name}: another organisation's viewing");
                assert!(!own.text.contains("RX002"), "{name}");
                let practice = lived.ask(name, format, &nothing).by(auditor).send().await;
                if name == "override-review" {
                    let reasons = ["ACCESS_DENIED", "ROLE"];
                    refused(&lived.world, auditor, &practice, 403, "forbidden", &reasons).await;
                } else {
                    assert_eq!(practice.status, 200, "{name} {format}: {}", practice.text);
                    assert!(!practice.text.contains("A99982"), "{name}: another practice's patients");
                }
                if format == "text/csv" {
                    continue;
                }
                let kind = if COUNTING.contains(&name) { "MeasureReport" } else { "Bundle" };
                assert_eq!(own.body["resourceType"], kind, "{name}");
                let identifier = if kind == "Bundle" { &own.body["identifier"] } else { &own.body["identifier"][0] };
                assert_eq!(identifier["value"].as_str(), own.header("x-audit-chain-head"), "{name}");
                let named = own.text.contains(&world::number(HERE));
                assert_eq!(named, name == "who-viewed", "{name}: only the report about a patient names one");
            }
        }
        let access = lived.csv(officer, "practice-access", &nothing).await;
        let practices: BTreeSet<&str> = column(&access, "practice").into_iter().collect();
        assert_eq!(practices, BTreeSet::from(["", PRACTICE, "A99982"]), "a refusal comes before the practice is known");
        assert_eq!(column(&access, "outcome").iter().filter(|outcome| **outcome == "answered").count(), 5);
        assert!(column(&access, "reason").contains(&"CONSENT_REQUIRED"));
        assert!(column(&access, "basis").contains(&"override Emergency"));

        let access = lived.csv(auditor, "practice-access", &nothing).await;
        let viewers: BTreeSet<&str> = column(&access, "organisation").into_iter().collect();
        assert_eq!(viewers, BTreeSet::from([VIEWER, "RX002"]), "everybody who viewed the practice's patients");
        let elsewhere = lived.csv(&lived.world.privacy_officer("RX002"), "practice-access", &nothing).await;
        assert_eq!(column(&elsewhere, "user"), [lived.other.user.as_str()]);

        let activity = lived.csv(officer, "user-activity", &nothing).await;
        assert_eq!(column(&activity, "practice"), [PRACTICE, PRACTICE, "A99982", "A99982", ""], "practice by practice");
        assert!(column(&activity, "user").iter().all(|user| *user == lived.who.user));
        let overrides = lived.csv(officer, "override-review", &nothing).await;
        assert_eq!(column(&overrides, "user"), [lived.overriding.user.as_str()]);
        assert_eq!(column(&overrides, "review"), ["requested"]);

        let annual = lived.csv(officer, "annual-return", &nothing).await;
        let counted = |practice: &str, measure: &str| {
            let row = annual.iter().find(|row| row[1] == practice && row[2] == measure);
            row.map(|row| row[4].as_str())
        };
        assert_eq!(counted(PRACTICE, "accesses"), Some("3"));
        assert_eq!(counted(PRACTICE, "accesses-by-override"), Some("1"));
        assert_eq!(counted(PRACTICE, "patients-viewed"), Some("1"));
        assert_eq!(counted(PRACTICE, "users-viewing"), Some("2"));
        assert_eq!(counted("", "relationships"), Some("2"), "each patient is registered for care");
        let listed: BTreeSet<&str> = annual[0].iter().map(String::as_str).collect();
        assert!(listed.is_disjoint(&BTreeSet::from(["user", "name", "patient"])), "numbers alone");
    });
}

#[test]
fn nobody_else_has_a_report_and_all_who_tried_are_in_the_trail() {
    run(async {
        let lived = lived().await;
        let world = &lived.world;
        for name in NAMES {
            let answer = lived.ask(name, "text/csv", &json!({})).send().await;
            assert_eq!((answer.status, answer.reasons()), (401, vec!["TOKEN"]), "{name}");
            for member in ["administrator", "clinician", "nurse", "receptionist", "viewer-system"] {
                let who = world.member(member);
                let answer = lived.ask(name, "text/csv", &json!({})).by(&who).send().await;
                assert_eq!((answer.status, answer.reasons()[0]), (403, "ACCESS_DENIED"), "{member}: {name}");
                assert!(["SCOPE", "ROLE"].contains(&answer.reasons()[1]), "{member}: {:?}", answer.reasons());
            }
            // The scope makes no office of a role.
            let scoped = world.like("administrator", |claims| claims["scope"] = "user/AuditEvent.rs".into());
            let answer = lived.ask(name, "text/csv", &json!({})).by(&scoped).send().await;
            refused(world, &scoped, &answer, 403, "forbidden", &["ACCESS_DENIED", "ROLE"]).await;
        }
        let unscoped = world.like("privacy-officer", |claims| claims["scope"] = "user/Consent.rs".into());
        let answer = lived.ask("practice-access", "text/csv", &json!({})).by(&unscoped).send().await;
        refused(world, &unscoped, &answer, 403, "forbidden", &["ACCESS_DENIED", "SCOPE"]).await;
        world.suspend(mig_fhir::register::agreements::Target::User, &lived.officer.user).await;
        let answer = lived.ask("practice-access", "text/csv", &json!({})).by(&lived.officer).send().await;
        assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "SUSPENDED"]));
    });
}

#[test]
fn the_same_row_gives_the_same_bytes_whatever_was_added_since_and_the_program_gives_them_too() {
    run(async {
        let lived = lived().await;
        let nothing = json!({});
        let mut before = Vec::new();
        for name in NAMES {
            for format in FORMATS {
                before.push((name, format, lived.made(&lived.officer, name, format, &nothing).await));
            }
        }
        lived.world.clock.advance(Duration::from_hours(1));
        let later = lived.world.like("clinician", |_| {});
        lived.world.permit(&later, &world::number(HERE)).await;
        lived.world.search("Condition", &world::number(HERE), "").by(&later).ok().await;
        database::settle(lived.world.folder()).await;
        let number = lived.world.folder().join("number");
        std::fs::write(&number, format!("{}\n", world::number(HERE))).expect("written");
        for (name, format, first) in &before {
            let row = Lived::row(first);
            let again = lived.made(&lived.officer, name, format, &json!({ "row": row })).await;
            assert!(again.text == first.text, "{name} {format} of row {row} differs");
            assert_eq!(again.header("x-audit-chain-head"), first.header("x-audit-chain-head"));
            let now = lived.made(&lived.officer, name, format, &nothing).await;
            let only_a_header = *format == "text/csv" && first.text.lines().count() == 1;
            assert!(only_a_header || now.text != first.text, "{name} {format}: a newer row, a newer report");

            let row = row.to_string();
            let word = if *format == "text/csv" { "csv" } else { "fhir" };
            let mut command = vec!["audit", "report", name, "--format", word, "--by", "an.operator", "--row", &row];
            command.extend(["--organisation", VIEWER, "--data", lived.data()]);
            match *name {
                "who-viewed" => command.extend(["--nhs-number-file", number.to_str().expect("text")]),
                "user-activity" => command.extend(["--user", &lived.who.user]),
                _ => {}
            }
            let (code, out, err) = told(&command);
            assert_eq!(code, Some(0), "{name}: {err}");
            let head = first.header("x-audit-chain-head").expect("a head");
            assert!(err.contains(head), "the program says which row it was made from: {err}");
            if word == "csv" {
                assert!(out == first.text, "{name}: by the program");
                continue;
            }
            // The program's settings have another address of the service than the test's own port.
            let mut made: Value = serde_json::from_str(&out).expect("JSON");
            let mut wanted = first.body.clone();
            for body in [&mut made, &mut wanted] {
                for entry in body["entry"].as_array_mut().into_iter().flatten() {
                    entry.as_object_mut().expect("an entry").remove("fullUrl");
                }
            }
            assert!(made == wanted, "{name}: by the program");
        }
        // A head that was kept proves later that nothing before it was put back.
        let kept = lived.world.folder().join("kept");
        std::fs::write(&kept, before[0].2.header("x-audit-chain-head").expect("a head")).expect("written");
        let verify = ["audit", "verify", "--data", lived.data(), "--anchors", kept.to_str().expect("text")];
        let (code, out, _) = told(&verify);
        assert_eq!(code, Some(0), "{out}");
        assert!(out.contains("1 anchors"), "{out}");
    });
}

#[test]
fn making_a_report_is_an_event_of_the_trail_that_says_what_was_asked() {
    run(async {
        let lived = lived().await;
        for name in NAMES {
            let made = lived.made(&lived.officer, name, "text/csv", &json!({ "from": "2026-01-01" })).await;
            let events = lived.world.audited(&lived.officer, &made.request_id).await;
            let [event] = events.as_slice() else { panic!("{name}: {} events", events.len()) };
            assert_eq!((&event["outcome"], &event["subtype"][0]["code"]), (&json!("0"), &json!("operation")));
            let entities = event["entity"].as_array().expect("entities");
            let query = entities.iter().find(|entity| entity["role"]["code"] == "24").expect("a query");
            let raw = STANDARD.decode(query["query"].as_str().expect("base64")).expect("base64");
            let raw = String::from_utf8(raw).expect("text");
            assert!(raw.starts_with(&format!("admin/reports/{name}?format=csv&from=2026-01-01T00")), "{raw}");
            assert!(raw.contains(&format!("row={}", Lived::row(&made))), "{raw}");
            assert!(!raw.contains(&world::number(HERE)), "{raw}");
            let patient = entities.iter().find(|entity| entity["what"]["type"] == "Patient");
            assert_eq!(patient.is_some(), name == "who-viewed", "{name}");
        }
        // The patient learns of that too.
        let about = lived.csv(&lived.officer, "who-viewed", &json!({})).await;
        assert!(column(&about, "what").contains(&"made a report of who had looked at your record"));
        // The practice's auditor is told of by the practice's trail.
        let made = lived.made(&lived.auditor, "practice-access", "text/csv", &json!({})).await;
        let trail = lived.world.get("AuditEvent?_count=1000").by(&lived.auditor).ok().await;
        assert!(trail.text.contains(&made.request_id));
    });
}

#[test]
fn the_patient_is_told_in_plain_english_and_no_more_about_staff_than_is_wanted() {
    run(async {
        let lived = lived().await;
        let who = &lived.who;
        let told = lived.csv(&lived.officer, "who-viewed", &json!({})).await;
        let sentences = column(&told, "in_words");
        let clinician = column(&told, "who").into_iter().find(|name| name.starts_with("Dr Scenario")).expect("named");
        for wanted in [
            format!("{clinician} (Clinical Practitioner) of the organisation {VIEWER} asked to see your allergies. You, or somebody who speaks for you, had been asked about it. It was shown."),
            format!("{clinician} (Clinical Practitioner) of the organisation {VIEWER} asked to see your problems and diagnoses. It was refused, because you had not been asked; nothing was shown."),
            "asked to see your whole shared record. They did so without your agreement because there was danger to life; this is reviewed. It was shown.".to_owned(),
        ] {
            assert!(sentences.iter().any(|sentence| sentence.ends_with(&wanted)), "{wanted}: {sentences:?}");
        }
        for sentence in &sentences {
            assert!(sentence.starts_with("On ") && sentence.ends_with('.'), "{sentence}");
            let codes = |c: char| c == '_' || c == '{' || c == '/';
            assert!(!sentence.contains(codes), "no code, no path: {sentence}");
        }
        let ids = [&who.user, &lived.overriding.user, &who.user[1..].to_owned()];
        let named = lived.made(&lived.officer, "who-viewed", "text/csv", &json!({})).await;
        assert!(ids.iter().all(|id| !named.text.contains(*id)), "a name, never a number of staff");
        for format in FORMATS {
            let told = lived.made(&lived.officer, "who-viewed", format, &json!({ "staff_names": false })).await;
            assert!(ids.iter().all(|id| !told.text.contains(*id)), "{format}");
            assert!(!told.text.contains("Scenario") && told.text.contains("a member of staff"), "{format}");
            assert!(!told.text.contains("urn:ietf:params:oauth:jti"), "{format}: no token either");
        }
        // Somebody else's views are not among them.
        let other = lived.csv(&lived.officer, "who-viewed", &json!({ "nhs_number": world::number(THERE) })).await;
        let references: BTreeSet<&str> = column(&told, "reference").into_iter().collect();
        assert!(column(&other, "reference").iter().all(|reference| !references.contains(reference)));
        // A day without anything is a header, and a Bundle without entries.
        let never = json!({ "from": "2020-01-01", "to": "2020-01-31" });
        assert_eq!(lived.csv(&lived.officer, "who-viewed", &never).await.len(), 1);
        let empty = lived.made(&lived.officer, "who-viewed", FORMATS[1], &never).await;
        assert_eq!(empty.body["entry"], Value::Null);
    });
}

#[test]
fn what_bounds_a_report_stands_with_it_so_that_nobody_takes_a_part_for_the_whole() {
    run(async {
        let lived = lived().await;
        let bounds = json!({ "from": "2026-01-01", "to": "2026-12-31" });
        let whose =
            [(&lived.officer, format!("organisation={VIEWER}")), (&lived.auditor, format!("practice={PRACTICE}"))];
        let period = "from=2026-01-01T00%3A00%3A00Z&to=2026-12-31T23%3A59%3A59.999Z";
        for (by, scope) in whose {
            let told = lived.made(by, "who-viewed", "text/csv", &bounds).await;
            assert_eq!(told.header("x-report-bounds"), Some(format!("{scope}&{period}").as_str()));
            let told = lived.made(by, "who-viewed", "text/csv", &json!({})).await;
            assert_eq!(told.header("x-report-bounds"), Some(scope.as_str()), "all of it");
        }
        let mut narrowed = bounds.clone();
        narrowed["practice"] = PRACTICE.into();
        for name in ["practice-access", "user-activity", "annual-return"] {
            let told = lived.made(&lived.officer, name, FORMATS[1], &narrowed).await;
            let tags = told.body["meta"]["tag"].as_array().expect("tags");
            let mut wanted = vec![format!("organisation {VIEWER}"), format!("practice {PRACTICE}")];
            if name == "user-activity" {
                wanted.push(format!("user {}", lived.who.user));
            }
            wanted.extend(["from 2026-01-01T00:00:00Z".to_owned(), "to 2026-12-31T23:59:59.999Z".to_owned()]);
            let said: Vec<&str> = tags.iter().map(|tag| tag["display"].as_str().expect("words")).collect();
            assert_eq!(said, wanted, "{name}");
        }
        // What somebody is told of their own record is never one user's part of it, or another practice's.
        let own = lived.made(&lived.auditor, "who-viewed", "text/csv", &json!({ "practice": PRACTICE })).await;
        assert_eq!(own.header("x-report-bounds"), Some(format!("practice={PRACTICE}").as_str()));
        for (by, more, expression) in [
            (&lived.officer, json!({ "user": lived.who.user }), "user"),
            (&lived.officer, json!({ "practice": PRACTICE }), "practice"),
            (&lived.auditor, json!({ "user": lived.who.user }), "user"),
            (&lived.auditor, json!({ "practice": "A99982" }), "practice"),
        ] {
            let answer = lived.ask("who-viewed", "text/csv", &more).by(by).send().await;
            assert_eq!((answer.status, answer.expressions()), (422, vec![expression]), "{more}");
        }
    });
}

#[test]
fn a_user_has_one_report_under_way_and_is_told_when_to_ask_again() {
    run(async {
        let lived = lived().await;
        let held = database::hold(lived.world.folder()).await;
        let ask = |by| lived.ask("who-viewed", "text/csv", &json!({})).by(by).send();
        let again = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let again = ask(&lived.officer).await;
            drop(held);
            again
        };
        let (first, again) = tokio::join!(ask(&lived.officer), again);
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!((again.status, again.reasons()), (429, vec!["THROTTLED"]));
        assert!(again.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
        assert_eq!(
            lived.world.audited(&lived.officer, &again.request_id).await.len(),
            0,
            "as other throttled requests"
        );
        lived.made(&lived.officer, "who-viewed", "text/csv", &json!({})).await;
    });
}

#[test]
fn what_is_asked_wrongly_is_told_by_its_member_and_never_by_its_value() {
    run(async {
        let lived = lived().await;
        let (world, officer) = (&lived.world, &lived.officer);
        let post = |name: &str, body: &Value| {
            admin(world, Method::POST, &format!("reports/{name}"))
                .by(officer)
                .body("application/json", body.to_string())
        };
        for (name, body, status, expression) in [
            ("who-viewed", json!({}), 422, "nhs_number"),
            ("who-viewed", json!({ "nhs_number": "9990000019" }), 400, "nhs_number"),
            ("who-viewed", json!({ "nhs_number": 9_990_000_018_u64 }), 400, "nhs_number"),
            ("practice-access", json!({ "nhs_number": world::number(HERE) }), 422, "nhs_number"),
            ("user-activity", json!({}), 422, "user"),
            ("user-activity", json!({ "user": "with a space" }), 400, "user"),
            ("practice-access", json!({ "from": "yesterday-9990000018" }), 400, "from"),
            ("practice-access", json!({ "from": 2026 }), 400, "from"),
            ("practice-access", json!({ "to": "2026-02-30" }), 400, "to"),
            ("practice-access", json!({ "practice": "not a code" }), 400, "practice"),
            ("override-review", json!({ "practice": PRACTICE }), 422, "practice"),
            ("who-viewed", json!({ "nhs_number": world::number(HERE), "staff_names": "no" }), 400, "staff_names"),
            ("annual-return", json!({ "row": "1" }), 400, "row"),
            ("annual-return", json!({ "row": 0 }), 422, "row"),
            ("annual-return", json!({ "row": -5 }), 422, "row"),
            ("annual-return", json!({ "row": 99_999_999 }), 422, "row"),
            ("annual-return", json!({ "row": 1.5 }), 400, "row"),
            ("annual-return", json!({ "nonsense": 1 }), 422, "body"),
            ("annual-return", json!([]), 422, "body"),
        ] {
            let answer = post(name, &body).send().await;
            let reason = if status == 400 { "QUERY" } else { "RESOURCE_INVALID" };
            let told = (answer.status, answer.reasons(), answer.expressions());
            assert_eq!(told, (status, vec![reason], vec![expression]), "{name} {body}");
            for value in ["yesterday", "2026-02-30", "not a code", "with a space", "9990000019", "99999999", "nonsense"]
            {
                assert!(!answer.text.contains(value), "{name} {body}: the value is said back");
            }
            let events = world.audited(officer, &answer.request_id).await;
            assert_eq!((events.len(), &events[0]["outcome"]), (1, &json!("4")), "{name} {body}");
        }
        let get = |path: &str| admin(world, Method::GET, &format!("reports/{path}")).by(officer);
        for (path, status, reason) in [
            ("everything", 404, "NOT_FOUND"),
            ("practice-access?user=999000000101", 400, "QUERY"),
            ("practice-access?from=2026-01-01&from=2026-01-02", 400, "QUERY"),
            ("practice-access?row=all", 400, "QUERY"),
            ("practice-access?_format=pdf", 406, "ACCEPT"),
            ("practice-access?_format=xml", 406, "ACCEPT"),
            ("who-viewed", 422, "RESOURCE_INVALID"),
        ] {
            let answer = get(path).send().await;
            assert_eq!((answer.status, answer.reasons()), (status, vec![reason]), "{path}");
        }
        let answer = get("practice-access").header("accept", "application/pdf").send().await;
        assert_eq!((answer.status, answer.reasons()), (406, vec!["ACCEPT"]));
        let ask = || admin(world, Method::POST, "reports/practice-access").by(officer);
        let answer = ask().body("text/plain", "{}").send().await;
        assert_eq!((answer.status, answer.reasons()), (415, vec!["MEDIA_TYPE"]));
        let answer = ask().body("application/json", "{").send().await;
        assert_eq!((answer.status / 100, answer.reasons().len()), (4, 1), "{}", answer.text);
        let answer = admin(world, Method::PUT, "reports/practice-access").by(officer).send().await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
    });
}

#[test]
fn a_head_makes_no_report_and_the_list_says_which_there_are() {
    run(async {
        let lived = lived().await;
        let world = &lived.world;
        let names = async |who: &Who| {
            let listed = admin(world, Method::GET, "reports").by(who).ok().await;
            let names = listed.body["reports"].as_array().expect("a list").iter();
            names.map(|report| report["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&lived.officer).await, NAMES);
        assert_eq!(names(&lived.auditor).await.len(), 5, "reviews are the viewing organisation's");
        let head = admin(world, Method::HEAD, "reports").by(&lived.officer).send().await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        for name in NAMES {
            let head = admin(world, Method::HEAD, &format!("reports/{name}")).by(&lived.officer).send().await;
            assert_eq!((head.status, head.header("allow")), (405, Some("GET, POST")), "{name}");
            assert_eq!(world.audited(&lived.officer, &head.request_id).await.len(), 0, "{name}: nothing was made");
        }
        // A GET names nobody, so that two need a body; the rest are the same either way.
        for name in ["practice-access", "override-review", "annual-return", "unusual-viewing"] {
            let first = lived.made(&lived.officer, name, "text/csv", &json!({})).await;
            let row = Lived::row(&first);
            let got = admin(world, Method::GET, &format!("reports/{name}?_format=csv&row={row}"));
            let got = got.by(&lived.officer).send().await;
            assert_eq!(got.status, 200, "{}", got.text);
            assert!(got.text == first.text, "{name}");
        }
    });
}

#[test]
fn a_trail_that_was_tampered_with_makes_no_report_at_all() {
    run(async {
        let lived = lived().await;
        let folder = lived.world.folder();
        database::tamper(folder, "CREATE TABLE kept_aside AS SELECT * FROM audit").await;
        for sql in [
            // Of another organisation: no report of this officer would show the row.
            "UPDATE audit SET outcome = 4 WHERE organisation = 'RX002' AND kind = 'closed'",
            // Each hides a view from a report.
            "UPDATE audit SET organisation = 'RX002' WHERE seq = (SELECT MIN(seq) FROM audit WHERE practice = 'A99982')",
            "UPDATE audit SET recorded = 0 WHERE practice = 'A99982'",
            "UPDATE audit SET payload = replace(payload, 'Scenario', 'Nobody') WHERE practice = 'A99982'",
            "DELETE FROM audit WHERE seq = (SELECT MIN(seq) FROM audit WHERE practice = 'A99982')",
        ] {
            database::tamper(folder, sql).await;
            for name in NAMES {
                for format in FORMATS {
                    let answer = lived.ask(name, format, &json!({})).by(&lived.officer).send().await;
                    assert_eq!((answer.status, answer.reasons()), (500, vec!["INTERNAL"]), "{name}: {sql}");
                    assert_eq!(answer.header("x-audit-chain-head"), None);
                }
            }
            // The row that was added meanwhile, to say that it could not be made, goes with the others.
            let kept = "DELETE FROM audit WHERE seq <= (SELECT MAX(seq) FROM kept_aside); \
                        INSERT INTO audit SELECT * FROM kept_aside";
            database::tamper(folder, kept).await;
        }
        lived.made(&lived.officer, "practice-access", "text/csv", &json!({})).await;
        let failed = lived.world.get("AuditEvent?outcome=8&_count=1000").by(&lived.officer).ok().await;
        assert!(failed.total() >= 60, "each refusal is in the trail itself");
    });
}

#[test]
fn the_program_says_what_it_wants_writes_over_nothing_and_is_audited_by_name() {
    run(async {
        let lived = lived().await;
        database::settle(lived.world.folder()).await;
        let report = |more: &[&str]| {
            told(&[&["audit", "report"], more, &["--data", lived.data(), "--organisation", VIEWER]].concat())
        };
        let (code, out, _) = report(&["practice-access"]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "nobody asks");
        for (more, says) in [
            (&["who-viewed", "--by", "jo"][..], "nhs_number is needed"),
            (&["user-activity", "--by", "jo"], "user is needed"),
            (&["practice-access", "--by", "jo", "--row", "99999999"], "has no such row"),
            (&["who-viewed", "--by", "jo", "--nhs-number-file", "/no/such/file"], "No such file"),
        ] {
            let (code, out, err) = report(more);
            assert_eq!((code, out.as_str()), (Some(1), ""), "{more:?}");
            assert!(err.contains(says), "{more:?}: {err}");
        }
        let out = lived.world.folder().join("access.csv");
        let to = ["practice-access", "--by", "jo.bloggs", "--out", out.to_str().expect("text")];
        let (code, _, err) = report(&to);
        assert_eq!(code, Some(0), "{err}");
        let written = std::fs::read_to_string(&out).expect("written");
        assert_eq!(rows(&written).len(), 7);
        let (code, _, err) = report(&to);
        assert_eq!(code, Some(1), "{err}");
        assert_eq!(std::fs::read_to_string(&out).expect("there"), written, "written over");
        let trail = lived.world.get("AuditEvent?agent.identifier=jo.bloggs").by(&lived.officer).ok().await;
        assert_eq!(trail.total(), 1, "the one that was made");
    });
}
