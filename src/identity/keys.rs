//! The keys of one issuer: a JWK set, kept, and read again when a key is unknown or the set has grown old.
//!
//! Never more than one reading a minute, so that forged key ids cannot turn this service against the issuer. A set
//! that cannot be read again serves on for a day at most: a withdrawn key must not live for ever.

use super::{IdentityError, IssuerConfig, KeySource};
use crate::clock::Clock;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const MINUTE: i64 = 60_000;
/// Read again in the ordinary course.
const OLD: i64 = 10 * MINUTE;
/// Not used any more when it could not be read again.
const STALE: i64 = 24 * 60 * MINUTE;
/// How long a reading may take: without a set, and with one at hand.
const LOAD: Duration = Duration::from_secs(5);
const HANDY: Duration = Duration::from_secs(1);
const MAX_SET_BYTES: usize = 512 * 1024;

pub(super) struct Keys {
    source: KeySource,
    client: Option<reqwest::Client>,
    clock: Clock,
    /// One lock: while one request reads the set, the others wait for what it brings.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    set: Option<(Arc<[Key]>, i64)>,
    tried: Option<i64>,
}

pub(super) struct Key {
    id: Option<String>,
    family: AlgorithmFamily,
    algorithm: Option<KeyAlgorithm>,
    public: DecodingKey,
}

impl Keys {
    pub fn new(issuer: &IssuerConfig, clock: Clock) -> Result<Self, IdentityError> {
        let source = issuer.key_source().ok_or(IdentityError::KeysUnavailable)?;
        let client = match &source {
            KeySource::File(_) => None,
            KeySource::Url(_) => Some(client(issuer.jwks_ca_file.as_deref()).ok_or(IdentityError::KeysUnavailable)?),
        };
        Ok(Self { source, client, clock, kept: Mutex::default() })
    }

    /// The key that a header names, fit for its algorithm.
    pub async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, IdentityError> {
        if let Some(key) = pick(&self.current().await?, id, algorithm) {
            return Ok(key);
        }
        pick(&self.again().await?, id, algorithm).ok_or(IdentityError::Invalid)
    }

    /// The set at hand, read first if there is none or it is old.
    pub async fn current(&self) -> Result<Arc<[Key]>, IdentityError> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now_millis();
        match &kept.set {
            Some((set, at)) if now - at < OLD => Ok(set.clone()),
            _ => self.read(&mut kept, now).await,
        }
    }

    /// The set, read again unless that was just tried.
    async fn again(&self) -> Result<Arc<[Key]>, IdentityError> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now_millis();
        self.read(&mut kept, now).await
    }

    async fn read(&self, kept: &mut Kept, now: i64) -> Result<Arc<[Key]>, IdentityError> {
        if kept.tried.is_none_or(|at| now - at >= MINUTE) {
            kept.tried = Some(now);
            // With a set at hand nobody waits long for an issuer that hangs.
            let patience = if kept.set.is_some() { HANDY } else { LOAD };
            let loaded = tokio::time::timeout(patience, self.load()).await.ok().flatten();
            if let Some(set) = loaded {
                kept.set = Some((set, now));
            } else {
                tracing::warn!(stage = "identity", "an issuer's keys could not be read");
            }
        }
        match &kept.set {
            Some((set, at)) if now - at < STALE => Ok(set.clone()),
            _ => Err(IdentityError::KeysUnavailable),
        }
    }

    async fn load(&self) -> Option<Arc<[Key]>> {
        let bytes = match (&self.source, &self.client) {
            (KeySource::File(file), _) => tokio::fs::read(file).await.ok()?,
            (KeySource::Url(url), Some(client)) => download(client, url).await?,
            (KeySource::Url(_), None) => return None,
        };
        let set = parse(&bytes)?;
        (!set.is_empty()).then(|| set.into())
    }
}

/// What is wrong with a file of keys, if anything is.
pub(super) fn check_file(file: &Path) -> Result<(), String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    match parse(&bytes) {
        None => Err("not a JWK set".to_owned()),
        Some(set) if set.is_empty() => Err("holds no public key that can check a signature".to_owned()),
        Some(_) => Ok(()),
    }
}

fn client(authorities: Option<&Path>) -> Option<reqwest::Client> {
    // Whoever comes first installs it; it is the same provider everywhere.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder =
        reqwest::Client::builder().https_only(true).redirect(reqwest::redirect::Policy::none()).timeout(LOAD);
    if let Some(file) = authorities {
        let pem = std::fs::read(file).ok()?;
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).ok()?);
    }
    builder.build().ok()
}

async fn download(client: &reqwest::Client, url: &str) -> Option<Vec<u8>> {
    let mut answer = client.get(url).send().await.ok()?.error_for_status().ok()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_SET_BYTES {
            return None;
        }
    }
    Some(bytes)
}

/// Public signature keys; keys of other kinds and uses are passed over, as the JWK specification asks.
fn parse(bytes: &[u8]) -> Option<Vec<Key>> {
    let set: JwkSet = serde_json::from_slice(bytes).ok()?;
    Some(set.keys.iter().filter_map(public_key).collect())
}

fn public_key(jwk: &Jwk) -> Option<Key> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let family = key.family();
    if family == AlgorithmFamily::Hmac {
        return None;
    }
    Some(Key { id: jwk.common.key_id.clone(), family, algorithm: jwk.common.key_algorithm, public: key })
}

/// By key id; without one only where there is no choice. The key's own kind must be the algorithm's.
fn pick(set: &[Key], id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    let fit = |key: &&Key| {
        key.family == algorithm.family() && key.algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm))
    };
    let mut fitting = match id {
        Some(id) => set.iter().filter(|key| key.id.as_deref() == Some(id)).filter(fit).collect::<Vec<_>>(),
        None => set.iter().filter(fit).collect(),
    };
    let only = fitting.pop()?;
    fitting.is_empty().then(|| only.public.clone())
}
