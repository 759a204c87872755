//! One file for the shapes and the lives of Consents: the table of defects is long by nature.

use super::*;
use crate::register::shape::by_identifier;
use crate::register::slice::Slice;
use crate::register::testing::{Kept, NOW, caller, ods, other_patient, patient, sealer, user};
use crate::register::{AgreementStatus, NHS_NUMBER, SDS_ROLE_PROFILE, SDS_USER, alerts, review};
use crate::store::StoreError;
use serde_json::json;
use time::macros::date;

fn body() -> Value {
    example(patient(), &user("u1"), &ods("VIEW1"), true, NOW)
}

fn override_body(category: &str) -> Value {
    override_example(patient(), &user("u1"), &ods("VIEW1"), category, "found unconscious", NOW)
}

fn read_body(body: &Value) -> Result<ConsentDraft, Vec<Invalid>> {
    parse(body, NOW, &caller("u1"), &sealer())
}

fn draft(body: &Value) -> ConsentDraft {
    read_body(body).unwrap_or_else(|found| panic!("{found:?}"))
}

fn found(body: &Value) -> Vec<(u16, &'static str, String)> {
    let found = read_body(body).err().expect("refused");
    found.into_iter().map(|invalid| (invalid.status, invalid.code, invalid.expression)).collect()
}

fn agreement(minutes: i64, reasons: &[&str]) -> Agreement {
    Agreement {
        id: "a".into(),
        version: 1,
        viewer: ods("VIEW1"),
        views: vec![crate::kinds::View::Problems],
        sharers: Vec::new(),
        from: date!(2026 - 01 - 01),
        until: None,
        override_reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        clinician_roles: Vec::new(),
        assurance: None,
        client_networks: Vec::new(),
        consent_minutes: minutes,
        status: AgreementStatus::Active,
    }
}

fn admitted(body: &Value) -> AdmittedConsent {
    draft(body).admit(&[], false, &[]).unwrap_or_else(|found| panic!("{found:?}"))
}

fn with(pointer: &str, value: Value) -> Value {
    changed(body(), pointer, Some(value))
}

/// The body with a member set, or taken out.
fn changed(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).expect("a parent");
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(name.to_owned(), value)),
        (Value::Object(map), None) => drop(map.remove(name).expect("it was there")),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().expect("an index")] = value,
        _ => panic!("no such member"),
    }
    body
}

