//! Revocation lists, and certificates that are replaced while both ends run.

use super::accreditation::{head, send};
use super::forge::{Forge, der, rsa_key, signs_with, token};
use super::{Bench, Leaf, PRACTICE, RICH, file, pki, told, told_why, view_of};
use crate::gateway::profile::DEFAULT_PROFILE;
use crate::gateway::security::Verifier;
use crate::gateway::testing::Client;
use crate::gateway::{GatewayConfig, GatewayError, WireProfile};
use crate::simulator::papers::Papers;
use crate::telemetry::Metrics;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, DnType, Issuer, KeyIdMethod, KeyPair, RevokedCertParams,
    SerialNumber,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use time::macros::datetime;

const ACTION: &str = "urn:nhs-itk:services:201005:sendRecvDistEnvelope";

/// Another certificate of the viewer's name and key.
fn viewer(change: impl FnOnce(&mut CertificateParams)) -> Leaf {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "viewer.example");
    change(&mut params);
    let key = KeyPair::from_pem(&pki().viewer.key).expect("key");
    let certificate = params.signed_by(&key, &pki().issuer).expect("certificate").pem();
    Leaf { certificate, key: pki().viewer.key.clone() }
}

pub(super) fn expired_viewer() -> Leaf {
    viewer(|params| params.not_after = datetime!(2020-01-01 00:00 UTC))
}

const REVOKED: u64 = 77;

fn revoked_viewer() -> Leaf {
    viewer(|params| params.serial_number = Some(SerialNumber::from(REVOKED)))
}

fn list(issuer: &Issuer<'static, KeyPair>, serials: &[SerialNumber]) -> String {
    let revoked_certs = serials
        .iter()
        .map(|serial| RevokedCertParams {
            serial_number: serial.clone(),
            revocation_time: datetime!(2026-11-01 00:00 UTC),
            reason_code: None,
            invalidity_date: None,
        })
        .collect();
    let params = CertificateRevocationListParams {
        this_update: datetime!(2026-11-01 00:00 UTC),
        next_update: datetime!(2036-11-01 00:00 UTC),
        crl_number: SerialNumber::from(1u64),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).expect("a list").pem().expect("PEM")
}

fn serial_of(pem: &str) -> SerialNumber {
    let leaf = der(pem);
    let (_, parsed) = x509_parser::parse_x509_certificate(&leaf).expect("a certificate");
    SerialNumber::from_slice(parsed.raw_serial())
}

fn written(name: &str, text: &str) -> PathBuf {
    std::fs::write(file(name), text).expect("written");
    file(name)
}

#[tokio::test]
async fn a_revoked_client_certificate_gets_no_connection() {
    let crl = list(&pki().issuer, &[SerialNumber::from(REVOKED)]);
    let bench = Bench::tweaked(DEFAULT_PROFILE, None, |config| config.client_crl = Some(crl.into_bytes())).await;
    let message = bench.client().write(&view_of(RICH));
    assert!(send(&bench, &revoked_viewer(), &head(ACTION), message.as_bytes()).await.is_err(), "111_SO_MA3");
    let raw = send(&bench, &pki().viewer, &head(ACTION), message.as_bytes()).await.expect("an answer");
    assert_eq!(raw.status, 200, "{}", raw.body);
}

#[tokio::test]
async fn a_revoked_signing_certificate_is_denied() {
    let crl = list(&pki().issuer, &[SerialNumber::from(REVOKED)]);
    let bench = Bench::tweaked(DEFAULT_PROFILE, None, |config| config.signing_crl = Some(crl.into_bytes())).await;
    let client = bench.client();
    for (leaf, wanted) in [(revoked_viewer(), "3000: certificate revoked"), (viewer(|_| {}), "MIG-0000")] {
        let message = client.write(&view_of(RICH));
        let mut forge = Forge::of(&message);
        forge.token = token(&der(&leaf.certificate));
        forge.sign = signs_with(rsa_key(&leaf));
        assert_eq!(told_why(&client.post(forge.put(&message)).await.expect("an answer")), wanted);
    }
}

#[tokio::test]
async fn a_revoked_server_and_a_revoked_signature_of_an_answer_are_not_believed() {
    let profile = DEFAULT_PROFILE.replace("require_signed_response = false", "require_signed_response = true");
    let path = written("revoked-profile.toml", &profile);
    let bench = Bench::with(profile, Some(path)).await;
    let crl = written("server.crl", &list(&pki().issuer, &[serial_of(&pki().server.certificate)]));
    let good = GatewayConfig { response_ca: Some(file("root.pem")), ..bench.config("viewer", "viewer") };
    let locate = async |config: GatewayConfig| {
        let config = GatewayConfig { retries: 0, ..config };
        Client::build(&config, bench.clock.clone()).locate(&told(RICH)).await
    };
    assert!(locate(good.clone()).await.is_ok());
    let answered = locate(GatewayConfig { crl: Some(crl.clone()), ..good.clone() }).await;
    assert!(matches!(answered, Err(GatewayError::Unavailable { .. })), "no connection");
    let answered = locate(GatewayConfig { response_crl: Some(crl), ..good }).await;
    assert!(matches!(answered, Err(GatewayError::Broken("the answer's signature"))));
}

