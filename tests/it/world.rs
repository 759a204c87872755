//! A whole demo behind its front door, for the scenarios: people with tokens, patients, consents, and answers that are
//! checked as they come in.
//!
//! Every answer, whatever the scenario is about, must echo its request id, forbid storing, name no NHS number outside
//! an identifier, and none at all when it refuses. Worlds run on one runtime, so that tests can share one; the
//! certificates are made once and copied, since making them is the slowest part of a start.

use crate::database;
use base64::Engine;
use mig_fhir::clock::Clock;
use mig_fhir::ids::{LogicalId, NhsNumber, OdsCode, RoleCode, Suffix, UserId};
use mig_fhir::register::agreements::{self, Enrolment, Registers, Suspension, Target};
use mig_fhir::register::consent;
use mig_fhir::simulator::cast;
use mig_fhir::simulator::demo::Demo;
use mig_fhir::simulator::generate::{self, Options, Planted};
use mig_fhir::simulator::heard::{Arrived, Heard};
use mig_fhir::simulator::holdings::{Holding, Holdings};
use mig_fhir::simulator::log::Extract;
use mig_fhir::simulator::running::{Extras, Running, Start};
use mig_fhir::simulator::tokens::{AUDIENCE, ISSUER, LIFE_SECONDS};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::runtime::Runtime;

/// NHS numbers.
pub(crate) const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";
/// Organisations.
pub(crate) const ODS: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// Bodies of resources.
pub(crate) const FHIR: &str = "application/fhir+json";
/// Bodies of searches.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The demo's first viewing organisation.
pub(crate) const VIEWER: &str = cast::VIEWER;
/// Clinicians that every world has enrolled for its scenarios, each to be used by one of them.
const POOL: usize = 80;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Runs a scenario on the one runtime.
pub(crate) fn run<T>(scenario: impl Future<Output = T>) -> T {
    RUNTIME.block_on(scenario)
}

/// A demo under way.
pub(crate) struct World {
    running: Running,
    folder: TempDir,
    pub(crate) clock: Clock,
    client: Client,
    key: jsonwebtoken::EncodingKey,
    numbers: Vec<String>,
    taken: AtomicUsize,
}

/// Someone with a token.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) user: String,
    pub(crate) organisation: String,
    pub(crate) token: String,
}

/// An answer, already checked for what holds of all answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
    pub(crate) request_id: String,
}

/// One request.
pub(crate) struct Ask<'w> {
    world: &'w World,
    method: Method,
    path: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A fixed clock that starts at the machine's time, by which TLS judges certificates.
pub(crate) fn clock() -> Clock {
    Clock::fixed(Clock::system().now())
}

/// The built-in patients.
pub(crate) fn builtin() -> Holdings {
    Holdings::builtin(mig_fhir::clock::to_london(Clock::system().now()).date())
}

/// A small generated patient of this seed, changed as told.
pub(crate) fn patient(seed: u64, change: impl FnOnce(&mut Holding)) -> Holding {
    with_entries(seed, Vec::new(), change).0
}

/// A small generated patient with these entries; their legacy ids beside it.
pub(crate) fn with_entries(
    seed: u64,
    planted: Vec<Planted>,
    change: impl FnOnce(&mut Holding),
) -> (Holding, Vec<String>) {
    let today = mig_fhir::clock::to_london(Clock::system().now()).date();
    let made = generate::generate(seed, 60, &Options { today, planted, ..Options::default() });
    let mut holding = Holding::read(made.xml).expect("a record");
    change(&mut holding);
    (holding, made.planted)
}

/// The number of the patient of a seed.
pub(crate) fn number(seed: u64) -> String {
    generate::nhs_number(seed)
}

/// Patients as holdings.
pub(crate) fn holdings(patients: impl IntoIterator<Item = Holding>) -> Holdings {
    let mut holdings = Holdings::default();
    for patient in patients {
        assert!(holdings.add(patient), "two patients of one number");
    }
    holdings
}

/// Keys and certificates, made once in a run of the tests.
fn template() -> &'static TempDir {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        Demo::in_folder(Some(folder.path()), Vec::new(), Clock::system()).expect("certificates and keys");
        folder
    })
}

/// Who vouches for the certificates of every world.
pub(crate) fn authority() -> std::path::PathBuf {
    template().path().join("ca.pem")
}

impl World {
    /// A world of its own with these patients.
    pub(crate) async fn start(holdings: Holdings) -> Self {
        Self::start_with(holdings, Extras::default()).await
    }

