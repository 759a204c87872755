//! The demo's token issuer and the routes below `/demo`. It gives anyone any token of the cast: never for real use,
//! and not in a build without the simulator. The demo hands the routes to the app.

use super::cast::{self, CAST, Member};
use super::holdings::Holding;
use super::pki::{PkiError, write_secret};
use crate::clock::Clock;
use crate::http::only;
use crate::ids::NhsNumber;
use axum::Router;
use axum::extract::{Form, Query, State, rejection::FormRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `iss` of the demo's tokens.
pub const ISSUER: &str = "urn:x-mig-fhir:demo:issuer";
/// Their `aud`.
pub const AUDIENCE: &str = "urn:x-mig-fhir:demo:facade";
/// Seconds that a token lives.
pub const LIFE_SECONDS: i64 = 3600;
const KEY_ID: &str = "demo";

/// Why there is no issuer.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The key file cannot be written.
    #[error("the token key cannot be kept")]
    Keep(#[from] PkiError),
    /// The key file cannot be read or holds no P-256 key.
    #[error("the token key in {0} is unusable")]
    Key(PathBuf),
}

/// Signs tokens of the cast, cheap to clone.
#[derive(Clone)]
pub struct Issuer {
    key: Arc<EncodingKey>,
    jwks_file: PathBuf,
    clock: Clock,
}

impl Issuer {
    /// With the key of a folder, made when it is not there; writes the JWK set beside it.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn in_folder(folder: &Path, clock: Clock) -> Result<Self, IssuerError> {
        let key_file = folder.join("tokens.key");
        if !key_file.is_file() {
            let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(PkiError::from)?;
            write_secret(&key_file, pair.serialize_pem().as_bytes())?;
        }
        let unusable = || IssuerError::Key(key_file.clone());
        let pem = std::fs::read(&key_file).map_err(|_| unusable())?;
        let key = EncodingKey::from_ec_pem(&pem).map_err(|_| unusable())?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|_| unusable())?;
        jwk.common.key_id = Some(KEY_ID.to_owned());
        let jwks_file = folder.join("jwks.json");
        std::fs::write(&jwks_file, json!({ "keys": [jwk] }).to_string())
            .map_err(|error| PkiError::Write(jwks_file.clone(), error))?;
        Ok(Self { key: Arc::new(key), jwks_file, clock })
    }

    /// Where the JWK set is.
    #[must_use]
    pub fn jwks_file(&self) -> &Path {
        &self.jwks_file
    }

    /// A token; `None` only if signing itself fails.
    #[must_use]
    pub fn token(&self, member: &Member) -> Option<String> {
        let mut claims = member.claims();
        let now = self.clock.now().unix_timestamp();
        let object = claims.as_object_mut()?;
        object.insert("iss".to_owned(), ISSUER.into());
        object.insert("aud".to_owned(), AUDIENCE.into());
        object.insert("iat".to_owned(), now.into());
        object.insert("nbf".to_owned(), now.into());
        object.insert("exp".to_owned(), (now + LIFE_SECONDS).into());
        object.insert("jti".to_owned(), uuid::Uuid::new_v4().to_string().into());
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key).ok()
    }
}

/// A patient as the demo lists it.
#[derive(Debug, Clone)]
pub struct DemoPatient {
    /// The scenario's name.
    pub scenario: String,
    /// Their number.
    pub nhs_number: NhsNumber,
    /// One line for people.
    pub description: String,
    /// The practice's ODS code, where known.
    pub practice: Option<String>,
}

impl DemoPatient {
    /// As the simulator holds them; `None` for a number that is none, which the simulator does not hold either.
    #[must_use]
    pub fn of(holding: &Holding) -> Option<Self> {
        Some(Self {
            scenario: holding.scenario.clone(),
            nhs_number: NhsNumber::parse(&holding.nhs_number)?,
            description: holding.description.clone(),
            practice: holding.practice.clone(),
        })
    }
}

/// What the routes need.
#[derive(Clone)]
pub struct DemoState {
    /// Signs the tokens.
    pub issuer: Issuer,
    /// The patients that the simulator holds.
    pub patients: Arc<[DemoPatient]>,
    /// For the `dateTime` of the Consents and overrides to post.
    pub clock: Clock,
}

/// `POST /demo/token` and `GET /demo/patients`.
pub fn demo_routes(state: DemoState) -> Router {
    Router::new()
        .route("/demo/token", only("POST", post(token)))
        .route("/demo/patients", only("GET, HEAD", get(patients)))
        .with_state(state)
}

#[derive(Deserialize)]
struct Asked {
    user: Option<String>,
}

async fn token(
    State(state): State<DemoState>,
    Query(query): Query<Asked>,
    form: Result<Form<Asked>, FormRejection>,
) -> Response {
    let user = form.ok().and_then(|Form(asked)| asked.user).or(query.user);
    let token = user.as_deref().and_then(cast::find).and_then(|member| state.issuer.token(member));
    if let Some(token) = token {
        let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFE_SECONDS });
        return answer(StatusCode::OK, &body);
    }
    let names: Vec<&str> = CAST.iter().map(|member| member.name).collect();
    answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "user": names }))
}

