//! Certificates and keys out of PEM files.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use time::OffsetDateTime;

/// A certificate, leaf first where there are more.
pub type Certificate = CertificateDer<'static>;

/// What is wrong with a PEM file. Never its content.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum CertificateError {
    /// No certificate in it.
    #[error("no certificate in PEM form")]
    NoCertificate,
    /// No private key in it.
    #[error("no private key in PEM form")]
    NoKey,
    /// A certificate cannot be read.
    #[error("a certificate that cannot be read")]
    Unreadable,
    /// The signing key is not RSA of 2048 bits or more.
    #[error("not an RSA key of at least 2048 bits")]
    NotRsa,
    /// The key does not belong to the certificate.
    #[error("the key does not belong to the certificate")]
    Mismatch,
    /// Not exactly one common name.
    #[error("the certificate's subject has not exactly one common name")]
    CommonName,
    /// Not a revocation list.
    #[error("a revocation list that cannot be read")]
    List,
    /// The profile asks for SHA-1, and this program cannot sign with it.
    #[error(
        "the wire profile signs with SHA-1 (legacy-itk), and this program was built without the feature legacy-itk"
    )]
    NoSha1,
}

/// Every certificate of a PEM text.
///
/// # Errors
/// None in it, or one that cannot be read.
pub fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    let list: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| CertificateError::Unreadable)?;
    if list.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(list) }
}

/// The private key of a PEM text.
///
/// # Errors
/// None in it.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| CertificateError::NoKey)
}

/// A trust list.
///
/// # Errors
/// None in it, or one that cannot be read.
pub fn roots(pem: &[u8]) -> Result<rustls::RootCertStore, CertificateError> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in certificates(pem)? {
        store.add(certificate).map_err(|_| CertificateError::Unreadable)?;
    }
    Ok(store)
}

/// The subject's single common name.
///
/// # Errors
/// None, or more than one.
pub fn common_name(der: &[u8]) -> Result<String, CertificateError> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).map_err(|_| CertificateError::Unreadable)?;
    let mut names = certificate.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(name), None) => name.as_str().map(str::to_owned).map_err(|_| CertificateError::CommonName),
        _ => Err(CertificateError::CommonName),
    }
}

/// Every revocation list of a PEM text; none without one.
///
/// # Errors
/// None in the text, or one that cannot be read.
pub fn revoked(pem: Option<&[u8]>) -> Result<Vec<CertificateRevocationListDer<'static>>, CertificateError> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::List)?;
    if lists.is_empty() { Err(CertificateError::List) } else { Ok(lists) }
}

/// The last instant of a certificate; nothing where it cannot be read.
#[must_use]
pub fn last_instant(der: &[u8]) -> Option<OffsetDateTime> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.validity().not_after.to_datetime())
}

/// When the next edition of a revocation list is due; nothing where it does not say.
#[must_use]
pub fn next_list(der: &[u8]) -> Option<OffsetDateTime> {
    let (_, list) = x509_parser::parse_x509_crl(der).ok()?;
    list.next_update().map(|at| at.to_datetime())
}
