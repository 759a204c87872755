//! The client of the measurements: kept-alive connections of the same process, so client and server share the machine.

use super::times::{Load, Times};
use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::routing::get;
use futures_util::future::try_join_all;
use reqwest::{Client, Method};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request, to be sent again and again.
#[derive(Clone)]
pub struct Shot {
    pub url: String,
    pub token: Option<String>,
    /// `Cache-Control: no-cache`.
    pub fresh: bool,
}

/// One kept-alive connection.
pub fn connection() -> Result<Client, String> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(1).timeout(PATIENCE).build();
    client.map_err(|_| "no client".to_owned())
}

impl Shot {
    /// Sends it; the answer's body, if it is 200.
    pub async fn send(&self, client: &Client) -> Result<Bytes, String> {
        let mut request = client.get(&self.url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if self.fresh {
            request = request.header(header::CACHE_CONTROL, "no-cache");
        }
        answer(request).await
    }
}

/// Posts FHIR JSON.
pub async fn post(client: &Client, url: String, token: &str, body: &Value) -> Result<(), String> {
    let request = client.request(Method::POST, url).bearer_auth(token);
    answer(request.header(header::CONTENT_TYPE, "application/fhir+json").body(body.to_string())).await.map(|_| ())
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Bytes, String> {
    let response = request.send().await.map_err(|_| "no answer".to_owned())?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("answered {status}"));
    }
    response.bytes().await.map_err(|_| "an answer was cut short".to_owned())
}

/// Many connections at once, each sending its next request when the last is answered. The first fifth is not counted.
pub async fn many(shot: &Shot, connections: usize, counted: Duration) -> Result<Load, String> {
    let begin = Instant::now() + counted / 5;
    let end = begin + counted;
    let each = try_join_all((0..connections).map(|_| {
        let shot = shot.clone();
        async move {
            let task = tokio::spawn(async move {
                let client = connection()?;
                let mut times = Vec::new();
                loop {
                    let start = Instant::now();
                    if start >= end {
                        return Ok::<_, String>(times);
                    }
                    shot.send(&client).await?;
                    if start >= begin && Instant::now() <= end {
                        times.push(start.elapsed());
                    }
                }
            });
            task.await.map_err(|_| "a connection broke".to_owned())?
        }
    }))
    .await?;
    let times: Vec<Duration> = each.into_iter().flatten().collect();
    #[allow(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = times.len() as f64 / counted.as_secs_f64();
    Ok(Load { rate, times: Times::of(times) })
}

/// One connection, one request after the other. The first fifth is not counted.
pub async fn in_turn(shot: &Shot, counted: Duration) -> Result<Times, String> {
    Ok(many(shot, 1, counted).await?.times)
}

/// A bare route on a port of its own that answers with these bytes; gone when the task is.
pub async fn bare(body: Bytes) -> Result<(String, tokio::task::JoinHandle<()>), String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let kind = HeaderValue::from_static("application/fhir+json; charset=utf-8");
    let route = get(move || {
        let (body, kind) = (body.clone(), kind.clone());
        async move { ([(header::CONTENT_TYPE, kind)], body) }
    });
    let router = axum::Router::new().route("/", route);
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok((format!("http://{address}/"), task))
}
