//! The form of answers and bodies: XML and JSON say the same, by header and by parameter, in errors too.

use super::world::{self, FHIR, FORM, NHS, World, run};
use reqwest::Method;

const XML: &str = "application/fhir+xml";
const XML_ANSWER: &str = "application/fhir+xml; charset=utf-8";
const JSON_ANSWER: &str = "application/fhir+json; charset=utf-8";

#[test]
fn every_kind_of_answer_is_the_same_in_xml_as_in_json() {
    run(async {
        let number = world::number(950);
        let world = World::start(world::holdings([world::patient(950, |_| {})])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        let sealed = world.sealed(&number);
        let officer = world.privacy_officer(world::VIEWER);
        let paths = [
            format!("Patient/{sealed}"),
            format!("Condition?patient={sealed}"),
            format!("Observation?patient={sealed}&_count=3"),
            format!("MedicationStatement?patient={sealed}"),
            format!("Patient/{sealed}/$everything"),
            "Consent".to_owned(),
            "metadata".to_owned(),
            "ValueSet".to_owned(),
            "CodeSystem/refusal".to_owned(),
        ];
        for path in &paths {
            let json = world.get(path).by(&who).ok().await;
            let xml = world.get(path).by(&who).header("accept", XML).ok().await;
            assert_eq!(json.header("content-type"), Some(JSON_ANSWER), "{path}");
            assert_eq!(xml.header("content-type"), Some(XML_ANSWER), "{path}");
            assert!(xml.header("vary").expect("Vary").contains("Accept"), "{path}");
            // Numbers are compared as they are written; the order of members is that of the schema in XML.
            assert_eq!(xml.body, json.body, "{path}: digit by digit");
            let head = world.ask(Method::HEAD, path).by(&who).header("accept", XML).ok().await;
            assert_eq!((head.header("content-type"), &head.body), (Some(XML_ANSWER), &serde_json::Value::Null));
            assert_eq!(head.header("content-length"), xml.header("content-length"), "{path}");
            assert!(head.header("content-length").is_some_and(|length| length != "0"), "{path}");
        }
        let audited = world.get("AuditEvent?_count=2").by(&officer).header("accept", "text/xml").ok().await;
        assert_eq!(audited.header("content-type"), Some(XML_ANSWER));
        // The document has an identifier and an instant of its own.
        let path = format!("Patient/{sealed}/$detailed-care-record?_format=xml");
        let document = world.get(&path).by(&who).ok().await;
        assert_eq!(document.body["entry"][0]["resource"]["resourceType"], "Composition");

        let head = world.ask(Method::HEAD, &format!("Condition?patient={sealed}")).by(&who).ok().await;
        assert_eq!(world.audited(&who, &head.request_id).await.len(), 1, "a HEAD is audited like a GET");
        let stranger = world.clinician();
        let head = world.ask(Method::HEAD, &format!("Patient/{sealed}")).by(&stranger).send().await;
        assert_eq!(head.status, 403, "and passes the same gates");
    });
}

#[test]
fn the_format_is_named_in_a_query_or_a_form_and_page_links_keep_it() {
    run(async {
        let number = world::number(951);
        let world = World::start(world::holdings([world::patient(951, |_| {})])).await;
        let who = world.clinician();
        world.permit(&who, &number).await;
        let form = format!("patient.identifier={NHS}%7C{number}&_count=2&_format=application/fhir%2Bxml&_pretty=true");
        let ask = world.ask(Method::POST, "Observation/_search").body(FORM, form).header("accept", FHIR);
        let mut page = ask.by(&who).ok().await;
        let mut pages = 1;
        while let Some(next) = page.link("next") {
            assert!(next.ends_with("&_format=xml&_pretty=true"), "{next}");
            page = world.get(&next).by(&who).ok().await;
            assert_eq!(page.header("content-type"), Some(XML_ANSWER));
            pages += 1;
        }
        assert!(pages > 1, "a second page");
        let pretty = world.get("metadata?_pretty=true").ok().await;
        assert_eq!(pretty.body, world.get("metadata").ok().await.body);
    });
}

#[test]
fn refusals_are_told_in_the_format_asked_for_and_what_is_not_served_is_406() {
    run(async {
        let world = World::start(world::holdings([])).await;
        let who = world.clinician();
        for (ask, status, reason) in [
            (world.get("Condition"), 401, "TOKEN"),
            (world.get("Nothing"), 404, "NOT_FOUND"),
            (world.ask(Method::DELETE, "Consent"), 405, "METHOD"),
            (world.get("Consent?nonsense=1").by(&who), 400, "QUERY"),
        ] {
            let answer = ask.header("accept", "application/json;q=0.5, application/fhir+xml").send().await;
            assert_eq!((answer.status, answer.reasons()), (status, vec![reason]));
            assert_eq!(answer.header("content-type"), Some(XML_ANSWER));
            assert_eq!(answer.body["resourceType"], "OperationOutcome");
        }
        for ask in [
            world.get("Consent").by(&who).header("accept", "text/turtle"),
            world.get("Consent?_format=ttl").by(&who).header("accept", XML),
            world.get("metadata").header("accept", "text/html"),
        ] {
            let answer = ask.send().await;
            assert_eq!((answer.status, answer.reasons()), (406, vec!["ACCEPT"]));
            assert_eq!(answer.header("accept"), Some("application/fhir+json, application/fhir+xml"));
        }
    });
}

#[test]
fn a_body_may_be_xml_and_one_that_is_none_or_too_deep_is_refused() {
    run(async {
        let number = world::number(952);
        let world = World::start(world::holdings([world::patient(952, |_| {})])).await;
        let who = world.clinician();
        let body = world.consent_body(&who, &number, true).to_string();
        let xml = mig_fhir_model::json_to_xml(body.as_bytes()).expect("XML");
        let post = |media: &str, body: Vec<u8>| world.ask(Method::POST, "Consent").by(&who).body(media, body);
        for media in [XML, "application/xml", "text/xml; charset=utf-8"] {
            let answer = post(media, xml.clone()).header("accept", XML).send().await;
            assert_eq!((answer.status, answer.header("content-type")), (201, Some(XML_ANSWER)), "{}", answer.body);
        }
        world.search("Condition", &number, "").by(&who).ok().await;
        let deep = b"<Consent xmlns=\"http://hl7.org/fhir\">".to_vec();
        let deep: Vec<u8> = deep.into_iter().chain(b"<extension>".repeat(20_000)).collect();
        let doctype = b"<!DOCTYPE x [<!ENTITY a \"b\">]><Consent xmlns=\"http://hl7.org/fhir\"/>".to_vec();
        for wrong in [deep, doctype, b"{}".to_vec(), b"<Consent".to_vec()] {
            let answer = post(XML, wrong).send().await;
            assert_eq!((answer.status, answer.reasons()), (400, vec!["RESOURCE_INVALID"]));
            assert_eq!(answer.expressions(), ["Consent"]);
        }
        for media in ["xml", "text/csv", "application/octet-stream"] {
            let answer = post(media, xml.clone()).send().await;
            assert_eq!((answer.status, answer.reasons()), (415, vec!["MEDIA_TYPE"]), "{media}");
        }
    });
}
