//! What the platform says of one message (platform contract C.4.3): its state, what it says, and its receipts.

use frontdesk_domain::Timestamp;
use frontdesk_domain::delivery::{MessageId, Observation, Status, StatusTimes};
use serde_json::Value;

use super::loose;

/// A message as `MessageData` describes it, as far as sending needs it. Members of another shape are as good as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageData {
    pub(super) id: MessageId,
    pub(super) conversation_id: Option<String>,
    pub(super) status: Option<Status>,
    pub(super) at: Option<Timestamp>,
    pub(super) inbound: bool,
    /// `None` where the text is not to be had (yet).
    pub(super) content: Option<Content>,
    pub(super) times: StatusTimes,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Content {
    pub(super) text: Option<String>,
    /// Its files: id and name.
    pub(super) files: Vec<(Option<String>, Option<String>)>,
}

impl MessageData {
    /// Reads one; none where it has no id, or is no object.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Self::of(&loose::value(bytes).ok()?)
    }

    pub(super) fn of(value: &Value) -> Option<Self> {
        let id = MessageId::new(text(value, "id")?).ok()?;
        let at = time(value.get("timestamp"));
        let mut times = StatusTimes::default();
        for receipt in array(value, "normalizedReceipts") {
            let Some(at) = time(receipt.get("channel").and_then(|channel| channel.get("time"))) else {
                continue;
            };
            let time = match text(receipt, "status").and_then(Status::of_published) {
                Some(Status::Sent) => &mut times.sent,
                Some(Status::Delivered) => &mut times.delivered,
                Some(Status::Read) => &mut times.read,
                Some(Status::Failed) => &mut times.failed,
                _ => continue,
            };
            *time = Some(time.map_or(at, |known: Timestamp| known.min(at)));
        }
        Some(Self {
            id,
            conversation_id: text(value, "conversationId").map(str::to_owned),
            status: text(value, "status").and_then(Status::of_published),
            at,
            inbound: text(value, "direction").is_some_and(|way| way.eq_ignore_ascii_case("inbound")),
            content: content(value),
            times,
        })
    }

    /// What it says of the message's way.
    pub(super) fn observation(&self) -> Observation {
        Observation { id: self.id.clone(), status: self.status, created: self.at, times: self.times }
    }
}

/// The normalized form; an older tenant may answer with `textBody` and `media` instead (platform contract C.4).
fn content(value: &Value) -> Option<Content> {
    if let Some(normalized) = value.get("normalizedMessage").filter(|message| message.is_object()) {
        let attachments = array(normalized, "content").filter_map(|element| element.get("attachment"));
        let files = attachments.map(|file| (owned(file, "id"), owned(file, "filename"))).collect();
        let content = Content { text: owned(normalized, "text"), files };
        return (content != Content::default()).then_some(content);
    }
    let files = array(value, "media").map(|file| (owned(file, "id"), owned(file, "name"))).collect();
    let content = Content { text: owned(value, "textBody"), files };
    (content != Content::default()).then_some(content)
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

fn owned(value: &Value, name: &str) -> Option<String> {
    text(value, name).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

fn array<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
