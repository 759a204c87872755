//! Whether they may: facts to [`Clearance`] (rules 1 to 7), clearance and [`Location`] to [`Permit`] (rules 8 to 10).
//!
//! [`facts`] does the only I/O; [`clear`] and [`decide`] are pure. First refusal wins, least revealing first
//! (CONTRACT section 4). No default permits: a proof exists only because every rule, called by name, let it pass.
//! Called by `disclose` alone.

mod explain;
mod facts;
mod kept;
mod location;
#[cfg(test)]
mod matrix;
mod office;
mod refusal;
mod rules;

pub use explain::{Explained, Verdict, explain};
pub use facts::{Asked, Facts, Settings, facts};
pub use kept::{Kept, Reach, administers, explains, oversees, reach};
pub use location::{Location, Registration, Supplier};
pub use office::{Office, office};
pub use refusal::Refusal;

use crate::audit::{Attempt, Revision};
use crate::ids::{NhsNumber, OdsCode};
use crate::kinds::{Purpose, View};
use crate::register::{Agreement, ConsentDecision, Occasion, Speaker};
use time::{Date, OffsetDateTime};

/// Rules 1 to 7 have passed: the legacy side may be asked where the record is. Borrows the open attempt, so it ends with it.
pub struct Clearance<'a> {
    attempt: &'a Attempt,
    patient: NhsNumber,
    birth_date: Option<Date>,
    wanted: Vec<View>,
    required: Vec<View>,
    occasion: Occasion,
    agreements: Vec<Agreement>,
    suspended_sharers: Vec<OdsCode>,
    revision: Revision,
    decided_at: OffsetDateTime,
}

/// Rules 1 to 10 have passed: these views of this patient's record may be fetched and shown, on this occasion.
pub struct Permit<'a> {
    clearance: Clearance<'a>,
    views: Vec<View>,
    agreed: Vec<View>,
    location: Location,
    practice: OdsCode,
    agreement: (String, i64),
}

/// Rules 1 to 6 have passed: an occasion's Consent may be recorded.
pub struct Admission<'a> {
    attempt: &'a Attempt,
    agreements: Vec<Agreement>,
    refused_in_organisation: bool,
    refused_by: Vec<Speaker>,
    revision: Revision,
}

/// Rules 1 to 7, in order.
///
/// # Errors
/// The first rule that refuses.
pub fn clear<'a>(attempt: &'a Attempt, facts: &Facts) -> Result<Clearance<'a>, Refusal> {
    let agreements = admit_rules(attempt, facts)?;
    let occasion = rules::consent::passes(facts)?;
    Ok(Clearance {
        attempt,
        patient: facts.asked().patient.ok_or(Refusal::PatientNotFound)?,
        birth_date: facts.asked().birth_date,
        wanted: facts.asked().wanted.clone(),
        required: facts.asked().required.clone(),
        occasion,
        agreements,
        suspended_sharers: facts.standing()?.suspended_sharers.clone(),
        revision: facts.standing()?.revision,
        decided_at: facts.now(),
    })
}

/// Rules 1 to 6, in order, for the POST of a Consent (CONTRACT section 5).
///
/// # Errors
/// The first rule that refuses.
pub fn admit<'a>(attempt: &'a Attempt, facts: &Facts) -> Result<Admission<'a>, Refusal> {
    let agreements = admit_rules(attempt, facts)?;
    let standing = facts.standing()?;
    Ok(Admission {
        attempt,
        agreements,
        refused_in_organisation: standing.refused_in_organisation,
        refused_by: standing.refused_by.clone(),
        revision: standing.revision,
    })
}

fn admit_rules(attempt: &Attempt, facts: &Facts) -> Result<Vec<Agreement>, Refusal> {
    let (caller, address) = (attempt.caller(), attempt.address());
    rules::scope::passes(caller, facts)?;
    rules::suspension::passes(facts)?;
    rules::role::passes(caller, facts)?;
    rules::network::passes(address, facts.settings())?;
    rules::enrolment::passes(facts)?;
    let agreements = rules::agreement::passes(caller, address, facts)?;
    rules::relationship::passes(facts)?;
    Ok(agreements)
}

/// Rules 8 to 10, in order.
///
/// # Errors
/// The first rule that refuses.
pub fn decide<'a>(clearance: Clearance<'a>, location: &Location) -> Result<Permit<'a>, Refusal> {
    let practice = rules::registration::passes(location)?;
    let (agreement, views) = rules::sharer::passes(&clearance, &practice)?;
    rules::opt_out::passes(location)?;
    let (agreed, agreement) = (agreement.views.clone(), (agreement.id.clone(), agreement.version));
    Ok(Permit { clearance, views, agreed, location: location.clone(), practice, agreement })
}

impl Clearance<'_> {
    /// The attempt it belongs to.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        self.attempt
    }

    /// Whose record.
    #[must_use]
    pub fn patient(&self) -> NhsNumber {
        self.patient
    }

    /// The birth date that the client named, carried to the MIG.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        self.birth_date
    }

    /// The occasion.
    #[must_use]
    pub fn occasion(&self) -> &Occasion {
        &self.occasion
    }

    /// Why: an override is break-glass, everything else treatment.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        match self.occasion.decision {
            ConsentDecision::Override { .. } => Purpose::BreakGlass,
            ConsentDecision::Permit | ConsentDecision::Deny => Purpose::Treatment,
        }
    }

    /// The register's revision that it was decided at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

impl Permit<'_> {
    /// The attempt it belongs to.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        self.clearance.attempt
    }

    /// Whose record.
    #[must_use]
    pub fn patient(&self) -> NhsNumber {
        self.clearance.patient
    }

    /// The birth date that the client named.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        self.clearance.birth_date
    }

    /// The occasion.
    #[must_use]
    pub fn occasion(&self) -> &Occasion {
        &self.clearance.occasion
    }

    /// Why.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.clearance.purpose()
    }

    /// The views that were wanted and are agreed.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Every view of the agreement, wanted or not: what an entry is released by, whichever request brought it.
    #[must_use]
    pub fn agreed(&self) -> &[View] {
        &self.agreed
    }

    /// Where the record is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The practice that keeps it.
    #[must_use]
    pub fn practice(&self) -> &OdsCode {
        &self.practice
    }

    /// Agreement id and version that it rests on.
    #[must_use]
    pub fn agreement(&self) -> (&str, i64) {
        (&self.agreement.0, self.agreement.1)
    }

    /// The register's revision that it was decided at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.clearance.revision
    }
}

impl Admission<'_> {
    /// The attempt it belongs to.
    #[must_use]
    pub fn attempt(&self) -> &Attempt {
        self.attempt
    }

    /// The live agreements of the viewing organisation: they set the length of an occasion and the override reasons.
    #[must_use]
    pub fn agreements(&self) -> &[Agreement] {
        &self.agreements
    }

    /// Whether a deny to anyone of the organisation is live: an override is then Emergency only, and marked.
    #[must_use]
    pub fn refused_in_organisation(&self) -> bool {
        self.refused_in_organisation
    }

    /// Who refused this caller, and has not been answered by a permit since.
    #[must_use]
    pub fn refused_by(&self) -> &[Speaker] {
        &self.refused_by
    }

    /// The register's revision that it was decided at.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }
}
