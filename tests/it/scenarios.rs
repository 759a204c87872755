//! The stories of the agreement that `stories` does not tell, each whole and from the outside: what was seen before, what is
//! refused after, and what is left behind in the trail.

use crate::admin::{admin, body};
use crate::refusals::refused;
use crate::world::{self, NHS, VIEWER, Who, World, run};
use mig_fhir::simulator::running::Extras;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const PLAIN: u64 = 970;
const ELSEWHERE: u64 = 971;

async fn world() -> World {
    world_with(Extras::default()).await
}

async fn world_with(extras: Extras) -> World {
    let elsewhere = |holding: &mut mig_fhir::simulator::holdings::Holding| holding.practice = Some("A99982".to_owned());
    let patients = [world::patient(PLAIN, |_| {}), world::patient(ELSEWHERE, elsewhere)];
    World::start_with(world::holdings(patients), extras).await
}

/// Somebody in the middle of reading: a page with a next one, and one entry by its id.
struct Reading {
    next: String,
    one: String,
    sealed: String,
}

async fn reading(world: &World, who: &Who) -> Reading {
    let number = world::number(PLAIN);
    let first = world.search("Observation", &number, "&_count=1").by(who).ok().await;
    let one = format!("Observation/{}", first.ids().remove(0));
    world.get(&one).by(who).ok().await;
    Reading { next: first.link("next").expect("a next page"), one, sealed: world.sealed(&number) }
}

impl Reading {
    /// Whatever is asked now, new or begun before, is refused for this reason, audited, and asked of no practice.
    async fn is_closed(&self, world: &World, who: &Who, code: &str, reasons: &[&str]) {
        let asked = world.extracts_of(who).len();
        for ask in [
            world.get(&self.next),
            world.get(&self.one),
            world.search("Observation", &world::number(PLAIN), ""),
            world.get(&format!("Patient/{}", self.sealed)),
            world.get(&format!("Patient/{}/$everything", self.sealed)),
            world.get(&format!("Patient/{}/$detailed-care-record", self.sealed)),
        ] {
            let answer = ask.by(who).send().await;
            refused(world, who, &answer, 403, code, reasons).await;
        }
        let views = world.extracts_of(who).into_iter().skip(asked).filter(|extract| extract.view.is_some());
        assert_eq!(views.filter(|extract| extract.outcome == "MIG-0000").count(), 0, "nothing clinical was fetched");
    }
}

fn from_a_parent(mut consent: Value) -> Value {
    consent["performer"] = json!([{ "reference": "#mother" }]);
    consent["contained"] = json!([{
        "resourceType": "RelatedPerson", "id": "mother", "patient": consent["patient"],
        "relationship": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH" }] }],
        "name": [{ "family": "Demo", "given": ["Ann"] }],
    }]);
    consent
}

