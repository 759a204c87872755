//! `audit report`: the reports of CONTRACT section 8 for an operator, audited under the operator's name before the first
//! byte is written.

use crate::open::Deployment;
use clap::Args;
use mig_fhir::audit::{Attempt, Audit, AuditScope, Interaction, NotClosed, Origin, Outcome, Target};
use mig_fhir::clock::Clock;
use mig_fhir::identity::{Caller, CallerClass, Scopes, SelectedRole};
use mig_fhir::ids::{NhsNumber, OdsCode, RequestId, UserId};
use mig_fhir::report::{Format, Name, Report, ReportError, Request, Rules};
use mig_fhir::store::Store;
use mig_fhir::telemetry::chain;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// Which report, of what.
#[derive(Args)]
pub struct Of {
    /// practice-access, who-viewed, override-review, annual-return, user-activity or unusual-viewing.
    #[arg(value_parser = name)]
    name: Name,
    /// From this day or instant (UTC).
    #[arg(long, value_parser = super::start)]
    from: Option<OffsetDateTime>,
    /// To this day or instant (UTC), itself included.
    #[arg(long, value_parser = super::end)]
    to: Option<OffsetDateTime>,
    /// csv or fhir.
    #[arg(long, default_value = "csv", value_parser = format)]
    format: Format,
    /// Only the viewing by this organisation (ODS code).
    #[arg(long, value_parser = code, conflicts_with = "practice")]
    organisation: Option<OdsCode>,
    /// Only the viewing of records of this practice (ODS code).
    #[arg(long, value_parser = code)]
    practice: Option<OdsCode>,
    /// The user that user-activity is about.
    #[arg(long, value_parser = user)]
    user: Option<UserId>,
    /// A file that holds the NHS number that who-viewed is about; - reads it from the standard input.
    #[arg(long, value_name = "FILE")]
    nhs_number_file: Option<PathBuf>,
    /// Tell staff by role and organisation only.
    #[arg(long)]
    without_staff_names: bool,
    /// Rules for unusual-viewing instead of the built-in ones.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The trail as it stood at this row, to make a report again.
    #[arg(long)]
    row: Option<i64>,
    /// Where to write it; the standard output by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who asks, for the audit trail.
    #[arg(long, value_parser = user)]
    by: UserId,
    #[command(flatten)]
    deployment: Deployment,
}

impl Of {
    /// Makes it.
    pub async fn run(self) -> Result<(), Vec<String>> {
        let (config, store) = self.deployment.open_existing().await?;
        let trail = Audit::attach(store.clone(), &config.audit, Clock::system()).await;
        let done = match trail {
            Ok(audit) => self.make(&audit, &store, &config.server.base_url()).await,
            Err(error) => Err(vec![chain(&error)]),
        };
        store.close().await;
        done
    }

    async fn make(&self, audit: &Audit, store: &Store, base: &str) -> Result<(), Vec<String>> {
        let said = |error: ReportError| vec![chain(&error)];
        let patient = self.nhs_number_file.as_deref().map(number).transpose().map_err(|problem| vec![problem])?;
        let rules = self.rules().map_err(|problem| vec![problem])?;
        let scope = match (&self.organisation, &self.practice) {
            (Some(code), _) => Some(AuditScope::Organisation(code.clone())),
            (None, Some(code)) => Some(AuditScope::Practice(code.clone())),
            (None, None) => None,
        };
        let request = Request {
            from: self.from,
            before: self.to.and_then(|to| to.checked_add(time::Duration::milliseconds(1))),
            patient,
            user: self.user.clone(),
            staff_names: !self.without_staff_names,
            row: self.row,
            ..Request::of(self.name, self.format, scope.clone())
        };
        let mut report = Report::open(audit, store, &rules, base, request).await.map_err(said)?;
        // The file first: nothing is audited that could not be told.
        let mut out = self.sink().map_err(|problem| vec![problem])?;
        let attempt = self.attempt(audit, &report, patient, scope.as_ref());
        audit
            .close(attempt, Outcome::Answered, None, ())
            .await
            .map_err(|NotClosed { error, .. }| vec![chain(&error)])?;
        let _ = writeln!(std::io::stderr(), "made from the audit trail at {}", report.as_at().head);
        let _ = writeln!(std::io::stderr(), "bounds: {}", report.bounds());
        while let Some(piece) = report.next().await.map_err(said)? {
            out.write_all(&piece).map_err(|error| vec![error.to_string()])?;
        }
        out.flush().map_err(|error| vec![error.to_string()])
    }

    fn rules(&self) -> Result<Rules, String> {
        let Some(path) = &self.rules else { return Rules::builtin() };
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Rules::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn sink(&self) -> Result<Box<dyn Write>, String> {
        let Some(path) = &self.out else { return Ok(Box::new(std::io::stdout().lock())) };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Box::new(std::io::BufWriter::new(file)))
    }

    /// An attempt in the operator's name; whoever may see the viewing that the report is about sees that it was made.
    fn attempt(
        &self,
        audit: &Audit,
        report: &Report,
        patient: Option<NhsNumber>,
        scope: Option<&AuditScope>,
    ) -> Attempt {
        let organisation = match scope {
            Some(AuditScope::Organisation(code)) => Some(code.clone()),
            Some(AuditScope::Practice(_)) | None => None,
        };
        let caller = Caller {
            user: self.by.clone(),
            name: "operator at the command line".to_owned(),
            class: CallerClass::System,
            role: SelectedRole::None,
            organisation,
            assurance: 0,
            scopes: Scopes::default(),
            token_id: None,
            client_id: Some("mig-fhir audit report".to_owned()),
        };
        let target = Target {
            interaction: Interaction::Operation,
            resource_type: "admin/reports".to_owned(),
            id: Some(self.name.to_string()),
            patient,
            query: report.said(),
        };
        let origin = Origin { request_id: RequestId::random(), address: String::new() };
        let attempt = audit.open(caller, target, origin);
        if let Some(AuditScope::Practice(code)) = scope {
            attempt.note_practice(code);
        }
        attempt
    }
}

fn number(path: &Path) -> Result<NhsNumber, String> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(64).read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    NhsNumber::parse(&digits).ok_or_else(|| format!("{}: holds no NHS number", path.display()))
}

fn name(text: &str) -> Result<Name, String> {
    let known = || Name::ALL.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    Name::parse(text).ok_or_else(|| format!("is none of {}", known()))
}

fn format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| "is neither csv nor fhir".to_owned())
}

fn code(text: &str) -> Result<OdsCode, String> {
    OdsCode::parse(text).ok_or_else(|| "is not an ODS code".to_owned())
}

fn user(text: &str) -> Result<UserId, String> {
    UserId::parse(text).ok_or_else(|| "is not a user id: visible characters without a space".to_owned())
}
