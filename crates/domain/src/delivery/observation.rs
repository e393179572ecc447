//! What is seen of a message, once and together.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Status;
use crate::Timestamp;
use crate::ids::{IdFault, bounded, checked_text};

/// The platform's id of a message: non-empty, at most 1,024 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_control) { Err(IdFault::ControlCharacter) } else { Ok(()) }
    }
}

checked_text!(MessageId, "message id", MessageId::check);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one look at a conversation says about one of its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Which message.
    pub id: MessageId,
    /// How far it came; none where the platform says nothing we know.
    pub status: Option<Status>,
    /// When the platform made it.
    pub created: Option<Timestamp>,
    /// When it reached which status.
    pub times: StatusTimes,
}

/// When a message reached which status, by the platform's clock; none where it was not said or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusTimes {
    /// Handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// Arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Timestamp>,
    /// Seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
    /// Given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Timestamp>,
}

/// Everything that was seen of one message, in whatever order, however often: the same observations give the same
/// receipts (R43).
///
/// Of each time the earliest counts, of the statuses the highest. A time is a receipt of its own: one for `delivered` in
/// an observation that still says `sent` means that it arrived.
///
/// ```
/// use frontdesk_domain::delivery::{MessageId, Observation, Receipts, Status, StatusTimes};
///
/// let seen = |status| Observation {
///     id: MessageId::new("m-1").unwrap(),
///     status: Some(status),
///     created: None,
///     times: StatusTimes::default(),
/// };
/// let mut receipts = Receipts::default();
/// for status in [Status::Delivered, Status::Queued, Status::Failed] {
///     receipts.observe(&seen(status));
/// }
/// assert_eq!(receipts.status(), Some(Status::Delivered));
/// assert!(receipts.is_contradictory());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    #[serde(flatten)]
    times: StatusTimes,
    /// `failed` was said, and so was `delivered` or `read`.
    #[serde(default, skip_serializing_if = "is_false")]
    failed_seen: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Receipts {
    /// Adds what a look said.
    pub fn observe(&mut self, seen: &Observation) {
        let Observation { id: _, status, created, times } = seen;
        for status in [
            *status,
            times.sent.map(|_| Status::Sent),
            times.failed.map(|_| Status::Failed),
            times.delivered.map(|_| Status::Delivered),
            times.read.map(|_| Status::Read),
        ]
        .into_iter()
        .flatten()
        {
            self.learn(status);
        }
        self.created = earliest(self.created, *created);
        self.times = StatusTimes {
            sent: earliest(self.times.sent, times.sent),
            delivered: earliest(self.times.delivered, times.delivered),
            read: earliest(self.times.read, times.read),
            failed: earliest(self.times.failed, times.failed),
        };
    }

    /// Adds a status alone, as the answer to a send says it.
    pub fn learn(&mut self, status: Status) {
        self.failed_seen |= status == Status::Failed;
        self.status = Some(self.status.map_or(status, |known| known.join(status)));
    }

    /// The highest status that was said; none where nothing was.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// When the platform made the message.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// When it reached which status.
    #[must_use]
    pub fn times(&self) -> &StatusTimes {
        &self.times
    }

    /// When it arrived: the delivered time, else the read time (contract §4).
    #[must_use]
    pub fn arrived(&self) -> Option<Timestamp> {
        self.times.delivered.or(self.times.read)
    }

    /// Whether the platform said that it failed, and that it arrived: a finding (contract §4).
    #[must_use]
    pub fn is_contradictory(&self) -> bool {
        self.failed_seen && self.status.is_some_and(Status::is_arrived)
    }
}

fn earliest(known: Option<Timestamp>, new: Option<Timestamp>) -> Option<Timestamp> {
    match (known, new) {
        (Some(known), Some(new)) => Some(known.min(new)),
        (known, new) => known.or(new),
    }
}
