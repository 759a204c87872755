//! The whole service as one straight-line function: [`disclose`].
//!
//! Ask, understand, gather facts, clear, locate, decide, view, answer, audit. It is run detached from the connection, so
//! that a client that hangs up cannot cancel the audit. What it returns is [`Audited`], whether it is an answer or a
//! refusal; if the audit is not durable there is nothing to return.

mod failure;
mod question;

pub use failure::Failure;

use crate::audit::{Attempt, Audit, Audited, Interaction, NotClosed, Origin, Outcome, Revision, Target};
use crate::clock::Clock;
use crate::document::Document;
use crate::identity::Caller;
use crate::ids::{LogicalId, NhsNumber, Sealer};
use crate::kinds::{Kind, View};
use crate::policy::{self, Settings};
use crate::register::Register;
use crate::release::{Notice, Released};
use crate::search;
use crate::store::StoreError;
use crate::views::Views;
use question::{Question, understand};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

/// Everything a disclosure needs. One per process.
pub struct Service {
    /// The audit trail.
    pub audit: Audit,
    /// What this service keeps.
    pub register: Register,
    /// The deployment's policy settings.
    pub settings: Settings,
    /// Released views.
    pub views: Views,
    /// Logical ids.
    pub sealer: Sealer,
    /// "Now".
    pub clock: Clock,
    /// Deadlines and ages.
    pub bounds: Bounds,
}

/// Deadlines of one client request, and when a record's age is worth a warning.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// A search or a read.
    pub search: Duration,
    /// `$everything` and the document.
    pub everything: Duration,
    /// Older answers carry a warning.
    pub stale_after: Duration,
}

/// What a client asks of the record.
#[derive(Debug, Clone)]
pub enum Ask {
    /// `GET [type]?…` or `POST [type]/_search`.
    Search {
        /// The type.
        kind: Kind,
        /// Parameters, in order.
        pairs: Vec<(String, String)>,
        /// `Prefer: handling=lenient`.
        lenient: bool,
    },
    /// `GET [type]/[id]`.
    Read {
        /// The type.
        kind: Kind,
        /// The sealed id.
        id: LogicalId,
        /// Parameters: a read knows none.
        pairs: Vec<(String, String)>,
        /// `Prefer: handling=lenient`.
        lenient: bool,
    },
    /// `GET Patient/[id]/$everything`.
    Everything {
        /// The patient's sealed id.
        id: LogicalId,
        /// `_type` and `_count`.
        pairs: Vec<(String, String)>,
        /// `Prefer: handling=lenient`.
        lenient: bool,
    },
    /// `GET Patient/[id]/$detailed-care-record`.
    Document {
        /// The patient's sealed id.
        id: LogicalId,
        /// Parameters: it knows none.
        pairs: Vec<(String, String)>,
        /// `Prefer: handling=lenient`.
        lenient: bool,
    },
}

/// A request as http received it.
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// Path and parameters as sent, for the AuditEvent.
    pub raw: String,
    /// `Cache-Control: no-cache`: go to the source.
    pub fresh: bool,
    /// Where it came from.
    pub origin: Origin,
}

/// An answer that may leave.
pub enum Disclosed {
    /// A searchset.
    Bundle(Box<Searchset>),
    /// One resource.
    Resource(Arc<Released>),
    /// The whole record as a document.
    Document(Box<Composed>),
}

/// A document and what stands on its cover.
pub struct Composed {
    /// Sections and entries.
    pub document: Document,
    /// Its identifier, and that of the AuditEvent: a UUID.
    pub identifier: String,
    /// Whose record.
    pub patient: NhsNumber,
    /// When it was put together.
    pub at: OffsetDateTime,
    /// What the reader must know.
    pub notes: Notes,
    /// The oldest `recordedAsAt` that went into it.
    pub recorded_as_at: Option<OffsetDateTime>,
}

/// What a searchset holds.
pub struct Searchset {
    /// What was searched, as the path of `self`.
    pub path: String,
    /// Matches, included resources, total.
    pub page: search::Page,
    /// The sealed link to the next page.
    pub next: Option<String>,
    /// What the reader must know.
    pub notes: Notes,
    /// The oldest `recordedAsAt` that went into it.
    pub recorded_as_at: Option<OffsetDateTime>,
}

/// Warnings about the agreement and the record's completeness; never about the patient.
#[derive(Debug, Default, Clone)]
pub struct Notes {
    /// Views outside the agreement that could have held more.
    pub outside_agreement: Vec<View>,
    /// Only the summary is agreed.
    pub only_summary: bool,
    /// Types that no agreed view serves, for `$everything`.
    pub left_out: Vec<Kind>,
    /// The MIG called the record incomplete (MIG-0009).
    pub incomplete: bool,
    /// The record is older than the setting.
    pub stale: bool,
    /// Parameters ignored under `handling=lenient`.
    pub ignored: Vec<String>,
    /// The neutral notice of this deployment.
    pub notice: Notice,
}

