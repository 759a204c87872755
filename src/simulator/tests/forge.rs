//! Makes messages that no honest sender makes: each piece of a signature can be told otherwise, and is then signed rightly.

use super::{Bench, Leaf, RICH, pki, told_why, view_of};
use crate::gateway::security::{BASE64, EXCLUSIVE, X509V3, certificates, key};
use crate::gateway::xml::{DS, SOAP, WSSE};
use aws_lc_rs::{digest, rand, rsa, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivateKeyDer;

pub(super) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(super) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// A good message that was not sent, and what may be done to it.
pub(super) struct Kit {
    pub message: String,
}

/// What it is called, how it is made, and what it is answered with.
pub(super) type Case = (&'static str, fn(&Kit) -> String, &'static str);

/// Sends every case and compares the answers; how many there were.
pub(super) async fn judge(bench: &Bench, cases: &[Case]) -> usize {
    let client = bench.client();
    let (mut wrong, mut accepted) = (Vec::new(), 0);
    let before = bench.server.extracts().len();
    for (what, make, wanted) in cases {
        let kit = Kit { message: client.write(&view_of(RICH)) };
        let got = client.post(make(&kit)).await.map_or_else(|error| error, |bytes| told_why(&bytes));
        if got != *wanted {
            wrong.push(format!("{what}: {got}, not {wanted}"));
        }
        accepted += usize::from(got.starts_with("MIG-"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(bench.server.extracts().len() - before, accepted, "what was refused left no trace of a viewing");
    cases.len()
}

/// The piece of a message from one text to another, both included.
pub(super) fn piece<'m>(message: &'m str, from: &str, to: &str) -> &'m str {
    let start = message.find(from).unwrap_or_else(|| panic!("{from} is not in the message"));
    let rest = &message[start..];
    &rest[..rest.find(to).expect("its end") + to.len()]
}

/// An element by its tag.
pub(super) fn element<'m>(message: &'m str, tag: &str) -> &'m str {
    piece(message, &format!("<{tag}"), &format!("</{tag}>"))
}

/// The piece with one text for another, which has to be there.
pub(super) fn swap(message: &str, from: &str, to: &str) -> String {
    super::swap(message, from, to)
}

/// What makes a signature value of the bytes of `SignedInfo`.
pub(super) type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// One `ds:Reference`.
#[derive(Clone)]
pub(super) struct Part {
    /// The attribute as a whole.
    pub uri: String,
    pub transforms: String,
    pub digest: String,
    pub value: String,
}

impl Part {
    /// The way everybody does it.
    pub(super) fn of(id: &str, canonical: &str) -> Self {
        Self {
            uri: format!(" URI=\"#{id}\""),
            transforms: transform(EXCLUSIVE, ""),
            digest: SHA256.to_owned(),
            value: STANDARD.encode(digest::digest(&digest::SHA256, canonical.as_bytes())),
        }
    }
}

/// One `ds:Transform`.
pub(super) fn transform(algorithm: &str, inside: &str) -> String {
    format!("<ds:Transform Algorithm=\"{algorithm}\">{inside}</ds:Transform>")
}

/// A Security header in its pieces.
pub(super) struct Forge {
    /// As it goes into the header.
    pub timestamp: String,
    pub user: String,
    pub token: String,
    pub parts: Vec<Part>,
    /// `CanonicalizationMethod` and `SignatureMethod` as they stand in `SignedInfo`.
    pub c14n: String,
    pub method: String,
    pub key_info: String,
    /// `SignedInfo` as sent, made of `SignedInfo` as signed.
    pub as_sent: fn(&str) -> String,
    /// Behind `SignatureValue`, and behind the Signature.
    pub in_signature: String,
    pub extra: String,
    /// Signs the bytes of `SignedInfo`.
    pub sign: Sign,
}

pub(super) fn method(name: &str, algorithm: &str) -> String {
    format!("<ds:{name} Algorithm=\"{algorithm}\"></ds:{name}>")
}

pub(super) fn token(der: &[u8]) -> String {
    token_with(&format!(" EncodingType=\"{BASE64}\" ValueType=\"{X509V3}\" wsu:Id=\"id-token\""), &STANDARD.encode(der))
}

pub(super) fn token_with(attributes: &str, text: &str) -> String {
    let wsu = crate::gateway::xml::WSU;
    format!("<wsse:BinarySecurityToken xmlns:wsu=\"{wsu}\"{attributes}>{text}</wsse:BinarySecurityToken>")
}

pub(super) fn about(reference: &str) -> String {
    format!("<ds:KeyInfo><wsse:SecurityTokenReference>{reference}</wsse:SecurityTokenReference></ds:KeyInfo>")
}

pub(super) fn names_token() -> String {
    format!("<wsse:Reference URI=\"#id-token\" ValueType=\"{X509V3}\"></wsse:Reference>")
}

pub(super) fn rsa_key(leaf: &Leaf) -> rsa::KeyPair {
    match key(leaf.key.as_bytes()).expect("a key") {
        PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("RSA"),
        _ => panic!("PKCS#8"),
    }
}

