//! The profile `legacy-itk`: RSA-SHA1 over the Timestamp. Received without the feature of that name, sent with it alone.

use super::accreditation::{head, send};
#[cfg(feature = "legacy-itk")]
use super::view_of;
use super::{Bench, RICH, pki, swap, told};
use crate::gateway::profile::{DEFAULT_PROFILE, LEGACY_ITK_PROFILE};
#[cfg(feature = "legacy-itk")]
use crate::gateway::testing::Client;
use crate::gateway::{GatewayConfig, WireProfile};
use std::path::PathBuf;

const ACTION: &str = "urn:nhs-itk:services:201005:sendRecvDistEnvelope";
/// What the stored message says in To.
const STORED_TO: &str = "https://mig.legacy.example/mig";
/// A message as a program with the feature signed it, and who vouches for its certificate.
const STORED: &str = include_str!("legacy-itk/message.xml");
const STORED_ROOT: &str = include_str!("legacy-itk/root.pem");

fn profile_file() -> PathBuf {
    let path = super::file("legacy-itk.toml");
    std::fs::write(&path, LEGACY_ITK_PROFILE).expect("written");
    path
}

/// A receiver of the stored message.
async fn receiver(profile: &str) -> Bench {
    Bench::tweaked(profile, None, |config| {
        config.own_urls = vec![STORED_TO.to_owned()];
        config.signing_ca = STORED_ROOT.as_bytes().to_vec();
    })
    .await
}

async fn received(bench: &Bench, message: &str) -> String {
    let raw = send(bench, &pki().viewer, &head(ACTION), message.as_bytes()).await.expect("an answer");
    super::told_why(raw.body.as_bytes())
}

#[tokio::test]
async fn a_stored_message_in_sha1_is_received_in_that_profile_alone() {
    assert!(STORED.contains("http://www.w3.org/2000/09/xmldsig#rsa-sha1"));
    assert_eq!(STORED.matches("<ds:Reference ").count(), 1);
    assert_eq!(received(&receiver(LEGACY_ITK_PROFILE).await, STORED).await, "MIG-0000");
    assert_eq!(received(&receiver(DEFAULT_PROFILE).await, STORED).await, "3000: signature algorithm not allowed");
    let bench = receiver(LEGACY_ITK_PROFILE).await;
    let longer = swap(STORED, "10:05:00Z</wsu:Expires>", "10:06:00Z</wsu:Expires>");
    assert_eq!(received(&bench, &longer).await, "3000: a digest does not match");
    // What this profile gives up: nothing but the Timestamp is protected by the signature.
    let other = STORED.replace(RICH, super::NUMBERS[6]);
    assert_eq!(received(&bench, &other).await, "MIG-0009");
    assert_eq!(received(&bench, STORED).await, "3000: seen before");
}

#[tokio::test]
async fn a_legacy_receiver_takes_a_modern_sender_too() {
    let bench = Bench::tweaked(LEGACY_ITK_PROFILE, None, |_| {}).await;
    assert!(bench.client().locate(&told(RICH)).await.is_ok());
}

#[test]
fn the_two_profiles_differ_in_what_is_signed_and_how_alone() {
    let parse = |text: &str| text.parse::<toml::Table>().expect("TOML");
    let (default, legacy) = (parse(DEFAULT_PROFILE), parse(LEGACY_ITK_PROFILE));
    assert!(WireProfile::parse(LEGACY_ITK_PROFILE).is_ok());
    let mut different = Vec::new();
    for (section, keys) in &default {
        for (key, value) in keys.as_table().expect("a section") {
            if legacy[section][key] != *value {
                different.push(key.as_str());
            }
        }
    }
    different.sort_unstable();
    assert_eq!(different, ["digest", "legacy_itk", "signature", "signed_parts_required", "signed_parts_sent"]);
}