/// The audit is not durable: nothing may be said beyond that.
#[derive(Debug, thiserror::Error)]
#[error("the audit is not durable")]
pub struct Unaudited(#[source] pub StoreError);

/// How often a decision is made again because the register moved under it.
const DECISIONS: usize = 8;

/// Discloses, or refuses; audited either way.
///
/// # Errors
/// [`Unaudited`]: nothing was disclosed.
pub async fn disclose(
    service: Arc<Service>,
    caller: Caller,
    request: Request,
) -> Result<Audited<Result<Disclosed, Failure>>, Unaudited> {
    let mut attempt = service.audit.open(caller, target(&request), request.origin.clone());
    let deadline = Instant::now() + service.bounds.of(&request.ask);
    let mut fresh = request.fresh;
    let mut last = StoreError::Stale;
    for _ in 0..DECISIONS {
        let question = understand(&service, &request.ask, attempt.caller());
        if let Ok(question @ Question { patient: Some(patient), .. }) = &question {
            attempt.note_patient(*patient);
            if question.is_operation() {
                // A page link of `$everything` stands under the path of Patient, and names nobody.
                attempt.note_operation(service.sealer.seal_patient(*patient).to_string());
            }
        }
        let (answer, standing) = match question {
            Ok(question) => consider(&service, &attempt, &question, fresh, deadline).await,
            Err(failure) => (Err(failure), None),
        };
        let outcome = answer.as_ref().map_or_else(Failure::outcome, |_| Outcome::Answered);
        match service.audit.close(attempt, outcome, standing, answer).await {
            Ok(audited) => return Ok(audited),
            Err(NotClosed { attempt: again, error: StoreError::Stale }) => (attempt, fresh) = (again, false),
            Err(NotClosed { attempt: again, error }) => {
                last = error;
                drop(again);
                break;
            }
        }
    }
    Err(Unaudited(last))
}

/// The one path: every step needs what the step before it made.
async fn consider(
    service: &Service,
    attempt: &Attempt,
    question: &Question,
    fresh: bool,
    deadline: Instant,
) -> (Result<Disclosed, Failure>, Option<Revision>) {
    let mut standing = None;
    let answer = async {
        let now = service.clock.now();
        let facts = policy::facts(&service.register, &service.settings, attempt.caller(), question.asked(), now);
        let facts = timeout_at(deadline, facts).await.unwrap_or(Err(StoreError::Slow))?;
        let clearance = policy::clear(attempt, &facts)?;
        standing = Some(clearance.revision());
        attempt.note_purpose(clearance.purpose());
        note_occasion(attempt, clearance.occasion(), service.views.exclusions().version());
        let location = service.views.location(&clearance, fresh, deadline).await?;
        let (consent, birth_date) = (clearance.occasion().consent.clone(), clearance.birth_date());
        let decided = policy::decide(clearance, &location);
        if decided.is_err() {
            // A refusal rests on what the practice says now, never on what was kept.
            service.views.forget_location(consent, birth_date).await;
        }
        let permit = decided?;
        attempt.note_practice(permit.practice());
        let (agreement, version) = permit.agreement();
        attempt.note_basis(|basis| basis.agreement = Some(format!("{agreement}/{version}")));
        let (fetch, notes) = question.plan(permit.views())?;
        let views = service.views.of(&permit, &fetch, deadline).await?;
        question.answer(service, attempt, &views, notes).await
    }
    .await;
    (question.one_answer_for_all(answer, service, attempt.caller()), standing)
}

fn note_occasion(attempt: &Attempt, occasion: &crate::register::Occasion, exclusions: &str) {
    use crate::register::ConsentDecision;
    attempt.note_basis(|basis| {
        basis.consent = Some(occasion.consent.clone());
        basis.exclusions = Some(exclusions.to_owned());
        if let ConsentDecision::Override { category, after_refusal, .. } = &occasion.decision {
            basis.override_category = Some(category.clone());
            basis.after_refusal = *after_refusal;
        }
    });
}

/// The most that is kept back of a deadline for what comes after the far side: the audit's write and the way out.
const KEPT_BACK: Duration = Duration::from_millis(250);

impl Bounds {
    /// How long the far side is waited for, so that whoever waits for us has their answer by their deadline.
    fn of(&self, ask: &Ask) -> Duration {
        let whole = match ask {
            Ask::Search { .. } | Ask::Read { .. } => self.search,
            Ask::Everything { .. } | Ask::Document { .. } => self.everything,
        };
        whole.saturating_sub(KEPT_BACK.min(whole / 8))
    }
}

fn target(request: &Request) -> Target {
    let (interaction, kind, id) = match &request.ask {
        Ask::Search { kind, .. } => (Interaction::Search, *kind, None),
        Ask::Read { kind, id, .. } => (Interaction::Read, *kind, Some(id.to_string())),
        Ask::Everything { id, .. } | Ask::Document { id, .. } => {
            (Interaction::Operation, Kind::Patient, Some(id.to_string()))
        }
    };
    Target { interaction, resource_type: kind.to_string(), id, patient: None, query: request.raw.clone() }
}
