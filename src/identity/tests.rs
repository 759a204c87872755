//! Longer than most: the table of bad tokens is one test.

use super::*;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use time::macros::datetime;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://facade.example/FHIR/R4";

struct Bench {
    dir: tempfile::TempDir,
    clock: Clock,
    key: EncodingKey,
    public_pem: String,
    identity: Identity,
}

fn key_pair() -> (EncodingKey, String) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    (EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), pair.public_key_pem())
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    jwk
}

fn write_set(dir: &Path, keys: &[Jwk]) {
    std::fs::write(dir.join("jwks.json"), json!({ "keys": keys }).to_string()).unwrap();
}

fn identity(dir: &Path, clock: &Clock) -> Identity {
    let config = IdentityConfig {
        issuers: vec![IssuerConfig {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            jwks_file: Some(dir.join("jwks.json")),
            jwks_url: None,
            jwks_ca_file: None,
        }],
        ..IdentityConfig::default()
    };
    assert_eq!(config.problems(), Vec::<String>::new());
    Identity::new(&config, clock.clone()).unwrap()
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::fixed(datetime!(2026-11-24 10:00 UTC));
    let (key, public_pem) = key_pair();
    write_set(dir.path(), &[jwk(&key, Algorithm::ES256, "one")]);
    let identity = identity(dir.path(), &clock);
    Bench { dir, clock, key, public_pem, identity }
}

fn role(id: &str, organisation: &str) -> Value {
    json!({ "person_roleid": id, "org_code": organisation, "role_code": "S8000:G8000:R8000", "role_name": "Clinical Practitioner" })
}

fn claims(clock: &Clock) -> Value {
    let now = clock.now().unix_timestamp();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ignored", "exp": now + 300, "nbf": now,
        "nhsid_useruid": "555000111222", "name": "Dr Ada Example",
        "nhsid_nrbac_roles": [role("111", "RX001")], "authentication_assurance_level": "3",
        "scope": "user/Condition.rs", "jti": "t-1", "client_id": "ward-app",
    })
}

fn header(algorithm: Algorithm, id: &str) -> Header {
    Header { kid: Some(id.to_owned()), ..Header::new(algorithm) }
}

impl Bench {
    fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&header(Algorithm::ES256, "one"), claims, &self.key).unwrap()
    }

    async fn ask(&self, token: &str) -> Result<Caller, IdentityError> {
        self.identity.identify(Some(&format!("Bearer {token}"))).await
    }

    async fn ask_with(&self, change: impl FnOnce(&mut Value)) -> Result<Caller, IdentityError> {
        let mut claims = claims(&self.clock);
        change(&mut claims);
        self.ask(&self.sign(&claims)).await
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_good_token_becomes_a_caller() {
    let bench = bench();
    let caller = bench.ask(&bench.sign(&claims(&bench.clock))).await.unwrap();
    assert_eq!(caller.user.as_str(), "555000111222");
    assert_eq!(caller.name, "Dr Ada Example");
    assert_eq!(caller.class, CallerClass::User);
    assert_eq!(caller.assurance, 3);
    assert_eq!(caller.organisation.as_ref().unwrap().as_str(), "RX001");
    assert_eq!((caller.token_id.as_deref(), caller.client_id.as_deref()), (Some("t-1"), Some("ward-app")));
    assert!(caller.scopes.allow(CallerClass::User, "Condition", Permission::Read));
    let SelectedRole::One(role) = caller.role else { panic!("one role") };
    assert_eq!((role.code.as_str(), role.profile.as_str()), ("R8000", "111"));
}

#[tokio::test]
async fn rsa_keys_sign_as_pkcs1_and_pss() {
    let bench = bench();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut rsa = jwk(&key, Algorithm::RS256, "rsa");
    rsa.common.key_algorithm = None;
    write_set(bench.dir.path(), &[rsa]);
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::RS512] {
        let token = jsonwebtoken::encode(&header(algorithm, "rsa"), &claims(&bench.clock), &key).unwrap();
        assert!(bench.ask(&token).await.is_ok(), "{algorithm:?}");
    }
    let mut pinned = jwk(&key, Algorithm::RS256, "rsa");
    pinned.common.key_algorithm = Some(jsonwebtoken::jwk::KeyAlgorithm::RS256);
    write_set(bench.dir.path(), &[pinned]);
    bench.clock.advance(Duration::from_hours(1));
    let token = jsonwebtoken::encode(&header(Algorithm::PS256, "rsa"), &claims(&bench.clock), &key).unwrap();
    assert_eq!(bench.ask(&token).await.unwrap_err(), IdentityError::Invalid, "the set pins another algorithm");
}

