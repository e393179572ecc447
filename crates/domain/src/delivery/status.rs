//! The statuses of a message, as a lattice.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a message came. Ordered: what is learned in any order joins to the highest, read > delivered > failed >
/// expired > sent > queued (contract §4).
///
/// ```
/// use frontdesk_domain::delivery::Status;
///
/// assert_eq!(Status::Delivered.join(Status::Failed), Status::Delivered);
/// assert_eq!("read".parse(), Ok(Status::Read));
/// assert!("parked".parse::<Status>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The platform has it.
    Queued,
    /// It was handed on.
    Sent,
    /// Nobody took it in the time it had.
    Expired,
    /// It will not arrive.
    Failed,
    /// It arrived.
    Delivered,
    /// It was seen.
    Read,
}

impl Status {
    /// Every status, lowest first.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Sent, Self::Expired, Self::Failed, Self::Delivered, Self::Read];

    /// The platform's name of it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// What a status of the published contract says of a message that was sent (platform contract C.17), in either of its two
    /// vocabularies: of messages (`queued`, `sent`, `delivery-success`, `read`, `failed`, `delivery-failed`) and of receipts
    /// (`Sent`, `Delivered`, `Read`, `Failed`). `published` is how a public channel says sent. Any other says nothing.
    ///
    /// ```
    /// use frontdesk_domain::delivery::Status;
    ///
    /// assert_eq!(Status::of_published("delivery-success"), Some(Status::Delivered));
    /// assert_eq!(Status::of_published("Delivered"), Some(Status::Delivered));
    /// assert_eq!(Status::of_published("received"), None);
    /// ```
    #[must_use]
    pub fn of_published(name: &str) -> Option<Self> {
        Some(match name {
            "queued" => Self::Queued,
            "sent" | "Sent" | "published" | "Published" => Self::Sent,
            "delivery-success" | "Delivered" => Self::Delivered,
            "read" | "Read" => Self::Read,
            "failed" | "delivery-failed" | "Failed" => Self::Failed,
            _ => return None,
        })
    }

    /// What two observations of one message say together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether it arrived.
    #[must_use]
    pub fn is_arrived(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// Whether waiting for more is over: it arrived, or it will not.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Expired | Self::Failed | Self::Delivered | Self::Read)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no [`Status`]. It says nothing about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such message status")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}