#[test]
fn a_list_that_cannot_be_read_is_a_problem_at_the_start() {
    let config = GatewayConfig {
        endpoint: "https://localhost/mig".to_owned(),
        ca: file("root.pem"),
        crl: Some(written("broken.crl", "nothing")),
        client_certificate: file("viewer.pem"),
        client_key: file("viewer-key.pem"),
        ..GatewayConfig::default()
    };
    assert_eq!(config.problems(), ["gateway.crl: a revocation list that cannot be read"]);
    let profile = WireProfile::builtin().expect("profile");
    assert!(Verifier::new(&[], &[vec![0].into()], &profile.security).is_err());
}

/// Waits until it holds, some seconds at most.
async fn soon(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(15) {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

fn counted(side: &str, outcome: &str) -> u64 {
    let text = Metrics::install().render();
    let series = format!("mig_fhir_certificate_changes_total{{side=\"{side}\",outcome=\"{outcome}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or(0)
}

fn put(folder: &Path, name: &str, leaf: &Leaf) {
    std::fs::write(folder.join(format!("{name}.pem")), &leaf.certificate).expect("written");
    std::fs::write(folder.join(format!("{name}.key")), &leaf.key).expect("written");
}

#[tokio::test]
async fn the_facade_takes_a_changed_certificate_without_restart_and_keeps_the_old_one_when_the_new_one_is_broken() {
    let _ = Metrics::install();
    let bench = Bench::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "client", &pki().viewer);
    let config = GatewayConfig {
        client_certificate: folder.path().join("client.pem"),
        client_key: folder.path().join("client.key"),
        signing_certificate: None,
        signing_key: None,
        ..bench.config("viewer", "viewer")
    };
    let client = Client::build(&config, bench.clock.clone());
    let watch = client.watch();
    let locates = async || client.locate(&told(RICH)).await.is_ok();
    assert!(locates().await);

    let refused = counted("gateway", "refused");
    std::fs::write(folder.path().join("client.pem"), "half a certi").expect("written");
    assert!(soon(async || counted("gateway", "refused") > refused).await, "refused and counted");
    assert!(locates().await, "the old one is in force");

    let refused = counted("gateway", "refused");
    put(folder.path(), "client", &expired_viewer());
    assert!(soon(async || counted("gateway", "refused") > refused).await, "one that has ended is not taken");
    assert!(locates().await);

    put(folder.path(), "client", &pki().unlisted);
    assert!(soon(async || !locates().await).await, "the new one is in force: nobody listed it");
    assert!(counted("gateway", "taken") > 0);
    put(folder.path(), "client", &pki().viewer);
    assert!(soon(locates).await, "and back again");
    let left = Metrics::install().render();
    for name in ["tls", "signing"] {
        assert!(left.contains(&format!("mig_fhir_certificate_seconds_left{{certificate=\"{name}\"}}")), "{left}");
    }
    watch.abort();
}

#[tokio::test]
async fn the_simulator_takes_changed_lists_without_restart_and_keeps_the_old_ones_when_the_new_ones_are_broken() {
    let _ = Metrics::install();
    let bench = Bench::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, crl) = (folder.path().join("ca.pem"), folder.path().join("client.crl"));
    std::fs::write(&ca, &pki().root).expect("written");
    std::fs::write(&crl, list(&pki().issuer, &[])).expect("written");
    let read = || {
        let bytes = |path: &Path| std::fs::read(path).map_err(|error| vec![error.to_string()]);
        Ok(Papers {
            certificate: pki().server.certificate.clone().into_bytes(),
            key: pki().server.key.clone().into_bytes(),
            client_ca: bytes(&ca)?,
            client_crl: Some(bytes(&crl)?),
            signing_ca: bytes(&ca)?,
            signing_crl: None,
        })
    };
    let client = bench.client();
    let connects = async |leaf: &Leaf| {
        let message = client.write(&view_of(RICH));
        send(&bench, leaf, &head(ACTION), message.as_bytes()).await.is_ok()
    };
    let story = async {
        let revoked = revoked_viewer();
        assert!(connects(&revoked).await, "not revoked yet");
        let refused = counted("simulator", "refused");
        std::fs::write(&crl, "-----BEGIN X509 CRL-----").expect("written");
        assert!(soon(async || counted("simulator", "refused") > refused).await, "refused and counted");
        assert!(connects(&revoked).await);
        std::fs::write(&crl, list(&pki().issuer, &[SerialNumber::from(REVOKED)])).expect("written");
        assert!(soon(async || !connects(&revoked).await).await, "revoked, without restart");
        assert!(connects(&pki().viewer).await);
        std::fs::write(&ca, &pki().foreign_root).expect("written");
        std::fs::write(&crl, list(&pki().foreign_issuer, &[])).expect("written");
        assert!(soon(async || !connects(&pki().viewer).await).await, "another trust list");
        assert!(connects(&pki().foreign).await);
    };
    tokio::select! {
        () = bench.server.watch(vec![ca.clone(), crl.clone()], read) => panic!("a watch never ends"),
        () = story => {}
    }
}

#[tokio::test]
async fn papers_that_cannot_be_used_change_nothing() {
    let bench = Bench::start().await;
    let broken = Papers {
        certificate: pki().server.certificate.clone().into_bytes(),
        key: pki().viewer.key.clone().into_bytes(),
        client_ca: b"nothing".to_vec(),
        client_crl: None,
        signing_ca: b"nothing".to_vec(),
        signing_crl: Some(b"nothing".to_vec()),
    };
    assert_eq!(bench.server.renew(&broken).err().map(|problems| problems.len()), Some(2));
    let location = bench.client().locate(&told(RICH)).await.expect("located");
    assert_eq!(location.practice.as_ref().map(crate::ids::OdsCode::as_str), Some(PRACTICE));
}
