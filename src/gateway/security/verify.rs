//! Judges the security of a message as received: who signed it, which parts, each in its own place.

use super::certificate::{Certificate, common_name};
use super::sign::{digest_of, verification_of};
use super::{BASE64, EXCLUSIVE, X509V3};
use crate::gateway::profile::{Security, SignedPart};
use crate::gateway::xml::{DS, Message, Node, SOAP, WSA, WSSE, WSU};
use aws_lc_rs::{digest, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra_c14n::C14nMode;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// No message has as many parts to sign.
const MAX_REFERENCES: usize = 64;

/// The shortest modulus of a key that counts, in bits.
const MIN_KEY_BITS: usize = 2048;

/// Why a message's security does not hold. Fixed words, for the log of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// The receiver's rules about times, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct TimeRules {
    /// The longest window.
    pub maximum_window: i64,
    /// How far ahead Created may be.
    pub skew: i64,
}

impl From<&Security> for TimeRules {
    fn from(security: &Security) -> Self {
        Self { maximum_window: security.maximum_window_seconds, skew: security.skew_seconds }
    }
}

/// What a verified message rests on.
pub struct Verified {
    /// The leaf certificate, DER.
    pub certificate: Certificate,
    /// Its single common name.
    pub common_name: String,
    /// Nodes that the signature covers.
    signed: Vec<uppsala::NodeId>,
}

impl Verified {
    /// Whether the signature covers this element.
    #[must_use]
    pub fn covers(&self, node: &Node) -> bool {
        node.id.is_some_and(|id| self.signed.contains(&id))
    }

    /// Whether every required part that is present is signed.
    #[must_use]
    pub fn covers_required(&self, header: &Node, timestamp: &Node, body: &Node, required: &[SignedPart]) -> bool {
        required.iter().all(|part| match part {
            SignedPart::Timestamp => self.covers(timestamp),
            SignedPart::Body => self.covers(body),
            named => header
                .children
                .iter()
                .filter(|child| child.ns == WSA && named.names_header(&child.name))
                .all(|child| self.covers(child)),
        })
    }
}

/// A trust list and the algorithms allowed.
pub struct Verifier {
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<webpki::CertRevocationList<'static>>,
    rules: Security,
}

/// An instant that ends in `Z`.
#[must_use]
pub fn at(text: &str) -> Option<OffsetDateTime> {
    (text.ends_with('Z') && text.get(10..11) == Some("T")).then(|| OffsetDateTime::parse(text, &Rfc3339).ok()).flatten()
}

/// Judges a Timestamp: Created once, Expires once, in order, within the window, and now between them.
///
/// # Errors
/// [`Refused`].
pub fn window(
    timestamp: &Node,
    now: OffsetDateTime,
    rules: TimeRules,
) -> Result<(OffsetDateTime, OffsetDateTime), Refused> {
    let read = |name| timestamp.only(WSU, name).and_then(|node| at(&node.token()));
    let created = read("Created").ok_or(Refused("timestamp without one Created in UTC"))?;
    let expires = read("Expires").ok_or(Refused("timestamp without one Expires in UTC"))?;
    if created >= expires {
        return Err(Refused("timestamp expires before it was created"));
    }
    if expires - created > time::Duration::seconds(rules.maximum_window) {
        return Err(Refused("timestamp lives too long"));
    }
    if created > now + time::Duration::seconds(rules.skew) {
        return Err(Refused("timestamp from the future"));
    }
    if now >= expires {
        return Err(Refused("timestamp expired"));
    }
    Ok((created, expires))
}

impl Verifier {
    /// Trusts these roots, and refuses what the lists revoke.
    ///
    /// # Errors
    /// A root or list that cannot be read.
    pub fn new(
        roots: &[Certificate],
        lists: &[CertificateRevocationListDer<'_>],
        rules: &Security,
    ) -> Result<Self, Refused> {
        let anchors = roots
            .iter()
            .map(|root| webpki::anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| Refused("a trusted certificate that cannot be read"))?;
        let revoked = lists
            .iter()
            .map(|list| webpki::OwnedCertRevocationList::from_der(list).map(webpki::CertRevocationList::from))
            .collect::<Result<_, _>>()
            .map_err(|_| Refused("a revocation list that cannot be read"))?;
        Ok(Self { anchors, revoked, rules: rules.clone() })
    }

    /// The parts that have to be signed.
    #[must_use]
    pub fn required(&self) -> &[SignedPart] {
        self.rules.required()
    }

    /// Verifies the signature in the Security header of a message.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, message: &Message<'_>, security: &Node, now: OffsetDateTime) -> Result<Verified, Refused> {
        let token = security.only(WSSE, "BinarySecurityToken").ok_or(Refused("not exactly one token"))?;
        let certificate = leaf(token)?;
        let signature = security.only(DS, "Signature").ok_or(Refused("not exactly one signature"))?;
        if count(&message.root, DS, "Signature") != 1 {
            return Err(Refused("a signature outside the Security header"));
        }
        let ids = ids(&message.root)?;
        key_info(signature, token)?;
        self.trusted(&certificate, now)?;
        let info = signature.only(DS, "SignedInfo").ok_or(Refused("not exactly one SignedInfo"))?;
        let method = info
            .only(DS, "SignatureMethod")
            .and_then(|node| node.attribute("Algorithm"))
            .and_then(|uri| verification_of(uri, self.rules.signature, self.rules.legacy_itk))
            .ok_or(Refused("signature algorithm not allowed"))?;
        let canonical = info.only(DS, "CanonicalizationMethod").ok_or(Refused("canonicalisation not allowed"))?;
        let bytes = canonicalise(message, info, canonical)?;
        let value = signature.only(DS, "SignatureValue").ok_or(Refused("not exactly one SignatureValue"))?;
        let value = base64(&value.text).ok_or(Refused("signature value unreadable"))?;
        check_value(&certificate, method, &bytes, &value)?;
        let signed = self.references(message, security, info, &ids)?;
        let common_name = common_name(&certificate).map_err(|_| Refused("certificate without one common name"))?;
        Ok(Verified { certificate, common_name, signed })
    }

