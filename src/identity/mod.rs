//! Who asks: a bearer token becomes a [`Caller`], or nothing.
//!
//! Checks signature, issuer, audience, expiry and not-before, and reads the CIS2 claims (CONTRACT section 3). Decides
//! nothing: which roles may see what is the business of `policy`. Called by `http` alone.

mod claims;
mod keys;
mod scopes;
mod settings;
// The tests make their keys with what makes the demo's certificates.
#[cfg(test)]
#[cfg(feature = "simulator")]
mod tests;

pub use scopes::{Permission, Scopes};
pub use settings::{IdentityConfig, IssuerConfig, KeySource};

use crate::clock::Clock;
use crate::ids::{OdsCode, RoleCode, UserId};
use claims::Claims;
use jsonwebtoken::{Algorithm, Validation};
use keys::Keys;
use std::sync::Arc;

/// Who asks, as the token says.
#[derive(Debug, Clone)]
pub struct Caller {
    /// `nhsid_useruid`, else `sub`.
    pub user: UserId,
    /// `name`.
    pub name: String,
    /// A person, or an organisation's system.
    pub class: CallerClass,
    /// The role in force.
    pub role: SelectedRole,
    /// The organisation: the selected role's, or the system's own.
    pub organisation: Option<OdsCode>,
    /// `authentication_assurance_level`, 0 when absent.
    pub assurance: u8,
    /// SMART scopes.
    pub scopes: Scopes,
    /// `jti`, for the audit.
    pub token_id: Option<String>,
    /// `client_id` or `azp`, for the audit.
    pub client_id: Option<String>,
}

/// A person or a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerClass {
    /// A user with a role.
    User,
    /// A token with `system/` scopes and no user.
    System,
}

/// Which role the token selects.
#[derive(Debug, Clone)]
pub enum SelectedRole {
    /// One, selected or the only one.
    One(Role),
    /// Several and none selected: refused as `ROLE`.
    Several,
    /// None at all.
    None,
}

/// One entry of `nhsid_nrbac_roles`.
#[derive(Debug, Clone)]
pub struct Role {
    /// `person_roleid`.
    pub profile: String,
    /// `role_code`, the R part.
    pub code: RoleCode,
    /// `role_name`.
    pub name: String,
    /// `org_code`.
    pub organisation: OdsCode,
}

/// Why there is no caller. All of them are 401 `TOKEN`; `Expired` has issue code `expired`, the others `login`.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum IdentityError {
    /// No `Authorization: Bearer`.
    #[error("no token")]
    Missing,
    /// Past its expiry, or not yet valid.
    #[error("the token is not in its time")]
    Expired,
    /// Anything else: form, algorithm, key, signature, issuer, audience, claims.
    #[error("the token is not valid")]
    Invalid,
    /// The issuer's keys cannot be had.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

/// Algorithms that are accepted: signatures by a private key only. `none` and HMAC are not even named.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// A token longer than this is not looked at.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Turns tokens into callers, cheap to clone.
#[derive(Clone)]
pub struct Identity {
    issuers: Arc<[Issuer]>,
    clock: Clock,
    leeway: i64,
}

struct Issuer {
    name: String,
    audience: String,
    keys: Keys,
}

impl Identity {
    /// For the issuers of the settings. Keys are fetched when first needed.
    ///
    /// # Errors
    /// [`IdentityError::KeysUnavailable`] when no TLS client can be made for an issuer's address.
    pub fn new(config: &IdentityConfig, clock: Clock) -> Result<Self, IdentityError> {
        let issuers = config
            .issuers
            .iter()
            .map(|issuer| {
                let keys = Keys::new(issuer, clock.clone())?;
                Ok(Issuer { name: issuer.issuer.clone(), audience: issuer.audience.clone(), keys })
            })
            .collect::<Result<Vec<_>, IdentityError>>()?;
        Ok(Self { issuers: issuers.into(), clock, leeway: i64::from(config.leeway_seconds) })
    }

    /// Who asks, from the value of the one `Authorization` header.
    ///
    /// # Errors
    /// See [`IdentityError`]. A token bound to a client certificate (`cnf`) is refused here: see [`Self::identify_bound`].
    pub async fn identify(&self, authorization_header: Option<&str>) -> Result<Caller, IdentityError> {
        self.identify_bound(authorization_header, None).await
    }

    /// As [`Self::identify`], for a connection whose client certificate has this SHA-256.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub async fn identify_bound(
        &self,
        authorization_header: Option<&str>,
        certificate: Option<&[u8; 32]>,
    ) -> Result<Caller, IdentityError> {
        let token = bearer(authorization_header)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| IdentityError::Invalid)?;
        let typed = header.typ.as_deref().is_none_or(|typ| {
            typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt") || typ == "application/at+jwt"
        });
        if !typed || header.crit.is_some() || !ALGORITHMS.contains(&header.alg) {
            return Err(IdentityError::Invalid);
        }

        let claimed = claimed_issuer(token)?;
        let issuer = self.issuers.iter().find(|one| one.name == claimed).ok_or(IdentityError::Invalid)?;
        let key = issuer.keys.find(header.kid.as_deref(), header.alg).await?;

        let claims = jsonwebtoken::decode::<Claims>(token, &key, &signature_only(header.alg))
            .map_err(|_| IdentityError::Invalid)?
            .claims;
        if claims.iss != issuer.name || !claims.aud.names(&issuer.audience) {
            return Err(IdentityError::Invalid);
        }
        self.in_time(&claims)?;
        claims.bound_to(certificate)?;
        claims.into_caller()
    }

    /// Whether every issuer's keys are at hand, or can be had now.
    ///
    /// # Errors
    /// [`IdentityError::KeysUnavailable`].
    pub async fn ready(&self) -> Result<(), IdentityError> {
        for issuer in self.issuers.iter() {
            issuer.keys.current().await?;
        }
        Ok(())
    }

    /// By our own clock, so that tests can move it; the token library would read the machine's.
    fn in_time(&self, claims: &Claims) -> Result<(), IdentityError> {
        let now = self.clock.now().unix_timestamp();
        let expires = claims::seconds(&claims.exp).ok_or(IdentityError::Invalid)?;
        if expires.saturating_add(self.leeway) <= now {
            return Err(IdentityError::Expired);
        }
        match &claims.nbf {
            None => Ok(()),
            Some(nbf) => match claims::seconds(nbf) {
                None => Err(IdentityError::Invalid),
                Some(from) if from.saturating_sub(self.leeway) > now => Err(IdentityError::Expired),
                Some(_) => Ok(()),
            },
        }
    }
}

/// The token of `Bearer <token>`: one scheme, one token.
fn bearer(header: Option<&str>) -> Result<&str, IdentityError> {
    let header = header.ok_or(IdentityError::Missing)?.trim_matches(' ');
    let (scheme, token) = header.split_once(' ').ok_or(IdentityError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(IdentityError::Missing);
    }
    let token = token.trim_start_matches(' ');
    let well_formed = !token.is_empty()
        && token.len() <= MAX_TOKEN_BYTES
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if well_formed { Ok(token) } else { Err(IdentityError::Invalid) }
}

/// Which keys to try is all that the unverified issuer decides; it is read again from what was verified.
#[allow(clippy::disallowed_methods, reason = "the issuer has to be known before its key can be")]
fn claimed_issuer(token: &str) -> Result<String, IdentityError> {
    let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<claims::Issued>(token);
    claimed.map(|issued| issued.iss).map_err(|_| IdentityError::Invalid)
}

/// Checks the signature alone, by one algorithm; everything else is checked above.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}