async fn patients(State(state): State<DemoState>) -> Response {
    let now = state.clock.now();
    let list = state.patients.iter().map(|patient| {
        json!({
            "scenario": patient.scenario, "nhs_number": patient.nhs_number.reveal(),
            "description": patient.description, "consent": cast::consent_to(&CAST[0], patient.nhs_number, now),
            "override": cast::override_by(&CAST[0], patient.nhs_number, now),
        })
    });
    answer(StatusCode::OK, &list.collect())
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];
    (status, headers, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{CallerClass, Identity, IdentityConfig, IssuerConfig, Permission, SelectedRole};
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use time::macros::datetime;
    use tower::ServiceExt;

    fn state(folder: &Path) -> DemoState {
        let clock = Clock::fixed(datetime!(2026-11-24 10:00 UTC));
        let patient = DemoPatient {
            scenario: "rich".to_owned(),
            nhs_number: NhsNumber::parse("9990000018").unwrap(),
            description: "A long record".to_owned(),
            practice: Some("A99981".to_owned()),
        };
        let issuer = Issuer::in_folder(folder, clock.clone()).unwrap();
        DemoState { issuer, patients: Arc::from([patient]), clock }
    }

    async fn ask(state: &DemoState, request: Request<Body>) -> (StatusCode, Value) {
        let answer = demo_routes(state.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    fn form(body: &str) -> Request<Body> {
        Request::post("/demo/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    #[tokio::test]
    async fn every_member_of_the_cast_gets_a_token_that_identity_accepts() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path());
        let config = IdentityConfig {
            issuers: vec![IssuerConfig {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                jwks_file: Some(state.issuer.jwks_file().to_owned()),
                jwks_url: None,
                jwks_ca_file: None,
            }],
            ..IdentityConfig::default()
        };
        assert!(config.problems().is_empty());
        let identity = Identity::new(&config, state.clock.clone()).unwrap();
        for member in &CAST {
            let (status, body) = ask(&state, form(&format!("user={}", member.name))).await;
            assert_eq!((status, &body["token_type"]), (StatusCode::OK, &"Bearer".into()), "{}", member.name);
            let header = format!("Bearer {}", body["access_token"].as_str().unwrap());
            let caller = identity.identify(Some(&header)).await.unwrap();
            assert_eq!(caller.user.as_str(), member.user);
            assert_eq!(caller.organisation.unwrap().as_str(), member.organisation);
            match (caller.role, member.role) {
                (SelectedRole::One(role), Some((code, _))) => assert_eq!(role.code.as_str(), code),
                (SelectedRole::None, None) => {
                    assert_eq!(caller.class, CallerClass::System);
                    assert!(caller.scopes.allow(CallerClass::System, "EpisodeOfCare", Permission::Create));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_user_may_be_named_in_the_query_and_must_be_of_the_cast() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path());
        let by_query = Request::post("/demo/token?user=nurse").body(Body::empty()).unwrap();
        assert_eq!(ask(&state, by_query).await.0, StatusCode::OK);
        for wrong in ["user=root", "", "name=nurse"] {
            let (status, body) = ask(&state, form(wrong)).await;
            assert_eq!((status, body["user"].as_array().unwrap().len()), (StatusCode::BAD_REQUEST, 10), "{wrong}");
        }
    }

    #[tokio::test]
    async fn patients_are_listed_with_a_consent_and_an_override_of_this_moment() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path());
        for minutes in [0, 20] {
            state.clock.advance(std::time::Duration::from_mins(minutes));
            let (status, body) = ask(&state, Request::get("/demo/patients").body(Body::empty()).unwrap()).await;
            assert_eq!((status, &body[0]["scenario"]), (StatusCode::OK, &"rich".into()));
            let expected = format!("2026-11-24T10:{minutes:02}:00Z");
            for (ready, purpose) in [("consent", "TREAT"), ("override", "BTG")] {
                assert_eq!(body[0][ready]["dateTime"], expected);
                assert_eq!(body[0][ready]["patient"]["identifier"]["value"], body[0]["nhs_number"]);
                assert_eq!(body[0][ready]["provision"]["purpose"][0]["code"], purpose);
            }
            let reason = &body[0]["override"]["extension"][0];
            assert_eq!(reason["url"], "urn:x-mig-fhir:StructureDefinition:override-reason");
            assert_eq!(reason["valueCodeableConcept"]["coding"][0]["code"], "UnableToConsent");
        }
    }

    #[test]
    fn the_signing_key_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let set = || std::fs::read_to_string(state(folder.path()).issuer.jwks_file()).unwrap();
        assert_eq!(set(), set());
    }
}
