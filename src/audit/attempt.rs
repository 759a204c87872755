//! One interaction under way: who asks for what, and what becomes known of it on the way to its answer.
//!
//! Only [`Audit::open`] starts one and only closing ends one; nothing here writes but [`Attempt::opened`].

use super::row::{Kind, Payload};
use super::{Audit, StoreError};
use crate::identity::Caller;
use crate::ids::{NhsNumber, OdsCode, RequestId};
use crate::kinds::{Purpose, View};
use std::net::IpAddr;
use std::sync::Mutex;

/// What was asked for, as the AuditEvent will say it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The interaction.
    pub interaction: Interaction,
    /// The FHIR type, or `Patient` for `$everything`.
    pub resource_type: String,
    /// The logical id of a read.
    pub id: Option<String>,
    /// The patient, once known.
    pub patient: Option<NhsNumber>,
    /// The raw request (path and parameters), for `entity.query`; the body's parameters for `_search`.
    pub query: String,
}

/// A FHIR interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interaction {
    /// `search-type`
    Search,
    /// `read`
    Read,
    /// `operation`
    Operation,
    /// `create`
    Create,
    /// `update`
    Update,
}

impl Interaction {
    /// The code of FHIR's restful-interaction.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Search => "search-type",
            Self::Read => "read",
            Self::Operation => "operation",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// Where the request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `X-Request-ID`.
    pub request_id: RequestId,
    /// The peer's address.
    pub address: String,
}

/// What the disclosure rested on, noted as it becomes known.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Basis {
    /// The occasion's Consent.
    pub consent: Option<String>,
    /// Whether it is an override, and its category.
    pub override_category: Option<String>,
    /// `override-after-refusal`.
    pub after_refusal: bool,
    /// Agreement id and version.
    pub agreement: Option<String>,
    /// Exclusion list version.
    pub exclusions: Option<String>,
    /// The practice whose record it is.
    pub practice: Option<String>,
    /// Views asked of the practice or served from memory.
    pub views: Vec<String>,
    /// Legacy message ids.
    pub messages: Vec<String>,
}

/// One interaction under way. Not `Clone`; consumed by [`Audit::close`]. Clearances and permits borrow it.
pub struct Attempt {
    audit: Audit,
    pub(super) id: String,
    pub(super) caller: Caller,
    pub(super) target: Target,
    pub(super) origin: Origin,
    pub(super) purpose: Mutex<Option<Purpose>>,
    pub(super) basis: Mutex<Basis>,
    opened: tokio::sync::Mutex<Opened>,
}

/// Whether a durable `opened` row exists, and which Consent the newest one names.
#[derive(Default, PartialEq, Eq)]
enum Opened {
    #[default]
    NotYet,
    Naming(Option<String>),
}

impl Attempt {
    pub(super) fn start(audit: Audit, caller: Caller, target: Target, origin: Origin) -> Self {
        Self {
            audit,
            id: uuid::Uuid::new_v4().to_string(),
            caller,
            target,
            origin,
            purpose: Mutex::default(),
            basis: Mutex::default(),
            opened: tokio::sync::Mutex::default(),
        }
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The address that it came from, where that is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.origin.address.parse().ok()
    }

    /// What its AuditEvent is found by, so that a document on paper leads back to it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What for.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Notes the patient, once a body or a sealed id has told it.
    pub fn note_patient(&mut self, patient: NhsNumber) {
        self.target.patient = Some(patient);
    }

    /// Notes the logical id of what a create is about to make.
    pub fn note_id(&mut self, id: String) {
        self.target.id = Some(id);
    }

    /// Notes that it is an operation on this patient, once a page link has told it.
    pub fn note_operation(&mut self, id: String) {
        self.target.interaction = Interaction::Operation;
        self.target.id = Some(id);
    }

    /// Notes the request with its parameters, once a form has told them.
    pub fn note_query(&mut self, query: String) {
        self.target.query = query;
    }

    /// Notes why.
    pub fn note_purpose(&self, purpose: Purpose) {
        if let Ok(mut slot) = self.purpose.lock() {
            *slot = Some(purpose);
        }
    }

    /// Notes what the disclosure rests on.
    pub fn note_basis(&self, note: impl FnOnce(&mut Basis)) {
        if let Ok(mut basis) = self.basis.lock() {
            note(&mut basis);
        }
    }

    /// Notes the practice.
    pub fn note_practice(&self, practice: &OdsCode) {
        self.note_basis(|basis| basis.practice = Some(practice.to_string()));
    }

    /// Notes a view asked for and the legacy message that asked.
    pub fn note_extract(&self, view: Option<View>, message_id: &str) {
        self.note_basis(|basis| {
            if let Some(view) = view {
                basis.views.push(view.to_string());
            }
            basis.messages.push(message_id.to_owned());
        });
    }

    /// Returns once a durable `opened` row exists that names the Consent on which the legacy side is to be asked; writes it the
    /// first time, and again if the attempt was decided again on another. The gateway calls this before it sends anything.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing may be sent.
    pub async fn opened(&self) -> Result<(), StoreError> {
        let mut named = self.opened.lock().await;
        let payload = Payload::of(self, Kind::Opened, None, self.audit.inner.clock.now_millis());
        let naming = Opened::Naming(payload.basis.consent.clone());
        if *named != naming {
            self.audit.append(None, &payload).await?;
            *named = naming;
        }
        Ok(())
    }
}
