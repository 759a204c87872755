//! What people come for, from the front door: a patient says yes and the record opens, says no and it stays shut, cannot
//! be asked and someone takes responsibility; and what is left behind afterwards. One story a test, each whole, hence the
//! length.

use super::world::{self, Answer, FHIR, NHS, ODS, VIEWER, Who, World, run};
use mig_fhir::kinds::{Kind, View};
use mig_fhir::simulator::generate::{Mark, Planted};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The types that are searched.
const TYPES: [&str; 12] = [
    "Patient",
    "Condition",
    "MedicationStatement",
    "MedicationRequest",
    "AllergyIntolerance",
    "Flag",
    "Observation",
    "DiagnosticReport",
    "Procedure",
    "Immunization",
    "Encounter",
    "ServiceRequest",
];
const PLAIN: u64 = 500;
const OTHER: u64 = 501;

/// One world for every story that changes nothing but what belongs to its own clinician.
async fn world() -> &'static World {
    static SHARED: OnceCell<World> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let mut holdings = world::builtin();
            assert!(holdings.add(world::patient(PLAIN, |_| {})));
            let world = World::start(holdings).await;
            // Its enrolments are a change of the register, for which the memory is emptied within half a second.
            tokio::time::sleep(Duration::from_secs(1)).await;
            world
        })
        .await
}

async fn small() -> World {
    World::start(world::holdings([world::patient(PLAIN, |_| {}), world::patient(OTHER, |_| {})])).await
}

/// A clinician whom the patient has permitted.
async fn permitted(world: &World, number: &str) -> Who {
    let who = world.clinician();
    world.permit(&who, number).await;
    who
}

fn detail<'e>(event: &'e Value, name: &str) -> Vec<&'e str> {
    let patient = event["entity"].as_array().into_iter().flatten().find(|entity| entity["what"]["type"] == "Patient");
    let details = patient.and_then(|patient| patient["detail"].as_array()).into_iter().flatten();
    details.filter(|detail| detail["type"] == name).filter_map(|detail| detail["valueString"].as_str()).collect()
}

async fn one_event(world: &World, who: &Who, answer: &Answer) -> Value {
    let mut events = world.audited(who, &answer.request_id).await;
    assert_eq!(events.len(), 1, "one AuditEvent an interaction");
    events.remove(0)
}

/// Every relative reference below a resource.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name == "reference" => drop(into.insert(text.clone())),
                    _ => references(value, into),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_yes_opens_seven_types_alike_by_post_get_and_sealed_id() {
    run(async {
        let world = world().await;
        let number = world.scenario("rich");
        let who = permitted(world, &number).await;
        let sealed = world.sealed(&number);
        for kind in TYPES {
            let posted = world.search(kind, &number, "").by(&who).ok().await;
            assert!(posted.total() > 0, "the rich patient has {kind}");
            let (by_number, by_id) =
                if kind == "Patient" { ("identifier", "_id") } else { ("patient.identifier", "patient") };
            for query in [format!("{by_number}={NHS}%7C{number}"), format!("{by_id}={sealed}")] {
                let got = world.get(&format!("{kind}?{query}")).by(&who).ok().await;
                assert!(got.body == posted.body, "GET and POST of {kind} differ");
            }
            let link = posted.link("self").expect("a self link");
            let again = world.get(&link).by(&who).ok().await;
            assert!(again.body == posted.body, "the self link of {kind} works as a GET");
            assert_eq!(posted.body["type"], "searchset");
            assert_eq!(posted.total(), posted.entries().count() as u64);
            let ids: BTreeSet<String> = posted.ids().into_iter().collect();
            assert_eq!(ids.len(), posted.ids().len(), "each once");
            let issues = posted.outcome()["issue"].as_array().expect("issues");
            assert!(issues[0]["details"]["text"].as_str().expect("words").contains("Exclusions apply"));
            for entry in posted.entries() {
                let resource = &entry["resource"];
                let id = resource["id"].as_str().expect("an id");
                assert!(id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)), "{id}");
                assert_eq!(resource["resourceType"], kind);
                assert_eq!(entry["fullUrl"], format!("{}/{kind}/{id}", world.base()));
                let security: BTreeSet<&str> = resource["meta"]["security"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|coding| coding["code"].as_str())
                    .collect();
                assert_eq!(security, BTreeSet::from(["DELAU", "NOINTEGRATE"]), "{kind} is for viewing only");
                let tags = resource["meta"]["tag"].as_array().expect("tags");
                assert!(tags.iter().any(|tag| tag["system"] == "urn:x-mig-fhir:CodeSystem:view"));
                assert_eq!(resource["meta"]["lastUpdated"], Value::Null, "OpenHR has none");
            }
        }
    });
}

