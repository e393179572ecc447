//! What has passed the check, and its bytes on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::agentless::Destination;
use super::attachment::Attachment;
use crate::ConversationId;
use crate::ids::{IdFault, bounded, checked_text};

/// The id that makes a message one, however often it is posted: `X-Genesys-Client-Id` (contract §4). Made and stored
/// once for a message, not for an attempt. 1 to 128 visible ASCII characters.
///
/// ```
/// use frontdesk_domain::outbound::ClientId;
///
/// assert!(ClientId::new("2f1c1f0a-7a3e-4a52-9a31-3c5f0c1e8d11").is_ok());
/// assert!(ClientId::new("two words").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 128;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(())
        } else {
            Err(IdFault::OtherCharacter { allowed: "visible ASCII" })
        }
    }
}

checked_text!(ClientId, "client id", ClientId::check);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MessageType {
    /// Text.
    #[serde(rename = "text/plain")]
    Plain,
    /// Text with markup. Not over SMS.
    #[serde(rename = "text/html")]
    Html,
    /// Any JSON value.
    #[serde(rename = "application/json")]
    Json,
}

impl MessageType {
    /// Every type there is.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Html, Self::Json];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Html => "text/html",
            Self::Json => "application/json",
        }
    }
}

/// A message to be sent. It has passed every check there is before its conversation is looked at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OutboundMessage {
    pub(super) destination: Destination,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) kind: MessageType,
    /// JSON, as it came, white space between its tokens removed.
    pub(super) content: Box<str>,
    pub(super) attachments: Vec<Attachment>,
}

/// The body of the POST, with the contract's field names in the contract's order.
#[derive(Serialize)]
struct Body<'a> {
    from: &'a str,
    to: &'a [String],
    #[serde(rename = "type")]
    kind: MessageType,
    content: &'a RawValue,
    #[serde(skip_serializing_if = "<[Attachment]>::is_empty")]
    attachments: &'a [Attachment],
}

impl OutboundMessage {
    /// Where it goes.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The conversation it goes into; none where it goes to an address.
    #[must_use]
    pub fn conversation(&self) -> Option<&ConversationId> {
        match &self.destination {
            Destination::Conversation(id) => Some(id),
            Destination::Address(_) => None,
        }
    }

    /// Messages with the same lane go out in their order: those into one conversation, and those to one address. No two
    /// lanes of different places are the same.
    #[must_use]
    pub fn lane(&self) -> String {
        match &self.destination {
            Destination::Conversation(id) => format!("conversation {id}"),
            Destination::Address(way) => {
                format!(
                    "{} {} {}",
                    way.messenger,
                    self.from.len(),
                    [&*self.from, &self.to.join("\n")].concat()
                )
            }
        }
    }

    /// Who sends it.
    #[must_use]
    pub fn from(&self) -> &str {
        &self.from
    }

    /// Who gets it; one at least.
    #[must_use]
    pub fn to(&self) -> &[String] {
        &self.to
    }

    /// What its content is.
    #[must_use]
    pub fn kind(&self) -> MessageType {
        self.kind
    }

    /// The files that go along.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// The bytes of the POST: the same for the same message, every time.
    ///
    /// # Panics
    /// Never: texts and a value that is JSON already can always be written.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let content: &RawValue = serde_json::from_str(&self.content).expect("the check has read it");
        let Self { from, to, kind, attachments, .. } = self;
        serde_json::to_vec(&Body { from, to, kind: *kind, content, attachments })
            .expect("texts and raw values are always JSON")
    }

    /// What stands for the message where its text must not be: SHA-256 of the place it goes to and the body, in
    /// hexadecimal. Two messages with the same are the same message.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        match &self.destination {
            Destination::Conversation(id) => {
                hasher.update((id.as_str().len() as u64).to_le_bytes());
                hasher.update(id.as_str().as_bytes());
            }
            Destination::Address(way) => {
                // No id is as long.
                hasher.update(u64::MAX.to_le_bytes());
                hasher.update([u8::from(way.join_active)]);
                hasher.update(way.messenger.as_str().as_bytes());
            }
        }
        hasher.update(self.body());
        crate::hex(&hasher.finalize())
    }
}

impl fmt::Debug for OutboundMessage {
    /// What it is, and nothing of what it says or whom it names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundMessage")
            .field("kind", &self.kind)
            .field("recipients", &self.to.len())
            .field("content_bytes", &self.content.len())
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}
