//! A conversation as it stands: `GET /api/v2/conversations/{conversationId}` (platform contract C.4.1), and
//! the messaging view of it (C.4.2).

mod flat;

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Leg, Line, Medium, Messenger, Purpose, Talk, WrapUp};
use super::time::Time;
use super::visit::{Call, json};
use crate::moment::Moment;
use crate::reply::Reply;

/// The permission that looking at a conversation needs.
const VIEW: &str = "conversation:communication:view";

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/{conversationId}",
        access: Access::Client(&[VIEW]),
        answer: conversation,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}",
        access: Access::Client(&[]),
        answer: messages,
    },
];

/// `GET /api/v2/conversations/{conversationId}`
fn conversation(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    json(&Conversation::of(&talk, call.now(), call.deployment()))
}

/// `GET /api/v2/conversations/messages/{conversationId}`
fn messages(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    if !matches!(talk.medium, Medium::Message(_)) {
        return Err(Refusal::not_found("conversation", call.id(0)));
    }
    json(&flat::MessageConversation::of(&talk, call.now(), call.deployment()))
}

/// The body of a message-conversation event (C.12.3): the messaging view, with its messages one level
/// deeper than the operations have them.
pub(super) fn event_body(talk: &Talk, now: Moment, deployment: &str) -> Value {
    let view = flat::MessageConversation::of(talk, now, deployment);
    let mut body = serde_json::to_value(view).unwrap_or_default();
    let participants = body["participants"].as_array_mut().into_iter().flatten();
    for message in participants.filter_map(|one| one["messages"].as_array_mut()).flatten() {
        if let Some(message) = message.as_object_mut() {
            message.remove("messageURI");
            if let Some(id) = message.remove("messageId") {
                message.insert("message".to_owned(), json!({"id": id}));
            }
        }
    }
    if let Some(body) = body.as_object_mut() {
        body.remove("selfUri");
    }
    body
}

impl Call<'_> {
    /// The conversation with this id.
    pub(crate) fn talk(&self, id: &str) -> Result<Talk, Refusal> {
        let talk = Talk::find(self.sandbox, &self.sandbox.state(), id, self.now());
        talk.ok_or_else(|| Refusal::not_found("conversation", id))
    }

    pub(crate) fn deployment(&self) -> &str {
        &self.sandbox.config().deployment_id
    }
}

/// C.4.1
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversation<'a> {
    id: &'a str,
    start_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_tag: Option<&'a str>,
    participants: Vec<Participant<'a>>,
    recording_state: &'static str,
    divisions: [Division; 1],
    recent_transfers: [(); 0],
    secure_pause: bool,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Division {
    division: Reference,
    entities: [Reference; 0],
}

/// A mention of something by its id.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    self_uri: Option<String>,
}

impl Reference {
    fn of(kind: &str, id: String, name: Option<String>) -> Self {
        let self_uri = format!("/api/v2/{kind}/{id}");
        Self { id, name, self_uri: Some(self_uri) }
    }

    fn division() -> Self {
        Self::of("authorization/divisions", ids::division(), None)
    }

    fn queue(name: &str) -> Self {
        Self::of("routing/queues", ids::queue(name), Some(name.to_owned()))
    }