#[test]
fn each_entry_read_by_id_is_the_entry_of_the_search_and_every_reference_can_be_followed() {
    run(async {
        let world = world().await;
        let number = world.scenario("emis");
        let who = permitted(world, &number).await;
        let mut led_to = BTreeSet::new();
        for kind in TYPES {
            let found = world.search(kind, &number, "").by(&who).ok().await;
            for resource in found.resources() {
                let path = format!("{kind}/{}", resource["id"].as_str().expect("an id"));
                let read = world.get(&path).by(&who).ok().await;
                assert!(read.body == *resource, "{path} read and searched differ");
                assert!(read.header("link").expect("the notice").contains("exclusions"));
                assert_eq!(read.header("etag"), None, "no version of the record's types");
                references(resource, &mut led_to);
            }
        }
        assert!(led_to.iter().any(|reference| reference.starts_with("Practitioner")));
        for reference in &led_to {
            let (kind, id) = reference.split_once('/').expect("a relative reference");
            let read = world.get(reference).by(&who).send().await;
            assert_eq!(read.status, 200, "{reference} leads nowhere");
            assert_eq!((read.body["resourceType"].as_str(), read.id()), (Some(kind), id));
        }
    });
}

#[test]
fn everything_holds_what_the_searches_hold_and_all_that_it_refers_to() {
    run(async {
        let world = world().await;
        let number = world.scenario("emis");
        let who = permitted(world, &number).await;
        let sealed = world.sealed(&number);
        let everything = world.get(&format!("Patient/{sealed}/$everything")).by(&who).ok().await;
        let mut held: BTreeMap<String, &Value> = BTreeMap::new();
        for resource in everything.resources() {
            let name = |value: &Value| value.as_str().expect("a text").to_owned();
            let key = format!("{}/{}", name(&resource["resourceType"]), name(&resource["id"]));
            assert!(held.insert(key.clone(), resource).is_none(), "{key} twice");
        }
        for kind in TYPES {
            let found = world.search(kind, &number, "").by(&who).ok().await;
            let ids: BTreeSet<String> = found.ids().iter().map(|id| format!("{kind}/{id}")).collect();
            // What Diagnosis brings and no rule calls a diagnosis is in no view that a search of Observation asks.
            let remark = |resource: &Value| kind == "Observation" && resource["meta"]["tag"][0]["code"] == "Diagnosis";
            let of_kind = held.iter().filter(|(key, held)| key.starts_with(&format!("{kind}/")) && !remark(held));
            let of_kind: BTreeSet<String> = of_kind.map(|(key, _)| key.clone()).collect();
            assert_eq!(ids, of_kind, "{kind} of $everything");
            for resource in found.resources() {
                let key = format!("{kind}/{}", resource["id"].as_str().expect("an id"));
                assert!(held[&key] == resource, "{key} differs");
            }
        }
        let mut led_to = BTreeSet::new();
        everything.resources().for_each(|resource| references(resource, &mut led_to));
        for reference in led_to {
            assert!(held.contains_key(&reference), "{reference} dangles");
        }
        let event = one_event(world, &who, &everything).await;
        assert_eq!(event["outcome"], "0");
        assert_eq!(event["meta"]["profile"], Value::Null, "no profile for an operation");
        assert_eq!(event["subtype"][0]["code"], "operation");

        let some =
            world.get(&format!("Patient/{sealed}/$everything?_type=Patient,AllergyIntolerance")).by(&who).ok().await;
        let kinds: BTreeSet<&str> = some.resources().filter_map(|resource| resource["resourceType"].as_str()).collect();
        assert_eq!(kinds, BTreeSet::from(["AllergyIntolerance", "Patient"]));
        let mut seen = Vec::new();
        let mut next = Some(format!("Patient/{sealed}/$everything?_type=Observation&_count=7"));
        while let Some(path) = next {
            let page = world.get(&path).by(&who).ok().await;
            seen.extend(page.ids());
            next = page.link("next");
        }
        let whole = world.search("Observation", &number, "").by(&who).ok().await;
        assert_eq!(seen, whole.ids(), "pages are the whole, in order");
    });
}

