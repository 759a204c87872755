//! Every row of the table of refusals (CONTRACT section 4) that a client can bring about, from the front door: status,
//! issue code, coded reason, what more is said, and the AuditEvent that stands afterwards. As long as the table is: it is
//! read beside it, row by row.

use super::world::{self, Answer, FHIR, FORM, NHS, ODS, VIEWER, Who, World, run};
use mig_fhir::kinds::Kind;
use mig_fhir::register::agreements::Target;
use mig_fhir::simulator::generate::{Mark, Planted};
use mig_fhir::simulator::holdings::Holding;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Nobody's.
const UNKNOWN: u64 = 900;
const LEFT: u64 = 901;
const TEMPORARY: u64 = 902;
const DECEASED: u64 = 903;
const SENSITIVE: u64 = 904;
const NO_PRACTICE: u64 = 905;
const PLANTED: u64 = 906;
const PLAIN: u64 = 907;
const OTHER: u64 = 908;

const SNOMED: &str = "2.16.840.1.113883.2.1.3.2.4.15";

struct Shared {
    world: World,
    /// Legacy ids of the planted entries: an ordinary one, then one for each way of being withheld.
    planted: Vec<String>,
}

/// One world for every scenario that changes nothing but what belongs to its own clinician.
async fn shared() -> &'static Shared {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED.get_or_init(start).await
}

async fn start() -> Shared {
    let value = |mark| Planted {
        event_type: "VAL".to_owned(),
        system: SNOMED.to_owned(),
        code: "27113001".to_owned(),
        term: "Body weight".to_owned(),
        mark,
        ..Planted::default()
    };
    let entries = [Mark::None, Mark::Restricted, Mark::Hidden, Mark::Deleted].map(value).to_vec();
    let (planted, ids) = world::with_entries(PLANTED, entries, |_| {});
    let mut holdings = world::builtin();
    let registration =
        |seed, word: &'static str| world::patient(seed, |holding| word.clone_into(&mut holding.registration));
    let more = [
        registration(LEFT, "left"),
        registration(TEMPORARY, "temporary"),
        registration(DECEASED, "deceased"),
        world::patient(SENSITIVE, |holding| holding.restricted = true),
        world::patient(NO_PRACTICE, |holding| {
            holding.practice = None;
            "unknown".clone_into(&mut holding.registration);
        }),
        planted,
        world::patient(PLAIN, |_| {}),
        world::patient(OTHER, |_| {}),
    ];
    for patient in more {
        assert!(holdings.add(patient));
    }
    let world = World::start(holdings).await;
    // Registered for care here, and known to no practice.
    let number = world::number(UNKNOWN);
    let answer =
        world.ask(Method::POST, "EpisodeOfCare").by(&world.member("viewer-system")).json(&episode(&number)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Shared { world, planted: ids }
}

async fn world() -> &'static World {
    &shared().await.world
}

fn episode(number: &str) -> Value {
    json!({
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "patient": { "identifier": { "system": NHS, "value": number } },
        "managingOrganization": { "identifier": { "system": ODS, "value": VIEWER } },
    })
}

/// Status, issue code and reasons are as told, and exactly one AuditEvent says so.
pub(crate) async fn refused(world: &World, who: &Who, answer: &Answer, status: u16, code: &str, reasons: &[&str]) {
    said(answer, status, code, reasons);
    let events = world.audited(who, &answer.request_id).await;
    let [event] = events.as_slice() else { panic!("{} AuditEvents of one refusal {reasons:?}", events.len()) };
    assert_eq!(event["outcome"], if status >= 500 { "8" } else { "4" }, "{reasons:?}");
    assert_eq!(event["outcomeDesc"], *reasons.last().expect("a reason"));
    assert_eq!(event["meta"]["profile"], Value::Null, "a profile is for what was answered");
    let agents = event["agent"].as_array().expect("agents");
    let user = agents.iter().find(|agent| agent["requestor"] == true).expect("the user");
    assert_eq!(user["who"]["identifier"]["value"], who.user.as_str());
}

