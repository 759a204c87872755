//! Being refused: each reason that a caller can bring about.

use super::request::{Request, get, post, request};
use super::{by_number, search_of};

pub(super) fn each_reason() -> Vec<Request> {
    let condition = "/FHIR/R4/Condition/_search";
    let about_rich = [("patient.identifier", by_number("rich"))];
    let about_rich: Vec<(&str, &str)> = about_rich.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut requests = vec![
        post("Without a token", condition)
            .form(&about_rich)
            .refused(401, &["TOKEN"])
            .check("says how", "pm.expect(pm.response.headers.get('WWW-Authenticate')).to.match(/^Bearer/)"),
        post("With a token that is none", condition)
            .header("Authorization", "Bearer no.token.this")
            .form(&about_rich)
            .refused(401, &["TOKEN"]),
        search_of("A receptionist", "Condition", "receptionist", "rich").refused(403, &["ACCESS_DENIED", "ROLE"]),
        search_of("A clinician without training", "Condition", "untrained-clinician", "rich")
            .refused(403, &["ACCESS_DENIED", "ENROLMENT"]),
        search_of("An organisation without an agreement", "Condition", "unagreed-clinician", "rich")
            .refused(403, &["NO_ORGANISATION_CONSENT"]),
        search_of("A view outside the agreement", "Encounter", "other-clinician", "rich")
            .refused(403, &["NO_ORGANISATION_CONSENT"]),
        search_of("A token without the scope", "Condition", "privacy-officer", "rich")
            .refused(403, &["ACCESS_DENIED", "SCOPE"]),
        search_of("A system", "Condition", "viewer-system", "rich").refused(403, &["ACCESS_DENIED", "SCOPE"]),
    ];
    let opted_out: &[(u16, &[&str])] = &[(403, &["NO_PATIENT_CONSENT", "OPTED_OUT"])];
    let not_sharing: &[(u16, &[&str])] = &[(403, &["NO_ORGANISATION_CONSENT"])];
    let unknown: &[(u16, &[&str])] = &[(404, &["PATIENT_NOT_FOUND"])];
    // A circuit that has opened answers before the practice's system is asked again.
    let faulting: &[(u16, &[&str])] = &[(502, &["MIG_ERROR"]), (503, &["MIG_UNAVAILABLE"])];
    let slow: &[(u16, &[&str])] = &[(504, &["MIG_TIMEOUT"]), (503, &["MIG_UNAVAILABLE"])];
    for (scenario, text, refusals) in [
        ("opted_out", "One who opted out", opted_out),
        ("not_sharing", "One whose practice does not share", not_sharing),
        ("untraced", "One whose number is not traced", unknown),
        ("faulting", "One whose practice's system fails", faulting),
        ("slow", "One whose practice's system is slow", slow),
    ] {
        requests.push(
            post(&format!("{text}: consent"), "/FHIR/R4/Consent")
                .by("clinician")
                .fhir(&super::consent("clinician", scenario, true))
                .resource(201, "Consent"),
        );
        requests.push(
            search_of(&format!("{text}: refused all the same"), "Condition", "clinician", scenario)
                .refused_one_of(refusals),
        );
    }
    requests.extend([
        search_of("One who is unknown is no patient at all", "Patient", "clinician", "untraced")
            .searchset("Patient")
            .check("total 0", "pm.expect(body.total).to.eql(0)"),
        get("An id that nobody gave out", "/FHIR/R4/Condition/nothing-of-the-kind")
            .by("clinician")
            .refused(404, &["NOT_FOUND"]),
        get("A search that names no patient", "/FHIR/R4/Condition")
            .by("clinician")
            .refused(400, &["QUERY"])
            .about("patient"),
        get("A parameter that is unknown", "/FHIR/R4/Condition")
            .query("patient", "Patient/{{id_Patient}}")
            .query("colour", "blue")
            .by("clinician")
            .refused(400, &["QUERY"])
            .about("colour"),
        get("The same, forgiven", "/FHIR/R4/Condition")
            .query("patient", "Patient/{{id_Patient}}")
            .query("colour", "blue")
            .header("Prefer", "handling=lenient")
            .by("clinician")
            .searchset("Condition"),
        get("A format that is not served", "/FHIR/R4/Patient/{{id_Patient}}")
            .header("Accept", "text/csv")
            .by("clinician")
            .refused(406, &["ACCEPT"]),
        post("A format that is not read", "/FHIR/R4/Consent")
            .raw("text/csv", "a,b")
            .by("clinician")
            .refused(415, &["MEDIA_TYPE"]),
        post("A body that is another resource", "/FHIR/R4/Consent")
            .fhir(&serde_json::json!({ "resourceType": "Patient" }))
            .by("clinician")
            .refused(400, &["RESOURCE_INVALID"])
            .about("Consent.resourceType"),
        request("DELETE", "A method that is not there", "/FHIR/R4/Condition")
            .by("clinician")
            .refused(405, &["METHOD"])
            .check("says which are", "pm.expect(pm.response.headers.get('Allow')).to.include('GET')"),
        get("A route that is not there", "/FHIR/R4/Nothing").by("clinician").refused(404, &["NOT_FOUND"]),
    ]);
    requests
}
