//! Whose certificate signed: every leaf here carries a signature that is right by its own key.

use super::forge::{Forge, der, rsa_key, signs_with, token};
use super::{Bench, Leaf, RICH, pki, told_why, view_of};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SubjectPublicKeyInfo,
};
use time::macros::datetime;

/// A public key of 1024 bits. Its private half is nowhere: the length is refused before the signature is looked at.
const SHORT: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDexnS7zaXbZgYDW4/Z5DtpTBmb
JgSMMhSUDscc5dit+9YwdvOSJmwjwUnvyb2lCxcK3PL5ngfWH5xFJQU3x/ft99a2
fT9bchRMUurjhAP3lY5F/XBXIBBp9Ym9F65TaPnYD3CM5VrmXdE4SW7NQsWE1nxc
XFFULhB9xCBdaRlB4QIDAQAB
-----END PUBLIC KEY-----
";

fn named(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    for name in names {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    params
}

/// Another certificate for the viewer's key.
fn of_viewer(issuer: &Issuer<'static, KeyPair>, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = named(&["viewer.example"]);
    change(&mut params);
    let key = KeyPair::from_pem(&pki().viewer.key).expect("key");
    params.signed_by(&key, issuer).expect("certificate").der().to_vec()
}

fn by_root(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    of_viewer(&pki().issuer, change)
}

/// Two common names, which the maker of certificates cannot write: the organisation's type becomes a second common name.
fn of_two_names() -> Vec<u8> {
    let mut params = named(&["viewer.example"]);
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "other.example");
    let key = KeyPair::from_pem(&pki().viewer.key).expect("key");
    params.signed_by(&key, &pki().issuer).expect("certificate").der().to_vec()
}

/// A leaf of an authority that the trusted root vouches for, and that is not sent along.
fn of_intermediate() -> Vec<u8> {
    let mut params = named(&["Between"]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let between = rcgen::CertifiedIssuer::signed_by(params, KeyPair::generate().expect("key"), &pki().issuer);
    let between = between.expect("an authority");
    let key = KeyPair::from_pem(&pki().viewer.key).expect("key");
    named(&["viewer.example"]).signed_by(&key, &between).expect("certificate").der().to_vec()
}

fn self_signed() -> Vec<u8> {
    let key = KeyPair::from_pem(&pki().viewer.key).expect("key");
    named(&["viewer.example"]).self_signed(&key).expect("certificate").der().to_vec()
}

fn of_public(key: &impl rcgen::PublicKeyData) -> Vec<u8> {
    named(&["viewer.example"]).signed_by(key, &pki().issuer).expect("certificate").der().to_vec()
}

type Row = (&'static str, fn() -> Vec<u8>, &'static str);

const UNTRUSTED: &str = "3000: certificate not trusted";

/// Certificates for the viewer's own key.
const ROWS: &[Row] = &[
    ("a second certificate", || by_root(|_| {}), "MIG-0000"),
    (
        "for client and signature",
        || {
            by_root(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
                params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            })
        },
        "MIG-0000",
    ),
    (
        "expired",
        || by_root(|params| params.not_after = datetime!(2026-11-24 09:59:59 UTC)),
        "3000: certificate expired",
    ),
    (
        "not valid yet",
        || by_root(|params| params.not_before = datetime!(2026-11-24 10:00:02 UTC)),
        "3000: certificate not valid yet",
    ),
    ("of another authority", || of_viewer(&pki().foreign_issuer, |_| {}), UNTRUSTED),
    ("signed by itself", self_signed, UNTRUSTED),
    ("of an authority in between, not sent along", of_intermediate, UNTRUSTED),
    (
        "of an authority itself",
        || by_root(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        UNTRUSTED,
    ),
    (
        "for code only",
        || by_root(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]),
        UNTRUSTED,
    ),
    (
        "for encryption only",
        || by_root(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
        "3000: a certificate that may not sign",
    ),
    (
        "of another name",
        || by_root(|params| params.distinguished_name = named(&["unlisted.example"]).distinguished_name),
        "3000: Username is not the certificate's common name",
    ),
    (
        "of the name in other letters",
        || by_root(|params| params.distinguished_name = named(&["VIEWER.example"]).distinguished_name),
        "3000: Username is not the certificate's common name",
    ),
    (
        "of no name",
        || by_root(|params| params.distinguished_name = named(&[]).distinguished_name),
        "3000: certificate without one common name",
    ),
    ("of two names", of_two_names, "3000: certificate without one common name"),
    (
        "with a key that is too short",
        || of_public(&SubjectPublicKeyInfo::from_pem(SHORT).expect("a key")),
        "3000: an RSA key that is too short",
    ),
    ("with a key that is not RSA", || of_public(&KeyPair::generate().expect("key")), "3000: not an RSA certificate"),
];

#[tokio::test]
async fn a_signature_counts_only_by_a_trusted_leaf_of_the_right_name_in_its_time() {
    let bench = Bench::start().await;
    let client = bench.client();
    let mut wrong = Vec::new();
    for (what, certificate, wanted) in ROWS {
        let message = client.write(&view_of(RICH));
        let mut forge = Forge::of(&message);
        forge.token = token(&certificate());
        let got = client.post(forge.put(&message)).await.map_or_else(|error| error, |bytes| told_why(&bytes));
        if got != *wanted {
            wrong.push(format!("{what}: {got}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("leaves: {} cases", ROWS.len());
}

#[tokio::test]
async fn a_name_in_the_token_that_is_listed_but_is_not_the_connections_is_refused() {
    let bench = Bench::tweaked(crate::gateway::profile::DEFAULT_PROFILE, None, |config| {
        config.speakers.insert("unlisted.example".to_owned(), vec!["V1".to_owned()]);
    })
    .await;
    let client = bench.client();
    let message = client.write(&view_of(RICH));
    let Leaf { certificate, .. } = &pki().unlisted;
    let mut forge = Forge::of(&message);
    forge.token = token(&der(certificate));
    forge.sign = signs_with(rsa_key(&pki().unlisted));
    forge.user = forge.user.replace("viewer.example", "unlisted.example");
    let answer = client.post(forge.put(&message)).await.expect("an answer");
    assert_eq!(told_why(&answer), "3000: TLS and signing certificate have different names");
}
