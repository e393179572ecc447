//! Names of things: organisations, records, runs, and what may go into a path.
//!
//! Ids come from outside and are hostile until proved otherwise. Each has one door, the check behind `FromStr`, `TryFrom<String>`
//! and serde.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Violation;

/// Everything a checked text has in common: one door in, and out again unchanged.
macro_rules! checked_text {
    ($name:ident, $what:literal, $check:path) => {
        impl $name {
            /// Takes the text if it may stand here.
            ///
            /// # Errors
            ///
            /// [`IdError`](crate::IdError) says which rule it breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::ids::IdError> {
                let text = text.into();
                match $check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(fault) => Err($crate::ids::IdError::new($what, fault)),
                }
            }

            /// The text as it came.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::ids::IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::IdError;

            fn try_from(text: String) -> Result<Self, $crate::ids::IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

pub(crate) use checked_text;

/// The organisation an archive belongs to: non-empty, at most 256 bytes, no control characters; `default` where the
/// contract names none.
///
/// ```
/// use frontdesk_domain::OrganizationId;
///
/// assert_eq!(OrganizationId::default().as_str(), "default");
/// assert!(OrganizationId::new("acme\n").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrganizationId(String);

impl OrganizationId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 256;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_control) { Err(IdFault::ControlCharacter) } else { Ok(()) }
    }
}

checked_text!(OrganizationId, "organisation id", OrganizationId::check);

impl Default for OrganizationId {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a record within its kind: non-empty, at most 1,024 bytes, and otherwise **any** text.
///
/// Newlines, NUL and `../../x` are fine: it never becomes a path (contract §5). `Display` writes it as it is; use
/// `Debug` where it is put into a line.
///
/// ```
/// use frontdesk_domain::RecordId;
///
/// let id: RecordId = "../../x\n".parse()?;
/// assert_eq!(id.as_str(), "../../x\n");
/// assert!(RecordId::new("").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

impl RecordId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)
    }
}

checked_text!(RecordId, "record id", RecordId::check);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RecordId {
    /// The text in quotes, control characters escaped: one line whatever the id holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of a legal matter that holds conversations: non-empty, at most 256 bytes, no control characters, no white
/// space at either end.
///
/// ```
/// use frontdesk_domain::MatterName;
///
/// assert_eq!(MatterName::new("Smith v. Acme")?.to_string(), "Smith v. Acme");
/// assert!(MatterName::new(" Smith").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MatterName(String);

/// The name of a retention policy. The rules of [`MatterName`].
///
/// ```
/// use frontdesk_domain::PolicyName;
///
/// assert_eq!(PolicyName::new("voice-90d")?.as_str(), "voice-90d");
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName(String);

/// A name that people give and read.
fn check_title(text: &str) -> Result<(), IdFault> {
    bounded(text, 256)?;
    if text.chars().any(char::is_control) {
        Err(IdFault::ControlCharacter)
    } else if text.trim() != text {
        Err(IdFault::SurroundedBySpace)
    } else {
        Ok(())
    }
}

checked_text!(MatterName, "matter", check_title);
checked_text!(PolicyName, "policy name", check_title);

impl fmt::Display for MatterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one run of a command: 1 to 64 of `a` to `z`, `0` to `9` and `-`. It names files and lines of our own.
///
/// ```
/// use frontdesk_domain::RunId;
///
/// assert!(RunId::new("pull-0197f6c2").is_ok());
/// assert!(RunId::new("../pull").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 64;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            Ok(())
        } else {
            Err(IdFault::OtherCharacter { allowed: "a to z, 0 to 9 and -" })
        }
    }
}

checked_text!(RunId, "run id", RunId::check);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One segment of a URL's path: non-empty, and neither `.` nor `..`, percent-encoded or not (contract, preamble).
///
/// `Display` writes it percent-encoded: everything but letters, digits, `-`, `.`, `_` and `~` (RFC 3986, unreserved),
/// so that it stays one segment whatever it holds.
///
/// ```
/// use frontdesk_domain::PathSegment;
///
/// assert_eq!(PathSegment::new("a/b c")?.to_string(), "a%2Fb%20c");
/// assert!(PathSegment::new("..").is_err());
/// assert!(PathSegment::new("%2e.").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathSegment(String);

impl PathSegment {
    pub(crate) fn check(text: &str) -> Result<(), IdFault> {
        if text.is_empty() {
            return Err(IdFault::Empty);
        }
        let dots = dot(text).map(|rest| rest.is_empty() || dot(rest) == Some(""));
        if dots == Some(true) { Err(IdFault::DotSegment) } else { Ok(()) }
    }
}

checked_text!(PathSegment, "path segment", PathSegment::check);

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// Why a text is not the id it was given as. The text itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {fault}")]
pub struct IdError {
    what: &'static str,
    fault: IdFault,
}

impl IdError {
    pub(crate) fn new(what: &'static str, fault: IdFault) -> Self {
        Self { what, fault }
    }

    /// The rule that is broken.
    ///
    /// ```
    /// use frontdesk_domain::{IdFault, RunId};
    ///
    /// assert_eq!(RunId::new("").unwrap_err().fault(), IdFault::Empty);
    /// ```
    #[must_use]
    pub fn fault(&self) -> IdFault {
        self.fault
    }
}

impl From<IdError> for Violation {
    fn from(error: IdError) -> Self {
        let rule = match error.fault {
            IdFault::Empty => "id.empty",
            IdFault::TooLong { .. } => "id.length",
            IdFault::ControlCharacter | IdFault::OtherCharacter { .. } => "id.characters",
            IdFault::DotSegment => "id.dot_segment",
            IdFault::SurroundedBySpace => "id.space",
        };
        Self::new("", rule, error.to_string())
    }
}

/// The rule of an id that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It has more bytes than allowed.
    #[error("is {bytes} bytes long, and {limit} are allowed")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// It holds a control character.
    #[error("holds a control character")]
    ControlCharacter,
    /// It holds a character that is not among the allowed.
    #[error("holds a character other than {allowed}")]
    OtherCharacter {
        /// The characters that may stand in it, in words.
        allowed: &'static str,
    },
    /// It is `.` or `..`, encoded or not, and would change the path around it.
    #[error("is `.` or `..`, which would change the path around it")]
    DotSegment,
    /// It begins or ends with white space.
    #[error("begins or ends with white space")]
    SurroundedBySpace,
}

pub(crate) fn bounded(text: &str, limit: usize) -> Result<(), IdFault> {
    match text.len() {
        0 => Err(IdFault::Empty),
        bytes if bytes > limit => Err(IdFault::TooLong { bytes, limit }),
        _ => Ok(()),
    }
}

/// What follows a dot at the start of `text`, be it written `.`, `%2e`, or encoded again on the way: `%252e`.
fn dot(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('.') {
        return Some(rest);
    }
    let code = text.strip_prefix('%')?.trim_start_matches("25");
    code.strip_prefix("2e").or_else(|| code.strip_prefix("2E"))
}
