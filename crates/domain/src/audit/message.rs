//! What became of a message that was to be sent (contract §4).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::delivery::Seconds;

/// How one message came out for one recipient: exactly the contract's object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageRecord {
    /// When that was known.
    pub timestamp: Timestamp,
    /// The platform's id of it; null where there is none, or none is known.
    pub message_id: Option<String>,
    /// Who sent it. Personal.
    pub sender: String,
    /// Who was to get it. Personal.
    pub receiver: String,
    /// How it came out.
    pub status: MessageResult,
    /// Seconds from its making to its arrival, else to now; null where it was not made.
    pub elapsed_seconds: Option<Seconds>,
    /// Whether its threshold was missed.
    pub sla_violation: bool,
}

/// The outcomes a message has a record for (contract §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageResult {
    /// It arrived.
    Delivered,
    /// It was seen.
    Read,
    /// It will not arrive, or was surely not sent.
    Failed,
    /// It was sent, and no receipt came in the time there was.
    Timeout,
    /// It was not sent: a rule, or the platform, refused it.
    Refused,
    /// It may have been sent.
    Unknown,
}

impl MessageResult {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Debug for MessageRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRecord")
            .field("timestamp", &self.timestamp)
            .field("status", &self.status)
            .field("sla_violation", &self.sla_violation)
            .finish_non_exhaustive()
    }
}
