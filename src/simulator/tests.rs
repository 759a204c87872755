//! Both ends of the legacy wire against each other, over real TLS with keys made here. Longer than the limit: tables.

use super::holdings::{Holding, Holdings};
use super::server::{Server, SimulatorConfig};
use crate::clock::Clock;
use crate::gateway::profile::{DEFAULT_PROFILE, DigestAlgorithm, SignatureAlgorithm};
use crate::gateway::security::{Fragment, Signer, Verifier, certificates};
use crate::gateway::testing::{Client, Told};
use crate::gateway::xml::{SOAP, WSA, WSU};
use crate::gateway::{GatewayConfig, GatewayError, WireProfile};
use crate::kinds::View;
use crate::policy::{Registration, Supplier};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use time::macros::{date, datetime};

mod accreditation;
mod agreement;
mod certificates;
mod forge;
mod leaves;
mod legacy;
mod order;
mod references;
mod sealed;
mod wrapping;

struct Leaf {
    certificate: String,
    key: String,
}

/// A root, the server's leaf, and leaves of viewers; a root of strangers with a leaf of the same name.
struct Pki {
    root: String,
    server: Leaf,
    viewer: Leaf,
    unlisted: Leaf,
    foreign: Leaf,
    foreign_root: String,
    issuer: Issuer<'static, KeyPair>,
    foreign_issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("key");
    let certificate = params.self_signed(&key).expect("root");
    (certificate.pem(), Issuer::new(params, key))
}

fn leaf(issuer: &Issuer<'static, KeyPair>, name: &str) -> Leaf {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("key");
    let certificate = params.signed_by(&key, issuer).expect("leaf");
    Leaf { certificate: certificate.pem(), key: key.serialize_pem() }
}

fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let (root, issuer) = authority("Root");
        let (foreign_root, foreign_issuer) = authority("Foreign");
        let made = Pki {
            root,
            server: leaf(&issuer, "mig.example"),
            viewer: leaf(&issuer, "viewer.example"),
            unlisted: leaf(&issuer, "unlisted.example"),
            foreign: leaf(&foreign_issuer, "viewer.example"),
            foreign_root,
            issuer,
            foreign_issuer,
            folder: tempfile::tempdir().expect("folder"),
        };
        let write = |name: &str, text: &str| std::fs::write(made.folder.path().join(name), text).expect("written");
        write("root.pem", &made.root);
        write("foreign-root.pem", &made.foreign_root);
        for (name, leaf) in [("viewer", &made.viewer), ("unlisted", &made.unlisted), ("foreign", &made.foreign)] {
            write(&format!("{name}.pem"), &leaf.certificate);
            write(&format!("{name}-key.pem"), &leaf.key);
        }
        made
    })
}

fn file(name: &str) -> PathBuf {
    pki().folder.path().join(name)
}

const NOW: time::OffsetDateTime = datetime!(2026-11-24 10:00:00.4 UTC);
const PRACTICE: &str = "A81001";
const RICH: &str = "9990000018";

fn record(number: &str) -> String {
    format!(
        "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\" schemaVersion=\"2.1.4\"><id>6f0f3b5e-0000-4000-8000-000000000001</id>\
         <creationTime>2026-11-24T09:00:00</creationTime><author><organisation>6f0f3b5e-0000-4000-8000-0000000000aa</organisation></author>\
         <adminDomain><person><id>6f0f3b5e-0000-4000-8000-000000000003</id><birthDate>1970-01-02</birthDate><surname>Test</surname></person>\
         <patient><id>6f0f3b5e-0000-4000-8000-000000000002</id><patientIdentifier><id>6f0f3b5e-0000-4000-8000-000000000009</id>\
         <value>{number}</value><identifierType>NHS</identifierType></patientIdentifier>\
         <patientPerson>6f0f3b5e-0000-4000-8000-000000000003</patientPerson></patient></adminDomain></openHealthRecord>"
    )
}

type Change = fn(&mut Holding);
type Doctored = fn(&str) -> String;

/// Numbers of the 999 range by their ninth digits, each with what is odd about it.
fn holdings() -> Holdings {
    let mut holdings = Holdings::default();
    let cases: [(&str, Change); 11] = [
        ("rich", |_| {}),
        ("opted out", |holding| holding.opted_out = true),
        ("untraced", |holding| holding.traced = false),
        ("left", |holding| holding.registration = "left".to_owned()),
        ("restricted", |holding| holding.restricted = true),
        ("busy", |holding| holding.outcome = Some("MIG-0008".to_owned())),
        ("partial", |holding| holding.outcome = Some("MIG-0009".to_owned())),
        ("outside", |holding| holding.outcome = Some("MIG-0005".to_owned())),
        ("fault 2100", |holding| holding.fault = Some("2100".to_owned())),
        ("fault 2200", |holding| holding.fault = Some("2200".to_owned())),
        ("slow", |holding| holding.delay_ms = 2_000),
    ];
    for ((_, change), number) in cases.into_iter().zip(NUMBERS) {
        let Ok(mut holding) = Holding::read(record(number)) else { panic!("a record") };
        holding.practice = Some(PRACTICE.to_owned());
        holding.practice_name = Some("The Surgery".to_owned());
        holding.supplier = "EMIS".to_owned();
        holding.registration = "registered".to_owned();
        holding.birth_date = Some(date!(1970 - 01 - 02));
        change(&mut holding);
        holdings.add(holding);
    }
    holdings
}

