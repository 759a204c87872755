//! The body of a Consent. What is accepted is about the patient that policy was asked about, and ends within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mig_fhir::gateway::fuzzing::NOW;
use mig_fhir::identity::{Caller, CallerClass, Role, Scopes, SelectedRole};
use mig_fhir::ids::{OdsCode, RoleCode, Sealer, UserId};
use mig_fhir::register::agreements::MOST_CONSENT_MINUTES;
use mig_fhir::register::consent::{parse, patient_of};
use serde_json::Value;
use std::sync::OnceLock;

/// As in `seeds`.
fn caller() -> &'static Caller {
    static CALLER: OnceLock<Caller> = OnceLock::new();
    CALLER.get_or_init(|| {
        let organisation = OdsCode::parse("A99982").expect("a code");
        let role = Role {
            profile: "999000000002".to_owned(),
            code: RoleCode::parse("R8000").expect("a role"),
            name: "Doctor".to_owned(),
            organisation: organisation.clone(),
        };
        Caller {
            user: UserId::parse("999000000001").expect("a user"),
            name: "Dr A".to_owned(),
            class: CallerClass::User,
            role: SelectedRole::One(role),
            organisation: Some(organisation),
            assurance: 3,
            scopes: Scopes::parse("user/Consent.cruds"),
            token_id: None,
            client_id: None,
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let sealer = Sealer::new(0, &[7; 64]);
    let patient = patient_of(&body, &sealer);
    let draft = match parse(&body, NOW, caller(), &sealer) {
        Ok(draft) => draft,
        Err(wrong) => {
            assert!(!wrong.is_empty(), "refused without a reason");
            return;
        }
    };
    assert_eq!(patient.ok(), Some(draft.patient()), "another patient");
    let overrides = draft.is_override();
    let Ok(admitted) = draft.admit(&[], false, &[]) else {
        assert!(overrides, "a plain consent that is refused without an agreement");
        return;
    };
    assert!(admitted.until() <= NOW + time::Duration::minutes(MOST_CONSENT_MINUTES), "a life without end");
});