#[tokio::test]
async fn bad_tokens_are_refused_each_for_its_reason() {
    use IdentityError::{Expired, Invalid, Missing};
    let bench = bench();
    let now = bench.clock.now().unix_timestamp();
    let good = bench.sign(&claims(&bench.clock));
    let [head, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();

    let signed_with = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&bench.clock);
        change(&mut claims);
        format!("Bearer {}", bench.sign(&claims))
    };
    let none_header = part(&json!({ "alg": "none", "typ": "JWT" }));
    let by_public_key = jsonwebtoken::encode(
        &header(Algorithm::HS256, "one"),
        &claims(&bench.clock),
        &EncodingKey::from_secret(bench.public_pem.as_bytes()),
    )
    .unwrap();
    let (stranger, _) = key_pair();
    let by_stranger = jsonwebtoken::encode(&header(Algorithm::ES256, "one"), &claims(&bench.clock), &stranger).unwrap();
    let unknown_key =
        jsonwebtoken::encode(&header(Algorithm::ES256, "two"), &claims(&bench.clock), &bench.key).unwrap();
    let mut own_key = header(Algorithm::ES256, "three");
    own_key.jwk = Some(jwk(&stranger, Algorithm::ES256, "three"));
    let by_own_key = jsonwebtoken::encode(&own_key, &claims(&bench.clock), &stranger).unwrap();
    let mut critical = header(Algorithm::ES256, "one");
    critical.crit = Some(vec!["exp".to_owned()]);
    let critical = jsonwebtoken::encode(&critical, &claims(&bench.clock), &bench.key).unwrap();
    let mut raised = claims(&bench.clock);
    raised["nhsid_useruid"] = json!("555000999999");
    let tampered = format!("{head}.{}.{signature}", part(&raised));

    let table: Vec<(&str, Option<String>, IdentityError)> = vec![
        ("no header", None, Missing),
        ("another scheme", Some("Basic dXNlcjpwYXNz".to_owned()), Missing),
        ("no token", Some("Bearer".to_owned()), Missing),
        ("an empty token", Some("Bearer  ".to_owned()), Missing),
        ("two schemes", Some(format!("Bearer {good}, Basic dXNlcjpwYXNz")), Invalid),
        ("two schemes, the other first", Some(format!("Basic dXNlcjpwYXNz, Bearer {good}")), Missing),
        ("two tokens", Some(format!("Bearer {good} {good}")), Invalid),
        ("not a token", Some("Bearer abc".to_owned()), Invalid),
        ("a token without end", Some(format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES + 1))), Invalid),
        ("alg none", Some(format!("Bearer {none_header}.{body}.")), Invalid),
        ("alg none with a signature", Some(format!("Bearer {none_header}.{body}.{signature}")), Invalid),
        ("no signature", Some(format!("Bearer {head}.{body}.")), Invalid),
        ("HMAC by the public key", Some(format!("Bearer {by_public_key}")), Invalid),
        ("a stranger's key", Some(format!("Bearer {by_stranger}")), Invalid),
        ("an unknown key id", Some(format!("Bearer {unknown_key}")), Invalid),
        ("a key of its own", Some(format!("Bearer {by_own_key}")), Invalid),
        ("a critical header", Some(format!("Bearer {critical}")), Invalid),
        ("tampered with", Some(format!("Bearer {tampered}")), Invalid),
        ("another issuer", Some(signed_with(&|c| c["iss"] = json!("https://other.example"))), Invalid),
        ("another audience", Some(signed_with(&|c| c["aud"] = json!("https://other.example"))), Invalid),
        ("other audiences", Some(signed_with(&|c| c["aud"] = json!(["a", "b"]))), Invalid),
        ("no audience", Some(signed_with(&|c| c["aud"] = Value::Null)), Invalid),
        ("no expiry", Some(signed_with(&|c| c["exp"] = Value::Null)), Invalid),
        ("an expiry in words", Some(signed_with(&|c| c["exp"] = json!("tomorrow"))), Invalid),
        ("expired", Some(signed_with(&|c| c["exp"] = json!(now - 6))), Expired),
        ("not yet valid", Some(signed_with(&|c| c["nbf"] = json!(now + 6))), Expired),
        (
            "no user",
            Some(signed_with(&|c| {
                c["sub"] = Value::Null;
                c["nhsid_useruid"] = Value::Null;
            })),
            Invalid,
        ),
        ("a user out of form", Some(signed_with(&|c| c["nhsid_useruid"] = json!("a b"))), Invalid),
        ("bound to a certificate", Some(signed_with(&|c| c["cnf"] = json!({ "x5t#S256": "AAAA" }))), Invalid),
    ];
    for (what, header, expected) in table {
        assert_eq!(bench.identity.identify(header.as_deref()).await.unwrap_err(), expected, "{what}");
    }
    assert!(bench.ask(&good).await.is_ok(), "the good one still passes");
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway_and_no_more() {
    let bench = bench();
    let now = bench.clock.now().unix_timestamp();
    assert!(bench.ask_with(|c| c["exp"] = json!(now - 4)).await.is_ok());
    assert!(bench.ask_with(|c| c["nbf"] = json!(now + 5)).await.is_ok());
    let token = bench.sign(&claims(&bench.clock));
    bench.clock.advance(Duration::from_secs(306));
    assert_eq!(bench.ask(&token).await.unwrap_err(), IdentityError::Expired);
}