/// 9990000xx with right check digits, in the order of [`holdings`]; the twelfth is nobody's.
const NUMBERS: [&str; 12] = [
    RICH,
    "9990000026",
    "9990000034",
    "9990000042",
    "9990000050",
    "9990000069",
    "9990000077",
    "9990000085",
    "9990000093",
    "9990000107",
    "9990000115",
    "9990000123",
];

struct Bench {
    server: Server,
    clock: Clock,
    profile: Option<PathBuf>,
}

impl Bench {
    async fn start() -> Self {
        Self::with(DEFAULT_PROFILE.to_owned(), None).await
    }

    async fn with(profile: String, file: Option<PathBuf>) -> Self {
        Self::tweaked(&profile, file, |_| {}).await
    }

    async fn tweaked(profile: &str, file: Option<PathBuf>, tweak: impl FnOnce(&mut SimulatorConfig)) -> Self {
        let (pki, clock) = (pki(), Clock::fixed(NOW));
        let mut config = SimulatorConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            certificate: pki.server.certificate.clone().into_bytes(),
            key: pki.server.key.clone().into_bytes(),
            client_ca: pki.root.clone().into_bytes(),
            client_crl: None,
            signing_ca: pki.root.clone().into_bytes(),
            signing_crl: None,
            speakers: BTreeMap::from([("viewer.example".to_owned(), vec!["V1".to_owned()])]),
            own_urls: Vec::new(),
            profile: WireProfile::parse(profile).expect("profile"),
            holdings: Arc::new(holdings()),
            clock: clock.clone(),
            log: None,
            control: None,
        };
        tweak(&mut config);
        let server = Server::bind(config).await.expect("bound");
        Self { server, clock, profile: file }
    }

    fn config(&self, tls: &str, signing: &str) -> GatewayConfig {
        GatewayConfig {
            endpoint: self.server.endpoint(),
            ca: file("root.pem"),
            client_certificate: file(&format!("{tls}.pem")),
            client_key: file(&format!("{tls}-key.pem")),
            signing_certificate: Some(file(&format!("{signing}.pem"))),
            signing_key: Some(file(&format!("{signing}-key.pem"))),
            wire_profile: self.profile.clone(),
            circuit_failures: 100,
            ..GatewayConfig::default()
        }
    }

    fn client(&self) -> Client {
        Client::build(&self.config("viewer", "viewer"), self.clock.clone())
    }
}

fn told(nhs_number: &'static str) -> Told {
    Told { nhs_number, birth_date: None, organisation: "V1", view: None, override_reason: None }
}

fn view_of(nhs_number: &'static str) -> Told {
    Told { view: Some((View::Summary, PRACTICE)), ..told(nhs_number) }
}

fn code(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let between = |from: &str, to: &str| {
        let (_, rest) = text.split_once(from)?;
        Some(rest.split_once(to)?.0.rsplit('>').next()?.to_owned())
    };
    between("<itk:ErrorCode", "</itk:ErrorCode>")
        .or_else(|| between("<dcr:outcome code=\"", "\""))
        .or_else(|| between("<faultcode>", "</faultcode>"))
        .unwrap_or_else(|| text.into_owned())
}

/// The code, and a fault's reason where it gives one.
fn told_why(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    match text.split("DiagnosticText>").nth(1).and_then(|rest| rest.split('<').next()) {
        Some(reason) => format!("{}: {reason}", code(answer)),
        None => code(answer),
    }
}

