//! Listings as streams: page after page, and why they ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use frontdesk_domain::PageToken;
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::error::Error;

/// Why a run of pages ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The last page was taken.
    Complete,
    /// As many pages as were asked for were taken, and there is more.
    DepthLimited {
        /// Where to go on.
        token: PageToken,
    },
    /// A page could not be had. The pages before it were delivered.
    Failed {
        /// The token of the page that was asked for; none when that was the first of a listing.
        token: Option<PageToken>,
    },
}

/// A page of a listing.
pub trait Page {
    /// The token of the page after it; none on the last.
    fn next(&self) -> Option<&PageToken>;
}

/// The pages of one listing, as a stream that knows why it ended. After an error it ends; nothing that was delivered is
/// taken back.
///
/// # Cancel safety
/// A dropped `next` loses nothing: the page in progress is polled on by the next one.
pub struct Pages<P> {
    pages: BoxStream<'static, Result<P, Error>>,
    /// The token of the page that is asked for next.
    pending: Option<PageToken>,
    stopped: Option<Stop>,
}

impl<P: Page> Pages<P> {
    /// Pages from any stream, from the beginning of a listing. It must end after the page without a next token, or after
    /// as many pages as were asked for, or after an error; [`stopped`](Pages::stopped) is told from that.
    pub fn from_stream(pages: impl Stream<Item = Result<P, Error>> + Send + 'static) -> Self {
        Self::resumed(pages, None)
    }

    /// The same for pages that begin with the one `token` fetches.
    pub fn resumed(
        pages: impl Stream<Item = Result<P, Error>> + Send + 'static,
        token: Option<PageToken>,
    ) -> Self {
        Self { pages: pages.boxed(), pending: token, stopped: None }
    }

    /// Why it ended; nothing before it has.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stop> {
        self.stopped.as_ref()
    }
}

impl<P: Page> Stream for Pages<P> {
    type Item = Result<P, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stopped.is_some() {
            return Poll::Ready(None);
        }
        let polled = self.pages.poll_next_unpin(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(page))) => {
                self.pending = page.next().cloned();
                if self.pending.is_none() {
                    self.stopped = Some(Stop::Complete);
                }
            }
            Poll::Ready(Some(Err(_))) => {
                let token = self.pending.take();
                self.stopped = Some(Stop::Failed { token });
            }
            Poll::Ready(None) => {
                self.stopped = Some(match self.pending.take() {
                    Some(token) => Stop::DepthLimited { token },
                    None => Stop::Complete,
                });
            }
        }
        polled
    }
}

impl<P> fmt::Debug for Pages<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("pending", &self.pending)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
