//! The one machine that reads JSON: bytes in, events out, no recursion, any chunks.

use super::quoted::{Text, quoted};
use super::{JsonError, JsonFault};

/// The deepest nesting that is read: this many arrays and objects inside each other.
pub const MAX_DEPTH: usize = 128;

/// A listener to the machine.
///
/// Positions count from the start of the chunk that is being pushed; a listener that spans chunks keeps what it needs.
/// `depth` is the number of arrays and objects that are open around the thing, so the members of a top-level object
/// have depth 1. A number at depth 0 has no end: only the end of the input ends it.
pub(crate) trait Sink {
    /// White space between tokens, `from..to`.
    #[inline]
    fn space(&mut self, _from: usize, _to: usize) {}
    /// The quote that opens a key is at `at`.
    #[inline]
    fn key_start(&mut self, _at: usize, _depth: usize) {}
    /// A key ends before `end`, its closing quote included.
    #[inline]
    fn key_end(&mut self, _end: usize, _depth: usize) {}
    /// A value starts with the byte `first` at `at`.
    #[inline]
    fn value_start(&mut self, _at: usize, _depth: usize, _first: u8) {}
    /// A value ends before `end`.
    #[inline]
    fn value_end(&mut self, _end: usize, _depth: usize) {}
}

/// Two that listen to the same bytes.
impl<A: Sink, B: Sink> Sink for (A, B) {
    #[inline]
    fn space(&mut self, from: usize, to: usize) {
        self.0.space(from, to);
        self.1.space(from, to);
    }

    #[inline]
    fn key_start(&mut self, at: usize, depth: usize) {
        self.0.key_start(at, depth);
        self.1.key_start(at, depth);
    }

    #[inline]
    fn key_end(&mut self, end: usize, depth: usize) {
        self.0.key_end(end, depth);
        self.1.key_end(end, depth);
    }

    #[inline]
    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        self.0.value_start(at, depth, first);
        self.1.value_start(at, depth, first);
    }

    #[inline]
    fn value_end(&mut self, end: usize, depth: usize) {
        self.0.value_end(end, depth);
        self.1.value_end(end, depth);
    }
}

/// Where the machine is between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value must come.
    Value,
    /// After `[`: a value or `]`.
    ElementOrEnd,
    /// After `{`: a key or `}`.
    KeyOrEnd,
    /// After `,` in an object: a key.
    Key,
    /// After a key.
    Colon,
    /// After a value in a container: `,` or its end.
    Next,
    /// After the top-level value.
    Done,
    /// In a key.
    KeyText(Text),
    /// In a string.
    Text(Text),
    /// In a number.
    Number(Number),
    /// In a literal, with that many bytes of it read.
    Literal(Literal, u8),
}

/// Where the machine is in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// The literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Literal {
    True,
    False,
    Null,
}

impl Literal {
    fn word(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

/// What stops the machine: where in the chunk, and why. Boxed up so that the way without one stays narrow.
pub(super) type Stop = Box<(usize, JsonFault)>;

/// Reads one JSON text, chunk by chunk. After an error it must not be used again.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    state: State,
    depth: usize,
    /// One bit per open container, the innermost lowest: 1 for an object.
    objects: u128,
    /// Bytes of the chunks before this one.
    before: u64,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { state: State::Value, depth: 0, objects: 0, before: 0 }
    }

    /// The bytes of all chunks pushed so far.
    pub(crate) fn offset(&self) -> u64 {
        self.before
    }

    /// Reads one more chunk.
    pub(crate) fn push<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<(), JsonError> {
        match self.read(chunk, sink) {
            Ok(state) => {
                self.state = state;
                self.before += chunk.len() as u64;
                Ok(())
            }
            Err(stop) => Err(JsonError { offset: self.before + stop.0 as u64, fault: stop.1 }),
        }
    }

