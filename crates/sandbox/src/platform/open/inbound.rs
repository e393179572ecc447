//! What the customer's side posts: messages, typing, receipts, answers to buttons (platform contract
//! C.3.1).

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::known;
use crate::form;
use crate::messages::Attachment;
use crate::moment::Moment;
use crate::platform::ids;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::time::Time;
use crate::platform::visit::{Call, json_with};
use crate::reply::Reply;
use crate::sessions::Beginning;

const RECEIVE: Access = Access::Client(&["conversation:message:receive"]);

pub(in crate::platform) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{integrationId}/inbound/open/message",
        access: RECEIVE,
        answer: message,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{integrationId}/inbound/open/event",
        access: RECEIVE,
        answer: event,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{integrationId}/inbound/open/receipt",
        access: RECEIVE,
        answer: receipt,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{integrationId}/inbound/open/structured/response",
        access: RECEIVE,
        answer: structured,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    #[serde(default)]
    from: Option<Party>,
    #[serde(default)]
    to: Option<Party>,
    time: Moment,
    #[serde(default)]
    message_id: Option<String>,
    #[serde(default)]
    metadata: Option<ChannelMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelMetadata {
    /// Of older payloads.
    #[serde(default)]
    custom_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    id: String,
    #[serde(default)]
    id_type: Option<String>,
}

#[derive(Deserialize)]
struct Inbound {
    channel: Channel,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    content: Option<Vec<Content>>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Content {
    attachment: Linked,
}

/// What is fetched from somewhere, not sent along.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Linked {
    media_type: String,
    url: String,
    #[serde(default)]
    mime: Option<String>,
    #[serde(default)]
    filename: Option<String>,
}

/// Who writes, and with what attributes.
fn sender(channel: &Channel) -> Result<(String, Map<String, Value>), Refusal> {
    let from = channel.from.as_ref().filter(|from| !from.id.is_empty());
    let from = from.ok_or_else(|| Refusal::invalid_value("channel.from", "Nobody has sent it."))?;
    if !matches!(from.id_type.as_deref(), Some("Email" | "Phone" | "Opaque")) {
        return Err(Refusal::invalid_value("channel.from.idType", "The type of the id is not known."));
    }
    let attributes = channel.metadata.as_ref().and_then(|metadata| metadata.custom_attributes.as_ref());
    let attributes = attributes.into_iter().flatten();
    Ok((from.id.clone(), attributes.map(|(key, value)| (key.clone(), value.as_str().into())).collect()))
}

/// Takes what a customer says, unless the provider said it before.
fn hear(
    call: &Call<'_>,
    channel: &Channel,
    text: &str,
    attachments: Vec<Attachment>,
) -> Result<(String, String), Refusal> {
    let mut state = call.sandbox.state();
    known(&state, call.id(0))?;
    let (guest_id, attributes) = sender(channel)?;
    let key = channel.message_id.clone().map(|id| (id, channel.time.to_string()));
    if let Some(taken) = key.as_ref().and_then(|key| state.platform.integrations.taken.get(key)) {
        let taken = taken.clone();
        state.stats.duplicates += 1;
        return Ok(taken);
    }
    let open =
        state.sessions.of_guest(&guest_id).filter(|last| last.ended.is_none() && last.channel == "open");
    let conversation = match open.map(|last| last.id.clone()) {
        Some(id) => id,
        None => {
            let beginning = Beginning { guest_id, attributes, key: None, channel: "open", outbound: false };
            call.sandbox.begin(&mut state, beginning, call.now(), call.pass.host)
        }
    };
    let view = call.sandbox.conversation(&state, &conversation)?;
    let seed = call.sandbox.config().seed;
    let message = state.messages.hear(&view, text, attachments, seed, call.now());
    call.sandbox.add(&mut state, &message);
    let taken = (ids::message(&message.id), conversation);
    if let Some(key) = key {
        state.platform.integrations.taken.insert(key, taken.clone());
    }
    Ok(taken)
}

/// The normalized form that everything taken is answered with.
fn normalized(call: &Call<'_>, kind: &str, id: &str, channel: &Channel) -> Value {
    let us = json!({"id": call.id(0)});
    let them = channel.from.as_ref().or(channel.to.as_ref()).map_or(
        Value::Null,
        |party| json!({"id": party.id, "idType": party.id_type.as_deref().unwrap_or("Opaque")}),
    );
    json!({"id": id, "type": kind, "channel": {"id": call.id(0), "platform": "Open",
        "type": "Private", "messageId": channel.message_id.as_deref().unwrap_or(id), "from": them, "to": us,
        "time": Time(channel.time)}})
}