#[test]
fn sha1_without_the_legacy_switch_is_a_problem_of_the_profile() {
    for (from, to) in [("\"rsa-sha256\"", "\"rsa-sha1\""), ("\"sha256\"", "\"sha1\"")] {
        let problems = WireProfile::parse(&DEFAULT_PROFILE.replace(from, to)).expect_err("a problem");
        assert_eq!(problems, ["security: SHA-1 needs legacy_itk = true"]);
    }
}

fn config() -> GatewayConfig {
    GatewayConfig {
        endpoint: "https://localhost/mig".to_owned(),
        ca: super::file("root.pem"),
        client_certificate: super::file("viewer.pem"),
        client_key: super::file("viewer-key.pem"),
        wire_profile: Some(profile_file()),
        ..GatewayConfig::default()
    }
}

#[cfg(not(feature = "legacy-itk"))]
#[test]
fn a_program_without_the_feature_refuses_to_start_as_a_legacy_sender_and_says_why() {
    let problems = config().problems();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(problem.contains("built without the feature legacy-itk"), "{problem}");
    let modern = super::file("legacy-modern.toml");
    std::fs::write(&modern, DEFAULT_PROFILE.replace("legacy_itk = false", "legacy_itk = true")).expect("written");
    assert!(GatewayConfig { wire_profile: Some(modern), ..config() }.problems().is_empty(), "it signs with SHA-256");
}

#[cfg(feature = "legacy-itk")]
#[tokio::test]
async fn a_program_with_the_feature_signs_in_sha1_and_is_understood() {
    assert!(config().problems().is_empty());
    let bench = Bench::with(LEGACY_ITK_PROFILE.to_owned(), Some(profile_file())).await;
    let client = bench.client();
    let message = client.write(&view_of(RICH));
    assert!(message.contains("http://www.w3.org/2000/09/xmldsig#rsa-sha1"), "{message}");
    assert!(message.contains("http://www.w3.org/2000/09/xmldsig#sha1"), "{message}");
    assert!(client.locate(&told(RICH)).await.is_ok());
    let modern = Bench::with(DEFAULT_PROFILE.to_owned(), Some(profile_file())).await;
    let answer = modern.client().post(modern.client().write(&view_of(RICH))).await.expect("an answer");
    assert_eq!(super::told_why(&answer), "3000: signature algorithm not allowed");
}

#[cfg(feature = "legacy-itk")]
#[tokio::test]
async fn signed_answers_in_sha1_are_understood_too() {
    let profile = LEGACY_ITK_PROFILE.replace("require_signed_response = false", "require_signed_response = true");
    let path = super::file("legacy-sealed.toml");
    std::fs::write(&path, &profile).expect("written");
    let bench = Bench::with(profile, Some(path)).await;
    let config = GatewayConfig { response_ca: Some(super::file("root.pem")), ..bench.config("viewer", "viewer") };
    assert!(Client::build(&config, bench.clock.clone()).locate(&told(RICH)).await.is_ok());
}

/// Makes the stored message anew with `UPDATE=1`; without it nothing is written.
#[cfg(feature = "legacy-itk")]
#[test]
#[allow(clippy::disallowed_methods, reason = "a switch of the tests")]
fn the_stored_message_can_be_made_anew() {
    let path = super::file("legacy-stored.toml");
    std::fs::write(&path, LEGACY_ITK_PROFILE.replace("to = \"\"", &format!("to = \"{STORED_TO}\""))).expect("written");
    let client =
        Client::build(&GatewayConfig { wire_profile: Some(path), ..config() }, crate::clock::Clock::fixed(super::NOW));
    let message = client.write(&view_of(RICH));
    assert!(message.contains(STORED_TO));
    if std::env::var_os("UPDATE").is_some() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/simulator/tests/legacy-itk");
        std::fs::write(folder.join("message.xml"), message).expect("written");
        std::fs::write(folder.join("root.pem"), &pki().root).expect("written");
    }
}
