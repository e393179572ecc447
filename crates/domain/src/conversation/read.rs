//! A conversation from its bytes.
//!
//! What decides is strict: it must be an object about the conversation that was asked for. The rest is tolerant, since a
//! gateway may send more than the contract says: a participant or message of another shape is left out, and so cannot be
//! taken for the sender or for a receipt.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ChannelType, Conversation, ConversationId, Participant, Role};
use crate::Timestamp;
use crate::delivery::{MessageId, Observation, Status, StatusTimes};

/// Why bytes are no conversation. No piece of them is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// The text ends inside a value.
    #[error("it ends inside the object")]
    Truncated,
    /// It is JSON, and no object.
    #[error("it is no JSON object")]
    NoObject,
    /// It is not JSON.
    #[error("it is not JSON")]
    NoJson,
    /// It names a field twice: which of the two counts would be a guess.
    #[error("it names a field twice")]
    Doubled,
    /// It has no `id` that is a text.
    #[error("it has no id as text")]
    NoId,
    /// It is about another conversation than the one asked for.
    #[error("it is about another conversation")]
    AnotherId,
}

impl Conversation {
    /// Reads an answer about the conversation `id`.
    ///
    /// # Errors
    ///
    /// [`ConversationError`] when it is no object, or one about another conversation.
    pub fn read(id: &ConversationId, bytes: &[u8]) -> Result<Self, ConversationError> {
        let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(ConversationError::Empty);
        };
        if *first != b'{' {
            // What is no JSON at all is named so.
            let json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
            return Err(if json { ConversationError::NoObject } else { ConversationError::NoJson });
        }
        let answer: Answer = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => ConversationError::Truncated,
            // Every field takes every value, so nothing else is wrong with the data.
            serde_json::error::Category::Data => ConversationError::Doubled,
            _ => ConversationError::NoJson,
        })?;
        match answer.id.0 {
            None => return Err(ConversationError::NoId),
            Some(other) if other != id.as_str() => return Err(ConversationError::AnotherId),
            Some(_) => {}
        }
        Ok(Self {
            id: id.clone(),
            channel_type: answer.channel_type.0.filter(|name| !name.is_empty()).map(ChannelType::from),
            participants: answer.participants.0.into_iter().flatten().filter_map(participant).collect(),
            messages: answer.messages.0.into_iter().flatten().filter_map(Entry::observation).collect(),
            guest_id: answer.guest_id.0,
            attributes: answer.attributes.0.unwrap_or_default(),
        })
    }
}

/// A value of the expected shape; any other is as good as absent.
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            Fits(T),
            Other(serde::de::IgnoredAny),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Fits(value) => Some(value),
            Either::Other(_) => None,
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    id: Lenient<String>,
    #[serde(default)]
    channel_type: Lenient<String>,
    #[serde(default)]
    participants: Lenient<Vec<Value>>,
    #[serde(default)]
    messages: Lenient<Vec<Entry>>,
    #[serde(default)]
    guest_id: Lenient<String>,
    #[serde(default)]
    attributes: Lenient<Map<String, Value>>,
}

fn participant(value: Value) -> Option<Participant> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Participant {
        role: Role::from(value.get("role")?.as_str()?),
        id: value.get("id").and_then(text),
        from_id: value.get("from").and_then(|from| from.get("id")).and_then(text),
    })
}

/// A message of the listing; one of another shape is an entry without an id.
#[derive(Deserialize)]
#[serde(from = "Lenient<Listed>")]
struct Entry(Listed);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default)]
    id: Lenient<String>,
    #[serde(default)]
    status: Lenient<String>,
    #[serde(default)]
    created_timestamp: Lenient<String>,
    #[serde(default)]
    status_timestamps: Lenient<Times>,
}

#[derive(Deserialize)]
struct Times {
    #[serde(default)]
    sent: Lenient<String>,
    #[serde(default)]
    delivered: Lenient<String>,
    #[serde(default)]
    read: Lenient<String>,
    #[serde(default)]
    failed: Lenient<String>,
}

impl From<Lenient<Listed>> for Entry {
    fn from(listed: Lenient<Listed>) -> Self {
        Self(listed.0.unwrap_or_default())
    }
}

impl Entry {
    fn observation(self) -> Option<Observation> {
        let time = |text: &Lenient<String>| text.0.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let Listed { id, status, created_timestamp, status_timestamps } = self.0;
        let times = status_timestamps.0.map(|times| StatusTimes {
            sent: time(&times.sent),
            delivered: time(&times.delivered),
            read: time(&times.read),
            failed: time(&times.failed),
        });
        Some(Observation {
            id: MessageId::new(id.0?).ok()?,
            status: status.0.as_deref().and_then(|status| status.parse::<Status>().ok()),
            created: time(&created_timestamp),
            times: times.unwrap_or_default(),
        })
    }
}
