//! The record as a document, from the front door: who gets one, what it must hold to be a FHIR document, that it is the same
//! record as `$everything`, that it says what it does not show, and that it tells nothing of what is withheld. One scenario
//! a test, each whole, hence the length.

use super::no_leak::{Pair, marked_shapes};
use super::world::{self, Answer, NHS, Who, World, run};
use mig_fhir::ids::{OdsCode, UserId};
use mig_fhir::kinds::{Kind, View};
use mig_fhir::register::agreements::{Enrolment, Registers, SignedAgreement};
use mig_fhir::simulator::cast;
use mig_fhir::simulator::generate::Planted;
use mig_fhir::simulator::holdings::Holding;
use reqwest::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::OnceCell;

const PLAIN: u64 = 550;
const HOSTILE: u64 = 551;
const VIEWS: &str = "urn:x-mig-fhir:CodeSystem:view";
const NONE_SHOWN: &str = "No entries are shown. This does not mean that none exist.";
const TERM: &str = "<script>alert('x')</script> & \"Crohn's\" \u{202E}desrever";

/// One world for every scenario that changes nothing but what belongs to its own clinician.
async fn world() -> &'static World {
    static SHARED: OnceCell<World> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let hostile = Planted {
                event_type: "OBS".to_owned(),
                system: "2.16.840.1.113883.2.1.6.2".to_owned(),
                code: "J40..".to_owned(),
                term: TERM.to_owned(),
                as_problem: true,
                ..Planted::default()
            };
            let mut holdings = world::builtin();
            assert!(holdings.add(world::patient(PLAIN, |_| {})));
            assert!(holdings.add(world::with_entries(HOSTILE, vec![hostile], |_| {}).0));
            World::start(holdings).await
        })
        .await
}

fn path(world: &World, number: &str) -> String {
    format!("Patient/{}/$detailed-care-record", world.sealed(number))
}

async fn permitted(world: &World, number: &str) -> Who {
    let who = world.clinician();
    world.permit(&who, number).await;
    who
}

async fn document(world: &World, who: &Who, number: &str) -> Answer {
    let answer = world.get(&path(world, number)).by(who).ok().await;
    is_a_document(&answer.body);
    answer
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn composition(document: &Value) -> &Value {
    &document["entry"][0]["resource"]
}

/// Every section with those below it.
fn sections(document: &Value) -> Vec<&Value> {
    let top = list(&composition(document)["section"]);
    top.iter().flat_map(|section| std::iter::once(section).chain(list(&section["section"]))).collect()
}

fn code(section: &Value) -> Option<&str> {
    let coding = &section["code"]["coding"][0];
    assert!(coding.is_null() || coding["system"] == VIEWS);
    coding["code"].as_str()
}

fn of<'d>(document: &'d Value, wanted: &str) -> &'d Value {
    sections(document).into_iter().find(|section| code(section) == Some(wanted)).expect("a section")
}

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

