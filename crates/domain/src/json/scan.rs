//! Where the members of a top-level object are.

use std::ops::Range;

use super::{JsonError, Machine, Sink, is_key};

/// What one walk over a whole JSON text found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Whether there is no white space between the tokens, nor around them.
    pub compact: bool,
    /// Whether the value is an object.
    pub object: bool,
    /// The members of the top-level object in their order, duplicates included; none when it is no object.
    pub members: Vec<Member>,
}

/// One member of an object, as spans of the scanned bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key without its quotes, escapes as they came.
    pub key: Range<usize>,
    /// The whole value, quotes and brackets included.
    pub value: Range<usize>,
}

impl Scan {
    /// The value of the member called `name` in `bytes`, the bytes this scan was made of. Of several, the last.
    ///
    /// ```
    /// use frontdesk_domain::json;
    ///
    /// let bytes = br#"{"code":"a","c\u006fde":"b"}"#;
    /// let scan = json::scan(bytes)?;
    /// assert_eq!(scan.value(bytes, "code"), Some(&br#""b""#[..]));
    /// # Ok::<(), json::JsonError>(())
    /// ```
    #[must_use]
    pub fn value<'a>(&self, bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
        let member =
            self.members.iter().rev().find(|member| {
                bytes.get(member.key.clone()).is_some_and(|key| is_key(key, name.as_bytes()))
            })?;
        bytes.get(member.value.clone())
    }
}

/// Checks a whole JSON text and finds the members of its top-level object, in one pass.
///
/// ```
/// use frontdesk_domain::json;
///
/// let bytes = br#"{"id": "c-1", "tags": ["a"]}"#;
/// let scan = json::scan(bytes)?;
/// assert!(scan.object && !scan.compact);
/// assert_eq!(&bytes[scan.members[1].key.clone()], b"tags");
/// assert_eq!(&bytes[scan.members[1].value.clone()], br#"["a"]"#);
/// # Ok::<(), json::JsonError>(())
/// ```
///
/// # Errors
///
/// [`JsonError`] for the first fault, when the bytes are not one JSON value.
pub fn scan(bytes: &[u8]) -> Result<Scan, JsonError> {
    let mut outline =
        Outline { scan: Scan { compact: true, object: false, members: Vec::new() }, key: 0..0, value_at: 0 };
    let mut machine = Machine::new();
    machine.push(bytes, &mut outline)?;
    machine.finish()?;
    Ok(outline.scan)
}

struct Outline {
    scan: Scan,
    /// The key of the member in progress, and where its value starts.
    key: Range<usize>,
    value_at: usize,
}

impl Sink for Outline {
    fn space(&mut self, _from: usize, _to: usize) {
        self.scan.compact = false;
    }

    #[inline]
    fn key_start(&mut self, at: usize, depth: usize) {
        if depth == 1 {
            self.key.start = at + 1;
        }
    }

    #[inline]
    fn key_end(&mut self, end: usize, depth: usize) {
        if depth == 1 {
            self.key.end = end - 1;
        }
    }

    #[inline]
    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        match depth {
            0 => self.scan.object = first == b'{',
            1 => self.value_at = at,
            _ => {}
        }
    }

    #[inline]
    fn value_end(&mut self, end: usize, depth: usize) {
        if depth == 1 && self.scan.object {
            self.scan.members.push(Member { key: self.key.clone(), value: self.value_at..end });
        }
    }
}