    /// The same with options. The simulated MIG has its control endpoint in any case.
    pub(crate) async fn start_with(holdings: Holdings, options: Extras) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for file in std::fs::read_dir(template().path()).expect("the template") {
            let file = file.expect("a file");
            std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
        }
        Self::open(folder, holdings, clock(), options).await
    }

    async fn open(folder: TempDir, holdings: Holdings, clock: Clock, options: Extras) -> Self {
        let numbers = holdings.iter().map(|holding| holding.nhs_number.clone()).collect();
        let start = Start {
            listen: "127.0.0.1:0".parse().expect("an address"),
            data: Some(folder.path().to_owned()),
            holdings,
            clock: clock.clone(),
        };
        let store = database::config(folder.path()).await;
        let options = Extras { control: true, store, ..options };
        let running = Running::start_with(start, options).await.expect("a demo");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = std::fs::read(folder.path().join("tokens.key")).expect("the issuer's key");
        let world = Self {
            running,
            folder,
            clock,
            client: Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client"),
            key: jsonwebtoken::EncodingKey::from_ec_pem(&key).expect("a key"),
            numbers,
            taken: AtomicUsize::new(0),
        };
        let day = world.clock.now().date().previous_day().expect("a day");
        let enrolments = (0..POOL)
            .map(|index| {
                let user = UserId::parse(&pooled(index)).expect("a user");
                let organisation = OdsCode::parse(VIEWER).expect("a code");
                Enrolment::complete(user, organisation, RoleCode::parse("R8000").expect("a role"), day)
            })
            .collect();
        world.import(Registers { enrolments, ..Registers::default() }).await;
        world
    }

    /// The same folder with other patients, as after a restart of the process.
    pub(crate) async fn restart(self, holdings: Holdings) -> Self {
        self.restart_with(holdings, Extras::default()).await
    }

    /// The same with options.
    pub(crate) async fn restart_with(self, holdings: Holdings, options: Extras) -> Self {
        let Self { running, folder, clock, taken, .. } = self;
        running.stop().await;
        let mut world = Self::open(folder, holdings, clock, options).await;
        world.taken = taken;
        world
    }

    /// The practice's systems and the gateway to them go away.
    pub(crate) async fn stop_mig(&mut self) {
        self.running.stop_mig().await;
    }

    /// The simulated MIG's address.
    pub(crate) fn mig(&self) -> &str {
        self.running.mig()
    }

    /// The folder of keys, certificates and the store.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The simulated MIG's control endpoint.
    pub(crate) fn control(&self) -> String {
        self.running.control().expect("a control endpoint")
    }

    /// Sets these fault switches and no others, through the control endpoint.
    pub(crate) async fn switch(&self, switches: &Value) {
        let request =
            self.client.put(format!("{}/switches", self.control())).header("content-type", "application/json");
        let answer = request.body(switches.to_string()).send().await.expect("an answer");
        let status = answer.status();
        assert_eq!(status, 204, "{switches}: {}", answer.text().await.expect("a text"));
    }

    /// What arrived at the simulated MIG.
    pub(crate) fn heard(&self) -> Heard {
        self.running.heard()
    }

    /// What this user's requests have sent there.
    pub(crate) fn heard_of(&self, who: &Who) -> Vec<Arrived> {
        self.heard().messages.into_iter().filter(|message| message.user == who.user).collect()
    }

    /// `…/FHIR/R4`.
    pub(crate) fn base(&self) -> &str {
        self.running.base()
    }

    /// Keeps registers, as an administrator's import does.
    pub(crate) async fn import(&self, registers: Registers) {
        let job = agreements::store_job(registers, "a scenario".to_owned(), self.clock.now());
        let kept = self.running.service().register.store().write(job).await.expect("kept");
        kept.expect("registers without problems");
    }

    /// Stops a user, a viewer, a sharer, or everything.
    pub(crate) async fn suspend(&self, target: Target, subject: &str) {
        let suspension = Suspension {
            target,
            subject: subject.to_owned(),
            reason: "a scenario".to_owned(),
            by: "Ina Field".to_owned(),
            since: None,
            until: None,
        };
        self.import(Registers { suspensions: vec![suspension], ..Registers::default() }).await;
    }

    /// The service's own store.
    pub(crate) fn store(&self) -> &mig_fhir::store::Store {
        self.running.service().register.store()
    }

    /// How many released views are in memory.
    pub(crate) async fn kept_views(&self) -> u64 {
        self.running.service().views.kept().await.0
    }

    /// The number of a scenario's patient.
    pub(crate) fn number_of(&self, scenario: &str) -> String {
        let mut patients = self.running.demo().patients().iter();
        let patient = patients.find(|patient| patient.scenario == scenario).expect("a scenario");
        patient.nhs_number.reveal().to_owned()
    }

    /// One of the cast.
    pub(crate) fn member(&self, name: &str) -> Who {
        let member = cast::find(name).expect("one of the cast");
        let token = self.running.token(member).expect("a token");
        Who { user: member.user.to_owned(), organisation: member.organisation.to_owned(), token }
    }

    /// A token like that of one of the cast, with claims changed.
    pub(crate) fn like(&self, name: &str, change: impl FnOnce(&mut Value)) -> Who {
        let mut claims = self.claims(name);
        change(&mut claims);
        self.signed(&claims)
    }

    /// The claims of one of the cast, with issuer, audience and times.
    pub(crate) fn claims(&self, name: &str) -> Value {
        let mut claims = cast::find(name).expect("one of the cast").claims();
        let now = self.clock.now().unix_timestamp();
        claims["iss"] = ISSUER.into();
        claims["aud"] = AUDIENCE.into();
        claims["iat"] = now.into();
        claims["nbf"] = now.into();
        claims["exp"] = (now + LIFE_SECONDS).into();
        claims
    }

    /// Claims signed by the demo's issuer.
    pub(crate) fn signed(&self, claims: &Value) -> Who {
        let header = jsonwebtoken::Header {
            kid: Some("demo".to_owned()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256)
        };
        let role = &claims["nhsid_nrbac_roles"][0];
        let organisation = role["org_code"].as_str().or(claims["org_code"].as_str()).unwrap_or_default();
        Who {
            user: claims["sub"].as_str().expect("a user").to_owned(),
            organisation: organisation.to_owned(),
            token: jsonwebtoken::encode(&header, claims, &self.key).expect("signed"),
        }
    }

    /// An enrolled clinician of the first viewer whom no other scenario of this world has.
    pub(crate) fn clinician(&self) -> Who {
        self.clinician_with(|_| {})
    }

    /// The same, with claims changed.
    pub(crate) fn clinician_with(&self, change: impl FnOnce(&mut Value)) -> Who {
        let index = self.taken.fetch_add(1, Ordering::SeqCst);
        assert!(index < POOL, "enlarge the pool of clinicians");
        let user = pooled(index);
        self.like("clinician", |claims| {
            let profile = format!("1{}", &user[1..]);
            claims["sub"] = user.as_str().into();
            claims["nhsid_useruid"] = user.as_str().into();
            claims["name"] = format!("Dr Scenario {index}").into();
            claims["selected_roleid"] = profile.as_str().into();
            claims["nhsid_nrbac_roles"][0]["person_roleid"] = profile.as_str().into();
            change(claims);
        })
    }

    /// A privacy officer of an organisation.
    pub(crate) fn privacy_officer(&self, organisation: &str) -> Who {
        self.like("privacy-officer", |claims| claims["nhsid_nrbac_roles"][0]["org_code"] = organisation.into())
    }

    /// The number of a built-in patient.
    pub(crate) fn scenario(&self, scenario: &str) -> String {
        let patients = self.running.demo().patients();
        let patient = patients.iter().find(|patient| patient.scenario == scenario).expect("a scenario");
        patient.nhs_number.reveal().to_owned()
    }

    /// The sealed id of a patient.
    pub(crate) fn sealed(&self, number: &str) -> String {
        let number = NhsNumber::parse(number).expect("a number");
        self.running.service().sealer.seal_patient(number).to_string()
    }

    /// The sealed id of a legacy entry.
    pub(crate) fn sealed_entry(&self, number: &str, legacy: &str) -> LogicalId {
        let number = NhsNumber::parse(number).expect("a number");
        self.running.service().sealer.seal(number, legacy, Suffix(0))
    }

    /// A GET below the base.
    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    /// Any request below the base, or of a whole URL.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        Ask { world: self, method, path: path.to_owned(), token: None, headers: Vec::new(), body: None }
    }

    /// `POST [type]/_search` by NHS number, with further parameters.
    pub(crate) fn search(&self, kind: &str, number: &str, more: &str) -> Ask<'_> {
        let name = if kind == "Patient" { "identifier" } else { "patient.identifier" };
        self.ask(Method::POST, &format!("{kind}/_search")).form(&format!("{name}={NHS}%7C{number}{more}"))
    }

    /// A Consent body of this user for a patient.
    pub(crate) fn consent_body(&self, who: &Who, number: &str, permit: bool) -> Value {
        let (number, user, organisation) = parsed(who, number);
        consent::example(number, &user, &organisation, permit, self.clock.now())
    }

    /// An override by this user.
    pub(crate) fn override_body(&self, who: &Who, number: &str, category: &str) -> Value {
        let (number, user, organisation) = parsed(who, number);
        consent::override_example(number, &user, &organisation, category, "Unconscious after a fall", self.clock.now())
    }

    /// The patient permits this user.
    pub(crate) async fn permit(&self, who: &Who, number: &str) -> Answer {
        self.post_consent(who, &self.consent_body(who, number, true)).await
    }

    /// The patient refuses this user.
    pub(crate) async fn deny(&self, who: &Who, number: &str) -> Answer {
        self.post_consent(who, &self.consent_body(who, number, false)).await
    }

    /// Posts a Consent that must be accepted.
    pub(crate) async fn post_consent(&self, who: &Who, body: &Value) -> Answer {
        let answer = self.ask(Method::POST, "Consent").by(who).json(body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer
    }

    /// What the practices' systems have logged of this user.
    pub(crate) fn extracts_of(&self, who: &Who) -> Vec<Extract> {
        self.running.extracts().into_iter().filter(|extract| extract.user == who.user).collect()
    }

    /// The AuditEvents of one request of this user, as a privacy officer of the organisation finds them.
    pub(crate) async fn audited(&self, who: &Who, request_id: &str) -> Vec<Value> {
        let mut events = self.trail(who).await;
        events.retain(|event| asked(event) == Some(request_id));
        events
    }

    /// Every AuditEvent of this user.
    pub(crate) async fn trail(&self, who: &Who) -> Vec<Value> {
        let officer = self.privacy_officer(&who.organisation);
        let mut found = Vec::new();
        let mut next = Some(format!("AuditEvent?_count=1000&agent.identifier={}", who.user));
        while let Some(path) = next {
            let page = self.get(&path).by(&officer).ok().await;
            found.extend(page.resources().cloned());
            next = page.link("next");
        }
        found
    }
}