/// What R4 asks of any document, and the contract of ours.
fn is_a_document(document: &Value) {
    assert_eq!((&document["resourceType"], &document["type"]), (&"Bundle".into(), &"document".into()));
    assert_eq!(document["identifier"]["system"], "urn:ietf:rfc:3986", "bdl-9");
    assert!(text(&document["identifier"]["value"]).starts_with("urn:uuid:"), "bdl-9");
    assert!(text(&document["timestamp"]).contains('T'), "bdl-10");
    assert!(document["total"].is_null(), "bdl-1");
    let composition = composition(document);
    assert_eq!(composition["resourceType"], "Composition", "bdl-11");
    let mut urls = BTreeSet::new();
    for entry in list(&document["entry"]) {
        assert!(urls.insert(text(&entry["fullUrl"]).to_owned()), "bdl-7");
        assert!(["search", "request", "response"].iter().all(|name| entry[*name].is_null()), "bdl-2 to bdl-4");
    }
    let base = urls.iter().find_map(|url| url.split_once("/FHIR/R4/")).map(|(origin, _)| format!("{origin}/FHIR/R4/"));
    for entry in list(&document["entry"]) {
        let resource = &entry["resource"];
        let (kind, id) = (text(&resource["resourceType"]), text(&resource["id"]));
        let own = ["Composition", "Device"].contains(&kind);
        let wanted =
            if own { format!("urn:uuid:{id}") } else { format!("{}{kind}/{id}", base.as_deref().expect("a URL")) };
        assert_eq!(entry["fullUrl"], wanted);
        let mut to = BTreeSet::new();
        references(resource, &mut to);
        for reference in to {
            // From a UUID a relative reference leads nowhere; from a URL it leads to its sibling.
            let whole = if own { reference.clone() } else { format!("{}{reference}", base.as_deref().expect("a URL")) };
            let is_subject = reference.starts_with("Patient/") && composition["subject"]["identifier"].is_object();
            assert!(urls.contains(&whole) || is_subject, "{reference} of {kind} leads out of the document");
        }
    }
    for labelled in [document, composition] {
        let codes: BTreeSet<&str> =
            list(&labelled["meta"]["security"]).iter().filter_map(|label| label["code"].as_str()).collect();
        assert_eq!(codes, BTreeSet::from(["DELAU", "NOINTEGRATE"]), "for viewing only");
    }
    assert_eq!((&composition["status"], &composition["confidentiality"]), (&"final".into(), &"N".into()));
    assert!(composition["attester"].is_null(), "nobody has attested it");
    assert!(list(&composition["author"]).iter().any(|author| text(&author["reference"]).starts_with("urn:uuid:")));
    let views: Vec<&str> = list(&composition["section"]).iter().filter_map(code).collect();
    assert_eq!(views, View::ALL.iter().map(|view| view.as_str()).collect::<Vec<_>>(), "the ten views");
    for section in sections(document) {
        let (entries, parts) = (list(&section["entry"]), list(&section["section"]));
        let title = text(&section["title"]);
        assert!(section["text"].is_object() || !parts.is_empty(), "cmp-1: {title}");
        assert!(section["emptyReason"].is_null() || entries.is_empty(), "cmp-2: {title}");
        let reason = section["emptyReason"]["coding"][0]["code"].as_str();
        assert!(!matches!(reason, Some("nilknown" | "withheld")), "{title}");
        if section["text"].is_object() {
            let div = text(&section["text"]["div"]);
            assert!(div.starts_with("<div xmlns=\"http://www.w3.org/1999/xhtml\"") && div.ends_with("</div>"));
            assert_eq!(section["text"]["status"], "generated");
        }
        match reason {
            Some("unavailable") => {
                assert!(text(&section["text"]["div"]).contains(&format!("<p>{NONE_SHOWN}</p>")), "{title}");
                assert_eq!(section["emptyReason"]["text"], NONE_SHOWN);
            }
            Some(other) => assert_eq!(other, "notasked"),
            None => {}
        }
    }
}