#[test]
fn the_examples_are_accepted() {
    assert_eq!(draft(&body()).patient(), patient());
    assert!(!draft(&body()).is_override());
    assert!(draft(&override_body("Emergency")).is_override());
    assert_eq!(patient_of(&body(), &sealer()).expect("named"), patient());
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table, one line a defect")]
fn each_defect_of_a_consent_is_told_by_its_place_and_nothing_else() {
    let long = "x".repeat(3000);
    let cases: Vec<(&str, Option<Value>, u16, &str, &str)> = vec![
        ("/resourceType", Some(json!("Patient")), 400, "structure", "Consent.resourceType"),
        ("/colour", Some(json!("red")), 400, "structure", "Consent"),
        ("/verification", Some(json!([{ "verified": true }])), 422, "business-rule", "Consent.verification"),
        ("/policyRule", Some(json!({ "text": "x" })), 422, "business-rule", "Consent.policyRule"),
        ("/_dateTime", Some(json!({ "id": "x" })), 422, "business-rule", "Consent.dateTime"),
        ("/meta", Some(json!("x")), 400, "structure", "Consent.meta"),
        ("/id", Some(json!("a b")), 400, "invalid", "Consent.id"),
        ("/status", None, 422, "required", "Consent.status"),
        ("/status", Some(json!("draft")), 422, "business-rule", "Consent.status"),
        ("/status", Some(json!(true)), 400, "structure", "Consent.status"),
        ("/status", Some(Value::Null), 400, "structure", "Consent.status"),
        ("/status", Some(json!("")), 400, "invalid", "Consent.status"),
        ("/scope", None, 422, "required", "Consent.scope"),
        ("/scope", Some(json!([])), 400, "structure", "Consent.scope"),
        ("/scope/coding/0/code", Some(json!("research")), 422, "business-rule", "Consent.scope"),
        ("/category", None, 422, "required", "Consent.category"),
        ("/category", Some(json!([])), 400, "structure", "Consent.category"),
        ("/category", Some(json!({ "coding": [] })), 400, "structure", "Consent.category"),
        ("/category/0/coding/0/code", Some(json!("59284-1")), 422, "business-rule", "Consent.category"),
        ("/category/1/coding/0/code", Some(json!("RESEARCH")), 422, "business-rule", "Consent.category"),
        ("/patient", None, 422, "required", "Consent.patient"),
        ("/patient", Some(json!("9990000018")), 400, "structure", "Consent.patient"),
        ("/patient", Some(json!({ "display": "x" })), 422, "required", "Consent.patient.identifier"),
        ("/patient/identifier/value", Some(json!("9990000019")), 422, "invalid", "Consent.patient.identifier"),
        ("/patient/identifier/system", Some(json!("urn:x")), 422, "invalid", "Consent.patient.identifier"),
        ("/patient/reference", Some(json!("Patient/1")), 422, "invalid", "Consent.patient.reference"),
        ("/patient/type", Some(json!("Group")), 422, "business-rule", "Consent.patient.type"),
        ("/dateTime", None, 422, "required", "Consent.dateTime"),
        ("/dateTime", Some(json!("today")), 400, "invalid", "Consent.dateTime"),
        ("/dateTime", Some(json!("2026-11-24")), 422, "business-rule", "Consent.dateTime"),
        ("/dateTime", Some(json!("2026-11-24T10:01:01Z")), 422, "business-rule", "Consent.dateTime"),
        ("/dateTime", Some(json!("2026-11-24T09:44:59Z")), 422, "business-rule", "Consent.dateTime"),
        ("/performer", None, 422, "required", "Consent.performer"),
        ("/performer", Some(json!({})), 400, "structure", "Consent.performer"),
        (
            "/performer/0/identifier/value",
            Some(json!(other_patient().reveal())),
            422,
            "business-rule",
            "Consent.performer[0]",
        ),
        (
            "/performer/0/identifier",
            Some(json!({ "system": SDS_USER, "value": "u1" })),
            422,
            "invalid",
            "Consent.performer[0].identifier",
        ),
        ("/performer/0", Some(json!({ "reference": "#p" })), 422, "required", "Consent.contained"),
        (
            "/contained",
            Some(json!([{ "resourceType": "RelatedPerson", "id": "p" }])),
            422,
            "business-rule",
            "Consent.contained",
        ),
        ("/organization", None, 422, "required", "Consent.organization"),
        ("/organization", Some(json!({ "display": "x" })), 400, "structure", "Consent.organization"),
        ("/organization/0", Some(json!({ "display": "x" })), 422, "required", "Consent.organization[0].identifier"),
        (
            "/organization/0/identifier/value",
            Some(json!("OTHER")),
            422,
            "business-rule",
            "Consent.organization[0].identifier",
        ),
        (
            "/organization/0/identifier/system",
            Some(json!("urn:x")),
            422,
            "business-rule",
            "Consent.organization[0].identifier",
        ),
        ("/sourceAttachment", None, 422, "required", "Consent.sourceAttachment"),
        ("/sourceAttachment/title", None, 422, "required", "Consent.sourceAttachment.title"),
        ("/sourceAttachment/title", Some(json!(long)), 400, "invalid", "Consent.sourceAttachment.title"),
        ("/sourceAttachment/title", Some(json!("a\u{7}b")), 400, "invalid", "Consent.sourceAttachment.title"),
        ("/sourceAttachment/data", Some(json!("%%%")), 400, "invalid", "Consent.sourceAttachment.data"),
        ("/sourceReference", Some(json!({ "reference": "x/1" })), 422, "business-rule", "Consent.sourceReference"),
        ("/policy", None, 422, "required", "Consent.policy"),
        ("/policy/0/uri", Some(json!("not a uri")), 400, "invalid", "Consent.policy[0].uri"),
        ("/policy/0", Some(json!({ "authority": "urn:x" })), 422, "required", "Consent.policy[0].uri"),
        ("/provision/type", None, 422, "required", "Consent.provision.type"),
        ("/provision/type", Some(json!("maybe")), 422, "business-rule", "Consent.provision.type"),
        ("/provision/securityLabel", Some(json!([{}])), 422, "business-rule", "Consent.provision.securityLabel"),
        ("/provision/provision", Some(json!([{}])), 422, "business-rule", "Consent.provision.provision"),
        ("/provision/purpose", None, 422, "required", "Consent.provision.purpose"),
        ("/provision/purpose/0/code", Some(json!("HRESCH")), 422, "business-rule", "Consent.provision.purpose"),
        ("/provision/purpose/0/system", Some(json!("urn:x")), 422, "business-rule", "Consent.provision.purpose"),
        ("/provision/purpose/0/code", Some(json!("BTG")), 422, "required", "Consent.extension"),
        (
            "/provision/period",
            Some(json!({ "end": "2026-11-24T10:00:00Z" })),
            422,
            "business-rule",
            "Consent.provision.period.end",
        ),
        ("/provision/period", Some(json!({ "end": "soon" })), 400, "invalid", "Consent.provision.period.end"),
        (
            "/provision/period",
            Some(json!({ "start": "2026-11-24T10:02:00Z" })),
            422,
            "business-rule",
            "Consent.provision.period.start",
        ),
        ("/provision/actor", None, 422, "required", "Consent.provision.actor"),
        ("/provision/actor/0/role", None, 422, "required", "Consent.provision.actor[0].role"),
        (
            "/provision/actor/0/role/coding/0/code",
            Some(json!("CST")),
            422,
            "business-rule",
            "Consent.provision.actor[0].role",
        ),
        (
            "/provision/actor/0/reference/identifier/value",
            Some(json!("u2")),
            422,
            "business-rule",
            "Consent.provision.actor[0].reference.identifier",
        ),
        (
            "/provision/actor/0/reference",
            Some(json!({ "reference": "PractitionerRole/1" })),
            422,
            "business-rule",
            "Consent.provision.actor[0].reference.reference",
        ),
        (
            "/extension",
            Some(override_body("Emergency")["extension"].clone()),
            422,
            "business-rule",
            "Consent.extension",
        ),
        ("/extension", Some(json!([{ "url": "urn:x" }])), 422, "business-rule", "Consent.extension[0].url"),
    ];
    for (pointer, value, status, code, expression) in cases {
        let body = changed(body(), pointer, value.clone());
        let told = found(&body);
        assert_eq!(told[0], (status, code, expression.to_owned()), "{pointer} {value:?}: {told:?}");
        if let Some(Value::String(text)) = value.filter(|value| value != "") {
            assert!(told.iter().all(|(_, _, at)| !at.contains(&text)), "{pointer}");
        }
    }
    for not_an_object in [json!(null), json!([]), json!("Consent"), json!(1)] {
        assert_eq!(found(&not_an_object)[0].0, 400);
    }
}

#[test]
fn each_defect_of_an_override_is_told_by_its_place() {
    let at = "Consent.extension[0].valueCodeableConcept";
    let concept = "/extension/0/valueCodeableConcept";
    for (pointer, value, status, code, expression) in [
        ("/provision/type".to_owned(), json!("deny"), 422, "business-rule", "Consent.provision.type".to_owned()),
        ("/provision/purpose/0/code".to_owned(), json!("TREAT"), 422, "business-rule", "Consent.extension".to_owned()),
        (
            "/performer/0/identifier/value".to_owned(),
            json!("u2"),
            422,
            "business-rule",
            "Consent.performer[0].identifier".to_owned(),
        ),
        (
            "/performer/0".to_owned(),
            by_identifier(NHS_NUMBER, "9990000018"),
            422,
            "business-rule",
            "Consent.performer[0].identifier".to_owned(),
        ),
        (format!("{concept}/coding/0/code"), json!("Curiosity"), 422, "business-rule", format!("{at}.coding")),
        (format!("{concept}/coding/0/system"), json!("urn:x"), 422, "business-rule", format!("{at}.coding")),
        (format!("{concept}/text"), json!("x".repeat(129)), 422, "business-rule", format!("{at}.text")),
        (format!("{concept}/text"), json!("   "), 400, "invalid", format!("{at}.text")),
        (format!("{concept}/text"), json!("two\nlines"), 422, "business-rule", format!("{at}.text")),
    ] {
        let told = found(&changed(override_body("Emergency"), &pointer, Some(value)));
        assert_eq!(told[0], (status, code, expression), "{pointer}: {told:?}");
    }
    let spaced = changed(
        override_body("Emergency"),
        &format!("{concept}/text"),
        Some(json!(format!("  {}  ", "é".repeat(128)))),
    );
    assert!(draft(&spaced).is_override(), "128 characters are counted after trimming, and are characters");
}

/// The pointers of everything in a body.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, child)| (name.clone(), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let at = format!("{at}/{name}");
        pointers(child, &at, all);
        all.push(at);
    }
}