#[test]
fn a_parent_says_yes_for_a_child_and_what_the_child_then_refuses_no_parent_permits() {
    run(async {
        let world = world().await;
        let (who, number) = (world.clinician(), world::number(PLAIN));
        let mut neighbour = from_a_parent(world.consent_body(&who, &number, true));
        neighbour["contained"][0]["relationship"][0]["coding"][0]["code"] = "NBOR".into();
        let answer = world.ask(Method::POST, "Consent").by(&who).json(&neighbour).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(answer.expressions(), ["Consent.contained[0].relationship[0].coding"]);
        let closed = world.search("Condition", &number, "").by(&who).send().await;
        refused(&world, &who, &closed, 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]).await;

        let yes = world.post_consent(&who, &from_a_parent(world.consent_body(&who, &number, true))).await;
        assert_eq!(yes.body["contained"][0]["relationship"][0]["coding"][0]["code"], "MTH", "who spoke is kept");
        world.search("Condition", &number, "").by(&who).ok().await;
        let extracts = world.extracts_of(&who);
        let viewed = extracts.iter().filter(|extract| extract.view.is_some());
        assert!(viewed.clone().count() > 0);
        viewed.for_each(|extract| assert_eq!(extract.consent.as_deref(), Some(yes.id())));

        // The parent changes their mind, and back: each is in force on the next request.
        world.post_consent(&who, &from_a_parent(world.consent_body(&who, &number, false))).await;
        let closed = world.search("Condition", &number, "").by(&who).send().await;
        refused(&world, &who, &closed, 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]).await;
        world.post_consent(&who, &from_a_parent(world.consent_body(&who, &number, true))).await;
        world.search("Condition", &number, "").by(&who).ok().await;

        // What the child refuses in person stays refused until the child says otherwise.
        world.deny(&who, &number).await;
        let answer = world.ask(Method::POST, "Consent").by(&who);
        let answer = answer.json(&from_a_parent(world.consent_body(&who, &number, true))).await;
        assert_eq!((answer.status, answer.expressions()), (422, vec!["Consent.performer"]), "{}", answer.body);
        let closed = world.search("Condition", &number, "").by(&who).send().await;
        refused(&world, &who, &closed, 403, "suppressed", &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]).await;
        world.permit(&who, &number).await;
        world.search("Condition", &number, "").by(&who).ok().await;
    });
}

#[test]
fn a_practice_withdraws_while_a_clinician_is_reading_and_the_next_page_is_already_closed() {
    run(async {
        let world = world().await;
        let (boss, who) = (world.member("administrator"), world.clinician());
        world.permit(&who, &world::number(PLAIN)).await;
        world.permit(&who, &world::number(ELSEWHERE)).await;
        let reading = reading(&world, &who).await;
        let leave = json!({ "organisation": "A99981", "reason": "clause 12.1" });
        let left = body(admin(&world, Method::POST, "agreements/demo-all-views/withdrawal").by(&boss), &leave).await;
        assert_eq!(left.status, 200, "{}", left.body);
        reading.is_closed(&world, &who, "forbidden", &["NO_ORGANISATION_CONSENT"]).await;
        // An override does not bring it back; a patient of another practice is still shown.
        let overriding = world.clinician();
        let number = world::number(PLAIN);
        world.post_consent(&overriding, &world.override_body(&overriding, &number, "Emergency")).await;
        let answer = world.search("Condition", &number, "").by(&overriding).send().await;
        refused(&world, &overriding, &answer, 403, "forbidden", &["NO_ORGANISATION_CONSENT"]).await;
        world.search("Condition", &world::number(ELSEWHERE), "").by(&who).ok().await;
    });
}