#[test]
fn a_document_is_refused_like_everything_else_and_each_refusal_is_audited() {
    run(async {
        let world = world().await;
        let number = world::number(PLAIN);
        let refused = async |who: &Who, number: &str, status: u16, reason: &str| {
            let answer = world.get(&path(world, number)).by(who).send().await;
            assert_eq!((answer.status, *answer.reasons().last().expect("a reason")), (status, reason));
            let events = world.audited(who, &answer.request_id).await;
            let [event] = events.as_slice() else { panic!("{} AuditEvents of {reason}", events.len()) };
            assert_eq!((&event["outcome"], &event["outcomeDesc"]), (&"4".into(), &reason.into()));
            assert_eq!(event["subtype"][0]["code"], "operation");
            assert_eq!(event["meta"]["profile"], Value::Null);
        };
        refused(&world.clinician(), &number, 403, "CONSENT_REQUIRED").await;
        let denied = world.clinician();
        world.deny(&denied, &number).await;
        refused(&denied, &number, 403, "CONSENT_REFUSED").await;
        refused(&world.member("receptionist"), &number, 403, "ROLE").await;
        refused(&world.member("untrained-clinician"), &number, 403, "ENROLMENT").await;
        refused(&world.member("unagreed-clinician"), &number, 403, "NO_ORGANISATION_CONSENT").await;
        for kind in Kind::ALL {
            let scopes: Vec<String> = Kind::ALL
                .iter()
                .filter(|other| *other != kind)
                .map(|kind| format!("user/{kind}.rs"))
                .chain(["user/Consent.crus".to_owned()])
                .collect();
            let who = world.clinician_with(|claims| claims["scope"] = scopes.join(" ").into());
            world.permit(&who, &number).await;
            refused(&who, &number, 403, "SCOPE").await;
            assert!(world.extracts_of(&who).is_empty(), "{kind}: judged from the request alone");
        }
        let who = permitted(world, &number).await;
        let opted_out = world.scenario("opted-out");
        world.permit(&who, &opted_out).await;
        refused(&who, &opted_out, 403, "OPTED_OUT").await;
        let untraced = world.scenario("untraced");
        world.permit(&who, &untraced).await;
        refused(&who, &untraced, 404, "PATIENT_NOT_FOUND").await;

        let nobody = world.get("Patient/nobody/$detailed-care-record").by(&who).send().await;
        assert_eq!(nobody.status, 404);
        assert_eq!(world.audited(&who, &nobody.request_id).await.len(), 1);
        for query in ["_type=Condition", "_count=10", "_since=2020-01-01", "start=2020"] {
            let answer = world.get(&format!("{}?{query}", path(world, &number))).by(&who).send().await;
            let name = query.split('=').next().expect("a name");
            assert_eq!((answer.status, answer.expressions()), (400, vec![name]), "a record is not collected in part");
            assert_eq!(world.audited(&who, &answer.request_id).await.len(), 1);
        }
        let posted = world.ask(Method::POST, &path(world, &number)).by(&who).send().await;
        assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
        assert_eq!(world.get(&path(world, &number)).send().await.status, 401);
    });
}

#[test]
fn a_document_holds_what_everything_holds_in_the_sections_of_its_tags_and_is_audited() {
    run(async {
        let world = world().await;
        for scenario in ["rich", "emis", "systmone", "vision"] {
            let number = world.scenario(scenario);
            let who = permitted(world, &number).await;
            let answer = document(world, &who, &number).await;
            let document = &answer.body;
            let name = |entry: &Value| {
                let resource = &entry["resource"];
                format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"]))
            };
            let held: BTreeMap<String, &Value> =
                list(&document["entry"]).iter().skip(2).map(|entry| (name(entry), &entry["resource"])).collect();
            let everything = world.get(&format!("Patient/{}/$everything", world.sealed(&number))).by(&who).ok().await;
            let wanted: BTreeMap<String, &Value> =
                everything.entries().map(|entry| (name(entry), &entry["resource"])).collect();
            for (name, resource) in &wanted {
                assert!(held.get(name) == Some(resource), "{scenario}: {name} is in $everything and not the same here");
            }
            // The Summary is asked besides, and may bring what no other view does.
            for name in held.keys().filter(|name| !wanted.contains_key(*name)) {
                let summary = held[name]["meta"]["tag"].to_string().contains("Summary");
                assert!(summary || name.starts_with("Pr") || name.starts_with("Org"), "{scenario}: {name}");
            }

            let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for section in sections(document) {
                let Some(code) = code(section) else { continue };
                let mut once = BTreeSet::new();
                for entry in list(&section["entry"]) {
                    let url = text(&entry["reference"]);
                    let name = url.split_once("/FHIR/R4/").expect("a whole URL").1.to_owned();
                    assert!(once.insert(name.clone()), "{name} twice in {code}");
                    shown.entry(name).or_default().insert(code.to_owned());
                }
            }
            for (name, resource) in &held {
                let tags: BTreeSet<String> = list(&resource["meta"]["tag"])
                    .iter()
                    .filter(|tag| tag["system"] == VIEWS)
                    .map(|tag| text(&tag["code"]).to_owned())
                    .collect();
                // A view that one of its sub-sections stands for is not said twice.
                let is_within = |view: &String| tags.iter().any(|tag| tag.starts_with(&format!("{view}.")));
                let wanted: BTreeSet<String> = tags.iter().filter(|tag| !is_within(tag)).cloned().collect();
                assert_eq!(shown.get(name).cloned().unwrap_or_default(), wanted, "{scenario}: sections of {name}");
            }

            let composition = composition(document);
            assert_eq!(
                composition["subject"]["reference"],
                format!("{}/Patient/{}", world.base(), world.sealed(&number))
            );
            let practice = text(&composition["custodian"]["reference"]);
            assert_eq!(composition["author"][0]["reference"], practice);
            assert!(practice.contains("/Organization/"));

            let events = world.audited(&who, &answer.request_id).await;
            let [event] = events.as_slice() else { panic!("{} AuditEvents", events.len()) };
            assert_eq!((&event["outcome"], &event["action"]), (&"0".into(), &"E".into()));
            assert_eq!(event["subtype"][0]["code"], "operation");
            assert_eq!(event["meta"]["profile"], Value::Null, "no profile for an operation");
            let identifier = text(&document["identifier"]["value"]).trim_start_matches("urn:uuid:");
            assert!(text(&event["id"]).contains(identifier), "a document on paper leads to its AuditEvent");
            let views = event.to_string();
            assert!(View::ALL.iter().all(|view| views.contains(view.as_str())), "every agreed view was asked: {views}");
        }
    });
}

