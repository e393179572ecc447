//! Deliveries and attempts as values.

use std::fmt;
use std::str::FromStr;

use frontdesk_domain::{EventKind, Timestamp};

/// A delivery that is due: what is sent, and where it stands.
///
/// `Debug` shows neither key nor body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The id of its endpoint.
    pub endpoint: String,
    /// The number of its event: the order in which events were stored.
    pub event: u64,
    /// The `webhook-id`: of the event, the same on every attempt and at every endpoint.
    pub webhook_id: String,
    /// The kind of its event.
    pub kind: EventKind,
    /// The ordering key.
    pub key: String,
    /// The bytes to send.
    pub body: Vec<u8>,
    /// For an audit batch, the numbers of its first and last entry: `51-100`.
    pub entries: Option<String>,
    /// Failed attempts since it was stored or replayed.
    pub tries: u32,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("endpoint", &self.endpoint)
            .field("webhook_id", &self.webhook_id)
            .field("kind", &self.kind)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// How far a delivery came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Still to be delivered.
    Pending,
    /// Taken by the endpoint.
    Delivered,
    /// Given up: a dead letter.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// Its name, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeliveryState {
    type Err = UnknownDeliveryState;

    fn from_str(text: &str) -> Result<Self, UnknownDeliveryState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownDeliveryState)
    }
}

/// A text that names no [`DeliveryState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery is pending, delivered or dead")]
pub struct UnknownDeliveryState;

/// A delivery as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryStatus {
    /// The `webhook-id`.
    pub webhook_id: String,
    /// The id of its endpoint.
    pub endpoint: String,
    /// The number of its event.
    pub event: u64,
    /// The kind of its event, as it is stored.
    pub kind: String,
    /// How far it came.
    pub state: DeliveryState,
    /// When its event was stored.
    pub stored_at: Timestamp,
    /// When it is due, while it is pending.
    pub due: Option<Timestamp>,
    /// When it was delivered or given up.
    pub settled_at: Option<Timestamp>,
    /// All attempts ever made.
    pub attempts: u64,
    /// HTTP status of the last attempt's answer.
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// Which deliveries are meant. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this event.
    pub webhook_id: Option<String>,
    /// To this endpoint.
    pub endpoint: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of events of this kind.
    pub kind: Option<EventKind>,
    /// Of events stored at this time or later.
    pub from: Option<Timestamp>,
    /// Of events stored before this time.
    pub to: Option<Timestamp>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// Milliseconds until its end.
    pub took_ms: u64,
    /// HTTP status of its answer, where one came.
    pub status: Option<u16>,
    /// Why it failed, without anything the receiver wrote; absent when it did not.
    pub error: Option<String>,
}

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it.
    Delivered,
    /// It is due again then.
    Retry {
        /// When.
        due: Timestamp,
        /// Until when the endpoint wants nothing at all, as it said.
        pause: Option<Timestamp>,
    },
    /// It is given up.
    Dead,
    /// The endpoint wants nothing any more (410): the delivery is given up and the endpoint taken out of service.
    Gone,
}

/// The end of an attempt, to be recorded with [`Change::settle`](crate::Change::settle).
#[derive(Debug, Clone)]
pub struct Settlement {
    /// What was tried.
    pub delivery: Delivery,
    /// How it went.
    pub attempt: Attempt,
    /// What it comes to.
    pub outcome: Outcome,
}
