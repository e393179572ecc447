//! A message sent into a conversation (contract §4).

use bytes::Bytes;
use frontdesk_domain::Timestamp;
use frontdesk_domain::delivery::{MessageId, Status};
use frontdesk_domain::outbound::{ClientId, OutboundMessage};
use http::{Method, header, response};
use serde::Deserialize;

use super::conversation::PATH;
use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;

/// The header that makes a message one, however often it is posted.
const CLIENT_ID: &str = "X-Genesys-Client-Id";

/// No answer to a send is larger, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Sends a message. Posted twice under one client id, it is sent once.
#[derive(Debug, Clone)]
pub struct SendMessage {
    /// None where the message goes to an address, which is the platform contract's.
    conversation: Option<String>,
    body: Bytes,
    key: ClientId,
}

impl SendMessage {
    /// The call that sends this message under this client id.
    #[must_use]
    pub fn new(message: &OutboundMessage, key: &ClientId) -> Self {
        let conversation = message.conversation().map(|id| id.segment().to_string());
        Self { conversation, body: message.body().into(), key: key.clone() }
    }
}

impl Endpoint for SendMessage {
    type Output = (MessageId, Status, Option<Timestamp>);
    type Reader = AcceptedReader;

    const OPERATION: &'static str = "message sending";
    const REPEAT: Repeat = Repeat::Keyed;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = Some("conversation:send");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let conversation =
            self.conversation.as_ref().ok_or_else(|| EncodeError::new("a message without a conversation"))?;
        let path = format!("{PATH}/{conversation}/messages");
        http::Request::builder()
            .method(Method::POST)
            .uri(base.join(&path).map_err(|_| EncodeError::new("the conversation id"))?)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(CLIENT_ID, self.key.as_str())
            .body(self.body.clone())
            .map_err(|_| EncodeError::new("the client id"))
    }

    fn reader(&self, head: &response::Parts) -> Result<AcceptedReader, DecodeError> {
        match head.status.as_u16() {
            // 202 is the contract's; 200 and 201 say no less.
            200..=202 => Ok(AcceptedReader {
                date: answered_at(&head.headers),
                body: SmallObject::about("a message", MOST_BYTES),
            }),
            other => Err(DecodeError::status(other, "202")),
        }
    }
}

/// Collects what the platform says of a message it took; it is small.
#[derive(Debug)]
pub struct AcceptedReader {
    date: Option<Timestamp>,
    body: SmallObject,
}

#[derive(Deserialize)]
struct Answer {
    id: MessageId,
    status: String,
}

impl BodyReader for AcceptedReader {
    type Output = (MessageId, Status, Option<Timestamp>);

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.push(chunk)
    }

    fn finish(self) -> Result<Self::Output, DecodeError> {
        let answer: Answer = self.body.read("it is no object with an id and a status as text")?;
        let status =
            answer.status.parse().map_err(|_| DecodeError::new("its status is one we do not know"))?;
        Ok((answer.id, status, self.date))
    }
}
