//! Registering patients for care, as the viewing organisation's own system does.

use super::request::{FHIR_JSON, Request, get, post, put};
use super::{by_number, search_of};
use serde_json::{Value, json};

pub(super) fn registered() -> Vec<Request> {
    const SYSTEM: &str = "viewer-system";
    let episode = |key: &str, status: &str| -> Value {
        json!({
            "resourceType": "EpisodeOfCare",
            "status": status,
            "identifier": [{ "system": "urn:x-postman", "value": key }],
            "patient": { "identifier": { "system": super::NHS_NUMBER, "value": "{{nhs_elsewhere}}" } },
            "managingOrganization": { "identifier": { "system": super::ODS, "value": "{{organisation}}" } },
        })
    };
    let entry = |resource: Value, key: &str| {
        json!({ "resource": resource, "request": { "method": "POST", "url": "EpisodeOfCare",
            "ifNoneExist": format!("identifier=urn:x-postman|{key}") } })
    };
    let mut wrong = episode("{{run}}-wrong", "planned");
    wrong["status"] = "sleeping".into();
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
        entry(episode("{{run}}-batch", "planned"), "{{run}}-batch"), entry(wrong, "{{run}}-wrong")] });
    let one = "/FHIR/R4/EpisodeOfCare/{{episode_id}}";
    let create = |name: &str| {
        post(name, "/FHIR/R4/EpisodeOfCare")
            .by(SYSTEM)
            .header("If-None-Exist", "identifier=urn:x-postman|{{run}}")
            .fhir(&episode("{{run}}", "active"))
    };
    let end = |name: &str, etag: &str| {
        put(name, one).by(SYSTEM).header("If-Match", etag).raw(FHIR_JSON, "{{episode_finished}}")
    };
    let it = "pm.expect(matches.map(e => e.resource.id)).to.include(pm.variables.get('episode_id'))";
    let stranger = |name: &str| search_of(name, "Condition", "clinician", "elsewhere");
    vec![
        stranger("A patient who is not registered for care").refused(403, &["ACCESS_DENIED", "RELATIONSHIP"]),
        post("A clinician registers nobody", "/FHIR/R4/EpisodeOfCare")
            .by("clinician")
            .fhir(&episode("{{run}}", "active"))
            .refused(403, &["ACCESS_DENIED", "SCOPE"]),
        create("The system registers the patient").resource(201, "EpisodeOfCare").keep("episode_id", "body.id"),
        create("Once, however often it is sent")
            .resource(200, "EpisodeOfCare")
            .check("the same one", "pm.expect(body.id).to.eql(pm.variables.get('episode_id'))"),
        get("Read the registration", one)
            .by(SYSTEM)
            .resource(200, "EpisodeOfCare")
            .keep_etag("episode_etag")
            .keep("episode_finished", "JSON.stringify({ ...body, status: 'finished' })"),
        get("Find it by the system's own key", "/FHIR/R4/EpisodeOfCare")
            .query("identifier", "urn:x-postman|{{run}}")
            .by(SYSTEM)
            .searchset("EpisodeOfCare")
            .check("found", it),
        post("Find it by the patient", "/FHIR/R4/EpisodeOfCare/_search")
            .form(&[("patient.identifier", &by_number("elsewhere")), ("status", "active")])
            .by(SYSTEM)
            .searchset("EpisodeOfCare")
            .check("found", it),
        stranger("Registered, and not yet asked").refused(403, &["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]),
        end("A version that is not the current one", "W/\"99\"").refused(412, &["CONFLICT"]),
        end("The registration ends", "{{episode_etag}}")
            .resource(200, "EpisodeOfCare")
            .check("finished", "pm.expect(body.status).to.eql('finished')"),
        stranger("Not registered any more").refused(403, &["ACCESS_DENIED", "RELATIONSHIP"]),
        post("Many at once", "/FHIR/R4")
            .told("Each entry is decided by itself and answered in its place.")
            .by(SYSTEM)
            .fhir(&batch)
            .resource(200, "Bundle")
            .check(
                "one made, one refused",
                "pm.expect(body.entry.map(e => e.response.status.slice(0, 3))).to.eql(['201', '400'])",
            ),
    ]
}
