//! A long audit trail: verified and reported in memory that does not grow with it, at a speed that is printed.
//!
//! The rows are made by the real chain, a year of them by the clock; the program then reads them as an operator's commands
//! do. `MIG_FHIR_PROOFS_TRAIL_ROWS` says how many; `.ci/long` asks for a million.

use super::database;
use super::wire::{Peak, number, peak};
use futures_util::StreamExt;
use mig_fhir::audit::{Audit, Interaction, Origin, Outcome, Target};
use mig_fhir::clock::Clock;
use mig_fhir::config::Config;
use mig_fhir::identity::{Caller, CallerClass, Role, Scopes, SelectedRole};
use mig_fhir::ids::{NhsNumber, OdsCode, RequestId, RoleCode, Sealer, UserId};
use mig_fhir::kinds::{Kind, Purpose, View};
use mig_fhir::register::consent;
use mig_fhir::simulator::demo::Demo;
use mig_fhir::simulator::generate::nhs_number;
use mig_fhir::store::Store;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// People of the trail. Memory may grow with them, so they are as many in the short trail as in the long one.
const PATIENTS: u64 = 2_000;
const USERS: u64 = 300;
const ORGANISATIONS: u64 = 20;
const PRACTICES: u64 = 40;

/// Attempts under way at once.
const AT_ONCE: usize = 256;

/// What more a command may hold for ten times the rows, in kilobytes: pages of the store and the allocator's leftovers.
const SLACK: u64 = 24 * 1024;

struct Trail {
    audit: Audit,
    store: Store,
    clock: Clock,
    sealer: Sealer,
    /// Rows written, and answers or refusals about the record among them.
    rows: AtomicU64,
    of_record: AtomicU64,
}

