//! One message, from its bytes.

use std::fmt;

use super::MessageKind;
use super::normalized::Normalized;
use crate::json;
use crate::record::read_id;
use crate::{RecordErrorKind, RecordId, TimeError, Timestamp};

/// When a message was sent, or why that cannot be read: such a message is kept (contract §2).
pub type Stamp = Result<Timestamp, StampFault>;

/// A message of a history: its bytes as they came, compacted, and what was read out of them.
///
/// ```
/// use frontdesk_domain::message::{Message, MessageKind};
///
/// let message = Message::read(
///     br#"{"id":"m-1", "type":"file", "timestamp":"2025-03-01T10:00:00.120Z", "media":{"url":"https://x/y"}}"#.to_vec(),
/// )?;
/// assert_eq!((message.id().as_str(), message.kind()), ("m-1", &MessageKind::File));
/// assert_eq!(message.media().unwrap().url, "https://x/y");
/// assert!(message.bytes().starts_with(br#"{"id":"m-1","type""#));
/// # Ok::<(), frontdesk_domain::RecordErrorKind>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    id: RecordId,
    kind: MessageKind,
    sent_at: Stamp,
    media: Option<MediaLink>,
    bytes: Vec<u8>,
}

/// The file that goes with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaLink {
    /// Where it is, unchecked: [`MediaUrl`](crate::media::MediaUrl) says whether it may be asked for.
    pub url: String,
    /// What it is called; empty where the message does not say.
    pub name: String,
}

impl fmt::Debug for MediaLink {
    /// How long both are: a presigned URL is a secret, and a name is a customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaLink").field("url", &self.url.len()).field("name", &self.name.len()).finish()
    }
}

/// Where a message stands in a sorted history: by the time it was sent, then by its id. Messages whose time cannot be
/// read come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SortKey {
    unreadable: bool,
    sent_at: Timestamp,
    id: RecordId,
}

impl SortKey {
    /// The key of a message with this time and id.
    #[must_use]
    pub fn new(sent_at: Option<Timestamp>, id: RecordId) -> Self {
        Self { unreadable: sent_at.is_none(), sent_at: sent_at.unwrap_or(Timestamp::MAX), id }
    }
}

impl Message {
    /// Reads one element of a page's `entities`: of the gateway, of the platform's staff (C.4.3 of its contract), or as a guest
    /// of the platform is shown it (C.1). Only its id must be there; members that are not known, or not of the type they should
    /// be, are kept and mean nothing here.
    ///
    /// # Errors
    ///
    /// When it is no JSON object, or has no text for an id: such a one can be neither sorted nor told from its double.
    pub fn read(entity: Vec<u8>) -> Result<Self, RecordErrorKind> {
        let scan = json::scan(&entity).map_err(RecordErrorKind::Json)?;
        if !scan.object {
            return Err(RecordErrorKind::NotAnObject);
        }
        let id = read_id(scan.value(&entity, "id"))?;
        let text = |name| scan.value(&entity, name).and_then(json::text);
        // As a guest is shown it (platform contract C.1): what the staff has in `normalizedMessage` is the message itself, and
        // its time is the channel's.
        let channel = scan.value(&entity, "channel").filter(|_| scan.value(&entity, "timestamp").is_none());
        let channel = channel.and_then(|channel| Some((channel, json::scan(channel).ok()?)));
        let channel = channel.filter(|(_, members)| members.object);
        let normalized = match &channel {
            Some(_) => Normalized::read(&entity),
            None => scan.value(&entity, "normalizedMessage").and_then(Normalized::read),
        };
        let kind = match (text("type"), &normalized) {
            (Some(name), None) => MessageKind::read(&name),
            (Some(name), _) if channel.is_none() => MessageKind::read(&name),
            (_, Some(normalized)) => normalized.kind.clone(),
            (None, None) => MessageKind::read(""),
        };
        let sent_at = match &channel {
            Some((channel, members)) => read_stamp(members.value(channel, "time")),
            None => read_stamp(scan.value(&entity, "timestamp")),
        };
        let media = scan.value(&entity, "media").and_then(read_media);
        let media = media.or_else(|| normalized.and_then(|normalized| normalized.media));
        let bytes = if scan.compact {
            entity
        } else {
            json::compact(&entity).map_err(RecordErrorKind::Json)?.into_owned()
        };
        Ok(Self { id, kind, sent_at, media, bytes })
    }

    /// The message's id: any text, not empty, at most 1,024 bytes.
    #[must_use]
    pub fn id(&self) -> &RecordId {
        &self.id
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &MessageKind {
        &self.kind
    }

    /// When it was sent.
    pub fn sent_at(&self) -> Stamp {
        self.sent_at
    }

    /// The file that goes with it: `media`, where that is an object with a text `url`; of a message of the platform its
    /// first attachment.
    #[must_use]
    pub fn media(&self) -> Option<&MediaLink> {
        self.media.as_ref()
    }

    /// The message as it came, white space between its tokens removed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Where it stands in a sorted history.
    #[must_use]
    pub fn sort_key(&self) -> SortKey {
        SortKey::new(self.sent_at.ok(), self.id.clone())
    }
}

impl fmt::Debug for Message {
    /// What it is, not what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("sent_at", &self.sent_at)
            .field("media", &self.media)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

fn read_stamp(token: Option<&[u8]>) -> Stamp {
    match token {
        None | Some(b"null") => Err(StampFault::Missing),
        Some(token) => Ok(json::text(token).ok_or(StampFault::NotText)?.parse()?),
    }
}

fn read_media(object: &[u8]) -> Option<MediaLink> {
    let scan = json::scan(object).ok()?;
    let text = |name| scan.value(object, name).and_then(json::text).map(|text| text.into_owned());
    Some(MediaLink { url: text("url")?, name: text("name").unwrap_or_default() })
}

/// Why it is not known when a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StampFault {
    /// There is no `timestamp`, or it is null.
    #[error("it has no timestamp")]
    Missing,
    /// The `timestamp` is no text.
    #[error("its timestamp is not a text")]
    NotText,
    /// The text is no time.
    #[error("its timestamp cannot be read: {0}")]
    Time(#[from] TimeError),
}
