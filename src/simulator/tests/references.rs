//! What a signature says of itself: references, transforms, canonical forms, digests, algorithms, keys. All of it is signed
//! rightly by the viewer's key, unless the case is about that. Longer than the limit: tables.

use super::forge::{
    Case, Forge, Kit, Part, RSA_SHA256, SHA256, about, der, judge, method, names_token, part_of, rsa_key, signs_with,
    swap, token, token_with, transform,
};
use super::{Bench, pki};
use crate::gateway::security::{BASE64, EXCLUSIVE, X509V3};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};

const NOTHING: &str = "3000: a reference that resolves to nothing";
const TRANSFORM: &str = "3000: a reference without one transform";
const C14N: &str = "3000: canonicalisation not allowed";
const DIGEST: &str = "3000: a digest does not match";
const METHOD: &str = "3000: signature algorithm not allowed";
const KEY_INFO: &str = "3000: KeyInfo does not name the token";
const UNSIGNED: &str = "3000: a required part is not signed";
const VALUE: &str = "3000: the signature does not verify";

const BODY: usize = 1;

fn to(kit: &Kit, uri: &str) -> String {
    kit.signed(|forge| forge.parts[BODY].uri = format!(" URI=\"{uri}\""))
}

fn by(kit: &Kit, transforms: &str) -> String {
    kit.signed(|forge| transforms.clone_into(&mut forge.parts[BODY].transforms))
}

fn one(kit: &Kit, algorithm: &str) -> String {
    by(kit, &transform(algorithm, ""))
}

fn listing(prefixes: &str) -> String {
    format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{prefixes}\"></ec:InclusiveNamespaces>")
}

/// The Body carries its id in another attribute, and is signed so.
fn named_by(kit: &Kit, attribute: &str) -> String {
    let message = swap(&kit.message, "wsu:Id=\"id-body\"", attribute);
    let body = super::forge::element(&message, "soap:Body").to_owned();
    let mut forge = Forge::of(&kit.message);
    forge.parts[BODY] = Part::of("id-body", &body);
    forge.put(&message)
}

fn without(kit: &Kit, at: usize) -> String {
    kit.signed(|forge| drop(forge.parts.remove(at)))
}

fn digested(kit: &Kit, uri: &str, algorithm: &'static digest::Algorithm) -> String {
    let body = kit.body().to_owned();
    kit.signed(|forge| {
        uri.clone_into(&mut forge.parts[BODY].digest);
        forge.parts[BODY].value = STANDARD.encode(digest::digest(algorithm, body.as_bytes()));
    })
}

fn signed_as(kit: &Kit, uri: &str) -> String {
    kit.signed(|forge| forge.method = method("SignatureMethod", uri))
}

/// A MAC made with what everybody can see of the key.
fn mac(kit: &Kit, uri: &str, algorithm: hmac::Algorithm, length: &str) -> String {
    kit.signed(|forge| {
        forge.method = format!("<ds:SignatureMethod Algorithm=\"{uri}\">{length}</ds:SignatureMethod>");
        let public = {
            let leaf = der(&pki().viewer.certificate);
            let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).expect("a certificate");
            parsed.public_key().subject_public_key.data.to_vec()
        };
        forge.sign = Box::new(move |bytes| hmac::sign(&hmac::Key::new(algorithm, &public), bytes).as_ref().to_vec());
    })
}

fn keyed(kit: &Kit, info: &str) -> String {
    kit.signed(|forge| info.clone_into(&mut forge.key_info))
}

fn self_signed(name: &str) -> (Vec<u8>, aws_lc_rs::rsa::KeyPair) {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("key");
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&key).expect("certificate").pem();
    let leaf = super::Leaf { key: key.serialize_pem(), certificate };
    (der(&leaf.certificate), rsa_key(&leaf))
}

