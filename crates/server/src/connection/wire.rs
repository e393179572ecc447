//! The bytes of one connection, with what hyper does not do: nobody may be silent, dribble or stop reading for long,
//! and a head that is too long never reaches the parser.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::Sleep;

use super::busy::Busy;
use super::head::{HeadScan, Scanned};
use crate::limits::Limits;

/// So much is read at once, and held while a request is being answered.
const PIECE: usize = 8 << 10;

thread_local! {
    static READ: RefCell<[u8; PIECE]> = const { RefCell::new([0; PIECE]) };
}

/// Trailers are only sent to who accepts them, says hyper. Every HTTP/1.1 client must be able to skip them (RFC 9112,
/// 7.1.2), and the contract (§5) wants them sent.
const ACCEPTS_TRAILERS: &[u8] = b"TE: trailers\r\n";

/// Why a connection ends before a request of it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing came; nothing is answered.
    Silent,
    /// The head did not come to its end in time.
    HeadTooSlow,
    UrlTooLong,
    HeadersTooLarge,
}

/// A socket that hands whole heads to hyper, one at a time and none while a request is being answered.
pub(super) struct Wire<S> {
    stream: S,
    limits: Arc<Limits>,
    busy: Arc<Busy>,
    /// What arrived and hyper has not got.
    held: Vec<u8>,
    /// How much of it hyper may have.
    released: usize,
    scan: HeadScan,
    ended: bool,
    /// Runs while a head is awaited.
    patience: Option<Pin<Box<Sleep>>>,
    refused: Option<Refusal>,
    /// Runs while an answer cannot be written.
    stall: Option<Pin<Box<Sleep>>>,
    /// Bytes that left since it runs.
    left: u64,
    /// Whether what hyper wants written is waiting, and who waits for that.
    blocked: bool,
    waits_for_flush: Option<Waker>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, limits: Arc<Limits>, busy: Arc<Busy>) -> Self {
        Self {
            stream,
            limits,
            busy,
            held: Vec::new(),
            released: 0,
            scan: HeadScan::default(),
            ended: false,
            patience: None,
            refused: None,
            stall: None,
            left: 0,
            blocked: false,
            waits_for_flush: None,
        }
    }

    /// Why it ended, where that is no choice of the client's.
    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// Writes `last`, says that nothing more comes, and reads on for a moment: closing while bytes of the client are on
    /// their way would take the answer from it.
    pub(super) async fn close(mut self, last: &[u8], linger: Duration) {
        const MOST: usize = 4 << 20;
        let farewell = async {
            self.stream.write_all(last).await?;
            AsyncWriteExt::shutdown(&mut self.stream).await?;
            let mut nowhere = vec![0; PIECE];
            let mut read = 0;
            while read < MOST && !self.ended {
                let got = tokio::io::AsyncReadExt::read(&mut self.stream, &mut nowhere).await?;
                self.ended = got == 0;
                read += got;
            }
            Ok::<(), io::Error>(())
        };
        // A client that is gone, or does not hear, misses its answer.
        let _ = tokio::time::timeout(linger, farewell).await;
    }

    /// Reads what there is into [`Self::held`].
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // One piece for all connections of a thread: most looks find nothing, and must cost nothing.
        READ.with_borrow_mut(|room| {
            let mut piece = ReadBuf::new(&mut room[..]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
            let got = piece.filled();
            self.held.extend_from_slice(got);
            self.ended = got.is_empty();
            Poll::Ready(Ok(got.len()))
        })
    }

    /// Moves the head that is whole to where hyper may have it.
    fn release(&mut self, request_line: usize, end: usize) {
        self.held.splice(request_line..request_line, ACCEPTS_TRAILERS.iter().copied());
        self.released = end + ACCEPTS_TRAILERS.len();
        self.scan = HeadScan::default();
        self.patience = None;
    }

    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let some = self.released.min(buffer.remaining());
        buffer.put_slice(&self.held[..some]);
        self.held.drain(..some);
        self.released -= some;
        if self.held.is_empty() {
            // Thousands of quiet connections hold nothing.
            self.held = Vec::new();
        }
    }

    /// Whether the client took too long: with the first byte of a head, or from there to its end.
    fn is_impatient(&mut self, cx: &mut Context<'_>) -> bool {
        let wait = if self.held.is_empty() { self.limits.silence } else { self.limits.head };
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        patience.as_mut().poll(cx).is_ready()
    }

    /// Accounts for a write, and ends a connection whose client does not read.
    fn written(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.blocked = outcome.is_pending();
        if let Poll::Ready(outcome) = outcome {
            self.left += *outcome.as_ref().unwrap_or(&0) as u64;
            return Poll::Ready(outcome);
        }
        loop {
            let stall = self.stall.get_or_insert_with(|| {
                self.left = 0;
                Box::pin(tokio::time::sleep(self.limits.stall))
            });
            ready!(stall.as_mut().poll(cx));
            if self.left < self.limits.stall_bytes {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.stall = None;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.released > 0 {
                this.give(buffer);
                return Poll::Ready(Ok(()));
            }
            if this.busy.is() && this.busy.body_left() > 0 {
                if this.held.is_empty() {
                    if this.ended {
                        return Poll::Ready(Ok(()));
                    }
                    ready!(this.fill(cx))?;
                    continue;
                }
                // Not a byte of what follows it: that is a head, which is scanned first.
                let left = usize::try_from(this.busy.body_left()).unwrap_or(usize::MAX);
                this.released = this.held.len().min(left);
                this.busy.body_read(this.released as u64);
                continue;
            }
            if this.busy.is() {
                // Hyper does not ask again by itself, and patience begins with the end of the answer.
                this.busy.wake_after(cx.waker());
                // Only to hear that the connection is broken. A client that has said all may still listen.
                if this.ended || this.held.len() >= PIECE {
                    return Poll::Pending;
                }
                ready!(this.fill(cx))?;
                continue;
            }
            if this.busy.is_last() {
                return Poll::Ready(Ok(()));
            }
            if this.refused.is_some() {
                // For hyper it is the end; but first everything that was answered must have left.
                if this.blocked {
                    this.waits_for_flush = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                return Poll::Ready(Ok(()));
            }
            this.refused = match this.scan.scan(&this.held, &this.limits) {
                Scanned::Whole { request_line, end } => {
                    this.release(request_line, end);
                    continue;
                }
                Scanned::UrlTooLong => Some(Refusal::UrlTooLong),
                Scanned::HeadersTooLarge => Some(Refusal::HeadersTooLarge),
                Scanned::Open => None,
            };
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            if this.refused.is_some() {
                continue;
            }
            if this.is_impatient(cx) {
                let silent = this.held.is_empty();
                this.refused = Some(if silent { Refusal::Silent } else { Refusal::HeadTooSlow });
                continue;
            }
            let began = this.held.is_empty();
            if ready!(this.fill(cx))? > 0 && began {
                this.patience = None;
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when hyper has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.stall = None;
        this.blocked = false;
        if let Some(waiting) = this.waits_for_flush.take() {
            waiting.wake();
        }
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
