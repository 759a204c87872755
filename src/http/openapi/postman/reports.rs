//! What the audit trail tells, event by event and as reports.

use super::request::{FHIR_JSON, Request, get, post};
use serde_json::{Value, json};

const OFFICER: &str = "privacy-officer";

pub(super) fn audited() -> Vec<Request> {
    vec![
        get("Who looked", "/FHIR/R4/AuditEvent")
            .query("_count", "5")
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("five of them", "pm.expect(matches.length).to.eql(5)")
            .keep("event_id", "matches[0].resource.id")
            .keep("event_next", "body.link.find(l => l.relation === 'next').url"),
        get("Earlier ones", "{{event_next}}")
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("others", "pm.expect(matches.map(e => e.resource.id)).not.to.include(pm.variables.get('event_id'))"),
        get("Read one event", "/FHIR/R4/AuditEvent/{{event_id}}")
            .by(OFFICER)
            .resource(200, "AuditEvent")
            .check("says who", "pm.expect(body.agent.some(a => a.requestor)).to.eql(true)"),
        get("What was refused", "/FHIR/R4/AuditEvent")
            .query("outcome", "4")
            .query("date", "ge{{today}}")
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("refusals alone", "matches.forEach(e => pm.expect(e.resource.outcome).to.eql('4'))"),
        get("Who looked at one patient", "/FHIR/R4/AuditEvent")
            .query("patient", "Patient/{{id_Patient}}")
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("somebody did", "pm.expect(matches.length).to.be.above(0)"),
        post("The same, its number in the body", "/FHIR/R4/AuditEvent/_search")
            .form(&[("patient.identifier", &super::by_number("rich")), ("outcome", "0")])
            .by(OFFICER)
            .searchset("AuditEvent")
            .check("somebody did", "pm.expect(matches.length).to.be.above(0)"),
        get("What the practice sees", "/FHIR/R4/AuditEvent").by("practice-auditor").searchset("AuditEvent"),
        get("A clinician sees no trail", "/FHIR/R4/AuditEvent")
            .by("clinician")
            .refused(403, &["ACCESS_DENIED", "SCOPE"]),
    ]
}

pub(super) fn made() -> Vec<Request> {
    let head = |request: Request| {
        request.check(
            "says from which row it is made",
            "pm.expect(pm.response.headers.get('X-Audit-Chain-Head')).to.be.a('string')",
        )
    };
    let report = |name: &str, resource: &str, body: &Value| {
        head(
            post(&format!("Report: {name}"), &format!("/admin/reports/{name}"))
                .header("Accept", FHIR_JSON)
                .by(OFFICER)
                .json(body)
                .resource(200, resource),
        )
    };
    let since = json!({ "from": "{{today}}" });
    vec![
        get("Reports that there are", "/admin/reports").by(OFFICER).shape(200, &["reports"]).check(
            "each of them is below",
            "pm.expect(body.reports.map(r => r.name).sort()).to.eql(['annual-return', 'override-review', 'practice-access', 'unusual-viewing', 'user-activity', 'who-viewed'])",
        ),
        head(
            get("Report by address: practice-access, as a table", "/admin/reports/practice-access")
                .header("Accept", "text/csv")
                .by("practice-auditor")
                .answers(200, "text/csv"),
        ),
        report("practice-access", "Bundle", &since),
        report("who-viewed", "Bundle", &json!({ "nhs_number": "{{nhs_rich}}" })),
        report("override-review", "MeasureReport", &since),
        report("annual-return", "MeasureReport", &since),
        report("user-activity", "Bundle", &json!({ "user": "{{user_nurse}}" })),
        report("unusual-viewing", "MeasureReport", &since),
        get("A report that names a patient needs the body", "/admin/reports/who-viewed")
            .header("Accept", FHIR_JSON)
            .by(OFFICER)
            .refused(422, &["RESOURCE_INVALID"]),
        get("A clinician makes no report", "/admin/reports/practice-access")
            .header("Accept", FHIR_JSON)
            .by("clinician")
            .refused(403, &["ACCESS_DENIED", "SCOPE"]),
    ]
}