/// A number that is the same for the same attempt, and spread.
fn spread(nth: u64, salt: u64) -> u64 {
    let mixed = (nth ^ (salt << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32
}

fn user(nth: u64) -> String {
    format!("9990{nth:08}")
}

fn ods(text: &str) -> OdsCode {
    OdsCode::parse(text).expect("a code")
}

fn caller(user: u64) -> Caller {
    let organisation = ods(&format!("RX{:03}", user % ORGANISATIONS + 1));
    let text = self::user(user);
    Caller {
        user: UserId::parse(&text).expect("a user"),
        name: format!("Dr Long {user}"),
        class: CallerClass::User,
        role: SelectedRole::One(Role {
            profile: format!("1{}", &text[1..]),
            code: RoleCode::parse("R8000").expect("a role"),
            name: "Clinical Practitioner".to_owned(),
            organisation: organisation.clone(),
        }),
        organisation: Some(organisation),
        assurance: 3,
        scopes: Scopes::default(),
        token_id: Some(format!("token-{user}")),
        client_id: Some("a-viewer".to_owned()),
    }
}

impl Trail {
    /// So many rows in a folder, each attempt half a minute after the one before, the last of them now.
    async fn of(rows: u64, folder: &Path) -> Self {
        let demo = Demo::in_folder(Some(folder), Vec::new(), Clock::system()).expect("keys");
        demo.settings("127.0.0.1:0".parse().expect("an address"), "https://127.0.0.1:1/mig").expect("settings");
        database::settle(folder).await;
        let config = Config::load(&folder.join("config.toml")).expect("settings");
        std::fs::write(folder.join("patient"), nhs_number(3)).expect("written");
        let since = Duration::from_secs(30) * u32::try_from(rows).expect("rows");
        let clock = Clock::fixed(Clock::system().now() - since);
        let store = Store::open(&config.store).await.expect("a store");
        let audit = Audit::start(store.clone(), &config.audit, clock.clone()).await.expect("a trail");
        let sealer = Sealer::new(0, &[7; 64]);
        let trail = Self { audit, store, clock, sealer, rows: AtomicU64::new(0), of_record: AtomicU64::new(0) };
        trail.grow(rows).await;
        trail.store.close().await;
        trail
    }

    /// One interaction: most show something, some are refused, a few break, one in a hundred is an override.
    async fn attempt(&self, nth: u64) {
        // One of twenty is by one user, so that one user's viewing is long too.
        let who = if nth.is_multiple_of(20) { 0 } else { spread(nth, 1) % USERS };
        let patient = NhsNumber::parse(&nhs_number(spread(nth, 2) % PATIENTS)).expect("a number");
        let who = caller(who);
        if nth % 100 == 7 {
            self.overridden(who, patient).await;
            return;
        }
        let kind = Kind::ALL[usize::try_from(spread(nth, 3)).expect("small") % 12];
        let target = Target {
            interaction: Interaction::Search,
            resource_type: kind.as_str().to_owned(),
            id: None,
            patient: Some(patient),
            query: format!("{kind}/_search?patient.identifier={}&_count=50", patient.reveal()),
        };
        let attempt = self.audit.open(who, target, origin());
        attempt.note_purpose(Purpose::Treatment);
        attempt.note_basis(|basis| {
            basis.consent = Some(format!("consent-{nth}"));
            basis.agreement = Some("demo-all-views/1".to_owned());
            basis.exclusions = Some("1.0.0".to_owned());
        });
        // What is not in memory is asked of the practice, after a row that says so.
        if nth.is_multiple_of(3) {
            attempt.opened().await.expect("a row");
            self.rows.fetch_add(1, Ordering::Relaxed);
            attempt.note_extract(Some(View::ALL[1]), &format!("urn:uuid:message-{nth}"));
        }
        attempt.note_practice(&ods(&format!("A{:05}", 90_000 + spread(nth, 4) % PRACTICES)));
        let outcome = match nth % 25 {
            0 => Outcome::Refused("CONSENT_REQUIRED"),
            1 => Outcome::Refused("CONSENT_REFUSED"),
            2 => Outcome::Failed("MIG_TIMEOUT"),
            _ => Outcome::Answered,
        };
        assert!(self.audit.close(attempt, outcome, None, ()).await.is_ok(), "a row");
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.of_record.fetch_add(1, Ordering::Relaxed);
    }

    async fn overridden(&self, who: Caller, patient: NhsNumber) {
        let (now, organisation) = (self.clock.now(), who.organisation.clone().expect("a user"));
        let body = consent::override_example(patient, &who.user, &organisation, "Emergency", "Found unconscious", now);
        let draft = consent::parse(&body, now, &who, &self.sealer).expect("a Consent");
        let admitted = draft.admit(&[], false, &[]).expect("admitted");
        let target = Target {
            interaction: Interaction::Create,
            resource_type: "Consent".to_owned(),
            id: Some(admitted.id().to_string()),
            patient: Some(patient),
            query: "Consent".to_owned(),
        };
        let attempt = self.audit.open(who, target, origin());
        attempt.note_purpose(Purpose::BreakGlass);
        attempt.note_basis(|basis| basis.override_category = Some("Emergency".to_owned()));
        assert!(self.audit.close_overriding(attempt, None, consent::store_job(admitted)).await.is_ok(), "two rows");
        self.rows.fetch_add(2, Ordering::Relaxed);
    }

    async fn grow(&self, rows: u64) {
        let (mut nth, started) = (0, Instant::now());
        while self.rows.load(Ordering::Relaxed) < rows {
            let batch = (rows - self.rows.load(Ordering::Relaxed)).div_ceil(2).min(20_000);
            let attempts = futures_util::stream::iter(nth..nth + batch).map(|nth| {
                self.clock.advance(Duration::from_secs(30));
                self.attempt(nth)
            });
            attempts.buffer_unordered(AT_ONCE).for_each(|()| std::future::ready(())).await;
            nth += batch;
        }
        let made = self.rows.load(Ordering::Relaxed);
        println!("{:<28}{made:>9} rows {:>8.0} a second", "written", per_second(made, started.elapsed()));
    }
}

fn origin() -> Origin {
    Origin { request_id: RequestId::random(), address: "192.0.2.7:5123".to_owned() }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn per_second(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64().max(0.001)
}

/// What is run, in the words of the command line.
fn commands() -> Vec<(String, Vec<String>)> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut all = vec![("audit verify".to_owned(), words("audit verify"))];
    for name in
        ["practice-access", "who-viewed", "override-review", "annual-return", "user-activity", "unusual-viewing"]
    {
        for format in ["csv", "fhir"] {
            let mut command = words(&format!("audit report {name} --format {format} --by an.operator"));
            match name {
                "who-viewed" => command.extend(words("--nhs-number-file patient")),
                "user-activity" => command.extend(words(&format!("--user {}", user(0)))),
                _ => {}
            }
            all.push((format!("{name} {format}"), command));
        }
    }
    all
}

/// Runs everything upon the trail as it is; tells the most memory that each took.
fn measured(folder: &Path, trail: &Trail) -> Vec<(String, u64)> {
    let rows = trail.rows.load(Ordering::Relaxed);
    let mut peaks = Vec::new();
    for (name, mut arguments) in commands() {
        if let Some(file) = arguments.iter_mut().find(|argument| *argument == "patient") {
            *file = folder.join("patient").display().to_string();
        }
        arguments.extend(["--data".to_owned(), folder.display().to_string()]);
        let Peak { kilobytes, took, worked, written, lines, said } = peak(&arguments);
        println!(
            "{name:<28}{rows:>9} rows {:>8.0} a second {:>8.0} a second of the processor {:>4} MB peak {:>8} kB written",
            per_second(rows, took),
            per_second(rows, worked),
            kilobytes / 1024,
            written / 1024,
        );
        if name == "audit verify" {
            assert!(said.starts_with("verified: "), "{said}");
        }
        // Not a row is lost or doubled where one step ends and the next begins.
        if name == "practice-access csv" {
            assert_eq!(lines, trail.of_record.load(Ordering::Relaxed) + 1, "a header, and a line for each");
        }
        peaks.push((name, kilobytes));
    }
    peaks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_trail_is_verified_and_reported_in_memory_that_does_not_grow_with_it() {
    let rows = number("MIG_FHIR_PROOFS_TRAIL_ROWS", 20_000);
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let (tenth, whole) = (folders[0].path(), folders[1].path());
    let (short, long) = (Trail::of(rows / 10, tenth).await, Trail::of(rows, whole).await);
    let (short, long) = (measured(tenth, &short), measured(whole, &long));
    for ((name, before), (_, after)) in short.iter().zip(&long) {
        assert!(*after < before + SLACK, "{name}: {before} kB for a tenth of the rows, {after} kB for all");
    }
}