#[test]
fn practitioners_come_along_only_when_asked_for_and_only_within_scope() {
    run(async {
        let world = world().await;
        let number = world.scenario("rich");
        let who = permitted(world, &number).await;
        let bare = world.search("Condition", &number, "").by(&who).ok().await;
        assert!(bare.entries().all(|entry| entry["search"]["mode"] == "match"));
        let with = world.search("Condition", &number, "&_include=Condition:asserter").by(&who).ok().await;
        let included: Vec<&Value> = with.entries().filter(|entry| entry["search"]["mode"] == "include").collect();
        assert!(!included.is_empty(), "somebody asserted it");
        assert_eq!(with.total(), bare.total(), "total counts matches alone");
        for entry in included {
            let kind = entry["resource"]["resourceType"].as_str().expect("a type");
            assert!(["Practitioner", "PractitionerRole", "Organization"].contains(&kind), "{kind}");
            let path = format!("{kind}/{}", entry["resource"]["id"].as_str().expect("an id"));
            assert!(world.get(&path).by(&who).ok().await.body == entry["resource"]);
        }
        let narrow = world.clinician_with(|claims| claims["scope"] = "user/Condition.rs user/Consent.crus".into());
        world.permit(&narrow, &number).await;
        world.search("Condition", &number, "").by(&narrow).ok().await;
        let answer = world.search("Condition", &number, "&_include=Condition:asserter").by(&narrow).send().await;
        assert_eq!((answer.status, answer.reasons()), (403, vec!["ACCESS_DENIED", "SCOPE"]));
    });
}

#[test]
fn a_second_search_is_answered_from_memory_and_audited_all_the_same() {
    run(async {
        let world = world().await;
        let number = world.scenario("systmone");
        let who = world.clinician();
        let consent = world.permit(&who, &number).await.id().to_owned();
        assert_eq!(world.extracts_of(&who).len(), 0, "a Consent asks nothing of the practice");
        let first = world.search("MedicationStatement", &number, "").by(&who).ok().await;
        let after_first = world.extracts_of(&who);
        assert_eq!(after_first.len(), 2, "where it is, and one view");
        let second = world.search("MedicationStatement", &number, "").by(&who).ok().await;
        assert!(second.body == first.body);
        assert_eq!(world.extracts_of(&who).len(), 2, "no new extract");
        let (one, two) = (one_event(world, &who, &first).await, one_event(world, &who, &second).await);
        for event in [&one, &two] {
            assert_eq!(event["outcome"], "0");
            let profile = event["meta"]["profile"][0].as_str().expect("a profile");
            assert!(profile.ends_with("IHE.BasicAudit.PatientQuery"), "{profile}");
            assert_eq!(detail(event, "consent"), [consent.as_str()]);
            assert_eq!(detail(event, "practice"), ["A99982"]);
            assert_eq!(detail(event, "view"), ["Medication"]);
            assert_eq!(detail(event, "agreement").len(), 1);
            assert_eq!(detail(event, "exclusions").len(), 1);
        }
        assert_eq!(detail(&one, "legacy-message").len(), 2);
        assert_eq!(detail(&two, "legacy-message").len(), 0, "memory sends no message");

        let fresh = world.search("MedicationStatement", &number, "").by(&who).header("cache-control", "no-cache");
        fresh.ok().await;
        assert_eq!(world.extracts_of(&who).len(), 4, "asked anew, location and view");

        let colleague = permitted(world, &number).await;
        world.search("MedicationStatement", &number, "").by(&colleague).ok().await;
        assert_eq!(world.extracts_of(&colleague).len(), 2, "the practice sees every viewer");
        // A new occasion of the same user is asked anew as well.
        world.permit(&who, &number).await;
        world.search("MedicationStatement", &number, "").by(&who).ok().await;
        assert_eq!(world.extracts_of(&who).len(), 6);
    });
}

#[test]
fn the_practice_s_log_names_who_looked_for_whom_on_what_consent_and_when() {
    run(async {
        let world = world().await;
        let number = world.scenario("vision");
        let who = world.clinician();
        let consent = world.permit(&who, &number).await;
        world.search("Observation", &number, "").by(&who).ok().await;
        let extracts = world.extracts_of(&who);
        let views: BTreeSet<&str> = extracts.iter().filter_map(|extract| extract.view.as_deref()).collect();
        assert_eq!(views, BTreeSet::from([View::Examination.as_str(), View::Investigations.as_str()]));
        assert_eq!(extracts.iter().filter(|extract| extract.view.is_none()).count(), 1);
        for extract in &extracts {
            assert_eq!(extract.organisation, VIEWER);
            assert_eq!(extract.role, "R8000");
            assert!(extract.user_name.starts_with("Dr Scenario"));
            assert_eq!(extract.outcome, "MIG-0000");
            assert!(extract.time.starts_with(&world::text(world.clock.now())[..19]), "{}", extract.time);
            if extract.view.is_some() {
                assert_eq!(extract.practice, "A99983");
                assert_eq!(extract.consent.as_deref(), Some(consent.id()), "the reference is the Consent's id");
                assert_eq!(extract.consent_status.as_deref(), Some("Explicit Consent"));
                assert_eq!(extract.override_category, None);
            } else {
                assert_eq!(extract.consent, None, "nothing clinical was asked");
            }
        }
        let ids: BTreeSet<&str> = extracts.iter().map(|extract| extract.request_id.as_str()).collect();
        assert_eq!(ids.len(), extracts.len(), "each question has its own id");
    });
}

