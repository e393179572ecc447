//! White space out, tokens untouched.

use std::borrow::Cow;

use super::{JsonError, Machine, Sink};

/// The same JSON without white space between its tokens. The tokens stay byte for byte as they came: numbers,
/// escapes, key order and duplicate keys (contract §5, record).
///
/// ```
/// use std::borrow::Cow;
/// use frontdesk_domain::json::compact;
///
/// assert_eq!(&*compact(b" [1.0, \"a b\"]\n")?, br#"[1.0,"a b"]"#);
/// assert!(matches!(compact(b"[1.0]")?, Cow::Borrowed(_)));
/// # Ok::<(), frontdesk_domain::json::JsonError>(())
/// ```
///
/// # Errors
///
/// [`JsonError`] for the first fault, when the bytes are not one JSON value.
pub fn compact(bytes: &[u8]) -> Result<Cow<'_, [u8]>, JsonError> {
    let mut gaps = Gaps::new(bytes);
    let mut machine = Machine::new();
    machine.push(bytes, &mut gaps)?;
    machine.finish()?;
    Ok(gaps.finish().map_or(Cow::Borrowed(bytes), Cow::Owned))
}

/// Copies what is between the gaps of a whole text; nothing before the first gap is met.
pub(crate) struct Gaps<'a> {
    bytes: &'a [u8],
    kept: Vec<u8>,
    /// Up to where the input is copied or left out.
    done: usize,
}

impl<'a> Gaps<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, kept: Vec::new(), done: 0 }
    }

    /// The whole text.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text without its gaps, when it had any.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        if self.done == 0 {
            return None;
        }
        self.kept.extend_from_slice(&self.bytes[self.done..]);
        Some(std::mem::take(&mut self.kept))
    }
}

impl Sink for Gaps<'_> {
    fn space(&mut self, from: usize, to: usize) {
        if self.done == 0 {
            self.kept.reserve_exact(self.bytes.len() - (to - from));
        }
        self.kept.extend_from_slice(&self.bytes[self.done..from]);
        self.done = to;
    }
}
