//! Governing: agreements, enrolments and suspensions, and why somebody was refused.

use super::request::{JSON, Request, get, post, put, request};
use super::search_of;
use serde_json::{Value, json};

const BOSS: &str = "administrator";
const TOML: &str = "application/toml";

/// An agreement of a viewing organisation that nobody of the cast belongs to, from its draft to its end.
pub(super) fn agreements() -> Vec<Request> {
    let agreement = json!({
        "id": "postman-{{run}}",
        "viewer": "RX009",
        "views": ["PatientDetails", "Medication"],
        "from": "{{today}}",
        "status": "active",
        "consent_minutes": 60,
        "sharer": [{ "practice": "{{practice}}", "joined": "{{today}}" }],
        "signatory": [{ "organisation": "RX009", "name": "Jo Signatory", "role": "Caldicott Guardian", "date": "{{today}}" }],
    });
    let approvals = json!([{ "name": "One", "date": "{{today}}" }, { "name": "Two", "date": "{{today}}" }]);
    let joining = json!({ "practice": "A90001", "name": "P. Partner", "role": "Partner", "date": "{{today}}", "approvals": approvals });
    let one = "/admin/agreements/postman-{{run}}";
    let act = |name: &str, act: &str, body: Value| post(name, &format!("{one}/{act}")).by(BOSS).json(&body);
    let changed = |request: Request| request.shape(200, &["id", "status", "version"]).keep_etag("agreement_etag");
    let replace =
        |name: &str, etag: &str| put(name, one).by(BOSS).header("If-Match", etag).raw(JSON, "{{agreement_longer}}");
    vec![
        get("Every agreement", "/admin/agreements").by(BOSS).shape(200, &["agreements"]),
        get("Who could see what on a day", "/admin/agreements")
            .query("on", "{{today}}")
            .query("practice", "{{practice}}")
            .by(BOSS)
            .shape(200, &["on", "agreements", "suspensions"]),
        post("A new agreement", "/admin/agreements")
            .told("With an Idempotency-Key: sent again, it is not done again.")
            .by(BOSS)
            .header("Idempotency-Key", "agreement-{{run}}")
            .json(&agreement)
            .shape(201, &["id", "version"]),
        get("Read it", one)
            .by(BOSS)
            .shape(200, &["viewer", "views", "sharer"])
            .keep_etag("agreement_etag")
            .keep("agreement_longer", "JSON.stringify({ ...body, consent_minutes: 90 })"),
        replace("Change a version that is not the current one", "W/\"99\"").refused(412, &["CONFLICT"]),
        changed(replace("Change it", "{{agreement_etag}}"))
            .check("longer", "pm.expect(body.consent_minutes).to.eql(90)"),
        changed(act("A practice joins", "joining", joining).header("If-Match", "{{agreement_etag}}")).check(
            "after the objection period",
            "pm.expect(body.sharer.find(s => s.practice === 'A90001').joined > pm.variables.get('today')).to.eql(true)",
        ),
        act(
            "A sharer objects",
            "objections",
            json!({ "practice": "A90001", "organisation": "{{practice}}", "reason": "Not yet assured" }),
        )
        .shape(201, &["id", "practice", "raised"])
        .keep("objection_id", "body.id"),
        get("Objections", &format!("{one}/objections")).by(BOSS).shape(200, &["objections"]).check(
            "it stands",
            "pm.expect(body.objections.map(o => o.id)).to.include(pm.variables.get('objection_id'))",
        ),
        act("The objection is withdrawn", "objections/{{objection_id}}", json!({ "outcome": "withdrawn" }))
            .shape(200, &["outcome", "settled"]),
        changed(act("Stop it for now", "suspension", json!({ "reason": "An incident (12.2)" })))
            .check("suspended", "pm.expect(body.status).to.eql('suspended')"),
        changed(
            act("Go on", "resumption", json!({ "reason": "The incident is over" }))
                .header("If-Match", "{{agreement_etag}}"),
        )
        .check("active", "pm.expect(body.status).to.eql('active')"),
        changed(act(
            "The viewer leaves",
            "withdrawal",
            json!({ "organisation": "RX009", "reason": "The end of the story (12.1)" }),
        ))
        .check("terminated", "pm.expect(body.status).to.eql('terminated')"),
        get("Its history", &format!("{one}/history")).by(BOSS).shape(200, &["versions"]).check(
            "every version, by whom",
            "body.versions.forEach(v => pm.expect(v.by).to.be.a('string').and.not.empty)",
        ),
        get("All registers as TOML", "/admin/agreements")
            .header("Accept", TOML)
            .by(BOSS)
            .answers(200, TOML)
            .check("agreements are in it", "pm.expect(pm.response.text()).to.include('[[agreement]]')")
            .keep("registers", "pm.response.text()"),
        post("And in again: nothing changes", "/admin/agreements")
            .by(BOSS)
            .raw(TOML, "{{registers}}")
            .shape(200, &["agreements", "enrolments"])
            .check("nothing was new", "pm.expect([body.agreements, body.enrolments]).to.eql([0, 0])"),
        get("A clinician keeps no register", "/admin/agreements")
            .by("clinician")
            .refused(403, &["ACCESS_DENIED", "ROLE"]),
    ]
}

