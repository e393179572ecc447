//! What the sandbox says of histories: the truth behind its door.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::tenant::Tenant;

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

impl Tenant<'_> {
    /// What is in all histories.
    pub(super) fn histories(&self) -> Result<Histories, String> {
        let bytes = self.door(Method::GET, "history", &Value::Null)?;
        serde_json::from_slice(&bytes).map_err(|error| format!("history: {error}"))
    }
}
