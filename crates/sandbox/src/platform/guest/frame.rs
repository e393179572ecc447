//! What the platform says on a guest's socket (platform contract C.2.4).

use serde_json::{Map, Value, json};

use crate::moment::Moment;
use crate::platform::time::Time;

/// A frame on its way to a guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// One JSON text.
    Text(String),
    /// The connection is closed, in order.
    Close,
    /// It breaks off.
    Break,
}

/// An error of the protocol: a number and a text (C.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) code: u16,
    pub(super) message: String,
    /// How many seconds to wait, where too much was asked.
    pub(super) retry_after: Option<u64>,
}

impl Rejection {
    pub(super) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    pub(super) fn too_many(what: &str, retry_after: u64) -> Self {
        Self { code: 429, message: format!("{what} rate too high"), retry_after: Some(retry_after) }
    }

    /// As an answer. Where errors are wanted as objects, this one is.
    pub(super) fn frame(&self, tracing_id: Option<&str>, object: Option<&str>) -> Frame {
        let (class, body) = match (self.retry_after, object) {
            (Some(retry_after), _) => {
                let body = json!({"name": "TooManyRequests", "message": "rate", "errorCode": 4029,
                    "errorMessage": self.message, "retryAfter": retry_after});
                ("TooManyRequestsErrorMessage", body)
            }
            (None, Some(attachment)) => {
                let body = json!({"name": "GenerateUrlError", "message": self.message, "errorCode": self.code,
                    "errorMessage": self.message, "attachmentId": attachment});
                ("GenerateUrlError", body)
            }
            (None, None) => ("string", Value::from(self.message.as_str())),
        };
        envelope("response", class, self.code, body, tracing_id)
    }
}

/// The answer to a request.
pub(super) fn response(class: &str, body: Value, tracing_id: Option<&str>) -> Frame {
    envelope("response", class, 200, body, tracing_id)
}

/// What nobody asked for, or everybody hears.
pub(super) fn push(class: &str, body: Value, tracing_id: Option<&str>) -> Frame {
    envelope("message", class, 200, body, tracing_id)
}

fn envelope(kind: &str, class: &str, code: u16, body: Value, tracing_id: Option<&str>) -> Frame {
    let mut frame = json!({"type": kind, "class": class, "code": code, "body": body});
    if let Some(id) = tracing_id {
        frame["tracingId"] = id.into();
    }
    Frame::Text(frame.to_string())
}

/// One line of a guest's history, as the socket tells it and as C.1 lists it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// `Text`, `Structured` or `Event`.
    pub(crate) kind: &'static str,
    pub(crate) text: Option<String>,
    pub(crate) content: Vec<Value>,
    pub(crate) events: Vec<Value>,
    /// The guest said it.
    pub(crate) inbound: bool,
    /// Who on the other side did.
    pub(crate) nickname: Option<String>,
    pub(crate) time: Moment,
    /// The id that the guest's client gave it.
    pub(crate) message_id: Option<String>,
    pub(crate) metadata: Map<String, Value>,
}

impl Told {
    /// An event of the platform's own.
    pub(super) fn event(id: String, event: Value, inbound: bool, time: Moment) -> Self {
        Self {
            id,
            kind: "Event",
            text: None,
            content: Vec::new(),
            events: vec![event],
            inbound,
            nickname: None,
            time,
            message_id: None,
            metadata: Map::new(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        let mut channel =
            json!({"time": Time(self.time), "messageId": self.message_id.as_ref().unwrap_or(&self.id)});
        if let Some(nickname) = &self.nickname {
            channel["from"] = json!({"nickname": nickname});
            channel["to"] = json!({});
        }
        let mut body = json!({
            "id": self.id, "type": self.kind, "channel": channel,
            "direction": if self.inbound { "Inbound" } else { "Outbound" },
            "content": self.content, "events": self.events, "metadata": self.metadata,
        });
        if let Some(text) = &self.text {
            body["text"] = text.as_str().into();
        }
        if !self.inbound {
            body["originatingEntity"] = "Human".into();
        }
        body
    }
}

/// The presence event of this kind.
pub(super) fn presence(kind: &str) -> Value {
    json!({"eventType": "Presence", "presence": {"type": kind}})
}
