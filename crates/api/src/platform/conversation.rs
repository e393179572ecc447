//! A conversation looked at: `GET /api/v2/conversations/{id}` (platform contract C.4, C.4.1).
//!
//! One look serves every job: its message ids lead to the texts, its agent's leg is what messages are sent on, its messages'
//! states tell what became of them, and its legs are what is ended.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use bytes::Bytes;
use frontdesk_domain::{ConversationId, Timestamp};
use http::response;

use super::live;
use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::request;

/// Where conversations are.
pub(crate) const PATH: &str = "/api/v2/conversations";

/// A conversation at one moment, of whatever medium; of its legs only those that carry messages.
///
/// What is missing stays missing and what is of another shape is as good as missing: the vendor adds members and values
/// without notice (platform contract B.2).
#[derive(Clone, PartialEq)]
pub struct LiveConversation {
    /// Which one.
    pub id: ConversationId,
    /// `externalTag`: the name it has outside.
    pub external_tag: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; none while it goes on.
    pub ended_at: Option<Timestamp>,
    /// Who takes part, in the platform's order.
    pub participants: Vec<LiveParticipant>,
    /// The time the answer was made at, by the platform's clock, to the second; none without a `Date` that can be read.
    pub answered_at: Option<Timestamp>,
    /// The answer as it came.
    pub body: Bytes,
}

/// Someone, or something, that takes part.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LiveParticipant {
    /// Its id in this conversation.
    pub id: String,
    /// What it is there for: `customer`, `agent`, `acd`, `workflow`, … Any other value may come.
    pub purpose: String,
    /// Its name; an agent's, or what is known of the customer.
    pub name: Option<String>,
    /// The user, where an agent takes part.
    pub user_id: Option<String>,
    /// The queue it came over.
    pub queue_id: Option<String>,
    /// That queue's name.
    pub queue_name: Option<String>,
    /// When it joined.
    pub started_at: Option<Timestamp>,
    /// When it left; none while it takes part.
    pub ended_at: Option<Timestamp>,
    /// What was written about it; values that are no texts are left out.
    pub attributes: BTreeMap<String, String>,
    /// Whether the conversation cannot be finished without a wrap-up code of this participant.
    pub wrapup_required: bool,
    /// How that code is asked for: `mandatory`, `optional`, `agentRequested`, `timeout`, `forcedTimeout`.
    pub wrapup_prompt: Option<String>,
    /// The wrap-up code that was given.
    pub wrapup_code: Option<String>,
    /// The language it is routed by: an id.
    pub language: Option<String>,
    /// The skills it is routed by: ids.
    pub skills: Vec<String>,
    /// The priority it is routed by.
    pub priority: Option<i64>,
    /// Its legs that carry messages.
    pub communications: Vec<Communication>,
}

/// One leg: a participant's side of a stream of messages.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Communication {
    /// What operations on the leg name it by.
    pub id: String,
    /// `alerting`, `connected`, `parked`, `disconnected`. Any other value may come.
    pub state: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// `type`: the channel, such as `webmessaging`, `sms`, `open` (C.17).
    pub channel: Option<String>,
    /// Whether it is on hold.
    pub held: bool,
    /// Why it ended, where it has.
    pub disconnect_type: Option<String>,
    /// When it was connected.
    pub connected_at: Option<Timestamp>,
    /// When it ended.
    pub disconnected_at: Option<Timestamp>,
    /// The leg of the other side.
    pub peer_id: Option<String>,
    /// The address messages come from, normalized.
    pub from_address: Option<String>,
    /// The address messages go to, normalized.
    pub to_address: Option<String>,
    /// Its messages, in the platform's order, those without an id left out. A message may be on several legs.
    pub messages: Vec<MessageRef>,
}

impl Communication {
    /// Whether it is live: alerting, connected or parked (platform contract D.7). Of a state that is not known the time of its
    /// end decides.
    #[must_use]
    pub fn is_live(&self) -> bool {
        match self.state.as_deref() {
            Some("disconnected" | "terminated") => false,
            Some("alerting" | "connected" | "parked") => true,
            _ => self.disconnected_at.is_none(),
        }
    }