#[test]
fn a_no_closes_that_clinician_s_door_and_not_a_colleague_s() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let (who, colleague) = (permitted(&world, &number).await, permitted(&world, &number).await);
        world.search("Condition", &number, "").by(&who).ok().await;
        let refusal = world.deny(&who, &number).await;
        let refused = world.search("Condition", &number, "").by(&who).send().await;
        assert_eq!((refused.status, refused.reasons()), (403, vec!["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]));
        let known = world.get(&format!("Patient/{}", world.sealed(&number))).by(&who).send().await;
        assert_eq!(known.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]);
        world.search("Condition", &number, "").by(&colleague).ok().await;

        // Its author cannot lift it by taking it back or calling it an error.
        let mut version = 1;
        for status in ["inactive", "entered-in-error"] {
            let mut body = refusal.body.clone();
            body["status"] = status.into();
            let path = format!("Consent/{}", refusal.id());
            let ask = world.ask(Method::PUT, &path).by(&who).header("if-match", &format!("W/\"{version}\""));
            let answer = ask.json(&body).await;
            assert!([200, 422].contains(&answer.status), "{}", answer.body);
            version += i32::from(answer.status == 200);
            let still = world.search("Condition", &number, "").by(&who).send().await;
            assert_eq!(still.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_REFUSED"], "after {status}");
        }
        // Another patient's record is another question; a new yes to the same clinician opens the door again.
        world.permit(&who, &world::number(OTHER)).await;
        world.search("Condition", &world::number(OTHER), "").by(&who).ok().await;
        world.permit(&who, &number).await;
        world.search("Condition", &number, "").by(&who).ok().await;
    });
}

#[test]
fn a_withdrawal_is_in_force_on_the_next_request() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let who = world.clinician();
        let consent = world.permit(&who, &number).await;
        let first = world.search("Observation", &number, "&_count=1").by(&who).ok().await;
        let next = first.link("next").expect("a next page");
        let id = first.ids().remove(0);
        let mut body = consent.body.clone();
        body["status"] = "inactive".into();
        let path = format!("Consent/{}", consent.id());
        let put = world.ask(Method::PUT, &path).by(&who).header("if-match", consent.header("etag").expect("an ETag"));
        let answer = put.json(&body).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("inactive")), "{}", answer.body);
        assert_eq!(one_event(world, &who, &answer).await["action"], "U");
        let asked = world.extracts_of(&who).len();
        let asks =
            [world.search("Observation", &number, ""), world.get(&next), world.get(&format!("Observation/{id}"))];
        for ask in asks {
            let answer = ask.by(&who).send().await;
            assert_eq!((answer.status, answer.reasons()), (403, vec!["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"]));
        }
        assert_eq!(world.extracts_of(&who).len(), asked);
    });
}

