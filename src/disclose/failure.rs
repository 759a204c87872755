//! Why there is no answer, and how the AuditEvent says it.

use crate::audit::Outcome;
use crate::gateway::GatewayError;
use crate::policy::Refusal;
use crate::search::QueryError;
use crate::store::StoreError;
use crate::views::ViewError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule refused.
    #[error("refused: {}", .0.word())]
    Refused(Refusal),
    /// The query is not one.
    #[error("the query is not understood")]
    Query(QueryError),
    /// No such resource, or a withheld one: one answer for all.
    #[error("not found")]
    NotFound,
    /// A read missed in a record that the MIG called incomplete.
    #[error("the record is incomplete")]
    Incomplete,
    /// The record changed since the first page.
    #[error("the page has expired")]
    PageExpired,
    /// The legacy leg.
    #[error("the legacy leg failed")]
    Gateway(#[source] ViewError),
    /// The register or the audit.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ViewError> for Failure {
    fn from(error: ViewError) -> Self {
        Self::Gateway(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// Whether it says that the patient is not one whose record can be asked for.
    #[must_use]
    pub fn is_unknown_patient(&self) -> bool {
        match self {
            Self::Refused(Refusal::PatientNotFound) => true,
            Self::Gateway(error) => matches!(**error, GatewayError::UnknownPatient),
            _ => false,
        }
    }

    /// How the AuditEvent says it: 4 for what the caller could have known, 8 for what broke.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(refusal) => Outcome::Refused(refusal.word()),
            Self::Query(_) => Outcome::Refused("QUERY"),
            Self::NotFound => Outcome::Refused("NOT_FOUND"),
            Self::PageExpired => Outcome::Refused("SEARCH_EXPIRED"),
            Self::Incomplete => Outcome::Failed("MIG_UNAVAILABLE"),
            Self::Store(_) => Outcome::Failed("AUDIT_UNAVAILABLE"),
            Self::Gateway(error) => match **error {
                GatewayError::UnknownPatient => Outcome::Refused("PATIENT_NOT_FOUND"),
                GatewayError::ConsentRefused => Outcome::Refused("CONSENT_REFUSED"),
                GatewayError::OptedOut => Outcome::Refused("OPTED_OUT"),
                GatewayError::OutsideAgreement => Outcome::Refused("NO_ORGANISATION_CONSENT"),
                GatewayError::NotAuthorised => Outcome::Refused("SHARER"),
                GatewayError::Unavailable { .. } => Outcome::Failed("MIG_UNAVAILABLE"),
                GatewayError::Timeout => Outcome::Failed("MIG_TIMEOUT"),
                GatewayError::Broken(_) => Outcome::Failed("MIG_ERROR"),
                GatewayError::NotRecorded(_) => Outcome::Failed("AUDIT_UNAVAILABLE"),
            },
        }
    }
}
