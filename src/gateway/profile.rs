//! The wire profile: what is not public about the legacy wire, as data (WIRE section 8).
//!
//! Read once at the start, by the facade and by the simulator alike. A key that is missing, unknown or not usable is a
//! problem told at the start; nothing here is decided per message.

mod problems;

use crate::kinds::View;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The built-in profile, with its comments.
pub const DEFAULT_PROFILE: &str = include_str!("wire-profile.toml");
/// The same for a gateway that knows nothing but RSA-SHA1 over the Timestamp.
pub const LEGACY_ITK_PROFILE: &str = include_str!("wire-profile-legacy-itk.toml");
/// The schema of the payloads.
pub const SCHEMA: &str = include_str!("mig-dcr-v1.xsd");

/// One wire profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireProfile {
    /// Actions and addresses.
    pub addressing: Addressing,
    /// Identity types.
    pub identity: Identity,
    /// Roots, interactions and namespaces.
    pub payload: Payload,
    /// Our view name to the word on the wire.
    pub views: BTreeMap<String, String>,
    /// Outcome codes.
    pub outcomes: Outcomes,
    /// Signatures and times.
    pub security: Security,
    /// What is kept of free text.
    pub text: Text,
    /// Sizes.
    pub limits: WireLimits,
}

/// Actions and addresses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressing {
    /// `wsa:Action` and `@service`.
    pub service: String,
    /// After the action of an answer.
    pub response_suffix: String,
    /// Action of a fault.
    pub fault_action: String,
    /// Action of a mustUnderstand fault.
    pub addressing_fault_action: String,
    /// `wsa:To`, empty for the endpoint.
    pub to: String,
    /// Before an ODS code in an address.
    pub address_prefix: String,
    /// Before an ODS code in an identity.
    pub identity_prefix: String,
    /// The gateway's own ODS code.
    pub mig_ods: String,
}

/// `auditIdentity/id/@type`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// SDS user id.
    pub user: String,
    /// Role profile.
    pub role_profile: String,
    /// Role code.
    pub role: String,
}

/// Roots, interactions and namespaces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The payloads' namespace.
    pub namespace: String,
    /// Root of the question where a record is.
    pub locate_request: String,
    /// Root of its answer.
    pub locate_response: String,
    /// Root of the question for a view.
    pub view_request: String,
    /// Root of its answer.
    pub view_response: String,
    /// Key of the interaction in the handling specification.
    pub interaction_key: String,
    /// Its value, with `{root}`.
    pub interaction: String,
    /// The profile id, with `{root}`.
    pub profile: String,
    /// The record's namespace.
    pub record_namespace: String,
    /// The record's root.
    pub record_root: String,
}

/// Outcome codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "named by what they mean; the table is WIRE section 7")]
pub struct Outcomes {
    pub system: String,
    pub success: String,
    pub invalid: String,
    pub unknown_patient: String,
    pub consent_refused: String,
    pub opted_out: String,
    pub outside_agreement: String,
    pub not_authorised: String,
    pub ambiguous: String,
    pub busy: String,
    pub partial: String,
    pub failure: String,
}

impl Outcomes {
    /// This profile's code for one of the built-in codes; any other text stays as it is.
    #[must_use]
    pub fn by_builtin<'a>(&'a self, code: &'a str) -> &'a str {
        match code {
            "MIG-0000" => &self.success,
            "MIG-0001" => &self.invalid,
            "MIG-0002" => &self.unknown_patient,
            "MIG-0003" => &self.consent_refused,
            "MIG-0004" => &self.opted_out,
            "MIG-0005" => &self.outside_agreement,
            "MIG-0006" => &self.not_authorised,
            "MIG-0007" => &self.ambiguous,
            "MIG-0008" => &self.busy,
            "MIG-0009" => &self.partial,
            "MIG-9999" => &self.failure,
            other => other,
        }
    }
}

/// Signatures and times.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of a data file")]
pub struct Security {
    /// Parts that a sender signs.
    pub signed_parts_sent: Vec<SignedPart>,
    /// Parts that a receiver demands.
    pub signed_parts_required: Vec<SignedPart>,
    /// Signature algorithm.
    pub signature: SignatureAlgorithm,
    /// Digest algorithm.
    pub digest: DigestAlgorithm,
    /// Canonicalisation.
    pub c14n: Canonicalisation,
    /// SHA-1 may be named and is accepted; a receiver demands the Timestamp only.
    pub legacy_itk: bool,
    /// Seconds from Created to Expires that a sender gives.
    pub window_seconds: i64,
    /// Seconds from Created to Expires that a receiver accepts.
    pub maximum_window_seconds: i64,
    /// Seconds that Created may be ahead.
    pub skew_seconds: i64,
    /// Username equals the certificate's common name.
    pub username_is_common_name: bool,
    /// TLS and signing certificate have the same common name.
    pub same_common_name: bool,
    /// Refuse a message id seen before.
    pub replay: bool,
    /// Answers have to be signed.
    pub require_signed_response: bool,
}