fn said(answer: &Answer, status: u16, code: &str, reasons: &[&str]) {
    assert_eq!(answer.status, status, "{reasons:?}: {}", answer.body);
    assert_eq!(answer.body["issue"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer.body["issue"][0]["code"], code, "{}", answer.body);
    assert_eq!(answer.reasons(), reasons);
    assert!(!answer.body["issue"][0]["details"]["text"].as_str().expect("words for people").is_empty());
}

/// A local rule refused: the legacy side has never heard of this user.
fn nothing_was_asked(world: &World, who: &Who) {
    let asked = world.extracts_of(who).len();
    assert_eq!(asked, 0, "the legacy side was asked for a caller who fails a local rule");
}

/// 403 of a local rule, on search, GET search, read, both operations and where it applies the POST of a Consent.
async fn refused_everywhere(world: &World, who: &Who, number: &str, reasons: &[&str]) {
    let sealed = world.sealed(number);
    let asks = [
        world.search("Condition", number, ""),
        world.get(&format!("Condition?patient={sealed}")),
        world.get(&format!("Patient/{sealed}")),
        world.get(&format!("Patient/{sealed}/$everything")),
        world.get(&format!("Patient/{sealed}/$detailed-care-record")),
        world.search("Patient", number, ""),
    ];
    for ask in asks {
        let answer = ask.by(who).send().await;
        refused(world, who, &answer, 403, "forbidden", reasons).await;
    }
    nothing_was_asked(world, who);
}

#[test]
fn without_a_good_token_every_route_is_401_and_says_how_to_ask() {
    run(async {
        let world = world().await;
        let claims = world.claims("clinician");
        let with = |change: &dyn Fn(&mut Value)| {
            let mut changed = claims.clone();
            change(&mut changed);
            world.signed(&changed).token
        };
        let now = world.clock.now().unix_timestamp();
        let symmetric = jsonwebtoken::EncodingKey::from_secret(b"the issuer's public key, say");
        let tokens = [
            ("none at all", None, "login"),
            ("garbage", Some("garbage".to_owned()), "login"),
            ("alg none", Some(world::unsigned(&claims)), "login"),
            ("another key", Some(world::forged(&claims)), "login"),
            (
                "a symmetric key",
                Some(jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &symmetric).expect("signed")),
                "login",
            ),
            ("another audience", Some(with(&|claims| claims["aud"] = "urn:somebody:else".into())), "login"),
            ("another issuer", Some(with(&|claims| claims["iss"] = "urn:somebody:else".into())), "login"),
            ("expired", Some(with(&|claims| claims["exp"] = (now - 120).into())), "expired"),
            ("not yet valid", Some(with(&|claims| claims["nbf"] = (now + 600).into())), "expired"),
        ];
        let number = world::number(PLAIN);
        let sealed = world.sealed(&number);
        for (what, token, code) in &tokens {
            let asks = [
                world.search("Condition", &number, ""),
                world.get(&format!("Condition?patient={sealed}")),
                world.get(&format!("Patient/{sealed}")),
                world.get(&format!("Patient/{sealed}/$everything")),
                world.ask(Method::POST, "Consent").body(FHIR, "{}"),
                world.get("Consent"),
                world.get("EpisodeOfCare"),
                world.get("Task"),
                world.get("AuditEvent"),
                // What else is wrong with a request is nobody's business who has not said who they are.
                world.ask(Method::POST, "Condition/_search").body("text/csv", "a,b"),
                world.get("Condition").header("accept", "text/html"),
            ];
            for ask in asks {
                let ask = match token {
                    Some(token) => ask.token(token),
                    None => ask,
                };
                let answer = ask.send().await;
                assert_eq!(answer.status, 401, "{what}: {}", answer.body);
                said(&answer, 401, code, &["TOKEN"]);
                let challenge = answer.header("www-authenticate").expect("WWW-Authenticate");
                assert!(challenge.starts_with("Bearer"), "{challenge}");
            }
        }
    });
}

#[test]
fn a_token_in_the_query_or_given_twice_is_none() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let answer = world.get(&format!("Consent?access_token={}", who.token)).send().await;
        said(&answer, 401, "login", &["TOKEN"]);
        let answer = world.get("Consent").by(&who).header("authorization", "Bearer x").send().await;
        said(&answer, 401, "login", &["TOKEN"]);
    });
}

#[test]
fn every_type_that_could_come_back_needs_its_scope() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let sealed = world.sealed(&number);
        let reasons = ["ACCESS_DENIED", "SCOPE"];
        let scoped = |scopes: &str| {
            let scopes = scopes.to_owned();
            world.clinician_with(|claims| claims["scope"] = scopes.into())
        };
        let who = scoped("user/Observation.rs user/Consent.crus");
        refused_everywhere(world, &who, &number, &reasons).await;

        let all: Vec<String> = Kind::ALL.iter().map(|kind| format!("user/{kind}.rs")).collect();
        let but = |kind: &str| {
            let left: Vec<_> = all.iter().filter(|scope| !scope.contains(&format!("/{kind}."))).cloned().collect();
            format!("{} user/Consent.crus", left.join(" "))
        };
        let who = scoped(&but("Practitioner"));
        world.permit(&who, &number).await;
        let included = world.search("Condition", &number, "&_include=Condition:asserter").by(&who).send().await;
        refused(world, &who, &included, 403, "forbidden", &reasons).await;
        let everything = world.get(&format!("Patient/{sealed}/$everything")).by(&who).send().await;
        refused(world, &who, &everything, 403, "forbidden", &reasons).await;
        nothing_was_asked(world, &who);
        // Judged from the request alone: without the include the same search is answered.
        world.search("Condition", &number, "").by(&who).ok().await;
        world.get(&format!("Patient/{sealed}/$everything?_type=Patient,Condition")).by(&who).ok().await;

        let reads = scoped("user/Condition.r user/Consent.crus");
        world.permit(&reads, &number).await;
        let answer = world.search("Condition", &number, "").by(&reads).send().await;
        refused(world, &reads, &answer, 403, "forbidden", &reasons).await;

        let nothing = scoped("user/Condition.rs");
        let answer =
            world.ask(Method::POST, "Consent").by(&nothing).json(&world.consent_body(&nothing, &number, true)).await;
        refused(world, &nothing, &answer, 403, "forbidden", &reasons).await;
        for kind in ["Task", "AuditEvent", "EpisodeOfCare"] {
            let answer = world.get(kind).by(&nothing).send().await;
            refused(world, &nothing, &answer, 403, "forbidden", &reasons).await;
        }
    });
}

#[test]
fn only_a_qualified_clinician_in_one_selected_role_sees_a_record() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let reasons = ["ACCESS_DENIED", "ROLE"];
        refused_everywhere(world, &world.member("receptionist"), &number, &reasons).await;
        let scopes = world.claims("clinician")["scope"].clone();
        for office in ["privacy-officer", "practice-auditor", "administrator"] {
            let who = world.like(office, |claims| claims["scope"] = scopes.clone());
            let sealed = world.sealed(&number);
            let answer = world.get(&format!("Patient/{sealed}")).by(&who).send().await;
            refused(world, &who, &answer, 403, "forbidden", &reasons).await;
            nothing_was_asked(world, &who);
        }
        let several = world.clinician_with(|claims| {
            let mut second = claims["nhsid_nrbac_roles"][0].clone();
            second["person_roleid"] = "199000000999".into();
            claims["nhsid_nrbac_roles"].as_array_mut().expect("roles").push(second);
            claims.as_object_mut().expect("claims").remove("selected_roleid");
        });
        let answer = world.search("Condition", &number, "").by(&several).send().await;
        said(&answer, 403, "forbidden", &reasons);
        let answer =
            world.ask(Method::POST, "Consent").by(&several).json(&world.consent_body(&several, &number, true)).await;
        said(&answer, 403, "forbidden", &reasons);
        nothing_was_asked(world, &several);
        let system = world.like("viewer-system", |claims| {
            claims["scope"] = "system/Condition.rs system/Consent.crus system/Task.rus system/AuditEvent.rs".into();
        });
        let asks =
            [world.search("Condition", &number, ""), world.get("Consent"), world.get("Task"), world.get("AuditEvent")];
        for ask in asks {
            let answer = ask.by(&system).send().await;
            refused(world, &system, &answer, 403, "forbidden", &reasons).await;
        }
        nothing_was_asked(world, &system);
    });
}

