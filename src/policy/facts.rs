//! The facts that a decision rests on. Private fields and one maker: a decision on invented facts cannot be written.

use super::Refusal;
use crate::identity::{Caller, Permission, SelectedRole};
use crate::ids::{Network, NhsNumber, RoleCode};
use crate::kinds::{Purpose, View};
use crate::register::{Register, Standing};
use crate::store::StoreError;
use time::{Date, OffsetDateTime};

/// The deployment's settings of policy.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Role codes that count as qualified clinician unless an agreement says otherwise (7.3.1).
    pub clinician_roles: Vec<RoleCode>,
    /// Privacy officers.
    pub privacy_officer_roles: Vec<RoleCode>,
    /// Practice auditors.
    pub practice_auditor_roles: Vec<RoleCode>,
    /// Administrators.
    pub administrator_roles: Vec<RoleCode>,
    /// The lowest `authentication_assurance_level`.
    pub assurance: u8,
    /// The networks that clients come from (7.4.4); empty means any.
    pub client_networks: Vec<Network>,
}

impl Default for Settings {
    /// R8000 clinical practitioner and R8001 nurse; R0001 privacy officer; R1981 practice auditor; R5080 administrator.
    fn default() -> Self {
        let roles = |codes: &[&str]| codes.iter().filter_map(|code| RoleCode::parse(code)).collect();
        Self {
            clinician_roles: roles(&["R8000", "R8001"]),
            privacy_officer_roles: roles(&["R0001"]),
            practice_auditor_roles: roles(&["R1981"]),
            administrator_roles: roles(&["R5080"]),
            assurance: 3,
            client_networks: Vec::new(),
        }
    }
}

/// What is asked, judged from the request alone.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose record; none when the request names nobody whom this service could know.
    pub patient: Option<NhsNumber>,
    /// The birth date that the client named.
    pub birth_date: Option<Date>,
    /// Every type that the request could return, with the permission each needs.
    pub permissions: Vec<(&'static str, Permission)>,
    /// Every view that could serve it, where agreed.
    pub wanted: Vec<View>,
    /// Views of which at least one must be agreed.
    pub required: Vec<View>,
    /// The purpose claimed.
    pub purpose: Purpose,
}

/// The facts. Only [`facts`] makes them.
pub struct Facts {
    asked: Asked,
    settings: Settings,
    standing: Option<Standing>,
    now: OffsetDateTime,
}

/// Reads the facts: the only I/O of policy. A caller without one role has no standing, and is refused for the role.
///
/// # Errors
/// [`StoreError`]: then nothing is decided and nothing disclosed.
pub async fn facts(
    register: &Register,
    settings: &Settings,
    caller: &Caller,
    asked: Asked,
    now: OffsetDateTime,
) -> Result<Facts, StoreError> {
    let standing = match &caller.role {
        SelectedRole::One(role) => {
            Some(register.standing(&caller.user, &role.organisation, &role.code, asked.patient, now).await?)
        }
        SelectedRole::Several | SelectedRole::None => None,
    };
    Ok(Facts { asked, settings: settings.clone(), standing, now })
}

impl Facts {
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the register knows; a caller without one has no role.
    pub(super) fn standing(&self) -> Result<&Standing, Refusal> {
        self.standing.as_ref().ok_or(Refusal::Role)
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.now
    }

    #[cfg(test)]
    pub(super) fn for_the_matrix(asked: Asked, standing: Option<Standing>, now: OffsetDateTime) -> Self {
        let client_networks = Network::parse("192.0.2.0/24").into_iter().collect();
        Self { asked, settings: Settings { client_networks, ..Settings::default() }, standing, now }
    }
}
