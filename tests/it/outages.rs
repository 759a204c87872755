//! Dependencies that are slow, down, wrong or lying, but for what the MIG itself answers (`far_side`): keys of the token
//! issuer, the disk, clocks, certificates, and being told to stop. And that the page about outages names tests that exist.

use super::database;
use super::refusals::refused;
use super::wire::{self, Program, command};
use super::world::{self, Answer, Who, World, run};
use mig_fhir::clock::Clock;
use mig_fhir::ids::NhsNumber;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::demo::Demo;
use mig_fhir::simulator::generate::{self, generate};
use mig_fhir::simulator::pki::Pki;
use mig_fhir::simulator::running::Extras;
use mig_fhir::simulator::tokens::{AUDIENCE, ISSUER};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENT: u64 = 700;

fn settings(list: &[(&str, &str)]) -> Extras {
    let settings = list.iter().map(|(name, value)| (format!("MIG_FHIR__{name}"), (*value).to_owned())).collect();
    Extras { settings, ..Extras::default() }
}

async fn alone(extras: Extras) -> (World, Who, String) {
    let world = World::start_with(world::holdings([world::patient(PATIENT, |_| {})]), extras).await;
    let (who, number) = (world.clinician(), world::number(PATIENT));
    (world, who, number)
}

async fn search(world: &World, who: &Who, number: &str) -> Answer {
    world.search("MedicationStatement", number, "").by(who).send().await
}

/// Asks for a permitted record; the far side cannot be reached, and has heard nothing.
async fn not_reached(extras: Extras) {
    let (world, who, number) = alone(extras).await;
    world.permit(&who, &number).await;
    let started = Instant::now();
    let answer = search(&world, &who, &number).await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    refused(&world, &who, &answer, 503, "transient", &["MIG_UNAVAILABLE"]).await;
    assert!(answer.header("retry-after").is_some());
    assert!(world.heard().messages.is_empty(), "nothing was sent");
}

// The page.

/// The tests of a file by their names.
fn tests_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if marked && !line.starts_with("#[") {
            let name = line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            found.extend(name);
            marked = false;
        }
    }
    found
}

#[test]
fn every_line_of_the_page_about_outages_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("src/gateway/outages.md")).expect("the page");
    let mut lines = 0;
    let mut headed = false;
    for line in page.lines() {
        if !line.starts_with('|') {
            headed = false;
            continue;
        }
        if !headed || line.starts_with("| ---") {
            headed = true;
            continue;
        }
        let cell = line.trim_end_matches('|').rsplit('|').next().expect("a last cell");
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test in: {line}");
        for name in named {
            let (module, test) = name.rsplit_once("::").expect("file::test");
            let source = std::fs::read_to_string(root.join(format!("{}.rs", module.replace("::", "/"))))
                .or_else(|_| std::fs::read_to_string(root.join(format!("tests/it/{module}.rs"))))
                .unwrap_or_else(|_| panic!("{name}: no such file"));
            assert!(tests_in(&source).contains(&test), "{name} is no test");
        }
        lines += 1;
    }
    assert!(lines >= 40, "{lines} lines");
}

// The issuer's keys.

