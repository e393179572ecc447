//! `POST /api/v2/conversations/{conversationId}/messages` (gateway contract §4): messages that are sent,
//! and what becomes of them.

mod receipts;
mod request;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::conversation::Conversation;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::{hash_text, mix, write_id};
use crate::reply::Reply;

pub use receipts::ReceiptPlan;
pub(crate) use receipts::{Receipts, Status};
use request::Sending;

/// The scope that sending needs.
pub(crate) const SEND: &str = "conversation:send";
/// The header with the id that nothing is sent twice under.
const CLIENT_ID: &str = "x-genesys-client-id";
/// Sets messages apart from all else that is made from the seed.
const MESSAGES: u64 = 0x6D65_7373;

/// All messages that were taken since the start.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    all: Vec<Arc<Message>>,
    by_id: HashMap<String, usize>,
    /// By conversation and client id.
    by_client: HashMap<(String, String), usize>,
    /// How often messages were posted again under their client id.
    again: BTreeMap<usize, u64>,
}

/// A message as it was taken.
#[derive(Debug)]
pub(crate) struct Message {
    /// 0 for the first that was taken.
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) conversation: String,
    pub(crate) channel: String,
    pub(crate) client_id: Option<String>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) media_type: String,
    pub(crate) content: Value,
    /// The content as others read it.
    pub(crate) text: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) created: Moment,
    pub(crate) receipts: Receipts,
    /// Who says it: a guest, or an agent.
    pub(crate) by_guest: bool,
}

/// What comes with a message: bytes, or a link to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) media_type: String,
    pub(crate) filename: String,
    pub(crate) content: Option<Bytes>,
    pub(crate) url: Option<String>,
}

impl Attachment {
    /// How many bytes came with the message.
    pub(crate) fn bytes(&self) -> usize {
        self.content.as_ref().map_or(0, Bytes::len)
    }

    /// The type that a history gives it.
    pub(crate) fn kind(&self) -> &'static str {
        if self.media_type.starts_with("image/") { "image" } else { "file" }
    }
}

impl Message {
    pub(crate) fn speaker(&self) -> &'static str {
        if self.by_guest { "guest" } else { "agent" }
    }

    pub(crate) fn direction(&self) -> &'static str {
        if self.by_guest { "inbound" } else { "outbound" }
    }

    /// The type that a history gives it.
    pub(crate) fn kind(&self) -> &'static str {
        self.attachments.first().map_or("text", Attachment::kind)
    }
}

/// What came of a request.
pub(crate) struct Taken {
    pub(crate) reply: Reply,
    /// The message that was taken just now; nothing when its client id was known.
    pub(crate) message: Option<Arc<Message>>,
}

#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    status: Status,
}

impl Messages {
    /// Takes a message for a conversation, unless its client id was used there before.
    pub(crate) fn take(
        &mut self,
        headers: &HeaderMap,
        body: &[u8],
        conversation: &Conversation,
        plan: ReceiptPlan,
        seed: u64,
        now: Moment,
    ) -> Result<Taken, Problem> {
        let client_id = client_id(headers)?;
        let client = client_id.clone().map(|client| (conversation.id.clone(), client));
        if let Some(index) = client.as_ref().and_then(|client| self.by_client.get(client)) {
            *self.again.entry(*index).or_default() += 1;
            let message = &self.all[*index];
            return Ok(Taken { reply: accepted(&message.id, message.receipts.status(now))?, message: None });
        }
        let sending = Sending::read(body)?;
        if conversation.ended {
            let message = "this conversation is over";
            return Err(Problem::new(StatusCode::CONFLICT, "conversation.ended", message));
        }
        sending.check(conversation.channel)?;
        if !conversation.has_agent(&sending.from, now) {
            let message = "the sender is not a participant with the role agent";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid.sender", message));
        }
        let number = self.all.len() as u64;
        let hash = mix(mix(seed, MESSAGES), hash_text(body) ^ hash_text(conversation.id.as_bytes()));
        let mut message = Message::of(sending, conversation, number, mix(mix(seed, MESSAGES), number), now);
        message.client_id = client_id;
        message.receipts = plan.receipts(hash, now);
        let reply = accepted(&message.id, plan.initial(hash))?;
        Ok(Taken { reply, message: Some(self.keep(message, client)) })
    }

