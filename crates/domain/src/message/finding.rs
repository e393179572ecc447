//! What is remarkable about what was received.

use serde::{Deserialize, Serialize};

use crate::{RecordId, Timestamp};

/// Something about one received message that the caller should know. The run goes on (contract §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where it was among everything received of this history, from 0, duplicates counted.
    pub index: u64,
    /// The message's id; absent where what came was no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<RecordId>,
    /// What it is.
    #[serde(flatten)]
    pub trouble: Trouble,
}

/// The kinds of findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Trouble {
    /// The message is not strictly later than the one received just before it; in a listing that is newest first, it is later.
    Order {
        /// When the one before was sent.
        previous: Timestamp,
        /// When this one was.
        found: Timestamp,
        /// How the two are to each other.
        order: Order,
    },
    /// Its timestamp cannot be read. It is kept, sorted last, and compared with nothing.
    UnreadableTimestamp {
        /// Why.
        reason: String,
    },
    /// It is no message at all, and could not be kept.
    Rejected {
        /// Why.
        reason: String,
    },
}

/// How a message is to the one before when it is not where the listing should have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Sent at the same time.
    Equal,
    /// Against the order of the listing: sent earlier, or where the newest comes first, later.
    Backwards,
}

/// The order in which a listing hands out messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    /// Each message later than the one before (contract §2).
    #[default]
    OldestFirst,
    /// No message later than the one before; several may be of one time (platform contract C.1, D.1).
    NewestFirst,
}
