//! The claims of a verified token, as the authorisation server copies them from CIS2, and the caller they make.

use super::{Caller, CallerClass, IdentityError, Role, Scopes, SelectedRole};
use crate::ids::{OdsCode, RoleCode, UserId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Number, Value};

/// What is read before the signature is checked.
#[derive(Deserialize)]
pub(super) struct Issued {
    pub iss: String,
}

#[derive(Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: Audience,
    pub exp: Number,
    pub nbf: Option<Number>,
    sub: Option<String>,
    nhsid_useruid: Option<String>,
    name: Option<String>,
    #[serde(default)]
    nhsid_nrbac_roles: Vec<RawRole>,
    selected_roleid: Option<String>,
    authentication_assurance_level: Option<Value>,
    #[serde(default)]
    scope: ScopeClaim,
    /// The organisation of a system's token.
    org_code: Option<String>,
    jti: Option<String>,
    client_id: Option<String>,
    azp: Option<String>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeClaim {
    Words(String),
    List(Vec<String>),
}

impl Default for ScopeClaim {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

#[derive(Deserialize)]
struct RawRole {
    #[serde(default)]
    person_roleid: String,
    #[serde(default)]
    org_code: String,
    #[serde(default)]
    role_code: String,
    #[serde(default)]
    role_name: String,
}

#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate: Option<String>,
}

/// Whole seconds of a numeric date.
pub(super) fn seconds(date: &Number) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "a float is cut to whole seconds; `as` saturates")]
    date.as_i64().or_else(|| date.as_f64().filter(|float| float.is_finite()).map(|float| float.floor() as i64))
}

impl Claims {
    /// A token that names a certificate is good only on a connection made with it.
    pub fn bound_to(&self, certificate: Option<&[u8; 32]>) -> Result<(), IdentityError> {
        let Some(confirmation) = &self.cnf else { return Ok(()) };
        let named = confirmation.certificate.as_deref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        match (named, certificate) {
            (Some(named), Some(shown)) if named == shown => Ok(()),
            _ => Err(IdentityError::Invalid),
        }
    }

    pub fn into_caller(self) -> Result<Caller, IdentityError> {
        let scopes = match &self.scope {
            ScopeClaim::Words(words) => Scopes::parse(words),
            ScopeClaim::List(list) => Scopes::parse(&list.join(" ")),
        };
        let is_system =
            self.nhsid_useruid.is_none() && self.nhsid_nrbac_roles.is_empty() && scopes.any_of(CallerClass::System);
        let class = if is_system { CallerClass::System } else { CallerClass::User };

        let client_id = self.client_id.or(self.azp);
        let user = match class {
            CallerClass::User => self.nhsid_useruid.or(self.sub),
            CallerClass::System => self.sub.or_else(|| client_id.clone()),
        };
        let user = user.as_deref().and_then(UserId::parse).ok_or(IdentityError::Invalid)?;
        let role = select(&self.nhsid_nrbac_roles, self.selected_roleid.as_deref());
        let organisation = match (&role, class) {
            (SelectedRole::One(role), _) => Some(role.organisation.clone()),
            (_, CallerClass::System) => self.org_code.as_deref().and_then(OdsCode::parse),
            _ => None,
        };
        Ok(Caller {
            name: readable(self.name).unwrap_or_else(|| user.to_string()),
            user,
            class,
            role,
            organisation,
            assurance: assurance(self.authentication_assurance_level.as_ref()),
            scopes,
            token_id: readable(self.jti),
            client_id: readable(client_id),
        })
    }
}

/// One role, selected or the only one. A selection that names none of them selects none.
fn select(roles: &[RawRole], selected: Option<&str>) -> SelectedRole {
    let chosen = match (selected.filter(|id| !id.is_empty()), roles) {
        (_, []) => return SelectedRole::None,
        (None, [only]) => Some(only),
        (None, _) => return SelectedRole::Several,
        (Some(id), roles) => {
            let mut named = roles.iter().filter(|role| role.person_roleid == id);
            let first = named.next();
            if named.next().is_some() {
                return SelectedRole::Several;
            }
            first
        }
    };
    chosen.and_then(parse).map_or(SelectedRole::None, SelectedRole::One)
}

fn parse(raw: &RawRole) -> Option<Role> {
    Some(Role {
        profile: readable(Some(raw.person_roleid.clone())).unwrap_or_default(),
        code: RoleCode::parse(&raw.role_code)?,
        name: readable(Some(raw.role_name.clone())).unwrap_or_default(),
        organisation: OdsCode::parse(&raw.org_code)?,
    })
}

/// CIS2 sends the level as text; a number is understood too. Anything else is no assurance.
fn assurance(level: Option<&Value>) -> u8 {
    match level {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(Value::Number(number)) => number.as_u64().and_then(|level| u8::try_from(level).ok()).unwrap_or(0),
        _ => 0,
    }
}

/// Text that goes to the audit and the legacy wire: no control characters, at most 128 characters, not blank.
fn readable(text: Option<String>) -> Option<String> {
    let text: String = text?.chars().filter(|c| !c.is_control()).take(128).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