#[test]
fn each_view_has_its_sub_sections_and_the_notice_stands_before_them() {
    run(async {
        let world = world().await;
        let number = world.scenario("rich");
        let who = permitted(world, &number).await;
        let document = document(world, &who, &number).await.body;
        let parts = |view: &str| -> Vec<&str> {
            list(&of(&document, view)["section"])
                .iter()
                .filter_map(code)
                .filter_map(|code| code.split_once('.'))
                .map(|(_, part)| part)
                .collect()
        };
        assert_eq!(parts("Problems"), ["current", "past"]);
        assert_eq!(parts("Medication"), ["current", "past", "issues"]);
        assert_eq!(parts("RisksAndWarnings"), ["allergies", "contraindications"]);
        assert_eq!(parts("Procedures"), ["operations", "immunisations"]);
        assert_eq!(parts("Investigations").len(), 10);
        assert_eq!(parts("Examination"), ["bloodPressures"]);
        assert_eq!(parts("Events"), ["encounters", "admissions", "referrals"]);
        assert_eq!(parts("Summary"), ["problems", "medication", "allergies", "tests"]);
        let notice = &composition(&document)["section"][0];
        assert!(text(&notice["text"]["div"]).contains("Exclusions apply to every record."));
        let problems = text(&of(&document, "Problems.current")["text"]["div"]);
        for part in ["<caption>Current problems</caption>", "<th scope=\"col\">Date</th>", "<th scope=\"col\">Who</th>"]
        {
            assert!(problems.contains(part), "{problems}");
        }
        assert!(text(&of(&document, "PatientDetails")["text"]["div"]).contains("<th scope=\"row\">Name</th>"));
        let pressures = text(&of(&document, "Examination.bloodPressures")["text"]["div"]);
        assert!(pressures.contains("mmHg") || pressures.contains("mm"), "{pressures}");
    });
}

