//! How an answer travels: whole, as a rule; in pieces, cut short or never, where a switch says so.

use super::line::Breaking;
use super::switches::{Delivery, Effect};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::time::Duration;
use tokio::sync::watch;

/// The answer ends here, on purpose.
#[derive(Debug, thiserror::Error)]
#[error("broken off, as told")]
pub(super) struct BrokenOff;

/// A body that may break off.
pub(super) type Body = UnsyncBoxBody<Bytes, BrokenOff>;

/// How long a dribble pauses where the switch does not say.
const PAUSE: u64 = 20;

/// Pieces of a dribbled answer.
const PIECES: usize = 64;

/// A body that arrives.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Until the simulator stops, and no longer: a stop need not wait for it.
async fn for_ever(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Sends an answer the way that the switches say.
pub(super) async fn deliver(
    mut response: Response<Body>,
    effect: &Effect,
    breaking: &Breaking,
    stopped: watch::Receiver<bool>,
) -> Result<Response<Body>, BrokenOff> {
    dress(&mut response, effect);
    let Some(delivery) = effect.delivery else { return Ok(response) };
    match delivery {
        Delivery::Reset => {
            breaking.reset();
            return Err(BrokenOff);
        }
        Delivery::Close => return Err(BrokenOff),
        Delivery::StallHead => {
            for_ever(stopped).await;
            return Err(BrokenOff);
        }
        _ => {}
    }
    let (mut head, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    let announced = HeaderValue::from(bytes.len());
    let breaking = breaking.clone();
    let body = match delivery {
        Delivery::Chunked => pieces(bytes, 3, Duration::ZERO),
        Delivery::Dribble => {
            head.headers.insert(CONTENT_LENGTH, announced);
            pieces(bytes, PIECES, Duration::from_millis(effect.piece_ms.unwrap_or(PAUSE)))
        }
        Delivery::ChunkedCut => then(half, async { Err(BrokenOff) }),
        Delivery::Truncate => {
            head.headers.insert(CONTENT_LENGTH, announced);
            then(half, async { Err(BrokenOff) })
        }
        Delivery::ResetBody => {
            head.headers.insert(CONTENT_LENGTH, announced);
            then(half, async move {
                breaking.reset();
                Err(BrokenOff)
            })
        }
        Delivery::StallBody | Delivery::Reset | Delivery::Close | Delivery::StallHead => {
            head.headers.insert(CONTENT_LENGTH, announced);
            then(half, async move {
                for_ever(stopped).await;
                Err(BrokenOff)
            })
        }
    };
    Ok(Response::from_parts(head, body))
}

/// Status and headers as told.
fn dress(response: &mut Response<Body>, effect: &Effect) {
    if let Some(status) = effect.status.and_then(|status| StatusCode::from_u16(status).ok()) {
        *response.status_mut() = status;
    }
    match effect.content_type.as_deref() {
        None => {}
        Some("") => drop(response.headers_mut().remove(CONTENT_TYPE)),
        Some(kind) => {
            if let Ok(kind) = HeaderValue::from_str(kind) {
                response.headers_mut().insert(CONTENT_TYPE, kind);
            }
        }
    }
    if let Some((name, value)) = &effect.header
        && let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
    {
        response.headers_mut().insert(name, value);
    }
}

/// So many pieces with a pause before each.
fn pieces(bytes: Bytes, count: usize, pause: Duration) -> Body {
    let size = bytes.len().div_ceil(count).max(1);
    let stream = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let piece = left.split_to(size.min(left.len()));
        Some((Ok(Frame::data(piece)), left))
    });
    StreamBody::new(stream).boxed_unsync()
}

/// A piece, a moment in which it leaves, then how it ends.
fn then(piece: Bytes, end: impl Future<Output = Result<Bytes, BrokenOff>> + Send + 'static) -> Body {
    let first = stream::once(async move { Ok(Frame::data(piece)) });
    let last = stream::once(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        end.await.map(Frame::data)
    });
    StreamBody::new(futures_util::StreamExt::chain(first, last)).boxed_unsync()
}
