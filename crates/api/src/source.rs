//! The port that jobs pull conversations through; `gateway` and later `platform` implement it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use frontdesk_domain::{Facts, Filter, PageSize, PageToken, RawRecord, RecordError, TimeRange};
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::counters::Counters;
use crate::error::Error;
use crate::seen::SeenIds;

/// Where conversations come from.
///
/// ```
/// use frontdesk_api::{ConversationPages, ConversationSource, Counters, DetailsQuery, Origin};
///
/// /// A source with nothing in it.
/// struct Empty;
///
/// impl ConversationSource for Empty {
///     fn conversations(&self, _: DetailsQuery) -> ConversationPages {
///         ConversationPages::from_stream(futures_util::stream::empty())
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait ConversationSource: Send + Sync {
    /// The pages of one query, fetched one by one as they are asked for.
    fn conversations(&self, query: DetailsQuery) -> ConversationPages;

    /// What is being asked, for certificates and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every query of this source.
    fn counters(&self) -> Counters;

    /// Requests a second that may go at the moment, by all queries together; none while no limit is known. Above 0.
    ///
    /// With [`ConversationPage::took`] it tells how many queries must run at once to use it up.
    fn rate(&self) -> Option<f64> {
        None
    }
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The contract spoken: `gateway`.
    pub contract: &'static str,
    /// Host and port of the API, and the path prefix where there is one: another prefix may be another tenant.
    pub host: String,
    /// Who asks: the OAuth client's id, which is no secret. Another client may be of another division and see other
    /// conversations.
    pub client_id: String,
}

/// One query: the conversations that start in a range.
#[derive(Debug, Clone)]
pub struct DetailsQuery {
    /// Start times asked for.
    pub range: TimeRange,
    /// Conversations per page.
    pub size: PageSize,
    /// Which of them.
    pub filter: Option<Filter>,
    /// Where to go on; the beginning without it.
    pub resume: Option<PageToken>,
    /// Stop after this many pages, with the token that goes on.
    pub max_pages: Option<u64>,
    /// What earlier sessions of the same listing have met, and where this one adds what it meets.
    pub seen: SeenIds,
}

/// One page, whole.
#[derive(Debug)]
pub struct ConversationPage {
    /// Counted from 1 within this run of pages.
    pub number: u64,
    /// The token that fetched it; none for the first page of a query.
    pub token: Option<PageToken>,
    /// The token of the next one; none on the last.
    pub next: Option<PageToken>,
    /// What the page holds, in its order.
    pub conversations: Vec<Result<Conversation, Rejected>>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    /// From when the request went until the page was read. Waits for a turn are not in it, nor are attempts that failed.
    pub took: Duration,
}

/// A conversation as it came, with what can be read out of it.
#[derive(Debug)]
pub struct Conversation {
    /// Its exact bytes under its key.
    pub record: RawRecord,
    /// What the catalog wants to know.
    pub facts: Facts,
    /// [`id_hash`](crate::id_hash) of its id.
    pub id_hash: u64,
    /// Whether the listing brought this id for the first time.
    pub is_new: bool,
}

/// An element of a page that is no conversation. The others of its page are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the page, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub error: RecordError,
}

/// Why a run of pages ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The last page was taken.
    Complete,
    /// [`DetailsQuery::max_pages`] were taken, and there is more.
    DepthLimited {
        /// Where to go on.
        token: PageToken,
    },
    /// A page could not be had. The pages before it were delivered.
    Failed {
        /// The token of the page that was asked for; none when that was the first of a query.
        token: Option<PageToken>,
    },
}

/// The pages of one query, as a stream. After an error it ends; nothing that was delivered is taken back.
///
/// # Cancel safety
/// A dropped `next` loses nothing: the page in progress is polled on by the next one.
pub struct ConversationPages {
    pages: BoxStream<'static, Result<ConversationPage, Error>>,
    /// The token of the page that is asked for next.
    pending: Option<PageToken>,
    stopped: Option<Stop>,
}

impl ConversationPages {
    /// Pages from any stream, from the beginning of a query. It must end after the page without a next token, or after
    /// as many pages as were asked for, or after an error; [`stopped`](ConversationPages::stopped) is told from that.
    pub fn from_stream(pages: impl Stream<Item = Result<ConversationPage, Error>> + Send + 'static) -> Self {
        Self::resumed(pages, None)
    }

    /// The same for pages that begin with the one `token` fetches.
    pub fn resumed(
        pages: impl Stream<Item = Result<ConversationPage, Error>> + Send + 'static,
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

impl Stream for ConversationPages {
    type Item = Result<ConversationPage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stopped.is_some() {
            return Poll::Ready(None);
        }
        let polled = self.pages.poll_next_unpin(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(page))) => {
                self.pending.clone_from(&page.next);
                if page.next.is_none() {
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

impl fmt::Debug for ConversationPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationPages")
            .field("pending", &self.pending)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
