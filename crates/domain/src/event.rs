//! Events: what is told to webhooks, as values.
//!
//! An event's body is exactly the object the documents give (contract §2, §6); what Standard Webhooks asks for is in
//! headers only (contract §7). It is made once, stored as bytes, and those bytes are what every attempt sends.
//!
//! Each event carries an **ordering key**: events of one key reach an endpoint in the order they were stored, events
//! of different keys in any order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::delivery::Sla;
use crate::{Timestamp, Violation, suggest};

mod body;

/// The kinds of events there are (contract §7, "Events").
///
/// ```
/// use frontdesk_domain::EventKind;
///
/// assert_eq!(EventKind::SessionTerminated.to_string(), "session.terminated");
/// assert_eq!("history_batch_sync".parse(), Ok(EventKind::HistoryBatchSync));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum EventKind {
    /// A page of a history that kept at least one message (contract §2).
    HistoryBatchSync,
    /// A guest session was opened (contract §3).
    SessionCreated,
    /// A guest session was ended (contract §6).
    SessionTerminated,
    /// A message was not delivered within its threshold (contract §4).
    SlaMissed,
    /// Audit records, up to fifty of them (contract §4).
    AuditBatch,
}

impl EventKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 5] = [
        Self::HistoryBatchSync,
        Self::SessionCreated,
        Self::SessionTerminated,
        Self::SlaMissed,
        Self::AuditBatch,
    ];

    /// The name of this kind, as the contract writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HistoryBatchSync => "history_batch_sync",
            Self::SessionCreated => "session.created",
            Self::SessionTerminated => "session.terminated",
            Self::SlaMissed => "sla.missed",
            Self::AuditBatch => "audit.batch",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<EventKind> for &'static str {
    fn from(kind: EventKind) -> Self {
        kind.as_str()
    }
}

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    fn from_str(text: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            UnknownEventKind { given: suggest::shortened(text), meant: suggest::nearest(text, &names) }
        })
    }
}

impl TryFrom<String> for EventKind {
    type Error = UnknownEventKind;

    fn try_from(text: String) -> Result<Self, UnknownEventKind> {
        text.parse()
    }
}

/// A text that names no [`EventKind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownEventKind {
    given: String,
    meant: Option<&'static str>,
}

impl fmt::Display for UnknownEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no kind of event", self.given)?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean '{meant}'?"),
            None => write!(f, "; the kinds are {}", EventKind::ALL.map(EventKind::as_str).join(", ")),
        }
    }
}

impl std::error::Error for UnknownEventKind {}

impl From<UnknownEventKind> for Violation {
    fn from(error: UnknownEventKind) -> Self {
        Self::new("", "event_kind.unknown", error.to_string())
    }
}

/// Something that happened and is to be told.
///
/// `Debug` shows neither key nor body: they name guests and hold what was said.
///
/// ```
/// use frontdesk_domain::Event;
///
/// let event = Event::session_terminated("guest-7", "timeout", "2025-03-01T10:00:00Z".parse()?);
/// assert_eq!(event.key(), "guest-7");
/// assert_eq!(
///     event.body().get(),
///     r#"{"event":"session.terminated","guest_id":"guest-7","reason":"timeout","timestamp":"2025-03-01T10:00:00Z"}"#
/// );
/// # Ok::<(), frontdesk_domain::TimeError>(())
/// ```
#[derive(Clone)]
pub struct Event {
    kind: EventKind,
    key: String,
    body: Box<RawValue>,
}

impl Event {
    /// An event with a body made elsewhere. The constructors below make the contract's bodies.
    #[must_use]
    pub fn new(kind: EventKind, key: impl Into<String>, body: Box<RawValue>) -> Self {
        Self { kind, key: key.into(), body }
    }

    /// A page of a history that kept these messages (contract §2). `page_token` is the token that fetched the page,
    /// empty for the first; the messages are the payload as it came. Ordered by conversation.
    #[must_use]
    pub fn history_batch_sync<'m>(
        conversation_id: &str,
        page_token: &str,
        messages: impl IntoIterator<Item = &'m RawValue>,
        timestamp: Timestamp,
    ) -> Self {
        let messages: Vec<&RawValue> = messages.into_iter().collect();
        let kind = EventKind::HistoryBatchSync;
        let body = body::HistoryBatchSync {
            event: kind,
            page_token,
            message_count: messages.len(),
            messages: &messages,
            timestamp,
        };
        Self::new(kind, conversation_id, body::written(&body))
    }

    /// A guest session was opened, as the platform called back (contract §3): what the CRM is told. `metadata` are the
    /// session's attributes as they came, null without any. Ordered by conversation.
    #[must_use]
    pub fn session_created(conversation_id: &str, metadata: Option<&RawValue>, timestamp: Timestamp) -> Self {
        let kind = EventKind::SessionCreated;
        let body = body::SessionCreated {
            genesys_session_id: conversation_id,
            event_type: kind,
            timestamp,
            metadata,
        };
        Self::new(kind, conversation_id, body::written(&body))
    }

    /// A guest session was ended, for a reason of the closure matrix (contract §6). Ordered by guest.
    #[must_use]
    pub fn session_terminated(guest_id: &str, reason: &str, timestamp: Timestamp) -> Self {
        let kind = EventKind::SessionTerminated;
        let body = body::SessionTerminated { event: kind, guest_id, reason, timestamp };
        Self::new(kind, guest_id, body::written(&body))
    }

    /// A message did not arrive within its threshold (contract §4). Ordered by conversation.
    #[must_use]
    pub fn sla_missed(conversation_id: &str, sla: &Sla) -> Self {
        Self::new(EventKind::SlaMissed, conversation_id, body::written(sla))
    }

    /// Audit records as they are, in one JSON array (contract §4). All batches have one ordering key, so that an
    /// endpoint gets the records in the order they were written.
    #[must_use]
    pub fn audit_batch<'r>(records: impl IntoIterator<Item = &'r RawValue>) -> Self {
        let records: Vec<&RawValue> = records.into_iter().collect();
        Self::new(EventKind::AuditBatch, "", body::written(&records))
    }

    /// Its kind: what endpoints subscribe to.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Its ordering key: the id of the conversation or guest it is about, empty where all of its kind are one order.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its body: the bytes every attempt sends.
    #[must_use]
    pub fn body(&self) -> &RawValue {
        &self.body
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.get().len())
            .finish_non_exhaustive()
    }
}