#[test]
fn what_is_kept_is_for_its_offices_alone() {
    run(async {
        let world = world().await;
        let reasons = ["ACCESS_DENIED", "ROLE"];
        let all = "user/Consent.crus user/Task.rus user/AuditEvent.rs user/EpisodeOfCare.cruds";
        for (office, closed) in [
            ("clinician", &["Task", "AuditEvent", "EpisodeOfCare"][..]),
            ("privacy-officer", &["EpisodeOfCare"]),
            ("practice-auditor", &["Consent", "Task", "EpisodeOfCare"]),
            ("administrator", &["Consent", "Task", "AuditEvent", "EpisodeOfCare"]),
        ] {
            let who = world.like(office, |claims| claims["scope"] = all.into());
            for kind in closed {
                let answer = world.get(kind).by(&who).send().await;
                said(&answer, 403, "forbidden", &reasons);
                if who.organisation == VIEWER {
                    refused(world, &who, &answer, 403, "forbidden", &reasons).await;
                }
            }
        }
    });
}

#[test]
fn a_weak_sign_in_and_an_untrained_clinician_are_refused() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let weak = world.clinician_with(|claims| claims["authentication_assurance_level"] = "2".into());
        refused_everywhere(world, &weak, &number, &["ACCESS_DENIED", "ASSURANCE"]).await;
        let untold = world.clinician_with(|claims| {
            claims.as_object_mut().expect("claims").remove("authentication_assurance_level");
        });
        let body = world.consent_body(&untold, &number, true);
        let answer = world.ask(Method::POST, "Consent").by(&untold).json(&body).await;
        refused(world, &untold, &answer, 403, "forbidden", &["ACCESS_DENIED", "ASSURANCE"]).await;
        let untrained = world.member("untrained-clinician");
        refused_everywhere(world, &untrained, &number, &["ACCESS_DENIED", "ENROLMENT"]).await;
        let body = world.consent_body(&untrained, &number, true);
        let answer = world.ask(Method::POST, "Consent").by(&untrained).json(&body).await;
        refused(world, &untrained, &answer, 403, "forbidden", &["ACCESS_DENIED", "ENROLMENT"]).await;
    });
}

#[test]
fn a_suspension_is_felt_by_the_next_request() {
    run(async {
        let world = World::start(world::holdings([
            world::patient(PLAIN, |_| {}),
            world::patient(OTHER, |holding| {
                holding.practice = Some("A99982".to_owned());
            }),
        ]))
        .await;
        let (number, elsewhere) = (world::number(PLAIN), world::number(OTHER));
        let (who, colleague) = (world.clinician(), world.clinician());
        for who in [&who, &colleague] {
            world.permit(who, &number).await;
            world.permit(who, &elsewhere).await;
            world.search("Condition", &number, "").by(who).ok().await;
            world.search("Condition", &elsewhere, "").by(who).ok().await;
        }
        let reasons = ["ACCESS_DENIED", "SUSPENDED"];
        world.suspend(Target::User, &who.user).await;
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        refused(&world, &who, &answer, 403, "forbidden", &reasons).await;
        let answer = world.get("Consent").by(&who).send().await;
        refused(&world, &who, &answer, 403, "forbidden", &reasons).await;
        world.search("Condition", &number, "").by(&colleague).ok().await;

        world.suspend(Target::Sharer, "A99981").await;
        let answer = world.search("Condition", &number, "").by(&colleague).send().await;
        refused(&world, &colleague, &answer, 403, "forbidden", &reasons).await;
        world.search("Condition", &elsewhere, "").by(&colleague).ok().await;

        world.suspend(Target::Viewer, VIEWER).await;
        let answer = world.search("Condition", &elsewhere, "").by(&colleague).send().await;
        said(&answer, 403, "forbidden", &reasons);
        let other = world.member("other-clinician");
        world.permit(&other, &elsewhere).await;
        world.search("MedicationStatement", &elsewhere, "").by(&other).ok().await;

        world.suspend(Target::Everything, "").await;
        let answer = world.search("MedicationStatement", &elsewhere, "").by(&other).send().await;
        said(&answer, 403, "forbidden", &reasons);
    });
}

#[test]
fn a_patient_who_is_not_registered_for_care_here_is_refused_alike_whether_anyone_knows_them() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world::number(999);
        let reasons = ["ACCESS_DENIED", "RELATIONSHIP"];
        refused_everywhere(world, &who, &number, &reasons).await;
        let answer = world.ask(Method::POST, "Consent").by(&who).json(&world.consent_body(&who, &number, true)).await;
        refused(world, &who, &answer, 403, "forbidden", &reasons).await;
        nothing_was_asked(world, &who);
    });
}

