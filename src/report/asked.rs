//! What is asked for, and why it cannot be had.

use crate::audit::{AuditError, AuditScope};
use crate::clock::rfc3339;
use crate::ids::{NhsNumber, OdsCode, UserId};
use crate::kinds::words;
use crate::store::StoreError;
use time::OffsetDateTime;

words! {
    /// A report.
    Name {
        /// Who viewed records of a practice's patients, without the patients (7.4.2).
        PracticeAccess = "practice-access",
        /// Who viewed one patient's record, in plain English (3.6.7).
        WhoViewed = "who-viewed",
        /// Overrides and how their reviews ended (7.3.6).
        OverrideReview = "override-review",
        /// Access and relationships in numbers (7.3.5).
        AnnualReturn = "annual-return",
        /// All that one user viewed, by practice (8).
        UserActivity = "user-activity",
        /// What is out of the ordinary, by rules that are data.
        UnusualViewing = "unusual-viewing",
    }
}

words! {
    /// How it is written.
    Format {
        /// RFC 4180, UTF-8, with a header row.
        Csv = "csv",
        /// A Bundle of AuditEvents where it lists events, a MeasureReport where it counts.
        Fhir = "fhir",
    }
}

impl Name {
    /// What it is, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::PracticeAccess => "Who viewed records of the practice's patients; names no patient (7.4.2)",
            Self::WhoViewed => "Who viewed one patient's record, in plain English, for the patient (3.6.7)",
            Self::OverrideReview => "Overrides, and how their reviews stand (7.3.6)",
            Self::AnnualReturn => "Access and relationships in numbers, without patient identifiers (7.3.5)",
            Self::UserActivity => "All that one user viewed, by the practice affected; names no patient (8)",
            Self::UnusualViewing => "Viewing that is out of the ordinary, each finding explained by its rule",
        }
    }

    /// Whether its FHIR form is a MeasureReport: it counts, and lists no events.
    #[must_use]
    pub const fn counts(self) -> bool {
        matches!(self, Self::OverrideReview | Self::AnnualReturn | Self::UnusualViewing)
    }
}

/// What is asked for. No `Debug`: it may name a patient.
#[derive(Clone)]
pub struct Request {
    /// Which report.
    pub name: Name,
    /// How it is written.
    pub format: Format,
    /// Whose viewing; none is the whole trail, for the command line alone.
    pub scope: Option<AuditScope>,
    /// Recorded at or after.
    pub from: Option<OffsetDateTime>,
    /// Recorded before.
    pub before: Option<OffsetDateTime>,
    /// The patient that [`Name::WhoViewed`] is about.
    pub patient: Option<NhsNumber>,
    /// The user that [`Name::UserActivity`] is about.
    pub user: Option<UserId>,
    /// Only what concerns this practice.
    pub practice: Option<OdsCode>,
    /// Whether [`Name::WhoViewed`] names staff.
    pub staff_names: bool,
    /// The trail as it stood at this row; as it stands otherwise.
    pub row: Option<i64>,
}

impl Request {
    /// The whole of a report, without bounds.
    #[must_use]
    pub fn of(name: Name, format: Format, scope: Option<AuditScope>) -> Self {
        Self {
            name,
            format,
            scope,
            from: None,
            before: None,
            patient: None,
            user: None,
            practice: None,
            staff_names: true,
            row: None,
        }
    }

    /// The last instant in it.
    pub(super) fn last(&self) -> Option<OffsetDateTime> {
        self.before.and_then(|before| before.checked_sub(time::Duration::milliseconds(1)))
    }

    /// Whether it is narrowed to a practice that is not the one whose report it is.
    pub(super) fn of_another_practice(&self) -> bool {
        match (&self.practice, &self.scope) {
            (Some(practice), Some(AuditScope::Practice(own))) => practice != own,
            (Some(_), _) => true,
            (None, _) => false,
        }
    }

    /// Whose viewing is told of what, in a fixed order; never which patient's.
    pub(super) fn bounds(&self) -> Vec<(&'static str, String)> {
        let (organisation, own) = match &self.scope {
            Some(AuditScope::Organisation(code)) => (Some(code), None),
            Some(AuditScope::Practice(code)) => (None, Some(code)),
            None => (None, None),
        };
        // What a client took for a user may be a patient's number.
        let user = self.user.as_ref().map(|user| match NhsNumber::parse(user.as_str()) {
            Some(_) => "(not shown)".to_owned(),
            None => user.to_string(),
        });
        [
            ("organisation", organisation.map(ToString::to_string)),
            ("practice", self.practice.as_ref().or(own).map(ToString::to_string)),
            ("user", user),
            ("from", self.from.map(rfc3339)),
            ("to", self.last().map(rfc3339)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It cannot be made without this, or not for this scope with it.
    #[error("{0} is needed, or does not go with this report")]
    Wanting(&'static str),
    /// The trail has no such row, or none at all.
    #[error("the audit trail has no such row")]
    NoRow,
    /// The trail.
    #[error("the report cannot be made from the audit trail")]
    Audit(#[source] AuditError),
    /// The register.
    #[error("the register cannot be read")]
    Store(#[from] StoreError),
}

impl From<AuditError> for ReportError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Store(error) => Self::Store(error),
            other => Self::Audit(other),
        }
    }
}