/// What the issuer's key server does.
#[derive(Clone)]
enum Serves {
    Bytes(&'static str, Vec<u8>),
    Nothing,
}

struct Issuer {
    url: String,
    serves: Arc<Mutex<Serves>>,
    asked: Arc<AtomicU64>,
}

impl Issuer {
    async fn start() -> Self {
        let folder = world::authority();
        let file = |name: &str| folder.with_file_name(name);
        let chain: Vec<_> =
            CertificateDer::pem_file_iter(file("server.pem")).expect("read").map(|c| c.expect("one")).collect();
        let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let tls = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("TLS");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://localhost:{}/keys", listener.local_addr().expect("an address").port());
        let serves = Arc::new(Mutex::new(Serves::Nothing));
        let asked = Arc::new(AtomicU64::new(0));
        let (serving, counting) = (serves.clone(), asked.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (acceptor, serving, counting) = (acceptor.clone(), serving.clone(), counting.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let _ = stream.read(&mut [0; 4096]).await;
                    counting.fetch_add(1, Ordering::SeqCst);
                    let serves = serving.lock().expect("unpoisoned").clone();
                    match serves {
                        Serves::Nothing => std::future::pending().await,
                        Serves::Bytes(status, body) => {
                            let head = format!(
                                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                                body.len()
                            );
                            let _ = stream.write_all(head.as_bytes()).await;
                            let _ = stream.write_all(&body).await;
                            let _ = stream.shutdown().await;
                        }
                    }
                });
            }
        });
        Self { url, serves, asked }
    }

    fn serve(&self, serves: Serves) {
        *self.serves.lock().expect("unpoisoned") = serves;
    }

    fn settings(&self) -> Extras {
        let ca = world::authority();
        let issuer = format!(
            "[{{ issuer = \"{ISSUER}\", audience = \"{AUDIENCE}\", jwks_url = \"{}\", jwks_ca_file = \"{}\" }}]",
            self.url,
            ca.display()
        );
        settings(&[("IDENTITY__ISSUERS", &issuer)])
    }
}

/// The keys by which the tokens of every world are signed.
fn keys() -> Serves {
    Serves::Bytes("200 OK", std::fs::read(world::authority().with_file_name("jwks.json")).expect("the keys"))
}

async fn who_am_i(world: &World) -> (u16, Duration, Answer) {
    let who = world.clinician();
    let started = Instant::now();
    let answer = world.get("Consent").by(&who).send().await;
    (answer.status, started.elapsed(), answer)
}

