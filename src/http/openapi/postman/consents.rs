//! Asking the patient, and taking it back.

use super::request::{FHIR_JSON, Request, get, post, put};
use super::{by_number, search_of};

/// Before a Consent, or after one that ended.
pub(super) const NO_CONSENT: &[(u16, &[&str])] =
    &[(403, &["NO_PATIENT_CONSENT", "CONSENT_REQUIRED"]), (403, &["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"])];

/// The story begins with a closed record, whatever was tried before it.
const WITHDRAW_ALL: &str = "\
const withdrawing = { 'Authorization': 'Bearer ' + pm.variables.get('token_clinician'), 'Content-Type': 'application/fhir+json' };
const consents = pm.variables.get('root') + '/FHIR/R4/Consent';
pm.sendRequest({ url: consents + '?status=active', header: withdrawing }, (error, answer) => {
  const found = error || answer.code !== 200 ? [] : (answer.json().entry || []).map(entry => entry.resource);
  for (const consent of found) {
    if (consent.resourceType !== 'Consent' || consent.patient.identifier.value !== pm.variables.get('nhs_rich')) continue;
    const raw = JSON.stringify({ ...consent, status: 'inactive' });
    const header = { ...withdrawing, 'If-Match': 'W/\"' + consent.meta.versionId + '\"' };
    pm.sendRequest({ url: consents + '/' + consent.id, method: 'PUT', header, body: { mode: 'raw', raw } });
  }
});";

pub(super) fn recorded() -> Vec<Request> {
    let mut stranger = super::consent("clinician", "rich", true);
    stranger["provision"]["actor"][0]["reference"]["identifier"]["value"] = "{{user_nurse}}".into();
    vec![
        search_of("Before the question the record is closed", "Condition", "clinician", "rich")
            .before(WITHDRAW_ALL)
            .refused_one_of(NO_CONSENT),
        post("A Consent in another user's name", "/FHIR/R4/Consent")
            .by("clinician")
            .fhir(&stranger)
            .refused(422, &["RESOURCE_INVALID"])
            .check("an element is named", "pm.expect(body.issue[0].expression[0]).to.match(/^Consent\\.provision/)"),
        post("The patient says yes", "/FHIR/R4/Consent")
            .told("One occasion: this patient, this user, this organisation; 60 minutes.")
            .by("clinician")
            .fhir(&super::consent("clinician", "rich", true))
            .resource(201, "Consent")
            .check(
                "says where it is",
                "pm.expect(pm.response.headers.get('Location')).to.match(new RegExp('/Consent/' + body.id + '$'))",
            )
            .check("says until when", "pm.expect(Date.parse(body.provision.period.end)).to.be.above(Date.now())")
            .keep("consent_id", "body.id"),
        get("Read the Consent", "/FHIR/R4/Consent/{{consent_id}}")
            .by("clinician")
            .resource(200, "Consent")
            .check("active", "pm.expect(body.status).to.eql('active')")
            .keep_etag("consent_etag")
            .keep("consent_withdrawn", "JSON.stringify({ ...body, status: 'inactive' })"),
        get("The own Consents in force", "/FHIR/R4/Consent")
            .query("status", "active")
            .by("clinician")
            .searchset("Consent")
            .check(
                "it is among them",
                "pm.expect(matches.map(e => e.resource.id)).to.include(pm.variables.get('consent_id'))",
            ),
        post("The own Consents of one patient", "/FHIR/R4/Consent/_search")
            .form(&[("patient.identifier", &by_number("rich"))])
            .by("clinician")
            .searchset("Consent")
            .check(
                "it is among them",
                "pm.expect(matches.map(e => e.resource.id)).to.include(pm.variables.get('consent_id'))",
            ),
        search_of("The record is open", "Condition", "clinician", "rich")
            .searchset("Condition")
            .check("problems are shown", "pm.expect(matches.length).to.be.above(0)"),
    ]
}

pub(super) fn withdrawn() -> Vec<Request> {
    let withdraw = |name: &str, etag: &str| {
        put(name, "/FHIR/R4/Consent/{{consent_id}}")
            .by("clinician")
            .header("If-Match", etag)
            .raw(FHIR_JSON, "{{consent_withdrawn}}")
    };
    vec![
        withdraw("A version that is not the current one", "W/\"99\"").refused(412, &["CONFLICT"]).check(
            "the current one comes along",
            "pm.expect(pm.response.headers.get('ETag')).to.eql(pm.variables.get('consent_etag'))",
        ),
        withdraw("The patient withdraws", "{{consent_etag}}")
            .resource(200, "Consent")
            .check("inactive", "pm.expect(body.status).to.eql('inactive')"),
        search_of("The record is closed at once", "Condition", "clinician", "rich")
            .refused(403, &["NO_PATIENT_CONSENT", "CONSENT_EXPIRED"]),
        post("Another patient says no", "/FHIR/R4/Consent")
            .by("clinician")
            .fhir(&super::consent("clinician", "vision", false))
            .resource(201, "Consent")
            .check("a deny", "pm.expect(body.provision.type).to.eql('deny')"),
        search_of("A no closes this clinician's door", "Condition", "clinician", "vision")
            .refused(403, &["NO_PATIENT_CONSENT", "CONSENT_REFUSED"]),
    ]
}
