//! The keys of the chain. The first line of the key file is the key in use, the lines below it verify older rows.
//!
//! A line is `ID BASE64`, at least 32 bytes. To rotate, put a new line on top and restart. Keys never print themselves.

use super::AuditError;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::path::Path;
use zeroize::Zeroizing;

/// The shortest key accepted, in bytes.
const SHORTEST: usize = 32;

/// What a row's keyed hash is: SHA-256.
pub(super) const MAC: usize = 32;

struct Key {
    id: String,
    chain: hmac::Key,
    /// Derived, so that the searchable hash of a patient says nothing about the chain.
    patient: hmac::Key,
}

/// The keys, the one in use first.
pub struct Keys {
    current: Key,
    older: Vec<Key>,
}

impl Keys {
    /// Reads the key file.
    ///
    /// # Errors
    /// [`AuditError::Keys`] when it cannot be read or a line is not a key.
    pub fn load(path: &Path) -> Result<Self, AuditError> {
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|_| AuditError::Keys)?);
        Self::parse(&text)
    }

    /// Makes a key file with one random key, readable by its owner alone, unless the file is there already.
    ///
    /// # Errors
    /// [`AuditError::Keys`].
    pub fn create(path: &Path, id: &str) -> Result<(), AuditError> {
        if path.exists() {
            return Ok(());
        }
        let mut bytes = Zeroizing::new([0_u8; SHORTEST]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| AuditError::Keys)?;
        let line = Zeroizing::new(format!("{id} {}\n", STANDARD.encode(bytes.as_ref())));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|_| AuditError::Keys)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|_| AuditError::Keys)
    }

    fn parse(text: &str) -> Result<Self, AuditError> {
        let mut keys = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (id, encoded) = line.trim().split_once(' ').ok_or(AuditError::Keys)?;
            let secret = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| AuditError::Keys)?);
            if secret.len() < SHORTEST || keys.iter().any(|key: &Key| key.id == id) {
                return Err(AuditError::Keys);
            }
            let chain = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let patient = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&chain, b"patient index").as_ref());
            keys.push(Key { id: id.to_owned(), chain, patient });
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(AuditError::Keys)?;
        Ok(Self { current, older: keys.collect() })
    }

    /// The id of the key in use.
    pub(super) fn current(&self) -> &str {
        &self.current.id
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }

    fn find(&self, id: &str) -> Option<&Key> {
        self.all().find(|key| key.id == id)
    }

    /// The keyed hash of a row; `None` when the key is not known.
    pub(super) fn mac(&self, key_id: &str, prev: &[u8], chain: &str, seq: i64, payload: &str) -> Option<[u8; MAC]> {
        let mut context = hmac::Context::with_key(&self.find(key_id)?.chain);
        // Each part has a length that is fixed or told, so that no two rows read alike.
        context.update(&u64::try_from(prev.len()).ok()?.to_be_bytes());
        context.update(prev);
        context.update(&u64::try_from(chain.len()).ok()?.to_be_bytes());
        context.update(chain.as_bytes());
        context.update(&seq.to_be_bytes());
        context.update(payload.as_bytes());
        context.sign().as_ref().try_into().ok()
    }

    /// The hash under which a patient's rows are found, by one key.
    pub(super) fn patient_hash(&self, key_id: &str, patient: &str) -> Option<Vec<u8>> {
        Some(hmac::sign(&self.find(key_id)?.patient, patient.as_bytes()).as_ref().to_vec())
    }

    /// The hashes under which a patient's rows are found, by every key.
    pub(super) fn patient_hashes(&self, patient: &str) -> Vec<Vec<u8>> {
        self.all().map(|key| hmac::sign(&key.patient, patient.as_bytes()).as_ref().to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.key");
        Keys::create(&path, "k1").expect("made");
        let first = std::fs::read_to_string(&path).expect("read");
        Keys::create(&path, "k1").expect("left alone");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), first);
        assert_eq!(Keys::load(&path).expect("loads").current(), "k1");
    }

    #[test]
    fn short_doubled_or_missing_keys_are_refused() {
        let long = STANDARD.encode([7_u8; 32]);
        for wrong in [String::new(), format!("k1 {}", STANDARD.encode([7_u8; 31])), format!("k1 {long}\nk1 {long}")] {
            assert!(Keys::parse(&wrong).is_err());
        }
        assert!(Keys::parse(&format!("k2 {long}\nk1 {long}\n")).is_ok());
    }
}