fn pooled(index: usize) -> String {
    format!("9990000007{index:02}")
}

fn parsed(who: &Who, number: &str) -> (NhsNumber, UserId, OdsCode) {
    let number = NhsNumber::parse(number).expect("a number");
    (number, UserId::parse(&who.user).expect("a user"), OdsCode::parse(&who.organisation).expect("a code"))
}

/// The request that an AuditEvent is about.
pub(crate) fn asked(event: &Value) -> Option<&str> {
    let entities = event["entity"].as_array()?;
    let entity = entities.iter().find(|entity| entity["type"]["code"] == "XrequestId")?;
    entity["what"]["identifier"]["value"].as_str()
}

impl Ask<'_> {
    /// With a token.
    pub(crate) fn by(mut self, who: &Who) -> Self {
        self.token = Some(who.token.clone());
        self
    }

    /// With any text as token.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of this media type.
    pub(crate) fn body(mut self, media: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", media)
    }

    /// With a form.
    pub(crate) fn form(self, form: &str) -> Self {
        self.body(FORM, form)
    }

    /// With a resource; sends it.
    pub(crate) async fn json(self, resource: &Value) -> Answer {
        self.body(FHIR, resource.to_string()).send().await
    }

    /// Sends it; the answer must be 200.
    pub(crate) async fn ok(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        let answer = self.send().await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        answer
    }

    /// Sends it, and checks what must hold of every answer.
    pub(crate) async fn send(self) -> Answer {
        let Self { world, method, path, token, headers, body } = self;
        let url = if path.starts_with("http") { path } else { format!("{}/{path}", world.base()) };
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut request = world
            .client
            .request(method, &url)
            .timeout(Duration::from_mins(1))
            .header("x-request-id", &request_id)
            .header("x-correlation-id", &request_id);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a text");
        let is_xml = headers.get("content-type").is_some_and(|media| media == "application/fhir+xml; charset=utf-8");
        let is_csv = headers.get("content-type").is_some_and(|media| media.as_bytes().starts_with(b"text/csv"));
        let body = if text.is_empty() {
            Value::Null
        } else if is_csv {
            Value::String(text.clone())
        } else if is_xml {
            // The library's reader takes no narrative with attributes: such a document stays text.
            mig_fhir_model::xml_to_json(text.as_bytes())
                .map_or_else(|_| Value::String(text.clone()), |json| serde_json::from_slice(&json).expect("JSON"))
        } else {
            serde_json::from_str(&text).expect("JSON")
        };
        let answer = Answer { status, headers, body, text, request_id };
        answer.holds(&world.numbers);
        answer
    }
}

