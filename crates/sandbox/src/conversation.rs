//! `GET /api/v2/conversations/{conversationId}` (gateway contract §4): who takes part in a
//! conversation, over which channel, and what was sent in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::guests::Guests;
use crate::messages::{Message, Status};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::{hash_text, mix, write_id};
use crate::reply::Reply;
use crate::sessions::Session;
use crate::tenant::{Changes, Draft, Tenant};

/// The scope that looking at a conversation needs.
pub(crate) const READ: &str = "conversation:read";

/// A conversation as those see it who take part in it.
pub(crate) struct Conversation {
    pub(crate) id: String,
    /// `None`: it does not say.
    pub(crate) channel: Option<&'static str>,
    /// The id of whoever is on the other side.
    pub(crate) customer: String,
    pub(crate) agent: String,
    /// From when on the agent takes part.
    joined: Moment,
    queue: String,
    /// Nothing more can be said in it.
    pub(crate) ended: bool,
    attributes: Map<String, Value>,
    /// What was said before anything was sent: ids and times of the agent's messages.
    before: Vec<(String, Moment)>,
    /// What was said since.
    said: Vec<Arc<Message>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_type: Option<&'a str>,
    guest_id: &'a str,
    attributes: &'a Map<String, Value>,
    participants: Vec<Participant<'a>>,
    messages: Vec<Sent<'a>>,
}

#[derive(Serialize)]
struct Participant<'a> {
    id: String,
    role: &'static str,
    from: From<'a>,
}

#[derive(Serialize)]
struct From<'a> {
    id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    id: &'a str,
    status: Status,
    created_timestamp: Moment,
    status_timestamps: BTreeMap<Status, Moment>,
}

impl Conversation {
    /// The conversation that a session is.
    pub(crate) fn of_session(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            channel: Some(session.channel),
            customer: session.guest_id.clone(),
            agent: session.agent_id(),
            joined: session.joined,
            queue: session.queue.clone(),
            ended: session.ended.is_some(),
            attributes: session.attributes.clone(),
            before: Vec::new(),
            said: if session.is_forgotten() { Vec::new() } else { session.said.clone() },
        }
    }

    /// Conversation `number` of those that were there from the start.
    pub(crate) fn of_tenant(tenant: &Tenant, guests: &Guests, changes: &Changes, number: u64) -> Self {
        let mut draft = Draft::default();
        let change = changes.of(number);
        let head = tenant.draw(number, change.revisions, &mut draft);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let sent = draft.said().filter(|said| !said.guest).filter_map(|said| {
            let created = std::str::from_utf8(said.timestamp).ok()?.parse().ok()?;
            Some((text(said.id), created))
        });
        let started = Moment::from_nanos(head.start);
        let attributes = json!({"source": head.source, "services": head.services, "consent.marketing": false,
                                "consent.data_processing": true, "consent.timestamp": started});
        let Value::Object(attributes) = attributes else { unreachable!("it was written as an object") };
        Self {
            id: tenant.id(number),
            channel: channel(tenant, number),
            customer: customer(guests, number),
            agent: format!("agent-{}", head.agent),
            // Whatever the clock is set to, these were there before.
            joined: Moment::UNIX_EPOCH,
            queue: head.queue.to_owned(),
            ended: change.forgotten,
            attributes,
            before: if change.forgotten { Vec::new() } else { sent.collect() },
            said: if change.forgotten { Vec::new() } else { changes.sent(number).to_vec() },
        }
    }

    /// Whether this is the id of an agent who takes part at `now`.
    pub(crate) fn has_agent(&self, id: &str, now: Moment) -> bool {
        self.agent == id && self.joined <= now
    }

    pub(crate) fn reply(&self, now: Moment) -> Result<Reply, Problem> {
        let participant = |role: &'static str, who| {
            let hash = mix(hash_text(self.id.as_bytes()), hash_text(role.as_bytes()));
            let mut id = Vec::with_capacity(36);
            write_id(&mut id, hash, mix(hash, 1));
            Participant { id: String::from_utf8_lossy(&id).into_owned(), role, from: From { id: who } }
        };
        let mut participants = vec![participant("customer", &self.customer), participant("acd", &self.queue)];
        if self.joined <= now {
            participants.push(participant("agent", &self.agent));
        }
        let before = self.before.iter().map(|(id, created)| Sent {
            id,
            status: Status::Read,
            created_timestamp: *created,
            status_timestamps: BTreeMap::from([(Status::Delivered, *created), (Status::Read, *created)]),
        });
        let since = self.said.iter().filter(|message| !message.by_guest).map(|message| Sent {
            id: &message.id,
            status: message.receipts.status(now),
            created_timestamp: message.created,
            status_timestamps: message.receipts.until(now).map(|(at, status)| (status, at)).collect(),
        });
        let wire = Wire {
            id: &self.id,
            channel_type: self.channel,
            guest_id: &self.customer,
            attributes: &self.attributes,
            participants,
            messages: before.chain(since).collect(),
        };
        let body = serde_json::to_vec(&wire).map_err(|error| Problem::bad_request(error.to_string()))?;
        Ok(Reply::json(StatusCode::OK, body))
    }
}

/// Over which channel conversation `number` is held; a few do not say.
pub(crate) fn channel(tenant: &Tenant, number: u64) -> Option<&'static str> {
    match tenant.head(number, 0).kind {
        "message" => match mix(hash_text(tenant.id(number).as_bytes()), 0xC4A7) % 100 {
            ..60 => Some("webchat"),
            60..85 => Some("sms"),
            85..90 => Some("email"),
            90..98 => Some("open"),
            _ => None,
        },
        kind => Some(kind),
    }
}

/// The guest of conversation `number`, or whoever is in its place where there are fewer guests.
pub(crate) fn customer(guests: &Guests, number: u64) -> String {
    if number < guests.count() { guests.id(number) } else { format!("customer-{number}") }
}