    fn user(agent: u64) -> Self {
        Self::of("users", ids::user(agent), Some(format!("agent-{agent}")))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant<'a> {
    id: String,
    start_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_contact_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_name: Option<&'a str>,
    purpose: &'static str,
    participant_type: &'static str,
    address: String,
    attributes: BTreeMap<String, String>,
    wrapup_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup_prompt: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup: Option<Wrapup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_routing_data: Option<RoutingData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alerting_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_acw_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_acw_time: Option<Time>,
    calls: Vec<Communication>,
    callbacks: [(); 0],
    chats: [(); 0],
    cobrowsesessions: [(); 0],
    emails: Vec<Communication>,
    messages: Vec<MessageLeg<'a>>,
    screenshares: [(); 0],
    social_expressions: [(); 0],
    videos: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wrapup {
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    provisional: bool,
}

impl Wrapup {
    fn of(wrap_up: &WrapUp) -> Self {
        Self {
            code: wrap_up.code.clone(),
            name: wrap_up.name.clone(),
            notes: wrap_up.notes.clone(),
            tags: wrap_up.tags.clone(),
            duration_seconds: wrap_up.duration_seconds,
            end_time: wrap_up.end.map(Time),
            provisional: false,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoutingData {
    queue: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Reference>,
    priority: i32,
    skills: [Reference; 0],
    scored_agents: [(); 0],
}

impl RoutingData {
    fn of(talk: &Talk) -> Self {
        // An id and an address: what the vendor's SDKs call an addressable entity has no name.
        let language = |tag: &str| Reference::of("routing/languages", ids::language(tag), None);
        Self {
            queue: Reference::of("routing/queues", ids::queue(&talk.queue), None),
            language: talk.language.as_deref().map(language),
            priority: 0,
            skills: [],
            scored_agents: [],
        }
    }
}

/// A call or an e-mail: what every communication has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Communication {
    id: String,
    state: &'static str,
    initial_state: &'static str,
    held: bool,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_type: Option<&'static str>,
    connected_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnected_time: Option<Time>,
    provider: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
}

/// `participants[].messages[]` of C.4.1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageLeg<'a> {
    #[serde(flatten)]
    communication: Communication,
    start_alerting_time: Time,
    segments: [(); 0],
    authenticated: bool,
    r#type: &'static str,
    to_address: Address,
    from_address: Address,
    messages: Vec<MessageDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup: Option<Wrapup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_call_work: Option<AfterCallWork>,
    after_call_work_required: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AfterCallWork {
    start_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    state: &'static str,
}

/// A party's address in the spellings of C.4.1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    name: String,
    name_raw: String,
    address_normalized: String,
    address_raw: String,
    address_displayable: String,
}

impl Address {
    fn of(name: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            name_raw: name.to_owned(),
            address_normalized: address.to_owned(),
            address_raw: address.to_owned(),
            address_displayable: address.to_owned(),
        }
    }
}

/// A message as a leg lists it: no text, but how far it got.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageDetails<'a> {
    message_id: &'a str,
    #[serde(rename = "messageURI")]
    message_uri: String,
    message_status: &'static str,
    message_segment_count: u64,
    message_time: Time,
    message_metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    r#type: &'static str,
    events: [(); 0],
    content: Vec<ContentMetadata>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentMetadata {
    content_type: &'static str,
    sub_type: String,
}

impl<'a> MessageDetails<'a> {
    pub(crate) fn of(conversation: &str, line: &'a Line, messenger: Option<Messenger>, now: Moment) -> Self {
        let content = super::message_data::content_types(line);
        Self {
            message_id: &line.id,
            message_uri: super::message_data::uri(conversation, &line.id),
            message_status: line.status(now),
            // A text message on a phone has 153 characters when there is more than one.
            message_segment_count: match messenger {
                Some(Messenger::Sms) if line.text.chars().count() > 160 => {
                    line.text.chars().count().div_ceil(153) as u64
                }
                _ => 1,
            },
            message_time: Time(line.at),
            message_metadata: Metadata {
                r#type: if content.is_empty() { "Text" } else { "Structured" },
                events: [],
                content: content
                    .into_iter()
                    .map(|(content_type, sub_type)| ContentMetadata { content_type, sub_type })
                    .collect(),
            },
        }
    }
}

/// What a conversation's two sides are called: the customer's address and ours.
pub(crate) fn addresses(talk: &Talk, deployment: &str) -> (String, String) {
    let hash = crate::random::hash_text(talk.customer.as_bytes());
    match talk.medium {
        // Whoever was called by number.
        Medium::Message(Some(Messenger::Sms)) if talk.customer.starts_with('+') => {
            (talk.customer.clone(), "+12025550100".to_owned())
        }
        // Numbers that are nobody's.
        Medium::Message(Some(Messenger::Sms)) | Medium::Voice => {
            (format!("+1{}55501{:02}", 201 + hash % 700, hash / 700 % 100), "+12025550100".to_owned())
        }
        Medium::Message(Some(Messenger::Web)) => {
            (ids::uuid_of(&format!("session {}", talk.customer)), deployment.to_owned())
        }
        Medium::Email => (format!("{}@example.org", talk.customer), "service@example.com".to_owned()),
        Medium::Message(_) => (talk.customer.clone(), ids::uuid_of("open integration")),
    }
}

/// The attributes of a participant: those of the start are the customer's.
pub(crate) fn attributes(talk: &Talk, leg: &Leg) -> BTreeMap<String, String> {
    let mut all = match leg.purpose {
        Purpose::Customer => talk.attributes.clone(),
        _ => BTreeMap::new(),
    };
    if let Some(set) = talk.mark.attributes.get(&leg.participant) {
        all.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    all
}

impl<'a> Conversation<'a> {
    /// The conversation as it stands at `now`.
    pub(crate) fn of(talk: &'a Talk, now: Moment, deployment: &str) -> Self {
        let legs = talk.legs(talk.ended);
        let participants = legs.into_iter().map(|leg| participant(talk, leg, now, deployment)).collect();
        Self {
            id: &talk.id,
            start_time: Time(talk.start),
            end_time: talk.ended.map(Time),
            address: addresses(talk, deployment).1,
            external_tag: talk.external_tag.as_deref(),
            participants,
            recording_state: "NONE",
            divisions: [Division { division: Reference::division(), entities: [] }],
            recent_transfers: [],
            secure_pause: false,
            self_uri: format!("/api/v2/conversations/{}", talk.id),
        }
    }
}

fn participant<'a>(talk: &'a Talk, leg: Leg, now: Moment, deployment: &str) -> Participant<'a> {
    let is_agent = leg.purpose == Purpose::Agent;
    let is_customer = leg.purpose == Purpose::Customer;
    let (theirs, ours) = addresses(talk, deployment);
    let acw_end = leg.wrap_up.as_ref().and_then(|wrap_up| wrap_up.end);
    let (mut calls, mut emails, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    match talk.medium {
        Medium::Voice => calls.push(communication(talk, &leg)),
        Medium::Email => emails.push(communication(talk, &leg)),
        Medium::Message(messenger) => messages.push(message_leg(talk, &leg, messenger, now, deployment)),
    }
    Participant {
        start_time: Time(leg.start),
        connected_time: Some(Time(leg.connected)),
        end_time: leg.end.map(Time),
        name: match leg.purpose {
            Purpose::Customer => Some(talk.customer.clone()),
            Purpose::Acd => Some(talk.queue.clone()),
            Purpose::Agent => leg.agent.map(|agent| format!("agent-{agent}")),
        },
        user_id: leg.agent.map(ids::user),
        external_contact_id: is_customer.then(|| ids::contact(&talk.customer)),
        queue_id: (!is_customer).then(|| ids::queue(&talk.queue)),
        queue_name: (!is_customer).then_some(talk.queue.as_str()),
        purpose: leg.purpose.name(),
        participant_type: if is_customer { "External" } else { "Internal" },
        address: if is_customer { theirs } else { ours },
        attributes: attributes(talk, &leg),
        wrapup_required: is_agent,
        wrapup_prompt: is_agent.then_some("optional"),
        wrapup_timeout_ms: is_agent.then_some(60_000),
        wrapup: leg.wrap_up.as_ref().map(Wrapup::of),
        conversation_routing_data: (!is_customer).then(|| RoutingData::of(talk)),
        alerting_timeout_ms: is_agent.then_some(30_000),
        start_acw_time: acw_end.and(leg.end).map(Time),
        end_acw_time: acw_end.map(Time),
        calls,
        callbacks: [],
        chats: [],
        cobrowsesessions: [],
        emails,
        messages,
        screenshares: [],
        social_expressions: [],
        videos: [],
        id: leg.participant,
    }
}

fn communication(talk: &Talk, leg: &Leg) -> Communication {
    Communication {
        id: leg.communication.clone(),
        state: if leg.end.is_some() { "disconnected" } else { "connected" },
        initial_state: if leg.purpose == Purpose::Agent { "alerting" } else { "connected" },
        held: false,
        direction: if talk.outbound { "outbound" } else { "inbound" },
        disconnect_type: leg.disconnect,
        connected_time: Time(leg.connected),
        disconnected_time: leg.end.map(Time),
        provider: talk.medium.provider(),
        peer_id: leg.peer.clone(),
    }
}

fn message_leg<'a>(
    talk: &'a Talk,
    leg: &Leg,
    messenger: Option<Messenger>,
    now: Moment,
    deployment: &str,
) -> MessageLeg<'a> {
    let (theirs, ours) = addresses(talk, deployment);
    let (theirs, ours) = (Address::of(&talk.customer, &theirs), Address::of("Sandbox", &ours));
    let (from_address, to_address) = if talk.outbound { (ours, theirs) } else { (theirs, ours) };
    let lines = &talk.lines[leg.lines.clone()];
    let acw_end = leg.wrap_up.as_ref().and_then(|wrap_up| wrap_up.end);
    MessageLeg {
        communication: communication(talk, leg),
        start_alerting_time: Time(leg.start),
        segments: [],
        authenticated: false,
        r#type: messenger.map_or("unknown", Messenger::name),
        to_address,
        from_address,
        messages: lines.iter().map(|line| MessageDetails::of(&talk.id, line, messenger, now)).collect(),
        wrapup: leg.wrap_up.as_ref().map(Wrapup::of),
        after_call_work: acw_end.zip(leg.end).map(|(end, start)| AfterCallWork {
            start_time: Time(start),
            end_time: Some(Time(end)),
            state: "complete",
        }),
        after_call_work_required: leg.purpose == Purpose::Agent,
    }
}
