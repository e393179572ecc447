//! A socket that breaks on demand, and only after all that was written has left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::reply::Break;

/// A way to break the wire from the answering side of the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Hangup(Arc<Orders>);

#[derive(Debug, Default)]
struct Orders {
    at_flush: AtomicU8,
    at_drop: AtomicU8,
}

const NOTHING: u8 = 0;
const CLOSE: u8 = 1;
const RESET: u8 = 2;

impl Hangup {
    /// How the socket is closed when it is.
    pub(super) fn at_drop(&self, how: Break) {
        self.0.at_drop.store(order(how), Ordering::Release);
    }

    /// Breaks the wire once everything written so far has left.
    pub(super) fn after_flush(&self, how: Break) {
        self.at_drop(how);
        self.0.at_flush.store(order(how), Ordering::Release);
    }
}

fn order(how: Break) -> u8 {
    match how {
        Break::Stall => NOTHING,
        Break::Cut => CLOSE,
        Break::Reset => RESET,
    }
}

/// The socket.
pub(super) struct Wire {
    stream: TcpStream,
    hangup: Hangup,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, hangup: Hangup) -> Self {
        Self { stream, hangup }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.hangup.0.at_drop.load(Ordering::Acquire) == RESET {
            // Without lingering, closing a socket is resetting it.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when its own buffer is empty: the moment to obey.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().stream().poll_flush(cx))?;
        if self.hangup.0.at_flush.load(Ordering::Acquire) != NOTHING {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
