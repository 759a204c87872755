//! Consent: create before a record is viewed, read, search, withdraw (CONTRACT section 5). An override is a Consent too.

use super::extract::{self, Id};
use super::kept::{self, Dealing};
use super::kept_type::{self, KeptType, Wanted};
use super::layers::Peer;
use super::outcome::Rejection;
use super::{App, only, respond};
use crate::audit::{Attempt, Interaction, Revision};
use crate::catalogue;
use crate::disclose::Failure;
use crate::identity::Permission;
use crate::ids::{LogicalId, NhsNumber, Sealer};
use crate::kinds::{Kind, Purpose};
use crate::policy::{self, Asked, Kept, Reach, Refusal};
use crate::register::ConsentDecision;
use crate::register::consent::{self, AdmittedConsent, ConsentSearch, ConsentStatus, Reader, StoredConsent};
use crate::register::slice::Page;
use crate::store::StoreError;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Router, routing};
use serde_json::Value;
use std::sync::Arc;

struct OccasionConsent;

impl KeptType for OccasionConsent {
    const KEPT: Kept = Kept::Consent;
    const PARAMETERS: &'static [&'static str] = &["patient", "patient.identifier", "status", "_count"];
    type Stored = StoredConsent;

    fn version(stored: &StoredConsent) -> i64 {
        stored.version
    }

    fn patient(stored: &StoredConsent) -> NhsNumber {
        stored.patient
    }

    fn resource(stored: &StoredConsent, sealer: &Sealer) -> Value {
        stored.resource(sealer)
    }

    async fn read(app: &App, reach: &Reach, id: &LogicalId) -> Result<Option<StoredConsent>, Failure> {
        Ok(consent::read(app.store.reader(), reader(reach)?, id).await?)
    }

    async fn search(app: &App, reach: &Reach, wanted: &Wanted) -> Result<Page<StoredConsent>, Failure> {
        let search = ConsentSearch { patient: wanted.patient, status: wanted.status(ConsentStatus::parse)? };
        Ok(consent::search(app.store.reader(), reader(reach)?, search, &wanted.slice).await?)
    }
}

/// The routes.
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/Consent", only("GET, HEAD, POST", routing::get(kept_type::search::<OccasionConsent>).post(create)))
        .route("/Consent/_search", only("POST", routing::post(kept_type::search_by_form::<OccasionConsent>)))
        .route("/Consent/{id}", only("GET, HEAD, PUT", routing::get(kept_type::read::<OccasionConsent>).put(withdraw)))
}

/// How often a consent is admitted again because the register moved under the decision.
const DECISIONS: usize = 8;

async fn create(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let raw = "Consent".to_owned();
        let (dealing, _) = Dealing::open(&app, &peer, &headers, Kept::Consent, Interaction::Create, raw, asked).await?;
        let body = match extract::resource(&headers, body, "Consent").await {
            Ok(body) => body,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        // Detached: a client that hangs up cannot part the Consent from its AuditEvent.
        let (stored, app) =
            kept::detached(&app.under_way.clone(), async move { Ok((record(dealing, body).await?, app)) }).await?;
        let location = format!("{}/Consent/{}", app.base.0, stored.id);
        Ok(kept_type::shown::<OccasionConsent>(&app, StatusCode::CREATED, &stored, Some(&location)))
    };
    respond(&peer, answer.await)
}

