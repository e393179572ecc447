//! Audit records as values: what the documents want written down, with their exact field names.
//!
//! A record says *what happened*; who did it, with which command and when it was written is in the envelope the journal
//! puts around it. Personal fields ([`AuditRecord::personal`]) go into the journal's chain as salted commitments only,
//! so that they can be destroyed later without breaking it.
//!
//! | kind | record | source |
//! |---|---|---|
//! | `history` | [`HistoryRecord`] | contract §2 |
//! | `termination` | [`TerminationRecord`] | contract §6 |
//! | `message` | [`MessageRecord`] | contract §4 |
//! | `session`, `consent` | [`SessionRecord`], [`ConsentRecord`] | contract §3 |
//! | `change` | [`ChangeRecord`] | what a command changes: the archive, for one |
//! | `endpoint`, `delivery` | [`EndpointRecord`], [`DeliveryRecord`] | the outbox's own changes |
//! | `access` | [`AccessRecord`] | what somebody looked at in the console or over HTTP |
//! | `key`, `shred` | [`KeyRecord`], [`ShredRecord`] | the journal's own changes |

mod access;
mod change;
mod history;
mod message;
mod own;
mod session;
mod termination;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use access::{AccessRecord, AccessStep};
pub use change::{ChangeRecord, ChangeState};
pub use history::{HistoryRecord, HistoryStep};
pub use message::{MessageRecord, MessageResult};
pub use own::{DeliveryRecord, DeliveryStep, EndpointRecord, EndpointStep, KeyRecord, KeyStep, ShredRecord};
pub use session::{ConsentRecord, SessionRecord};
pub use termination::TerminationRecord;

/// One audit record. Serialized it is the documents' bare object; [`AuditRecord::kind`] tells them apart.
///
/// ```
/// use frontdesk_domain::Timestamp;
/// use frontdesk_domain::audit::{AuditKind, AuditRecord, TerminationRecord};
///
/// let record = AuditRecord::from(TerminationRecord {
///     timestamp: Timestamp::UNIX_EPOCH,
///     guest_id: "guest-1".into(),
///     reason: "timeout".into(),
///     retain_data: true,
///     success: true,
///     latency_ms: 41,
///     external_ref: None,
///     error: None,
///     duplicate_termination: None,
/// });
/// assert_eq!(record.kind(), AuditKind::Termination);
/// assert_eq!(record.personal(), ["guest_id", "external_ref"]);
/// let text = serde_json::to_string(&record)?;
/// assert!(text.starts_with(r#"{"timestamp":"1970-01-01T00:00:00Z","guest_id":"guest-1","reason":"timeout""#));
/// let again = record.kind().read(&mut serde_json::Deserializer::from_str(&text))?;
/// assert_eq!(again, record);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditRecord {
    /// A step of fetching a history.
    History(HistoryRecord),
    /// An attempt to end a guest's session.
    Termination(TerminationRecord),
    /// What became of a message that was to be sent.
    Message(MessageRecord),
    /// An attempt to open a guest's session.
    Session(SessionRecord),
    /// The receipt of a consent.
    Consent(ConsentRecord),
    /// A change that a command makes: its intent, then its outcome.
    Change(ChangeRecord),
    /// Somebody looked at what customers said.
    Access(AccessRecord),
    /// A webhook endpoint was added, changed or removed.
    Endpoint(EndpointRecord),
    /// A delivery reached an end, or was asked for again.
    Delivery(DeliveryRecord),
    /// A signing key was made or replaced.
    Key(KeyRecord),
    /// Personal values were destroyed.
    Shred(ShredRecord),
}

/// The kind of an audit record; in the envelope, and what `--kind` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuditKind {
    /// [`AuditRecord::History`]
    History,
    /// [`AuditRecord::Termination`]
    Termination,
    /// [`AuditRecord::Message`]
    Message,
    /// [`AuditRecord::Session`]
    Session,
    /// [`AuditRecord::Consent`]
    Consent,
    /// [`AuditRecord::Change`]
    Change,
    /// [`AuditRecord::Access`]
    Access,
    /// [`AuditRecord::Endpoint`]
    Endpoint,
    /// [`AuditRecord::Delivery`]
    Delivery,
    /// [`AuditRecord::Key`]
    Key,
    /// [`AuditRecord::Shred`]
    Shred,
}

impl AuditKind {
    /// Every kind, in the order of their names.
    pub const ALL: [Self; 11] = [
        Self::Access,
        Self::Change,
        Self::Consent,
        Self::Delivery,
        Self::Endpoint,
        Self::History,
        Self::Key,
        Self::Message,
        Self::Session,
        Self::Shred,
        Self::Termination,
    ];

