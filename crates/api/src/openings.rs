//! The port that guest sessions are opened through; `gateway` implements it.

use frontdesk_domain::ConversationId;
use frontdesk_domain::session::{OpenedSession, SessionRequest};
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::conversation::Conversations;
use crate::counters::Counters;
use crate::error::Error;
use crate::source::Origin;

/// Where guests' sessions are opened (contract §3). What a conflict names is looked at through [`Conversations`].
///
/// ```
/// use frontdesk_api::{
///     ConversationLook, Conversations, Counters, Error, OpenReply, Opening, Origin, SessionOpenings,
/// };
/// use frontdesk_domain::ConversationId;
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform where every guest has an open session.
/// struct Full;
///
/// impl Conversations for Full {
///     fn conversation<'a>(&'a self, _: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
///         async { Ok(ConversationLook::Missing) }.boxed()
///     }
/// }
///
/// impl SessionOpenings for Full {
///     fn open<'a>(&'a self, _: &'a Opening) -> BoxFuture<'a, Result<OpenReply, Error>> {
///         async { Ok(OpenReply::Conflict { conversation_id: None }) }.boxed()
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait SessionOpenings: Conversations {
    /// Opens a session; repeated under the same key as the contract allows (§7).
    ///
    /// # Cancel safety
    /// A dropped call may have been processed: give the signal of [`CallOptions::cancel`](crate::CallOptions::cancel)
    /// instead, and send it again with the same key.
    ///
    /// # Errors
    /// When no session was opened, or when that is not known: then
    /// [`may_have_been_processed`](Error::may_have_been_processed). 409 is an answer and no error.
    fn open<'a>(&'a self, opening: &'a Opening) -> BoxFuture<'a, Result<OpenReply, Error>>;

    /// What is being asked, for intents and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every call.
    fn counters(&self) -> Counters;
}

/// One logical request: what is sent, and the key under which it is one request however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The value of `Idempotency-Key`.
    pub key: Uuid,
    /// What is sent.
    pub request: SessionRequest,
}

/// How the platform answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenReply {
    /// 201: there is a session, of this request.
    Opened(OpenedSession),
    /// 409 `conflict`: the guest has an open session.
    Conflict {
        /// That session; none where the answer does not name it.
        conversation_id: Option<ConversationId>,
    },
    /// 409 `idempotency.mismatch`: the key was used for other words.
    Mismatch,
}
