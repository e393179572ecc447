//! Texts of messages: one, one without its conversation, many (platform contract C.4, C.4.3).

use http::Method;
use serde::Serialize;

use super::conversation::addresses;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Attached, Kind, Line, Medium, Messenger, Seen, Talk, Text};
use super::time::Time;
use super::visit::{Call, json};
use crate::messages::Status;
use crate::moment::Moment;
use crate::reply::Reply;

/// Any of these lets read messages.
const VIEW: &[&str] = &["conversation:message:view", "conversation:webmessaging:view"];
/// Most ids of a bulk read.
pub(crate) const MOST: usize = 1_000;

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{conversationId}/messages/bulk",
        access: Access::Client(VIEW),
        answer: bulk,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}/messages/{messageId}",
        access: Access::Client(VIEW),
        answer: single,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{messageId}/details",
        access: Access::Client(VIEW),
        answer: details,
    },
];

/// The conversation of a call with the texts of its messages, as far as they can be had.
struct Reading {
    talk: Talk,
    seen: Seen,
}

impl Reading {
    fn of(call: &Call<'_>, conversation: &str) -> Result<Self, Refusal> {
        let state = call.sandbox.state();
        let talk = Talk::find(call.sandbox, &state, conversation, call.now());
        let talk = talk.filter(|talk| matches!(talk.medium, Medium::Message(_)));
        let talk = talk.ok_or_else(|| Refusal::not_found("conversation", conversation))?;
        Ok(Self { talk, seen: Seen::of(&state, 0..0, call.now()) })
    }

    /// The message with this id, where its text can be had.
    fn line(&self, id: &str) -> Option<&Line> {
        let line = self.talk.lines.iter().find(|line| line.id == id)?;
        (self.seen.text_of(&line.id) == Text::There).then_some(line)
    }

    fn data<'a>(&'a self, call: &Call<'_>, line: &'a Line) -> MessageData<'a> {
        MessageData::of(&self.talk, line, call)
    }
}

/// `POST /api/v2/conversations/messages/{conversationId}/messages/bulk`
fn bulk(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Vec<String> = call.body()?;
    if wanted.len() > MOST {
        let message = format!("At most {MOST} message ids may be given.");
        return Err(Refusal::invalid_value("messageIds", message));
    }
    let reading = Reading::of(call, call.id(0))?;
    let mut seen = std::collections::HashSet::new();
    let lines = wanted.iter().filter(|id| seen.insert(id.as_str())).filter_map(|id| reading.line(id));
    json(&Listing { entities: lines.map(|line| reading.data(call, line)).collect() })
}

/// `GET /api/v2/conversations/messages/{conversationId}/messages/{messageId}`
fn single(call: &Call<'_>) -> Result<Reply, Refusal> {
    let reading = Reading::of(call, call.id(0))?;
    let line = reading.line(call.id(1)).ok_or_else(|| Refusal::not_found("message", call.id(1)))?;
    json(&reading.data(call, line))
}

/// `GET /api/v2/conversations/messages/{messageId}/details`
fn details(call: &Call<'_>) -> Result<Reply, Refusal> {
    let joined = call.sandbox.state().platform.web.joined(call.id(0)).cloned();
    if let Some((conversation, at)) = joined {
        return json(&join(call, &conversation, at));
    }
    let unknown = || Refusal::not_found("message", call.id(0));
    let conversation = call.conversation_of(call.id(0)).ok_or_else(unknown)?;
    let reading = Reading::of(call, &conversation)?;
    let line = reading.line(call.id(0)).ok_or_else(unknown)?;
    json(&reading.data(call, line))
}

/// The event with which a guest joined a conversation over its socket: an inbound message without a word.
fn join(call: &Call<'_>, conversation: &str, at: Moment) -> serde_json::Value {
    let id = call.id(0);
    serde_json::json!({
        "id": id, "providerMessageId": id, "timestamp": Time(at), "direction": "inbound",
        "messengerType": "webmessaging", "status": "received", "conversationId": conversation,
        "normalizedMessage": {"id": id, "type": "Event", "direction": "Inbound", "content": [],
            "channel": {"platform": "WebMessaging", "type": "Private", "messageId": id, "time": Time(at)},
            "events": [{"eventType": "Presence", "presence": {"type": "Join"}}]},
        "normalizedReceipts": [], "selfUri": uri(conversation, id),
    })
}

