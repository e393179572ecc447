//! What a caller puts into a line.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::log::line::RESERVED;

/// The members of one line: a JSON object, written as it will stand in the file.
///
/// ```
/// use frontdesk_durable::Members;
/// let members = Members::new(&serde_json::json!({"change": "seal", "segment": 7}))?;
/// assert!(Members::new(&serde_json::json!({"prev": "mine"})).is_err());
/// # Ok::<(), frontdesk_durable::MembersError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The object's text without its braces.
    inner: String,
}

/// Why a value cannot be a line.
#[derive(Debug, thiserror::Error)]
#[error(
    "a log line cannot hold this value: it is not an object, or names a member twice or one the log writes itself"
)]
pub struct MembersError {
    #[from]
    source: serde_json::Error,
}

impl Members {
    /// Takes a value that serializes to a JSON object: a struct, a map, a [`serde_json::Value`].
    ///
    /// # Errors
    ///
    /// When it does not, when it names a member twice, and when it uses a name of the log (`prev`, `group`, `n`,
    /// `self`).
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, MembersError> {
        let text = serde_json::to_string(value)?;
        // Only a raw value brought in by the caller can have one; a line break would end the line.
        if text.contains('\n') {
            return Err(serde_json::Error::custom("it contains a line break").into());
        }
        serde_json::Deserializer::from_str(&text).deserialize_map(Names)?;
        let inner = text.strip_prefix('{').unwrap_or(&text);
        let inner = inner.strip_suffix('}').unwrap_or(inner);
        Ok(Self { inner: inner.to_owned() })
    }

    pub(super) fn inner(&self) -> &str {
        &self.inner
    }
}

/// Looks at the names of the outermost members.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if RESERVED.contains(&name.as_str()) {
                return Err(A::Error::custom(format_args!("the log writes `{name}` itself")));
            }
            map.next_value::<IgnoredAny>()?;
            if !seen.insert(name) {
                return Err(A::Error::custom("a member is named twice"));
            }
        }
        Ok(())
    }
}