#[tokio::test]
async fn of_several_roles_only_a_selected_one_is_in_force() {
    let bench = bench();
    let two = json!([role("111", "RX001"), role("222", "RX002")]);
    let several = bench.ask_with(|c| c["nhsid_nrbac_roles"] = two.clone()).await.unwrap();
    assert!(matches!(several.role, SelectedRole::Several));
    assert!(several.organisation.is_none());

    let selected = bench
        .ask_with(|c| {
            c["nhsid_nrbac_roles"] = two.clone();
            c["selected_roleid"] = json!("222");
        })
        .await
        .unwrap();
    assert_eq!(selected.organisation.unwrap().as_str(), "RX002");

    let foreign = bench.ask_with(|c| c["selected_roleid"] = json!("999")).await.unwrap();
    assert!(matches!(foreign.role, SelectedRole::None), "a selection that the user does not hold");
    let none = bench.ask_with(|c| c["nhsid_nrbac_roles"] = json!([])).await.unwrap();
    assert!(matches!(none.role, SelectedRole::None));
}

#[tokio::test]
async fn a_token_with_system_scopes_and_no_user_is_a_system() {
    let bench = bench();
    let system = |c: &mut Value| {
        c["nhsid_useruid"] = Value::Null;
        c["nhsid_nrbac_roles"] = json!([]);
        c["scope"] = json!("system/EpisodeOfCare.cruds");
        c["sub"] = json!("pas-rx001");
        c["org_code"] = json!("RX001");
    };
    let caller = bench.ask_with(system).await.unwrap();
    assert_eq!((caller.class, caller.user.as_str()), (CallerClass::System, "pas-rx001"));
    assert_eq!(caller.organisation.unwrap().as_str(), "RX001");

    let user = bench.ask_with(|c| c["scope"] = json!("system/*.cruds user/Condition.rs")).await.unwrap();
    assert_eq!(user.class, CallerClass::User, "a person does not become a system by asking for its scopes");
    assert!(!user.scopes.allow(user.class, "Consent", Permission::Create));
}

#[tokio::test]
async fn a_new_key_is_found_and_a_withdrawn_one_lost_but_not_by_asking_without_end() {
    let bench = bench();
    assert!(bench.ask(&bench.sign(&claims(&bench.clock))).await.is_ok());
    let (second, _) = key_pair();
    write_set(bench.dir.path(), &[jwk(&second, Algorithm::ES256, "two")]);
    let by_second =
        |clock: &Clock| jsonwebtoken::encode(&header(Algorithm::ES256, "two"), &claims(clock), &second).unwrap();

    assert_eq!(
        bench.ask(&by_second(&bench.clock)).await.unwrap_err(),
        IdentityError::Invalid,
        "the set was read within the minute"
    );
    bench.clock.advance(Duration::from_secs(61));
    assert!(bench.ask(&by_second(&bench.clock)).await.is_ok());
    assert_eq!(bench.ask(&bench.sign(&claims(&bench.clock))).await.unwrap_err(), IdentityError::Invalid);
}

#[tokio::test]
async fn keys_that_cannot_be_read_again_serve_for_a_day() {
    let bench = bench();
    assert!(bench.identity.ready().await.is_ok());
    std::fs::remove_file(bench.dir.path().join("jwks.json")).unwrap();
    bench.clock.advance(Duration::from_hours(1));
    assert!(bench.ask(&bench.sign(&claims(&bench.clock))).await.is_ok());
    bench.clock.advance(Duration::from_hours(24));
    assert_eq!(bench.ask(&bench.sign(&claims(&bench.clock))).await.unwrap_err(), IdentityError::KeysUnavailable);
}

#[tokio::test]
async fn a_bound_token_passes_only_with_its_certificate() {
    let bench = bench();
    let mut bound = claims(&bench.clock);
    bound["cnf"] = json!({ "x5t#S256": URL_SAFE_NO_PAD.encode([7u8; 32]) });
    let header = format!("Bearer {}", bench.sign(&bound));
    assert!(bench.identity.identify_bound(Some(&header), Some(&[7; 32])).await.is_ok());
    for wrong in [None, Some(&[8u8; 32])] {
        assert_eq!(bench.identity.identify_bound(Some(&header), wrong).await.unwrap_err(), IdentityError::Invalid);
    }
}

#[test]
fn settings_without_a_sound_issuer_are_refused_with_every_problem() {
    assert_eq!(IdentityConfig::default().problems().len(), 1);
    let issuer = IssuerConfig {
        issuer: String::new(),
        audience: String::new(),
        jwks_file: None,
        jwks_url: Some("http://plain.example/keys".to_owned()),
        jwks_ca_file: Some("/nowhere/ca.pem".into()),
    };
    let config = IdentityConfig { issuers: vec![issuer], leeway_seconds: 61 };
    assert_eq!(config.problems().len(), 5, "{:?}", config.problems());
}
