use super::*;
use crate::register::slice::Slice;
use crate::register::testing::{Kept, NOW, ods, other_patient, patient, sealer};
use crate::register::{NHS_NUMBER, ODS_CODE};

fn body() -> Value {
    json!({
        "resourceType": "EpisodeOfCare",
        "identifier": [{ "system": "urn:x-pas", "value": "E-1" }],
        "status": "active",
        "patient": by_identifier(NHS_NUMBER, patient().reveal()),
        "managingOrganization": by_identifier(ODS_CODE, "VIEW1"),
        "period": { "start": "2026-11-01" },
    })
}

fn draft(body: &Value) -> EpisodeDraft {
    parse(body, &ods("VIEW1"), None, &sealer()).unwrap_or_else(|found| panic!("{found:?}"))
}

#[test]
fn each_defect_of_an_episode_is_told_by_its_place() {
    for (name, value, status, code, expression) in [
        ("resourceType", json!("Encounter"), 400, "structure", "EpisodeOfCare.resourceType"),
        ("colour", json!("red"), 400, "structure", "EpisodeOfCare"),
        ("diagnosis", json!([{}]), 422, "business-rule", "EpisodeOfCare.diagnosis"),
        ("status", json!("open"), 400, "invalid", "EpisodeOfCare.status"),
        ("status", json!(1), 400, "structure", "EpisodeOfCare.status"),
        ("patient", by_identifier(NHS_NUMBER, "1"), 422, "invalid", "EpisodeOfCare.patient.identifier"),
        (
            "managingOrganization",
            by_identifier(ODS_CODE, "X"),
            422,
            "business-rule",
            "EpisodeOfCare.managingOrganization.identifier",
        ),
        ("period", json!({ "start": "soon" }), 400, "invalid", "EpisodeOfCare.period.start"),
        (
            "period",
            json!({ "start": "2026-11-02", "end": "2026-11-01" }),
            422,
            "business-rule",
            "EpisodeOfCare.period.end",
        ),
        ("identifier", json!([{ "value": "x" }]), 422, "required", "EpisodeOfCare.identifier[0].system"),
    ] {
        let mut body = body();
        body[name] = value;
        let found = parse(&body, &ods("VIEW1"), None, &sealer()).err().expect("refused");
        assert_eq!((found[0].status, found[0].code, found[0].expression.as_str()), (status, code, expression));
    }
    for name in ["status", "patient", "managingOrganization"] {
        let mut body = body();
        body.as_object_mut().expect("an object").remove(name);
        let found = parse(&body, &ods("VIEW1"), None, &sealer()).err().expect("refused");
        assert_eq!(
            (found[0].code, found[0].expression.as_str()),
            ("required", format!("EpisodeOfCare.{name}").as_str())
        );
    }
}

#[tokio::test]
async fn an_episode_is_kept_read_and_found_by_its_own_organisation_alone() {
    let kept = Kept::new().await;
    let stored = kept.run(create_job(draft(&body()), NOW)).await.expect("kept");
    assert_eq!(kept.revision().await, 2);
    let back = read(&kept.pool, &ods("VIEW1"), &stored.id).await.expect("read").expect("there");
    let resource = back.resource(&sealer());
    for name in ["identifier", "status", "managingOrganization", "period"] {
        assert_eq!(resource[name], body()[name], "{name}");
    }
    assert_eq!(resource["patient"]["reference"], format!("Patient/{}", sealer().seal_patient(patient())));
    assert!(read(&kept.pool, &ods("VIEW2"), &stored.id).await.expect("read").is_none());
    let count = async |own: &str, patient, status| {
        let wanted = EpisodeSearch { patient, status, ..EpisodeSearch::default() };
        search(&kept.pool, &ods(own), &wanted, &Slice::default()).await.expect("searched").found.len()
    };
    assert_eq!(count("VIEW1", Some(patient()), Some(EpisodeStatus::Active)).await, 1);
    assert_eq!(count("VIEW1", Some(other_patient()), None).await, 0);
    assert_eq!(count("VIEW1", None, Some(EpisodeStatus::Finished)).await, 0);
    assert_eq!(count("VIEW2", None, None).await, 0);
}

#[tokio::test]
async fn an_update_keeps_the_patient_and_meets_the_version_it_names() {
    let kept = Kept::new().await;
    let stored = kept.run(create_job(draft(&body()), NOW)).await.expect("kept");
    let mut put = stored.resource(&sealer());
    put["status"] = json!("finished");
    let update = |put: &Value| parse(put, &ods("VIEW1"), Some(&stored), &sealer());
    let mut other = put.clone();
    other["patient"] = by_identifier(NHS_NUMBER, other_patient().reveal());
    assert_eq!(update(&other).err().expect("refused")[0].expression, "EpisodeOfCare.patient");
    let good = || update(&put).unwrap_or_else(|found| panic!("{found:?}"));
    let late = update_job(stored.clone(), good(), Some(7), NOW);
    assert!(matches!(kept.run(late).await, Err(StoreError::Conflict)));
    let done = kept.run(update_job(stored.clone(), good(), Some(1), NOW)).await.expect("kept");
    assert_eq!((done.version, done.etag().as_str(), done.status), (2, "W/\"2\"", EpisodeStatus::Finished));
    let again = update_job(stored.clone(), good(), None, NOW);
    assert!(matches!(kept.run(again).await, Err(StoreError::Conflict)), "another change came before it");
}
