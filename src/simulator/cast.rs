//! The demo's people and systems (CONTRACT section 12): who they are, and what their tokens say.

use crate::ids::{NhsNumber, OdsCode, UserId};
use crate::kinds::Kind;
use crate::register::consent;
use serde_json::{Value, json};
use time::OffsetDateTime;

/// The viewing organisation with all ten views.
pub const VIEWER: &str = "RX001";
/// The viewing organisation with fewer views.
pub const OTHER_VIEWER: &str = "RX002";
/// The organisation without an agreement.
pub const UNAGREED_VIEWER: &str = "RX003";
/// The practices that share. The slow and the faulting one have a practice each, so that its circuit opens for them alone.
pub const PRACTICES: [&str; 5] = ["A99981", "A99982", "A99983", "A99984", "A99985"];

/// One of the cast.
#[derive(Debug)]
pub struct Member {
    /// What the token request calls them.
    pub name: &'static str,
    /// `nhsid_useruid`; `sub` for a system.
    pub user: &'static str,
    /// As people read it.
    pub display: &'static str,
    /// Their organisation.
    pub organisation: &'static str,
    /// R part and name of the one role; none for a system.
    pub role: Option<(&'static str, &'static str)>,
    /// Whether terms are accepted and training done.
    pub enrolled: bool,
    /// What their tokens may ask for.
    reach: Reach,
}

#[derive(Debug, Clone, Copy)]
enum Reach {
    Record,
    Privacy,
    Audit,
    Administration,
    Relationships,
}

const fn member(
    name: &'static str,
    user: &'static str,
    display: &'static str,
    organisation: &'static str,
    role: (&'static str, &'static str),
) -> Member {
    Member { name, user, display, organisation, role: Some(role), enrolled: true, reach: Reach::Record }
}

const CLINICIAN: (&str, &str) = ("R8000", "Clinical Practitioner");

/// All of them.
pub const CAST: [Member; 10] = [
    member("clinician", "999000000101", "Dr Ada Marsh", VIEWER, CLINICIAN),
    member("nurse", "999000000102", "Nurse Ben Holt", VIEWER, ("R8001", "Nurse")),
    member("receptionist", "999000000103", "Cai Reed", VIEWER, ("R8009", "Receptionist")),
    Member { enrolled: false, ..member("untrained-clinician", "999000000104", "Dr Dee Frost", VIEWER, CLINICIAN) },
    member("other-clinician", "999000000105", "Dr Eli Stone", OTHER_VIEWER, CLINICIAN),
    member("unagreed-clinician", "999000000106", "Dr Fay Brook", UNAGREED_VIEWER, CLINICIAN),
    Member {
        reach: Reach::Privacy,
        ..member("privacy-officer", "999000000107", "Gil North", VIEWER, ("R0001", "Privacy Officer"))
    },
    Member {
        reach: Reach::Audit,
        ..member("practice-auditor", "999000000108", "Hal West", PRACTICES[0], ("R1981", "Practice Auditor"))
    },
    Member {
        reach: Reach::Administration,
        ..member("administrator", "999000000109", "Ina Field", VIEWER, ("R5080", "System Administrator"))
    },
    Member {
        name: "viewer-system",
        user: "viewer-system-rx001",
        display: "Patient administration system",
        organisation: VIEWER,
        role: None,
        enrolled: false,
        reach: Reach::Relationships,
    },
];

/// The member of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Member> {
    CAST.iter().find(|member| member.name == name)
}

/// A Consent in which a patient permits a member of the cast to see the record, ready to be posted.
#[must_use]
pub fn consent_to(member: &Member, patient: NhsNumber, now: OffsetDateTime) -> Value {
    match (UserId::parse(member.user), OdsCode::parse(member.organisation)) {
        (Some(user), Some(organisation)) => consent::example(patient, &user, &organisation, true, now),
        _ => Value::Null,
    }
}

/// A Consent by which a member of the cast overrides, for want of a patient who can be asked, ready to be posted.
#[must_use]
pub fn override_by(member: &Member, patient: NhsNumber, now: OffsetDateTime) -> Value {
    match (UserId::parse(member.user), OdsCode::parse(member.organisation)) {
        (Some(user), Some(organisation)) => {
            consent::override_example(patient, &user, &organisation, "UnableToConsent", "Unconscious after a fall", now)
        }
        _ => Value::Null,
    }
}

impl Member {
    /// Their SMART scopes. A receptionist has a clinician's: it is the role that is refused.
    #[must_use]
    pub fn scopes(&self) -> String {
        match self.reach {
            Reach::Record => {
                let types = Kind::ALL.iter().map(|kind| kind.as_str());
                let read: Vec<String> = types.map(|name| format!("user/{name}.rs")).collect();
                format!("{} user/Consent.crus user/EpisodeOfCare.rs", read.join(" "))
            }
            Reach::Privacy => "user/AuditEvent.rs user/Consent.rs user/Task.rus user/EpisodeOfCare.rs".to_owned(),
            Reach::Audit => "user/AuditEvent.rs".to_owned(),
            Reach::Administration => "user/ValueSet.rs user/CodeSystem.rs".to_owned(),
            Reach::Relationships => "system/EpisodeOfCare.cruds".to_owned(),
        }
    }

    /// The claims that say who they are; issuer, audience and time are the issuer's.
    #[must_use]
    pub fn claims(&self) -> Value {
        let Some((code, name)) = self.role else {
            return json!({ "sub": self.user, "client_id": self.user, "name": self.display,
                "org_code": self.organisation, "scope": self.scopes() });
        };
        let profile = self.profile();
        json!({
            "sub": self.user, "nhsid_useruid": self.user, "name": self.display, "client_id": "mig-fhir-demo",
            "authentication_assurance_level": "3", "selected_roleid": profile, "scope": self.scopes(),
            "nhsid_nrbac_roles": [{ "person_roleid": profile, "org_code": self.organisation, "role_code": code,
                "role_name": name }],
        })
    }

    /// `person_roleid`: the user's id with another first digit, so that the two are never taken for each other.
    #[must_use]
    pub fn profile(&self) -> String {
        format!("1{}", self.user.get(1..).unwrap_or_default())
    }
}
