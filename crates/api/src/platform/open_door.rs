//! Opening guests' sessions over open messaging: the second way on the published contract (C.3).
//!
//! The key of an opening is the id of the guest's first message, and the time of its consent that message's: the same opening
//! again is the same message, and begins no second conversation (B.7).

use frontdesk_domain::session::{CONSENT_PREFIX, OpenedSession};
use frontdesk_domain::{ConversationId, PathSegment, Timestamp};
use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio::time::sleep;

use super::Platform;
use super::conversation::LiveConversation;
use super::message_details::{LOOKS, ReadMessageDetails};
use super::open_inbound::{InboundOpen, TakenOpen};
use super::openings::{GUEST_ID, custom_attributes, is_hint};
use crate::conversation::{ConversationLook, Conversations, Look};
use crate::counters::Counters;
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::openings::{OpenReply, Opening, SessionOpenings};
use crate::source::Origin;

/// Where guests come in over a channel of one's own.
#[derive(Debug, Clone)]
pub struct OpenDoor {
    /// The integration's id.
    pub integration: PathSegment,
    /// What the guest says first: a conversation begins with a message, and a message says something.
    pub first_text: String,
}

/// Opens sessions by a message of the guest over open messaging.
///
/// Attributes, consent and routing hints go along with the message, as over the web deployment. A guest whose conversation on the
/// integration goes on, or ended within the threading window, is given that one by the platform: the message joins it, and the
/// opening is a conflict.
#[derive(Debug, Clone)]
pub struct OpenMessagingOpenings {
    platform: Platform,
    door: OpenDoor,
}

impl OpenMessagingOpenings {
    /// Opens sessions at this door.
    #[must_use]
    pub fn new(platform: Platform, door: OpenDoor) -> Self {
        Self { platform, door }
    }

    async fn opened(&self, opening: &Opening) -> Result<OpenReply, Error> {
        let at = opening.request.consent.timestamp;
        let call = InboundOpen {
            integration: self.door.integration.clone(),
            guest: opening.request.guest_id.clone(),
            id: opening.key,
            at: in_millis(at),
            text: self.door.first_text.clone(),
            attributes: custom_attributes(&opening.request),
        };
        let taken = self.platform.client.send(&call, &self.platform.options).await?;
        let (message, conversation) = self.found(&call, taken).await?;
        // The session is there, whoever may look at it.
        let began = self.begun_by(&conversation, message.as_deref()).await.map_err(Error::in_doubt)?;
        Ok(match began {
            Some(created) => OpenReply::Opened(OpenedSession {
                session_id: conversation,
                status: 201,
                queue_position: None,
                estimated_wait: None,
                created,
            }),
            None => OpenReply::Conflict { conversation_id: Some(conversation) },
        })
    }

    /// The conversation of what the platform took: as it said, or as it says when asked again.
    async fn found(
        &self,
        call: &InboundOpen,
        mut taken: TakenOpen,
    ) -> Result<(Option<String>, ConversationId), Error> {
        for wait in LOOKS {
            sleep(wait).await;
            if let Some(conversation) = taken.conversation {
                return Ok((taken.message, conversation));
            }
            let id = taken.message.as_deref().and_then(|id| PathSegment::new(id).ok());
            taken.conversation = match id {
                Some(id) => {
                    match self.platform.client.send(&ReadMessageDetails { id }, &self.platform.options).await
                    {
                        Ok(conversation) => conversation,
                        Err(error) if error.is_missing() => None,
                        Err(error) => return Err(error.in_doubt()),
                    }
                }
                // Taken without a word: the same message again is the same one.
                None => {
                    let again = self.platform.client.send(call, &self.platform.options).await;
                    taken = again.map_err(Error::in_doubt)?;
                    taken.conversation
                }
            };
        }
        let what = "the conversation of the guest's message is not to be found".to_owned();
        Err(Error::of_kind(InboundOpen::OPERATION, ErrorKind::Malformed { what }).in_doubt())
    }

    /// When the conversation began, where this message is its first; none where the message joined it.
    async fn begun_by(
        &self,
        conversation: &ConversationId,
        message: Option<&str>,
    ) -> Result<Option<Option<Timestamp>>, Error> {
        let mut seen = None;
        for wait in LOOKS {
            sleep(wait).await;
            let Some(live) = self.platform.live(conversation).await? else { continue };
            match first_message(&live) {
                Some(first) => {
                    return Ok((message.is_none_or(|message| first == message)).then_some(live.started_at));
                }
                // It shows no message yet, and so none from before.
                None => seen = Some(live.started_at),
            }
        }
        Ok(Some(seen.flatten()))
    }
}

/// The message that a conversation began with.
fn first_message(live: &LiveConversation) -> Option<&str> {
    let messages = live.legs().flat_map(|(_, leg)| &leg.messages);
    messages.min_by_key(|message| (message.at.is_none(), message.at)).map(|message| &*message.id)
}

/// To the millisecond, which is what the platform has (B.2).
fn in_millis(at: Timestamp) -> Timestamp {
    const MILLI: i128 = 1_000_000;
    Timestamp::from_nanos(at.as_nanos().div_euclid(MILLI) * MILLI).unwrap_or(at)
}

impl Conversations for OpenMessagingOpenings {
    /// The conversation as it was opened: what we sent along besides the attributes is taken out of them, and says whose it is.
    fn conversation<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ConversationLook, Error>> {
        async move {
            let Some(live) = self.platform.live(id).await? else { return Ok(ConversationLook::Missing) };
            let mut conversation = live.seen();
            let guest = conversation.attributes.remove(GUEST_ID);
            conversation.guest_id = guest.and_then(|guest| guest.as_str().map(str::to_owned));
            conversation.attributes.retain(|key, _| !is_hint(key));
            for (key, value) in &mut conversation.attributes {
                // Attributes are texts there; of a consent they stand for yes and no.
                if key.starts_with(CONSENT_PREFIX)
                    && let Some(flag) = value.as_str().and_then(|text| text.parse::<bool>().ok())
                {
                    *value = Value::Bool(flag);
                }
            }
            Ok(ConversationLook::Found(Box::new(Look { conversation, clock: None })))
        }
        .boxed()
    }
}

impl SessionOpenings for OpenMessagingOpenings {
    fn open<'a>(&'a self, opening: &'a Opening) -> BoxFuture<'a, Result<OpenReply, Error>> {
        self.opened(opening).boxed()
    }

    fn describe(&self) -> Origin {
        self.platform.origin()
    }

    fn counters(&self) -> Counters {
        self.platform.client.counters()
    }
}