/// What is kept of free text that is dropped by default (WIRE section 6).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// `eventType`s whose `associatedText` is kept.
    pub associated_text_kept: Vec<String>,
}

/// Sizes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireLimits {
    /// Bytes of a request.
    pub request_bytes: usize,
    /// Bytes of an answer.
    pub response_bytes: usize,
    /// Months of tests in Summary.
    pub recent_tests_months: u8,
}

/// A part of a message that a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SignedPart {
    /// The Security header's Timestamp.
    Timestamp,
    /// The Body.
    Body,
    /// Every WS-Addressing header.
    Addressing,
    /// `wsa:MessageID`.
    #[serde(rename = "MessageID")]
    MessageId,
    /// `wsa:Action`.
    Action,
    /// `wsa:To`.
    To,
    /// `wsa:From`.
    From,
}

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::enum_variant_names, reason = "the names of the standard")]
pub enum SignatureAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// With SHA-384.
    RsaSha384,
    /// With SHA-512.
    RsaSha512,
    /// With SHA-1: `legacy_itk` alone.
    RsaSha1,
}

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::enum_variant_names, reason = "the names of the standard")]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-1: `legacy_itk` alone.
    Sha1,
}

/// A canonicalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Canonicalisation {
    /// Exclusive XML Canonicalization 1.0, without comments.
    #[serde(rename = "exc-c14n")]
    Exclusive,
}

impl SignedPart {
    /// Whether this part names the WS-Addressing header.
    #[must_use]
    pub fn names_header(self, local: &str) -> bool {
        match self {
            Self::Timestamp | Self::Body => false,
            Self::Addressing => true,
            Self::MessageId => local == "MessageID",
            Self::Action => local == "Action",
            Self::To => local == "To",
            Self::From => local == "From",
        }
    }
}

impl Security {
    /// The parts that a receiver demands.
    #[must_use]
    pub fn required(&self) -> &[SignedPart] {
        if self.legacy_itk { &[SignedPart::Timestamp] } else { &self.signed_parts_required }
    }

    /// Whether a sender has to sign or digest with SHA-1.
    #[must_use]
    pub fn names_sha1(&self) -> bool {
        self.signature == SignatureAlgorithm::RsaSha1 || self.digest == DigestAlgorithm::Sha1
    }
}

impl WireProfile {
    /// The built-in profile.
    ///
    /// # Errors
    /// Never with the file as checked in: a test reads it.
    pub fn builtin() -> Result<Self, Vec<String>> {
        Self::parse(DEFAULT_PROFILE)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Every problem.
    pub fn load(path: &Path) -> Result<Self, Vec<String>> {
        let text =
            std::fs::read_to_string(path).map_err(|error| vec![format!("wire profile {}: {error}", path.display())])?;
        Self::parse(&text).map_err(|problems| {
            problems.into_iter().map(|problem| format!("wire profile {}: {problem}", path.display())).collect()
        })
    }

    /// Parses a profile.
    ///
    /// # Errors
    /// Every problem.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let profile: Self = toml::from_str(text).map_err(|error| vec![error.message().to_owned()])?;
        let problems = profile.problems();
        if problems.is_empty() { Ok(profile) } else { Err(problems) }
    }

    /// Says loudly where this profile is weaker than it should be. Called once at the start of either end.
    pub fn announce(&self) {
        if self.security.legacy_itk {
            tracing::warn!(
                profile = "legacy-itk",
                "LEGACY-ITK: SHA-1 SIGNATURES ARE ACCEPTED AND THE BODY NEED NOT BE SIGNED; only TLS protects what is asked"
            );
        }
    }

    /// The word of a view on the wire.
    #[must_use]
    pub fn view_word(&self, view: View) -> &str {
        self.views.get(view.as_str()).map_or_else(|| view.as_str(), String::as_str)
    }

    /// The view of a word on the wire.
    #[must_use]
    pub fn view(&self, word: &str) -> Option<View> {
        View::ALL.iter().copied().find(|view| self.view_word(*view) == word)
    }

    /// The interaction of a payload root.
    #[must_use]
    pub fn interaction(&self, root: &str) -> String {
        self.payload.interaction.replace("{root}", root)
    }

    /// The profile id of a payload root.
    #[must_use]
    pub fn profile_id(&self, root: &str) -> String {
        self.payload.profile.replace("{root}", root)
    }

    /// The address of an organisation.
    #[must_use]
    pub fn address(&self, ods: &str) -> String {
        format!("{}{ods}", self.addressing.address_prefix)
    }

    /// The action of an answer.
    #[must_use]
    pub fn response_action(&self) -> String {
        format!("{}{}", self.addressing.service, self.addressing.response_suffix)
    }

    /// The auditIdentity of a user of an organisation: the id is percent-encoded outside `[A-Za-z0-9._-]`.
    #[must_use]
    pub fn user_identity(&self, ods: &str, user: &str) -> String {
        use std::fmt::Write as _;
        let mut uri = format!("{}{ods}:user:", self.addressing.identity_prefix);
        for byte in user.bytes() {
            if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
                uri.push(char::from(byte));
            } else {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
        uri
    }
}

#[cfg(test)]
mod tests;