#[test]
fn sections_are_newest_first_and_two_documents_differ_by_their_name_alone() {
    run(async {
        let world = world().await;
        let number = world.scenario("large");
        let who = permitted(world, &number).await;
        let one = document(world, &who, &number).await.body;
        let two = document(world, &who, &number).await.body;
        let bare = |document: &Value| {
            let id = text(&document["identifier"]["value"]).trim_start_matches("urn:uuid:").to_owned();
            document.to_string().replace(&id, "ID")
        };
        assert!(bare(&one) == bare(&two));
        let resources: BTreeMap<&str, &Value> =
            list(&one["entry"]).iter().map(|entry| (text(&entry["fullUrl"]), &entry["resource"])).collect();
        let encounters = list(&of(&one, "Events.encounters")["entry"]);
        let starts: Vec<Option<&str>> = encounters
            .iter()
            .map(|entry| resources[text(&entry["reference"])]["period"]["start"].as_str().map(|start| &start[..4]))
            .collect();
        assert!(starts.len() > 50, "{}", starts.len());
        assert!(starts.is_sorted_by(|a, b| a >= b), "newest first, undated last: {starts:?}");
    });
}

#[test]
fn a_view_outside_the_agreement_says_so_and_nothing_of_it_is_asked_or_shown() {
    run(async {
        let world = world().await;
        let number = world.scenario("rich");
        let other = world.member("other-clinician");
        world.permit(&other, &number).await;
        let document = document(world, &other, &number).await.body;
        let agreed = ["PatientDetails", "Medication", "RisksAndWarnings"];
        for view in View::ALL.iter().map(|view| view.as_str()) {
            let section = of(&document, view);
            let outside = section["emptyReason"]["coding"][0]["code"] == "notasked";
            assert_eq!(outside, !agreed.contains(&view), "{view}");
            if outside {
                assert!(text(&section["text"]["div"]).contains("outside the sharing agreement"));
                assert!(section["section"].is_null() && section["entry"].is_null(), "{view}");
            }
        }
        assert!(!list(&of(&document, "RisksAndWarnings.allergies")["entry"]).is_empty());
        let kinds: BTreeSet<&str> =
            list(&document["entry"]).iter().map(|entry| text(&entry["resource"]["resourceType"])).collect();
        for kind in ["Condition", "Observation", "Procedure", "Encounter"] {
            assert!(!kinds.contains(kind), "{kind} is outside the agreement");
        }
        let notice = text(&composition(&document)["section"][0]["text"]["div"]);
        assert!(notice.contains("Outside the sharing agreement, so not asked: Summary, Problems"), "{notice}");
        for extract in world.extracts_of(&other) {
            assert!(
                agreed.contains(&extract.view.as_deref().unwrap_or("PatientDetails")),
                "{:?} was asked",
                extract.view
            );
        }
    });
}

#[test]
fn without_the_patient_s_details_the_document_names_the_patient_as_the_caller_did() {
    run(async {
        let world = World::start(world::builtin()).await;
        let number = world.scenario("rich");
        let day = world.clock.now().date().previous_day().expect("a day");
        let code = |text: &str| OdsCode::parse(text).expect("a code");
        let practices: Vec<OdsCode> = cast::PRACTICES.iter().map(|practice| code(practice)).collect();
        let views = [View::Summary, View::Problems];
        let mut agreement = SignedAgreement::new("few", code("RX003"), &views, &practices, day);
        for organisation in practices.iter().cloned().chain([code("RX003")]) {
            agreement = agreement.signed(organisation, "Ina Field", "Caldicott Guardian");
        }
        let who = world.member("unagreed-clinician");
        let user = UserId::parse(&who.user).expect("a user");
        let role = mig_fhir::ids::RoleCode::parse("R8000").expect("a role");
        let enrolments = vec![Enrolment::complete(user, code("RX003"), role, day)];
        world.import(Registers { agreements: vec![agreement], enrolments, ..Registers::default() }).await;
        world.permit(&who, &number).await;
        let document = document(&world, &who, &number).await.body;
        let subject = &composition(&document)["subject"];
        assert_eq!(
            (&subject["identifier"]["system"], &subject["identifier"]["value"]),
            (&NHS.into(), &number.as_str().into())
        );
        assert!(subject["reference"].is_null() && composition(&document)["custodian"].is_null());
        assert!(!list(&of(&document, "Summary.problems")["entry"]).is_empty());
        assert!(list(&of(&document, "Medication")["entry"]).is_empty());
        let notice = text(&composition(&document)["section"][0]["text"]["div"]);
        assert!(notice.contains("Only the summary is agreed"), "{notice}");
        assert!(notice.contains("Procedure"), "types that no agreed view holds are named: {notice}");
    });
}