    fn trusted(&self, certificate: &Certificate, now: OffsetDateTime) -> Result<(), Refused> {
        let leaf = webpki::EndEntityCert::try_from(certificate).map_err(|_| Refused("certificate unreadable"))?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.unix_timestamp()).unwrap_or(0)));
        let lists: Vec<_> = self.revoked.iter().collect();
        let check = |usage: webpki::KeyUsage| {
            let revocation = webpki::RevocationOptionsBuilder::new(&lists)
                .ok()
                .map(|options| options.with_status_policy(webpki::UnknownStatusPolicy::Allow).build());
            leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &self.anchors, &[], now, usage, revocation, None)
                .map(|_| ())
        };
        check(webpki::KeyUsage::client_auth())
            .or_else(|first| check(webpki::KeyUsage::server_auth()).map_err(|_| first))
            .map_err(|why| match why {
                webpki::Error::CertExpired { .. } => Refused("certificate expired"),
                webpki::Error::CertNotValidYet { .. } => Refused("certificate not valid yet"),
                webpki::Error::CertRevoked => Refused("certificate revoked"),
                _ => Refused("certificate not trusted"),
            })
    }

    fn references(
        &self,
        message: &Message<'_>,
        security: &Node,
        info: &Node,
        ids: &[(&str, &Node)],
    ) -> Result<Vec<uppsala::NodeId>, Refused> {
        let mut signed = Vec::new();
        for (count, reference) in info.all(DS, "Reference").enumerate() {
            // Each costs a canonical form of its target.
            if count >= MAX_REFERENCES {
                return Err(Refused("too many references"));
            }
            let target = reference
                .attribute("URI")
                .and_then(|uri| uri.strip_prefix('#'))
                .and_then(|id| ids.iter().find(|(known, _)| *known == id))
                .map(|(_, node)| *node)
                .ok_or(Refused("a reference that resolves to nothing"))?;
            if !in_place(&message.root, security, target) {
                return Err(Refused("a signed part out of its place"));
            }
            let transforms = reference.only(DS, "Transforms").ok_or(Refused("a reference without one transform"))?;
            let [transform] = transforms.children.as_slice() else {
                return Err(Refused("a reference without one transform"));
            };
            let algorithm = reference
                .only(DS, "DigestMethod")
                .and_then(|node| node.attribute("Algorithm"))
                .and_then(|uri| digest_of(uri, self.rules.digest, self.rules.legacy_itk))
                .ok_or(Refused("digest algorithm not allowed"))?;
            let wanted = reference
                .only(DS, "DigestValue")
                .and_then(|node| base64(&node.text))
                .ok_or(Refused("digest value unreadable"))?;
            let bytes = canonicalise(message, target, transform)?;
            if digest::digest(algorithm, &bytes).as_ref() != wanted {
                return Err(Refused("a digest does not match"));
            }
            signed.extend(target.id);
        }
        Ok(signed)
    }
}

/// A signed part is in its own place: the Body the Envelope's only one, an addressing header in the only Header, a Timestamp,
/// token or the like in the Security header; anything else a child of the Header or of the Security header.
fn in_place(root: &Node, security: &Node, target: &Node) -> bool {
    let same = |node: &Node| node.id.is_some() && node.id == target.id;
    let body = || root.only(SOAP, "Body").is_some_and(same);
    let header = || root.only(SOAP, "Header").is_some_and(|header| header.children.iter().any(same));
    let secured = || security.children.iter().any(same);
    match target.ns.as_str() {
        SOAP => target.name == "Body" && body(),
        WSA => header(),
        WSU | WSSE => secured(),
        _ => header() || secured(),
    }
}

