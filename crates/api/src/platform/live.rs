//! A conversation from the bytes of its answer (platform contract C.4.1): strict about what it is, tolerant about the rest.

use bytes::Bytes;
use frontdesk_domain::{ConversationId, Timestamp};
use serde_json::Value;
use serde_json::error::Category;

use super::conversation::{Communication, LiveConversation, LiveParticipant, MessageRef};
use super::loose;
use crate::endpoint::DecodeError;

/// Reads an answer about the conversation `id`.
pub(super) fn read(id: &ConversationId, body: Bytes) -> Result<LiveConversation, DecodeError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(DecodeError::new("it is empty"));
    }
    let answer = loose::value(&body).map_err(|error| match error.classify() {
        Category::Eof => DecodeError::truncated("it ends inside the object"),
        _ => DecodeError::new("it is not JSON"),
    })?;
    if !answer.is_object() {
        return Err(DecodeError::new("it is no JSON object"));
    }
    match answer.get("id").and_then(Value::as_str) {
        None => return Err(DecodeError::new("it has no id as text")),
        Some(other) if !other.eq_ignore_ascii_case(id.as_str()) => {
            return Err(DecodeError::new("it is about another conversation"));
        }
        Some(_) => {}
    }
    Ok(LiveConversation {
        id: id.clone(),
        external_tag: text(&answer, "externalTag"),
        started_at: time(&answer, "startTime"),
        ended_at: time(&answer, "endTime"),
        participants: list(&answer, "participants").filter_map(participant).collect(),
        answered_at: None,
        body,
    })
}

/// One without an id cannot be named by any operation, so it is left out.
fn participant(value: &Value) -> Option<LiveParticipant> {
    let routing = value.get("conversationRoutingData").unwrap_or(&Value::Null);
    let attributes = value.get("attributes").and_then(Value::as_object).into_iter().flatten();
    Some(LiveParticipant {
        id: text(value, "id")?,
        purpose: text(value, "purpose").unwrap_or_default(),
        name: text(value, "name"),
        user_id: text(value, "userId"),
        queue_id: text(value, "queueId"),
        queue_name: text(value, "queueName"),
        started_at: time(value, "startTime"),
        ended_at: time(value, "endTime"),
        attributes: attributes
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        wrapup_required: flag(value, "wrapupRequired"),
        wrapup_prompt: text(value, "wrapupPrompt"),
        wrapup_code: value.get("wrapup").and_then(|wrapup| text(wrapup, "code")),
        language: routing.get("language").and_then(|language| text(language, "id")),
        skills: list(routing, "skills").filter_map(|skill| text(skill, "id")).collect(),
        priority: routing.get("priority").and_then(Value::as_i64),
        communications: list(value, "messages").filter_map(communication).collect(),
    })
}

fn communication(value: &Value) -> Option<Communication> {
    let address = |name| value.get(name).and_then(|address| text(address, "addressNormalized"));
    Some(Communication {
        id: text(value, "id")?,
        state: text(value, "state"),
        direction: text(value, "direction"),
        channel: text(value, "type"),
        held: flag(value, "held"),
        disconnect_type: text(value, "disconnectType"),
        connected_at: time(value, "connectedTime"),
        disconnected_at: time(value, "disconnectedTime"),
        peer_id: text(value, "peerId"),
        from_address: address("fromAddress"),
        to_address: address("toAddress"),
        messages: list(value, "messages").filter_map(message).collect(),
    })
}

fn message(value: &Value) -> Option<MessageRef> {
    Some(MessageRef {
        id: text(value, "messageId")?,
        status: text(value, "messageStatus"),
        at: time(value, "messageTime"),
        segments: value.get("messageSegmentCount").and_then(Value::as_u64),
        error_code: value.get("errorInfo").and_then(|error| text(error, "code")),
    })
}

/// A text that is there and not empty.
fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(value: &Value, name: &str) -> Option<Timestamp> {
    value.get(name)?.as_str()?.parse().ok()
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// The elements of an array; none where there is none.
fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