    /// Whether messages can be sent on it now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.state.as_deref() == Some("connected")
    }
}

/// A message as a leg lists it: without its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageRef {
    /// Its id.
    pub id: String,
    /// How it stands: `queued`, `sent`, `delivery-success`, `read`, … (C.17). Any other value may come.
    pub status: Option<String>,
    /// When it was sent or received.
    pub at: Option<Timestamp>,
    /// How many messages its channel made of it.
    pub segments: Option<u64>,
    /// The machine code of what went wrong with it.
    pub error_code: Option<String>,
}

impl LiveConversation {
    /// Reads an answer about the conversation `id`.
    ///
    /// # Errors
    /// When it is no JSON object, or about another conversation.
    pub fn read(id: &ConversationId, body: Bytes) -> Result<Self, DecodeError> {
        live::read(id, body)
    }

    /// Whether it has ended: it says when, or every leg has.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let mut legs = self.legs().peekable();
        self.ended_at.is_some() || legs.peek().is_some() && legs.all(|(_, leg)| !leg.is_live())
    }

    /// Every leg with its participant.
    pub fn legs(&self) -> impl Iterator<Item = (&LiveParticipant, &Communication)> {
        self.participants.iter().flat_map(|participant| {
            participant.communications.iter().map(move |communication| (participant, communication))
        })
    }

    /// The legs of people who work here: purpose `agent` or `user`.
    pub fn agent_legs(&self) -> impl Iterator<Item = (&LiveParticipant, &Communication)> {
        self.legs().filter(|(participant, _)| matches!(&*participant.purpose, "agent" | "user"))
    }

    /// The legs of the customer: purpose `customer` or `external`.
    pub fn customer_legs(&self) -> impl Iterator<Item = (&LiveParticipant, &Communication)> {
        self.legs().filter(|(participant, _)| matches!(&*participant.purpose, "customer" | "external"))
    }

    /// The ids of its messages over all legs, in the order they are first met in, each once (platform contract C.4.4).
    #[must_use]
    pub fn message_ids(&self) -> Vec<&str> {
        let mut met = HashSet::new();
        let messages = self.legs().flat_map(|(_, leg)| &leg.messages);
        messages.map(|message| message.id.as_str()).filter(|id| met.insert(*id)).collect()
    }

    /// How the message stands on each leg that lists it.
    pub fn message<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a MessageRef> {
        self.legs().flat_map(|(_, leg)| &leg.messages).filter(move |message| message.id == id)
    }
}

impl fmt::Debug for LiveConversation {
    /// Counts only: names, tags and attributes say something about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConversation")
            .field("ended_at", &self.ended_at)
            .field("participants", &self.participants)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LiveParticipant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveParticipant")
            .field("purpose", &self.purpose)
            .field("attributes", &self.attributes.len())
            .field("communications", &self.communications)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Communication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Communication")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("channel", &self.channel)
            .field("messages", &self.messages.len())
            .finish_non_exhaustive()
    }
}

/// Asks how a conversation stands.
#[derive(Debug, Clone)]
pub struct ReadLive {
    /// Which one.
    pub id: ConversationId,
}

impl Endpoint for ReadLive {
    type Output = LiveConversation;
    type Reader = LiveReader;

    const OPERATION: &'static str = "conversation look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["conversation:communication:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let path = format!("{PATH}/{}", self.id.segment());
        request::get(base, &path, "the conversation id")
    }

    fn reader(&self, head: &response::Parts) -> Result<LiveReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(LiveReader { id: self.id.clone(), at: answered_at(&head.headers), body: Vec::new() }),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects a conversation; it is as long as its messages are many, and the client's cap bounds it.
#[derive(Debug)]
pub struct LiveReader {
    id: ConversationId,
    at: Option<Timestamp>,
    body: Vec<u8>,
}

impl BodyReader for LiveReader {
    type Output = LiveConversation;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<LiveConversation, DecodeError> {
        let conversation = LiveConversation::read(&self.id, Bytes::from(self.body))?;
        Ok(LiveConversation { answered_at: self.at, ..conversation })
    }
}