#[test]
fn a_patient_opts_out_at_the_practice_and_is_gone_within_one_life_of_the_memory() {
    run(async {
        let settings = vec![("MIG_FHIR__CACHE__TTL_SECONDS".to_owned(), "1".to_owned())];
        let world = world_with(Extras { settings, ..Extras::default() }).await;
        let (who, number) = (world.clinician(), world::number(PLAIN));
        world.permit(&who, &number).await;
        world.permit(&who, &world::number(ELSEWHERE)).await;
        let reading = reading(&world, &who).await;
        world.switch(&json!([{ "patient": number, "outcome": "MIG-0004" }])).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        reading.is_closed(&world, &who, "suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]).await;
        assert_eq!(world.kept_views().await, 0, "nothing of it is left in memory");
        // Neither a new yes nor an override lifts it, and it is this patient's alone.
        world.permit(&who, &number).await;
        reading.is_closed(&world, &who, "suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]).await;
        let overriding = world.clinician();
        world.post_consent(&overriding, &world.override_body(&overriding, &number, "Emergency")).await;
        let answer = world.search("Condition", &number, "").by(&overriding).send().await;
        refused(&world, &overriding, &answer, 403, "suppressed", &["NO_PATIENT_CONSENT", "OPTED_OUT"]).await;
        world.search("Condition", &world::number(ELSEWHERE), "").by(&who).ok().await;
    });
}

#[test]
fn a_user_who_is_stopped_in_the_middle_of_a_session_sees_nothing_more_until_let_go_on() {
    run(async {
        let world = world().await;
        let (boss, who, colleague) = (world.member("administrator"), world.clinician(), world.clinician());
        for who in [&who, &colleague] {
            world.permit(who, &world::number(PLAIN)).await;
        }
        let reading = reading(&world, &who).await;
        let stop = json!({ "target": "user", "subject": who.user, "reason": "a lost smartcard" });
        let placed = body(admin(&world, Method::POST, "suspensions").by(&boss), &stop).await;
        assert_eq!(placed.status, 201, "{}", placed.body);
        let asked = world.heard_of(&who).len();
        reading.is_closed(&world, &who, "forbidden", &["ACCESS_DENIED", "SUSPENDED"]).await;
        for path in ["Consent", "EpisodeOfCare"] {
            let answer = world.get(path).by(&who).send().await;
            refused(&world, &who, &answer, 403, "forbidden", &["ACCESS_DENIED", "SUSPENDED"]).await;
        }
        let consent = world.consent_body(&who, &world::number(PLAIN), true);
        let answer = world.ask(Method::POST, "Consent").by(&who).json(&consent).await;
        refused(&world, &who, &answer, 403, "forbidden", &["ACCESS_DENIED", "SUSPENDED"]).await;
        assert_eq!(world.heard_of(&who).len(), asked, "not even where the record is was asked");
        world.search("Observation", &world::number(PLAIN), "").by(&colleague).ok().await;
        let path = format!("suspensions/{}", placed.body["id"].as_str().expect("an id"));
        admin(&world, Method::DELETE, &path).by(&boss).ok().await;
        world.get(&reading.one).by(&who).ok().await;
    });
}

#[test]
fn an_unconscious_patient_is_looked_after_the_review_is_closed_and_the_patient_reads_who_looked_and_why() {
    run(async {
        let world = world().await;
        let (who, number) = (world.clinician(), world::number(PLAIN));
        let consent = world.post_consent(&who, &world.override_body(&who, &number, "UnableToConsent")).await;
        world.search("AllergyIntolerance", &number, "").by(&who).ok().await;
        let officer = world.privacy_officer(VIEWER);
        let tasks = world.get("Task?status=requested").by(&officer).ok().await;
        let mut task = tasks.resources().next().expect("a review").clone();
        assert_eq!(task["focus"]["reference"], format!("Consent/{}", consent.id()));
        task["status"] = "completed".into();
        task["businessStatus"] =
            json!({ "coding": [{ "system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified" }] });
        let path = format!("Task/{}", task["id"].as_str().expect("an id"));
        let closed = world.ask(Method::PUT, &path).by(&officer).header("if-match", "W/\"1\"").json(&task).await;
        assert_eq!(closed.status, 200, "{}", closed.body);
        let csv = async |name: &str, asked: Value| {
            let ask = admin(&world, Method::POST, &format!("reports/{name}")).by(&officer).header("accept", "text/csv");
            let answer = ask.body("application/json", asked.to_string()).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.text
        };
        let review = csv("override-review", json!({})).await;
        let line = review.lines().find(|line| line.contains(&who.user)).expect("the override");
        assert!(line.contains(",UnableToConsent,no,completed,justified,"), "{line}");
        assert!(line.contains(&officer.user), "{line}");
        let told = csv("who-viewed", json!({ "nhs_number": number })).await;
        for sentence in [
            "decided to look at your record without your agreement.",
            "asked to see your allergies. They did so without your agreement because you could not be asked; this is reviewed. \
             It was shown.",
            "reviewed a decision to look at your record without your agreement.",
        ] {
            assert!(told.contains(sentence), "{sentence}: {told}");
        }
        assert!(!told.contains(&number) && !told.contains(NHS));
    });
}
