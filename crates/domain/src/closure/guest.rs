//! Who is meant, and in which state the session is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{IdFault, PathSegment, bounded, checked_text};

/// The id of a guest: non-empty, at most 1,024 bytes, and neither `.` nor `..`, encoded or not, since it becomes a
/// segment of a path (contract, preamble).
///
/// ```
/// use frontdesk_domain::GuestId;
///
/// assert_eq!(GuestId::new("guest/1")?.segment().to_string(), "guest%2F1");
/// assert!(GuestId::new("..").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestId(String);

impl GuestId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// The id as a segment of a path; its `Display` is percent-encoded.
    ///
    /// # Panics
    /// Never: what is a guest id has passed the segment's check.
    #[must_use]
    pub fn segment(&self) -> PathSegment {
        PathSegment::new(self.0.clone()).expect("a guest id is a path segment")
    }

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        PathSegment::check(text)
    }
}

checked_text!(GuestId, "guest id", GuestId::check);

impl fmt::Display for GuestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The caller's own reference, sent along with the end of a session and kept in its audit record: non-empty, at most
/// 1,024 bytes, no control characters.
///
/// ```
/// use frontdesk_domain::ExternalRef;
///
/// assert_eq!(ExternalRef::new("ticket 98765")?.as_str(), "ticket 98765");
/// assert!(ExternalRef::new("a\nb").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExternalRef(String);

impl ExternalRef {
    /// The longest reference, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_control) { Err(IdFault::ControlCharacter) } else { Ok(()) }
    }
}

checked_text!(ExternalRef, "external reference", ExternalRef::check);

/// The state of a guest's session, as the platform names it. A name we do not know is kept.
///
/// ```
/// use frontdesk_domain::GuestState;
///
/// assert_eq!(GuestState::from("closed".to_owned()), GuestState::Closed);
/// assert_eq!(GuestState::from("parked".to_owned()).as_str(), "parked");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum GuestState {
    /// It goes on, and can be ended.
    Active,
    /// The guest is away. It is not ended.
    Inactive,
    /// It has ended.
    Closed,
    /// A state the contract does not list, as it came. It is not ended.
    Other(Box<str>),
}

impl GuestState {
    /// The platform's name of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for GuestState {
    fn from(name: String) -> Self {
        match name.as_str() {
            "active" => Self::Active,
            "inactive" => Self::Inactive,
            "closed" => Self::Closed,
            _ => Self::Other(name.into_boxed_str()),
        }
    }
}

impl From<GuestState> for String {
    fn from(state: GuestState) -> Self {
        state.as_str().to_owned()
    }
}
