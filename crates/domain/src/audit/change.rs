//! What a command changes: an intent before the effect, an outcome after it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{RunId, Timestamp};

/// A change to something outside the journal, as the journal knows it.
///
/// A change has two entries: one with [`ChangeState::Intent`] that is durable before the effect begins, and one with how
/// it came out. Both name the same `change`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// When it was begun, or when it ended.
    pub timestamp: Timestamp,
    /// What joins an intent and its outcome: the id of the journal's intent.
    pub change: String,
    /// The command that changes something: `archive import`.
    pub command: String,
    /// The run whose log tells what happened in detail, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// How far it came.
    pub state: ChangeState,
    /// What it is done to and with: a matter, a policy, a plan. Personal: a matter may name people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// What was done, counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// What went wrong, without customer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeState {
    /// It is about to be made.
    Intent,
    /// It was made, as far as `counts` says.
    Done,
    /// It ended with an error; what was done until then is kept.
    Failed,
    /// The process that was making it ended without saying how it came out. What was done is in the changed store's
    /// own books; `counts` has what they tell.
    Unknown,
}

impl ChangeState {
    /// Its name, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}
