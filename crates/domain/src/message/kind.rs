//! The types of messages, and which of them are kept.

use std::fmt;

use crate::Violation;
use crate::fold::fold;

/// The type of a message. One the contract does not name is kept as it came.
///
/// ```
/// use frontdesk_domain::message::MessageKind;
///
/// assert_eq!(MessageKind::read("Image"), MessageKind::Image);
/// assert_eq!(MessageKind::read("sticker").as_str(), "sticker");
/// assert!(!MessageKind::read("sticker").is_known());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// `text`
    Text,
    /// `image`
    Image,
    /// `file`
    File,
    /// `button`
    Button,
    /// Any other text, as it came; empty where the message has no type, or one that is no text.
    Other(Box<str>),
}

impl MessageKind {
    /// The types the contract names.
    pub const KNOWN: [Self; 4] = [Self::Text, Self::Image, Self::File, Self::Button];

    /// The type of that name, whatever its case.
    #[must_use]
    pub fn read(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name));
        known.unwrap_or_else(|| Self::Other(name.into()))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Button => "button",
            Self::Other(name) => name,
        }
    }

    /// Whether the contract names it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which types of messages are kept: all of them, or those that are named. Case does not matter (contract §2).
///
/// ```
/// use frontdesk_domain::message::{MessageKind, TypeFilter};
///
/// let filter = TypeFilter::of(["TEXT", "sticker"])?;
/// assert!(filter.keeps(&MessageKind::Text) && filter.keeps(&MessageKind::read("Sticker")));
/// assert!(!filter.keeps(&MessageKind::Image));
/// assert!(TypeFilter::of([""]).is_err());
/// # Ok::<(), frontdesk_domain::message::TypeFilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeFilter(Option<Vec<String>>);

impl TypeFilter {
    /// Keeps every message.
    #[must_use]
    pub fn all() -> Self {
        Self(None)
    }

    /// Keeps messages of these types; of none named, of all.
    ///
    /// # Errors
    ///
    /// [`TypeFilterError`] when a name is empty or surrounded by white space: no message has such a type.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, TypeFilterError> {
        let mut folded = Vec::new();
        for name in names {
            if name.is_empty() || name.trim() != name {
                return Err(TypeFilterError);
            }
            folded.push(fold(name));
        }
        folded.sort_unstable();
        folded.dedup();
        Ok(Self((!folded.is_empty()).then_some(folded)))
    }

    /// Whether a message of this type is kept.
    #[must_use]
    pub fn keeps(&self, kind: &MessageKind) -> bool {
        self.0.as_ref().is_none_or(|names| names.binary_search(&fold(kind.as_str())).is_ok())
    }

    /// Whether every message is kept.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// The names, folded and sorted; none when every message is kept. Two filters with equal names keep the same.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(String::as_str)
    }
}

/// A name that no type of messages can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message type is not empty, and has no white space around it")]
pub struct TypeFilterError;

impl From<TypeFilterError> for Violation {
    fn from(error: TypeFilterError) -> Self {
        Self::new("", "message.type", error.to_string())
    }
}
