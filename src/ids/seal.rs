//! Sealed logical ids: AES-SIV over patient, keyed hash of the legacy id, and a suffix.
//!
//! Deterministic, so that the same entry has the same id on every route and after a restart; it names the patient to
//! us alone, so that a read needs no index. The view is not part of it: an entry in two views is one resource.

use aes_siv::{Aes256SivAead, KeyInit, aead::Aead};
use aws_lc_rs::hmac;
use base64::{Engine, alphabet::Alphabet, engine::GeneralPurpose, engine::general_purpose::NO_PAD};
use std::sync::OnceLock;

use super::{LogicalId, NhsNumber};

/// Which resource of one legacy entry this is: 0 is the entry's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Suffix(pub u8);

/// What a sealed id says once opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedId {
    /// The patient whose record holds the entry.
    pub patient: NhsNumber,
    /// Whether this is the id of the patient as such.
    pub is_patient: bool,
}

/// Seals and opens logical ids with one key set.
#[derive(Clone)]
pub struct Sealer {
    version: u8,
    cipher: std::sync::Arc<Aes256SivAead>,
    hash: hmac::Key,
}

/// The legacy "id" under which the patient's own resource is sealed.
const PATIENT: &str = "patient";
const VERSIONS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn engine() -> &'static GeneralPurpose {
    static ENGINE: OnceLock<GeneralPurpose> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.");
        GeneralPurpose::new(&alphabet.unwrap_or(base64::alphabet::URL_SAFE), NO_PAD)
    })
}

impl Sealer {
    /// A sealer of key version 0 to 25 from 64 secret bytes.
    #[must_use]
    pub fn new(version: u8, secret: &[u8; 64]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"mig-fhir legacy id hash");
        Self {
            version: VERSIONS.get(usize::from(version)).copied().unwrap_or(b'A'),
            cipher: std::sync::Arc::new(Aes256SivAead::new(secret.into())),
            hash: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
        }
    }

    /// The id of a legacy entry's resource. `legacy` is compared without case, as the source mixes it.
    #[must_use]
    pub fn seal(&self, patient: NhsNumber, legacy: &str, suffix: Suffix) -> LogicalId {
        // Five bytes of number, twelve of hash, one of suffix: an id of 64 characters has no room for more.
        let mut plain = Vec::with_capacity(18);
        let number: u64 = patient.reveal().parse().unwrap_or(0);
        plain.extend(number.to_be_bytes().iter().skip(3));
        let tag = hmac::sign(&self.hash, legacy.to_ascii_lowercase().as_bytes());
        plain.extend(tag.as_ref().iter().take(12));
        plain.push(suffix.0);
        self.encode(&plain)
    }

    /// The id of the patient's own resource.
    #[must_use]
    pub fn seal_patient(&self, patient: NhsNumber) -> LogicalId {
        self.seal(patient, PATIENT, Suffix(0))
    }

    /// Opens an id; `None` for anything this key set did not seal.
    #[must_use]
    pub fn open(&self, id: &LogicalId) -> Option<SealedId> {
        let plain = self.decode(id.as_str())?;
        if plain.len() != 18 {
            return None;
        }
        let number = plain.iter().take(5).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        let patient = NhsNumber::parse(&format!("{number:010}"))?;
        Some(SealedId { patient, is_patient: self.seal_patient(patient) == *id })
    }

    /// Seals any short text for the caller to hand back, such as a page link. URL-safe.
    #[must_use]
    pub fn seal_text(&self, plain: &[u8]) -> String {
        self.cipher.encrypt(&aes_siv::Nonce::default(), plain).map(|sealed| engine().encode(sealed)).unwrap_or_default()
    }

    /// Opens what [`Self::seal_text`] made.
    #[must_use]
    pub fn open_text(&self, sealed: &str) -> Option<Vec<u8>> {
        let bytes = engine().decode(sealed).ok()?;
        self.cipher.decrypt(&aes_siv::Nonce::default(), bytes.as_slice()).ok()
    }

    fn encode(&self, plain: &[u8]) -> LogicalId {
        LogicalId(format!("{}{}", char::from(self.version), self.seal_text(plain)))
    }

    fn decode(&self, text: &str) -> Option<Vec<u8>> {
        self.open_text(text.strip_prefix(char::from(self.version))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> NhsNumber {
        NhsNumber::parse("9990000018").expect("valid")
    }

    #[test]
    fn an_id_is_stable_short_and_opens_to_its_patient() {
        let sealer = Sealer::new(0, &[7; 64]);
        let id = sealer.seal(number(), "2AB5-x", Suffix(1));
        assert_eq!(id, sealer.seal(number(), "2ab5-X", Suffix(1)));
        assert_ne!(id, sealer.seal(number(), "2ab5-X", Suffix(0)));
        assert!(id.as_str().len() <= 64, "{id}");
        assert!(LogicalId::parse(id.as_str()).is_some(), "{id}");
        let opened = sealer.open(&id).expect("ours");
        assert_eq!(opened.patient, number());
        assert!(!opened.is_patient);
        assert!(sealer.open(&sealer.seal_patient(number())).expect("ours").is_patient);
    }

    #[test]
    fn an_id_that_was_not_sealed_here_does_not_open() {
        let sealer = Sealer::new(0, &[7; 64]);
        let other = Sealer::new(0, &[8; 64]);
        assert!(sealer.open(&other.seal_patient(number())).is_none());
        assert!(sealer.open(&LogicalId::parse("1").expect("form")).is_none());
    }
}