#[tokio::test]
async fn a_patient_is_located_with_what_the_practice_says() {
    let bench = Bench::start().await;
    let client = bench.client();
    let location = client.locate(&told(RICH)).await.expect("located");
    assert_eq!(location.practice.as_ref().map(crate::ids::OdsCode::as_str), Some(PRACTICE));
    assert_eq!(location.practice_name.as_deref(), Some("The Surgery"));
    assert_eq!((location.supplier, location.registration), (Supplier::Emis, Registration::Registered));
    assert!(location.traced && !location.opted_out);

    assert!(client.locate(&told(NUMBERS[1])).await.expect("located").opted_out);
    assert!(!client.locate(&told(NUMBERS[2])).await.expect("located").traced);
    let left = client.locate(&told(NUMBERS[3])).await.expect("located");
    assert_eq!((left.registration, left.practice), (Registration::Left, None));
    for unknown in [NUMBERS[4], NUMBERS[11]] {
        assert!(matches!(client.locate(&told(unknown)).await, Err(GatewayError::UnknownPatient)), "{unknown}");
    }
    let elsewhen = Told { birth_date: Some(date!(1970 - 01 - 03)), ..told(RICH) };
    assert!(matches!(client.locate(&elsewhen).await, Err(GatewayError::UnknownPatient)));
    let other = Told { organisation: "V2", ..told(RICH) };
    assert!(matches!(client.locate(&other).await, Err(GatewayError::NotAuthorised)));
    bench.server.stop().await;
}

#[tokio::test]
async fn a_view_arrives_and_the_practice_logs_who_asked_on_what_consent() {
    let bench = Bench::start().await;
    let client = bench.client();
    let (xml, complete) = client.enclosed(&view_of(RICH), Duration::from_secs(20)).await.expect("a record");
    let text = std::str::from_utf8(&xml).expect("text");
    assert!(complete && text.starts_with("<openHealthRecord") && text.ends_with("</openHealthRecord>"), "{text}");
    let pressed = Told { override_reason: Some(("Emergency", "  found   unconscious ")), ..view_of(RICH) };
    client.enclosed(&pressed, Duration::from_secs(20)).await.expect("a record");

    let log = bench.server.extracts();
    assert_eq!(log.len(), 2);
    let (first, second) = (&log[0], &log[1]);
    assert_eq!(first.view.as_deref(), Some("Summary"));
    assert_eq!((first.practice.as_str(), first.organisation.as_str()), (PRACTICE, "V1"));
    assert_eq!((first.user.as_str(), first.user_name.as_str(), first.role.as_str()), ("u/1", "Dr <A> & B", "R8000"));
    assert_eq!(first.consent.as_deref(), Some("consent-1"));
    assert_eq!((first.consent_status.as_deref(), first.override_category.as_deref()), (Some("Explicit Consent"), None));
    assert_eq!(second.consent_status.as_deref(), Some("Not Specified"));
    assert_eq!(second.override_category.as_deref(), Some("Emergency"));
    assert_eq!(first.outcome, "MIG-0000");
    assert_eq!(first.message_id, client.noted.lock().expect("lock")[0]);
}

#[tokio::test]
async fn a_fetched_record_is_read_and_is_the_patients_own() {
    let bench = Bench::start().await;
    let fetched = bench.client().fetch(&view_of(RICH)).await.expect("a record");
    let patient = fetched.record.patient.as_ref().expect("a patient");
    assert_eq!(patient.nhs_number.as_deref(), Some(RICH));
    assert!(fetched.complete);
    assert_eq!(fetched.recorded_as_at, datetime!(2026-11-24 10:00 UTC));
}

#[tokio::test]
async fn each_outcome_and_fault_becomes_its_error() {
    let bench = Bench::start().await;
    let client = bench.client();
    let within = Duration::from_secs(20);
    let error = async |told: Told| client.enclosed(&told, within).await.err();
    assert!(matches!(error(view_of(NUMBERS[1])).await, Some(GatewayError::OptedOut)));
    for unknown in [NUMBERS[2], NUMBERS[3], NUMBERS[4], NUMBERS[11]] {
        assert!(matches!(error(view_of(unknown)).await, Some(GatewayError::UnknownPatient)), "{unknown}");
    }
    let elsewhere = Told { view: Some((View::Summary, "A81002")), ..told(RICH) };
    assert!(matches!(error(elsewhere).await, Some(GatewayError::UnknownPatient)));
    let elsewhen = Told { birth_date: Some(date!(1970 - 01 - 03)), ..view_of(RICH) };
    assert!(matches!(error(elsewhen).await, Some(GatewayError::UnknownPatient)));
    assert!(matches!(error(view_of(NUMBERS[7])).await, Some(GatewayError::OutsideAgreement)));
    assert!(matches!(error(view_of(NUMBERS[9])).await, Some(GatewayError::Broken("fault 2200"))));
    let invalid = Told { override_reason: Some(("Curiosity", "no")), ..view_of(RICH) };
    assert!(matches!(error(invalid).await, Some(GatewayError::Broken(_))));
    let (_, complete) = client.enclosed(&view_of(NUMBERS[6]), within).await.expect("part of a record");
    assert!(!complete);
}

