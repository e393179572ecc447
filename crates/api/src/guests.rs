//! The port that guest sessions are looked at and ended through; `gateway` and `platform` implement it.

use frontdesk_domain::{Ending, GuestId, GuestState, Timestamp};
use futures_util::future::BoxFuture;

use crate::counters::Counters;
use crate::error::Error;
use crate::source::Origin;

/// Where guests' sessions are (contract §6).
///
/// ```
/// use frontdesk_api::{Counters, EndReply, Error, GuestLook, GuestSessions, Origin};
/// use frontdesk_domain::{Ending, GuestId};
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform without a guest.
/// struct Empty;
///
/// impl GuestSessions for Empty {
///     fn guest<'a>(&'a self, _: &'a GuestId) -> BoxFuture<'a, Result<GuestLook, Error>> {
///         async { Ok(GuestLook::Missing) }.boxed()
///     }
///     fn end<'a>(&'a self, _: &'a Ending) -> BoxFuture<'a, Result<EndReply, Error>> {
///         async { Ok(EndReply::Missing { after_lost_reply: false }) }.boxed()
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait GuestSessions: Send + Sync {
    /// Looks at a guest's session.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When the platform does not say; 404 is an answer and no error.
    fn guest<'a>(&'a self, id: &'a GuestId) -> BoxFuture<'a, Result<GuestLook, Error>>;

    /// Ends a guest's session; repeated as the contract allows (§7).
    ///
    /// # Cancel safety
    /// A dropped call may have been processed: give the signal of [`CallOptions::cancel`](crate::CallOptions::cancel)
    /// instead, and look at the session.
    ///
    /// # Errors
    /// When the session was not ended, or when that is not known: then
    /// [`may_have_been_processed`](Error::may_have_been_processed). 404 is an answer and no error.
    fn end<'a>(&'a self, ending: &'a Ending) -> BoxFuture<'a, Result<EndReply, Error>>;

    /// What is being asked, for plans and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every call.
    fn counters(&self) -> Counters;
}

/// What a look at a guest found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestLook {
    /// The platform knows the guest.
    Found(Guest),
    /// 404.
    Missing,
}

/// A guest's session, as the platform describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Its state.
    pub state: GuestState,
    /// When that changed last; none where it was not said or cannot be read.
    pub last_updated: Option<Timestamp>,
}

/// How the platform answered to the end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReply {
    /// 200 or 204: it has ended.
    Done,
    /// It has ended, and the platform keeps data that was to be forgotten (platform contract D.7, `retainData`).
    DoneKeeping {
        /// What it keeps, and what was done about the rest, in words.
        what: String,
    },
    /// 404: there is no session to end.
    Missing {
        /// An earlier attempt of the same call may have been processed, its answer was lost. Then the session was
        /// there, and it was ours that ended it.
        after_lost_reply: bool,
    },
}