    /// Ends the text.
    pub(crate) fn finish(&self) -> Result<(), JsonError> {
        use Number::{ExponentDigits, Fraction, Integer, Zero};
        match self.state {
            State::Done => Ok(()),
            State::Number(Zero | Integer | Fraction | ExponentDigits) if self.depth == 0 => Ok(()),
            _ => Err(JsonError { offset: self.before, fault: JsonFault::UnexpectedEnd }),
        }
    }

    fn read<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<State, Stop> {
        // In locals, position and state stay in registers: that is a third of the speed.
        let mut state = self.state;
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            (at, state) = match state {
                State::KeyText(text) => self.key(chunk, at, text, sink)?,
                State::Text(text) => self.string(chunk, at, text, sink)?,
                State::Number(number) => self.number(chunk, at, number, sink)?,
                State::Literal(literal, read) => self.literal(chunk, at, literal, read, sink)?,
                _ if is_space(byte) => {
                    let end = chunk[at..].iter().position(|&byte| !is_space(byte));
                    let to = end.map_or(chunk.len(), |length| at + length);
                    sink.space(at, to);
                    (to, state)
                }
                State::Next => {
                    let object = self.objects & 1 == 1;
                    match byte {
                        b',' => (at + 1, if object { State::Key } else { State::Value }),
                        b'}' if object => self.close(at, sink),
                        b']' if !object => self.close(at, sink),
                        _ if object => return unexpected(at, "`,` or `}`"),
                        _ => return unexpected(at, "`,` or `]`"),
                    }
                }
                State::KeyOrEnd if byte == b'}' => self.close(at, sink),
                State::KeyOrEnd | State::Key if byte == b'"' => {
                    sink.key_start(at, self.depth);
                    self.key(chunk, at + 1, Text::Plain, sink)?
                }
                State::KeyOrEnd => return unexpected(at, "a key or `}`"),
                State::Key => return unexpected(at, "a key"),
                State::Colon if byte == b':' => (at + 1, State::Value),
                State::Colon => return unexpected(at, "`:`"),
                State::ElementOrEnd if byte == b']' => self.close(at, sink),
                State::Value | State::ElementOrEnd => self.value(chunk, at, state, sink)?,
                State::Done => return stop(at, JsonFault::TrailingBytes),
            }
        }
        Ok(state)
    }

    /// A value starts at `at`.
    #[inline(always)]
    fn value<S: Sink>(
        &mut self,
        chunk: &[u8],
        at: usize,
        state: State,
        sink: &mut S,
    ) -> Result<(usize, State), Stop> {
        let byte = chunk[at];
        match byte {
            b'"' => {
                sink.value_start(at, self.depth, byte);
                self.string(chunk, at + 1, Text::Plain, sink)
            }
            b'{' | b'[' => {
                if self.depth == MAX_DEPTH {
                    return stop(at, JsonFault::Depth);
                }
                sink.value_start(at, self.depth, byte);
                let object = byte == b'{';
                self.objects = (self.objects << 1) | u128::from(object);
                self.depth += 1;
                Ok((at + 1, if object { State::KeyOrEnd } else { State::ElementOrEnd }))
            }
            b'-' | b'0'..=b'9' => {
                sink.value_start(at, self.depth, byte);
                let number = match byte {
                    b'-' => Number::Minus,
                    b'0' => Number::Zero,
                    _ => Number::Integer,
                };
                self.number(chunk, at + 1, number, sink)
            }
            b't' | b'f' | b'n' => {
                sink.value_start(at, self.depth, byte);
                let literal = match byte {
                    b't' => Literal::True,
                    b'f' => Literal::False,
                    _ => Literal::Null,
                };
                self.literal(chunk, at + 1, literal, 1, sink)
            }
            0xEF if self.before + at as u64 == 0 => stop(at, JsonFault::ByteOrderMark),
            b'+' | b'.' => stop(at, JsonFault::BadNumber),
            b'A'..=b'Z' | b'a'..=b'z' => unexpected(at, LITERAL),
            _ if state == State::ElementOrEnd => unexpected(at, "a value or `]`"),
            _ => unexpected(at, "a value"),
        }
    }

    /// A value ended before `end`, at the present depth. The state after it.
    #[inline(always)]
    fn ended<S: Sink>(&mut self, end: usize, sink: &mut S) -> State {
        sink.value_end(end, self.depth);
        if self.depth == 0 { State::Done } else { State::Next }
    }

    /// The innermost container is closed at `at`.
    #[inline(always)]
    fn close<S: Sink>(&mut self, at: usize, sink: &mut S) -> (usize, State) {
        self.depth -= 1;
        self.objects >>= 1;
        (at + 1, self.ended(at + 1, sink))
    }

    /// Goes on in a key, up to its closing quote or the end of the chunk.
    #[inline(always)]
    fn key<S: Sink>(
        &mut self,
        chunk: &[u8],
        at: usize,
        text: Text,
        sink: &mut S,
    ) -> Result<(usize, State), Stop> {
        match quoted(chunk, at, text)? {
            (at, None) => {
                sink.key_end(at, self.depth);
                Ok((at, State::Colon))
            }
            (at, Some(text)) => Ok((at, State::KeyText(text))),
        }
    }

    /// Goes on in a string, up to its closing quote or the end of the chunk.
    #[inline(always)]
    fn string<S: Sink>(
        &mut self,
        chunk: &[u8],
        at: usize,
        text: Text,
        sink: &mut S,
    ) -> Result<(usize, State), Stop> {
        match quoted(chunk, at, text)? {
            (at, None) => Ok((at, self.ended(at, sink))),
            (at, Some(text)) => Ok((at, State::Text(text))),
        }
    }

    /// Goes on in a number, up to the byte after it or the end of the chunk.
    fn number<S: Sink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        mut number: Number,
        sink: &mut S,
    ) -> Result<(usize, State), Stop> {
        while let Some(&byte) = chunk.get(at) {
            number = match (number, byte) {
                (Number::Minus, b'0') => Number::Zero,
                (Number::Minus | Number::Integer, b'0'..=b'9') => Number::Integer,
                (Number::Zero | Number::Integer, b'.') => Number::Point,
                (Number::Point | Number::Fraction, b'0'..=b'9') => Number::Fraction,
                (Number::Zero | Number::Integer | Number::Fraction, b'e' | b'E') => Number::Exponent,
                (Number::Exponent, b'+' | b'-') => Number::ExponentSign,
                (Number::Exponent | Number::ExponentSign | Number::ExponentDigits, b'0'..=b'9') => {
                    Number::ExponentDigits
                }
                (Number::Zero, b'0'..=b'9')
                | (Number::Minus | Number::Point | Number::Exponent | Number::ExponentSign, _) => {
                    return stop(at, JsonFault::BadNumber);
                }
                _ => return Ok((at, self.ended(at, sink))),
            };
            at += 1;
        }
        Ok((at, State::Number(number)))
    }

    /// Goes on in a literal of which `read` bytes are read, up to its end or the end of the chunk.
    fn literal<S: Sink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        literal: Literal,
        mut read: u8,
        sink: &mut S,
    ) -> Result<(usize, State), Stop> {
        while let Some(wanted) = literal.word().get(usize::from(read)) {
            match chunk.get(at) {
                None => return Ok((at, State::Literal(literal, read))),
                Some(byte) if byte != wanted => return unexpected(at, LITERAL),
                Some(_) => {}
            }
            read += 1;
            at += 1;
        }
        Ok((at, self.ended(at, sink)))
    }
}

const LITERAL: &str = "`true`, `false` or `null`";

#[cold]
pub(super) fn stop<T>(at: usize, fault: JsonFault) -> Result<T, Stop> {
    Err(Box::new((at, fault)))
}

#[cold]
fn unexpected<T>(at: usize, expected: &'static str) -> Result<T, Stop> {
    stop(at, JsonFault::UnexpectedByte { expected })
}

#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
