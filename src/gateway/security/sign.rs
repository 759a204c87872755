//! Signs a message of our own. The key is parsed once and kept.

use super::certificate::{CertificateError, certificates, common_name, key, last_instant};
use super::legacy::LegacyKey;
use super::{BASE64, EXCLUSIVE, X509V3};
use crate::gateway::profile::{DigestAlgorithm, SignatureAlgorithm};
use crate::gateway::xml::{Canonical, DS, SOAP, WSSE, WSU};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use aws_lc_rs::{digest, rand, rsa, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;
use time::OffsetDateTime;

/// A key, its certificate and its algorithms.
pub struct Signer {
    key: rsa::KeyPair,
    /// In place of `key` where the profile signs with SHA-1.
    legacy: Option<LegacyKey>,
    token: String,
    name: String,
    last: Option<OffsetDateTime>,
    signature: SignatureAlgorithm,
    digest: DigestAlgorithm,
}

/// A canonical fragment of the message and its `wsu:Id`.
pub struct Fragment<'a> {
    /// `wsu:Id`.
    pub id: &'a str,
    /// The element, as it stands in the message.
    pub xml: &'a str,
}

impl Signer {
    /// Reads certificate and key; the first certificate is the leaf that is sent.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(
        certificate: &[u8],
        private_key: &[u8],
        signature: SignatureAlgorithm,
        digest: DigestAlgorithm,
    ) -> Result<Self, CertificateError> {
        let leaf = certificates(certificate)?.into_iter().next().ok_or(CertificateError::NoCertificate)?;
        let private = key(private_key)?;
        let key = match &private {
            PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(CertificateError::NotRsa),
        }
        .map_err(|_| CertificateError::NotRsa)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).map_err(|_| CertificateError::Unreadable)?;
        if parsed.public_key().subject_public_key.data.as_ref() != key.public_key().as_ref() {
            return Err(CertificateError::Mismatch);
        }
        let name = common_name(&leaf)?;
        let sha1 = signature == SignatureAlgorithm::RsaSha1 || digest == DigestAlgorithm::Sha1;
        let legacy = if sha1 { Some(LegacyKey::of(&private)?) } else { None };
        Ok(Self { key, legacy, token: STANDARD.encode(&leaf), name, last: last_instant(&leaf), signature, digest })
    }

    /// The certificate's last instant.
    #[must_use]
    pub fn last_instant(&self) -> Option<OffsetDateTime> {
        self.last
    }

    /// The certificate's common name.
    #[must_use]
    pub fn common_name(&self) -> &str {
        &self.name
    }

    /// Writes `wsse:Security` of a request: the Timestamp given, Username, token, and a signature over the fragments.
    /// Nothing where the key fails to sign.
    #[must_use]
    pub fn security(&self, timestamp: &str, token_id: &str, fragments: &[Fragment<'_>]) -> Option<String> {
        let mut user = Canonical::default();
        user.open(("wsse", WSSE, "UsernameToken"), None, &[]);
        user.leaf(("wsse", WSSE, "Username"), &[], &self.name);
        self.header(timestamp, &user.finish(), token_id, fragments)
    }

    /// The same of an answer, which names no user.
    #[must_use]
    pub fn security_of_answer(&self, timestamp: &str, token_id: &str, fragments: &[Fragment<'_>]) -> Option<String> {
        self.header(timestamp, "", token_id, fragments)
    }

    fn header(&self, timestamp: &str, user: &str, token_id: &str, fragments: &[Fragment<'_>]) -> Option<String> {
        let info = self.signed_info(fragments);
        let value = self.sign(info.as_bytes())?;
        let mut token = Canonical::default();
        token.open(
            ("wsse", WSSE, "BinarySecurityToken"),
            Some(token_id),
            &[("EncodingType", BASE64), ("ValueType", X509V3)],
        );
        token.text(&self.token);
        let token = token.finish();
        let mut about = Canonical::default();
        about.open(("ds", DS, "KeyInfo"), None, &[]).open(("wsse", WSSE, "SecurityTokenReference"), None, &[]);
        about.leaf(("wsse", WSSE, "Reference"), &[("URI", &format!("#{token_id}")), ("ValueType", X509V3)], "");
        let about = about.finish();
        Some(format!(
            "<wsse:Security xmlns:wsse=\"{WSSE}\" xmlns:soap=\"{SOAP}\" soap:mustUnderstand=\"1\">{timestamp}{user}{token}\
             <ds:Signature xmlns:ds=\"{DS}\">{info}<ds:SignatureValue>{value}</ds:SignatureValue>{about}</ds:Signature>\
             </wsse:Security>"
        ))
    }

    /// Writes a Timestamp.
    #[must_use]
    pub fn timestamp(id: &str, created: &str, expires: &str) -> String {
        let mut out = Canonical::default();
        out.open(("wsu", WSU, "Timestamp"), Some(id), &[]);
        out.leaf(("wsu", WSU, "Created"), &[], created).leaf(("wsu", WSU, "Expires"), &[], expires);
        out.finish()
    }

    fn signed_info(&self, fragments: &[Fragment<'_>]) -> String {
        let (signature, _) = algorithm(self.signature);
        let (digest_uri, digest) = digesting(self.digest);
        let mut info = Canonical::default();
        info.open(("ds", DS, "SignedInfo"), None, &[]);
        info.leaf(("ds", DS, "CanonicalizationMethod"), &[("Algorithm", EXCLUSIVE)], "");
        info.leaf(("ds", DS, "SignatureMethod"), &[("Algorithm", signature)], "");
        for fragment in fragments {
            let value = STANDARD.encode(digest::digest(digest, fragment.xml.as_bytes()));
            info.open(("ds", DS, "Reference"), None, &[("URI", &format!("#{}", fragment.id))]);
            info.open(("ds", DS, "Transforms"), None, &[]);
            info.leaf(("ds", DS, "Transform"), &[("Algorithm", EXCLUSIVE)], "").close();
            info.leaf(("ds", DS, "DigestMethod"), &[("Algorithm", digest_uri)], "");
            info.leaf(("ds", DS, "DigestValue"), &[], &value).close();
        }
        info.finish()
    }

    fn sign(&self, bytes: &[u8]) -> Option<String> {
        let Some(encoding) = algorithm(self.signature).1 else {
            return self.legacy.as_ref()?.sign(bytes).map(|value| STANDARD.encode(value));
        };
        let mut value = vec![0; self.key.public_modulus_len()];
        self.key.sign(encoding, &rand::SystemRandom::new(), bytes, &mut value).ok()?;
        Some(STANDARD.encode(value))
    }
}

/// The name of an algorithm, and what signs with it; nothing where only [`LegacyKey`] does.
fn algorithm(name: SignatureAlgorithm) -> (&'static str, Option<&'static dyn RsaEncoding>) {
    match name {
        SignatureAlgorithm::RsaSha256 => ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", Some(&RSA_PKCS1_SHA256)),
        SignatureAlgorithm::RsaSha384 => ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", Some(&RSA_PKCS1_SHA384)),
        SignatureAlgorithm::RsaSha512 => ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", Some(&RSA_PKCS1_SHA512)),
        SignatureAlgorithm::RsaSha1 => ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", None),
    }
}

fn digesting(name: DigestAlgorithm) -> (&'static str, &'static digest::Algorithm) {
    match name {
        DigestAlgorithm::Sha256 => ("http://www.w3.org/2001/04/xmlenc#sha256", &digest::SHA256),
        DigestAlgorithm::Sha384 => ("http://www.w3.org/2001/04/xmldsig-more#sha384", &digest::SHA384),
        DigestAlgorithm::Sha512 => ("http://www.w3.org/2001/04/xmlenc#sha512", &digest::SHA512),
        DigestAlgorithm::Sha1 => ("http://www.w3.org/2000/09/xmldsig#sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
    }
}

/// The digest of a URI that the profile allows: the one it names, and in `legacy-itk` SHA-1 and SHA-256.
pub(super) fn digest_of(uri: &str, allowed: DigestAlgorithm, legacy: bool) -> Option<&'static digest::Algorithm> {
    let also: &[_] = if legacy { &[DigestAlgorithm::Sha1, DigestAlgorithm::Sha256] } else { &[] };
    let found = also.iter().chain([&allowed]).find(|known| digesting(**known).0 == uri)?;
    (legacy || *found != DigestAlgorithm::Sha1).then(|| digesting(*found).1)
}

/// The verification algorithm of a URI that the profile allows, likewise.
pub(super) fn verification_of(
    uri: &str,
    allowed: SignatureAlgorithm,
    legacy: bool,
) -> Option<&'static signature::RsaParameters> {
    let also: &[_] = if legacy { &[SignatureAlgorithm::RsaSha1, SignatureAlgorithm::RsaSha256] } else { &[] };
    let found = also.iter().chain([&allowed]).find(|known| algorithm(**known).0 == uri)?;
    match found {
        SignatureAlgorithm::RsaSha256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        SignatureAlgorithm::RsaSha384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        SignatureAlgorithm::RsaSha512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        SignatureAlgorithm::RsaSha1 => legacy.then_some(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    }
}
