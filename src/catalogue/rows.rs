//! The rows. Data.

use super::{Row, parameters};
use crate::kinds::{Kind, View};
use crate::search::Include;

macro_rules! uk_core {
    ($name:literal) => {
        Some(concat!("https://fhir.hl7.org.uk/StructureDefinition/UKCore-", $name))
    };
}

const WHO: &[Kind] = &[Kind::Practitioner, Kind::PractitionerRole, Kind::Organization];

/// What a type includes, then what a role leads to, for `_include:iterate`.
macro_rules! includes {
    ($($kind:ident $name:literal $paths:expr => $targets:expr),* $(,)?) => {
        &[
            $(Include { source: Kind::$kind, name: $name, paths: $paths, targets: $targets },)*
            Include { source: Kind::PractitionerRole, name: "practitioner", paths: &["practitioner"], targets: &[Kind::Practitioner] },
            Include { source: Kind::PractitionerRole, name: "organization", paths: &["organization"], targets: &[Kind::Organization] },
            Include { source: Kind::PractitionerRole, name: "location", paths: &["location"], targets: &[Kind::Location] },
        ]
    };
}

pub(super) static PATIENT: Row = Row {
    kind: Kind::Patient,
    own: &[View::PatientDetails],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    profile: uk_core!("Patient"),
    parameters: parameters::PATIENT,
    includes: includes! {
        Patient "general-practitioner" &["generalPractitioner"] => WHO,
        Patient "organization" &["managingOrganization"] => &[Kind::Organization],
    },
    documentation: "A search finds the one patient whose NHS number or sealed id it names, or total 0. No other identifiers, \
                    no previous or birth names.",
};

pub(super) static CONDITION: Row = Row {
    kind: Kind::Condition,
    own: &[View::Problems, View::Diagnosis],
    consulted: &[],
    also_read: &[],
    summary_serves: true,
    profile: uk_core!("Condition"),
    parameters: parameters::CONDITION,
    includes: includes! {
        Condition "asserter" &["asserter"] => WHO,
        Condition "recorder" &["recorder"] => WHO,
    },
    documentation: "Problems and diagnoses, current and past.",
};

pub(super) static MEDICATION_STATEMENT: Row = Row {
    kind: Kind::MedicationStatement,
    own: &[View::Medication],
    consulted: &[],
    also_read: &[],
    summary_serves: true,
    profile: uk_core!("MedicationStatement"),
    parameters: parameters::MEDICATION_STATEMENT,
    includes: includes! {
        MedicationStatement "source" &["informationSource"] => WHO,
    },
    documentation: "Medication courses, current and past.",
};

pub(super) static MEDICATION_REQUEST: Row = Row {
    kind: Kind::MedicationRequest,
    own: &[View::Medication],
    consulted: &[],
    also_read: &[],
    summary_serves: true,
    profile: uk_core!("MedicationRequest"),
    parameters: parameters::MEDICATION_REQUEST,
    includes: includes! {
        MedicationRequest "requester" &["requester"] => WHO,
    },
    documentation: "Authorisations (intent plan) and the issues made under them (intent order, basedOn the plan).",
};

pub(super) static ALLERGY_INTOLERANCE: Row = Row {
    kind: Kind::AllergyIntolerance,
    own: &[View::RisksAndWarnings],
    consulted: &[View::Problems, View::Diagnosis],
    also_read: &[],
    summary_serves: true,
    profile: uk_core!("AllergyIntolerance"),
    parameters: parameters::ALLERGY_INTOLERANCE,
    includes: includes! {
        AllergyIntolerance "asserter" &["asserter"] => WHO,
        AllergyIntolerance "recorder" &["recorder"] => WHO,
    },
    documentation: "Allergies, those filed as problems included. An empty result is no proof of absence.",
};

pub(super) static FLAG: Row = Row {
    kind: Kind::Flag,
    own: &[View::RisksAndWarnings],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    // UK Core 2.0.2 has none.
    profile: None,
    parameters: parameters::FLAG,
    includes: includes! {
        Flag "author" &["author"] => WHO,
    },
    documentation: "Contraindications and alerts. An empty result is no proof of absence.",
};