#[test]
fn an_issuer_whose_keys_never_come_is_503_and_asked_once_a_minute() {
    run(async {
        let issuer = Issuer::start().await;
        let world = World::start_with(world::builtin(), issuer.settings()).await;
        let (status, took, answer) = who_am_i(&world).await;
        assert_eq!((status, answer.reasons()), (503, vec!["TOKEN"]), "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
        assert!(took < Duration::from_millis(6_500), "{took:?}");
        for _ in 0..5 {
            let (status, took, _) = who_am_i(&world).await;
            assert!(status == 503 && took < Duration::from_secs(1), "{status} {took:?}");
        }
        assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
        issuer.serve(keys());
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(who_am_i(&world).await.0, 200);
    });
}

#[test]
fn keys_at_hand_serve_on_while_the_issuer_is_slow_down_or_wrong() {
    run(async {
        let issuer = Issuer::start().await;
        issuer.serve(keys());
        let world = World::start_with(world::builtin(), issuer.settings()).await;
        assert_eq!(who_am_i(&world).await.0, 200);
        let wrong = [
            Serves::Nothing,
            Serves::Bytes("500 Internal Server Error", b"{}".to_vec()),
            Serves::Bytes("302 Found", Vec::new()),
            Serves::Bytes("200 OK", b"<html>keys</html>".to_vec()),
            Serves::Bytes("200 OK", b"{\"keys\":[]}".to_vec()),
            Serves::Bytes("200 OK", vec![b' '; 2 * 1024 * 1024]),
        ];
        for serves in wrong {
            issuer.serve(serves);
            world.clock.advance(Duration::from_mins(11));
            let before = issuer.asked.load(Ordering::SeqCst);
            let (status, took, answer) = who_am_i(&world).await;
            assert_eq!(status, 200, "{}", answer.body);
            assert!(took < Duration::from_secs(3), "nobody waits long for keys that are only to be renewed: {took:?}");
            assert_eq!(issuer.asked.load(Ordering::SeqCst), before + 1);
        }
        // But not for ever: a key that was withdrawn must end.
        world.clock.advance(Duration::from_hours(24));
        let (status, _, answer) = who_am_i(&world).await;
        assert_eq!((status, answer.reasons()), (503, vec!["TOKEN"]));
    });
}

#[test]
fn an_issuer_that_publishes_other_keys_makes_its_tokens_worthless() {
    run(async {
        let issuer = Issuer::start().await;
        let other = tempfile::tempdir().expect("a folder");
        Demo::in_folder(Some(other.path()), Vec::new(), Clock::system()).expect("another issuer");
        let others = std::fs::read(other.path().join("jwks.json")).expect("its keys");
        issuer.serve(Serves::Bytes("200 OK", others));
        let world = World::start_with(world::builtin(), issuer.settings()).await;
        let (status, _, answer) = who_am_i(&world).await;
        assert_eq!((status, answer.reasons()), (401, vec!["TOKEN"]), "{}", answer.body);
    });
}

// The disk.

#[test]
fn a_store_that_cannot_be_written_to_answers_nothing_and_asks_nobody() {
    run(async {
        let (world, who, number) = alone(Extras::default()).await;
        world.permit(&who, &number).await;
        let held = database::hold(world.folder()).await;
        let started = Instant::now();
        let answer = search(&world, &who, &number).await;
        let took = started.elapsed();
        assert_eq!((answer.status, answer.reasons()), (503, vec!["AUDIT_UNAVAILABLE"]), "{}", answer.body);
        assert!(answer.header("retry-after").is_some());
        assert!(took < Duration::from_secs(9), "{took:?}");
        assert!(world.heard().messages.is_empty(), "nothing was sent without a row on disk");
        let consent = world.consent_body(&who, &number, true);
        let answer = world.ask(reqwest::Method::POST, "Consent").by(&who).json(&consent).await;
        assert_eq!((answer.status, answer.reasons()), (503, vec!["AUDIT_UNAVAILABLE"]), "{}", answer.body);
        let live = world.get(&format!("{}/health/live", world.base().trim_end_matches("/FHIR/R4"))).send().await;
        assert_eq!(live.status, 200);
        sqlx::Connection::close(held).await.expect("let go");
        assert_eq!(search(&world, &who, &number).await.status, 200, "and once it can, all is as before");
    });
}

// Clocks.

#[test]
fn a_clock_that_differs_from_the_far_side_s_is_502_and_never_retried() {
    run(async {
        for hours in [-1i64, 1] {
            let at = Clock::system().now() + time::Duration::hours(hours);
            let extras = Extras { mig_clock: Some(Clock::fixed(at)), ..Extras::default() };
            let (world, who, number) = alone(extras).await;
            world.permit(&who, &number).await;
            let answer = search(&world, &who, &number).await;
            refused(&world, &who, &answer, 502, "exception", &["MIG_ERROR"]).await;
            assert_eq!(world.heard().messages.len(), 1, "asked once");
        }
    });
}

#[test]
fn a_clock_that_differs_from_the_issuer_s_is_401() {
    run(async {
        let world = World::start(world::builtin()).await;
        let early = world.like("clinician", |claims| {
            for name in ["iat", "nbf", "exp"] {
                claims[name] = (claims[name].as_i64().expect("a time") + 3_600).into();
            }
        });
        let late = world.like("clinician", |claims| {
            for name in ["iat", "nbf", "exp"] {
                claims[name] = (claims[name].as_i64().expect("a time") - 100_000).into();
            }
        });
        for who in [early, late] {
            let answer = world.get("Consent").by(&who).send().await;
            assert_eq!((answer.status, answer.reasons()), (401, vec!["TOKEN"]), "{}", answer.body);
        }
    });
}

// Certificates and TLS.

fn pems(pki: &Pki) -> (Vec<u8>, Vec<u8>) {
    let read = |path| std::fs::read(path).expect("a file");
    (read(pki.server_certificate()), read(pki.server_key()))
}

#[test]
fn a_far_side_under_another_authority_is_not_spoken_to() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = Pki::in_folder(folder.path(), Clock::system().now()).expect("certificates");
        Box::pin(not_reached(Extras { mig_certificate: Some(pems(&pki)), ..Extras::default() })).await;
    });
}

#[test]
fn a_far_side_whose_certificate_has_expired_is_not_spoken_to() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let then = Clock::system().now() - time::Duration::days(400);
        let pki = Pki::in_folder(folder.path(), then).expect("certificates");
        let ca = pki.ca();
        let extras = settings(&[("GATEWAY__CA", ca.to_str().expect("a path"))]);
        Box::pin(not_reached(Extras { mig_certificate: Some(pems(&pki)), ..extras })).await;
    });
}

