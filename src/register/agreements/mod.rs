//! The registers that people keep: sharing agreements, enrolments, suspensions; their notation (TOML) in and out.
//!
//! [`import`] reads a whole file and lists everything that is wrong with it; [`store_job`] keeps what it read, all of it
//! or nothing; [`export`] writes what is kept in the same notation. An import adds and changes, it never takes away: an
//! agreement ends by `status = "terminated"`, an enrolment by `until`, a suspension by [`lift_job`] or its `until`, so
//! that a forgotten line of a file neither opens a door nor closes one.
//!
//! Invariants: one set of views per agreement, whoever shares; a practice shares with a viewer under one agreement at a
//! time; a signatory that joined after the start has two approvals by different people (14).

mod change;
mod enrol;
mod export;
mod fields;
mod import;
mod keep;
mod notation;
mod objection;
mod overlap;
mod settings;
mod stop;

pub use export::export;
pub use import::import;
pub use change::{Alteration, Joining, Kept, change_job, create_job, import_job, latest};
pub use enrol::{EnrolmentId, KeptEnrolment, enrol_job, enrolment, enrolments};
pub use keep::{Change, Imported, history, in_force_on, lift_job, registers, store_job};
pub use notation::{
    agreement_of, enrolment_of, joining_of, suspension_of, write_agreement, write_enrolment, write_suspension,
};
pub use objection::{Objection, Settled, object_job, objections, settle_job};
pub use settings::settings_job;
pub use stop::{KeptSuspension, lift_by_id_job, place_job, suspension, suspensions, suspensions_at};

use super::{Agreement, AgreementStatus, Sharer};
use crate::ids::{OdsCode, RoleCode, UserId};
use crate::kinds::{View, words};
use time::{Date, OffsetDateTime};

/// Override reasons that exist (WIRE section 5).
pub const OVERRIDE_REASONS: &[&str] = &["Emergency", "UnableToConsent", "Safeguarding", "DutyOfCare", "CourtOrder"];
/// Override reasons that need no agreement to list them (6.5).
pub const DEFAULT_OVERRIDE_REASONS: &[&str] = &["Emergency", "UnableToConsent"];
/// Minutes that an occasion lives unless an agreement says otherwise.
pub const CONSENT_MINUTES: i64 = 60;
/// The most minutes that an agreement can grant.
pub const MOST_CONSENT_MINUTES: i64 = 480;

/// An agreement with the paper behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAgreement {
    /// What it grants. Its version is given by the register when it is kept.
    pub terms: Agreement,
    /// Who signed (2.2.5).
    pub signatories: Vec<Signatory>,
    /// Toolkit assurance of organisations, with its day (7.2.10).
    pub assurances: Vec<(OdsCode, Date)>,
}

/// Who signed for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatory {
    /// The organisation.
    pub organisation: OdsCode,
    /// The person.
    pub name: String,
    /// Their role there.
    pub role: String,
    /// The day.
    pub date: Date,
    /// Who approved a new signatory, and when (14).
    pub approvals: Vec<Approval>,
}

/// An approval of a new signatory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The person.
    pub name: String,
    /// The day.
    pub date: Date,
}

/// That a user may use the service in one role of one organisation (7.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The user.
    pub user: UserId,
    /// The organisation.
    pub organisation: OdsCode,
    /// The role.
    pub role: RoleCode,
    /// The day the terms were accepted.
    pub terms_accepted: Option<Date>,
    /// The day of the training.
    pub trained: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
}

words! {
    /// What a suspension stops.
    Target {
        Everything = "everything",
        Viewer = "viewer",
        Sharer = "sharer",
        User = "user",
    }
}

/// That something is stopped (12.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// What kind of thing.
    pub target: Target,
    /// Which: an ODS code or a user; empty for everything.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// Who stopped it.
    pub by: String,
    /// From when; the time of keeping when absent.
    pub since: Option<OffsetDateTime>,
    /// Until when; until lifted when absent.
    pub until: Option<OffsetDateTime>,
}

/// All three registers, as a file holds them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers {
    /// Agreements, by id.
    pub agreements: Vec<SignedAgreement>,
    /// Enrolments.
    pub enrolments: Vec<Enrolment>,
    /// Suspensions that have not been lifted.
    pub suspensions: Vec<Suspension>,
}

/// One thing that is wrong with a file, or with what it says beside what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, as `agreement[0].sharer[2].joined`.
    pub at: String,
    /// What.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// Why a change was not made. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declined {
    /// There is no such thing.
    Unknown,
    /// It is not the version that was named: the current one.
    Changed(i64),
    /// It breaks rules.
    Problems(Vec<Problem>),
    /// The submission's name was used for another submission.
    Reused,
}

impl Declined {
    pub(super) fn at(at: &str, what: &str) -> Self {
        Self::Problems(vec![Problem { at: at.to_owned(), what: what.to_owned() }])
    }
}

impl SignedAgreement {
    /// An active agreement without an end, under default conditions, whose sharers all join on its first day.
    #[must_use]
    pub fn new(id: &str, viewer: OdsCode, views: &[View], practices: &[OdsCode], from: Date) -> Self {
        let sharers =
            practices.iter().map(|practice| Sharer { practice: practice.clone(), joined: from, left: None }).collect();
        let terms = Agreement {
            id: id.to_owned(),
            version: 0,
            viewer,
            views: views.to_vec(),
            sharers,
            from,
            until: None,
            override_reasons: Vec::new(),
            clinician_roles: Vec::new(),
            assurance: None,
            client_networks: Vec::new(),
            consent_minutes: CONSENT_MINUTES,
            status: AgreementStatus::Active,
        };
        Self { terms, signatories: Vec::new(), assurances: Vec::new() }
    }

    /// With a signatory who signed on the first day.
    #[must_use]
    pub fn signed(mut self, organisation: OdsCode, name: &str, role: &str) -> Self {
        self.signatories.push(Signatory {
            organisation,
            name: name.to_owned(),
            role: role.to_owned(),
            date: self.terms.from,
            approvals: Vec::new(),
        });
        self
    }
}

impl Enrolment {
    /// An enrolment of someone who accepted the terms and was trained on one day.
    #[must_use]
    pub fn complete(user: UserId, organisation: OdsCode, role: RoleCode, on: Date) -> Self {
        Self { user, organisation, role, terms_accepted: Some(on), trained: Some(on), until: None }
    }
}

#[cfg(test)]
mod tests;
