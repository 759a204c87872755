//! `bench`: figures and ratios of one run on one machine, and no judgement.
//!
//! A whole demo runs in this process, every gate on, and so does the client: they share the machine's cores, and what is
//! compared with each other was measured in the same run. Everything is warmed up first, and cleaned up at the end.

mod legacy;
mod load;
mod pipeline;
mod signatures;
mod times;
mod weight;

use crate::{refuse, say};
use clap::Args;
use legacy::Legacy;
use load::{Shot, bare, connection, in_turn, many, post};
use mig_fhir::audit::Outcome;
use mig_fhir::clock::{Clock, to_london};
use mig_fhir::config::temporary_folder;
use mig_fhir::ids::{NhsNumber, Sealer};
use mig_fhir::kinds::Kind;
use mig_fhir::record::{Limits, read};
use mig_fhir::release::Exclusions;
use mig_fhir::simulator::cast::{self, Member};
use mig_fhir::simulator::generate::{Options, generate};
use mig_fhir::simulator::holdings::{Holding, Holdings};
use mig_fhir::simulator::running::{Running, Start};
use mig_fhir::telemetry::{LogConfig, LogFormat, LogLevel, chain, start_logging};
use pipeline::Pipeline;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use times::Times;

/// The type whose search is measured: two views and the location are asked of the legacy side.
const KIND: Kind = Kind::Condition;
/// Seeds of the generated records from here.
const SEED: u64 = 30_000;
/// Records that are kept at once to see what one weighs.
const KEPT: u64 = 20;
/// Entries of the pipeline's records: the cost of one must not grow with their number.
const SIZES: [usize; 4] = [100, 500, 5_000, 50_000];
/// Entries of the record whose weight is measured: about 5 MB.
const WEIGHED: usize = 4_100;

/// Measures this machine: throughput, latency added to the legacy answer, memory. Build with --release first.
#[derive(Args)]
pub struct Bench {
    /// Seconds that each measurement counts, beside its warm-up.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Connections at once where throughput is measured.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Entries of the record.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,
    /// Only reading and mapping, without the demo.
    #[arg(long)]
    pipeline: bool,
    /// Reads one record and prints the bytes that it took; `bench` calls itself so.
    #[arg(long, hide = true)]
    weigh: Option<PathBuf>,
}

/// A demo under measurement.
struct Stand {
    running: Running,
    clinician: &'static Member,
    token: String,
    patient: NhsNumber,
    counted: Duration,
    connections: usize,
}

impl Bench {
    /// Measures and prints.
    pub async fn run(self) -> ExitCode {
        if let Some(file) = &self.weigh {
            return weight::weigh(file).map_or_else(|problem| refuse(&[problem]), |()| ExitCode::SUCCESS);
        }
        start_logging(&LogConfig { format: LogFormat::Text, level: LogLevel::Warn });
        let folder = temporary_folder(&format!("mig-fhir-bench-{}", std::process::id()));
        let done = if self.pipeline {
            self.head();
            self.pipeline(&Clock::system()).await
        } else {
            self.measure(&folder).await
        };
        let _ = std::fs::remove_dir_all(&folder);
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => refuse(&[problem]),
        }
    }

    async fn measure(&self, folder: &Path) -> Result<(), String> {
        let clock = Clock::system();
        let today = to_london(clock.now()).date();
        let events = self.events as usize;
        let record = |seed, events| {
            let made = generate(seed, events, &Options { today, ..Options::default() });
            Holding::read(made.xml).map_err(|error| error.to_string())
        };
        let mut holdings = Holdings::builtin(today);
        let mut numbers = Vec::new();
        for seed in SEED..=SEED + KEPT {
            let holding = record(seed, events)?;
            numbers.push(NhsNumber::parse(&holding.nhs_number).ok_or("no NHS number")?);
            if !holdings.add(holding) {
                return Err("two records of one number".to_owned());
            }
        }
        let (patient, others) = numbers.split_first().ok_or("no record")?;
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let start = Start { listen, data: Some(PathBuf::from(folder)), holdings, clock: clock.clone() };
        let running = Running::start(start).await.map_err(|error| chain(&error))?;
        let clinician = cast::find("clinician").ok_or("no clinician")?;
        let token = running.token(clinician).ok_or("no token")?;
        let counted = Duration::from_secs(self.seconds);
        let stand =
            Stand { running, clinician, token, patient: *patient, counted, connections: self.connections.into() };
        self.head();
        let measured = async {
            stand.memory(others).await?;
            stand.throughput().await?;
            stand.added_latency(&record(SEED, events)?).await?;
            stand.everything().await?;
            stand.audit().await
        }
        .await;
        stand.running.stop().await;
        measured?;
        let (keys, counted) = (PathBuf::from(folder), stand.counted / 5);
        let costs = tokio::task::spawn_blocking(move || signing(&keys, counted)).await;
        costs.map_err(|_| "the signing broke".to_owned())??;
        self.pipeline(&clock).await
    }

    /// Reading and mapping alone, record by record, and what one large answer takes.
    async fn pipeline(&self, clock: &Clock) -> Result<(), String> {
        let today = to_london(clock.now()).date();
        let counted = Duration::from_secs(self.seconds);
        let measured = tokio::task::spawn_blocking(move || {
            let (list, sealer) = (Exclusions::builtin()?, Sealer::new(0, &[7; 64]));
            let record = |events| generate(SEED, events, &Options { today, ..Options::default() }).xml;
            Pipeline::say_head();
            let mut measured = Vec::new();
            for events in SIZES {
                let holding = Holding::read(record(events)).map_err(|error| error.to_string())?;
                let one = pipeline::measure(&holding, &list, &sealer, counted)?;
                one.say(events);
                measured.push((events, one));
            }
            say("\nfiltering: screening as a whole, and what the list adds to the check of the output");
            measured.iter().for_each(|(events, one)| one.say_filtering(*events));
            weight::say_weight(&record(WEIGHED))
        });
        measured.await.map_err(|_| "the pipeline broke".to_owned())?
    }

    fn head(&self) {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu =
            cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("unknown", |c| c.1);
        say(&format!("mig-fhir {} on {cpu}, {cores} cores", env!("CARGO_PKG_VERSION")));
        if cfg!(debug_assertions) {
            say("NOT A RELEASE BUILD: the figures mean nothing");
        }
        say(&format!(
            "client, facade and simulated MIG share these cores; {} s counted each, a fifth of it before as warm-up; \
             {} connections; a record of {} entries; every gate and the audit on, logs at warn",
            self.seconds, self.connections, self.events
        ));
    }
}

