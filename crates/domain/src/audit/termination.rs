//! Ending a guest's session (contract §6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One attempt to end a guest's session: exactly the contract's object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminationRecord {
    /// When it ended, well or not.
    pub timestamp: Timestamp,
    /// The guest. Personal.
    pub guest_id: String,
    /// The closure reason as it was sent.
    pub reason: String,
    /// Whether the platform keeps the guest's data.
    pub retain_data: bool,
    /// Whether the session is ended now.
    pub success: bool,
    /// Milliseconds, retries and waits included.
    pub latency_ms: u64,
    /// The caller's own reference. Personal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// What went wrong, in our words: nothing that a server wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// True when it was ended before by somebody else; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_termination: Option<bool>,
}

impl fmt::Debug for TerminationRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TerminationRecord")
            .field("timestamp", &self.timestamp)
            .field("reason", &self.reason)
            .field("success", &self.success)
            .finish_non_exhaustive()
    }
}