const CASES: &[Case] = &[
    ("a reference to the whole document", |kit| to(kit, ""), NOTHING),
    ("a reference without URI", |kit| kit.signed(|forge| forge.parts[BODY].uri = String::new()), NOTHING),
    ("a reference to an empty id", |kit| to(kit, "#"), NOTHING),
    ("a reference to another host", |kit| to(kit, "https://127.0.0.1:1/body.xml#id-body"), NOTHING),
    ("a reference to a file", |kit| to(kit, "file:///etc/passwd"), NOTHING),
    ("a reference to an attachment", |kit| to(kit, "cid:body"), NOTHING),
    ("a reference by XPointer to an id", |kit| to(kit, "#xpointer(id('id-body'))"), NOTHING),
    ("a reference by XPointer to everything", |kit| to(kit, "#xpointer(/)"), NOTHING),
    ("a reference to nobody's id", |kit| to(kit, "#id-nobody"), NOTHING),
    ("a reference in other letters", |kit| to(kit, "#ID-BODY"), NOTHING),
    ("a reference with white space", |kit| to(kit, "# id-body"), NOTHING),
    ("the id in a plain id attribute", |kit| named_by(kit, "id=\"id-body\""), NOTHING),
    ("the id in xml:id", |kit| named_by(kit, "xml:id=\"id-body\""), NOTHING),
    ("the id in another letter", |kit| named_by(kit, "wsu:id=\"id-body\""), NOTHING),
    ("the id of another namespace", |kit| named_by(kit, "wsu:Ident=\"id-body\""), NOTHING),
    (
        "the payload's id, which is no id of a signature",
        |kit| {
            let id = super::forge::piece(&kit.message, "uuid_", "\"").trim_end_matches('"').to_owned();
            to(kit, &format!("#{id}"))
        },
        NOTHING,
    ),
    (
        "a part of the signature itself",
        |kit| {
            kit.signed(|forge| {
                forge.in_signature = "<ds:Object Id=\"id-object\"></ds:Object>".to_owned();
                forge.parts.push(Part::of("id-object", "x"));
            })
        },
        "3000: a signed part out of its place",
    ),
    ("no reference", |kit| kit.signed(|forge| forge.parts.clear()), UNSIGNED),
    ("the Timestamp not signed", |kit| without(kit, 0), UNSIGNED),
    ("the Body not signed", |kit| without(kit, BODY), UNSIGNED),
    ("MessageID not signed", |kit| without(kit, 2), UNSIGNED),
    ("Action not signed", |kit| without(kit, 3), UNSIGNED),
    ("To not signed", |kit| without(kit, 4), UNSIGNED),
    ("From not signed", |kit| without(kit, 5), UNSIGNED),
    (
        "many references",
        |kit| {
            kit.signed(|forge| {
                let body = forge.parts[BODY].clone();
                forge.parts.extend(std::iter::repeat_n(body, 64));
            })
        },
        "3000: too many references",
    ),
    ("no transform", |kit| by(kit, ""), TRANSFORM),
    ("the same transform twice", |kit| by(kit, &transform(EXCLUSIVE, "").repeat(2)), TRANSFORM),
    (
        "an XPath before the canonical form",
        |kit| {
            let path = transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>not(self::*)</ds:XPath>");
            by(kit, &(path + &transform(EXCLUSIVE, "")))
        },
        TRANSFORM,
    ),
    (
        "XPath",
        |kit| by(kit, &transform("http://www.w3.org/TR/1999/REC-xpath-19991116", "<ds:XPath>not(self::*)</ds:XPath>")),
        C14N,
    ),
    ("XPath filter 2", |kit| one(kit, "http://www.w3.org/2002/06/xmldsig-filter2"), C14N),
    ("a style sheet", |kit| one(kit, "http://www.w3.org/TR/1999/REC-xslt-19991116"), C14N),
    ("enveloped", |kit| one(kit, "http://www.w3.org/2000/09/xmldsig#enveloped-signature"), C14N),
    ("base64", |kit| one(kit, "http://www.w3.org/2000/09/xmldsig#base64"), C14N),
    (
        "the transform of token references",
        |kit| {
            one(kit, "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform")
        },
        C14N,
    ),
    ("inclusive canonical form", |kit| one(kit, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), C14N),
    ("canonical form 1.1", |kit| one(kit, "http://www.w3.org/2006/12/xml-c14n11"), C14N),
    ("canonical form with comments", |kit| one(kit, "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"), C14N),
    ("a transform of nobody", |kit| one(kit, "urn:x:transform"), C14N),
    ("a transform with something else in it", |kit| by(kit, &transform(EXCLUSIVE, "<ds:XPath>1</ds:XPath>")), C14N),
    ("two lists of prefixes", |kit| by(kit, &transform(EXCLUSIVE, &listing("soap").repeat(2))), C14N),
    (
        "a list of prefixes of another namespace",
        |kit| by(kit, &transform(EXCLUSIVE, &listing("soap").replace(EXCLUSIVE, "urn:x"))),
        C14N,
    ),
    (
        "a list of prefixes that were not digested",
        |kit| {
            let message = by(kit, &transform(EXCLUSIVE, &listing("x")));
            message.replacen("<soap:Envelope", "<soap:Envelope xmlns:x=\"urn:x\"", 1)
        },
        DIGEST,
    ),
    (
        "the default namespace listed and declared afterwards",
        |kit| {
            let message = by(kit, &transform(EXCLUSIVE, &listing("#default")));
            message.replacen("<soap:Envelope", "<soap:Envelope xmlns=\"urn:x\"", 1)
        },
        DIGEST,
    ),
    (
        "SignedInfo in inclusive form",
        |kit| {
            kit.signed(|forge| {
                forge.c14n = method("CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315");
            })
        },
        C14N,
    ),
    (
        "SignedInfo with comments",
        |kit| {
            kit.signed(|forge| {
                forge.c14n = method("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments");
            })
        },
        C14N,
    ),
    ("SignedInfo in no form", |kit| kit.signed(|forge| forge.c14n = String::new()), C14N),
    (
        "SignedInfo signed as it was sent",
        |kit| {
            kit.signed(|forge| {
                let sign = std::mem::replace(&mut forge.sign, Box::new(<[u8]>::to_vec));
                forge.as_sent = |info| info.replace("></ds:DigestMethod>", "/>");
                forge.sign = Box::new(move |bytes| {
                    sign(&String::from_utf8_lossy(bytes).replace("></ds:DigestMethod>", "/>").into_bytes())
                });
            })
        },
        VALUE,
    ),
    (
        "the Body digested as it was sent",
        |kit| {
            let sent = kit.body().replace("></dcr:user>", "/>");
            let message = kit.message.replacen(kit.body(), &sent, 1);
            let mut forge = Forge::of(&kit.message);
            forge.parts[BODY] = Part::of("id-body", &sent);
            forge.put(&message)
        },
        DIGEST,
    ),
    (
        "SignedInfo rewritten",
        |kit| {
            kit.signed(|forge| {
                forge.as_sent = |info| info.replacen(SHA256, "http://www.w3.org/2001/04/xmlenc#sha512", 1);
            })
        },
        VALUE,
    ),
    (
        "two SignedInfos",
        |kit| kit.signed(|forge| forge.as_sent = |info| info.repeat(2)),
        "3000: not exactly one SignedInfo",
    ),
    (
        "a digest of something else",
        |kit| kit.signed(|forge| forge.parts[BODY].value = STANDARD.encode([0; 32])),
        DIGEST,
    ),
    ("half a digest", |kit| kit.signed(|forge| forge.parts[BODY].value.truncate(20)), DIGEST),
    ("an empty digest", |kit| kit.signed(|forge| forge.parts[BODY].value.clear()), DIGEST),
    (
        "a digest that is no base64",
        |kit| kit.signed(|forge| forge.parts[BODY].value = "*".to_owned()),
        "3000: digest value unreadable",
    ),
    (
        "a digest in SHA-1",
        |kit| digested(kit, "http://www.w3.org/2000/09/xmldsig#sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        "3000: digest algorithm not allowed",
    ),
    (
        "a digest in SHA-512, which the profile does not name",
        |kit| digested(kit, "http://www.w3.org/2001/04/xmlenc#sha512", &digest::SHA512),
        "3000: digest algorithm not allowed",
    ),
    (
        "a digest in MD5",
        |kit| digested(kit, "http://www.w3.org/2001/04/xmldsig-more#md5", &digest::SHA256),
        "3000: digest algorithm not allowed",
    ),
    ("a digest of nobody", |kit| digested(kit, "", &digest::SHA256), "3000: digest algorithm not allowed"),
    ("RSA-SHA1", |kit| signed_as(kit, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"), METHOD),
    ("RSA-MD5", |kit| signed_as(kit, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), METHOD),
    (
        "RSA-SHA512, which the profile does not name",
        |kit| signed_as(kit, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"),
        METHOD,
    ),
    ("RSA-PSS", |kit| signed_as(kit, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"), METHOD),
    ("ECDSA", |kit| signed_as(kit, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"), METHOD),
    ("DSA", |kit| signed_as(kit, "http://www.w3.org/2000/09/xmldsig#dsa-sha1"), METHOD),
    ("no algorithm", |kit| signed_as(kit, ""), METHOD),
    ("no SignatureMethod", |kit| kit.signed(|forge| forge.method = String::new()), METHOD),
    (
        "two SignatureMethods",
        |kit| kit.signed(|forge| forge.method = method("SignatureMethod", RSA_SHA256).repeat(2)),
        METHOD,
    ),
    (
        "a MAC with the public key",
        |kit| mac(kit, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", hmac::HMAC_SHA256, ""),
        METHOD,
    ),
    (
        "a MAC in SHA-1 with the public key",
        |kit| mac(kit, "http://www.w3.org/2000/09/xmldsig#hmac-sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, ""),
        METHOD,
    ),
    (
        "a MAC of no length",
        |kit| {
            let length = "<ds:HMACOutputLength>0</ds:HMACOutputLength>";
            mac(kit, "http://www.w3.org/2000/09/xmldsig#hmac-sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, length)
        },
        METHOD,
    ),
    ("no signature value", |kit| kit.signed(|forge| forge.sign = Box::new(|_| Vec::new())), VALUE),
    ("a signature value of noughts", |kit| kit.signed(|forge| forge.sign = Box::new(|_| vec![0; 256])), VALUE),
    (
        "a signature value cut short",
        |kit| {
            kit.signed(|forge| {
                let sign = std::mem::replace(&mut forge.sign, Box::new(<[u8]>::to_vec));
                forge.sign = Box::new(move |bytes| sign(bytes).split_off(1));
            })
        },
        VALUE,
    ),
    (
        "a signature by another trusted key",
        |kit| kit.signed(|forge| forge.sign = signs_with(rsa_key(&pki().unlisted))),
        VALUE,
    ),
    (
        "a key of the forger's own under the viewer's name",
        |kit| {
            kit.signed(|forge| {
                let (certificate, key) = self_signed("viewer.example");
                forge.token = token(&certificate);
                forge.sign = signs_with(key);
            })
        },
        "3000: certificate not trusted",
    ),
    (
        "KeyInfo with two children",
        |kit| {
            keyed(kit, &about(&names_token()).replace("</ds:KeyInfo>", "<ds:KeyName>viewer</ds:KeyName></ds:KeyInfo>"))
        },
        KEY_INFO,
    ),
    (
        "a second key beside the token",
        |kit| {
            let value = "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>";
            keyed(kit, &about(&names_token()).replace("<ds:KeyInfo>", &format!("<ds:KeyInfo>{value}")))
        },
        KEY_INFO,
    ),
    ("a key value alone", |kit| keyed(kit, "<ds:KeyInfo><ds:KeyValue></ds:KeyValue></ds:KeyInfo>"), KEY_INFO),
    ("a certificate in KeyInfo", |kit| keyed(kit, "<ds:KeyInfo><ds:X509Data></ds:X509Data></ds:KeyInfo>"), KEY_INFO),
    (
        "a retrieval method",
        |kit| keyed(kit, "<ds:KeyInfo><ds:RetrievalMethod URI=\"https://127.0.0.1:1/\"/></ds:KeyInfo>"),
        KEY_INFO,
    ),
    ("no KeyInfo", |kit| keyed(kit, ""), KEY_INFO),
    ("two KeyInfos", |kit| keyed(kit, &about(&names_token()).repeat(2)), KEY_INFO),
    ("an empty KeyInfo", |kit| keyed(kit, "<ds:KeyInfo></ds:KeyInfo>"), KEY_INFO),
    ("two references to the token", |kit| keyed(kit, &about(&names_token().repeat(2))), KEY_INFO),
    ("a key identifier", |kit| keyed(kit, &about("<wsse:KeyIdentifier>x</wsse:KeyIdentifier>")), KEY_INFO),
    (
        "a reference to another token",
        |kit| keyed(kit, &about(&names_token().replace("id-token", "id-other"))),
        KEY_INFO,
    ),
    (
        "a token reference without its type",
        |kit| keyed(kit, &about("<wsse:Reference URI=\"#id-token\"></wsse:Reference>")),
        KEY_INFO,
    ),
    (
        "a token without id",
        |kit| kit.signed(|forge| forge.token = forge.token.replace(" wsu:Id=\"id-token\"", "")),
        KEY_INFO,
    ),
    (
        "a chain for a token",
        |kit| kit.signed(|forge| forge.token = forge.token.replace("#X509v3", "#X509PKIPathv1")),
        "3000: token of another type",
    ),
    (
        "a token without its encoding",
        |kit| {
            kit.signed(|forge| {
                forge.token = forge.token.replace(&format!(" EncodingType=\"{BASE64}\""), "");
            })
        },
        "3000: token of another type",
    ),
    (
        "a token that is no base64",
        |kit| {
            kit.signed(|forge| {
                forge.token =
                    token_with(&format!(" EncodingType=\"{BASE64}\" ValueType=\"{X509V3}\" wsu:Id=\"id-token\""), "*");
            })
        },
        "3000: token unreadable",
    ),
    (
        "a token that is no certificate",
        |kit| kit.signed(|forge| forge.token = token(b"nothing")),
        "3000: certificate unreadable",
    ),
    ("no token", |kit| kit.signed(|forge| forge.token = String::new()), "3000: not exactly one token"),
];

const ALLOWED: &[Case] = &[
    (
        "a list of prefixes that the form has anyway",
        |kit| by(kit, &transform(EXCLUSIVE, &listing("soap wsu"))),
        "MIG-0000",
    ),
    ("a list of prefixes that nobody declares", |kit| by(kit, &transform(EXCLUSIVE, &listing("q"))), "MIG-0000"),
    (
        "the token signed too",
        |kit| {
            kit.signed(|forge| {
                let canonical = crate::gateway::xml::WSSE;
                let token = forge.token.replacen(
                    "<wsse:BinarySecurityToken ",
                    &format!("<wsse:BinarySecurityToken xmlns:wsse=\"{canonical}\" "),
                    1,
                );
                forge.parts.push(part_of(&token));
            })
        },
        "MIG-0000",
    ),
    ("a part signed twice", |kit| kit.signed(|forge| forge.parts.push(forge.parts[BODY].clone())), "MIG-0000"),
    (
        "SignedInfo spelled otherwise",
        |kit| kit.signed(|forge| forge.as_sent = |info| info.replace("></ds:DigestMethod>", "/>")),
        "MIG-0000",
    ),
    (
        "white space in the values",
        |kit| kit.message.replace("</ds:SignatureValue>", "\n </ds:SignatureValue>"),
        "MIG-0000",
    ),
    (
        "an Object that nothing refers to",
        |kit| kit.signed(|forge| forge.in_signature = "<ds:Object>x</ds:Object>".to_owned()),
        "MIG-0000",
    ),
    (
        "the children of Security in another order",
        |kit| {
            let user = super::forge::element(&kit.message, "wsse:UsernameToken").to_owned();
            kit.moved(&user, "", "</wsse:Security>", &user)
        },
        "MIG-0000",
    ),
];

#[tokio::test]
async fn a_signature_that_says_too_much_or_too_little_of_itself_is_refused() {
    let bench = Bench::start().await;
    println!("signatures: {} cases refused", judge(&bench, CASES).await);
}

#[tokio::test]
async fn a_signature_that_says_the_same_otherwise_is_accepted() {
    let bench = Bench::start().await;
    println!("signatures: {} cases accepted", judge(&bench, ALLOWED).await);
}
