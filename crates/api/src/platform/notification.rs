//! Notification channels: made, subscribed to, and what comes over one (platform contract C.12).

use std::collections::BTreeMap;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, PathSegment, Timestamp};
use http::{Method, Uri, response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arrivals::{Arrival, Signal};
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::error::text::escape;
use crate::object::SmallObject;
use crate::request;

const PATH: &str = "/api/v2/notifications/channels";
/// The most bytes an answer about a channel may have: it names each of a thousand topics.
const MOST_BYTES: usize = 2 << 20;
/// What of a refusal is kept.
const MOST_TEXT: usize = 200;
/// What ends the topics of message conversations.
const CONVERSATIONS: &str = ".conversations.messages";
/// Announces that a socket will be closed.
const CLOSING: &str = "v2.system.socket_closing";

/// The topic of a queue's message conversations (C.12.3).
pub(super) fn topic(queue: &str) -> String {
    format!("v2.routing.queues.{queue}{CONVERSATIONS}")
}

/// Makes a channel. One that is made and not used is gone after a day, and the oldest goes first where there are many.
#[derive(Debug, Clone)]
pub(super) struct CreateChannel;

/// A channel.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) id: PathSegment,
    /// Where its socket is. Whoever knows it hears the channel.
    pub(super) uri: Uri,
    /// When it ends, unless it is subscribed to before.
    pub(super) expires: Option<Timestamp>,
}

impl Endpoint for CreateChannel {
    type Output = Channel;
    type Reader = ChannelReader;

    const OPERATION: &'static str = "notification channel creation";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &[];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::bare(Method::POST, base, PATH, "the path")
    }

    fn reader(&self, head: &response::Parts) -> Result<ChannelReader, DecodeError> {
        match head.status.as_u16() {
            200 | 201 => Ok(ChannelReader(SmallObject::about("a channel", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Reads a channel.
#[derive(Debug)]
pub(super) struct ChannelReader(SmallObject);

impl BodyReader for ChannelReader {
    type Output = Channel;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Channel, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            id: String,
            connect_uri: String,
            #[serde(default)]
            expires: Value,
        }
        let Wire { id, connect_uri, expires } = self.0.read("it has no id and connectUri as texts")?;
        let id = PathSegment::new(id).map_err(|_| DecodeError::new("its id cannot stand in a path"))?;
        let uri = connect_uri.parse().map_err(|_| DecodeError::new("its connectUri is no address"))?;
        Ok(Channel { id, uri, expires: time(&expires) })
    }
}

/// Says what a channel tells of, and has it live for another day. What is refused is told, and does not keep the rest away.
#[derive(Debug, Clone)]
pub(super) struct Subscribe {
    pub(super) channel: PathSegment,
    pub(super) topics: Vec<String>,
}

impl Endpoint for Subscribe {
    type Output = Vec<Topic>;
    type Reader = TopicsReader;

    const OPERATION: &'static str = "notification subscription";
    const REPEAT: Repeat = Repeat::Idempotent;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:message:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}/subscriptions?ignoreErrors=true", self.channel);
        let topics: Vec<Value> = self.topics.iter().map(|topic| json!({"id": topic})).collect();
        request::json(Method::PUT, base, &path, Value::from(topics).to_string(), "the channel's id")
    }

    fn reader(&self, head: &response::Parts) -> Result<TopicsReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(TopicsReader(SmallObject::about("subscriptions", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// A topic of a channel.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Topic {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    rejection_reason: Option<String>,
    #[serde(default)]
    missing_permissions: Option<Vec<String>>,
}

impl Topic {
    /// Why it is not told of; nothing where it is.
    pub(super) fn refusal(&self) -> Option<String> {
        if self.state.as_deref() != Some("Rejected") {
            return None;
        }
        let reason = self.rejection_reason.as_deref().unwrap_or("it was rejected");
        let missing = self.missing_permissions.iter().flatten().map(String::as_str).collect::<Vec<_>>();
        let missing = if missing.is_empty() { String::new() } else { format!(" ({})", missing.join(", ")) };
        Some(escape(&format!("{}: {reason}{missing}", self.id.as_deref().unwrap_or("a topic")), MOST_TEXT))
    }
}

/// Reads a channel's topics.
#[derive(Debug)]
pub(super) struct TopicsReader(SmallObject);

impl BodyReader for TopicsReader {
    type Output = Vec<Topic>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Vec<Topic>, DecodeError> {
        #[derive(Deserialize)]
        struct Listing {
            #[serde(default)]
            entities: Vec<Topic>,
        }
        let Listing { entities } = self.0.read("it is no listing of topics")?;
        Ok(entities)
    }
}

/// What a frame says (C.12.2). Whatever is not understood says that the line is there.
pub(super) fn signal(frame: &str) -> Signal {
    let Ok(frame) = serde_json::from_str::<Value>(frame) else { return Signal::Quiet };
    match frame.get("topicName").and_then(Value::as_str) {
        Some(CLOSING) => Signal::Closing,
        Some(topic) if topic.ends_with(CONVERSATIONS) => {
            frame.get("eventBody").and_then(arrival).map_or(Signal::Quiet, Signal::Arrival)
        }
        _ => Signal::Quiet,
    }
}

/// The guest of a message-conversation event (C.12.3); none where nobody but staff takes part.
fn arrival(event: &Value) -> Option<Arrival> {
    let conversation = ConversationId::new(event.get("id")?.as_str()?).ok()?;
    let participants = event.get("participants")?.as_array()?;
    let guest = participants.iter().find(|one| is_guest(one.get("purpose").and_then(Value::as_str)))?;
    let begun = |one: &Value| {
        let times = ["startTime", "connectedTime"].map(|name| one.get(name).and_then(time));
        times.into_iter().flatten().min()
    };
    let attributes = guest.get("attributes").and_then(Value::as_object).into_iter().flatten();
    let attributes: BTreeMap<String, String> =
        attributes.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Some(Arrival { conversation, started_at: participants.iter().filter_map(begun).min(), attributes })
}

/// Whether a participant of this purpose is the guest.
pub(super) fn is_guest(purpose: Option<&str>) -> bool {
    matches!(purpose, Some("customer" | "external"))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
