//! Answers that are written while they are read: pieces from a thread of its own, with a bounded queue between.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Sleep, timeout};

use crate::limits::Limits;
use crate::problem::Problem;
use crate::work::Work;

/// Conversations that could not be read, and may belong to the answer or not (contract §5).
pub(crate) const INCOMPLETE: HeaderName = HeaderName::from_static("frontdesk-incomplete");

/// So much of an answer is handed over at once; one conversation may be longer.
pub(crate) const PIECE: usize = 32 << 10;
/// Pieces that wait for a client to read them. With the one in the making they are the memory of an answer.
const PIECES: usize = 4;

/// What is said of an answer while it is made. The last word is an end or a failure.
pub(crate) enum Said {
    Piece { bytes: Bytes, incomplete: u64 },
    End { incomplete: u64 },
    Failed(Problem),
}

/// Nobody listens any more.
pub(crate) struct Deaf;

/// Where pieces go.
pub(crate) struct Speaker(Sender<Said>);

impl Speaker {
    /// Hands a piece over. Blocks while the client has enough to read.
    ///
    /// # Errors
    /// When nobody listens any more.
    pub(crate) fn piece(&self, bytes: Vec<u8>, incomplete: u64) -> Result<(), Deaf> {
        self.0.blocking_send(Said::Piece { bytes: bytes.into(), incomplete }).map_err(|_| Deaf)
    }
}

/// How an answer begins.
pub(crate) enum Begun {
    /// It had no piece.
    Empty { incomplete: u64 },
    /// Its first piece is there, and the rest is to come.
    Going { body: Body, incomplete: u64 },
}

/// Has an answer made on a thread of its own, and waits for its first piece. `tell` gives its last word.
///
/// # Errors
/// `busy` where there is no place, `deadline` when nothing is said in time, and what `tell` says before its first piece.
///
/// # Cancel safety
/// What was begun ends with its next piece, since nobody listens to it.
pub(crate) async fn begin(
    work: &Work,
    limits: &Limits,
    tell: impl FnOnce(&Speaker) -> Said + Send + 'static,
) -> Result<Begun, Problem> {
    let place = work.gate.enter().await?;
    let (sender, mut said) = channel(PIECES);
    // It ends by itself: with its last word, or when nobody listens to the next.
    drop(work.workers.run(move || {
        let speaker = Speaker(sender);
        let last = tell(&speaker);
        // The place is free before the client hears the end: its next request must find it so.
        drop(place);
        let _ = speaker.0.blocking_send(last);
    }));
    match timeout(limits.first_byte, said.recv()).await {
        Ok(Some(Said::Piece { bytes, incomplete })) => {
            let body = Body::new(Answer::new(bytes, said, limits.answer, incomplete));
            Ok(Begun::Going { body, incomplete })
        }
        Ok(Some(Said::End { incomplete })) => Ok(Begun::Empty { incomplete }),
        Ok(Some(Said::Failed(problem))) => Err(problem),
        Ok(None) => Err(Problem::unexpected()),
        Err(_) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "deadline", "the answer took too long")
            .hint("ask for less, or again in a moment")
            .retry_after(10)),
    }
}

/// An answer on its way: pieces as they are made, at their end a trailer where something could not be read.
struct Answer {
    first: Option<Bytes>,
    said: Receiver<Said>,
    /// What the header said.
    incomplete: u64,
    /// Ends with the time the whole answer may take.
    deadline: Pin<Box<Sleep>>,
    ended: bool,
}

impl Answer {
    fn new(first: Bytes, said: Receiver<Said>, longest: Duration, incomplete: u64) -> Self {
        let deadline = Box::pin(tokio::time::sleep(longest));
        Self { first: Some(first), said, incomplete, deadline, ended: false }
    }
}
impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    /// An error breaks the connection, so that half an answer is never taken for a whole one.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if this.deadline.as_mut().poll(cx).is_ready() {
            this.ended = true;
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        match ready!(this.said.poll_recv(cx)) {
            Some(Said::Piece { bytes, .. }) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Said::End { incomplete }) => {
                this.ended = true;
                if incomplete == this.incomplete {
                    return Poll::Ready(None);
                }
                let mut trailers = HeaderMap::new();
                trailers.insert(INCOMPLETE, HeaderValue::from(incomplete));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Some(Said::Failed(_)) | None => {
                this.ended = true;
                Poll::Ready(Some(Err(io::Error::other("it failed in the middle of its answer"))))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ended", &self.ended).finish_non_exhaustive()
    }
}
