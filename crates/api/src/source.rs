//! The port that jobs pull conversations through; `gateway` and `platform` implement it.

use std::num::NonZeroU32;
use std::time::Duration;

use frontdesk_domain::{Facts, Filter, PageSize, PageToken, RawRecord, RecordError, TimeRange, Timestamp};

use crate::counters::Counters;
use crate::pages::{Page, Pages};
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

    /// The days (UTC) that one query takes in at the cost of one, where it is matched by whole days as on the platform contract
    /// (C.7.1, C.8): windows that divide them would cost a query each, and those that divide a day would fetch all of it each.
    /// None where any times will do.
    fn days_at_once(&self) -> Option<NonZeroU32> {
        None
    }
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The contract spoken: `gateway` or `platform`.
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
    /// How far the service's data reach: what started later may be missing from the page without a sign. None where the
    /// listing is of the moment (platform contract C.8).
    pub available_until: Option<Timestamp>,
    /// Length of the body, decompressed.
    pub body_bytes: u64,
    /// From when the request went until the page was read. Waits for a turn are not in it, nor are attempts that failed.
    pub took: Duration,
}

impl Page for ConversationPage {
    fn next(&self) -> Option<&PageToken> {
        self.next.as_ref()
    }
}

/// The pages of one query.
pub type ConversationPages = Pages<ConversationPage>;

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
