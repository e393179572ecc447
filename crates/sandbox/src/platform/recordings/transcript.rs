//! The messages of a recording (C.10.1, `RecordingMessagingMessage`).

use serde::Serialize;

use crate::messages::Status;
use crate::platform::ids;
use crate::platform::message_data::{Attachment, attachments};
use crate::platform::talk::{Kind, Line, Purpose, Talk};
use crate::platform::time::Time;
use crate::platform::visit::Call;

/// What a transcript shows of files: these, and no others (C.10.1).
const PICTURES: [&str; 3] = ["image/png", "image/jpeg", "image/gif"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    id: &'a str,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user: Option<Reference>,
    to: String,
    timestamp: Time,
    status: &'static str,
    purpose: &'static str,
    participant_id: String,
    queue: Reference,
    message_text: &'a str,
    message_media_attachments: Vec<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'static str>,
    message_receipts: Vec<Receipt<'a>>,
}

#[derive(Serialize)]
struct Reference {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    id: String,
    name: String,
    url: String,
    /// Of a picture; no other type is named here.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_length: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt<'a> {
    id: &'a str,
    receipt_time: Time,
    status: &'static str,
}

/// What was written, in order.
pub(super) fn of<'a>(talk: &'a Talk, call: &Call<'_>) -> Vec<Message<'a>> {
    let legs = talk.legs(talk.told_end);
    let customer = legs.iter().find(|leg| leg.purpose == Purpose::Customer);
    let message = |(place, line): (usize, &'a Line)| {
        let agent = legs.iter().find(|leg| leg.purpose == Purpose::Agent && leg.lines.contains(&place));
        let (from, to) = if line.guest { (customer, agent) } else { (agent, customer) };
        let session = |leg: Option<&crate::platform::talk::Leg>| {
            leg.map(|leg| leg.communication.clone()).unwrap_or_default()
        };
        let user = agent.filter(|_| !line.guest).and_then(|leg| leg.agent);
        Message {
            id: &line.id,
            from: session(from),
            from_user: user.map(|agent| Reference { id: ids::user(agent) }),
            to: session(to),
            timestamp: Time(line.at),
            status: line.status(call.now()),
            purpose: if line.guest { "customer" } else { "agent" },
            participant_id: from.map(|leg| leg.participant.clone()).unwrap_or_default(),
            queue: Reference { id: ids::queue(&talk.queue) },
            message_text: &line.text,
            message_media_attachments: attachments(line, call)
                .filter(|attachment| PICTURES.contains(&attachment.mime.as_str()))
                .map(Media::from)
                .collect(),
            content_type: match line.kind {
                Kind::Button => Some("ButtonResponse"),
                Kind::Words if !line.attached.is_empty() => Some("Attachment"),
                Kind::Words => None,
            },
            message_receipts: receipts(line, call),
        }
    };
    talk.lines.iter().enumerate().map(message).collect()
}

impl From<Attachment> for Media {
    fn from(attachment: Attachment) -> Self {
        Self {
            id: attachment.id,
            name: attachment.filename,
            url: attachment.url,
            media_type: Some(attachment.mime).filter(|mime| mime.starts_with("image/")),
            content_length: attachment.content_size_bytes,
        }
    }
}

fn receipts<'a>(line: &'a Line, call: &Call<'_>) -> Vec<Receipt<'a>> {
    let Some(message) = line.sent.as_ref().filter(|_| !line.guest) else { return Vec::new() };
    let told = message.receipts.until(call.now()).filter_map(|(at, status)| {
        let status = match status {
            Status::Queued => return None,
            Status::Sent => "Sent",
            Status::Delivered => "Delivered",
            Status::Read => "Read",
            Status::Failed => "Failed",
        };
        Some(Receipt { id: &line.id, receipt_time: Time(at), status })
    });
    told.collect()
}
