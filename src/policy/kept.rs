//! Who may see or change what this service keeps: Consent, EpisodeOfCare, Task, AuditEvent.
//!
//! Systems and administrators never see Consent, Task or AuditEvent (2.1.4, 4.10); a system keeps its own organisation's
//! relationships and nothing else.

use super::rules::network;
use super::{Office, Refusal, Settings, office};
use crate::identity::{Caller, Permission, SelectedRole};
use crate::ids::{OdsCode, UserId};
use std::net::IpAddr;

/// How far a caller reaches into one kept type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// What the caller recorded for the organisation of the selected role.
    Own {
        /// The caller.
        user: UserId,
        /// The organisation.
        organisation: OdsCode,
    },
    /// Everything of one viewing organisation.
    Organisation(OdsCode),
    /// Everything about one practice's patients.
    Practice(OdsCode),
}

/// Which kept type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Consents and overrides.
    Consent,
    /// Relationships.
    EpisodeOfCare,
    /// Override reviews.
    Task,
    /// The audit trail.
    AuditEvent,
}

impl Kept {
    /// The FHIR type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "Consent",
            Self::EpisodeOfCare => "EpisodeOfCare",
            Self::Task => "Task",
            Self::AuditEvent => "AuditEvent",
        }
    }
}

/// Whether the caller keeps the registers. `stopped` is whether the user is, by name: an administrator lifts what stops
/// everything else.
///
/// # Errors
/// Suspension, role, assurance, network, in this order.
pub fn administers(
    caller: &Caller,
    address: Option<IpAddr>,
    settings: &Settings,
    stopped: bool,
) -> Result<(), Refusal> {
    holds(caller, address, settings, Office::Administrator, stopped)
}

/// Whether the caller may have a decision explained, and about which organisation: the own.
///
/// # Errors
/// As [`administers`].
pub fn explains(
    caller: &Caller,
    address: Option<IpAddr>,
    settings: &Settings,
    suspended: bool,
) -> Result<OdsCode, Refusal> {
    holds(caller, address, settings, Office::PrivacyOfficer, suspended)?;
    caller.organisation.clone().ok_or(Refusal::Role)
}

/// Whose alerts the caller sees to: a privacy officer the own organisation's, an administrator everybody's (`None`).
/// `stopped` is whether the user is stopped by name, `suspended` whether the user, the organisation or everything is.
///
/// # Errors
/// As [`administers`].
pub fn oversees(
    caller: &Caller,
    address: Option<IpAddr>,
    settings: &Settings,
    stopped: bool,
    suspended: bool,
) -> Result<Option<OdsCode>, Refusal> {
    if office(caller, settings) == Office::PrivacyOfficer {
        return explains(caller, address, settings, suspended).map(Some);
    }
    administers(caller, address, settings, stopped).map(|()| None)
}

fn holds(
    caller: &Caller,
    address: Option<IpAddr>,
    settings: &Settings,
    wanted: Office,
    stopped: bool,
) -> Result<(), Refusal> {
    if stopped {
        return Err(Refusal::Suspended);
    }
    if office(caller, settings) != wanted {
        return Err(Refusal::Role);
    }
    if caller.assurance < settings.assurance {
        return Err(Refusal::Assurance);
    }
    network::passes(address, settings)
}

/// How far the caller reaches, or why not. `suspended` is what the register says of the caller and the organisation.
///
/// # Errors
/// Scope, suspension, network, role, in this order.
pub fn reach(
    caller: &Caller,
    address: Option<IpAddr>,
    settings: &Settings,
    kept: Kept,
    permission: Permission,
    suspended: bool,
) -> Result<Reach, Refusal> {
    if !caller.scopes.allow(caller.class, kept.as_str(), permission) {
        return Err(Refusal::Scope);
    }
    if suspended {
        return Err(Refusal::Suspended);
    }
    network::passes(address, settings)?;
    let organisation = match &caller.role {
        SelectedRole::One(role) => Some(&role.organisation),
        SelectedRole::Several | SelectedRole::None => None,
    };
    let held = office(caller, settings);
    let strong = held == Office::System || caller.assurance >= settings.assurance;
    let reach = match (kept, held) {
        // An agreement can make a clinician of any role, so whoever recorded a consent may see it again.
        (Kept::Consent, Office::Clinician | Office::None) => {
            organisation.map(|ods| Reach::Own { user: caller.user.clone(), organisation: ods.clone() })
        }
        (Kept::Consent | Kept::Task | Kept::AuditEvent, Office::PrivacyOfficer) => {
            organisation.cloned().map(Reach::Organisation)
        }
        (Kept::AuditEvent, Office::PracticeAuditor) => organisation.cloned().map(Reach::Practice),
        (Kept::EpisodeOfCare, Office::System) => caller.organisation.clone().map(Reach::Organisation),
        (Kept::Consent, Office::PracticeAuditor | Office::Administrator | Office::System)
        | (
            Kept::Task,
            Office::Clinician | Office::PracticeAuditor | Office::Administrator | Office::System | Office::None,
        )
        | (Kept::AuditEvent, Office::Clinician | Office::Administrator | Office::System | Office::None)
        | (
            Kept::EpisodeOfCare,
            Office::Clinician | Office::PrivacyOfficer | Office::PracticeAuditor | Office::Administrator | Office::None,
        ) => None,
    };
    match reach {
        Some(_) if !strong => Err(Refusal::Assurance),
        Some(reach) => Ok(reach),
        None => Err(Refusal::Role),
    }
}