#[test]
fn an_override_is_a_consent_a_review_and_two_audit_events_and_four_eyes_close_it() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let who = world.clinician();
        let consent = world.post_consent(&who, &world.override_body(&who, &number, "UnableToConsent")).await;
        let location = consent.header("location").expect("a Location");
        assert_eq!(location, format!("{}/Consent/{}", world.base(), consent.id()));
        let events = world.audited(&who, &consent.request_id).await;
        let mut codes: Vec<&str> = events.iter().filter_map(|event| event["subtype"][0]["code"].as_str()).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["110127", "create"]);

        let officer = world.privacy_officer(VIEWER);
        let tasks = world.get("Task?status=requested").by(&officer).ok().await;
        assert_eq!(tasks.total(), 1);
        let task = tasks.resources().next().expect("a Task").clone();
        assert_eq!(task["focus"]["reference"], format!("Consent/{}", consent.id()));
        assert_eq!(task["requester"]["identifier"]["value"], who.user.as_str());

        let found = world.search("AllergyIntolerance", &number, "").by(&who).ok().await;
        let event = one_event(&world, &who, &found).await;
        assert_eq!(detail(&event, "override"), ["UnableToConsent"]);
        assert_eq!(detail(&event, "override-after-refusal").len(), 0);
        let purpose = event["agent"].as_array().expect("agents").iter().find(|agent| agent["requestor"] == true);
        assert_eq!(purpose.expect("the user")["purposeOfUse"][0]["coding"][0]["code"], "BTG");
        let extracts = world.extracts_of(&who);
        let viewed: Vec<_> = extracts.iter().filter(|extract| extract.view.is_some()).collect();
        assert!(!viewed.is_empty());
        for extract in viewed {
            assert_eq!(extract.override_category.as_deref(), Some("UnableToConsent"));
            assert_eq!(extract.consent_status.as_deref(), Some("Not Specified"));
            assert_eq!(extract.consent.as_deref(), Some(consent.id()));
        }

        let path = format!("Task/{}", task["id"].as_str().expect("an id"));
        let closed = |status: &str| {
            let mut body = task.clone();
            body["status"] = status.into();
            body["businessStatus"] = json!({ "coding": [{
                "system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified" }] });
            body
        };
        // The same person in the office of privacy officer.
        let themselves = world.like("privacy-officer", |claims| {
            claims["sub"] = who.user.as_str().into();
            claims["nhsid_useruid"] = who.user.as_str().into();
        });
        let put = |by: &Who, body: Value| {
            let ask = world.ask(Method::PUT, &path).by(by).header("if-match", "W/\"1\"");
            async move { ask.json(&body).await }
        };
        let answer = put(&themselves, closed("completed")).await;
        assert_eq!((answer.status, answer.reasons()), (422, vec!["RESOURCE_INVALID"]), "four eyes: {}", answer.body);
        let clinician = put(&who, closed("completed")).await;
        assert_eq!(clinician.status, 403);
        let elsewhere = world.privacy_officer("RX002");
        assert_eq!(put(&elsewhere, closed("completed")).await.status, 404, "another organisation's review");
        let answer = put(&officer, closed("completed")).await;
        assert_eq!((answer.status, answer.body["status"].as_str()), (200, Some("completed")), "{}", answer.body);
        assert_eq!(world.get("Task?status=requested").by(&officer).ok().await.total(), 0);
        let stale = put(&officer, closed("completed")).await;
        assert!([412, 422].contains(&stale.status), "a closed review stays closed: {}", stale.status);
    });
}

#[test]
fn after_a_refusal_only_an_emergency_overrides_and_it_heads_the_queue() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let (refused, who, early) = (world.clinician(), world.clinician(), world.clinician());
        world.post_consent(&early, &world.override_body(&early, &world::number(OTHER), "Emergency")).await;
        world.deny(&refused, &number).await;
        world.clock.advance(Duration::from_mins(1));
        for category in ["UnableToConsent", "Safeguarding"] {
            let body = world.override_body(&who, &number, category);
            let answer = world.ask(Method::POST, "Consent").by(&who).json(&body).await;
            assert_eq!((answer.status, answer.reasons()), (422, vec!["RESOURCE_INVALID"]), "{category}");
        }
        let still = world.search("Condition", &number, "").by(&who).send().await;
        assert_eq!(still.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]);
        world.post_consent(&who, &world.override_body(&who, &number, "Emergency")).await;
        let found = world.search("Condition", &number, "").by(&who).ok().await;
        assert_eq!(detail(&one_event(&world, &who, &found).await, "override-after-refusal"), ["true"]);
        let officer = world.privacy_officer(VIEWER);
        let tasks = world.get("Task").by(&officer).ok().await;
        let queue: Vec<&str> = tasks.resources().filter_map(|task| task["priority"].as_str()).collect();
        assert_eq!(queue, ["urgent", "routine"], "the later one, after a refusal, comes first");
        let first = tasks.resources().next().expect("a Task");
        assert_eq!(first["meta"]["tag"][0]["code"], "override-after-refusal");
        // An override of a colleague leaves the refusal to the one who was refused in force.
        let answer = world.search("Condition", &number, "").by(&refused).send().await;
        assert_eq!(answer.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]);
    });
}

