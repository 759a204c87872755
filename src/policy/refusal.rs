//! The refusals, each with what the caller is told (CONTRACT section 4). The least revealing word for each.

use crate::register::Lack;

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The token lacks a scope that the request could need.
    Scope,
    /// Everything, the viewer, the sharer or the user is stopped.
    Suspended,
    /// Not a qualified clinician, several roles and none selected, or a system.
    Role,
    /// The authentication is weaker than asked for.
    Assurance,
    /// Another purpose than direct care.
    Purpose,
    /// Terms not accepted or training not done: which of it.
    Enrolment(Lack),
    /// From outside the networks that are let in (7.4.4).
    Network,
    /// No live agreement that covers the view, or the practice is not a sharer under it.
    NoAgreement,
    /// The patient is not registered for care with the viewing organisation.
    Relationship,
    /// Consent has not been asked.
    ConsentRequired,
    /// The patient refused.
    ConsentRefused,
    /// The occasion is over, or its consent was withdrawn.
    ConsentExpired,
    /// Unknown, untraced, not registered: one answer for all.
    PatientNotFound,
    /// Opted out at the practice.
    OptedOut,
}

impl Refusal {
    /// The reason codes from our CodeSystem, the general one first, and the particular one where the caller may know it.
    #[must_use]
    pub const fn reasons(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Scope => ("ACCESS_DENIED", Some("SCOPE")),
            Self::Suspended => ("ACCESS_DENIED", Some("SUSPENDED")),
            Self::Role => ("ACCESS_DENIED", Some("ROLE")),
            Self::Assurance => ("ACCESS_DENIED", Some("ASSURANCE")),
            Self::Purpose => ("ACCESS_DENIED", Some("PURPOSE")),
            Self::Enrolment(_) => ("ACCESS_DENIED", Some("ENROLMENT")),
            Self::Network => ("ACCESS_DENIED", Some("NETWORK")),
            Self::NoAgreement => ("NO_ORGANISATION_CONSENT", None),
            Self::Relationship => ("ACCESS_DENIED", Some("RELATIONSHIP")),
            Self::ConsentRequired => ("NO_PATIENT_CONSENT", Some("CONSENT_REQUIRED")),
            Self::ConsentRefused => ("NO_PATIENT_CONSENT", Some("CONSENT_REFUSED")),
            Self::ConsentExpired => ("NO_PATIENT_CONSENT", Some("CONSENT_EXPIRED")),
            Self::PatientNotFound => ("PATIENT_NOT_FOUND", None),
            Self::OptedOut => ("NO_PATIENT_CONSENT", Some("OPTED_OUT")),
        }
    }

    /// The most particular word: what audit and the matrix say.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self.reasons() {
            (_, Some(particular)) => particular,
            (general, None) => general,
        }
    }
}
