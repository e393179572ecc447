//! A message posted on an agent's leg (platform contract C.5.1). Nothing makes two posts of it one, so it is posted once.

use bytes::Bytes;
use frontdesk_domain::{ConversationId, PathSegment, Timestamp};
use http::{Method, response};
use serde_json::json;

use super::conversation::PATH;
use super::message_data::MessageData;
use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::legs::PostContent;
use crate::object::SmallObject;
use crate::request;

/// No answer to a post is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Posts a text or a file on a leg.
#[derive(Clone)]
pub struct PostMessage {
    /// The conversation.
    pub conversation: ConversationId,
    /// The agent's leg in it.
    pub leg: PathSegment,
    /// What is posted.
    pub content: PostContent,
}

impl std::fmt::Debug for PostMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostMessage").field("leg", &self.leg).finish_non_exhaustive()
    }
}

/// What the platform said of a post: its id and state, and when it answered. No id after 202 without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    pub(super) message: Option<MessageData>,
    pub(super) answered_at: Option<Timestamp>,
}

impl Endpoint for PostMessage {
    type Output = Posted;
    type Reader = PostedReader;

    const OPERATION: &'static str = "message sending";
    const REPEAT: Repeat = Repeat::Once;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["conversation:message:create", "conversation:webmessaging:create"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path =
            format!("{PATH}/messages/{}/communications/{}/messages", self.conversation.segment(), self.leg);
        let body = match &self.content {
            PostContent::Text(text) => json!({"textBody": text}),
            PostContent::Media(id) => json!({"mediaIds": [id]}),
        };
        request::json(Method::POST, base, &path, body.to_string(), "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<PostedReader, DecodeError> {
        let only_taken = match head.status.as_u16() {
            200 | 201 => false,
            202 => true,
            other => return Err(DecodeError::status(other, "200 or 202")),
        };
        Ok(PostedReader {
            only_taken,
            at: answered_at(&head.headers),
            body: SmallObject::about("a message", MOST_BYTES),
        })
    }
}

/// Collects what the platform says of a message it took; it is small.
#[derive(Debug)]
pub struct PostedReader {
    /// 202: a body is no duty.
    only_taken: bool,
    at: Option<Timestamp>,
    body: SmallObject,
}

impl BodyReader for PostedReader {
    type Output = Posted;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    fn finish(self) -> Result<Posted, DecodeError> {
        let message = MessageData::read(self.body.bytes());
        if message.is_none() && !self.only_taken {
            return Err(DecodeError::new("it is no object with an id as text"));
        }
        Ok(Posted { message, answered_at: self.at })
    }
}