#[test]
fn an_override_without_a_reason_or_with_one_that_no_agreement_lists_opens_nothing() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let who = world.clinician();
        let good = world.override_body(&who, &number, "Emergency");
        let mut empty = good.clone();
        empty["extension"][0]["valueCodeableConcept"]["text"] = "   ".into();
        let mut long = good.clone();
        long["extension"][0]["valueCodeableConcept"]["text"] = "x".repeat(129).into();
        let mut none = good.clone();
        none.as_object_mut().expect("an object").remove("extension");
        let mut refusing = good.clone();
        refusing["provision"]["type"] = "deny".into();
        let mut patient_said = good.clone();
        patient_said["performer"] = json!([{ "identifier": { "system": NHS, "value": number } }]);
        let listed = world.override_body(&who, &number, "CourtOrder");
        for (what, body) in [
            ("blank", empty),
            ("long", long),
            ("none", none),
            ("a deny", refusing),
            ("the patient as performer", patient_said),
            ("not listed", listed),
        ] {
            let answer = world.ask(Method::POST, "Consent").by(&who).json(&body).await;
            assert_eq!(answer.status, if what == "blank" { 400 } else { 422 }, "{what}: {}", answer.body);
            assert_eq!(answer.reasons(), ["RESOURCE_INVALID"]);
            let told: BTreeSet<&str> = answer.expressions().into_iter().collect();
            assert_eq!(told.len(), answer.expressions().len(), "{what}: each element once");
            assert!(!answer.body.to_string().contains("Unconscious"), "the words about a patient are not said back");
        }
        let answer = world.search("Condition", &number, "").by(&who).send().await;
        assert_eq!(answer.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]);
    });
}

#[test]
fn an_occasion_ends_after_an_hour_and_an_override_too() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let renewed = |who: &Who| {
            world.like("clinician", |claims| {
                claims["sub"] = who.user.as_str().into();
                claims["nhsid_useruid"] = who.user.as_str().into();
            })
        };
        let (who, overriding) = (permitted(&world, &number).await, world.clinician());
        world.post_consent(&overriding, &world.override_body(&overriding, &number, "Emergency")).await;
        world.clock.advance(Duration::from_mins(59));
        for who in [&who, &overriding] {
            world.search("Condition", &number, "").by(&renewed(who)).ok().await;
        }
        world.clock.advance(Duration::from_mins(1));
        for who in [&who, &overriding] {
            let answer = world.search("Condition", &number, "").by(&renewed(who)).send().await;
            assert_eq!(answer.reasons(), ["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"]);
        }
    });
}

#[test]
fn another_organisation_sees_what_its_agreement_covers_and_is_told_of_the_rest() {
    run(async {
        let world = world().await;
        let number = world.scenario("rich");
        let other = world.member("other-clinician");
        world.permit(&other, &number).await;
        let whole = permitted(world, &number).await;
        for kind in ["Patient", "MedicationStatement", "AllergyIntolerance"] {
            let found = world.search(kind, &number, "").by(&other).ok().await;
            assert!(found.total() > 0, "{kind}");
        }
        let allergies = world.search("AllergyIntolerance", &number, "").by(&other).ok().await;
        let warning = allergies.outcome()["issue"].to_string();
        assert!(warning.contains("Problems") && warning.contains("Diagnosis"), "{warning}");
        let theirs: BTreeSet<String> = allergies.ids().into_iter().collect();
        let all: BTreeSet<String> =
            world.search("AllergyIntolerance", &number, "").by(&whole).ok().await.ids().into_iter().collect();
        assert!(theirs.is_subset(&all), "one entry has one id for every viewer");
        let everything = world.get(&format!("Patient/{}/$everything", world.sealed(&number))).by(&other).ok().await;
        let kinds: BTreeSet<&str> =
            everything.resources().filter_map(|resource| resource["resourceType"].as_str()).collect();
        for kind in ["Condition", "Observation", "Procedure", "Encounter"] {
            assert!(!kinds.contains(kind), "{kind} is outside the agreement");
            assert!(everything.outcome().to_string().contains(kind), "{kind} is said to be left out");
        }
        for extract in world.extracts_of(&other) {
            let view = extract.view.as_deref().unwrap_or("PatientDetails");
            assert!(["PatientDetails", "Medication", "RisksAndWarnings"].contains(&view), "{view} was asked");
            assert_eq!(extract.organisation, "RX002");
        }
        let answer = world.search("Condition", &number, "").by(&other).send().await;
        assert_eq!(answer.reasons(), ["NO_ORGANISATION_CONSENT"]);
    });
}

#[test]
fn ids_consents_and_the_trail_outlive_a_restart() {
    run(async {
        let world = small().await;
        let number = world::number(PLAIN);
        let who = permitted(&world, &number).await;
        let before = world.search("Observation", &number, "").by(&who).ok().await;
        let patients = || [world::patient(PLAIN, |_| {}), world::patient(OTHER, |_| {})];
        let world = world.restart(world::holdings(patients())).await;
        let after = world.search("Observation", &number, "").by(&who).ok().await;
        assert_eq!(before.ids(), after.ids());
        let id = before.ids().remove(0);
        world.get(&format!("Observation/{id}")).by(&who).ok().await;
        assert_eq!(one_event(&world, &who, &before).await["outcome"], "0", "the trail of before is read after");
    });
}

