//! What is wrong with bytes that are not JSON.

/// The first fault in a text that is not JSON, and where.
///
/// The bytes themselves are not repeated: they may be a customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {offset}: {fault}")]
pub struct JsonError {
    /// The byte at fault, counted from 0 over all chunks; the length of the text when it ends too early.
    pub offset: u64,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// The ways of not being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH) arrays and objects inside each other.
    #[error("nested deeper than 128 levels")]
    Depth,
    /// A byte that cannot stand where it stands.
    #[error("expected {expected}")]
    UnexpectedByte {
        /// What could have stood there.
        expected: &'static str,
    },
    /// The text ends inside a value, or holds none.
    #[error("the text ends before its value does")]
    UnexpectedEnd,
    /// A number as JSON does not write it: a leading zero or plus, a missing digit.
    #[error("not a number as JSON writes it")]
    BadNumber,
    /// A backslash followed by something that is no escape.
    #[error("not an escape sequence")]
    BadEscape,
    /// Bytes in a string that are not UTF-8.
    #[error("not UTF-8")]
    BadUtf8,
    /// A control character in a string that is not escaped.
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    /// Something other than white space after the value.
    #[error("something follows the value")]
    TrailingBytes,
    /// A byte order mark before the value, or its first byte.
    #[error("expected a value, with no byte order mark before it")]
    ByteOrderMark,
    /// A part that is larger than it may be.
    #[error("a part is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes it may have.
        limit: u64,
    },
}
