//! Overriding where nobody can be asked, and the review that follows.

use super::consents::NO_CONSENT;
use super::request::{FHIR_JSON, JSON, Request, get, post, put};
use super::search_of;
use serde_json::json;

pub(super) fn overridden() -> Vec<Request> {
    let mut without = super::overriding("nurse", "emis");
    without.as_object_mut().expect("an object").remove("extension");
    vec![
        search_of("Without consent the record is closed", "AllergyIntolerance", "nurse", "emis")
            .refused_one_of(NO_CONSENT),
        post("An override without a reason", "/FHIR/R4/Consent")
            .by("nurse")
            .fhir(&without)
            .refused(422, &["RESOURCE_INVALID"]),
        post("An override with a reason", "/FHIR/R4/Consent")
            .told("Stored with its alert and an open review before anything is shown.")
            .by("nurse")
            .fhir(&super::overriding("nurse", "emis"))
            .resource(201, "Consent")
            .check("breaks the glass", "pm.expect(body.provision.purpose[0].code).to.eql('BTG')")
            .keep("override_id", "body.id"),
        search_of("The record is open", "AllergyIntolerance", "nurse", "emis").searchset("AllergyIntolerance"),
        get("Read the override", "/FHIR/R4/Consent/{{override_id}}")
            .by("nurse")
            .resource(200, "Consent")
            .keep_etag("override_etag")
            .keep("override_ended", "JSON.stringify({ ...body, status: 'inactive' })"),
        post("An override of one who opted out", "/FHIR/R4/Consent")
            .by("nurse")
            .fhir(&super::overriding("nurse", "opted_out"))
            .resource(201, "Consent"),
        search_of("It does not lift the opt-out", "AllergyIntolerance", "nurse", "opted_out")
            .refused(403, &["NO_PATIENT_CONSENT", "OPTED_OUT"]),
        put("The override ends", "/FHIR/R4/Consent/{{override_id}}")
            .by("nurse")
            .header("If-Match", "{{override_etag}}")
            .raw(FHIR_JSON, "{{override_ended}}")
            .resource(200, "Consent"),
        search_of("The record is closed again", "AllergyIntolerance", "nurse", "emis")
            .refused(403, &["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"]),
    ]
}

pub(super) fn reviewed() -> Vec<Request> {
    const OFFICER: &str = "privacy-officer";
    let task = "/FHIR/R4/Task/{{task_id}}";
    let changed = |name: &str, by: &str, etag: &str, variable: &str| {
        put(name, task).by(by).header("If-Match", etag).raw(FHIR_JSON, &format!("{{{{{variable}}}}}"))
    };
    let completed =
        json!({ "coding": [{ "system": "urn:x-mig-fhir:CodeSystem:review-outcome", "code": "justified" }] });
    let closed = format!("JSON.stringify({{ ...body, status: 'completed', businessStatus: {completed} }})");
    vec![
        get("The alert", "/FHIR/R4/AuditEvent")
            .query("type", "110113")
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("there is one", "pm.expect(matches.length).to.be.above(0)"),
        get("Reviews that wait", "/FHIR/R4/Task")
            .query("status", "requested")
            .by(OFFICER)
            .searchset("Task")
            .then("const mine = matches.map(e => e.resource).find(t => t.focus.reference === 'Consent/' + pm.variables.get('override_id'));")
            .check("the override waits for its review", "pm.expect(mine).to.be.an('object')")
            .keep("task_id", "mine.id"),
        post("Reviews, the parameters in the body", "/FHIR/R4/Task/_search")
            .form(&[("status", "requested")])
            .by(OFFICER)
            .searchset("Task"),
        get("Read the review", task)
            .by(OFFICER)
            .resource(200, "Task")
            .keep_etag("task_etag")
            .keep("task_begun", "JSON.stringify({ ...body, status: 'in-progress' })"),
        get("The Consent that it is about", "/FHIR/R4/Consent/{{override_id}}").by(OFFICER).resource(200, "Consent"),
        changed("Whoever overrode cannot review", "nurse", "{{task_etag}}", "task_begun")
            .refused(403, &["ACCESS_DENIED", "SCOPE"]),
        changed("The review begins", OFFICER, "{{task_etag}}", "task_begun")
            .resource(200, "Task")
            .check("in progress", "pm.expect(body.status).to.eql('in-progress')")
            .keep_etag("task_etag_begun")
            .keep("task_closed", &closed),
        changed("A version that is not the current one", OFFICER, "{{task_etag}}", "task_closed")
            .refused(412, &["CONFLICT"]),
        changed("The review is closed", OFFICER, "{{task_etag_begun}}", "task_closed")
            .resource(200, "Task")
            .check("completed", "pm.expect(body.status).to.eql('completed')"),
        get("What became of the alert", "/admin/alerts")
            .told("It leaves by itself, as a signed webhook, until its receiver accepts it.")
            .query("kind", "override")
            .by(OFFICER)
            .shape(200, &["alerts"])
            .then("const mine = body.alerts.find(a => a.review === 'Task/' + pm.variables.get('task_id'));")
            .check("that of the override is there", "pm.expect(mine).to.be.an('object')")
            .keep("alert_id", "mine.id"),
        get("Read it", "/admin/alerts/{{alert_id}}")
            .by(OFFICER)
            .shape(200, &["state", "attempts"])
            .check("no patient in it", "pm.expect(pm.response.text()).not.to.match(/999\\d{7}|Patient/)"),
        post("Trying again what is no alert", "/admin/alerts/{{task_id}}/retry")
            .told("With the id of a dead letter it is sent again; one that was accepted is not sent twice (422).")
            .by(OFFICER)
            .refused(404, &["NOT_FOUND"]),
        get("What the demo's own receiver heard", "/demo/alerts")
            .answers(200, JSON)
            .check("each letter with its signature verified", "body.forEach(a => pm.expect(a.verified).to.eql(true))"),
    ]
}
