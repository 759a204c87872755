//! Which office a caller holds: the role codes are settings (CONTRACT section 3).

use super::facts::Settings;
use crate::identity::{Caller, CallerClass, SelectedRole};

/// What a caller's role lets them do outside the record itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Office {
    /// A qualified clinician under the default roles.
    Clinician,
    /// Reviews overrides and sees the own organisation's viewing.
    PrivacyOfficer,
    /// Sees who viewed the own practice's patients (7.4.2).
    PracticeAuditor,
    /// Keeps the registers; never sees patients.
    Administrator,
    /// An organisation's system.
    System,
    /// A user with none of these.
    None,
}

/// The office of a caller.
#[must_use]
pub fn office(caller: &Caller, settings: &Settings) -> Office {
    if caller.class == CallerClass::System {
        return Office::System;
    }
    let SelectedRole::One(role) = &caller.role else {
        return Office::None;
    };
    let holds = |codes: &[crate::ids::RoleCode]| codes.contains(&role.code);
    if holds(&settings.clinician_roles) {
        Office::Clinician
    } else if holds(&settings.privacy_officer_roles) {
        Office::PrivacyOfficer
    } else if holds(&settings.practice_auditor_roles) {
        Office::PracticeAuditor
    } else if holds(&settings.administrator_roles) {
        Office::Administrator
    } else {
        Office::None
    }
}
