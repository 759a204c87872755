//! Search queries, the first byte choosing the type. A query for a patient that is accepted says in its self link what it
//! understood: read again, it is the same query. The number that named the patient is not in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mig_fhir::catalogue;
use mig_fhir::gateway::fuzzing::PATIENT;
use mig_fhir::ids::Sealer;
use mig_fhir::kinds::Kind;
use mig_fhir::search::{PatientNamed, Query};

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(*first) % Kind::ALL.len()];
    let table = catalogue::table(kind);
    let sealer = Sealer::new(0, &[7; 64]);
    let parse = |pairs: &[(String, String)], lenient| Query::parse(kind, table, pairs, lenient, &sealer);
    let sent = pairs(text);
    let Ok(query) = parse(&sent, true) else { return };
    let said = query.self_query();
    let names_patient = |name: &str| name.starts_with("patient") || name.starts_with("identifier") || name == "_id";
    let tells = |value: &str| value.split(['|', ',', '/']).any(|part| part == PATIENT);
    let elsewhere = sent.iter().any(|(name, value)| !names_patient(name) && tells(value));
    let repeated = pairs(said.as_bytes()).iter().any(|(_, value)| tells(value));
    assert!(elsewhere || !repeated, "an NHS number in a self link");
    // Nobody: the link does not repeat a number of another system, and so cannot be read again.
    if !matches!(query.patient(), PatientNamed::Known(_)) {
        return;
    }
    let again = parse(&pairs(said.as_bytes()), false).unwrap_or_else(|_| panic!("not read again: {said}"));
    assert_eq!(said, again.self_query());
});
