//! Records: what the archive keeps, byte for byte, and what it is found by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError, TextFault};
use crate::{IdFault, RecordId, Violation};

/// The kinds of payload that are kept of a conversation.
///
/// ```
/// use frontdesk_domain::RecordKind;
///
/// assert_eq!(RecordKind::Details.to_string(), "details");
/// assert_eq!("media".parse(), Ok(RecordKind::Media));
/// assert_eq!(RecordKind::from_code(2), Some(RecordKind::History));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum RecordKind {
    /// A conversation as the details query gives it, or as it was imported (contract §5).
    Details = 1,
    /// The messages of a conversation (contract §2).
    History = 2,
    /// A transcript that came on its own.
    Transcript = 3,
    /// What describes a file that was sent along.
    Media = 4,
}

impl RecordKind {
    /// Every kind, by code.
    pub const ALL: [Self; 4] = [Self::Details, Self::History, Self::Transcript, Self::Media];

    /// The number of this kind on disk; never another one.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The kind of that number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name of this kind, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::History => "history",
            Self::Transcript => "transcript",
            Self::Media => "media",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RecordKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// A text that names no [`RecordKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kinds of records are details, history, transcript and media")]
pub struct UnknownKind;

impl From<UnknownKind> for Violation {
    fn from(error: UnknownKind) -> Self {
        Self::new("", "kind.unknown", error.to_string())
    }
}

/// What a record is found by within its organisation.
///
/// ```
/// use frontdesk_domain::{RecordKey, RecordKind};
///
/// let key = RecordKey { kind: RecordKind::Details, id: "c-1\n".parse()? };
/// assert_eq!(key.to_string(), r#"details "c-1\n""#);
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The kind of payload.
    pub kind: RecordKind,
    /// The conversation's id.
    pub id: RecordId,
}

impl fmt::Display for RecordKey {
    /// One line, whatever the id holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.id)
    }
}

/// A record as it is kept: one compact JSON object, byte for byte as it came, without a line end and with nothing of
/// ours in it (contract §5, record).
///
/// ```
/// use frontdesk_domain::{RawRecord, RecordKey, RecordKind};
///
/// let key = RecordKey { kind: RecordKind::Details, id: "c-1".parse()? };
/// let record = RawRecord::from_parts(key.clone(), br#"{"id":"c-1"}"#.to_vec())?;
/// assert_eq!(record.bytes(), br#"{"id":"c-1"}"#);
/// assert!(RawRecord::from_parts(key, br#"{"id": "c-1"}"#.to_vec()).is_err(), "not compact");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawRecord {
    key: RecordKey,
    bytes: Vec<u8>,
}

impl RawRecord {
    /// A record of given bytes, which are checked; that they carry the key's id is not asked for.
    ///
    /// # Errors
    ///
    /// [`RecordError`] unless the bytes are one compact JSON object.
    pub fn from_parts(key: RecordKey, bytes: Vec<u8>) -> Result<Self, RecordError> {
        let scan = json::scan(&bytes)?;
        if !scan.object {
            return Err(RecordErrorKind::NotAnObject.into());
        }
        if !scan.compact {
            return Err(RecordErrorKind::NotCompact.into());
        }
        Ok(Self { key, bytes })
    }

    /// A record of bytes that a scan has just proved to be one compact JSON object.
    pub(crate) fn from_checked(key: RecordKey, bytes: Vec<u8>) -> Self {
        Self { key, bytes }
    }

    /// What the record is found by.
    #[must_use]
    pub fn key(&self) -> &RecordKey {
        &self.key
    }

    /// The record's exact bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The record's exact bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Key and bytes, without a copy.
    #[must_use]
    pub fn into_parts(self) -> (RecordKey, Vec<u8>) {
        (self.key, self.bytes)
    }
}

impl fmt::Debug for RawRecord {
    /// The key and how many bytes; the bytes are a customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRecord").field("key", &self.key).field("bytes", &self.bytes.len()).finish()
    }
}

/// Why bytes are not a record. Says nothing of what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError {
    kind: RecordErrorKind,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a record: {}", self.kind)
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

impl RecordError {
    /// What is wrong.
    ///
    /// ```
    /// use frontdesk_domain::payload::read_details;
    /// use frontdesk_domain::RecordErrorKind;
    ///
    /// let error = read_details(br#"{"queue":"web"}"#).unwrap_err();
    /// assert_eq!(error.kind(), RecordErrorKind::NoId);
    /// ```
    #[must_use]
    pub fn kind(&self) -> RecordErrorKind {
        self.kind
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.kind {
            RecordErrorKind::Json(_) | RecordErrorKind::NotAnObject => {
                "a record is one JSON object; look at what the sender wrote here"
            }
            RecordErrorKind::NotCompact => "compact the JSON before it becomes a record",
            RecordErrorKind::NoId
            | RecordErrorKind::IdNotText
            | RecordErrorKind::IdEmpty
            | RecordErrorKind::IdNotUnicode => {
                "a conversation needs a text `id` (or `interactionId`, or `conversationId`)"
            }
            RecordErrorKind::IdTooLong { .. } => "an id has at most 1024 bytes",
        }
    }
}

impl From<RecordErrorKind> for RecordError {
    fn from(kind: RecordErrorKind) -> Self {
        Self { kind }
    }
}

impl From<JsonError> for RecordError {
    fn from(error: JsonError) -> Self {
        Self { kind: RecordErrorKind::Json(error) }
    }
}

/// The ways of not being a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// It is not JSON; the error says where.
    #[error("not JSON")]
    Json(#[source] JsonError),
    /// It is JSON, but no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// There is white space between its tokens, or around them.
    #[error("there is white space between the tokens")]
    NotCompact,
    /// None of the members that may carry the id is there, or they are null.
    #[error("no id")]
    NoId,
    /// The id is no text.
    #[error("the id is not a text")]
    IdNotText,
    /// The id is an empty text.
    #[error("the id is empty")]
    IdEmpty,
    /// The id holds half of a surrogate pair. Replaced, it could not be told from another such id.
    #[error("the id is not Unicode text")]
    IdNotUnicode,
    /// The id is longer than 1,024 bytes.
    #[error("the id is {bytes} bytes long, and 1024 are allowed")]
    IdTooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
}

/// Reads the member that carries an id; `None` is a member that is not there, and null counts as that.
pub(crate) fn read_id(token: Option<&[u8]>) -> Result<RecordId, RecordErrorKind> {
    let token = token.filter(|&token| token != b"null").ok_or(RecordErrorKind::NoId)?;
    let id = json::whole_text(token).map_err(|fault| match fault {
        TextFault::NotText => RecordErrorKind::IdNotText,
        TextFault::LoneSurrogate => RecordErrorKind::IdNotUnicode,
    })?;
    RecordId::new(id).map_err(|error| error.fault().into())
}

impl From<IdFault> for RecordErrorKind {
    fn from(fault: IdFault) -> Self {
        match fault {
            IdFault::TooLong { bytes, .. } => Self::IdTooLong { bytes },
            // A record id has no other rule than its length.
            _ => Self::IdEmpty,
        }
    }
}
