//! Whose message it is: `GET /api/v2/conversations/messages/{messageId}/details` (platform contract C.2.8).

use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, PathSegment};
use http::response;

use super::conversation::PATH;
use super::message_data::MessageData;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::request;

/// No answer about one message is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Waits before the looks for what the platform has just taken: the staff's side knows it a moment later.
pub(super) const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Asks in which conversation a message is; none where the answer does not say.
#[derive(Debug, Clone)]
pub struct ReadMessageDetails {
    /// Which message.
    pub id: PathSegment,
}

impl Endpoint for ReadMessageDetails {
    type Output = Option<ConversationId>;
    type Reader = DetailsReader;

    const OPERATION: &'static str = "message look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["conversation:message:view", "conversation:webmessaging:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/messages/{}/details", self.id);
        request::get(base, &path, "the message id")
    }

    fn reader(&self, head: &response::Parts) -> Result<DetailsReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(DetailsReader(SmallObject::about("a message", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects a message; it is small.
#[derive(Debug)]
pub struct DetailsReader(SmallObject);

impl BodyReader for DetailsReader {
    type Output = Option<ConversationId>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Option<ConversationId>, DecodeError> {
        let message = MessageData::read(self.0.bytes())
            .ok_or_else(|| DecodeError::new("it is no object with an id as text"))?;
        Ok(message.conversation_id.and_then(|id| ConversationId::new(id).ok()))
    }
}
