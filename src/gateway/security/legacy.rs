//! RSA-SHA1, for the profile `legacy-itk` alone, and only where the program was built with the feature of that name.
//!
//! The library that does everything else verifies RSA-SHA1 and refuses to sign it. Called by [`super::Signer`] alone.

use super::certificate::CertificateError;
use rustls_pki_types::PrivateKeyDer;

/// A key that signs with SHA-1.
#[cfg(feature = "legacy-itk")]
pub(super) struct LegacyKey(rsa::PrivateKey);

/// There is none in this program.
#[cfg(not(feature = "legacy-itk"))]
pub(super) enum LegacyKey {}

#[cfg(feature = "legacy-itk")]
impl LegacyKey {
    pub(super) fn of(key: &PrivateKeyDer<'_>) -> Result<Self, CertificateError> {
        use rsa::pkcs1::DecodeRsaPrivateKey as _;
        use rsa::pkcs8::DecodePrivateKey as _;
        let key = match key {
            PrivateKeyDer::Pkcs8(der) => rsa::PrivateKey::from_pkcs8_der(der.secret_pkcs8_der()).ok(),
            PrivateKeyDer::Pkcs1(der) => rsa::PrivateKey::from_pkcs1_der(der.secret_pkcs1_der()).ok(),
            _ => None,
        };
        key.map(Self).ok_or(CertificateError::NotRsa)
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.0.pkcs1v15_sign::<sha1::Sha1>(bytes).ok()
    }
}

#[cfg(not(feature = "legacy-itk"))]
impl LegacyKey {
    pub(super) fn of(_: &PrivateKeyDer<'_>) -> Result<Self, CertificateError> {
        Err(CertificateError::NoSha1)
    }

    pub(super) fn sign(&self, _: &[u8]) -> Option<Vec<u8>> {
        match *self {}
    }
}
