//! A message posted to an address, which no agent takes part in (platform contract C.5.4). Nothing makes two posts of it one, so
//! it is posted once.

use bytes::Bytes;
use frontdesk_domain::outbound::Messenger;
use frontdesk_domain::{ConversationId, Timestamp};
use http::{Method, response};
use serde_json::{Value, json};

use super::conversation::PATH;
use super::message_data::MessageData;
use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::legs::Addressed;
use crate::object::SmallObject;
use crate::request;

/// No answer to a post is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Posts a text to an address.
#[derive(Clone)]
pub struct PostAgentless {
    /// Where to, and as whom.
    pub to: Addressed,
    /// What it says.
    pub text: String,
}

impl std::fmt::Debug for PostAgentless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostAgentless").field("to", &self.to).finish_non_exhaustive()
    }
}

/// What the platform said of a post to an address; neither after 202 without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedAgentless {
    pub(super) message: Option<MessageData>,
    pub(super) conversation: Option<ConversationId>,
    pub(super) answered_at: Option<Timestamp>,
}

impl Endpoint for PostAgentless {
    type Output = PostedAgentless;
    type Reader = PostedAgentlessReader;

    const OPERATION: &'static str = "agentless message sending";
    const REPEAT: Repeat = Repeat::Once;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:message:create"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let Addressed { way, from, to } = &self.to;
        // Web messaging goes to a contact, everything else to an address.
        let recipient = match way.messenger {
            Messenger::WebMessaging => "externalContactId",
            _ => "toAddress",
        };
        let mut body = json!({
            "fromAddress": from, "toAddressMessengerType": way.messenger.as_str(), "textBody": self.text,
            "useExistingActiveConversation": way.join_active,
        });
        body[recipient] = to.as_str().into();
        request::json(
            Method::POST,
            base,
            &format!("{PATH}/messages/agentless"),
            body.to_string(),
            "the base URL",
        )
    }

    fn reader(&self, head: &response::Parts) -> Result<PostedAgentlessReader, DecodeError> {
        let only_taken = match head.status.as_u16() {
            200 | 201 => false,
            202 => true,
            other => return Err(DecodeError::status(other, "200 or 202")),
        };
        let at = answered_at(&head.headers);
        Ok(PostedAgentlessReader { only_taken, at, body: SmallObject::about("a message", MOST_BYTES) })
    }
}

/// Collects what the platform says of a message it took; it is small.
#[derive(Debug)]
pub struct PostedAgentlessReader {
    /// 202: a body is no duty.
    only_taken: bool,
    at: Option<Timestamp>,
    body: SmallObject,
}

impl BodyReader for PostedAgentlessReader {
    type Output = PostedAgentless;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    /// The message is a member of the answer, which has the message's id and conversation beside it.
    fn finish(self) -> Result<PostedAgentless, DecodeError> {
        let value: Value = serde_json::from_slice(self.body.bytes()).unwrap_or_default();
        let message = value.get("message").and_then(MessageData::of).or_else(|| MessageData::of(&value));
        let said = value.get("conversationId").and_then(Value::as_str);
        let said = said.or_else(|| message.as_ref()?.conversation_id.as_deref());
        let conversation = said.and_then(|id| ConversationId::new(id).ok());
        if (message.is_none() || conversation.is_none()) && !self.only_taken {
            return Err(DecodeError::new("it is no object with the ids of a message and its conversation"));
        }
        Ok(PostedAgentless { message, conversation, answered_at: self.at })
    }
}
