//! The demo's receiver of alerts: it verifies the signature, keeps what it was sent, each letter once, and shows it at
//! `GET /demo/alerts`, so that one can see the alert of an override arrive. What a real receiver has to do is in `accept`.

use crate::clock::{Clock, rfc3339};
use crate::outbox::{Keys, SIGNATURE_HEADER, TIMESTAMP_HEADER, WEBHOOK_ID_HEADER};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Letters that are kept; older ones make room.
const MOST: usize = 200;
/// The largest letter.
const LARGEST: usize = 64 * 1024;

/// A receiver under way, on a port of its own.
pub struct Receiver {
    address: SocketAddr,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

struct Heard {
    keys: Keys,
    clock: Clock,
    letters: Mutex<Vec<Letter>>,
}

struct Letter {
    id: String,
    received: String,
    times: u32,
    body: Value,
}

impl Receiver {
    /// Listens on this machine, with the key of a file.
    ///
    /// # Errors
    /// What is wrong with the key, or that there is no port.
    pub async fn start(key_file: &Path, clock: Clock) -> std::io::Result<Self> {
        let keys = Keys::load(key_file).map_err(std::io::Error::other)?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let heard = Arc::new(Heard { keys, clock, letters: Mutex::default() });
        let router = Router::new()
            .route("/alerts", post(accept))
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(heard.clone());
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { address, heard, task })
    }

    /// Where it is to be sent to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.address)
    }

    /// `GET /demo/alerts`.
    pub fn routes(&self) -> Router {
        Router::new().route("/demo/alerts", get(show)).with_state(self.heard.clone())
    }

    /// Hears no more.
    pub fn stop(&self) {
        self.task.abort();
    }
}

/// 401 for what is not signed with our key; 204 for a letter, also for one that came before, which is not kept twice.
async fn accept(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signatures)) =
        (text(WEBHOOK_ID_HEADER), text(TIMESTAMP_HEADER), text(SIGNATURE_HEADER))
    else {
        return StatusCode::UNAUTHORIZED;
    };
    let now = heard.clock.now();
    if !heard.keys.verify(id, timestamp, signatures, &body, now.unix_timestamp()) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(body) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST };
    let mut letters = heard.letters.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = letters.iter_mut().find(|before| before.id == id) {
        before.times += 1;
        return StatusCode::NO_CONTENT;
    }
    if letters.len() >= MOST {
        letters.remove(0);
    }
    letters.push(Letter { id: id.to_owned(), received: rfc3339(now), times: 1, body });
    StatusCode::NO_CONTENT
}

async fn show(State(heard): State<Arc<Heard>>) -> Response {
    let letters = heard.letters.lock().unwrap_or_else(PoisonError::into_inner);
    let list: Vec<Value> = letters
        .iter()
        .rev()
        .map(|letter| {
            json!({
                "webhook_id": letter.id, "received": letter.received, "verified": true, "times": letter.times,
                "body": letter.body,
            })
        })
        .collect();
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, headers, Value::from(list).to_string()).into_response()
}