async fn record(mut dealing: Dealing, body: Value) -> Result<StoredConsent, Rejection> {
    let app = dealing.app().clone();
    let service = &app.service;
    let patient = match consent::patient_of(&body, &service.sealer) {
        Ok(patient) => patient,
        Err(invalid) => {
            // Who may not record any consent learns that, not what is wrong with the body.
            let rejection = match dealing.reach().await {
                Ok(_) => Rejection::Invalid(invalid),
                Err(failure) => failure.into(),
            };
            return Err(dealing.refuse(rejection).await);
        }
    };
    dealing.attempt.note_patient(patient);
    let sampled = app.sample.chance.hits(app.sample.share);
    for _ in 0..DECISIONS {
        let (admitted, standing) = match admit(&app, &dealing.attempt, &body, patient).await {
            Ok(admitted) => admitted,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let overriding = matches!(admitted.decision(), ConsentDecision::Override { .. });
        dealing.attempt.note_id(admitted.id().to_string());
        match dealing.write(Some(standing), overriding, consent::store_job(admitted.sampled(sampled))).await {
            Ok(audited) => return Ok(audited.into_inner()),
            Err((again, StoreError::Stale)) => dealing = *again,
            Err((again, error)) => return Err(again.failed(error).await),
        }
    }
    Err(dealing.refuse(Rejection::NotDurable(StoreError::Stale)).await)
}

/// Rules 1 to 6, then the rules of an occasion.
async fn admit(
    app: &App,
    attempt: &Attempt,
    body: &Value,
    patient: NhsNumber,
) -> Result<(AdmittedConsent, Revision), Rejection> {
    let service = &app.service;
    let now = service.clock.now();
    let asked = Asked {
        patient: Some(patient),
        birth_date: None,
        permissions: vec![(Kept::Consent.as_str(), Permission::Create)],
        wanted: catalogue::wanted(Kind::ALL),
        required: catalogue::wanted(Kind::ALL),
        purpose: Purpose::Treatment,
    };
    let facts = policy::facts(&service.register, &service.settings, attempt.caller(), asked, now)
        .await
        .map_err(Failure::Store)?;
    let admission = policy::admit(attempt, &facts)?;
    let draft = consent::parse(body, now, attempt.caller(), &service.sealer).map_err(Rejection::Invalid)?;
    let admitted = draft
        .admit(admission.agreements(), admission.refused_in_organisation(), admission.refused_by())
        .map_err(Rejection::Invalid)?;
    if let ConsentDecision::Override { category, after_refusal, .. } = admitted.decision() {
        attempt.note_purpose(Purpose::BreakGlass);
        attempt.note_basis(|basis| {
            basis.override_category = Some(category.clone());
            basis.after_refusal = *after_refusal;
        });
    }
    Ok((admitted, admission.revision()))
}

fn reader(reach: &Reach) -> Result<Reader<'_>, Refusal> {
    match reach {
        Reach::Own { user, organisation } => Ok(Reader::Author(user, organisation)),
        Reach::Organisation(organisation) => Ok(Reader::PrivacyOfficer(organisation)),
        Reach::Practice(_) => Err(Refusal::Role),
    }
}

async fn withdraw(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let asked = extract::sent(&peer, None);
        let raw = format!("Consent/{id}");
        let (mut dealing, _) =
            Dealing::open(&app, &peer, &headers, Kept::Consent, Interaction::Update, raw, asked).await?;
        let body = match extract::resource(&headers, body, "Consent").await {
            Ok(body) => body,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let stored = match kept_type::held::<OccasionConsent>(&mut dealing, &id).await {
            Ok(stored) => stored,
            Err(failure) => return Err(dealing.refuse(failure.into()).await),
        };
        let if_match = match extract::if_match(&headers, Some(stored.version)) {
            Ok(version) => version,
            Err(rejection) => return Err(dealing.refuse(rejection).await),
        };
        let withdrawal = match consent::parse_withdrawal(&body, &stored, dealing.caller(), &app.service.sealer) {
            Ok(withdrawal) => withdrawal,
            Err(invalid) => return Err(dealing.refuse(Rejection::Invalid(invalid)).await),
        };
        let job = consent::withdraw_job(withdrawal, Some(if_match), app.service.clock.now());
        let (stored, app) = kept::detached(&app.under_way.clone(), async move {
            match dealing.write(None, false, job).await {
                Ok(audited) => {
                    let stored: StoredConsent = audited.into_inner();
                    app.service.views.forget_occasion(stored.id.as_str()).await;
                    Ok((stored, app))
                }
                Err((again, error)) => Err(kept_type::failed::<OccasionConsent>(*again, &id, error).await),
            }
        })
        .await?;
        Ok(kept_type::shown::<OccasionConsent>(&app, StatusCode::OK, &stored, None))
    };
    respond(&peer, answer.await)
}