impl Answer {
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name: HeaderName = name.parse().expect("a name");
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// The entries of a Bundle but its outcome.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Value> {
        let entries = self.body["entry"].as_array().map_or(&[][..], Vec::as_slice);
        entries.iter().filter(|entry| entry["search"]["mode"] != "outcome")
    }

    /// The resources of a Bundle but its outcome.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Value> {
        self.entries().map(|entry| &entry["resource"])
    }

    /// The outcome entry of a searchset.
    pub(crate) fn outcome(&self) -> &Value {
        let entries = self.body["entry"].as_array().expect("a Bundle");
        &entries.iter().find(|entry| entry["search"]["mode"] == "outcome").expect("an outcome")["resource"]
    }

    /// The ids of all matches and includes.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.resources().map(|resource| resource["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// The total of a searchset.
    pub(crate) fn total(&self) -> u64 {
        self.body["total"].as_u64().expect("a total")
    }

    /// A link of a Bundle.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let links = self.body["link"].as_array()?;
        let link = links.iter().find(|link| link["relation"] == relation)?;
        Some(link["url"].as_str().expect("a URL").to_owned())
    }

    /// The id of the resource.
    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().expect("an id")
    }

    /// The codes of an OperationOutcome's reasons.
    pub(crate) fn reasons(&self) -> Vec<&str> {
        let coding = self.body["issue"][0]["details"]["coding"].as_array().expect("reasons");
        assert!(coding.iter().all(|coding| coding["system"] == "urn:x-mig-fhir:CodeSystem:refusal"));
        coding.iter().map(|coding| coding["code"].as_str().expect("a code")).collect()
    }

    /// What an OperationOutcome says is wrong.
    pub(crate) fn expressions(&self) -> Vec<&str> {
        let list = self.body["issue"][0]["expression"].as_array().map_or(&[][..], Vec::as_slice);
        list.iter().map(|expression| expression.as_str().expect("a text")).collect()
    }

    fn holds(&self, numbers: &[String]) {
        let text = self.text.as_str();
        let request_id = Some(self.request_id.as_str());
        assert_eq!(self.header("x-request-id"), request_id);
        assert_eq!(self.header("x-correlation-id"), request_id);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        for (name, value) in &self.headers {
            let value = value.to_str().expect("ASCII");
            assert!(!numbers.iter().any(|number| value.contains(number.as_str())), "{name} names a patient");
        }
        // Of a HEAD there is the length of what a GET would bring, and no more.
        let told_only = text.is_empty() && self.header("content-length").is_some_and(|length| length != "0");
        if self.status >= 400 && !told_only {
            assert!(!numbers.iter().any(|number| text.contains(number.as_str())), "a refusal names a patient");
            assert_eq!(self.body["resourceType"], "OperationOutcome");
            assert_eq!(self.body["issue"][0]["diagnostics"], self.request_id.as_str());
        }
        match &self.body {
            // XML that stayed text: the identifiers are cut out of it first. CSV has none.
            Value::String(xml) => {
                let system = format!("<system value=\"{NHS}\"/>");
                let lines = xml.lines().map(str::trim).collect::<Vec<_>>();
                let outside = lines.iter().enumerate().filter(|(at, _)| *at == 0 || lines[at - 1] != system);
                outside.for_each(|(_, line)| names_nobody(&Value::from(*line), numbers));
            }
            body => names_nobody(body, numbers),
        }
    }
}

