//! What the sandbox says of guests, sessions, messages, histories and webhooks: the truth behind its door.

use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::tenant::Tenant;
use crate::Outcome;

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

impl Guest {
    /// Whether it closed by itself after a DELETE of ours was on its way. Where the answer to that DELETE was lost this
    /// counts as ended, since nobody can tell the two apart (contract §6).
    pub(super) fn closed_meanwhile(&self) -> bool {
        self.ended == 0 && self.deletes > 0 && self.state == "closed"
    }
}

/// What a receiver of webhooks got.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Received {
    #[serde(default)]
    pub(super) id: Option<String>,
    pub(super) body: String,
    pub(super) status: u16,
    /// Whether the key its receiver knows has signed it; nothing where it knows none.
    #[serde(default)]
    pub(super) signed: Option<bool>,
    /// The fault it met.
    #[serde(default)]
    pub(super) fault: Option<String>,
}

impl Received {
    /// Whether it was taken, even if the answer got lost.
    pub(super) fn was_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A session that was opened.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Opened {
    pub(super) id: String,
    pub(super) guest_id: String,
    pub(super) agent_id: String,
    /// The idempotency key it was opened with, and how many requests came with it.
    pub(super) key: Option<String>,
    pub(super) posts: u64,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) conversation_id: String,
    /// The client id it was taken under, and how many requests came with it.
    pub(super) client_id: Option<String>,
    pub(super) posts: u64,
    pub(super) content: Value,
    /// How far it will get.
    pub(super) last_status: String,
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

    /// Every session that was opened, in the order in which they were.
    pub(super) fn opened(&self) -> Result<Vec<Opened>, String> {
        lines(&self.door(Method::GET, "sessions", &Value::Null)?)
    }

    /// Every message that was taken, in the order in which they were.
    pub(super) fn taken(&self) -> Result<Vec<Taken>, String> {
        lines(&self.door(Method::GET, "messages", &Value::Null)?)
    }

    /// When receipts come, of messages that are taken from now on.
    pub(super) fn plan_receipts(&self, plan: &Value) -> Outcome {
        self.door(Method::POST, "receipts", plan).map(|_| ())
    }

    /// What is in all histories.
    pub(super) fn histories(&self) -> Result<Histories, String> {
        let bytes = self.door(Method::GET, "history", &Value::Null)?;
        serde_json::from_slice(&bytes).map_err(|error| format!("history: {error}"))
    }

    /// Where the receiver of this name is.
    pub(super) fn receiver(&self, name: &str) -> String {
        format!("{}/_sandbox/webhooks/{name}", self.base_url)
    }

    /// Another plan for a receiver.
    pub(super) fn plan_receiver(&self, name: &str, plan: &Value) -> Outcome {
        self.door(Method::POST, &format!("webhooks/{name}/plan"), plan).map(|_| ())
    }

    /// Another plan for the calls to those who registered.
    pub(super) fn plan_callbacks(&self, plan: &Value) -> Outcome {
        self.door(Method::POST, "callbacks", plan).map(|_| ())
    }

    /// How many are registered.
    pub(super) fn subscriptions(&self) -> Result<usize, String> {
        let all: Value = serde_json::from_slice(&self.door(Method::GET, "callbacks", &Value::Null)?)
            .map_err(|error| format!("callbacks: {error}"))?;
        all["subscriptions"].as_array().map(Vec::len).ok_or_else(|| format!("no subscriptions in {all}"))
    }

    /// What a receiver got; nothing when nobody called it.
    pub(super) fn received(&self, name: &str) -> Result<Vec<Received>, String> {
        let all: Value = serde_json::from_slice(&self.door(Method::GET, "webhooks", &Value::Null)?)
            .map_err(|error| format!("webhooks: {error}"))?;
        let known = all["receivers"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name));
        if !known {
            return Ok(Vec::new());
        }
        lines(&self.door(Method::GET, &format!("webhooks/{name}?limit=1000000"), &Value::Null)?)
    }
}
