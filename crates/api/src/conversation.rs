//! The port that conversations are looked at through, while they go on; `gateway` implements it.
//!
//! One look serves both jobs that need it: opening compares guest and attributes (contract §3), sending needs channel,
//! participants and the state of the messages (§4).

use frontdesk_domain::ConversationId;
use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::delivery::ClockSample;
use futures_util::future::BoxFuture;

use crate::error::Error;

/// Where conversations are looked at.
///
/// ```
/// use frontdesk_api::{ConversationLook, Conversations, Error};
/// use frontdesk_domain::ConversationId;
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform without a conversation.
/// struct Empty;
///
/// impl Conversations for Empty {
///     fn conversation<'a>(&'a self, _: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
///         async { Ok(ConversationLook::Missing) }.boxed()
///     }
/// }
/// ```
pub trait Conversations: Send + Sync {
    /// Looks at a conversation.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When the platform does not say; 404 is an answer and no error.
    fn conversation<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>>;
}

/// What a look at a conversation found.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationLook {
    /// The platform knows it.
    Found(Box<Look>),
    /// 404.
    Missing,
}

/// A conversation, and what its answer says about the platform's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The conversation.
    pub conversation: Conversation,
    /// The platform's clock beside ours; none where the answer has no `Date` that can be read.
    pub clock: Option<ClockSample>,
}