#[test]
fn a_relationship_that_ends_closes_the_record() {
    run(async {
        let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
        let number = world::number(PLAIN);
        let (who, system) = (world.clinician(), world.member("viewer-system"));
        world.permit(&who, &number).await;
        world.search("Condition", &number, "").by(&who).ok().await;
        let held = world.get(&format!("EpisodeOfCare?patient={}", world.sealed(&number))).by(&system).ok().await;
        for episode in held.resources() {
            let mut ended = episode.clone();
            ended["status"] = "finished".into();
            let etag = format!("W/\"{}\"", episode["meta"]["versionId"].as_str().expect("a version"));
            let path = format!("EpisodeOfCare/{}", episode["id"].as_str().expect("an id"));
            let answer = world.ask(Method::PUT, &path).by(&system).header("if-match", &etag).json(&ended).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        refused(&world, &who, &answer, 403, "forbidden", &["ACCESS_DENIED", "RELATIONSHIP"]).await;
    });
}

#[test]
fn without_an_agreement_for_the_view_and_the_practice_there_is_one_answer() {
    run(async {
        let world = world().await;
        let reasons = ["NO_ORGANISATION_CONSENT"];
        let number = world::number(PLAIN);
        let unagreed = world.member("unagreed-clinician");
        refused_everywhere(world, &unagreed, &number, &reasons).await;
        let body = world.consent_body(&unagreed, &number, true);
        let answer = world.ask(Method::POST, "Consent").by(&unagreed).json(&body).await;
        refused(world, &unagreed, &answer, 403, "forbidden", &reasons).await;

        let fewer = world.member("other-clinician");
        for kind in ["Condition", "Observation", "Procedure", "Encounter"] {
            let answer = world.search(kind, &number, "").by(&fewer).send().await;
            refused(world, &fewer, &answer, 403, "forbidden", &reasons).await;
        }
        nothing_was_asked(world, &fewer);

        let who = world.clinician();
        let number = world.scenario("not-sharing");
        world.permit(&who, &number).await;
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        refused(world, &who, &answer, 403, "forbidden", &reasons).await;
        assert!(world.extracts_of(&who).iter().all(|extract| extract.view.is_none()), "where, but nothing clinical");
    });
}

#[test]
fn consent_is_asked_for_and_a_refusal_is_told_from_an_occasion_that_is_over() {
    run(async {
        let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
        let number = world::number(PLAIN);
        let who = world.clinician();
        let search = || world.search("AllergyIntolerance", &number, "").by(&who).send();
        let (required, denied, over) = (
            ["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"],
            ["NO_PATIENT_CONSENT", "CONSENT_REFUSED"],
            ["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"],
        );
        refused(&world, &who, &search().await, 403, "suppressed", &required).await;
        world.deny(&who, &number).await;
        refused(&world, &who, &search().await, 403, "suppressed", &denied).await;
        nothing_was_asked(&world, &who);

        let consent = world.permit(&who, &number).await;
        assert_eq!(search().await.status, 200);
        let mut withdrawn = consent.body.clone();
        withdrawn["status"] = "inactive".into();
        let path = format!("Consent/{}", consent.id());
        let etag = consent.header("etag").expect("an ETag").to_owned();
        let answer = world.ask(Method::PUT, &path).by(&who).header("if-match", &etag).json(&withdrawn).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let asked = world.extracts_of(&who).len();
        refused(&world, &who, &search().await, 403, "suppressed", &over).await;

        world.permit(&who, &number).await;
        world.clock.advance(Duration::from_mins(61));
        let who = world.like("clinician", |claims| claims["sub"] = who.user.as_str().into());
        let who = Who { token: renewed(&world, &who.user), ..who };
        let answer = world.search("AllergyIntolerance", &number, "").by(&who).send().await;
        refused(&world, &who, &answer, 403, "suppressed", &over).await;
        assert_eq!(world.extracts_of(&who).len(), asked, "an occasion that is over asks nothing");
    });
}

/// A token of now for a clinician of the pool.
fn renewed(world: &World, user: &str) -> String {
    world
        .like("clinician", |claims| {
            claims["sub"] = user.into();
            claims["nhsid_useruid"] = user.into();
        })
        .token
}

#[test]
fn an_opted_out_patient_is_refused_even_with_consent_and_by_override() {
    run(async {
        let world = world().await;
        let number = world.scenario("opted-out");
        let reasons = ["NO_PATIENT_CONSENT", "OPTED_OUT"];
        let who = world.clinician();
        world.permit(&who, &number).await;
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        refused(world, &who, &answer, 403, "suppressed", &reasons).await;
        // An opt-out is not told as unknown: the search of Patient is refused too.
        let answer = world.search("Patient", &number, "").by(&who).send().await;
        refused(world, &who, &answer, 403, "suppressed", &reasons).await;
        let overriding = world.clinician();
        world.post_consent(&overriding, &world.override_body(&overriding, &number, "Emergency")).await;
        let answer = world.search("Condition", &number, "").by(&overriding).send().await;
        refused(world, &overriding, &answer, 403, "suppressed", &reasons).await;
    });
}

#[test]
fn whoever_has_no_record_to_show_is_answered_alike() {
    run(async {
        let world = world().await;
        let mut bodies: Vec<(Value, Value)> = Vec::new();
        let untraced = world.scenario("untraced");
        let numbers = [
            untraced,
            world::number(UNKNOWN),
            world::number(LEFT),
            world::number(TEMPORARY),
            world::number(DECEASED),
            world::number(SENSITIVE),
            world::number(NO_PRACTICE),
        ];
        for number in &numbers {
            let who = world.clinician();
            world.permit(&who, number).await;
            let sealed = world.sealed(number);
            let mut last = Value::Null;
            let asks = [
                world.search("Condition", number, ""),
                world.get(&format!("AllergyIntolerance?patient={sealed}")),
                world.get(&format!("Patient/{sealed}")),
                world.get(&format!("Patient/{sealed}/$everything")),
            ];
            for ask in asks {
                let answer = ask.by(&who).send().await;
                refused(world, &who, &answer, 404, "not-found", &["PATIENT_NOT_FOUND"]).await;
                last = answer.body;
                last["issue"][0]["diagnostics"] = Value::Null;
            }
            let found = world.search("Patient", number, "").by(&who).ok().await;
            assert_eq!((found.total(), found.entries().count()), (0, 0));
            let mut body = found.body.clone();
            let link = body["link"][0]["url"].as_str().expect("self").replace(&sealed, "");
            body["link"][0]["url"] = link.into();
            bodies.push((last, body));
            assert!(world.extracts_of(&who).iter().all(|extract| extract.view.is_none()), "nothing clinical is asked");
            let audited = world.audited(&who, &found.request_id).await;
            assert_eq!(audited.len(), 1, "an empty answer is an answer");
        }
        for pair in bodies.windows(2) {
            assert_eq!(pair[0], pair[1], "one answer for all");
        }
    });
}

#[test]
fn a_wrong_birth_date_answers_as_an_unknown_patient() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world.scenario("rich");
        world.permit(&who, &number).await;
        // Right, wrong, and right again: also when the view is in memory.
        for (date, right) in [("1957-08-23", true), ("1957-08-24", false), ("1957-08-23", true)] {
            let answer =
                world.search("Condition", &number, &format!("&patient.birthdate={date}")).by(&who).send().await;
            if right {
                assert_eq!(answer.status, 200, "{}", answer.body);
            } else {
                refused(world, &who, &answer, 404, "not-found", &["PATIENT_NOT_FOUND"]).await;
            }
            let found = world.search("Patient", &number, &format!("&birthdate={date}")).by(&who).ok().await;
            assert_eq!(found.total(), u64::from(right));
        }
    });
}

