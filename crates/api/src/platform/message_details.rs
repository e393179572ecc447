//! Whose message it is: `GET /api/v2/conversations/messages/{messageId}/details` (platform contract C.2.8).

use bytes::Bytes;
use frontdesk_domain::{ConversationId, PathSegment};
use http::{Method, header, response};

use super::conversation::PATH;
use super::message_data::MessageData;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};

/// No answer about one message is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

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
        http::Request::builder()
            .method(Method::GET)
            .uri(base.join(&path).map_err(|_| EncodeError::new("the message id"))?)
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| EncodeError::new("the message id"))
    }

    fn reader(&self, head: &response::Parts) -> Result<DetailsReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(DetailsReader(Vec::new())),
            other => Err(DecodeError::new(format!("status {other} where 200 was expected"))),
        }
    }
}

/// Collects a message; it is small.
#[derive(Debug)]
pub struct DetailsReader(Vec<u8>);

impl BodyReader for DetailsReader {
    type Output = Option<ConversationId>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        if self.0.len() + chunk.len() > MOST_BYTES {
            return Err(DecodeError::new("it is larger than what is said about a message can be"));
        }
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Option<ConversationId>, DecodeError> {
        let message = MessageData::read(&self.0)
            .ok_or_else(|| DecodeError::new("it is no object with an id as text"))?;
        Ok(message.conversation_id.and_then(|id| ConversationId::new(id).ok()))
    }
}
