//! Consent for one occasion, and the override of missing consent, as FHIR Consent (CONTRACT section 5).
//!
//! The path of a POST: [`patient_of`] (so that policy can be asked), policy's rules 1 to 6, [`parse`],
//! [`ConsentDraft::admit`] with what policy found, [`store_job`]. Of a PUT: [`read`], [`parse_withdrawal`],
//! [`withdraw_job`]. Nothing of a refused body is kept.
//!
//! What is accepted: the members of CONTRACT section 5 and no others. A member that FHIR does not have, or of the wrong
//! JSON type, is 400; one that FHIR has and this profile forbids is 422. `id`, `meta`, `text` and `language` are
//! ignored, as a server does on create. Exactly one policy, performer, purpose and actor. The patient is named by NHS
//! number, by sealed id, or by both where they agree. A `RelatedPerson` who speaks for the patient is contained, says
//! whose they are, and has one of [`AUTHORITY`] as relationship.
//!
//! How long it lives: from receipt by the server's clock, 60 minutes. A permit lives as long as the *shortest* of the
//! live agreements grants (at most 8 hours), since the practice is not known yet; an override never longer than 60
//! minutes. `provision.period.end` shortens both; on a deny it only lengthens, to 8 hours at most. What is read back
//! says in `provision.period` how long it really lives.
//!
//! Withdrawal is `inactive` or `entered-in-error` and changes nothing else; `provision.period` is the server's. A
//! withdrawn permit or override is over at once. A withdrawn deny is kept as such and stays in force: only a later
//! permit to the same clinician lifts it, from the patient or, where the patient did not deny in person, from the same kind
//! of representative; a permit entered in error does not.

mod example;
mod keep;
mod parse;
mod render;

pub use example::{example, override_example};
pub use keep::{ConsentSearch, read, search, store_job, withdraw_job};
pub use parse::{parse, parse_withdrawal, patient_of};

use super::agreements::{CONSENT_MINUTES, DEFAULT_OVERRIDE_REASONS, MOST_CONSENT_MINUTES};
use super::shape::{Found, Invalid};
use super::{Agreement, ConsentDecision, Speaker};
use crate::ids::{LogicalId, NhsNumber, OdsCode, UserId};
use crate::kinds::words;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

const SCOPE: (&str, &str) = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy");
const LOINC: (&str, &str) = ("http://loinc.org", "59284-0");
const INFORMATION_ACCESS: (&str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "INFA");
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const RECIPIENT: (&str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP");
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
/// The profile of permit and deny.
pub const BASIC_PROFILE: &str = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentBasic";
/// The profile of an override.
pub const OVERRIDE_PROFILE: &str = "urn:x-mig-fhir:StructureDefinition:mig-override-consent";
/// The extension with the reason of an override.
pub const OVERRIDE_EXTENSION: &str = "urn:x-mig-fhir:StructureDefinition:override-reason";
/// The codes of that reason.
pub const OVERRIDE_SYSTEM: &str = "urn:x-mig-fhir:CodeSystem:override-reason";
/// Relationships (v3-RoleCode) in which someone may answer for the patient: parental responsibility, or an attorney.
pub const AUTHORITY: &[&str] = &[
    "PRN", "MTH", "FTH", "NMTH", "NFTH", "GESTM", "ADOPTP", "ADOPTM", "ADOPTF", "GUARD", "POWATT", "DPOWATT",
    "HPOWATT", "SPOWATT",
];

words! {
    /// The status of a stored Consent.
    ConsentStatus {
        Active = "active",
        Inactive = "inactive",
        EnteredInError = "entered-in-error",
    }
}

/// What a Consent asks to be recorded, before it is known whether it may.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Permit,
    Deny,
    Override { category: String, reason: String },
}

/// A Consent that is well formed and the caller's own. Whether it may be kept is [`ConsentDraft::admit`]'s question.
pub struct ConsentDraft {
    patient: NhsNumber,
    user: UserId,
    organisation: OdsCode,
    asked: Asked,
    speaker: Speaker,
    received: OffsetDateTime,
    ends: Option<OffsetDateTime>,
    body: Map<String, Value>,
}

/// A Consent that may be kept.
pub struct AdmittedConsent {
    id: LogicalId,
    draft: ConsentDraft,
    decision: ConsentDecision,
    until: OffsetDateTime,
    sampled: bool,
}

