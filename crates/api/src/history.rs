//! The port that histories are pulled through; `gateway` and `platform` implement it.

use std::time::Duration;

use frontdesk_domain::message::{HistoryTarget, Listing, Message};
use frontdesk_domain::{HistoryPageSize, MaxDepth, PageToken, RecordErrorKind};

use crate::counters::Counters;
use crate::pages::{Page, Pages};
use crate::seen::SeenIds;
use crate::source::Origin;

/// Where the messages of conversations come from.
///
/// ```
/// use frontdesk_api::{Counters, HistoryPages, HistoryQuery, HistorySource, Origin};
///
/// /// A source with nothing in it.
/// struct Empty;
///
/// impl HistorySource for Empty {
///     fn history(&self, _: HistoryQuery) -> HistoryPages {
///         HistoryPages::from_stream(futures_util::stream::empty())
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: String::new() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
///     fn rate(&self) -> Option<f64> {
///         None
///     }
/// }
/// ```
pub trait HistorySource: Send + Sync {
    /// The pages of one conversation's history, fetched one by one as they are asked for.
    fn history(&self, query: HistoryQuery) -> HistoryPages;

    /// The order in which a history is listed.
    fn listing(&self) -> Listing {
        Listing::OldestFirst
    }

    /// What is being asked, for reports and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every query of this source.
    fn counters(&self) -> Counters;

    /// Requests a second that may go at the moment, by all queries together; none while no limit is known. Above 0.
    fn rate(&self) -> Option<f64>;
}

/// One history asked for.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// Whose.
    pub target: HistoryTarget,
    /// Messages per page.
    pub size: HistoryPageSize,
    /// Where to go on; the beginning without it.
    pub resume: Option<PageToken>,
    /// Stop after this many pages, with the token that goes on.
    pub depth: MaxDepth,
    /// What earlier sessions of the same listing have met, and where this one adds what it meets.
    pub seen: SeenIds,
}

/// One page of a history, whole.
#[derive(Debug)]
pub struct HistoryPage {
    /// Counted from 1 within this run of pages.
    pub number: u64,
    /// The token that fetched it; none for the first page of a history.
    pub token: Option<PageToken>,
    /// The token of the next one; none on the last.
    pub next: Option<PageToken>,
    /// What the page holds, in its order.
    pub messages: Vec<Result<HistoryMessage, RecordErrorKind>>,
    /// Whether another page will be asked for: there is one, it leads on, and the depth allows it.
    pub more: bool,
    /// Messages of the whole history, as the server counts them; where it says so.
    pub total: Option<u64>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    /// From when the request went until the page was read. Waits for a turn are not in it, nor are attempts that failed.
    pub took: Duration,
}

impl Page for HistoryPage {
    fn next(&self) -> Option<&PageToken> {
        self.next.as_ref()
    }
}

/// The pages of one history.
pub type HistoryPages = Pages<HistoryPage>;

/// A message as it came.
#[derive(Debug)]
pub struct HistoryMessage {
    /// The message.
    pub message: Message,
    /// [`id_hash`](crate::id_hash) of its id.
    pub id_hash: u64,
    /// Whether the listing brought this id for the first time.
    pub is_new: bool,
}