impl Stand {
    fn shot(&self, path: &str, fresh: bool) -> Shot {
        Shot { url: format!("{}/{path}", self.running.base()), token: Some(self.token.clone()), fresh }
    }

    fn search(&self, patient: NhsNumber, fresh: bool) -> Shot {
        let id = self.running.service().sealer.seal_patient(patient);
        self.shot(&format!("{KIND}?patient={id}"), fresh)
    }

    fn all(&self, patient: NhsNumber, fresh: bool) -> Shot {
        let id = self.running.service().sealer.seal_patient(patient);
        self.shot(&format!("Patient/{id}/$everything"), fresh)
    }

    async fn consent(&self, patient: NhsNumber) -> Result<(), String> {
        let body = cast::consent_to(self.clinician, patient, Clock::system().now());
        post(&connection()?, format!("{}/Consent", self.running.base()), &self.token, &body).await
    }

    /// First, before anything else has left memory behind: what one more record costs.
    async fn memory(&self, others: &[NhsNumber]) -> Result<(), String> {
        let (client, views) = (connection()?, &self.running.service().views);
        for patient in others.iter().chain([&self.patient]) {
            self.consent(*patient).await?;
        }
        // Warms code, pools and allocator with one record, which is then forgotten.
        self.all(self.patient, false).send(&client).await?;
        views.forget_all();
        views.kept().await;
        let before = resident();
        for patient in others {
            self.all(*patient, false).send(&client).await?;
        }
        let ((count, bytes), after) = (views.kept().await, resident());
        views.forget_all();
        let records = others.len().max(1) as u64;
        say("\nmemory");
        say(&format!("  resident before, nothing kept (the simulator's own records are in it)  {before:8} kB"));
        say(&format!("  resident with {records} records kept, in {count} views                       {after:8} kB"));
        say(&format!(
            "  released bytes kept a record (the cache's own weight)                 {:8} B",
            bytes / records
        ));
        let each = after.saturating_sub(before) / records;
        say(&format!("  resident a record, what the requests left to the allocator included  {each:8} kB"));
        Ok(())
    }

    async fn throughput(&self) -> Result<(), String> {
        let shot = self.search(self.patient, false);
        let body = shot.send(&connection()?).await?;
        let size = body.len();
        let (url, task) = bare(body).await?;
        let ceiling = many(&Shot { url, token: None, fresh: false }, self.connections, self.counted).await;
        task.abort();
        let ceiling = ceiling?;
        let cached = many(&shot, self.connections, self.counted).await?;
        say(&format!("\nthroughput, {} connections, an answer of {size} bytes", self.connections));
        say(&format!("  ceiling: the same bytes, a bare route {:9.0} req/s  {}", ceiling.rate, ceiling.times.line()));
        say(&format!("  cached search of {KIND}, live consent {:9.0} req/s  {}", cached.rate, cached.times.line()));
        say(&format!("  ratio to the ceiling                  {:9.3}", cached.rate / ceiling.rate));
        Ok(())
    }