/// `POST …/inbound/open/message`
fn message(call: &Call<'_>) -> Result<Reply, Refusal> {
    let inbound: Inbound = call.body()?;
    let text = inbound.text.clone().unwrap_or_default();
    let contents = inbound.content.unwrap_or_default();
    if text.is_empty() && contents.is_empty() {
        return Err(
            Refusal::bad_request("The message has neither text nor content.").field("bad.request", "text")
        );
    }
    let attachments = contents.into_iter().map(|Content { attachment }| Attachment {
        media_type: attachment.mime.unwrap_or_else(|| attachment.media_type.to_lowercase()),
        filename: attachment.filename.unwrap_or_else(|| "attachment".to_owned()),
        content: None,
        url: Some(attachment.url),
    });
    let (id, conversation) = hear(call, &inbound.channel, &text, attachments.collect())?;
    let mut body = normalized(call, "Text", &id, &inbound.channel);
    body["text"] = text.into();
    body["metadata"] = json!(inbound.metadata.unwrap_or_default());
    if form::value(&call.query()?, "prefetchConversationId") == Some("true") {
        body["conversationId"] = conversation.into();
    }
    json_with(StatusCode::ACCEPTED, &body)
}

#[derive(Deserialize)]
struct InboundEvent {
    channel: Channel,
    events: Vec<Value>,
}

/// `POST …/inbound/open/event`: the customer types. Nobody keeps that.
fn event(call: &Call<'_>) -> Result<Reply, Refusal> {
    let inbound: InboundEvent = call.body()?;
    if inbound.events.is_empty() || inbound.events.iter().any(|event| event["eventType"] != "Typing") {
        return Err(Refusal::invalid_value("events", "The only event is Typing."));
    }
    known(&call.sandbox.state(), call.id(0))?;
    sender(&inbound.channel)?;
    let mut body = normalized(call, "Event", &ids::message(&ids::uuid_of("typing")), &inbound.channel);
    body["events"] = Value::Array(inbound.events);
    json_with(StatusCode::ACCEPTED, &body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InboundReceipt {
    id: String,
    channel: Channel,
    status: String,
    #[serde(default)]
    reasons: Option<Vec<Value>>,
    #[serde(default)]
    is_final_receipt: Option<bool>,
}

/// `POST …/inbound/open/receipt`: it is checked and answered; how far a message got is the receipt
/// plan's alone.
fn receipt(call: &Call<'_>) -> Result<Reply, Refusal> {
    let inbound: InboundReceipt = call.body()?;
    if !matches!(inbound.status.as_str(), "Sent" | "Delivered" | "Failed" | "Published" | "Removed") {
        return Err(Refusal::invalid_value("status", "The status is not one that can be reported."));
    }
    if inbound.reasons.is_some() && inbound.status != "Failed" {
        return Err(Refusal::invalid_value("reasons", "Only a failure has reasons."));
    }
    if inbound.channel.to.is_none() {
        return Err(Refusal::invalid_value("channel.to", "Nobody was sent it."));
    }
    known(&call.sandbox.state(), call.id(0))?;
    call.conversation_of(&inbound.id).ok_or_else(|| Refusal::not_found("message", &inbound.id))?;
    let mut body = normalized(call, "Receipt", &inbound.id, &inbound.channel);
    body["status"] = inbound.status.into();
    body["direction"] = "Outbound".into();
    body["isFinalReceipt"] = inbound.is_final_receipt.unwrap_or(true).into();
    body["reasons"] = inbound.reasons.unwrap_or_default().into();
    json_with(StatusCode::ACCEPTED, &body)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InboundAnswer {
    channel: Channel,
    button_response: Button,
    originating_message_id: String,
}

#[derive(Serialize, Deserialize)]
struct Button {
    r#type: String,
    text: String,
    payload: String,
}

/// `POST …/inbound/open/structured/response`: the customer has pressed a button.
fn structured(call: &Call<'_>) -> Result<Reply, Refusal> {
    let inbound: InboundAnswer = call.body()?;
    let button = &inbound.button_response;
    if !matches!(button.r#type.as_str(), "Button" | "QuickReply" | "DatePicker") {
        return Err(Refusal::invalid_value("buttonResponse.type", "The type is not known."));
    }
    let (id, _) = hear(call, &inbound.channel, &button.text, Vec::new())?;
    let mut body = normalized(call, "Structured", &id, &inbound.channel);
    body["content"] = json!([{"contentType": "ButtonResponse", "buttonResponse": button}]);
    body["content"][0]["buttonResponse"]["originatingMessageId"] = inbound.originating_message_id.into();
    body["direction"] = "Inbound".into();
    json_with(StatusCode::ACCEPTED, &body)
}