#[test]
fn a_withheld_entry_and_one_that_never_was_are_one_answer() {
    run(async {
        let Shared { world, planted } = shared().await;
        let who = world.clinician();
        let number = world::number(PLANTED);
        world.permit(&who, &number).await;
        let (shown, withheld) = planted.split_first().expect("planted entries");
        let shown = world.sealed_entry(&number, shown);
        world.get(&format!("Observation/{shown}")).by(&who).ok().await;
        let mut ids: Vec<String> =
            withheld.iter().map(|legacy| world.sealed_entry(&number, legacy).to_string()).collect();
        ids.push(world.sealed_entry(&number, "00000000-0000-0000-0000-000000000000").to_string());
        ids.push("garbage".to_owned());
        ids.push("not_even_an_id_".to_owned());
        ids.push("A".repeat(64));
        // An NHS number where an id belongs; the AuditEvents, read below, do not repeat it as one.
        ids.push(number.clone());
        // Its own type is part of what it is.
        let mut paths: Vec<String> = ids.iter().map(|id| format!("Observation/{id}")).collect();
        paths.push(format!("Condition/{shown}"));
        paths.push(format!("Patient/{shown}"));
        let mut bodies = Vec::new();
        for path in &paths {
            let answer = world.get(path).by(&who).send().await;
            refused(world, &who, &answer, 404, "not-found", &["NOT_FOUND"]).await;
            let mut body = answer.body.clone();
            body["issue"][0]["diagnostics"] = Value::Null;
            bodies.push(body);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "one answer for all");
        let found = world.search("Observation", &number, "").by(&who).ok().await;
        let listed = found.ids();
        assert!(listed.contains(&shown.to_string()));
        assert!(!ids.iter().any(|id| listed.contains(id)));
        for unknown in ["Condition?patient=garbage", "Condition?patient=Patient/garbage", "Patient/garbage/$everything"]
        {
            let answer = world.get(unknown).by(&who).send().await;
            refused(world, &who, &answer, 404, "not-found", &["PATIENT_NOT_FOUND"]).await;
        }
        let found = world.get("Patient?_id=garbage").by(&who).ok().await;
        assert_eq!((found.total(), found.entries().count()), (0, 0), "a search of Patient finds nobody");
    });
}

#[test]
fn a_bad_query_is_told_by_its_parameter_and_never_by_its_value() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world::number(PLAIN);
        world.permit(&who, &number).await;
        let patient = format!("patient.identifier={NHS}%7C{number}");
        let secret = "ultra-confidential";
        let cases = [
            (format!("{patient}&colour={secret}"), "not-supported", "colour"),
            (format!("{patient}&{number}=1"), "not-supported", "?"),
            (format!("{patient}&_lastUpdated=gt2020"), "not-supported", "_lastUpdated"),
            (format!("{patient}&_since=2020"), "not-supported", "_since"),
            (format!("{patient}&code:above={secret}"), "not-supported", "code:above"),
            (format!("{patient}&code:missing={secret}"), "invalid", "code:missing"),
            (format!("{patient}&_sort={secret}"), "not-supported", "_sort"),
            (format!("{patient}&_elements={secret}"), "not-supported", "_elements"),
            (format!("{patient}&_summary={secret}"), "invalid", "_summary"),
            (format!("{patient}&_total={secret}"), "invalid", "_total"),
            (format!("{patient}&onset-date={secret}"), "invalid", "onset-date"),
            (format!("{patient}&onset-date=zz2020-01-01"), "invalid", "onset-date"),
            (format!("{patient}&_count=many"), "invalid", "_count"),
            (format!("{patient}&_count=-1"), "invalid", "_count"),
            (format!("{patient}&_include={secret}"), "not-supported", "_include"),
            (format!("{patient}&_include=Condition:subject"), "not-supported", "_include"),
            (format!("{patient}&patient.birthdate={secret}"), "invalid", "patient.birthdate"),
            (format!("{patient}&patient.birthdate=lt1990-01-01"), "invalid", "patient.birthdate"),
            (format!("patient.identifier={NHS}%7C1234567890"), "invalid", "patient.identifier"),
            ("code=x".to_owned(), "required", "patient"),
            (String::new(), "required", "patient"),
            (format!("_page={secret}"), "invalid", "_page"),
        ];
        for (query, code, parameter) in &cases {
            for ask in
                [world.ask(Method::POST, "Condition/_search").form(query), world.get(&format!("Condition?{query}"))]
            {
                let answer = ask.by(&who).send().await;
                assert_eq!(answer.status, 400, "{parameter}: {}", answer.body);
                refused(world, &who, &answer, 400, code, &["QUERY"]).await;
                assert_eq!(answer.expressions(), [*parameter], "{query}");
                assert!(!answer.body.to_string().contains(secret), "the value is said back");
            }
        }
        nothing_was_asked(world, &who);
        let two = format!("{patient}&{}", patient.replace(&number, &world::number(OTHER)));
        let answer = world.ask(Method::POST, "Condition/_search").form(&two).by(&who).send().await;
        assert_eq!((answer.status, answer.expressions().len()), (400, 1), "a search names exactly one patient");
        let sealed = world.sealed(&number);
        let answer = world.get(&format!("Patient/{sealed}/$everything?_since=2020-01-01")).by(&who).send().await;
        refused(world, &who, &answer, 400, "not-supported", &["QUERY"]).await;
        // Lenient handling ignores an unknown parameter, says so, and repeats only what was understood.
        let lenient = world.get(&format!("Condition?patient={sealed}&colour={secret}")).by(&who);
        let answer = lenient.header("prefer", "handling=lenient").ok().await;
        assert!(answer.outcome().to_string().contains("colour"));
        assert!(!answer.body.to_string().contains(secret));
        assert!(!answer.link("self").expect("a self link").contains("colour"));
        for kept in ["Consent?colour=red", "Consent?status=purple"] {
            let answer = world.get(kept).by(&who).send().await;
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert!(!answer.body.to_string().contains("red") && !answer.body.to_string().contains("purple"));
            assert_eq!(answer.reasons(), ["QUERY"]);
        }
    });
}