    /// Pairs, in turn: a cold search, and the same legacy exchange by itself.
    async fn added_latency(&self, holding: &Holding) -> Result<(), String> {
        let legacy = Legacy::of(self.running.demo().folder(), self.running.service().clone(), &self.token).await?;
        let (client, shot) = (connection()?, self.search(self.patient, true));
        let (mut cold, mut alone, mut views) = (Vec::new(), Vec::new(), Vec::new());
        let begin = Instant::now() + self.counted / 5;
        while Instant::now() < begin + self.counted * 2 {
            let start = Instant::now();
            shot.send(&client).await?;
            let took = start.elapsed();
            let (exchange, fetched) = legacy.exchange(KIND, self.patient).await?;
            views = fetched;
            if start >= begin {
                cold.push(took.as_secs_f64());
                alone.push(exchange.as_secs_f64());
            }
        }
        let reading = self.reading(holding, &views)?;
        let added = cold.iter().zip(&alone).map(|(cold, alone)| cold - alone).collect();
        let added_reading = cold.iter().zip(&alone).map(|(cold, alone)| cold - alone + reading).collect();
        let words: Vec<&str> = views.iter().map(|view| view.as_str()).collect();
        say(&format!("\nlatency added to the legacy answer, one request at a time: cold search of {KIND}"));
        say(&format!("  legacy calls: locate, then {} side by side; mutual TLS, signed SOAP", words.join(" and ")));
        say(&format!("  cold search through the facade            {}", Times::of_seconds(cold).line()));
        say(&format!("  the same exchange by itself               {}", Times::of_seconds(alone).line()));
        say(&format!("  added (differences of pairs)              {}", Times::of_seconds(added).line()));
        say(&format!("  added, reading the XML counted as ours    {}", Times::of_seconds(added_reading).line()));
        say(
            "  by itself: a second gateway of the same settings, on a real permit; from its first byte until the records",
        );
        say(&format!(
            "  are read; its audit rows not counted. Reading alone takes {:.3} ms (mean, views one after the other).",
            reading * 1e3
        ));
        Ok(())
    }

    /// Mean seconds for the gateway's own reading of these views.
    fn reading(&self, holding: &Holding, views: &[mig_fhir::kinds::View]) -> Result<f64, String> {
        let today = to_london(Clock::system().now()).date();
        let cuts: Vec<String> = views.iter().map(|view| holding.cut(*view, (None, None), today, 3)).collect();
        let (start, mut passes) = (Instant::now(), 0_u32);
        while passes == 0 || start.elapsed() < self.counted / 5 {
            for xml in &cuts {
                std::hint::black_box(read(xml.as_bytes(), Limits::default()).map_err(|error| error.to_string())?);
            }
            passes += 1;
        }
        Ok(start.elapsed().as_secs_f64() / f64::from(passes))
    }

    async fn everything(&self) -> Result<(), String> {
        let cold = in_turn(&self.all(self.patient, true), self.counted).await?;
        let shot = self.all(self.patient, false);
        let size = shot.send(&connection()?).await?.len();
        let cached = in_turn(&shot, self.counted).await?;
        let loaded = many(&shot, self.connections, self.counted).await?;
        say(&format!("\n$everything of all agreed views, an answer of {size} bytes"));
        say(&format!("  cold, one at a time                       {}", cold.line()));
        say(&format!("  cached, one at a time                     {}", cached.line()));
        say(&format!(
            "  cached, {:4} connections  {:9.0} req/s   {}",
            self.connections,
            loaded.rate,
            loaded.times.line()
        ));
        Ok(())
    }

    async fn audit(&self) -> Result<(), String> {
        let service = self.running.service();
        let legacy = Legacy::of(self.running.demo().folder(), service.clone(), &self.token).await?;
        say("\naudit: attempts closed, each row on disk before it counts");
        for writers in [1, self.connections, self.connections * 8] {
            let begin = Instant::now() + self.counted / 5;
            let end = begin + self.counted;
            let tasks: Vec<_> = (0..writers)
                .map(|_| {
                    let (audit, caller, patient) = (service.audit.clone(), legacy.caller().clone(), self.patient);
                    tokio::spawn(async move {
                        let mut times = Vec::new();
                        loop {
                            let start = Instant::now();
                            if start >= end {
                                return Ok::<_, String>(times);
                            }
                            let attempt = audit.open(caller.clone(), legacy::target(KIND, patient), legacy::origin());
                            let closed = audit.close(attempt, Outcome::Answered, None, ()).await;
                            closed.map_err(|not| chain(&not.error))?;
                            if start >= begin && Instant::now() <= end {
                                times.push(start.elapsed());
                            }
                        }
                    })
                })
                .collect();
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.map_err(|_| "a writer broke".to_owned())??);
            }
            #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
            let rate = all.len() as f64 / self.counted.as_secs_f64();
            say(&format!("  {writers:5} at once  {rate:9.0} rows/s  {}", Times::of(all).line()));
        }
        Ok(())
    }
}

fn signing(folder: &Path, counted: Duration) -> Result<(), String> {
    say("\nWS-Security, one thread: RSA 2048 and SHA-256, Timestamp, Body and four addressing headers signed");
    for size in signatures::SIZES {
        signatures::measure(folder, size, counted)?.lines().iter().for_each(|line| say(line));
    }
    Ok(())
}

/// A rate.
#[allow(clippy::cast_precision_loss, reason = "sizes and counts of one record")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Resident memory of this process in kB, where the machine tells it.
fn resident() -> u64 {
    weight::resident("VmRSS:").map_or(0, |bytes| bytes as u64 / 1024)
}