fn leaf(token: &Node) -> Result<Certificate, Refused> {
    if token.attribute("ValueType") != Some(X509V3) || token.attribute("EncodingType") != Some(BASE64) {
        return Err(Refused("token of another type"));
    }
    base64(&token.text).map(CertificateDer::from).ok_or(Refused("token unreadable"))
}

/// `KeyInfo` has one child, a reference to the token by id and type.
fn key_info(signature: &Node, token: &Node) -> Result<(), Refused> {
    let wrong = Refused("KeyInfo does not name the token");
    let [about] = signature.only(DS, "KeyInfo").ok_or(wrong)?.children.as_slice() else { return Err(wrong) };
    let [reference] = about.children.as_slice() else { return Err(wrong) };
    let id = token.attribute_ns(WSU, "Id").ok_or(wrong)?;
    let names = about.is(WSSE, "SecurityTokenReference")
        && reference.is(WSSE, "Reference")
        && reference.attribute("ValueType") == Some(X509V3)
        && reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) == Some(id);
    if names { Ok(()) } else { Err(wrong) }
}

/// Every id that a reference could name, each once: `wsu:Id`, and `Id` of a signature's own elements.
fn ids(root: &Node) -> Result<Vec<(&str, &Node)>, Refused> {
    fn collect<'n>(node: &'n Node, out: &mut Vec<(&'n str, &'n Node)>) {
        for (ns, name, value) in &node.attributes {
            if (ns == WSU && name == "Id") || (ns.is_empty() && (name == "Id" || name == "ID")) {
                out.push((value, node));
            }
        }
        for child in &node.children {
            collect(child, out);
        }
    }
    let mut list = Vec::new();
    collect(root, &mut list);
    list.sort_by_key(|(id, _)| *id);
    if list.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
        return Err(Refused("an id given twice"));
    }
    Ok(list)
}

fn count(node: &Node, ns: &str, name: &str) -> usize {
    usize::from(node.is(ns, name)) + node.children.iter().map(|child| count(child, ns, name)).sum::<usize>()
}

/// The canonical form of one element, by the algorithm that a method or transform element names.
fn canonicalise(message: &Message<'_>, node: &Node, method: &Node) -> Result<Vec<u8>, Refused> {
    let wrong = Refused("canonicalisation not allowed");
    if method.attribute("Algorithm") != Some(EXCLUSIVE) {
        return Err(wrong);
    }
    let prefixes: Vec<String> = method
        .only(EXCLUSIVE, "InclusiveNamespaces")
        .and_then(|list| list.attribute("PrefixList"))
        .map(|list| list.split_ascii_whitespace().map(str::to_owned).collect())
        .unwrap_or_default();
    if method.children.len() > 1
        || method.children.first().is_some_and(|child| !child.is(EXCLUSIVE, "InclusiveNamespaces"))
    {
        return Err(wrong);
    }
    exclusive(message, node, &prefixes)
}

/// The exclusive canonical form of one element of a parsed message.
///
/// # Errors
/// [`Refused`] where the element is not of that message.
pub fn canonical(message: &Message<'_>, node: &Node) -> Result<Vec<u8>, Refused> {
    exclusive(message, node, &[])
}

fn exclusive(message: &Message<'_>, node: &Node, prefixes: &[String]) -> Result<Vec<u8>, Refused> {
    let wrong = Refused("canonicalisation not allowed");
    let id = node.id.ok_or(wrong)?;
    let set = bergshamra_xml::NodeSet::tree_without_comments(id, &message.document);
    bergshamra_c14n::canonicalize_doc(&message.document, C14nMode::Exclusive, Some(&set), prefixes).map_err(|_| wrong)
}

fn check_value(
    certificate: &Certificate,
    method: &'static signature::RsaParameters,
    bytes: &[u8],
    value: &[u8],
) -> Result<(), Refused> {
    let (_, parsed) =
        x509_parser::parse_x509_certificate(certificate).map_err(|_| Refused("certificate unreadable"))?;
    let key = parsed.public_key();
    if key.algorithm.algorithm != x509_parser::oid_registry::OID_PKCS1_RSAENCRYPTION {
        return Err(Refused("not an RSA certificate"));
    }
    // Told apart from a wrong signature, which is all that the library would say of it.
    match key.parsed() {
        Ok(x509_parser::public_key::PublicKey::RSA(rsa)) if rsa.key_size() >= MIN_KEY_BITS => {}
        _ => return Err(Refused("an RSA key that is too short")),
    }
    let usage = parsed.key_usage().ok().flatten().map(|extension| extension.value);
    if usage.is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation()) {
        return Err(Refused("a certificate that may not sign"));
    }
    signature::UnparsedPublicKey::new(method, key.subject_public_key.data.as_ref())
        .verify(bytes, value)
        .map_err(|_| Refused("the signature does not verify"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let clean: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(clean).ok()
}
