//! What a customer says over a channel of one's own: `POST …/{integrationId}/inbound/open/message` (platform contract C.3.1).

use std::collections::BTreeMap;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, GuestId, PathSegment, Timestamp};
use http::{Method, response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::PATH;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::request;

/// No answer to a message is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Says something as a customer, over an integration. The same id and time are the same message however often they come
/// (B.7), so it may be sent again.
#[derive(Clone)]
pub struct InboundOpen {
    /// The integration.
    pub integration: PathSegment,
    /// Who says it.
    pub guest: GuestId,
    /// The message's id on the customer's side.
    pub id: Uuid,
    /// When it was said there.
    pub at: Timestamp,
    /// What is said.
    pub text: String,
    /// What goes along, texts alone.
    pub attributes: BTreeMap<String, String>,
}

impl std::fmt::Debug for InboundOpen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InboundOpen").field("integration", &self.integration).finish_non_exhaustive()
    }
}

/// How the platform knows what was said; either may be absent, since it takes messages before it has dealt with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenOpen {
    /// The platform's id of the message.
    pub message: Option<String>,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
}

impl Endpoint for InboundOpen {
    type Output = TakenOpen;
    type Reader = TakenOpenReader;

    const OPERATION: &'static str = "inbound open message";
    const REPEAT: Repeat = Repeat::Keyed;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:message:receive"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path =
            format!("{PATH}/messages/{}/inbound/open/message?prefetchConversationId=true", self.integration);
        // The published model has `metadata`; what turns up as the participant's attributes are the channel's
        // `customAttributes` of older payloads (C.3.1). Both say the same.
        let body = json!({
            "channel": {
                "messageId": self.id.to_string(), "time": self.at,
                "from": {"id": self.guest.as_str(), "idType": "Opaque"},
                "metadata": {"customAttributes": self.attributes},
            },
            "text": self.text, "metadata": self.attributes,
        });
        request::json(Method::POST, base, &path, body.to_string(), "the integration's id")
    }

    fn reader(&self, head: &response::Parts) -> Result<TakenOpenReader, DecodeError> {
        match head.status.as_u16() {
            200 | 202 => Ok(TakenOpenReader(SmallObject::about("a message", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200 or 202")),
        }
    }
}

/// Collects what the platform says of a message it took; it is small, and may be empty.
#[derive(Debug)]
pub struct TakenOpenReader(SmallObject);

impl BodyReader for TakenOpenReader {
    type Output = TakenOpen;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<TakenOpen, DecodeError> {
        if self.0.bytes().is_empty() {
            return Ok(TakenOpen::default());
        }
        let value: Value = self.0.read("it is no object")?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        Ok(TakenOpen {
            message: text("id").map(str::to_owned),
            conversation: text("conversationId").and_then(|id| ConversationId::new(id).ok()),
        })
    }
}
