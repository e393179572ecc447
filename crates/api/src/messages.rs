//! The port that messages are sent through; `gateway` and `platform` implement it.

use frontdesk_domain::ConversationId;
use frontdesk_domain::delivery::{ClockSample, MessageId, Status};
use frontdesk_domain::outbound::{ClientId, OutboundMessage};
use futures_util::future::BoxFuture;

use crate::conversation::{ConversationLook, Conversations};
use crate::counters::Counters;
use crate::error::Error;
use crate::legs::LegMessages;
use crate::source::Origin;

/// Where messages are sent into conversations, and looked for afterwards (contract §4).
///
/// ```
/// use frontdesk_api::{Accepted, ConversationLook, Conversations, Counters, Error, MessageChannel, Origin};
/// use frontdesk_domain::ConversationId;
/// use frontdesk_domain::delivery::{MessageId, Status};
/// use frontdesk_domain::outbound::{ClientId, OutboundMessage};
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform that takes everything, and shows nothing.
/// struct Pit;
///
/// impl Conversations for Pit {
///     fn conversation<'a>(&'a self, _: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
///         async { Ok(ConversationLook::Missing) }.boxed()
///     }
/// }
///
/// impl MessageChannel for Pit {
///     fn send<'a>(
///         &'a self,
///         _: &'a OutboundMessage,
///         key: &'a ClientId,
///     ) -> BoxFuture<'a, Result<Accepted, Error>> {
///         // The same client id has the same message.
///         let id = MessageId::new(key.as_str()).unwrap();
///         async { Ok(Accepted { id, conversation: None, status: Status::Queued, clock: None }) }.boxed()
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait MessageChannel: Conversations {
    /// Sends a message under its client id, repeated as the contract allows (§7): the same client id again gives the same
    /// message and sends nothing twice. Where there are [`legs`](MessageChannel::legs) that does not hold: the message is
    /// posted once by each call.
    ///
    /// # Cancel safety
    /// A dropped call may have been processed: give the signal of [`CallOptions::cancel`](crate::CallOptions::cancel)
    /// instead, and send again under the same client id.
    ///
    /// # Errors
    /// When it was not sent, or when that is not known: then
    /// [`may_have_been_processed`](Error::may_have_been_processed).
    fn send<'a>(
        &'a self,
        message: &'a OutboundMessage,
        key: &'a ClientId,
    ) -> BoxFuture<'a, Result<Accepted, Error>>;

    /// The channel's other door, where the client id means nothing to the platform: a message posted twice is there twice, so
    /// it is posted once, and looked for when the answer is lost. None where [`send`](MessageChannel::send) may be repeated.
    fn legs(&self) -> Option<&dyn LegMessages> {
        None
    }

    /// Looks at a conversation for the sake of these of its messages: how they stand, and when they got there, where that is
    /// to be had apart from the conversation.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When the platform does not say; 404 is an answer and no error.
    fn look<'a>(
        &'a self,
        id: &'a ConversationId,
        of: &'a [MessageId],
    ) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        let _ = of;
        self.conversation(id)
    }

    /// What is being asked, for records and logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every call.
    fn counters(&self) -> Counters;
}

/// The platform has a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its id there.
    pub id: MessageId,
    /// Its conversation, where that was not known before.
    pub conversation: Option<ConversationId>,
    /// How far it is already.
    pub status: Status,
    /// The platform's clock beside ours; none where the answer has no `Date` that can be read.
    pub clock: Option<ClockSample>,
}
