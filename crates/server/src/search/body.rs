//! The body of an answer: pieces as they are found, at their end a trailer where something could not be read.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use tokio::sync::mpsc::Receiver;
use tokio::time::Sleep;

use super::{INCOMPLETE, Said};

/// An answer on its way.
pub(super) struct Answer {
    first: Option<Bytes>,
    said: Receiver<Said>,
    /// What the header said.
    incomplete: u64,
    /// Ends with the time the whole answer may take.
    deadline: Pin<Box<Sleep>>,
    ended: bool,
}

impl Answer {
    pub(super) fn new(first: Bytes, said: Receiver<Said>, longest: Duration, incomplete: u64) -> Self {
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
                Poll::Ready(Some(Err(io::Error::other("the search failed in the middle of its answer"))))
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("ended", &self.ended).finish_non_exhaustive()
    }
}