impl Call<'_> {
    /// The conversation that a message belongs to.
    pub(crate) fn conversation_of(&self, message: &str) -> Option<String> {
        let uuid = uuid::Uuid::try_parse(message).ok().filter(|_| message.len() == 32)?;
        if let Some(sent) = self.sandbox.state().messages.find(&uuid.hyphenated().to_string()) {
            return Some(sent.conversation.clone());
        }
        let changes = std::sync::Arc::clone(&self.sandbox.state().changes);
        let tenant = &self.sandbox.tenant;
        tenant.number_of_message(message, &changes, super::ids::message).map(|number| tenant.id(number))
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    entities: Vec<MessageData<'a>>,
}

/// C.4.3
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageData<'a> {
    id: &'a str,
    provider_message_id: &'a str,
    timestamp: Time,
    from_address: String,
    to_address: String,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messenger_type: Option<&'static str>,
    status: &'static str,
    normalized_message: NormalizedMessage<'a>,
    normalized_receipts: Vec<NormalizedMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<CreatedBy>,
    conversation_id: &'a str,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedBy {
    id: String,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NormalizedMessage<'a> {
    id: &'a str,
    channel: Channel<'a>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    content: Vec<Content<'a>>,
    events: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_final_receipt: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    originating_entity: Option<&'static str>,
    direction: &'static str,
}

#[derive(Serialize)]
struct Reason {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'static str>,
    r#type: &'static str,
    message_id: &'a str,
    to: Party,
    from: Party,
    time: Time,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    id: String,
    id_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
}

/// One element, under the key of its type.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    button_response: Option<ButtonResponse<'a>>,
}

/// What comes with a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attachment {
    pub(crate) id: String,
    media_type: &'static str,
    pub(crate) url: String,
    pub(crate) mime: String,
    pub(crate) filename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_size_bytes: Option<usize>,
}

#[derive(Serialize)]
struct ButtonResponse<'a> {
    r#type: &'static str,
    text: &'a str,
    payload: &'a str,
}

/// Where a message can be read.
pub(crate) fn uri(conversation: &str, message: &str) -> String {
    format!("/api/v2/conversations/messages/{conversation}/messages/{message}")
}

/// Type and subtype of everything but words that a line has.
pub(crate) fn content_types(line: &Line) -> Vec<(&'static str, String)> {
    let button = (line.kind == Kind::Button).then(|| ("ButtonResponse", "Button".to_owned()));
    let attached = line.attached.iter().map(|attached| ("Attachment", media_type(attached).to_owned()));
    button.into_iter().chain(attached).collect()
}

fn media_type(attached: &Attached) -> &'static str {
    let picture = match attached {
        Attached::Link(link) => link.is_picture(),
        Attached::Sent { message, index } => {
            message.attachments.get(*index).is_some_and(|one| one.kind() == "image")
        }
    };
    if picture { "Image" } else { "File" }
}

impl<'a> MessageData<'a> {
    /// A line of a conversation, as the client of this call sees it.
    pub(crate) fn of(talk: &'a Talk, line: &'a Line, call: &Call<'_>) -> Self {
        let (theirs, ours) = addresses(talk, call.deployment());
        let (from, to) = if line.guest { (&theirs, &ours) } else { (&ours, &theirs) };
        let agent = (!line.guest).then(|| talk.agent_at(line.at)).flatten();
        Self {
            id: &line.id,
            provider_message_id: &line.id,
            timestamp: Time(line.at),
            from_address: from.clone(),
            to_address: to.clone(),
            direction: line.direction(),
            messenger_type: talk.medium.messenger().map(Messenger::name),
            status: line.status(call.now()),
            normalized_message: NormalizedMessage::of(talk, line, call),
            normalized_receipts: receipts(talk, line, call),
            created_by: agent.map(|agent| {
                let id = super::ids::user(agent);
                CreatedBy { self_uri: format!("/api/v2/users/{id}"), id }
            }),
            conversation_id: &talk.id,
            self_uri: uri(&talk.id, &line.id),
        }
    }
}