#[test]
fn a_consent_is_read_searched_and_seen_by_its_author_and_the_privacy_officer_alone() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let who = world.clinician();
        let consent = world.permit(&who, &number).await;
        let path = format!("Consent/{}", consent.id());
        let read = world.get(&path).by(&who).ok().await;
        assert_eq!(read.body, consent.body);
        assert_eq!(read.header("etag"), Some("W/\"1\""));
        let found = world.get("Consent?status=active").by(&who).ok().await;
        assert_eq!(found.ids(), [consent.id()]);
        let found = world.ask(Method::POST, "Consent/_search").form(&format!("patient.identifier={NHS}%7C{number}"));
        assert_eq!(found.by(&who).ok().await.ids(), [consent.id()]);
        let officer = world.privacy_officer(VIEWER);
        assert_eq!(world.get(&path).by(&officer).ok().await.body, consent.body);
        for stranger in [world.clinician(), world.member("other-clinician"), world.privacy_officer("RX002")] {
            assert_eq!(world.get(&path).by(&stranger).send().await.status, 404);
            assert!(!world.get("Consent").by(&stranger).ok().await.ids().contains(&consent.id().to_owned()));
        }
        let created = world.audited(&who, &consent.request_id).await;
        let profile = created[0]["meta"]["profile"][0].as_str().expect("a profile");
        assert!(profile.ends_with("PatientCreate"), "{profile}");
    });
}

#[test]
fn the_practice_auditor_sees_who_viewed_that_practice_s_patients_and_nobody_else_s() {
    run(async {
        let world = world().await;
        let (ours, theirs) = (world.scenario("emis"), world.scenario("vision"));
        let who = permitted(world, &ours).await;
        world.permit(&who, &theirs).await;
        let here = world.search("Condition", &ours, "").by(&who).ok().await;
        let there = world.search("Condition", &theirs, "").by(&who).ok().await;
        let auditor = world.member("practice-auditor");
        let trail = world.get(&format!("AuditEvent?_count=1000&agent.identifier={}", who.user)).by(&auditor).ok().await;
        let text = trail.body.to_string();
        assert!(text.contains(&here.request_id) && !text.contains(&there.request_id));
        let id = trail.ids().remove(0);
        world.get(&format!("AuditEvent/{id}")).by(&auditor).ok().await;
        let elsewhere = world.privacy_officer("RX002");
        assert_eq!(world.get(&format!("AuditEvent/{id}")).by(&elsewhere).send().await.status, 404);
        // Reading the trail is audited as well.
        let officer = world.privacy_officer(VIEWER);
        let read = world.get("AuditEvent?_count=1").by(&officer).ok().await;
        assert_eq!(one_event(world, &officer, &read).await["outcome"], "0");
    });
}

#[test]
fn a_system_registers_a_patient_for_care_and_sees_nothing_else() {
    run(async {
        let world = World::start(world::holdings([world::patient(PLAIN, |_| {})])).await;
        let number = world::number(777);
        let who = world.clinician();
        let body = world.consent_body(&who, &number, true);
        let answer = world.ask(Method::POST, "Consent").by(&who).json(&body).await;
        assert_eq!(answer.reasons(), ["ACCESS_DENIED", "RELATIONSHIP"]);
        let system = world.member("viewer-system");
        let episode = json!({
            "resourceType": "EpisodeOfCare", "status": "active",
            "patient": { "identifier": { "system": NHS, "value": number } },
            "managingOrganization": { "identifier": { "system": ODS, "value": VIEWER } },
        });
        let created = world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&episode).await;
        assert_eq!(created.status, 201, "{}", created.body);
        world.get(&format!("EpisodeOfCare/{}", created.id())).by(&system).ok().await;
        world.post_consent(&who, &body).await;
        let mut foreign = episode.clone();
        foreign["managingOrganization"]["identifier"]["value"] = "RX002".into();
        let answer = world.ask(Method::POST, "EpisodeOfCare").by(&system).json(&foreign).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        let other = world.like("viewer-system", |claims| claims["org_code"] = "RX002".into());
        assert_eq!(world.get(&format!("EpisodeOfCare/{}", created.id())).by(&other).send().await.status, 404);
    });
}