pub(super) fn der(pem: &str) -> Vec<u8> {
    certificates(pem.as_bytes()).expect("a certificate").remove(0).to_vec()
}

pub(super) fn signs_with(key: rsa::KeyPair) -> Sign {
    Box::new(move |bytes| {
        let mut value = vec![0; key.public_modulus_len()];
        let random = rand::SystemRandom::new();
        key.sign(&signature::RSA_PKCS1_SHA256, &random, bytes, &mut value).expect("signed");
        value
    })
}

impl Forge {
    /// Everything as in the message, signed by the viewer.
    pub(super) fn of(message: &str) -> Self {
        let viewer = &pki().viewer;
        let timestamp = element(message, "wsu:Timestamp");
        let mut parts = vec![part_of(timestamp), part_of(element(message, "soap:Body"))];
        parts.extend(
            ["MessageID", "Action", "To", "From"].map(|name| part_of(piece_of(message, &format!("wsa:{name}")))),
        );
        Self {
            timestamp: timestamp.to_owned(),
            user: "<wsse:UsernameToken><wsse:Username>viewer.example</wsse:Username></wsse:UsernameToken>".to_owned(),
            token: token(&der(&viewer.certificate)),
            parts,
            c14n: method("CanonicalizationMethod", EXCLUSIVE),
            method: method("SignatureMethod", RSA_SHA256),
            key_info: about(&names_token()),
            as_sent: str::to_owned,
            in_signature: String::new(),
            extra: String::new(),
            sign: signs_with(rsa_key(viewer)),
        }
    }

    /// `SignedInfo`, canonical.
    fn info(&self) -> String {
        let mut info = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{}{}", self.c14n, self.method);
        for Part { uri, transforms, digest, value } in &self.parts {
            let reference = format!(
                "<ds:Reference{uri}><ds:Transforms>{transforms}</ds:Transforms>\
                 <ds:DigestMethod Algorithm=\"{digest}\"></ds:DigestMethod><ds:DigestValue>{value}</ds:DigestValue></ds:Reference>"
            );
            info.push_str(&reference);
        }
        info + "</ds:SignedInfo>"
    }

    pub(super) fn signature(&self) -> String {
        let info = self.info();
        let value = STANDARD.encode((self.sign)(info.as_bytes()));
        format!(
            "<ds:Signature xmlns:ds=\"{DS}\">{}<ds:SignatureValue>{value}</ds:SignatureValue>{}{}</ds:Signature>",
            (self.as_sent)(&info),
            self.key_info,
            self.in_signature
        )
    }

    pub(super) fn security(&self) -> String {
        let Self { timestamp, user, token, extra, .. } = self;
        let signature = self.signature();
        format!(
            "<wsse:Security xmlns:wsse=\"{WSSE}\" xmlns:soap=\"{SOAP}\" soap:mustUnderstand=\"1\">\
             {timestamp}{user}{token}{signature}{extra}</wsse:Security>"
        )
    }

    /// The message with this Security header for its own.
    pub(super) fn put(&self, message: &str) -> String {
        message.replacen(element(message, "wsse:Security"), &self.security(), 1)
    }
}

fn piece_of<'m>(message: &'m str, tag: &str) -> &'m str {
    piece(message, &format!("<{tag} "), &format!("</{tag}>"))
}

pub(super) fn part_of(canonical: &str) -> Part {
    let id = canonical.split("wsu:Id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    Part::of(id, canonical)
}

impl Kit {
    /// Signed anew, with something about the signature told otherwise.
    pub(super) fn signed(&self, change: impl FnOnce(&mut Forge)) -> String {
        let mut forge = Forge::of(&self.message);
        change(&mut forge);
        forge.put(&self.message)
    }

    /// Changed after it was signed.
    pub(super) fn swapped(&self, from: &str, to: &str) -> String {
        swap(&self.message, from, to)
    }

    pub(super) fn body(&self) -> &str {
        element(&self.message, "soap:Body")
    }

    /// One addressing header.
    pub(super) fn header(&self, name: &str) -> &str {
        piece_of(&self.message, &format!("wsa:{name}"))
    }

    /// The Body as a forger would have it: another patient, another id.
    pub(super) fn forged_body(&self) -> String {
        self.body().replace("wsu:Id=\"id-body\"", "wsu:Id=\"id-forged\"").replace(RICH, super::NUMBERS[6])
    }

    /// One piece in place of another piece, and the other put before a text further on.
    pub(super) fn moved(&self, original: &str, twin: &str, before: &str, wrapped: &str) -> String {
        let twin_in_place = self.message.replacen(original, twin, 1);
        swap(&twin_in_place, before, &format!("{wrapped}{before}"))
    }
}

#[tokio::test]
async fn a_forge_that_changes_nothing_makes_good_messages() {
    let bench = Bench::start().await;
    judge(&bench, &[("signed by the forge", |kit| kit.signed(|_| {}), "MIG-0000")]).await;
}