impl<'a> NormalizedMessage<'a> {
    fn of(talk: &'a Talk, line: &'a Line, call: &Call<'_>) -> Self {
        let button = (line.kind == Kind::Button).then(|| Content {
            content_type: "ButtonResponse",
            attachment: None,
            button_response: Some(ButtonResponse { r#type: "Button", text: &line.text, payload: &line.text }),
        });
        let attached = attachments(line, call).map(|attachment| Content {
            content_type: "Attachment",
            attachment: Some(attachment),
            button_response: None,
        });
        let content: Vec<_> = button.into_iter().chain(attached).collect();
        Self {
            id: &line.id,
            channel: Channel::of(talk, line, line.at, call),
            r#type: if content.is_empty() { "Text" } else { "Structured" },
            text: Some(&line.text),
            content,
            events: [],
            status: None,
            reasons: Vec::new(),
            is_final_receipt: None,
            originating_entity: Some("Human"),
            direction: if line.guest { "Inbound" } else { "Outbound" },
        }
    }
}

/// What came back about a message that was sent, in the other vocabulary (C.5.6).
fn receipts<'a>(talk: &'a Talk, line: &'a Line, call: &Call<'_>) -> Vec<NormalizedMessage<'a>> {
    let Some(message) = line.sent.as_ref().filter(|_| !line.guest) else { return Vec::new() };
    let receipt = |(at, status): (Moment, Status)| {
        let told = match status {
            Status::Queued => return None,
            Status::Sent => "Sent",
            Status::Delivered => "Delivered",
            Status::Read => "Read",
            Status::Failed => "Failed",
        };
        let failed = Reason { code: "GeneralError", message: "The message could not be delivered." };
        Some(NormalizedMessage {
            id: &line.id,
            channel: Channel::of(talk, line, at, call),
            r#type: "Receipt",
            text: None,
            content: Vec::new(),
            events: [],
            status: Some(told),
            reasons: if status == Status::Failed { vec![failed] } else { Vec::new() },
            is_final_receipt: Some(status != Status::Sent),
            originating_entity: None,
            direction: "Outbound",
        })
    };
    message.receipts.until(call.now()).filter_map(receipt).collect()
}

impl<'a> Channel<'a> {
    fn of(talk: &'a Talk, line: &'a Line, time: Moment, call: &Call<'_>) -> Self {
        let (theirs, ours) = addresses(talk, call.deployment());
        let id_type = match talk.medium.messenger() {
            Some(Messenger::Sms) => "Phone",
            _ => "Opaque",
        };
        let them = Party { id: theirs, id_type, nickname: Some(talk.customer.clone()) };
        let us = Party { id: ours, id_type, nickname: None };
        let (from, to) = if line.guest { (them, us) } else { (us, them) };
        Self {
            platform: talk.medium.messenger().map(Messenger::platform),
            r#type: "Private",
            message_id: &line.id,
            to,
            from,
            time: Time(time),
        }
    }
}

/// Everything that comes with a line, by links that the client of this call can follow.
pub(crate) fn attachments<'a>(line: &'a Line, call: &'a Call<'_>) -> impl Iterator<Item = Attachment> {
    let attached = line.attached.iter().enumerate();
    attached.map(move |(index, attached)| Attachment::of(&line.id, index, attached, call))
}

impl Attachment {
    fn of(message: &str, index: usize, attached: &Attached, call: &Call<'_>) -> Self {
        let id = super::ids::uuid_of(&format!("media {message} {index}"));
        let base = call.base();
        let (link, mime, filename, content_size_bytes) = match attached {
            Attached::Link(link) => {
                let url = link.url(&base, call.sandbox.config().seed);
                (url, mime_of(link.name()).to_owned(), link.name().to_owned(), None)
            }
            Attached::Sent { message, index } => {
                let one = &message.attachments[*index];
                let path = crate::media::path_of_sent(&message.id, *index, &one.filename);
                let url = one.url.clone().unwrap_or_else(|| format!("{base}{path}"));
                let size = one.content.as_ref().map(|_| one.bytes());
                (url, one.media_type.clone(), one.filename.clone(), size)
            }
        };
        let url =
            if link.starts_with(&base) { super::media::read_link(&link, call.pass.number) } else { link };
        Self { id, media_type: media_type(attached), url, mime, filename, content_size_bytes }
    }
}

fn mime_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("pdf") => "application/pdf",
        _ => "application/octet-stream",
    }
}
