//! What the sandbox says of guests and histories: the truth behind its door.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::tenant::Tenant;

/// What has become of a guest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Guest {
    pub(super) id: String,
    pub(super) state: String,
    /// How many DELETEs reached it, and how many of them ended its session.
    pub(super) deletes: u64,
    pub(super) ended: u64,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) retain_data: Option<bool>,
    #[serde(default)]
    pub(super) external_ref: Option<String>,
}

/// What is in a history, or in several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Histories {
    pub(super) conversations: u64,
    pub(super) messages: u64,
    pub(super) unique: u64,
    pub(super) duplicates: u64,
    pub(super) equal: u64,
    pub(super) backwards: u64,
    pub(super) unreadable: u64,
    pub(super) unknown_types: u64,
}

fn lines<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<Vec<T>, String> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|error| format!("a line of the door: {error}")))
        .collect()
}

impl Tenant<'_> {
    /// Every guest, in the order of their numbers.
    pub(super) fn guests(&self) -> Result<Vec<Guest>, String> {
        lines(&self.door(Method::GET, "guests", &Value::Null)?)
    }

    /// What is in all histories.
    pub(super) fn histories(&self) -> Result<Histories, String> {
        let bytes = self.door(Method::GET, "history", &Value::Null)?;
        serde_json::from_slice(&bytes).map_err(|error| format!("history: {error}"))
    }
}