#[test]
fn a_value_that_is_empty_or_of_the_wrong_type_is_refused_wherever_it_stands() {
    let mut tried = 0;
    for body in [body(), for_a_child("MTH"), override_body("Emergency")] {
        let mut all = Vec::new();
        pointers(&body, "", &mut all);
        for pointer in all {
            for value in
                [json!(null), json!(true), json!(7), json!(""), json!([]), json!({}), json!([null]), json!([[]])]
            {
                let refused = found(&changed(body.clone(), &pointer, Some(value.clone())));
                assert!(refused.iter().all(|(status, ..)| matches!(status, 400 | 422)), "{pointer} {value}");
                assert!(
                    refused.iter().any(|(status, ..)| *status == 400) || pointer == "/resourceType",
                    "{pointer} {value}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 500);
}

#[test]
fn all_defects_are_told_at_once() {
    let mut body = changed(body(), "/policy", None);
    body["status"] = json!("draft");
    body["organization"][0]["identifier"]["value"] = json!("OTHER");
    assert_eq!(found(&body).len(), 3);
}

#[test]
fn the_patient_may_be_named_by_sealed_id_if_it_is_theirs() {
    let reference = |patient| json!({ "reference": format!("Patient/{}", sealer().seal_patient(patient)) });
    assert_eq!(draft(&with("/patient", reference(patient()))).patient(), patient());
    let mut both = body();
    both["patient"]["reference"] = reference(other_patient())["reference"].clone();
    assert_eq!(found(&both)[0].2, "Consent.patient.reference");
    let entry = sealer().seal(patient(), "x", crate::ids::Suffix(0));
    let entry = with("/patient", json!({ "reference": format!("Patient/{entry}") }));
    assert_eq!(found(&entry)[0], (422, "invalid", "Consent.patient.reference".into()));
}

#[test]
fn the_actor_may_be_named_by_role_profile() {
    let profile = by_identifier(SDS_ROLE_PROFILE, "u1-profile");
    draft(&with("/provision/actor/0/reference", profile));
    let other = by_identifier(SDS_ROLE_PROFILE, "u1");
    assert_eq!(found(&with("/provision/actor/0/reference", other))[0].1, "business-rule");
}

fn for_a_child(code: &str) -> Value {
    let mut body = body();
    body["performer"] = json!([{ "reference": "#mother" }]);
    body["contained"] = json!([{
        "resourceType": "RelatedPerson", "id": "mother", "patient": body["patient"],
        "relationship": [{ "coding": [{ "system": ROLE_CODE, "code": code }] }],
        "name": [{ "family": "Demo", "given": ["Ann"] }],
    }]);
    body
}

#[test]
fn someone_with_authority_may_answer_and_nobody_else() {
    for code in ["MTH", "HPOWATT"] {
        draft(&for_a_child(code));
    }
    assert_eq!(found(&for_a_child("NBOR"))[0].2, "Consent.contained[0].relationship[0].coding");
    let mut other = for_a_child("MTH");
    other["contained"][0]["patient"] = by_identifier(NHS_NUMBER, other_patient().reveal());
    assert_eq!(found(&other)[0].2, "Consent.contained[0].patient");
    let mut other = for_a_child("MTH");
    other["performer"][0]["reference"] = json!("#father");
    assert_eq!(found(&other)[0].2, "Consent.contained[0].id");
}

#[test]
fn an_occasion_lives_as_long_as_the_contract_says() {
    let minutes = |body: &Value, agreements: &[Agreement]| {
        let admitted = draft(body).admit(agreements, false, &[]).unwrap_or_else(|found| panic!("{found:?}"));
        (admitted.until() - NOW).whole_minutes()
    };
    let ending = |body: Value, end: &str| changed(body, "/provision/period", Some(json!({ "end": end })));
    assert_eq!(minutes(&body(), &[]), 60);
    assert_eq!(minutes(&body(), &[agreement(480, &[])]), 480);
    assert_eq!(minutes(&body(), &[agreement(480, &[]), agreement(90, &[])]), 90, "the shortest of those in force");
    assert_eq!(minutes(&body(), &[agreement(4800, &[])]), 480, "never over 8 hours");
    assert_eq!(minutes(&ending(body(), "2026-11-24T10:20:00Z"), &[]), 20);
    assert_eq!(minutes(&ending(body(), "2026-11-25"), &[]), 60, "a client cannot lengthen it");
    let deny = with("/provision/type", json!("deny"));
    assert_eq!(minutes(&deny, &[agreement(30, &[])]), 60);
    assert_eq!(minutes(&ending(deny.clone(), "2026-11-24T10:20:00Z"), &[]), 60, "a refusal is not shortened");
    assert_eq!(minutes(&ending(deny.clone(), "2026-11-24T13:00:00Z"), &[]), 180);
    assert_eq!(minutes(&ending(deny, "2027-01-01"), &[]), 480);
    assert_eq!(minutes(&override_body("Emergency"), &[agreement(480, &[])]), 60);
}

#[test]
fn an_override_needs_a_reason_that_is_allowed_and_after_a_refusal_only_an_emergency_is() {
    let admit =
        |category, agreements: &[Agreement], refused| draft(&override_body(category)).admit(agreements, refused, &[]);
    assert!(admit("Emergency", &[], false).is_ok());
    assert!(admit("UnableToConsent", &[agreement(60, &["CourtOrder"])], false).is_ok());
    assert!(admit("CourtOrder", &[agreement(60, &["CourtOrder"])], false).is_ok());
    let refused = admit("CourtOrder", &[agreement(60, &["Safeguarding"])], false).err().expect("not listed");
    assert_eq!((refused[0].status, refused[0].code), (422, "business-rule"));
    assert!(admit("UnableToConsent", &[], true).is_err());
    let marked = admit("Emergency", &[], true).unwrap_or_else(|_| panic!("an emergency"));
    assert!(matches!(marked.decision(), ConsentDecision::Override { after_refusal: true, .. }));
    assert!(draft(&body()).admit(&[], true, &[]).is_ok(), "a refusal to a colleague does not stop a permit");
}

#[tokio::test]
async fn a_kept_consent_reads_back_as_what_was_said() {
    let kept = Kept::new().await;
    let stored = kept.run(store_job(admitted(&body()))).await.expect("kept");
    let author = (user("u1"), ods("VIEW1"));
    let back = read(&kept.pool, Reader::Author(&author.0, &author.1), &stored.id).await.expect("read").expect("there");
    let resource = back.resource(&sealer());
    assert_eq!(resource, stored.resource(&sealer()));
    assert_eq!(resource["id"], stored.id.as_str());
    assert_eq!(resource["meta"]["versionId"], "1");
    assert_eq!(resource["meta"]["profile"][0], BASIC_PROFILE);
    assert_eq!(resource["patient"]["identifier"]["value"], "9990000018");
    assert_eq!(resource["patient"]["reference"], format!("Patient/{}", sealer().seal_patient(patient())));
    assert_eq!(resource["performer"][0], resource["patient"]);
    assert_eq!(
        resource["provision"]["period"],
        json!({ "start": "2026-11-24T10:00:00Z", "end": "2026-11-24T11:00:00Z" })
    );
    for member in ["status", "scope", "category", "dateTime", "organization", "sourceAttachment", "policy"] {
        assert_eq!(resource[member], body()[member], "{member}");
    }
    assert_eq!(resource["provision"]["actor"], body()["provision"]["actor"]);
    draft(&resource);
    assert_eq!(back.etag(), "W/\"1\"");
    let column: String = sqlx::query_scalar("SELECT body FROM consent").fetch_one(&kept.pool).await.expect("one");
    assert!(!column.contains("9990000018"), "the number has one column of its own");
}

#[tokio::test]
async fn only_the_author_and_the_privacy_officer_of_the_organisation_see_a_consent() {
    let kept = Kept::new().await;
    let stored = kept.run(store_job(admitted(&body()))).await.expect("kept");
    let (own, other, u1, u2) = (ods("VIEW1"), ods("VIEW2"), user("u1"), user("u2"));
    for (reader, sees) in [
        (Reader::Author(&u1, &own), true),
        (Reader::Author(&u1, &other), false),
        (Reader::Author(&u2, &own), false),
        (Reader::PrivacyOfficer(&own), true),
        (Reader::PrivacyOfficer(&other), false),
    ] {
        assert_eq!(read(&kept.pool, reader, &stored.id).await.expect("read").is_some(), sees, "{reader:?}");
        let found =
            search(&kept.pool, reader, ConsentSearch::default(), &Slice::default()).await.expect("searched").found;
        assert_eq!(!found.is_empty(), sees, "{reader:?}");
    }
    let of = |patient, status| ConsentSearch { patient, status };
    for (wanted, count) in [
        (of(Some(patient()), None), 1),
        (of(Some(other_patient()), None), 0),
        (of(None, Some(ConsentStatus::Active)), 1),
        (of(Some(patient()), Some(ConsentStatus::Inactive)), 0),
    ] {
        let page = search(&kept.pool, Reader::Author(&u1, &own), wanted, &Slice::default()).await.expect("searched");
        assert_eq!((page.found.len(), page.total, page.next), (count, Some(count as u64), None));
    }
}

#[tokio::test]
async fn a_withdrawal_changes_the_status_and_nothing_else() {
    let kept = Kept::new().await;
    let stored = kept.run(store_job(admitted(&for_a_child("MTH")))).await.expect("kept");
    let mut put = stored.resource(&sealer());
    put["status"] = json!("inactive");
    let refuse = |put: &Value| parse_withdrawal(put, &stored, &caller("u1"), &sealer()).err().expect("refused");
    assert_eq!(refuse(&changed(put.clone(), "/status", Some(json!("active"))))[0].expression, "Consent.status");
    assert_eq!(refuse(&changed(put.clone(), "/id", Some(json!("x"))))[0].expression, "Consent.id");
    assert_eq!(
        refuse(&changed(put.clone(), "/dateTime", Some(json!("2026-11-24T10:00:01Z"))))[0].expression,
        "Consent.dateTime"
    );
    assert_eq!(
        refuse(&changed(put.clone(), "/provision/type", Some(json!("deny"))))[0].expression,
        "Consent.provision"
    );
    assert_eq!(
        refuse(&changed(put.clone(), "/patient", Some(by_identifier(NHS_NUMBER, other_patient().reveal()))))[0].status,
        422
    );
    assert!(parse_withdrawal(&put, &stored, &caller("u2"), &sealer()).is_err(), "not the author");

    let withdrawal =
        || parse_withdrawal(&put, &stored, &caller("u1"), &sealer()).unwrap_or_else(|found| panic!("{found:?}"));
    let later = NOW + Duration::minutes(5);
    assert!(matches!(kept.run(withdraw_job(withdrawal(), Some(2), later)).await, Err(StoreError::Conflict)));
    let before = kept.revision().await;
    let withdrawn = kept.run(withdraw_job(withdrawal(), Some(1), later)).await.expect("kept");
    assert_eq!(kept.revision().await, before + 1);
    assert_eq!((withdrawn.version, withdrawn.status), (2, ConsentStatus::Inactive));
    assert_eq!(withdrawn.resource(&sealer())["provision"]["period"]["end"], "2026-11-24T10:05:00Z");
    assert!(matches!(kept.run(withdraw_job(withdrawal(), None, later)).await, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn an_override_is_kept_with_its_alert_and_its_review_or_not_at_all() {
    let kept = Kept::new().await;
    let admitted =
        || draft(&override_body("Emergency")).admit(&[], true, &[]).unwrap_or_else(|found| panic!("{found:?}"));
    let stored = kept.run(store_job(admitted())).await.expect("kept");
    let resource = stored.resource(&sealer());
    assert_eq!(resource["meta"]["profile"][0], OVERRIDE_PROFILE);
    assert_eq!(resource["meta"]["tag"][0]["code"], "override-after-refusal");
    assert_eq!(resource["performer"][0]["identifier"]["value"], "u1");
    assert_eq!(resource["extension"][0]["valueCodeableConcept"]["text"], "found unconscious");
    let letters = alerts::listed(&kept.pool, &alerts::Wanted::default()).await.expect("read");
    assert_eq!((letters.len(), letters[0].organisation.as_str(), letters[0].after_refusal), (1, "VIEW1", true));
    assert_ne!(letters[0].id, stored.id.as_str());
    let reviews = review::search(&kept.pool, &ods("VIEW1"), None, &Slice::default()).await.expect("read").found;
    assert_eq!((reviews.len(), reviews[0].consent.as_str()), (1, stored.id.as_str()));
    assert!(!format!("{:?}", stored.decision).contains("unconscious"));

    kept.by_hand("DROP TABLE review").await.expect("broken on purpose");
    assert!(kept.run(store_job(admitted())).await.is_err());
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM consent").fetch_one(&kept.pool).await.expect("counted");
    assert_eq!(count, 1);
}
