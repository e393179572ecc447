//! The values of the metadata, as a search compares them.

use std::collections::BTreeMap;

use super::metadata;
use crate::RecordKind;
use crate::json::{self, Machine, Sink};

/// The values of the [`metadata`], by key: texts as they are read, numbers and truth values as they are
/// written; of a list each of those in it. Objects, lists in lists and null are no values. Of duplicate keys the last
/// one counts. Never fails: what is no object has no values.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::metadata_values;
///
/// let line = br#"{"id":"c-1","metadata":{"source":"web","tags":["a",7],"more":{"x":1}}}"#;
/// let values = metadata_values(RecordKind::Details, line);
/// assert_eq!(values["source"], ["web"]);
/// assert_eq!(values["tags"], ["a", "7"]);
/// assert!(!values.contains_key("more"));
/// ```
#[must_use]
pub fn metadata_values(kind: RecordKind, bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    metadata(kind, bytes).map(|metadata| values_of(&metadata)).unwrap_or_default()
}

/// The same of the `metadata` itself.
pub(super) fn values_of(metadata: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut values = Values {
        bytes: metadata,
        object: false,
        list: false,
        start: 0,
        scalar: false,
        key: String::new(),
        found: BTreeMap::new(),
    };
    let mut machine = Machine::new();
    if machine.push(metadata, &mut values).and_then(|()| machine.finish()).is_err() {
        return BTreeMap::new();
    }
    values.found
}

/// Listens for scalars below a key, or in a list below it.
struct Values<'a> {
    bytes: &'a [u8],
    object: bool,
    /// Whether the value of the key in progress is a list.
    list: bool,
    /// Where the key or the value in progress starts, and whether that is a scalar.
    start: usize,
    scalar: bool,
    key: String,
    found: BTreeMap<String, Vec<String>>,
}

impl Sink for Values<'_> {
    fn key_start(&mut self, at: usize, depth: usize) {
        if depth == 1 {
            self.start = at;
        }
    }

    fn key_end(&mut self, end: usize, depth: usize) {
        if depth == 1 {
            self.key = json::text(&self.bytes[self.start..end]).unwrap_or_default().into_owned();
            self.found.remove(&self.key);
        }
    }

    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        match depth {
            0 => self.object = first == b'{',
            1 => self.list = first == b'[',
            _ => {}
        }
        self.start = at;
        self.scalar = !matches!(first, b'{' | b'[' | b'n');
    }

    fn value_end(&mut self, end: usize, depth: usize) {
        if self.object && self.scalar && (depth == 1 || depth == 2 && self.list) {
            let token = &self.bytes[self.start..end];
            let value =
                json::text(token).map_or_else(|| String::from_utf8_lossy(token).into_owned(), Into::into);
            self.found.entry(self.key.clone()).or_default().push(value);
        }
        // What ends after this one is what it is in.
        self.scalar = false;
    }
}