#[test]
fn a_far_side_that_does_not_trust_our_certificate_is_503() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = Pki::in_folder(folder.path(), Clock::system().now()).expect("certificates");
        let (certificate, key) = (pki.client_certificate(), pki.client_key());
        let list = [
            ("GATEWAY__CLIENT_CERTIFICATE", certificate.to_str().expect("a path")),
            ("GATEWAY__CLIENT_KEY", key.to_str().expect("a path")),
        ];
        not_reached(settings(&list)).await;
    });
}

#[test]
fn nobody_without_a_client_certificate_or_with_old_tls_is_heard() {
    run(async {
        let (world, _, _) = alone(Extras::default()).await;
        let pem = std::fs::read(world::authority()).expect("the authority");
        let trust = reqwest::Certificate::from_pem_bundle(&pem).expect("certificates");
        let bare = reqwest::Client::builder().tls_certs_only(trust).build().expect("a client");
        assert!(bare.post(world.mig()).header("content-type", "text/xml").body("<x/>").send().await.is_err());

        let port: u16 =
            world.mig().rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok()).expect("a port");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.write_all(&hello(&[0x03, 0x02])).await.expect("written");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("an end");
        assert_eq!(answer.first(), Some(&0x15), "an alert and no hello: {answer:?}");
        assert_eq!(world.heard().handshakes, 0);
    });
}

/// A ClientHello of this version at most, as TLS 1.1 wrote it.
fn hello(version: &[u8]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 8, 0xC0, 0x13, 0xC0, 0x14, 0x00, 0x2F, 0x00, 0x35]);
    body.extend([1, 0]);
    body.extend([0, 14, 0x00, 0x0A, 0, 4, 0, 2, 0, 23, 0x00, 0x0B, 0, 2, 1, 0]);
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    let mut handshake = vec![1, 0];
    handshake.extend(length);
    handshake.extend(body);
    record(&handshake)
}

fn record(handshake: &[u8]) -> Vec<u8> {
    let mut record = vec![0x16, 3, 1];
    record.extend(u16::try_from(handshake.len()).expect("short").to_be_bytes());
    record.extend(handshake);
    record
}

#[test]
fn a_far_side_of_old_tls_is_not_spoken_to() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let hellos = Arc::new(Mutex::new(Vec::new()));
        let kept = hellos.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut hello = vec![0; 4096];
                let length = stream.read(&mut hello).await.unwrap_or_default();
                hello.truncate(length);
                kept.lock().expect("unpoisoned").push(hello);
                // ServerHello: TLS 1.1, an ECDHE suite, no extensions.
                let mut body = vec![0x03, 0x02];
                body.extend([9; 32]);
                body.extend([0, 0xC0, 0x13, 0]);
                let mut handshake = vec![2, 0, 0, u8::try_from(body.len()).expect("short")];
                handshake.extend(body);
                let _ = stream.write_all(&record(&handshake)).await;
                let _ = stream.read(&mut [0; 64]).await;
            }
        });
        let endpoint = format!("https://localhost:{port}/mig");
        not_reached(settings(&[("GATEWAY__ENDPOINT", &endpoint)])).await;
        let hellos = hellos.lock().expect("unpoisoned");
        assert_eq!(hellos.len(), 3, "nothing was sent, so it is safe to try again");
        // supported_versions: TLS 1.3 and 1.2, and nothing else.
        let offered = [0x00, 0x2B, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03];
        assert!(hellos.iter().all(|hello| hello.windows(offered.len()).any(|window| window == offered)));
    });
}

#[test]
fn a_far_side_that_takes_connections_and_says_nothing_is_given_up_in_time() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("https://localhost:{}/mig", listener.local_addr().expect("an address").port());
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
        not_reached(settings(&[("GATEWAY__ENDPOINT", &endpoint), ("GATEWAY__CONNECT_TIMEOUT_MS", "300")])).await;
    });
}

// Being told to stop.

struct Slow {
    folder: tempfile::TempDir,
    patient: NhsNumber,
}

