//! The types that the service itself keeps: what can be done with them. Data.

use crate::search::{Form, Parameter};

/// A FHIR interaction with a kept type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptInteraction {
    /// `create`
    Create,
    /// `read`
    Read,
    /// `search-type`
    Search,
    /// `update`
    Update,
}

impl KeptInteraction {
    /// The code of `http://hl7.org/fhir/restful-interaction`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Search => "search-type",
            Self::Update => "update",
        }
    }
}

/// One kept type.
#[derive(Debug)]
pub struct Kept {
    /// Its FHIR type, which is also the word in a SMART scope.
    pub name: &'static str,
    /// What can be done with it.
    pub interactions: &'static [KeptInteraction],
    /// What it can be searched by.
    pub parameters: &'static [Parameter],
    /// Whether it can be searched by POST too.
    pub by_post: bool,
    /// Whether a changed resource has an ETag and an update asks for `If-Match`.
    pub versioned: bool,
    /// For people.
    pub documentation: &'static str,
}

impl Kept {
    /// Whether an interaction is offered.
    #[must_use]
    pub fn offers(&self, interaction: KeptInteraction) -> bool {
        self.interactions.contains(&interaction)
    }
}

use KeptInteraction::{Create, Read, Search, Update};

macro_rules! parameter {
    ($name:literal, $form:ident, $definition:literal, $paths:expr, $documentation:literal) => {
        Parameter::filter(
            $name,
            Form::$form,
            concat!("http://hl7.org/fhir/SearchParameter/", $definition),
            $paths,
            $documentation,
        )
    };
}

const COUNT: Parameter = Parameter::filter("_count", Form::Number, "", &[], "Matches a page, 0 to 1000");

const PATIENT_IDENTIFIER: Parameter = Parameter::filter("patient.identifier", Form::Token, "", &[], "By NHS number");

/// The kept types, in the order of the CapabilityStatement.
pub static KEPT: &[Kept] = &[
    Kept {
        name: "Consent",
        interactions: &[Create, Read, Search, Update],
        parameters: &[
            parameter!("patient", Reference, "clinical-patient", &["patient"], "By sealed id"),
            PATIENT_IDENTIFIER,
            parameter!("status", Token, "Consent-status", &["status"], "active, inactive …")
                .of("http://hl7.org/fhir/consent-state-codes"),
            COUNT,
        ],
        by_post: true,
        versioned: true,
        documentation: "One for every occasion, before the record is viewed; an update to inactive withdraws it. Clinicians see \
                        their own, privacy officers those of their organisation.",
    },
    Kept {
        name: "EpisodeOfCare",
        interactions: &[Create, Read, Search, Update],
        parameters: &[
            parameter!("patient", Reference, "clinical-patient", &["patient"], "By sealed id"),
            PATIENT_IDENTIFIER,
            parameter!("status", Token, "EpisodeOfCare-status", &["status"], "active, finished …")
                .of("http://hl7.org/fhir/episode-of-care-status"),
            parameter!(
                "identifier",
                Token,
                "clinical-identifier",
                &["identifier"],
                "By the system's own key, system|value"
            ),
            Parameter::filter(
                "_id",
                Form::Token,
                "http://hl7.org/fhir/SearchParameter/Resource-id",
                &[],
                "By logical id",
            ),
            COUNT,
        ],
        by_post: true,
        versioned: true,
        documentation: "That a patient is registered for care with the viewing organisation; written by its \
                        system, one at a time or, by POST of a batch Bundle to the base, up to 500.",
    },
    Kept {
        name: "AuditEvent",
        interactions: &[Read, Search],
        parameters: &[
            parameter!("date", Date, "AuditEvent-date", &["recorded"], "When it was recorded"),
            parameter!("patient", Reference, "AuditEvent-patient", &["entity.what"], "By sealed id"),
            PATIENT_IDENTIFIER,
            Parameter::filter("agent.identifier", Form::Token, "", &[], "Who asked, by user id"),
            parameter!("outcome", Token, "AuditEvent-outcome", &["outcome"], "0 answered, 4 refused, 8 failed"),
            parameter!("type", Token, "AuditEvent-type", &["type"], "rest, or 110113 for the alert of an override"),
            Parameter::filter("_count", Form::Number, "", &[], "Events a page, 1 to 1000"),
        ],
        by_post: true,
        versioned: false,
        documentation: "Every attempt, answered or refused. Privacy officers see their organisation's, practice auditors those \
                        about their practice's patients.",
    },
    Kept {
        name: "Task",
        interactions: &[Read, Search, Update],
        parameters: &[
            parameter!("status", Token, "Task-status", &["status"], "requested, completed …")
                .of("http://hl7.org/fhir/task-status"),
            COUNT,
        ],
        by_post: true,
        versioned: true,
        documentation: "Reviews of overrides, and of ordinary views that chance picked, for privacy officers. Whoever overrode or \
                        viewed cannot close one.",
    },
];

const DEFINITION_STATUS: Parameter = parameter!("status", Token, "conformance-status", &["status"], "active")
    .of("http://hl7.org/fhir/publication-status");

/// What anyone may read without a token: the exclusion list, the views, the reasons of a refusal.
pub static PUBLIC: &[Kept] = &[
    Kept {
        name: "ValueSet",
        interactions: &[Read, Search],
        parameters: &[
            parameter!("url", Uri, "conformance-url", &["url"], "By canonical address"),
            parameter!("version", Token, "conformance-version", &["version"], "By version"),
            parameter!("name", Text, "conformance-name", &["name"], "By the beginning of the name"),
            DEFINITION_STATUS,
            parameter!("_id", Token, "Resource-id", &["id"], "By id"),
        ],
        by_post: false,
        versioned: false,
        documentation: "Without a token. The exclusion list as a whole and by topic, as it is in force today.",
    },
    Kept {
        name: "CodeSystem",
        interactions: &[Read, Search],
        parameters: &[
            parameter!("url", Uri, "conformance-url", &["url"], "By canonical address"),
            parameter!("version", Token, "conformance-version", &["version"], "By version"),
            parameter!("name", Text, "conformance-name", &["name"], "By the beginning of the name"),
            DEFINITION_STATUS,
            parameter!("_id", Token, "Resource-id", &["id"], "By id"),
        ],
        by_post: false,
        versioned: false,
        documentation: "Without a token. The rubrics of the exclusion list, the views, the reasons of a refusal.",
    },
];
