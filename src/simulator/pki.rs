//! The demo's certificates: one authority, the simulated MIG's server certificate, and the client certificate that both
//! connects and signs. Made once in a folder, reused while they last. Never for real use: the authority's own key is
//! thrown away, so that nothing more can be issued under it. Called by the demo and by tests.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// The common name of the client certificate, as the simulator's list has it.
pub const CLIENT_NAME: &str = "facade.demo.invalid";
/// The names of the simulated MIG.
const SERVER_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "mig.demo.invalid"];
const LIFE: Duration = Duration::days(365);
/// Certificates with less life than this are made anew.
const REMNANT: Duration = Duration::days(30);

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be written.
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] std::io::Error),
    /// A key or certificate cannot be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
}

/// The certificates of one folder.
#[derive(Debug, Clone)]
pub struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Those of a folder, made unless they are all there and last another month.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn in_folder(folder: &Path, now: OffsetDateTime) -> Result<Self, PkiError> {
        let pki = Self { folder: folder.to_owned() };
        if !pki.is_sound(now) {
            pki.make(now)?;
        }
        Ok(pki)
    }

    /// The authority's certificate, PEM: what each side trusts.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The simulated MIG's certificate, PEM.
    #[must_use]
    pub fn server_certificate(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// Its key, PKCS#8 PEM.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// The certificate with which the facade, or anyone's SOAP client, connects and signs; PEM, RSA 2048.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// Its key, PKCS#8 PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("client.key")
    }

    fn is_sound(&self, now: OffsetDateTime) -> bool {
        let keys = [self.server_key(), self.client_key()];
        let certificates = [self.ca(), self.server_certificate(), self.client_certificate()];
        keys.iter().all(|key| key.is_file()) && certificates.iter().all(|file| lasts(file, now + REMNANT))
    }

    fn make(&self, now: OffsetDateTime) -> Result<(), PkiError> {
        let authority_key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let mut authority = params("mig-fhir demo authority", &[], now)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let mut server = params("mig.demo.invalid", &SERVER_NAMES, now)?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server = server.signed_by(&server_key, &issuer)?;

        let client_key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let mut client = params(CLIENT_NAME, &[CLIENT_NAME], now)?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = client.signed_by(&client_key, &issuer)?;

        write_secret(&self.server_key(), server_key.serialize_pem().as_bytes())?;
        write_secret(&self.client_key(), client_key.serialize_pem().as_bytes())?;
        write(&self.server_certificate(), server.pem().as_bytes())?;
        write(&self.client_certificate(), client.pem().as_bytes())?;
        // Last: a folder without it is made anew as a whole.
        write(&self.ca(), ca.pem().as_bytes())
    }
}

fn params(name: &str, alternatives: &[&str], now: OffsetDateTime) -> Result<CertificateParams, PkiError> {
    let alternatives: Vec<String> = alternatives.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(alternatives)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - Duration::days(1);
    params.not_after = now + LIFE;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn lasts(certificate: &Path, until: OffsetDateTime) -> bool {
    let Ok(pem) = std::fs::read(certificate) else { return false };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(&pem) else { return false };
    pem.parse_x509().is_ok_and(|parsed| parsed.validity().not_after.timestamp() > until.unix_timestamp())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), PkiError> {
    std::fs::write(path, bytes).map_err(|error| PkiError::Write(path.to_owned(), error))
}

/// Writes a file that only its owner can read, from its first byte on.
///
/// # Errors
/// [`PkiError::Write`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), PkiError> {
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&fresh)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(|error| PkiError::Write(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-24 10:00 UTC);

    fn client(pki: &Pki) -> Vec<u8> {
        std::fs::read(pki.client_certificate()).unwrap()
    }

    #[test]
    fn certificates_are_reused_until_their_last_month() {
        let folder = tempfile::tempdir().unwrap();
        let first = client(&Pki::in_folder(folder.path(), NOW).unwrap());
        assert_eq!(client(&Pki::in_folder(folder.path(), NOW + Duration::days(300)).unwrap()), first);
        assert_ne!(client(&Pki::in_folder(folder.path(), NOW + Duration::days(340)).unwrap()), first);
    }

    #[test]
    fn a_folder_that_lacks_one_file_is_made_anew_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::in_folder(folder.path(), NOW).unwrap();
        let first = client(&pki);
        std::fs::remove_file(pki.server_key()).unwrap();
        assert_ne!(client(&Pki::in_folder(folder.path(), NOW).unwrap()), first);
    }

    #[test]
    fn the_client_certificate_names_the_facade_and_comes_from_the_authority() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::in_folder(folder.path(), NOW).unwrap();
        let parsed = |path: PathBuf| x509_parser::pem::parse_x509_pem(&std::fs::read(path).unwrap()).unwrap().1;
        let (ca, leaf) = (parsed(pki.ca()), parsed(pki.client_certificate()));
        let (ca, leaf) = (ca.parse_x509().unwrap(), leaf.parse_x509().unwrap());
        assert_eq!(leaf.issuer(), ca.subject());
        assert!(ca.is_ca() && !leaf.is_ca());
        let names: Vec<&str> = leaf.subject().iter_common_name().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(names, [CLIENT_NAME]);
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_readable_by_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::in_folder(folder.path(), NOW).unwrap();
        for key in [pki.client_key(), pki.server_key()] {
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
