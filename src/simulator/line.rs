//! One connection to the simulated MIG, which can be told to end with a reset; and what is counted of all of them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Connections and handshakes since the start.
#[derive(Default)]
pub(super) struct Counts {
    pub connections: AtomicU64,
    pub handshakes: AtomicU64,
}

/// Says that a connection is to end with a reset.
#[derive(Clone, Default)]
pub(super) struct Breaking(Arc<AtomicBool>);

impl Breaking {
    pub(super) fn reset(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A stream that ends as it is told.
pub(super) struct Line {
    stream: TcpStream,
    breaking: Breaking,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> (Self, Breaking) {
        let breaking = Breaking::default();
        (Self { stream, breaking: breaking.clone() }, breaking)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.breaking.0.load(Ordering::SeqCst) {
            // Without lingering a close throws away what is unsent and resets.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
