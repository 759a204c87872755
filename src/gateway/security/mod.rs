//! WS-Security: [`Signer`] signs what we wrote, [`Verifier`] judges what others sent (WIRE section 3).
//!
//! Signing needs no canonicaliser, because `xml::Canonical` writes canonical fragments. Verifying hostile input uses the
//! canonicaliser of `bergshamra-c14n` on the document as parsed, and resolves every reference itself: the signature crate
//! above it takes any attribute called `id` for an XML id, and the envelope's manifest names its payload's `id` by rule.

mod certificate;
mod current;
mod legacy;
mod sign;
mod verify;

pub use certificate::{
    Certificate, CertificateError, certificates, common_name, key, last_instant, next_list, revoked, roots,
};
pub use current::{Current, Watched};
pub use sign::{Fragment, Signer};
pub use verify::{Refused, TimeRules, Verified, Verifier, at, canonical, window};

/// `ValueType` of a certificate token.
pub const X509V3: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
/// `EncodingType` of a token.
pub const BASE64: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
/// Exclusive canonicalisation.
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
