//! The demo's folder: certificates, keys, settings and agreements, made once and reused, so that ids outlive a restart;
//! and the walkthrough that people paste. Starts nothing itself: the command line does, with what is found here.

use super::cast::{CAST, Member, OTHER_VIEWER, PRACTICES, UNAGREED_VIEWER, VIEWER};
use super::pki::{Pki, PkiError, write_secret};
use super::tokens::{AUDIENCE, DemoPatient, DemoState, ISSUER, Issuer, IssuerError};
use crate::clock::Clock;
use crate::config::{Config, temporary_folder};
use crate::ids::OdsCode;
use crate::kinds::View;
use crate::register::episode::{self, EpisodeDraft, EpisodeSearch};
use crate::register::slice::Slice;
use crate::store::{Store, StoreError};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::{Table, Value, value::Array};

/// Viewing organisations for which every patient is registered for care. The last has no agreement: it is that which
/// refuses its clinician.
pub const VIEWERS: [&str; 3] = [VIEWER, OTHER_VIEWER, UNAGREED_VIEWER];
/// What `other-clinician` may see.
const FEWER_VIEWS: [View; 3] = [View::PatientDetails, View::Medication, View::RisksAndWarnings];
/// The first day of the demo's agreements.
const FIRST_DAY: &str = "2026-01-01";

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder cannot be made or written to.
    #[error("the demo's folder {0} cannot be used")]
    Folder(PathBuf, #[source] std::io::Error),
    /// No certificates.
    #[error("the demo's certificates cannot be made")]
    Pki(#[from] PkiError),
    /// No token issuer.
    #[error("the demo's token issuer cannot be made")]
    Issuer(#[from] IssuerError),
    /// No random bytes for a key.
    #[error("the machine gives no random bytes")]
    Random,
    /// The settings made for the demo are not sound, which an override in the environment can bring about.
    #[error("the demo's settings have problems: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The relationships cannot be kept.
    #[error("the demo's relationships cannot be kept")]
    Seed(#[from] StoreError),
}

/// The demo's folder and cast.
pub struct Demo {
    folder: PathBuf,
    pki: Pki,
    issuer: Issuer,
    patients: Arc<[DemoPatient]>,
    clock: Clock,
}

impl Demo {
    /// In a folder, by default one for temporary files; made or reused.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn in_folder(named: Option<&Path>, patients: Vec<DemoPatient>, clock: Clock) -> Result<Self, DemoError> {
        let folder = named.map_or_else(|| temporary_folder("mig-fhir-demo"), Path::to_owned);
        let unusable = |error| DemoError::Folder(folder.clone(), error);
        make_private(&folder).map_err(unusable)?;
        if named.is_none() {
            // Anyone can be first under a name that all know, and would then know its keys.
            only_ours(&folder).map_err(unusable)?;
        }
        let folder = folder.canonicalize().map_err(unusable)?;
        let pki = Pki::in_folder(&folder, clock.now())?;
        let issuer = Issuer::in_folder(&folder, clock.clone())?;
        keep_secret(&folder.join("ids.key"), 64, <[u8]>::to_vec)?;
        keep_secret(&folder.join("alerts.key"), 32, |key| format!("whsec_{}\n", STANDARD.encode(key)).into_bytes())?;
        // The form of the audit's key file: an id and the key, a line each.
        keep_secret(&folder.join("audit.key"), 32, |key| format!("demo {}\n", STANDARD.encode(key)).into_bytes())?;
        Ok(Self { folder, pki, issuer, patients: patients.into(), clock })
    }

    /// The certificates.
    #[must_use]
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The patients.
    #[must_use]
    pub fn patients(&self) -> &[DemoPatient] {
        &self.patients
    }

    /// What [`super::tokens::demo_routes`] needs.
    #[must_use]
    pub fn state(&self) -> DemoState {
        DemoState { issuer: self.issuer.clone(), patients: self.patients.clone(), clock: self.clock.clone() }
    }

    /// Writes settings and agreements to the folder and reads them back as any deployment's would be.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn settings(&self, listen: SocketAddr, mig: &str) -> Result<Config, DemoError> {
        self.settings_with(listen, mig, Vec::new())
    }

    /// The same, with settings of these names over them, as the environment would.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn settings_with(
        &self,
        listen: SocketAddr,
        mig: &str,
        over: Vec<(String, String)>,
    ) -> Result<Config, DemoError> {
        self.write("agreements.toml", &self.agreements())?;
        self.write("config.toml", &self.settings_text(listen, mig))?;
        Config::load_with(&self.folder.join("config.toml"), over).map_err(DemoError::Settings)
    }

    /// Sharing agreements and enrolments, in the notation of `agreements import`.
    #[must_use]
    pub fn agreements(&self) -> String {
        let records = self.patients.iter().filter(|patient| patient.scenario == "record");
        let mut practices: Vec<&str> = PRACTICES.to_vec();
        practices.extend(records.filter_map(|patient| patient.practice.as_deref()));
        practices.sort_unstable();
        practices.dedup();
        let enrolments = CAST.iter().filter(|member| member.enrolled).filter_map(enrolment).collect();
        let agreements = vec![
            agreement("demo-all-views", VIEWER, View::ALL, &practices),
            agreement("demo-fewer-views", OTHER_VIEWER, &FEWER_VIEWS, &practices),
        ];
        text(&table([("agreement", Value::Array(agreements)), ("enrolment", Value::Array(enrolments))]))
    }

    fn settings_text(&self, listen: SocketAddr, mig: &str) -> String {
        let file = |name: &str| path(&self.folder.join(name));
        let issuer = table([
            ("issuer", ISSUER.into()),
            ("audience", AUDIENCE.into()),
            ("jwks_file", path(self.issuer.jwks_file())),
        ]);
        let sections = [
            // One `clinician` of the demo is everybody who tries it, so the rate of one user says nothing here.
            ("server", table([("listen", listen.to_string().into()), ("requests_per_minute", 0.into())])),
            ("identity", table([("issuers", Value::Array(vec![Value::Table(issuer)]))])),
            ("store", table([("path", file("store.sqlite"))])),
            ("audit", table([("key_file", file("audit.key")), ("anchor_file", file("audit.anchor"))])),
            (
                "gateway",
                table([
                    ("endpoint", mig.into()),
                    ("ca", path(&self.pki.ca())),
                    ("client_certificate", path(&self.pki.client_certificate())),
                    ("client_key", path(&self.pki.client_key())),
                ]),
            ),
            ("ids", table([("key_file", file("ids.key"))])),
            ("register", table([("import", file("agreements.toml"))])),
            ("log", table([("format", "text".into()), ("level", "warn".into())])),
        ];
        text(&table(sections.map(|(name, section)| (name, Value::Table(section)))))
    }

    /// The secret that the alerts are signed with.
    #[must_use]
    pub fn alerts_key(&self) -> PathBuf {
        self.folder.join("alerts.key")
    }

    /// Settings by which alerts, and notices to the first practice, go to the demo's receiver.
    #[must_use]
    pub fn alerts_to(&self, receiver: &str) -> Vec<(String, String)> {
        let practice = PRACTICES.first().copied().unwrap_or_default();
        let said = [
            ("WEBHOOK", receiver.to_owned()),
            ("NOTICES", format!("{{ {practice} = \"{receiver}\" }}")),
            ("KEY_FILE", self.alerts_key().display().to_string()),
            ("LOOPBACK_HTTP", "true".to_owned()),
        ];
        said.map(|(key, value)| (format!("MIG_FHIR__ALERTS__{key}"), value)).into()
    }

    /// Registers every patient for care with every viewing organisation, where that has not been done.
    ///
    /// # Errors
    /// [`DemoError::Seed`].
    pub async fn seed(&self, store: &Store) -> Result<(), DemoError> {
        let now = self.clock.now();
        for viewer in VIEWERS.iter().filter_map(|code| OdsCode::parse(code)) {
            for patient in self.patients.iter().map(|patient| patient.nhs_number) {
                let wanted = EpisodeSearch { patient: Some(patient), ..EpisodeSearch::default() };
                if episode::search(store.reader(), &viewer, &wanted, &Slice::default()).await?.found.is_empty() {
                    store.write(episode::create_job(EpisodeDraft::active(patient, viewer.clone(), now), now)).await?;
                }
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(|error| DemoError::Folder(path, error))
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a folder that is a link, that somebody else made, or that others can write to.
#[cfg(unix)]
fn only_ours(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let found = std::fs::symlink_metadata(folder)?;
    if !found.is_dir() || found.mode() & 0o022 != 0 {
        return Err(refused());
    }
    // Whoever may write to it owns what is written, which tells who we are.
    let probe = folder.join(format!("probe-{}", uuid::Uuid::new_v4()));
    let ours = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe)?.metadata()?.uid();
    std::fs::remove_file(&probe)?;
    if found.uid() == ours { Ok(()) } else { Err(refused()) }
}

#[cfg(not(unix))]
fn only_ours(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn keep_secret(path: &Path, bytes: usize, form: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), DemoError> {
    if path.is_file() {
        return Ok(());
    }
    let mut secret = zeroize::Zeroizing::new(vec![0; bytes]);
    rand::fill(&mut secret).map_err(|_| DemoError::Random)?;
    Ok(write_secret(path, &zeroize::Zeroizing::new(form(&secret)))?)
}

fn agreement(id: &str, viewer: &str, views: &[View], practices: &[&str]) -> Value {
    let sharers: Array = practices
        .iter()
        .map(|practice| Value::Table(table([("practice", (*practice).into()), ("joined", day())])))
        .collect();
    let signatory = table([
        ("organisation", viewer.into()),
        ("name", "Jo Signatory".into()),
        ("role", "Caldicott Guardian".into()),
        ("date", day()),
    ]);
    Value::Table(table([
        ("id", id.into()),
        ("viewer", viewer.into()),
        ("views", Value::Array(views.iter().map(|view| view.as_str().into()).collect())),
        ("from", day()),
        ("status", "active".into()),
        ("sharer", Value::Array(sharers)),
        ("signatory", Value::Array(vec![Value::Table(signatory)])),
    ]))
}

fn enrolment(member: &Member) -> Option<Value> {
    let (role, _) = member.role?;
    Some(Value::Table(table([
        ("user", member.user.into()),
        ("organisation", member.organisation.into()),
        ("role", role.into()),
        ("terms_accepted", day()),
        ("trained", day()),
    ])))
}

/// A TOML day, without quotes.
fn day() -> Value {
    FIRST_DAY.parse().map_or_else(|_| FIRST_DAY.into(), Value::Datetime)
}

fn path(path: &Path) -> Value {
    path.display().to_string().into()
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A table of texts, days and tables always has a notation.
fn text(table: &Table) -> String {
    toml::to_string(table).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NhsNumber;
    use time::macros::datetime;

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_or_a_link_to_one_is_not_taken_by_default() {
        use std::os::unix::fs::PermissionsExt;
        let above = tempfile::tempdir().unwrap();
        let ours = above.path().join("ours");
        make_private(&ours).unwrap();
        assert!(only_ours(&ours).is_ok());
        assert_eq!(std::fs::read_dir(&ours).unwrap().count(), 0, "nothing is left in it");
        let link = above.path().join("link");
        std::os::unix::fs::symlink(&ours, &link).unwrap();
        assert!(only_ours(&link).is_err());
        std::fs::set_permissions(&ours, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(only_ours(&ours).is_err());
    }

    fn demo(folder: &Path) -> Demo {
        let patient = |scenario: &str, practice: &str| DemoPatient {
            scenario: scenario.to_owned(),
            nhs_number: NhsNumber::parse("9990000018").unwrap(),
            description: String::new(),
            practice: Some(practice.to_owned()),
        };
        let patients = vec![patient("rich", "A99981"), patient("not-sharing", "A99989"), patient("record", "B99999")];
        Demo::in_folder(Some(folder), patients, Clock::fixed(datetime!(2026-11-24 10:00 UTC))).unwrap()
    }

    fn listen() -> SocketAddr {
        "127.0.0.1:8080".parse().unwrap()
    }

    #[test]
    fn a_fresh_folder_gives_sound_settings() {
        let folder = tempfile::tempdir().unwrap();
        let config = demo(&folder.path().join("new")).settings(listen(), "https://127.0.0.1:4433/mig").unwrap();
        assert_eq!(config.server.base_url(), "http://127.0.0.1:8080/FHIR/R4");
        assert!(config.problems().is_empty());
    }

    #[test]
    fn keys_and_certificates_are_reused_so_that_ids_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["ids.key", "audit.key", "tokens.key", "ca.pem", "client.pem", "client.key", "server.pem"];
        let read = || {
            demo(folder.path());
            files.map(|name| std::fs::read(folder.path().join(name)).unwrap())
        };
        assert_eq!(read(), read());
    }

    #[tokio::test]
    async fn agreements_import_and_relationships_are_kept_once() {
        use crate::register::agreements::{import, store_job};
        let folder = tempfile::tempdir().unwrap();
        let demo = demo(folder.path());
        let store = Store::open(&demo.settings(listen(), "https://127.0.0.1:4433/mig").unwrap().store).await.unwrap();
        let registers = import(&demo.agreements()).unwrap();
        assert_eq!((registers.agreements.len(), registers.enrolments.len()), (2, 8));
        assert!(store.write(store_job(registers, "demo".to_owned(), demo.clock.now())).await.unwrap().is_ok());
        for _ in 0..2 {
            demo.seed(&store).await.unwrap();
            for viewer in VIEWERS {
                let viewer = OdsCode::parse(viewer).unwrap();
                let wanted = EpisodeSearch::default();
                let kept = episode::search(store.reader(), &viewer, &wanted, &Slice::default()).await.unwrap().found;
                assert_eq!(kept.len(), 1, "one number, three entries in the list");
            }
        }
    }

    #[test]
    fn the_cast_is_enrolled_but_for_the_untrained_and_practices_of_records_join() {
        let folder = tempfile::tempdir().unwrap();
        let text = demo(folder.path()).agreements();
        let parsed: Table = text.parse().unwrap();
        assert_eq!(parsed["enrolment"].as_array().unwrap().len(), 8);
        assert!(!text.contains("999000000104"), "untrained");
        assert!(text.contains("B99999") && !text.contains("A99989"));
        assert!(text.contains("from = 2026-01-01\n"), "{text}");
        assert_eq!(parsed["agreement"][0]["views"].as_array().unwrap().len(), 10);
    }
}