    /// Its name, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Termination => "termination",
            Self::Message => "message",
            Self::Session => "session",
            Self::Consent => "consent",
            Self::Change => "change",
            Self::Access => "access",
            Self::Endpoint => "endpoint",
            Self::Delivery => "delivery",
            Self::Key => "key",
            Self::Shred => "shred",
        }
    }

    /// Reads a record of this kind. Unknown fields are refused: records are our own.
    ///
    /// # Errors
    /// What the deserializer says.
    pub fn read<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<AuditRecord, D::Error> {
        Ok(match self {
            Self::History => AuditRecord::History(Deserialize::deserialize(deserializer)?),
            Self::Message => AuditRecord::Message(Deserialize::deserialize(deserializer)?),
            Self::Termination => AuditRecord::Termination(Deserialize::deserialize(deserializer)?),
            Self::Session => AuditRecord::Session(Deserialize::deserialize(deserializer)?),
            Self::Consent => AuditRecord::Consent(Deserialize::deserialize(deserializer)?),
            Self::Change => AuditRecord::Change(Deserialize::deserialize(deserializer)?),
            Self::Access => AuditRecord::Access(Deserialize::deserialize(deserializer)?),
            Self::Endpoint => AuditRecord::Endpoint(Deserialize::deserialize(deserializer)?),
            Self::Delivery => AuditRecord::Delivery(Deserialize::deserialize(deserializer)?),
            Self::Key => AuditRecord::Key(Deserialize::deserialize(deserializer)?),
            Self::Shred => AuditRecord::Shred(Deserialize::deserialize(deserializer)?),
        })
    }
}

impl fmt::Display for AuditKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind of audit record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of audit record")]
pub struct UnknownAuditKind;

impl UnknownAuditKind {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let names: Vec<_> = AuditKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("the kinds are {}", names.join(", "))
    }
}

impl FromStr for AuditKind {
    type Err = UnknownAuditKind;

    fn from_str(text: &str) -> Result<Self, UnknownAuditKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownAuditKind)
    }
}

impl AuditRecord {
    /// The kind of this record.
    #[must_use]
    pub fn kind(&self) -> AuditKind {
        match self {
            Self::History(_) => AuditKind::History,
            Self::Termination(_) => AuditKind::Termination,
            Self::Message(_) => AuditKind::Message,
            Self::Session(_) => AuditKind::Session,
            Self::Consent(_) => AuditKind::Consent,
            Self::Change(_) => AuditKind::Change,
            Self::Access(_) => AuditKind::Access,
            Self::Endpoint(_) => AuditKind::Endpoint,
            Self::Delivery(_) => AuditKind::Delivery,
            Self::Key(_) => AuditKind::Key,
            Self::Shred(_) => AuditKind::Shred,
        }
    }

    /// Names of the fields that say something about a person. The chain covers them as salted commitments.
    #[must_use]
    pub fn personal(&self) -> &'static [&'static str] {
        match self {
            Self::Termination(_) => &["guest_id", "external_ref"],
            Self::Message(_) => &["sender", "receiver"],
            Self::Consent(_) => &["guest_id"],
            // A matter and the reason for a hold may name people.
            Self::Change(_) => &["details"],
            // So may what was looked for, and why.
            Self::Access(_) => &["details"],
            Self::History(_)
            | Self::Session(_)
            | Self::Endpoint(_)
            | Self::Delivery(_)
            | Self::Key(_)
            | Self::Shred(_) => &[],
        }
    }
}

impl Serialize for AuditRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::History(record) => record.serialize(serializer),
            Self::Termination(record) => record.serialize(serializer),
            Self::Message(record) => record.serialize(serializer),
            Self::Session(record) => record.serialize(serializer),
            Self::Consent(record) => record.serialize(serializer),
            Self::Change(record) => record.serialize(serializer),
            Self::Access(record) => record.serialize(serializer),
            Self::Endpoint(record) => record.serialize(serializer),
            Self::Delivery(record) => record.serialize(serializer),
            Self::Key(record) => record.serialize(serializer),
            Self::Shred(record) => record.serialize(serializer),
        }
    }
}

macro_rules! from_record {
    ($($record:ident => $variant:ident),+ $(,)?) => {
        $(impl From<$record> for AuditRecord {
            fn from(record: $record) -> Self {
                Self::$variant(record)
            }
        })+
    };
}

from_record!(
    HistoryRecord => History,
    TerminationRecord => Termination,
    MessageRecord => Message,
    SessionRecord => Session,
    ConsentRecord => Consent,
    ChangeRecord => Change,
    AccessRecord => Access,
    EndpointRecord => Endpoint,
    DeliveryRecord => Delivery,
    KeyRecord => Key,
    ShredRecord => Shred,
);
