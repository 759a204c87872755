//! The lines of `curl` that the demo prints. They work when pasted, today or tomorrow: tokens and times are made when
//! a line runs.

use super::cast::{CAST, consent_to, override_by};
use super::tokens::DemoPatient;
use crate::ids::NhsNumber;
use serde_json::Value;
use std::fmt::Write;
use time::OffsetDateTime;

/// The types read in the walkthrough.
const TYPES: [&str; 12] = [
    "Patient",
    "Condition",
    "MedicationStatement",
    "MedicationRequest",
    "AllergyIntolerance",
    "Flag",
    "Observation",
    "DiagnosticReport",
    "Procedure",
    "Immunization",
    "Encounter",
    "ServiceRequest",
];
/// Taken for the instant when the line is run.
const NOW: &str = "NOW";

/// The walkthrough for a facade at `http://HOST:PORT`.
#[must_use]
pub fn walkthrough(origin: &str, patients: &[DemoPatient]) -> String {
    let base = format!("{origin}/FHIR/R4");
    let of = |scenario: &str| patients.iter().find(|patient| patient.scenario == scenario);
    let Some(patient) = of("rich").or(patients.first()) else { return String::new() };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut say = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    say("# Walkthrough: paste any of it into another terminal.");
    say("# 1. A token for a clinician (any name of the cast will do)");
    say(&token(origin, "clinician"));
    say("\n# 2. Without consent: 403 NO_PATIENT_CONSENT, CONSENT_REQUIRED");
    say(&search(&base, "Condition", patient.nhs_number));
    say("\n# 3. Record the patient's consent for this occasion: 201");
    say(&post_consent(&base, patient.nhs_number));
    say("\n# 4. Read the record, type by type: 200");
    for name in TYPES {
        say(&search(&base, name, patient.nhs_number));
    }
    // One who has not been asked here: an override beside a live consent would show nothing.
    if let Some(unasked) = of("vision").or(patients.get(1)) {
        say("\n# 5. A patient who cannot be asked: override with a reason, 201; then the record is open, 200");
        say(&post_override(&base, unasked.nhs_number));
        say(&search(&base, "AllergyIntolerance", unasked.nhs_number));
        say("#    Every override alerts the organisation. The alert as the demo's receiver got it names nobody");
        say(&alert(origin));
    }
    if let Some(opted_out) = of("opted-out") {
        say("\n# 6. A patient who opted out: consent does not lift it, 403 NO_PATIENT_CONSENT, OPTED_OUT");
        say(&post_consent(&base, opted_out.nhs_number));
        say(&search(&base, "Condition", opted_out.nhs_number));
    }
    say("\n# 7. A receptionist: 403 ACCESS_DENIED, ROLE");
    say(&token(origin, "receptionist"));
    say(&search(&base, "Condition", patient.nhs_number));
    let names: Vec<&str> = CAST.iter().map(|member| member.name).collect();
    say(&format!("\n# The cast: {}", names.join(" ")));
    say(&format!("# Alerts of overrides, as the demo's receiver has verified them: {origin}/demo/alerts"));
    say(&format!("# The patients, each with a Consent and an override ready to post: {origin}/demo/patients"));
    text
}

fn token(origin: &str, user: &str) -> String {
    format!(
        r#"TOKEN=$(curl -s -d user={user} {origin}/demo/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "${{#TOKEN}} characters""#
    )
}

fn search(base: &str, name: &str, nhs_number: NhsNumber) -> String {
    // On Patient the parameter is the patient's own identifier. The number goes in the body: a URL is kept in too many places.
    let parameter = if name == "Patient" { "identifier" } else { "patient.identifier" };
    let nhs_number = nhs_number.reveal();
    format!(
        "curl -s -w '\\n%{{http_code}}\\n' -H \"Authorization: Bearer $TOKEN\" --data-urlencode '{parameter}=https://fhir.nhs.uk/Id/nhs-number|{nhs_number}' {base}/{name}/_search"
    )
}

/// Asks until the alert is there: it leaves within a second or two.
fn alert(origin: &str) -> String {
    format!(
        "for second in 1 2 3 4 5 6 7 8 9 10; do curl -s {origin}/demo/alerts | grep '\"type\":\"override\"' && break; sleep 1; done"
    )
}

fn post_consent(base: &str, nhs_number: NhsNumber) -> String {
    post(base, consent_to(&CAST[0], nhs_number, OffsetDateTime::UNIX_EPOCH))
}

fn post_override(base: &str, nhs_number: NhsNumber) -> String {
    post(base, override_by(&CAST[0], nhs_number, OffsetDateTime::UNIX_EPOCH))
}

fn post(base: &str, mut body: Value) -> String {
    if let Some(time) = body.get_mut("dateTime") {
        *time = NOW.into();
    }
    let body = body.to_string();
    // The date is cut into the single-quoted body.
    let body = body.replace(&format!("\"{NOW}\""), "\"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'\"");
    format!(
        "curl -s -w '\\n%{{http_code}}\\n' -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/fhir+json' -d '{body}' {base}/Consent"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        let patient = |scenario: &str, nhs_number: &str| DemoPatient {
            scenario: scenario.to_owned(),
            nhs_number: NhsNumber::parse(nhs_number).unwrap(),
            description: String::new(),
            practice: None,
        };
        walkthrough(
            "http://127.0.0.1:8080",
            &[patient("opted-out", "9990000026"), patient("rich", "9990000018"), patient("vision", "9990000034")],
        )
    }

    #[test]
    fn every_type_is_read_and_no_number_stands_in_a_url() {
        let text = text();
        for name in TYPES {
            assert!(text.contains(&format!("/FHIR/R4/{name}/_search")), "{name}");
        }
        for url in text.split_ascii_whitespace().filter(|word| word.starts_with("http://")) {
            assert!(!url.contains("999"), "{url}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_makes_of_it_what_was_meant() {
        // `curl` replaced by a function that prints its last-but-one argument, the body, and answers token requests.
        let script = format!(
            "curl() {{ case \"$*\" in *demo/token*) printf '%s' '{{\"access_token\":\"a.b-c\",\"expires_in\":1}}';; *demo/alerts*) echo '[{{\"type\":\"override\"}}]';; *Consent) shift 7; printf 'CONSENT %s\\n' \"$2\";; *) printf 'SEARCH %s\\n' \"$*\";; esac; }}\n{}",
            text()
        );
        let output = std::process::Command::new("sh").arg("-c").arg(&script).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(printed.contains("5 characters"), "{printed}");
        assert_eq!(printed.matches("SEARCH ").count(), 16, "{printed}");
        assert_eq!(printed.matches("[{\"type\":\"override\"}]").count(), 1, "{printed}");
        assert!(printed.contains("Bearer a.b-c"));
        let bodies: Vec<_> = printed.lines().filter_map(|line| line.strip_prefix("CONSENT ")).collect();
        assert_eq!(bodies.len(), 3, "{printed}");
        for body in bodies {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let time = body["dateTime"].as_str().unwrap();
            assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
        }
    }
}
