//! What this service itself keeps: sharing agreements, enrolments, suspensions, relationships, consents, overrides
//! with their alerts and reviews. Facts only; whether they suffice is the business of `policy`.
//!
//! Every write that a decision can rest on moves the register's revision by one, in the same transaction. Writes are
//! jobs for the store's writer; reads take its pool. It never judges a caller's role or scope: `policy` and `http` do
//! that before they call. Called by `policy` (standing), `http` (the resources) and the command line (import, export).

pub mod agreements;
pub mod alerts;
pub mod consent;
mod days;
pub mod episode;
pub mod review;
mod row;
mod shape;
pub mod slice;
mod standing;
pub mod submission;
#[cfg(test)]
mod testing;
mod version;

pub use shape::Invalid;
pub use version::{etag, version_of_etag};

use crate::audit::Revision;
use crate::ids::{Network, NhsNumber, OdsCode, RoleCode, UserId};
use crate::kinds::{View, words};
use crate::store::{Pool, Store, StoreError};
use std::sync::Arc;
use time::{Date, OffsetDateTime};

/// The identifier system of NHS numbers.
pub const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
/// The identifier system of organisations.
pub const ODS_CODE: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// The identifier system of users.
pub const SDS_USER: &str = "https://fhir.nhs.uk/Id/sds-user-id";
/// The identifier system of role profiles.
pub const SDS_ROLE_PROFILE: &str = "https://fhir.nhs.uk/Id/sds-role-profile-id";

/// A sharing agreement: what one viewing organisation may see of its sharers (CONTRACT section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: String,
    /// Counts up with each change.
    pub version: i64,
    /// The viewing organisation.
    pub viewer: OdsCode,
    /// The one set of views that all its sharers grant.
    pub views: Vec<View>,
    /// The sharers with their dates of joining and leaving.
    pub sharers: Vec<Sharer>,
    /// First day in force.
    pub from: Date,
    /// Last day in force.
    pub until: Option<Date>,
    /// Override reasons allowed (WIRE section 5 words); empty means the default two.
    pub override_reasons: Vec<String>,
    /// Role codes that count as qualified clinician under it; empty means the setting's default.
    pub clinician_roles: Vec<RoleCode>,
    /// The lowest assurance level under it; the setting's where it says nothing.
    pub assurance: Option<u8>,
    /// The networks that its users come from (7.4.4); empty means any that the setting lets in.
    pub client_networks: Vec<Network>,
    /// Minutes that an occasion lives; the default is 60, the maximum 480.
    pub consent_minutes: i64,
    /// active, suspended or terminated.
    pub status: AgreementStatus,
}

/// A sharing practice under an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharer {
    /// The practice.
    pub practice: OdsCode,
    /// First day.
    pub joined: Date,
    /// Last day.
    pub left: Option<Date>,
}

words! {
    /// The state of an agreement.
    AgreementStatus {
        /// In force between its dates.
        Active = "active",
        /// Stopped for now.
        Suspended = "suspended",
        /// Ended.
        Terminated = "terminated",
    }
}

words! {
    /// Who spoke in a Consent.
    Speaker {
        /// The patient in person.
        Patient = "patient",
        /// Someone with parental responsibility, or a guardian.
        Parent = "parent",
        /// An attorney.
        Attorney = "attorney",
        /// The clinician, who overrides: nobody was asked.
        Clinician = "clinician",
    }
}

impl Speaker {
    /// Whether a permit by this one lifts a deny by the other: the patient's lifts any, and somebody who speaks for the
    /// patient lifts what their own kind has said, never what the patient said in person (CONTRACT section 5).
    #[must_use]
    pub fn lifts(self, deny: Self) -> bool {
        self == Self::Patient || self == deny
    }
}

/// What of an enrolment is wanting (7.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lack {
    /// There is none for this user, organisation and role.
    Enrolment,
    /// The terms are not accepted, or not yet.
    Terms,
    /// The training is not done, or not yet.
    Training,
    /// Its last day is over.
    Ended,
}

/// The latest Consent of an occasion, live or not.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The Consent's logical id: the opaque reference on the legacy wire.
    pub consent: String,
    /// When it was received, by the server's clock.
    pub received: OffsetDateTime,
    /// When it ends.
    pub until: OffsetDateTime,
    /// What it says.
    pub decision: ConsentDecision,
    /// Set to `inactive` or `entered-in-error`.
    pub withdrawn: bool,
}

/// What a Consent says.
#[derive(Clone, PartialEq, Eq)]
pub enum ConsentDecision {
    /// The patient, or who speaks for them, permits.
    Permit,
    /// The patient refuses.
    Deny,
    /// The clinician overrides missing consent (6.5).
    Override {
        /// Emergency, `UnableToConsent`, Safeguarding, `DutyOfCare`, `CourtOrder`.
        category: String,
        /// 1 to 128 characters.
        reason: String,
        /// A deny of the organisation was live for this patient.
        after_refusal: bool,
    },
}

impl std::fmt::Debug for ConsentDecision {
    /// Without the reason: a clinician's words about a patient are not for a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Permit => "Permit",
            Self::Deny => "Deny",
            Self::Override { .. } => "Override(redacted)",
        })
    }
}

/// Everything the register knows that bears on one caller and one patient, read at one revision.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each read by the one rule that it is for")]
pub struct Standing {
    /// The revision it was read at.
    pub revision: Revision,
    /// Everything is stopped, or this viewer, or this user.
    pub suspended: bool,
    /// Sharers that are stopped.
    pub suspended_sharers: Vec<OdsCode>,
    /// Terms accepted and training done for user, organisation and role, both in force now; or what is wanting.
    pub enrolled: Result<(), Lack>,
    /// Agreements of the viewing organisation, in any state.
    pub agreements: Vec<Agreement>,
    /// An active `EpisodeOfCare` of the viewing organisation for the patient.
    pub relationship: bool,
    /// The latest Consent of (patient, user, organisation).
    pub occasion: Option<Occasion>,
    /// A deny by the patient to anyone of the organisation is live.
    pub refused_in_organisation: bool,
    /// Who refused this user, live and not lifted since.
    pub refused_by: Vec<Speaker>,
}

/// The register, cheap to clone.
#[derive(Clone)]
pub struct Register {
    store: Store,
    known: Arc<standing::Memory>,
}

impl Register {
    /// A register over a store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The store that it is kept in: its writer runs the jobs of this module.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Connections that read.
    #[must_use]
    pub fn reader(&self) -> &Pool {
        self.store.reader()
    }

    /// Whether everything, this organisation or this user is stopped: what bears on a caller without a patient.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suspended(
        &self,
        user: &UserId,
        organisation: &OdsCode,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        standing::suspended(self.reader(), user, organisation, now).await
    }

    /// Whether this user is stopped by name: what an administrator is asked, who has to be able to lift the rest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stopped(&self, user: &UserId, now: OffsetDateTime) -> Result<bool, StoreError> {
        standing::stopped(self.reader(), user, now).await
    }

    /// Reads what bears on a caller and a patient, as it stands at `now`; without a patient, on the caller alone.
    ///
    /// What was read before is used again while the register's revision is the same, which each call asks of the
    /// store; whatever depends on the time is computed on each call.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn standing(
        &self,
        user: &UserId,
        organisation: &OdsCode,
        role: &RoleCode,
        patient: Option<NhsNumber>,
        now: OffsetDateTime,
    ) -> Result<Standing, StoreError> {
        standing::read(self.reader(), &self.known, standing::Asked { user, organisation, role, patient }, now).await
    }
}