#[test]
fn a_body_that_is_wrong_is_told_by_its_element() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world::number(PLAIN);
        let post = |body: String| world.ask(Method::POST, "Consent").by(&who).body(FHIR, body).send();
        let good = world.consent_body(&who, &number, true);
        let with = |change: &dyn Fn(&mut Value)| {
            let mut body = good.clone();
            change(&mut body);
            body.to_string()
        };
        let actor = "Consent.provision.actor[0].reference.identifier";
        let cases: Vec<(&str, String, u16, &str, &str)> = vec![
            ("not JSON", "{".to_owned(), 400, "structure", "Consent"),
            ("nothing", String::new(), 400, "structure", "Consent"),
            ("another resource", json!({ "resourceType": "Patient" }).to_string(), 400, "invalid", "Consent"),
            ("a list", "[]".to_owned(), 400, "structure", "Consent"),
            ("an element FHIR does not have", with(&|body| body["colour"] = "red".into()), 400, "structure", "Consent"),
            ("no patient", with(&|body| drop(remove(body, "patient"))), 422, "required", "Consent.patient"),
            (
                "no wording",
                with(&|body| drop(remove(body, "sourceAttachment"))),
                422,
                "required",
                "Consent.sourceAttachment",
            ),
            (
                "research",
                with(&|body| body["provision"]["purpose"][0]["code"] = "HRESCH".into()),
                422,
                "business-rule",
                "Consent.provision.purpose",
            ),
            (
                "somebody else",
                with(&|body| body["provision"]["actor"][0]["reference"]["identifier"]["value"] = "999000000102".into()),
                422,
                "business-rule",
                actor,
            ),
            (
                "another organisation",
                with(&|body| body["organization"][0]["identifier"]["value"] = "RX002".into()),
                422,
                "business-rule",
                "Consent.organization",
            ),
            (
                "an hour ago",
                with(&|body| body["dateTime"] = world::text(world.clock.now() - Duration::from_hours(1)).into()),
                422,
                "business-rule",
                "Consent.dateTime",
            ),
            (
                "tomorrow",
                with(&|body| body["dateTime"] = world::text(world.clock.now() + Duration::from_hours(24)).into()),
                422,
                "business-rule",
                "Consent.dateTime",
            ),
            ("a draft", with(&|body| body["status"] = "draft".into()), 422, "business-rule", "Consent.status"),
            (
                "break-glass without a reason",
                with(&|body| body["provision"]["purpose"][0]["code"] = "BTG".into()),
                422,
                "business-rule",
                "Consent",
            ),
        ];
        for (what, body, status, code, expression) in cases {
            let answer = post(body).await;
            assert_eq!(answer.status, status, "{what}: {}", answer.body);
            assert_eq!(answer.reasons(), ["RESOURCE_INVALID"], "{what}");
            let said = answer.body["issue"][0]["code"].as_str().expect("a code");
            assert!(["structure", "invalid", "required", "business-rule"].contains(&said), "{what}: {said}");
            if code != "business-rule" || what != "break-glass without a reason" {
                assert!(said == code || (code == "invalid" && said == "structure"), "{what}: {said}, not {code}");
            }
            let expressions = answer.expressions();
            assert!(expressions.iter().any(|one| one.starts_with(expression)), "{what}: {expressions:?}");
            refused(world, &who, &answer, status, said, &["RESOURCE_INVALID"]).await;
        }
        // None of them made an occasion.
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        refused(world, &who, &answer, 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]).await;
    });
}

fn remove(body: &mut Value, name: &str) -> Option<Value> {
    body.as_object_mut().expect("an object").remove(name)
}

#[test]
fn an_unknown_route_and_a_method_that_is_not_served() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        for path in ["Nothing", "Condition/a/b/c", "Patient/x/$everything/y", "Practitioner", "CarePlan", "../../etc"] {
            let answer = world.get(path).by(&who).send().await;
            assert_eq!(
                answer.status,
                if path == "Practitioner" { answer.status } else { 404 },
                "{path}: {}",
                answer.body
            );
            if answer.status == 404 {
                said(&answer, 404, "not-found", &["NOT_FOUND"]);
            }
        }
        for (method, path, allowed) in [
            (Method::DELETE, "Condition/x", "GET"),
            (Method::PUT, "Patient/x", "GET"),
            (Method::POST, "Condition", "GET"),
            (Method::GET, "Condition/_search", "POST"),
            (Method::PATCH, "Consent/x", "PUT"),
            (Method::DELETE, "Consent/x", "PUT"),
            (Method::PUT, "Consent", "POST"),
            (Method::POST, "Patient/x/$everything", "GET"),
            (Method::DELETE, "AuditEvent/x", "GET"),
            (Method::PUT, "AuditEvent/x", "GET"),
            (Method::POST, "metadata", "GET"),
        ] {
            let answer = world.ask(method.clone(), path).by(&who).body(FHIR, "{}").send().await;
            said(&answer, 405, "not-supported", &["METHOD"]);
            let allow = answer.header("allow").expect("Allow");
            assert!(allow.contains(allowed) && !allow.contains(method.as_str()), "{method} {path}: {allow}");
        }
    });
}

