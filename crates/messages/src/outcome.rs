//! How a message came out, and how far it came.

use frontdesk_domain::audit::MessageResult;
use frontdesk_domain::delivery::{MessageId, Receipts, Sla, Status};
use frontdesk_domain::outbound::ClientId;
use frontdesk_domain::{Violation, Violations, Why};
use serde::{Deserialize, Serialize};

/// How a message came out: exactly one of these for each (design, "Names that scripts rely on").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The platform has it.
    Sent,
    /// It was surely not sent, and may be sent later.
    NotSent(Why),
    /// It was not sent: a rule refused it, or the platform.
    Refused(Why),
    /// It may have been sent. Sent again, it goes under the same client id.
    Unknown(Why),
}

/// The name of an [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutcomeKind {
    /// [`Outcome::Sent`]
    Sent,
    /// [`Outcome::NotSent`]
    NotSent,
    /// [`Outcome::Refused`]
    Refused,
    /// [`Outcome::Unknown`]
    Unknown,
}

impl OutcomeKind {
    /// Its name, as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotSent => "not_sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Sent => OutcomeKind::Sent,
            Self::NotSent(_) => OutcomeKind::NotSent,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Unknown(_) => OutcomeKind::Unknown,
        }
    }

    /// Why it is no success.
    #[must_use]
    pub fn why(&self) -> Option<&Why> {
        match self {
            Self::Sent => None,
            Self::NotSent(why) | Self::Refused(why) | Self::Unknown(why) => Some(why),
        }
    }
}

/// How far a message came that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// No receipt yet.
    Pending,
    /// It arrived.
    Delivered,
    /// It was seen.
    Read,
    /// It will not arrive.
    Failed,
    /// Nobody took it in the time it had.
    Expired,
    /// No receipt came in the time there was. It may still.
    Timeout,
}

impl Delivery {
    /// What a status says; pending where it says nothing final.
    #[must_use]
    pub fn of(status: Option<Status>) -> Self {
        match status {
            Some(Status::Delivered) => Self::Delivered,
            Some(Status::Read) => Self::Read,
            Some(Status::Failed) => Self::Failed,
            Some(Status::Expired) => Self::Expired,
            Some(Status::Queued | Status::Sent) | None => Self::Pending,
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Timeout => "timeout",
        }
    }

    /// Whether no look would say more.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Timeout)
    }

    /// Whether it arrived.
    #[must_use]
    pub fn is_arrived(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// What the audit record says; none while nothing is decided. Expired is failed there: the contract has no other word.
    #[must_use]
    pub fn result(self) -> Option<MessageResult> {
        Some(match self {
            Self::Pending => return None,
            Self::Delivered => MessageResult::Delivered,
            Self::Read => MessageResult::Read,
            Self::Failed | Self::Expired => MessageResult::Failed,
            Self::Timeout => MessageResult::Timeout,
        })
    }
}

/// Who dealt with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// This run.
    This,
    /// An earlier run, or another one at the same time.
    Other,
}

/// One message, as far as it came.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its line in the input, counted from 1; none for a single message.
    pub line: Option<u64>,
    /// The conversation, as far as one was named.
    pub conversation: Option<String>,
    /// The id it is sent under; none where a rule refused it before one was made.
    pub client_id: Option<ClientId>,
    /// The platform's id of it.
    pub message_id: Option<MessageId>,
    /// How it came out.
    pub outcome: Outcome,
    /// Every rule it breaks; none unless rules refused it in this run.
    pub violations: Option<Violations>,
    /// What could not be checked about it.
    pub findings: Vec<Violation>,
    /// How far it came; none unless it was sent.
    pub delivery: Option<Delivery>,
    /// What was seen of it.
    pub receipts: Receipts,
    /// How it stands to its threshold; none unless it was sent.
    pub sla: Option<Sla>,
    /// Milliseconds from its turn to the answer to its POST, retries and waits included.
    pub latency_ms: u64,
    /// Who dealt with it.
    pub by: By,
}