    /// What the guest of a conversation says; nobody sends it.
    pub(crate) fn hear(
        &mut self,
        conversation: &Conversation,
        text: &str,
        attachments: Vec<Attachment>,
        seed: u64,
        now: Moment,
    ) -> Arc<Message> {
        let number = self.all.len() as u64;
        let sending = Sending {
            from: conversation.customer.clone(),
            to: Vec::new(),
            media_type: "text/plain".to_owned(),
            content: Value::from(text),
            attachments,
        };
        let mut message = Message::of(sending, conversation, number, mix(mix(seed, MESSAGES), number), now);
        message.by_guest = true;
        self.keep(message, None)
    }

    /// Takes a message that an agent sends over the platform's contract, which knows no id under which
    /// nothing is sent twice (B.7). Media alone are a message without a text.
    pub(crate) fn post(
        &mut self,
        conversation: &Conversation,
        text: &str,
        attachments: Vec<Attachment>,
        plan: ReceiptPlan,
        seed: u64,
        now: Moment,
    ) -> Arc<Message> {
        let number = self.all.len() as u64;
        let sending = Sending {
            from: conversation.agent.clone(),
            to: vec![conversation.customer.clone()],
            media_type: "text/plain".to_owned(),
            content: Value::from(text),
            attachments,
        };
        let hash = mix(mix(seed, MESSAGES), number);
        let mut message = Message::of(sending, conversation, number, hash, now);
        let words = hash_text(text.as_bytes()) ^ hash_text(conversation.id.as_bytes());
        message.receipts = plan.receipts(mix(hash, words), now);
        self.keep(message, None)
    }

    fn keep(&mut self, message: Message, client: Option<(String, String)>) -> Arc<Message> {
        let (index, message) = (self.all.len(), Arc::new(message));
        self.by_id.insert(message.id.clone(), index);
        if let Some(client) = client {
            self.by_client.insert(client, index);
        }
        self.all.push(Arc::clone(&message));
        message
    }

    pub(crate) fn all(&self) -> &[Arc<Message>] {
        &self.all
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Message>> {
        self.by_id.get(id).and_then(|index| self.all.get(*index))
    }

    /// How many requests with its client id reached a message.
    pub(crate) fn posts(&self, message: &Message) -> u64 {
        let index = usize::try_from(message.number).unwrap_or(usize::MAX);
        u64::from(!message.by_guest) + self.again.get(&index).copied().unwrap_or(0)
    }
}

impl Message {
    fn of(sending: Sending, conversation: &Conversation, number: u64, hash: u64, now: Moment) -> Self {
        let text = match &sending.content {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut id = Vec::with_capacity(36);
        write_id(&mut id, hash, mix(hash, number));
        Self {
            number,
            id: String::from_utf8_lossy(&id).into_owned(),
            conversation: conversation.id.clone(),
            channel: conversation.channel.unwrap_or_default().to_owned(),
            client_id: None,
            from: sending.from,
            to: sending.to,
            media_type: sending.media_type,
            content: sending.content,
            text,
            attachments: sending.attachments,
            created: now,
            receipts: Receipts::default(),
            by_guest: false,
        }
    }
}

fn accepted(id: &str, status: Status) -> Result<Reply, Problem> {
    let body = serde_json::to_vec(&Wire { id, status });
    let body = body.map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(Reply::json(StatusCode::ACCEPTED, body))
}

fn client_id(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(CLIENT_ID) else { return Ok(None) };
    let id = value.to_str().ok().filter(|id| !id.is_empty()).map(str::to_owned);
    let message = "X-Genesys-Client-Id cannot be read";
    id.map(Some).ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid.client.id", message))
}