#[test]
fn another_format_media_type_or_size_is_refused_and_audited() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let number = world::number(PLAIN);
        world.permit(&who, &number).await;
        let sealed = world.sealed(&number);
        let not_acceptable = [
            world.search("Condition", &number, "").header("accept", "text/html"),
            world.get(&format!("Condition?patient={sealed}&_format=text/turtle")),
            world.get(&format!("Patient/{sealed}")).header("accept", "application/pdf"),
            world.get(&format!("Patient/{sealed}/$everything")).header("accept", "text/csv, application/json;q=0"),
            world.get("Consent").header("accept", "text/html"),
            world.get("Consent/x").header("accept", "text/html"),
        ];
        for ask in not_acceptable {
            let answer = ask.by(&who).send().await;
            refused(world, &who, &answer, 406, "not-supported", &["ACCEPT"]).await;
            assert_eq!(answer.header("accept"), Some("application/fhir+json, application/fhir+xml"));
        }
        let media = [
            world.ask(Method::POST, "Condition/_search").body("text/plain", format!("patient={sealed}")),
            world.ask(Method::POST, "Consent").body(FORM, "a=b"),
            world.ask(Method::POST, "Consent/_search").body("text/plain", "status=active"),
        ];
        for ask in media {
            let answer = ask.by(&who).send().await;
            refused(world, &who, &answer, 415, "not-supported", &["MEDIA_TYPE"]).await;
        }
        let long = "a".repeat(300 * 1024);
        let sizes = [
            world.ask(Method::POST, "Condition/_search").form(&format!("patient={long}")),
            world.ask(Method::POST, "Consent").body(FHIR, format!("\"{long}\"")),
        ];
        for ask in sizes {
            let answer = ask.by(&who).send().await;
            refused(world, &who, &answer, 413, "too-long", &["TOO_LONG"]).await;
        }
        // Nothing of a URL that is too long is read, the token's owner included.
        let answer = world.get(&format!("Condition?patient={}", "a".repeat(9000))).by(&who).send().await;
        said(&answer, 413, "too-long", &["TOO_LONG"]);
        for served in ["application/fhir+json", "application/json", "*/*", "text/html, application/fhir+json;q=0.1"] {
            let answer = world.search("Condition", &number, "").header("accept", served).by(&who).ok().await;
            assert!(answer.header("content-type").expect("a type").starts_with(FHIR));
        }
    });
}

#[test]
fn a_change_of_another_version_is_a_conflict() {
    run(async {
        let world = world().await;
        let who = world.clinician();
        let consent = world.permit(&who, &world::number(PLAIN)).await;
        let mut withdrawn = consent.body.clone();
        withdrawn["status"] = "inactive".into();
        let path = format!("Consent/{}", consent.id());
        let put = |etag: Option<&str>| {
            let ask = world.ask(Method::PUT, &path).by(&who).body(FHIR, withdrawn.to_string());
            match etag {
                Some(etag) => ask.header("if-match", etag).send(),
                None => ask.send(),
            }
        };
        for etag in [Some("W/\"99\""), Some("W/\"0\""), Some("not an etag"), None] {
            let answer = put(etag).await;
            refused(world, &who, &answer, 412, "conflict", &["CONFLICT"]).await;
        }
        let current = consent.header("etag").expect("an ETag");
        let answer = put(Some(current)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_ne!(answer.header("etag"), Some(current));
        let answer = put(Some(current)).await;
        refused(world, &who, &answer, 412, "conflict", &["CONFLICT"]).await;
        let now = world.get(&path).by(&who).ok().await;
        assert_eq!(answer.header("etag"), now.header("etag"), "who came too late is told what stands now");
        assert_eq!(world.get(&path).by(&who).ok().await.body["status"], "inactive");
        let colleague = world.clinician();
        for ask in [
            world.get(&path),
            world.ask(Method::PUT, &path).body(FHIR, withdrawn.to_string()).header("if-match", "W/\"2\""),
        ] {
            let answer = ask.by(&colleague).send().await;
            refused(world, &colleague, &answer, 404, "not-found", &["NOT_FOUND"]).await;
        }
    });
}

#[test]
fn a_page_link_is_for_its_user_and_ends_when_the_record_changes() {
    run(async {
        let (world, number) =
            (World::start(world::holdings([world::patient(PLAIN, |_| {})])).await, world::number(PLAIN));
        let (who, colleague) = (world.clinician(), world.clinician());
        for who in [&who, &colleague] {
            world.permit(who, &number).await;
        }
        let first = world.search("Observation", &number, "&_count=2").by(&who).ok().await;
        let next = first.link("next").expect("a next page");
        assert!(!next.contains(&world.sealed(&number)), "a page link names no patient");
        let second = world.get(&next).by(&who).ok().await;
        assert_eq!(second.total(), first.total());
        assert!(second.ids().iter().all(|id| !first.ids().contains(id)));

        let answer = world.get(&next).by(&colleague).send().await;
        refused(&world, &colleague, &answer, 400, "invalid", &["QUERY"]).await;
        assert_eq!(answer.expressions(), ["_page"]);
        let answer = world.get(&next).send().await;
        said(&answer, 401, "login", &["TOKEN"]);
        let elsewhere = world.clinician_with(|claims| {
            claims["sub"] = who.user.as_str().into();
            claims["nhsid_useruid"] = who.user.as_str().into();
            claims["nhsid_nrbac_roles"][0]["org_code"] = "RX002".into();
        });
        let answer = world.get(&next).by(&elsewhere).send().await;
        said(&answer, 400, "invalid", &["QUERY"]);
        let mut cut = next.clone();
        cut.pop();
        let answer = world.get(&cut).by(&who).send().await;
        refused(&world, &who, &answer, 400, "invalid", &["QUERY"]).await;

        let weight = Planted {
            event_type: "VAL".to_owned(),
            system: SNOMED.to_owned(),
            code: "27113001".to_owned(),
            term: "Body weight".to_owned(),
            ..Planted::default()
        };
        let (changed, _) = world::with_entries(PLAIN, vec![weight], |_| {});
        let path = next.strip_prefix(world.base()).expect("below the base").trim_start_matches('/').to_owned();
        let world = world.restart(world::holdings([changed])).await;
        let answer = world.get(&path).by(&who).send().await;
        refused(&world, &who, &answer, 410, "not-found", &["SEARCH_EXPIRED"]).await;
        // The gates are passed again, by consent too.
        world.deny(&who, &number).await;
        let answer = world.get(&path).by(&who).send().await;
        refused(&world, &who, &answer, 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]).await;
    });
}