#[tokio::test]
async fn a_busy_practice_is_asked_again_with_new_messages_for_the_same_request() {
    let bench = Bench::start().await;
    let client = bench.client();
    for (number, outcome) in [(NUMBERS[5], "MIG-0008"), (NUMBERS[8], "2100")] {
        let before = bench.server.extracts().len();
        let error = client.enclosed(&view_of(number), Duration::from_secs(20)).await.err();
        assert!(matches!(error, Some(GatewayError::Unavailable { .. })));
        let log = bench.server.extracts().split_off(before);
        assert_eq!(log.len(), 3);
        assert!(log.iter().all(|extract| extract.outcome == outcome && extract.request_id == log[0].request_id));
        assert!(log[0].message_id != log[1].message_id && log[1].message_id != log[2].message_id);
    }
}

#[tokio::test]
async fn a_slow_practice_is_a_timeout_at_the_deadline() {
    let bench = Bench::start().await;
    let started = std::time::Instant::now();
    let error = bench.client().enclosed(&view_of(NUMBERS[10]), Duration::from_millis(400)).await.err();
    assert!(matches!(error, Some(GatewayError::Timeout)));
    assert!(started.elapsed() < Duration::from_millis(1_500));
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_unavailable() {
    let bench = Bench::start().await;
    let client = bench.client();
    bench.server.stop().await;
    assert!(matches!(client.locate(&told(RICH)).await, Err(GatewayError::Unavailable { .. })));
    assert_eq!(client.noted.lock().expect("lock").len(), 3);
}

#[tokio::test]
async fn certificates_that_are_not_trusted_or_not_listed_get_nothing() {
    let bench = Bench::start().await;
    for (tls, signing, wanted) in [
        ("viewer", "viewer", "MIG-0000"),
        ("foreign", "foreign", "Interrupted"),
        ("viewer", "foreign", "3000"),
        ("unlisted", "unlisted", "3000"),
    ] {
        let client = Client::build(&bench.config(tls, signing), bench.clock.clone());
        let answer = client.post(client.write(&told(RICH))).await;
        let got = answer.map_or_else(|error| error, |bytes| code(&bytes));
        assert_eq!(got, wanted, "{tls} {signing}");
    }
    let mut stranger = bench.config("viewer", "viewer");
    stranger.ca = file("foreign-root.pem");
    let client = Client::build(&stranger, bench.clock.clone());
    assert!(client.post(client.write(&told(RICH))).await.is_err(), "a server that we do not trust");
}

#[tokio::test]
async fn different_names_in_tls_and_signature_are_refused_at_both_ends() {
    let bench = Bench::start().await;
    let config = bench.config("unlisted", "viewer");
    assert_eq!(config.problems().len(), 1);
    let lax = file("lax.toml");
    std::fs::write(&lax, DEFAULT_PROFILE.replace("same_common_name = true", "same_common_name = false")).expect("file");
    let client = Client::build(&GatewayConfig { wire_profile: Some(lax), ..config }, bench.clock.clone());
    let answer = client.post(client.write(&told(RICH))).await.expect("an answer");
    assert_eq!(code(&answer), "3000");
}

/// An edit of a signed message, whether it is signed again, and what it is answered with.
type Edit = (&'static str, fn(&str) -> String, bool, &'static str);

fn swap(message: &str, from: &str, to: &str) -> String {
    assert!(message.contains(from), "{from} is not in the message");
    message.replacen(from, to, 1)
}

fn moved_body(message: &str) -> String {
    let start = message.find("<soap:Body").expect("body");
    let end = message.find("</soap:Body>").expect("body") + "</soap:Body>".len();
    let body = &message[start..end];
    let forged = body.replace("wsu:Id=\"id-body\"", "wsu:Id=\"id-forged\"").replace(RICH, NUMBERS[6]);
    let wrapped = format!("<x:Wrapper xmlns:x=\"urn:x\">{body}</x:Wrapper></soap:Header>{forged}");
    message.replace(body, "").replacen("</soap:Header>", &wrapped, 1)
}

const REFUSED: &[Edit] = &[
    ("as it is", str::to_owned, false, "MIG-0000"),
    ("signed again", str::to_owned, true, "MIG-0000"),
    ("a comment in a value", |m| swap(m, "99900", "99<!-- x -->900"), false, "MIG-0000"),
    ("not XML", |m| m.replace("</soap:Body>", ""), false, "1000: not well-formed XML"),
    ("cut short", |m| m[..m.len() / 2].to_owned(), false, "1000: not well-formed XML"),
    (
        "a DTD",
        |m| swap(m, "<soap:Envelope", "<!DOCTYPE x [<!ENTITY a \"b\">]><soap:Envelope"),
        false,
        "1000: not well-formed XML",
    ),
    (
        "an instruction",
        |m| swap(m, "<soap:Header>", "<?x y?><soap:Header>"),
        false,
        "1000: a DTD, processing instruction or entity",
    ),
    ("too large", |m| format!("{m}{}", " ".repeat(1_100_000)), false, "1000: over the size limit"),
    (
        "too deep",
        |m| swap(m, "</soap:Header>", &format!("{}{}</soap:Header>", "<a>".repeat(80), "</a>".repeat(80))),
        false,
        "1000: not well-formed XML",
    ),
    ("SOAP 1.2", |m| m.replace(SOAP, "http://www.w3.org/2003/05/soap-envelope"), false, "soap:VersionMismatch"),
    ("another root", |m| m.replace("soap:Envelope", "soap:Letter"), false, "1000: not a SOAP envelope"),
    (
        "two bodies",
        |m| swap(m, "</soap:Envelope>", "<soap:Body></soap:Body></soap:Envelope>"),
        false,
        "3000: not exactly one Body",
    ),
    (
        "no security",
        |m| {
            let (head, rest) = m.split_once("<wsse:Security").expect("security");
            format!("{head}{}", rest.split_once("</wsse:Security>").expect("security").1)
        },
        false,
        "3000: not exactly one Security",
    ),
    (
        "a strange header, ignored",
        |m| swap(m, "</soap:Header>", "<x:A xmlns:x=\"urn:x\"></x:A></soap:Header>"),
        false,
        "MIG-0000",
    ),
    (
        "a strange header for others",
        |m| {
            swap(
                m,
                "</soap:Header>",
                "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\" soap:actor=\"urn:other\"></x:A></soap:Header>",
            )
        },
        false,
        "MIG-0000",
    ),
    (
        "a strange header that must be understood",
        |m| swap(m, "</soap:Header>", "<x:A xmlns:x=\"urn:x\" soap:mustUnderstand=\"1\"></x:A></soap:Header>"),
        false,
        "soap:MustUnderstand",
    ),
    ("another number", |m| swap(m, RICH, NUMBERS[6]), false, "3000: a digest does not match"),
    ("another To", |m| swap(m, "https://localhost", "https://elsewhere"), false, "3000: a digest does not match"),
    (
        "another MessageID",
        |m| {
            let (head, tail) = m.split_once("</wsa:MessageID>").expect("id");
            format!(
                "{}{}",
                &head[..head.len() - 1],
                if head.ends_with('0') { "1" } else { "0" }.to_owned() + "</wsa:MessageID>" + tail
            )
        },
        false,
        "3000: a digest does not match",
    ),
    (
        "another signature",
        |m| swap(m, "<ds:SignatureValue>", "<ds:SignatureValue>AAAA"),
        false,
        "3000: the signature does not verify",
    ),
    ("a moved body", moved_body, false, "3000: a signed part out of its place"),
    (
        "an id given twice",
        |m| {
            swap(
                m,
                "<soap:Header>",
                &format!("<soap:Header><x:A xmlns:x=\"urn:x\" xmlns:wsu=\"{WSU}\" wsu:Id=\"id-body\"></x:A>"),
            )
        },
        false,
        "3000: an id given twice",
    ),
    (
        "a header twice",
        |m| swap(m, "</soap:Header>", &format!("<wsa:To xmlns:wsa=\"{WSA}\">x</wsa:To></soap:Header>")),
        false,
        "3000: an addressing header given twice",
    ),
    (
        "another user name",
        |m| swap(m, "<wsse:Username>viewer", "<wsse:Username>Viewer"),
        false,
        "3000: Username is not the certificate's common name",
    ),
    (
        "SHA-1",
        |m| swap(m, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        false,
        "3000: signature algorithm not allowed",
    ),
    (
        "expired",
        |m| {
            m.replace("2026-11-24T10:00:00Z", "2026-11-24T09:50:00Z")
                .replace("2026-11-24T10:05:00Z", "2026-11-24T09:55:00Z")
        },
        true,
        "3000: timestamp expired",
    ),
    (
        "from the future",
        |m| m.replace("2026-11-24T10:00:00Z", "2026-11-24T10:00:06Z"),
        true,
        "3000: timestamp from the future",
    ),
    ("a little ahead", |m| m.replace("2026-11-24T10:00:00Z", "2026-11-24T10:00:05Z"), true, "MIG-0000"),
    (
        "backwards",
        |m| m.replace("2026-11-24T10:05:00Z", "2026-11-24T09:59:00Z"),
        true,
        "3000: timestamp expires before it was created",
    ),
    (
        "lives too long",
        |m| m.replace("2026-11-24T10:05:00Z", "2026-11-24T10:10:01Z"),
        true,
        "3000: timestamp lives too long",
    ),
    (
        "a time with offset",
        |m| m.replace("2026-11-24T10:05:00Z", "2026-11-24T10:05:00+00:00"),
        true,
        "3000: timestamp without one Expires in UTC",
    ),
    (
        "From not signed",
        |m| m.replace("wsu:Id=\"id-from\"", "wsu:Is=\"id-from\""),
        true,
        "3000: a required part is not signed",
    ),
    (
        "no To",
        |m| {
            let (head, rest) = m.split_once("<wsa:To ").expect("to");
            format!("{head}{}", rest.split_once("</wsa:To>").expect("to").1)
        },
        true,
        "1000: no To",
    ),
    ("an unknown To", |m| swap(m, "https://localhost", "https://elsewhere"), true, "1000: To is not this endpoint"),
    (
        "an action that SOAPAction is not",
        |m| swap(m, "sendRecvDistEnvelope</wsa", "other</wsa"),
        true,
        "1000: unknown Action",
    ),
    (
        "a ReplyTo elsewhere",
        |m| {
            swap(
                m,
                "</soap:Header>",
                &format!(
                    "<wsa:ReplyTo xmlns:wsa=\"{WSA}\"><wsa:Address>https://x</wsa:Address></wsa:ReplyTo></soap:Header>"
                ),
            )
        },
        true,
        "1000: ReplyTo is not anonymous",
    ),
    (
        "From is another",
        |m| swap(m, "ods:V1</wsa:Address>", "ods:V9</wsa:Address>"),
        true,
        "1000: From is not the sender",
    ),
    (
        "another service",
        |m| swap(m, "sendRecvDistEnvelope\" trackingid", "other\" trackingid"),
        true,
        "1000: service is not the action",
    ),
    (
        "two payloads counted",
        |m| swap(m, "<itk:payloads count=\"1\"", "<itk:payloads count=\"2\""),
        true,
        "1000: manifest and payloads do not match",
    ),
    (
        "another profile",
        |m| swap(m, "urn:x-mig-facade:profile:", "urn:x:"),
        true,
        "1000: manifest item of another kind",
    ),
    ("another identity", |m| swap(m, "user:u%2F1", "user:u%2F2"), true, "1000: the audit identity is not the user"),
    (
        "an unknown identity type",
        |m| swap(m, "1.2.826.0.1285.0.2.0.67", "1.2.826.0.1285.0.2.0.99"),
        true,
        "1000: an audit identity of unknown type",
    ),
    (
        "another role profile",
        |m| swap(m, "uri=\"profile-1\"", "uri=\"profile-2\""),
        true,
        "1000: an audit identity differs from the payload",
    ),
    (
        "another target",
        |m| swap(m, "<dcr:targetOrganisation odsCode=\"A81001\"", "<dcr:targetOrganisation odsCode=\"A81009\""),
        true,
        "1000: the target is not the address",
    ),
    (
        "another source",
        |m| swap(m, "<dcr:sourceOrganisation odsCode=\"V1\"", "<dcr:sourceOrganisation odsCode=\"V9\""),
        true,
        "1000: the sender is not the source organisation",
    ),
    (
        "an unknown element",
        |m| swap(m, "<dcr:view>", "<dcr:mood></dcr:mood><dcr:view>"),
        true,
        "1000: the message does not fit its schema",
    ),
    (
        "a foreign element at the end",
        |m| swap(m, "</dcr:serviceContent>", "<x:A xmlns:x=\"urn:x\"></x:A></dcr:serviceContent>"),
        true,
        "MIG-0000",
    ),
    (
        "an unknown attribute",
        |m| swap(m, "<dcr:consent ", "<dcr:consent mood=\"x\" "),
        true,
        "1000: the message does not fit its schema",
    ),
    (
        "a role that is none",
        |m| swap(m, "roleCode=\"R8000\"", "roleCode=\"R80\""),
        true,
        "1000: the message does not fit its schema",
    ),
    ("nine digits", |m| swap(m, RICH, "999000001"), true, "1000: the message does not fit its schema"),
    ("a wrong check digit", |m| swap(m, RICH, "9990000019"), true, "MIG-0001"),
    ("an unknown view", |m| swap(m, "<dcr:view>Summary", "<dcr:view>Everything"), true, "MIG-0001"),
    ("an unknown status", |m| swap(m, "Explicit Consent", "Perhaps"), true, "MIG-0001"),
    ("dissent", |m| swap(m, "Explicit Consent", "Explicit Dissent"), true, "MIG-0003"),
    ("an override without reason", |m| swap(m, "Explicit Consent", "Not Specified"), true, "MIG-0003"),
    (
        "created at another time",
        |m| swap(m, "<dcr:created>2026-11-24T10:00:00Z", "<dcr:created>2026-11-24T10:00:01Z"),
        true,
        "1000: created is not the Timestamp's",
    ),
];

#[tokio::test]
async fn what_breaks_the_contract_is_refused_with_its_code() {
    let bench = Bench::start().await;
    let client = bench.client();
    let mut wrong = Vec::new();
    for (what, edit, again, wanted) in REFUSED {
        let edited = edit(&client.write(&view_of(RICH)));
        let message = if *again { client.sign_again(&edited) } else { edited };
        let answer = client.post(message).await;
        let got = answer.map_or_else(|error| error, |bytes| told_why(&bytes));
        if got != *wanted {
            wrong.push(format!("{what}: {got}, not {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_message_seen_before_is_refused_until_it_would_have_expired_anyway() {
    let bench = Bench::start().await;
    let client = bench.client();
    let message = client.write(&view_of(RICH));
    let post = async |message: &str| code(&client.post(message.to_owned()).await.expect("an answer"));
    assert_eq!(post(&message).await, "MIG-0000");
    assert_eq!(post(&message).await, "3000");
    let lower = {
        let (head, tail) = message.split_once("</wsa:MessageID>").expect("id");
        let (head, id) = head.split_at(head.len() - 36);
        format!("{head}urn:uuid:{}</wsa:MessageID>{tail}", id.to_lowercase())
    };
    assert_eq!(post(&client.sign_again(&lower)).await, "3000");
    bench.clock.advance(Duration::from_secs(299));
    assert_eq!(post(&message).await, "3000");
    assert_eq!(post(&client.write(&view_of(RICH))).await, "MIG-0000");
}

#[tokio::test]
async fn an_answer_that_breaks_the_contract_is_never_used() {
    let bench = Bench::start().await;
    let client = bench.client();
    let conversation = client.converse(&view_of(RICH)).await;
    let answer = String::from_utf8(conversation.answer.to_vec()).expect("text");
    assert!(client.read(&conversation, answer.clone()).is_ok());
    let edits: [(&str, Doctored); 13] = [
        ("cut short", |a| a[..a.len() - 20].to_owned()),
        ("a DTD", |a| format!("<!DOCTYPE x>{a}")),
        ("another RelatesTo", |a| {
            let (head, tail) = a.split_once("</wsa:RelatesTo>").expect("related");
            format!("{}X</wsa:RelatesTo>{tail}", &head[..head.len() - 1])
        }),
        ("another requestId", |a| {
            let (head, tail) = a.split_once("</dcr:requestId>").expect("id");
            format!("{}X</dcr:requestId>{tail}", &head[..head.len() - 1])
        }),
        ("another view", |a| swap(a, "view=\"Summary\"", "view=\"Problems\"")),
        ("another practice", |a| {
            swap(a, "<dcr:sourceOrganisation odsCode=\"A81001\"", "<dcr:sourceOrganisation odsCode=\"A81009\"")
        }),
        ("another requester", |a| {
            swap(a, "<dcr:targetOrganisation odsCode=\"V1\"", "<dcr:targetOrganisation odsCode=\"V2\"")
        }),
        ("an unknown outcome", |a| swap(a, "MIG-0000", "MIG-0042")),
        ("complete in part", |a| swap(a, "MIG-0000", "MIG-0009")),
        ("not told whether complete", |a| swap(a, "complete=\"true\"", "complete=\"yes\"")),
        ("no record", |a| {
            let (head, rest) = a.split_once("<dcr:record").expect("record");
            format!("{head}{}", rest.split_once("</dcr:record>").expect("record").1)
        }),
        ("two records", |a| {
            swap(
                a,
                "<openHealthRecord",
                "<openHealthRecord xmlns=\"http://www.e-mis.com/emisopen\"></openHealthRecord><openHealthRecord",
            )
        }),
        ("another root", |a| a.replace("getDetailedCareRecordResponse", "getDetailedCareRecordAnswer")),
    ];
    for (what, edit) in edits {
        let result = client.read(&conversation, edit(&answer));
        assert!(matches!(result, Err(GatewayError::Broken(_))), "{what}");
    }
}

#[tokio::test]
async fn a_record_keeps_the_namespaces_that_it_inherits() {
    let bench = Bench::start().await;
    let client = bench.client();
    let conversation = client.converse(&view_of(RICH)).await;
    let answer = String::from_utf8(conversation.answer.to_vec()).expect("text");
    let inherited = answer
        .replace(" xmlns=\"http://www.e-mis.com/emisopen\"", "")
        .replacen("<soap:Envelope", "<soap:Envelope xmlns:e=\"http://www.e-mis.com/emisopen\"", 1)
        .replace("<openHealthRecord", "<e:openHealthRecord")
        .replace("</openHealthRecord", "</e:openHealthRecord");
    let name = ("http://www.e-mis.com/emisopen", "openHealthRecord");
    let (_, found) = crate::gateway::xml::scan(inherited.as_bytes(), name).expect("an answer");
    let cut = found[0].cut(&inherited.into());
    let text = std::str::from_utf8(&cut).expect("text");
    assert!(text.starts_with("<e:openHealthRecord xmlns:e=\"http://www.e-mis.com/emisopen\""), "{text}");
    assert!(!text.contains(SOAP));
}

#[tokio::test]
async fn an_answer_has_to_be_signed_where_the_profile_demands_it() {
    let bench = Bench::start().await;
    let pki = pki();
    let client = bench.client();
    let profile = WireProfile::builtin().expect("profile");
    let trusted = certificates(pki.root.as_bytes()).expect("roots");
    let verifier = Verifier::new(&trusted, &[], &profile.security).expect("verifier");
    let answer = client.converse(&told(RICH)).await.answer;
    assert!(client.judge(&verifier, &answer).is_err());

    let signer = Signer::from_pem(
        pki.server.certificate.as_bytes(),
        pki.server.key.as_bytes(),
        SignatureAlgorithm::RsaSha256,
        DigestAlgorithm::Sha256,
    )
    .expect("signer");
    let timestamp = Signer::timestamp("ts", "2026-11-24T10:00:00Z", "2026-11-24T10:05:00Z");
    let action = format!("<wsa:Action xmlns:wsa=\"{WSA}\" xmlns:wsu=\"{WSU}\" wsu:Id=\"a\">x</wsa:Action>");
    let body = format!("<soap:Body xmlns:soap=\"{SOAP}\" xmlns:wsu=\"{WSU}\" wsu:Id=\"b\">y</soap:Body>");
    let all = [("ts", &timestamp), ("a", &action), ("b", &body)];
    for (signed, wanted) in [(3, true), (2, false), (1, false)] {
        let fragments: Vec<_> = all.iter().take(signed).map(|(id, xml)| Fragment { id, xml }).collect();
        let security = signer.security(&timestamp, "t", &fragments).expect("signed");
        let answer = format!(
            "<soap:Envelope xmlns:soap=\"{SOAP}\"><soap:Header>{action}{security}</soap:Header>{body}</soap:Envelope>"
        );
        assert_eq!(client.judge(&verifier, answer.as_bytes()).is_ok(), wanted, "{signed}");
    }
}

#[tokio::test]
async fn both_ends_agree_on_signed_answers() {
    let path = file("signed.toml");
    let profile = DEFAULT_PROFILE.replace("require_signed_response = false", "require_signed_response = true");
    std::fs::write(&path, &profile).expect("written");
    let bench = Bench::with(profile, Some(path)).await;
    let config = GatewayConfig { response_ca: Some(file("root.pem")), ..bench.config("viewer", "viewer") };
    let client = Client::build(&config, bench.clock.clone());
    assert!(client.locate(&told(RICH)).await.is_ok());
    assert!(client.enclosed(&view_of(RICH), Duration::from_secs(20)).await.is_ok());
    let fault = client.enclosed(&view_of(NUMBERS[9]), Duration::from_secs(20)).await.err();
    assert!(matches!(fault, Some(GatewayError::Broken("fault 2200"))));
    let doubting = GatewayConfig { response_ca: Some(file("foreign-root.pem")), ..config };
    let doubting = Client::build(&doubting, bench.clock.clone());
    let error = doubting.locate(&told(RICH)).await.err();
    assert!(matches!(error, Some(GatewayError::Broken("the answer's signature"))));
}

#[test]
fn everything_wrong_with_the_settings_is_told_at_once() {
    let problems = GatewayConfig { endpoint: "http://x".to_owned(), ..GatewayConfig::default() }.problems();
    for key in ["endpoint", "ca", "client_certificate", "client_key"] {
        assert!(problems.iter().any(|problem| problem.contains(key)), "{key}: {problems:?}");
    }
    let viewer = GatewayConfig {
        endpoint: "https://localhost/mig".to_owned(),
        ca: file("root.pem"),
        client_certificate: file("viewer.pem"),
        client_key: file("viewer-key.pem"),
        ..GatewayConfig::default()
    };
    assert!(viewer.problems().is_empty(), "{:?}", viewer.problems());
    let mixed = GatewayConfig { client_key: file("unlisted-key.pem"), ..viewer };
    assert!(!mixed.problems().is_empty());
}

/// Not a test: prints what signing and verifying cost. `cargo test --lib -- --ignored --nocapture what_signing`
#[tokio::test]
#[ignore = "a measurement"]
async fn what_signing_and_verifying_cost() {
    let bench = Bench::start().await;
    let client = bench.client();
    let rounds: u32 = 300;
    let started = std::time::Instant::now();
    let mut message = String::new();
    for _ in 0..rounds {
        message = client.write(&view_of(RICH));
    }
    println!("write and sign {} bytes: {:?}", message.len(), started.elapsed() / rounds);
    let profile = WireProfile::builtin().expect("profile");
    let trusted = certificates(pki().root.as_bytes()).expect("roots");
    let verifier = Verifier::new(&trusted, &[], &profile.security).expect("verifier");
    let started = std::time::Instant::now();
    for _ in 0..rounds {
        client.judge(&verifier, message.as_bytes()).expect("signed");
    }
    println!("parse and verify: {:?}", started.elapsed() / rounds);
}
