//! Which conversation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{IdFault, PathSegment, bounded, checked_text};

/// The id of a conversation in a path: non-empty, at most 1,024 bytes, and neither `.` nor `..`, encoded or not
/// (contract, preamble). It is the `id` of §3 and §5 and the `conversationId` of §2 and §4.
///
/// ```
/// use frontdesk_domain::ConversationId;
///
/// assert_eq!(ConversationId::new("c/1")?.segment().to_string(), "c%2F1");
/// assert!(ConversationId::new("%2e%2e").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversationId(String);

impl ConversationId {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 1_024;

    /// The id as a segment of a path; its `Display` is percent-encoded.
    ///
    /// # Panics
    /// Never: what is a conversation id has passed the segment's check.
    #[must_use]
    pub fn segment(&self) -> PathSegment {
        PathSegment::new(self.0.clone()).expect("a conversation id is a path segment")
    }

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        PathSegment::check(text)
    }
}

checked_text!(ConversationId, "conversation id", ConversationId::check);

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