#[test]
fn what_the_legacy_side_makes_of_a_request_has_one_answer_each() {
    run(async {
        let outcomes = [
            ("MIG-0001", 502, "exception", &["MIG_ERROR"][..]),
            ("MIG-0002", 404, "not-found", &["PATIENT_NOT_FOUND"]),
            ("MIG-0003", 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]),
            ("MIG-0004", 403, "suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]),
            ("MIG-0005", 403, "forbidden", &["NO_ORGANISATION_CONSENT"]),
            ("MIG-0006", 403, "forbidden", &["ACCESS_DENIED", "SHARER"]),
            ("MIG-0007", 404, "not-found", &["PATIENT_NOT_FOUND"]),
            ("MIG-0008", 503, "transient", &["MIG_UNAVAILABLE"]),
            ("MIG-9999", 502, "exception", &["MIG_ERROR"]),
            ("1000", 502, "exception", &["MIG_ERROR"]),
            ("2100", 503, "transient", &["MIG_UNAVAILABLE"]),
            ("2200", 502, "exception", &["MIG_ERROR"]),
            ("3000", 502, "exception", &["MIG_ERROR"]),
        ];
        let made = |seed: u64, word: &'static str| {
            world::patient(seed, move |holding: &mut Holding| {
                let slot = if word.starts_with("MIG") { &mut holding.outcome } else { &mut holding.fault };
                *slot = Some(word.to_owned());
                // A practice of its own for each that is asked again and again: its circuit opens for nobody else.
                let practice = match word {
                    "2100" => "A99982",
                    "MIG-0008" => "A99983",
                    _ => "A99981",
                };
                holding.practice = Some(practice.to_owned());
            })
        };
        let patients = (300..).zip(outcomes).map(|(seed, (word, ..))| made(seed, word));
        let world = World::start(world::holdings(patients)).await;
        for (seed, (word, status, code, reasons)) in (300..).zip(outcomes) {
            let who = world.clinician();
            let number = world::number(seed);
            world.permit(&who, &number).await;
            let answer = world.search("Condition", &number, "").by(&who).send().await;
            assert_eq!(answer.status, status, "{word}: {}", answer.body);
            refused(&world, &who, &answer, status, code, reasons).await;
            assert_eq!(answer.header("retry-after").is_some(), status == 503, "{word}");
            assert!(!answer.body.to_string().contains(word), "nothing of the legacy answer is told");
        }
    });
}

#[test]
fn a_faulting_slow_or_absent_legacy_side_is_told_apart() {
    run(async {
        let slow = |holding: &mut Holding| {
            holding.delay_ms = 5_000;
            holding.practice = Some("A99982".to_owned());
        };
        let patients = [world::patient(PLAIN, |_| {}), world::patient(OTHER, slow)];
        let mut world = World::start(world::holdings(patients)).await;
        let (number, late) = (world::number(PLAIN), world::number(OTHER));
        let who = world.clinician();
        for number in [&number, &late] {
            world.permit(&who, number).await;
        }
        let started = std::time::Instant::now();
        let answer = world.search("Condition", &late, "").by(&who).send().await;
        refused(&world, &who, &answer, 504, "timeout", &["MIG_TIMEOUT"]).await;
        assert!(started.elapsed() < Duration::from_secs(5), "one deadline bounds it");

        world.search("Condition", &number, "").by(&who).ok().await;
        world.stop_mig().await;
        let colleague = world.clinician();
        world.permit(&colleague, &number).await;
        let answer = world.search("Condition", &number, "").by(&colleague).send().await;
        refused(&world, &colleague, &answer, 503, "transient", &["MIG_UNAVAILABLE"]).await;
        let seconds: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!(seconds > 0);
        // An outage of the MIG is reported and does not fail readiness.
        let ready = world.get(&format!("{}/health/ready", world.base().trim_end_matches("/FHIR/R4"))).send().await;
        assert_eq!(ready.status, 200, "{}", ready.body);
    });
}

#[test]
fn an_incomplete_record_is_shown_with_a_warning_and_a_miss_in_it_is_not_an_absence() {
    run(async {
        let patient = world::patient(PLAIN, |holding| holding.outcome = Some("MIG-0009".to_owned()));
        let world = World::start(world::holdings([patient])).await;
        let who = world.clinician();
        let number = world::number(PLAIN);
        world.permit(&who, &number).await;
        let found = world.search("Condition", &number, "").by(&who).ok().await;
        let issues = found.outcome()["issue"].as_array().expect("issues");
        assert!(issues.iter().any(|issue| issue["code"] == "incomplete" && issue["severity"] == "warning"));
        let missing = world.sealed_entry(&number, "00000000-0000-0000-0000-000000000000");
        let answer = world.get(&format!("Condition/{missing}")).by(&who).send().await;
        refused(&world, &who, &answer, 503, "transient", &["MIG_UNAVAILABLE"]).await;
        assert!(answer.header("retry-after").is_some());
    });
}