/// A kept Consent.
#[derive(Clone)]
pub struct StoredConsent {
    /// Its logical id, which is also the opaque reference on the legacy wire.
    pub id: LogicalId,
    /// Counts up with each update.
    pub version: i64,
    /// Whose record.
    pub patient: NhsNumber,
    /// The author, to whom it was given.
    pub user: UserId,
    /// The author's organisation.
    pub organisation: OdsCode,
    /// What it says.
    pub decision: ConsentDecision,
    /// Its status.
    pub status: ConsentStatus,
    /// When it was received, by the server's clock.
    pub received: OffsetDateTime,
    /// When it ends.
    pub until: OffsetDateTime,
    /// When it last changed.
    pub updated: OffsetDateTime,
    pub(super) body: Map<String, Value>,
}

/// A withdrawal that may be kept.
pub struct Withdrawal {
    stored: StoredConsent,
    status: ConsentStatus,
}

/// Who reads Consents: the office decides, and the caller of this module knows it.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// A clinician: the own ones, in this organisation.
    Author(&'a UserId, &'a OdsCode),
    /// A privacy officer: those of the own organisation.
    PrivacyOfficer(&'a OdsCode),
}

impl ConsentDraft {
    /// Whose record.
    #[must_use]
    pub fn patient(&self) -> NhsNumber {
        self.patient
    }

    /// Whether it is an override.
    #[must_use]
    pub fn is_override(&self) -> bool {
        matches!(self.asked, Asked::Override { .. })
    }

    /// Decides length of life and whether an override is possible, on what policy's admission found: the live
    /// agreements, whether a deny to anyone of the organisation is live, and who has denied this very user.
    ///
    /// # Errors
    /// A permit by somebody who cannot lift such a deny; an override whose reason needs an agreement that lists it, or that is not an emergency after a refusal.
    pub fn admit(
        self,
        agreements: &[Agreement],
        refused_in_organisation: bool,
        refused_by: &[Speaker],
    ) -> Result<AdmittedConsent, Vec<Invalid>> {
        let decision = match &self.asked {
            Asked::Permit if refused_by.iter().any(|deny| !self.speaker.lifts(*deny)) => {
                let mut found = Found::default();
                found.rule("Consent.performer");
                return found.finish(None, "Consent");
            }
            Asked::Permit => ConsentDecision::Permit,
            Asked::Deny => ConsentDecision::Deny,
            Asked::Override { category, reason } => {
                let listed = DEFAULT_OVERRIDE_REASONS.contains(&category.as_str())
                    || agreements.iter().any(|agreement| agreement.override_reasons.contains(category));
                if !listed || (refused_in_organisation && category != "Emergency") {
                    let mut found = Found::default();
                    found.rule(format!("Consent.extension('{OVERRIDE_EXTENSION}').value"));
                    return found.finish(None, "Consent");
                }
                ConsentDecision::Override {
                    category: category.clone(),
                    reason: reason.clone(),
                    after_refusal: refused_in_organisation,
                }
            }
        };
        let until = self.until(agreements);
        Ok(AdmittedConsent { id: LogicalId::random(), draft: self, decision, until, sampled: false })
    }

    fn until(&self, agreements: &[Agreement]) -> OffsetDateTime {
        let agreed = agreements.iter().map(|agreement| agreement.consent_minutes).min().unwrap_or(CONSENT_MINUTES);
        let agreed = agreed.clamp(1, MOST_CONSENT_MINUTES);
        let after = |minutes: i64| self.received + Duration::minutes(minutes);
        match self.asked {
            Asked::Permit => self.ends.map_or(after(agreed), |end| end.min(after(agreed))),
            Asked::Override { .. } => {
                let most = after(agreed.min(CONSENT_MINUTES));
                self.ends.map_or(most, |end| end.min(most))
            }
            Asked::Deny => {
                let least = after(CONSENT_MINUTES);
                self.ends.map_or(least, |end| end.max(least)).min(after(MOST_CONSENT_MINUTES))
            }
        }
    }
}

impl AdmittedConsent {
    /// With a review of its own if it permits an ordinary view: chance has picked it (7.3.5). Nobody is told but the reviewer.
    #[must_use]
    pub fn sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// The logical id that it will have.
    #[must_use]
    pub fn id(&self) -> &LogicalId {
        &self.id
    }

    /// What it says, an override marked when it follows a refusal.
    #[must_use]
    pub fn decision(&self) -> &ConsentDecision {
        &self.decision
    }

    /// When it will end.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.until
    }
}

impl Reader<'_> {
    fn may_read(&self, consent: &StoredConsent) -> bool {
        match self {
            Self::Author(user, organisation) => consent.user == **user && consent.organisation == **organisation,
            Self::PrivacyOfficer(organisation) => consent.organisation == **organisation,
        }
    }
}

#[cfg(test)]
mod tests;