impl Slow {
    /// A record whose practice takes its time.
    fn new(delay_ms: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = generate(
            PATIENT,
            20,
            &generate::Options { today: Clock::system().now().date(), ..generate::Options::default() },
        );
        std::fs::create_dir(folder.path().join("records")).expect("a folder");
        std::fs::write(folder.path().join("records/one.xml"), made.xml).expect("written");
        let text = format!("[{}]\ndelay_ms = {delay_ms}\n", made.nhs_number);
        std::fs::write(folder.path().join("records/overrides.toml"), text).expect("written");
        Self { patient: NhsNumber::parse(&made.nhs_number).expect("a number"), folder }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    async fn program(&self, environment: &[(&str, &str)]) -> Program {
        let records = self.folder.path().join("records");
        let extra = ["--records", records.to_str().expect("a path")];
        Program::demo(&self.data(), &extra, environment, &self.folder.path().join("log")).await
    }

    /// A search that its practice has heard of when this returns.
    async fn asking(
        &self,
        program: &Program,
        id: &'static str,
    ) -> tokio::task::JoinHandle<std::io::Result<wire::Answer>> {
        let token = program.token("clinician").await;
        let member = cast::find("clinician").expect("of the cast");
        let consent = cast::consent_to(member, self.patient, Clock::system().now()).to_string();
        let bearer = format!("Authorization: Bearer {token}\r\n");
        let json = format!("{bearer}Content-Type: application/fhir+json\r\n");
        let posted = wire::ask(program.address, "POST", "/FHIR/R4/Consent", &json, &consent).await.expect("an answer");
        assert_eq!(posted.status, 201);
        let to = program.address;
        let path = format!(
            "/FHIR/R4/MedicationStatement?patient.identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C{}",
            self.patient.reveal()
        );
        let headers = format!("{bearer}X-Request-ID: {id}\r\n");
        let asking = tokio::spawn(async move { wire::ask(to, "GET", &path, &headers, "").await });
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if self.rows(id).await.contains(&"opened".to_owned()) {
                tokio::time::sleep(Duration::from_millis(200)).await;
                return asking;
            }
        }
        panic!("the practice was not asked");
    }

    /// The kinds of the audit's rows of a request.
    async fn rows(&self, id: &str) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.data().join("store.sqlite")).read_only(true);
        let pool = SqlitePool::connect_with(options).await.expect("the store");
        let query = "SELECT kind FROM audit WHERE json_extract(payload, '$.request_id') = $1 ORDER BY seq";
        sqlx::query_scalar(query).bind(id).fetch_all(&pool).await.expect("rows")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_to_stop_it_finishes_and_audits_what_is_under_way_and_takes_nothing_new() {
    let slow = Slow::new(1_500);
    let program = slow.program(&[]).await;
    let asking = slow.asking(&program, "drained").await;
    let given_up = slow.asking(&program, "given-up").await;
    given_up.abort();
    program.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(program.address).await.is_err(), "nothing new is taken");
    let answer = asking.await.expect("a task").expect("a whole answer");
    assert_eq!(answer.status, 200);
    assert!(program.ended(Duration::from_secs(10)), "and it ends");
    assert_eq!(slow.rows("drained").await, ["opened", "closed"]);
    assert_eq!(slow.rows("given-up").await, ["opened", "closed"], "also for a client that had hung up");
    let (verified, said) = command(&["audit", "verify", "--data", slow.data().to_str().expect("a path")]);
    assert!(verified, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_no_longer_than_its_setting_and_the_next_start_tells_what_was_cut_short() {
    let slow = Slow::new(60_000);
    let environment =
        [("MIG_FHIR__SERVER__STOP_DEADLINE_MS", "300"), ("MIG_FHIR__SERVER__SEARCH_DEADLINE_MS", "20000")];
    let program = slow.program(&environment).await;
    let asking = slow.asking(&program, "cut-short").await;
    let started = Instant::now();
    program.terminate();
    assert!(program.ended(Duration::from_secs(10)), "it ends");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(asking.await.expect("a task").is_err());
    assert_eq!(slow.rows("cut-short").await, ["opened"]);
    slow.program(&environment).await.kill();
    assert_eq!(slow.rows("cut-short").await, ["opened", "interrupted"]);
}