#[test]
fn a_part_of_a_record_says_that_it_is_a_part() {
    run(async {
        let patient = world::patient(PLAIN, |holding| holding.outcome = Some("MIG-0009".to_owned()));
        let world = World::start(world::holdings([patient])).await;
        let number = world::number(PLAIN);
        let who = permitted(&world, &number).await;
        let document = document(&world, &who, &number).await.body;
        let notice = text(&composition(&document)["section"][0]["text"]["div"]);
        assert!(notice.contains("this is a part of the record"), "{notice}");
    });
}

#[test]
fn hostile_text_of_a_record_is_text_in_the_document() {
    run(async {
        let world = world().await;
        let number = world::number(HOSTILE);
        let who = permitted(world, &number).await;
        let document = document(world, &who, &number).await.body;
        // Whether the generator let it end before today differs from day to day.
        let held = ["Problems.current", "Problems.past"].map(|section| text(&of(&document, section)["text"]["div"]));
        let div = held.into_iter().find(|div| !div.contains(NONE_SHOWN)).expect("the problem in one of them");
        let shown = "&lt;script&gt;alert('x')&lt;/script&gt; &amp; &quot;Crohn's&quot; \u{FFFD}desrever";
        assert!(div.contains(shown), "{div}");
        let released = list(&document["entry"]).iter().any(|entry| entry["resource"]["code"]["text"] == TERM);
        assert!(released, "the resource keeps what the practice wrote");
        for section in sections(&document).into_iter().filter(|section| section["text"].is_object()) {
            let div = text(&section["text"]["div"]);
            assert!(!div.contains("<script") && !div.contains('\u{202E}'));
            let mut reader = quick_xml::Reader::from_str(div);
            while reader.read_event().expect("well-formed") != quick_xml::events::Event::Eof {}
        }
    });
}

#[test]
fn a_document_of_a_record_with_withheld_entries_is_the_document_of_the_record_without_them() {
    run(async {
        let shapes = marked_shapes();
        let pairs: Vec<Pair> = (0..2u64)
            .map(|seed| {
                let planted: Vec<Planted> =
                    shapes.iter().skip(usize::try_from(seed).expect("small")).step_by(2).cloned().collect();
                Pair::new(7_000 + seed, 60, &planted)
            })
            .collect();
        let holdings = |xml: &dyn Fn(&Pair) -> String| {
            world::holdings(pairs.iter().map(|pair| Holding::read(xml(pair)).expect("a record")))
        };
        let numbers: Vec<String> = pairs.iter().map(|pair| pair.with.nhs_number.clone()).collect();
        let told = async |world: &World, who: &Who| {
            let mut all = Vec::new();
            for number in &numbers {
                let answer = world.get(&path(world, number)).by(who).header("cache-control", "no-cache").ok().await;
                is_a_document(&answer.body);
                let id = text(&answer.body["identifier"]["value"]).trim_start_matches("urn:uuid:").to_owned();
                all.push(answer.body.to_string().replace(&id, "ID").replace(world.base(), "BASE"));
            }
            all
        };
        let world = World::start(holdings(&|pair| pair.with.xml.clone())).await;
        let who = world.clinician();
        for number in &numbers {
            world.permit(&who, number).await;
        }
        let with = told(&world, &who).await;
        // The clock stands still: the very times are the same.
        let world = world.restart(holdings(&|pair| pair.without.clone())).await;
        let without = told(&world, &who).await;
        for ((pair, with), without) in pairs.iter().zip(&with).zip(&without) {
            pair.check(with, "the document");
            assert!(with == without, "the document tells that something is withheld");
        }
    });
}
