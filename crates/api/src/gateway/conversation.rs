//! A conversation that goes on, looked at (contract §4; §3 for what a guest session adds).

use bytes::Bytes;
use frontdesk_domain::conversation::{Conversation, ConversationError};
use frontdesk_domain::{ConversationId, Timestamp};
use http::response;

use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::request;

/// Where conversations are.
pub(super) const PATH: &str = "/api/v2/conversations";

/// Asks how a conversation stands. Gives it with the time the answer was made at, by the platform's clock.
#[derive(Debug, Clone)]
pub struct ReadConversation {
    /// Which one.
    pub id: ConversationId,
}

impl Endpoint for ReadConversation {
    type Output = (Conversation, Option<Timestamp>);
    type Reader = ConversationReader;

    const OPERATION: &'static str = "conversation look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("conversation:read");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}", self.id.segment());
        request::get(base, &path, "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<ConversationReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(ConversationReader {
                id: self.id.clone(),
                date: answered_at(&head.headers),
                body: Vec::new(),
            }),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects a conversation; it is as long as its messages are many, and the client's cap bounds it.
#[derive(Debug)]
pub struct ConversationReader {
    id: ConversationId,
    date: Option<Timestamp>,
    body: Vec<u8>,
}

impl BodyReader for ConversationReader {
    type Output = (Conversation, Option<Timestamp>);

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Self::Output, DecodeError> {
        match Conversation::read(&self.id, &self.body) {
            Ok(conversation) => Ok((conversation, self.date)),
            Err(error @ ConversationError::Truncated) => Err(DecodeError::truncated(error.to_string())),
            Err(error) => Err(DecodeError::new(error.to_string())),
        }
    }
}