pub(super) static OBSERVATION: Row = Row {
    kind: Kind::Observation,
    own: &[View::Investigations, View::Examination],
    consulted: &[],
    // Measured contraindications and admissions, and what Diagnosis brings that no rule calls a diagnosis.
    also_read: &[View::Diagnosis, View::RisksAndWarnings, View::Events],
    summary_serves: true,
    profile: uk_core!("Observation"),
    parameters: parameters::OBSERVATION,
    includes: includes! {
        Observation "performer" &["performer"] => WHO,
        Observation "specimen" &["specimen"] => &[Kind::Specimen],
    },
    documentation: "Results of investigations and examinations; a blood pressure is one resource with two components.",
};

pub(super) static DIAGNOSTIC_REPORT: Row = Row {
    kind: Kind::DiagnosticReport,
    own: &[View::Investigations],
    consulted: &[],
    also_read: &[],
    summary_serves: true,
    profile: uk_core!("DiagnosticReport"),
    parameters: parameters::DIAGNOSTIC_REPORT,
    includes: includes! {
        DiagnosticReport "performer" &["performer"] => WHO,
        DiagnosticReport "specimen" &["specimen"] => &[Kind::Specimen],
    },
    documentation: "Reports of laboratories and other services; their results are Observations. A group without a report is an \
                    Observation with members.",
};

pub(super) static PROCEDURE: Row = Row {
    kind: Kind::Procedure,
    own: &[View::Procedures],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    profile: uk_core!("Procedure"),
    parameters: parameters::PROCEDURE,
    includes: includes! {
        Procedure "performer" &["performer.actor"] => WHO,
    },
    documentation: "Operations and other procedures.",
};

pub(super) static IMMUNIZATION: Row = Row {
    kind: Kind::Immunization,
    own: &[View::Procedures],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    profile: uk_core!("Immunization"),
    parameters: parameters::IMMUNIZATION,
    includes: includes! {
        Immunization "performer" &["performer.actor"] => WHO,
    },
    documentation: "Immunisations given, and those recorded as not given.",
};

pub(super) static ENCOUNTER: Row = Row {
    kind: Kind::Encounter,
    own: &[View::Events],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    profile: uk_core!("Encounter"),
    parameters: parameters::ENCOUNTER,
    includes: includes! {
        Encounter "participant" &["participant.individual"] => &[Kind::Practitioner, Kind::PractitionerRole],
        Encounter "location" &["location.location"] => &[Kind::Location],
        Encounter "service-provider" &["serviceProvider"] => &[Kind::Organization],
    },
    documentation: "Consultations and admissions.",
};

pub(super) static SERVICE_REQUEST: Row = Row {
    kind: Kind::ServiceRequest,
    own: &[View::Events],
    consulted: &[],
    also_read: &[],
    summary_serves: false,
    profile: uk_core!("ServiceRequest"),
    parameters: parameters::SERVICE_REQUEST,
    includes: includes! {
        ServiceRequest "requester" &["requester"] => WHO,
        ServiceRequest "performer" &["performer"] => WHO,
    },
    documentation: "Referrals, and requests for admission.",
};

const REFERRED_TO: &str = "Read and _include only: it exists while an entry that may be shown refers to it.";

const fn referred_to(kind: Kind, profile: Option<&'static str>) -> Row {
    Row {
        kind,
        own: View::ALL,
        consulted: &[],
        also_read: &[],
        summary_serves: false,
        profile,
        parameters: &[],
        includes: &[],
        documentation: REFERRED_TO,
    }
}

pub(super) static PRACTITIONER: Row = referred_to(Kind::Practitioner, uk_core!("Practitioner"));
pub(super) static PRACTITIONER_ROLE: Row = referred_to(Kind::PractitionerRole, uk_core!("PractitionerRole"));
pub(super) static ORGANIZATION: Row = referred_to(Kind::Organization, uk_core!("Organization"));
pub(super) static LOCATION: Row = referred_to(Kind::Location, uk_core!("Location"));
pub(super) static SPECIMEN: Row = referred_to(Kind::Specimen, uk_core!("Specimen"));
