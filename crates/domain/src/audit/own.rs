//! The journal's own changes: endpoints, deliveries, keys, destroyed values.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A webhook endpoint was added, changed or removed. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRecord {
    /// When.
    pub timestamp: Timestamp,
    /// What was done to it.
    pub event: EndpointStep,
    /// The endpoint's id.
    pub endpoint: String,
    /// Where it delivers to, without query and credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The event kinds it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Why, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What can be done to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointStep {
    /// It was added.
    Added,
    /// It was removed.
    Removed,
    /// It was taken out of service: it answered 410.
    Disabled,
    /// It was taken into service again.
    Enabled,
    /// Its secret was replaced.
    SecretRotated,
    /// It was given another URL.
    Moved,
}

/// A delivery reached an end, or was asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryRecord {
    /// When.
    pub timestamp: Timestamp,
    /// What became of it.
    pub event: DeliveryStep,
    /// The id that every attempt carries.
    pub webhook_id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// The event's kind.
    pub kind: String,
    /// Attempts made.
    pub attempts: u64,
    /// HTTP status of the last answer, where one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong, without customer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What can become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStep {
    /// The endpoint took it.
    Delivered,
    /// Given up: it is a dead letter.
    Dead,
    /// Asked for again by somebody.
    Replayed,
}

/// A signing key was made or replaced. Never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// When.
    pub timestamp: Timestamp,
    /// What was done.
    pub event: KeyStep,
    /// The journal: written in its first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// Id of the key that signs from this entry on.
    pub key_id: String,
    /// Id of the key that signed until here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// What can be done with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStep {
    /// The journal was made; this is its first key.
    Created,
    /// Another key took over.
    Rotated,
}

/// Personal values were destroyed. Says how many and which, not whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShredRecord {
    /// When.
    pub timestamp: Timestamp,
    /// Why, in the words of whoever asked for it.
    pub reason: String,
    /// How many values.
    pub values: u64,
    /// Hex SHA-256 over one line `<entry number> <field>\n` for each, in ascending order.
    pub digest: String,
}