/// An NHS number stands in an identifier of that system and nowhere else.
fn names_nobody(value: &Value, numbers: &[String]) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_nobody(item, numbers)),
        Value::Object(members) => {
            for (name, value) in members {
                let identifier = name == "value" && members.get("system").is_some_and(|system| system == NHS);
                if !identifier {
                    names_nobody(value, numbers);
                }
            }
        }
        Value::String(text) => {
            assert!(
                !numbers.iter().any(|number| text.contains(number.as_str())),
                "a patient is named outside an identifier: {text}"
            );
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A token's text with another header, unsigned.
pub(crate) fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none", "typ": "JWT" })), part(claims))
}

/// A token signed by a key that is not the issuer's, under the issuer's key id.
pub(crate) fn forged(claims: &Value) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    Demo::in_folder(Some(folder.path()), Vec::new(), Clock::system()).expect("another issuer");
    let key = std::fs::read(folder.path().join("tokens.key")).expect("its key");
    let key = jsonwebtoken::EncodingKey::from_ec_pem(&key).expect("a key");
    let header = jsonwebtoken::Header {
        kid: Some("demo".to_owned()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256)
    };
    jsonwebtoken::encode(&header, claims, &key).expect("signed")
}

/// An instant as a Consent has it.
pub(crate) fn text(at: OffsetDateTime) -> String {
    mig_fhir::clock::rfc3339(at)
}
