//! The texts of messages: up to a thousand at once, or one (platform contract C.4, C.4.3).

use bytes::Bytes;
use frontdesk_domain::message::Message;
use frontdesk_domain::{ConversationId, PathSegment};
use http::{Method, response};

use super::conversation::PATH;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::page_body::Elements;
use crate::request;

/// The most ids one bulk read takes.
pub(crate) const MOST_IDS: usize = 1_000;

/// What reading texts needs one of.
pub(super) const VIEW: &[&str] = &["conversation:message:view", "conversation:webmessaging:view"];

/// Asks for the texts of messages of one conversation; those that are not to be had are not in the answer.
#[derive(Debug, Clone)]
pub struct ReadMessages {
    /// Whose messages.
    pub conversation: ConversationId,
    /// Which of them; the platform takes 1,000 at most.
    pub ids: Vec<String>,
}

impl Endpoint for ReadMessages {
    type Output = Vec<Message>;
    type Reader = MessagesReader;

    const OPERATION: &'static str = "messages bulk read";
    // A POST that only reads, so it is repeated like a GET.
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/messages/{}/messages/bulk", self.conversation.segment());
        let body = serde_json::to_vec(&self.ids).map_err(|_| EncodeError::new("the message ids"))?;
        request::json(Method::POST, base, &path, body, "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<MessagesReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(MessagesReader::new()),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Takes a listing of messages apart while it arrives.
#[derive(Debug)]
pub struct MessagesReader {
    elements: Elements,
    messages: Vec<Message>,
}

impl MessagesReader {
    fn new() -> Self {
        Self { elements: Elements::of("entities"), messages: Vec::new() }
    }
}

impl BodyReader for MessagesReader {
    type Output = Vec<Message>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        // One without an id is no answer about any of the ids asked for.
        self.elements.push(chunk, |element| self.messages.extend(Message::read(element)))
    }

    fn finish(self) -> Result<Vec<Message>, DecodeError> {
        let (tail, _) = self.elements.finish()?;
        match tail.value("entities") {
            None | Some(b"null") => Ok(self.messages),
            Some(_) => Err(DecodeError::new("its entities are no array")),
        }
    }
}

/// Asks for the text of one message.
#[derive(Debug, Clone)]
pub struct ReadMessage {
    /// Whose message.
    pub conversation: ConversationId,
    /// Which one.
    pub id: PathSegment,
}

impl Endpoint for ReadMessage {
    type Output = Message;
    type Reader = MessageReader;

    const OPERATION: &'static str = "message read";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/messages/{}/messages/{}", self.conversation.segment(), self.id);
        request::get(base, &path, "the message id")
    }

    fn reader(&self, head: &response::Parts) -> Result<MessageReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(MessageReader(Vec::new())),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects one message; the client's cap bounds it.
#[derive(Debug)]
pub struct MessageReader(Vec<u8>);

impl BodyReader for MessageReader {
    type Output = Message;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Message, DecodeError> {
        let truncated = frontdesk_domain::json::scan(&self.0)
            .is_err_and(|error| error.fault == frontdesk_domain::JsonFault::UnexpectedEnd);
        if truncated {
            return Err(DecodeError::truncated("it ends inside the object"));
        }
        Message::read(self.0).map_err(|error| DecodeError::new(error.to_string()))
    }
}
