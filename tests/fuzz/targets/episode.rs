//! The body of an EpisodeOfCare. What is refused is refused for a reason; what is accepted is accepted again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mig_fhir::ids::{OdsCode, Sealer};
use mig_fhir::register::episode::parse;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let sealer = Sealer::new(0, &[7; 64]);
    let organisation = OdsCode::parse("A99982").expect("a code");
    match (parse(&body, &organisation, None, &sealer), parse(&body, &organisation, None, &sealer)) {
        (Ok(one), Ok(other)) => assert_eq!(one.patient(), other.patient()),
        (Err(one), Err(other)) => assert!(!one.is_empty() && one == other),
        _ => panic!("accepted once and refused once"),
    }
});