pub(super) fn people() -> Vec<Request> {
    let enrolment = json!({ "user": "postman-{{run}}", "organisation": "{{organisation}}", "role": "R8000", "terms_accepted": "2026-01-01" });
    let mut trained = enrolment.clone();
    trained["trained"] = "2026-01-02".into();
    let one = "/admin/enrolments/{{enrolment_id}}";
    let stop = json!({ "target": "user", "subject": "{{user_nurse}}", "reason": "An incident (12.4)" });
    let stopped = "/admin/suspensions/{{suspension_id}}";
    vec![
        get("Who is enrolled", "/admin/enrolments").by(BOSS).shape(200, &["enrolments"]),
        post("Enrol somebody", "/admin/enrolments")
            .by(BOSS)
            .json(&enrolment)
            .shape(201, &["id", "user", "role"])
            .keep("enrolment_id", "body.id"),
        get("Read the enrolment", one).by(BOSS).shape(200, &["id", "version"]).keep_etag("enrolment_etag"),
        put("The training is done", one)
            .by(BOSS)
            .header("If-Match", "{{enrolment_etag}}")
            .json(&trained)
            .shape(200, &["trained"])
            .keep_etag("enrolment_etag"),
        request("DELETE", "End the enrolment", one).by(BOSS).shape(200, &["until"]),
        post("Stop a user", "/admin/suspensions")
            .told("In force on the next request.")
            .by(BOSS)
            .json(&stop)
            .shape(201, &["id", "target", "since"])
            .keep("suspension_id", "body.id"),
        search_of("The user is refused", "Condition", "nurse", "rich").refused(403, &["ACCESS_DENIED", "SUSPENDED"]),
        get("What is stopped", "/admin/suspensions")
            .by(BOSS)
            .shape(200, &["suspensions"])
            .check("the user is", "pm.expect(body.suspensions.map(s => s.id)).to.include(pm.variables.get('suspension_id'))"),
        get("Read the suspension", stopped).by(BOSS).shape(200, &["id", "reason", "by"]),
        request("DELETE", "Let the user go on", stopped).by(BOSS).shape(200, &["lifted", "lifted_by"]),
        search_of("No longer for being stopped", "Condition", "nurse", "rich").refused_one_of(super::consents::NO_CONSENT),
        post("Why somebody is refused", "/admin/explain")
            .told("Each local rule with its verdict, for privacy officers. Nothing is asked of the MIG.")
            .by("privacy-officer")
            .json(&json!({ "user": "{{user_nurse}}", "role": "R8001", "nhs_number": "{{nhs_rich}}", "type": "Condition" }))
            .shape(200, &["verdict", "rules", "not_asked"])
            .check("for want of consent", "pm.expect(body.verdict).to.be.oneOf(['CONSENT_REQUIRED', 'CONSENT_EXPIRED'])")
            .check("the last rule refuses", "pm.expect(body.rules[body.rules.length - 1].verdict).to.eql('refuses')"),
    ]
}