#[test]
fn no_excluded_or_private_entry_leaves_by_any_route_or_shows_in_a_total() {
    run(async {
        let entry = |code: &str, term: &str, mark| Planted {
            event_type: "OBS".to_owned(),
            system: "2.16.840.1.113883.2.1.6.2".to_owned(),
            code: code.to_owned(),
            term: term.to_owned(),
            as_problem: true,
            mark,
            ..Planted::default()
        };
        let plain = |term| entry("H33..00", term, Mark::None);
        let mut entries = vec![plain("Zorbit shown")];
        let without = world::with_entries(PLAIN, entries.clone(), |_| {}).0;
        entries.extend([
            entry("956..", "Zorbit excluded", Mark::None),
            entry("H33..00", "Zorbit restricted", Mark::Restricted),
            entry("H33..00", "Zorbit hidden", Mark::Hidden),
            entry("H33..00", "Zorbit deleted", Mark::Deleted),
        ]);
        let (with, legacy) = world::with_entries(OTHER, entries, |_| {});
        let world = World::start(world::holdings([without, with])).await;
        let number = world::number(OTHER);
        let who = permitted(&world, &number).await;
        let ids: Vec<String> = legacy.iter().map(|id| world.sealed_entry(&number, id).to_string()).collect();
        let (shown, withheld) = ids.split_first().expect("planted entries");
        let mut answers =
            vec![world.get(&format!("Patient/{}/$everything", world.sealed(&number))).by(&who).ok().await];
        for kind in TYPES {
            answers.push(world.search(kind, &number, "").by(&who).ok().await);
        }
        let mut seen = false;
        for answer in &answers {
            let text = answer.body.to_string();
            for word in ["Zorbit excluded", "Zorbit restricted", "Zorbit hidden", "Zorbit deleted"] {
                assert!(!text.contains(word), "{word} left");
            }
            assert!(!withheld.iter().any(|id| text.contains(id.as_str())), "a withheld entry is referred to");
            seen |= text.contains("Zorbit shown") && text.contains(shown.as_str());
            if answer.body["total"].is_u64() {
                let matches = answer.entries().filter(|entry| entry["search"]["mode"] == "match").count();
                assert_eq!(answer.total(), matches as u64, "a total counts what is visible");
            }
        }
        assert!(seen, "what is not withheld is shown");
        // The notice is the same for one with nothing to withhold.
        let colleague = permitted(&world, &world::number(PLAIN)).await;
        let other = world.search("Condition", &world::number(PLAIN), "").by(&colleague).ok().await;
        assert_eq!(other.outcome(), answers[2].outcome());
    });
}

#[test]
fn a_client_that_hangs_up_is_audited_all_the_same() {
    run(async {
        let slow = world::patient(PLAIN, |holding| holding.delay_ms = 1_000);
        let world = World::start(world::holdings([slow])).await;
        let number = world::number(PLAIN);
        let who = permitted(&world, &number).await;
        let ask = world.search("Condition", &number, "").by(&who).send();
        assert!(tokio::time::timeout(Duration::from_millis(300), ask).await.is_err(), "hung up before the answer");
        let officer = world.privacy_officer(VIEWER);
        let path = format!("AuditEvent?agent.identifier={}", who.user);
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let trail = world.get(&path).by(&officer).ok().await;
            if let Some(search) = trail.resources().find(|event| event["action"] == "E") {
                assert_eq!(search["outcome"], "0");
                return;
            }
        }
        panic!("no AuditEvent of the search");
    });
}

#[test]
fn public_documents_need_no_token_and_the_ids_of_a_request_are_made_where_none_came() {
    run(async {
        let world = world().await;
        let statement = world.get("metadata").ok().await;
        assert_eq!(statement.body["resourceType"], "CapabilityStatement");
        let types: BTreeSet<&str> = statement.body["rest"][0]["resource"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|resource| resource["type"].as_str())
            .collect();
        for kind in Kind::ALL {
            assert!(types.contains(kind.as_str()), "{kind}");
        }
        let head = world.ask(Method::HEAD, "metadata").send().await;
        assert_eq!(head.status, 200);
        // A request id that is none is not echoed into a header or a log.
        let client = reqwest::Client::new();
        let answer = client.get(format!("{}/metadata", world.base())).header("x-request-id", "a b<c>").send().await;
        let answer = answer.expect("an answer");
        let made = answer.headers()["x-request-id"].to_str().expect("ASCII");
        assert!(!made.is_empty() && !made.contains('<'));
        let answer = client.get(format!("{}/metadata", world.base())).send().await.expect("an answer");
        assert!(answer.headers().contains_key("x-request-id"));
        assert_eq!(world.get("metadata").header("accept", FHIR).ok().await.body, statement.body);
    });
}
