//! Everything a search wants of a conversation, read at once.

use std::collections::BTreeMap;
use std::fmt;

use super::Facts;
use super::facts::Outline;
use super::metadata::values_of;
use super::transcript::Said;
use crate::RecordKind;
use crate::json::Machine;

/// What a search looks through ([`searchable`]).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Searchable {
    /// As [`transcript`](super::transcript) gives it.
    pub transcript: String,
    /// As [`facts`](super::facts) gives them.
    pub facts: Facts,
    /// As [`metadata_values`](super::metadata_values) gives them.
    pub metadata: BTreeMap<String, Vec<String>>,
    /// As [`has_attachment`](super::has_attachment) says.
    pub attachment: bool,
}

impl fmt::Debug for Searchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All of it is customer text.
        f.debug_struct("Searchable").field("transcript", &self.transcript.len()).finish_non_exhaustive()
    }
}

/// Transcript, facts, metadata and attachment of a record: what the functions of these names give one by one, for little more
/// than the price of one. Never fails: bytes that are not JSON have nothing, and media say nothing.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::searchable;
///
/// let line = br#"{"id":"c-1","queue":"North","metadata":{"a":"b"},"transcript":"guest: Hello"}"#;
/// let found = searchable(RecordKind::Details, line);
/// assert_eq!(found.transcript, "guest: Hello");
/// assert_eq!(found.facts.queue.as_deref(), Some("North"));
/// assert_eq!(found.metadata["a"], ["b"]);
/// ```
#[must_use]
pub fn searchable(kind: RecordKind, bytes: &[u8]) -> Searchable {
    let mut sinks = (Said::new(bytes), Outline::new(bytes));
    let mut machine = Machine::new();
    if machine.push(bytes, &mut sinks).and_then(|()| machine.finish()).is_err() {
        return Searchable::default();
    }
    let (said, outline) = sinks;
    Searchable {
        transcript: said.text_of(kind),
        facts: if kind == RecordKind::Media { Facts::default() } else { outline.facts(kind, bytes) },
        metadata: outline.metadata(kind, bytes).map(|metadata| values_of(&metadata)).unwrap_or_default(),
        attachment: super::has_attachment(kind, bytes),
    }
}
