//! The one machine that reads JSON: bytes in, events out, no recursion, any chunks.

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
    /// In a string.
    Text(Text),
    /// In a number.
    Number(Number),
    /// In a literal: the rest of it.
    Literal(&'static [u8]),
}

/// Where the machine is in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Plain,
    /// After a backslash.
    Escape,
    /// In `\uXXXX`: how many digits are still to come.
    Unicode(u8),
    /// In a character of several bytes: how many are still to come, and the bounds of the next one.
    Utf8 {
        left: u8,
        low: u8,
        high: u8,
    },
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

/// Reads one JSON text, chunk by chunk. After an error it must not be used again.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    state: State,
    depth: usize,
    /// One bit per open container, the innermost lowest: 1 for an object.
    objects: u128,
    /// Whether the string in progress is a key.
    key: bool,
    /// Bytes of the chunks before this one.
    before: u64,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self { state: State::Value, depth: 0, objects: 0, key: false, before: 0 }
    }

    /// The bytes of all chunks pushed so far.
    pub(crate) fn offset(&self) -> u64 {
        self.before
    }

    /// Reads one more chunk.
    pub(crate) fn push<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<(), JsonError> {
        match self.read(chunk, sink) {
            Ok(()) => {
                self.before += chunk.len() as u64;
                Ok(())
            }
            Err((at, fault)) => Err(JsonError { offset: self.before + at as u64, fault }),
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

    fn read<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<(), (usize, JsonFault)> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            match self.state {
                State::Text(text) => at = self.string(chunk, at, text, sink)?,
                State::Number(number) => at = self.number(chunk, at, number, sink)?,
                State::Literal(rest) => at = self.literal(chunk, at, rest, sink)?,
                _ if is_space(byte) => {
                    let end = chunk[at..].iter().position(|&byte| !is_space(byte));
                    let to = end.map_or(chunk.len(), |length| at + length);
                    sink.space(at, to);
                    at = to;
                }
                State::Value => at = self.value(chunk, at, byte, sink)?,
                State::ElementOrEnd if byte == b']' => at = self.close(at, sink),
                State::ElementOrEnd => at = self.value(chunk, at, byte, sink)?,
                State::KeyOrEnd if byte == b'}' => at = self.close(at, sink),
                State::KeyOrEnd | State::Key => {
                    if byte != b'"' {
                        let expected = if self.state == State::Key { "a key" } else { "a key or `}`" };
                        return Err((at, JsonFault::UnexpectedByte { expected }));
                    }
                    sink.key_start(at, self.depth);
                    self.key = true;
                    at = self.string(chunk, at + 1, Text::Plain, sink)?;
                }
                State::Colon => {
                    if byte != b':' {
                        return Err((at, JsonFault::UnexpectedByte { expected: "`:`" }));
                    }
                    self.state = State::Value;
                    at += 1;
                }
                State::Next => {
                    let object = self.objects & 1 == 1;
                    match byte {
                        b',' => {
                            self.state = if object { State::Key } else { State::Value };
                            at += 1;
                        }
                        b'}' if object => at = self.close(at, sink),
                        b']' if !object => at = self.close(at, sink),
                        _ => {
                            let expected = if object { "`,` or `}`" } else { "`,` or `]`" };
                            return Err((at, JsonFault::UnexpectedByte { expected }));
                        }
                    }
                }
                State::Done => return Err((at, JsonFault::TrailingBytes)),
            }
        }
        Ok(())
    }

    /// A value starts with `byte` at `at`.
    #[inline]
    fn value<S: Sink>(
        &mut self,
        chunk: &[u8],
        at: usize,
        byte: u8,
        sink: &mut S,
    ) -> Result<usize, (usize, JsonFault)> {
        const LITERAL: &str = "`true`, `false` or `null`";
        match byte {
            b'"' => {
                sink.value_start(at, self.depth, byte);
                self.key = false;
                self.string(chunk, at + 1, Text::Plain, sink)
            }
            b'{' | b'[' => {
                if self.depth == MAX_DEPTH {
                    return Err((at, JsonFault::Depth));
                }
                sink.value_start(at, self.depth, byte);
                let object = byte == b'{';
                self.objects = (self.objects << 1) | u128::from(object);
                self.depth += 1;
                self.state = if object { State::KeyOrEnd } else { State::ElementOrEnd };
                Ok(at + 1)
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
                let rest: &'static [u8] = match byte {
                    b't' => b"rue",
                    b'f' => b"alse",
                    _ => b"ull",
                };
                self.literal(chunk, at + 1, rest, sink)
            }
            0xEF if self.before + at as u64 == 0 => Err((at, JsonFault::ByteOrderMark)),
            b'+' | b'.' => Err((at, JsonFault::BadNumber)),
            b'A'..=b'Z' | b'a'..=b'z' => Err((at, JsonFault::UnexpectedByte { expected: LITERAL })),
            _ if self.state == State::ElementOrEnd => {
                Err((at, JsonFault::UnexpectedByte { expected: "a value or `]`" }))
            }
            _ => Err((at, JsonFault::UnexpectedByte { expected: "a value" })),
        }
    }

    /// A value ended before `end`, at the present depth.
    #[inline]
    fn ended<S: Sink>(&mut self, end: usize, sink: &mut S) {
        self.state = if self.depth == 0 { State::Done } else { State::Next };
        sink.value_end(end, self.depth);
    }

    /// The innermost container is closed at `at`.
    #[inline]
    fn close<S: Sink>(&mut self, at: usize, sink: &mut S) -> usize {
        self.depth -= 1;
        self.objects >>= 1;
        self.ended(at + 1, sink);
        at + 1
    }

    /// Goes on in a string, up to its closing quote or the end of the chunk.
    #[inline]
    fn string<S: Sink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        mut text: Text,
        sink: &mut S,
    ) -> Result<usize, (usize, JsonFault)> {
        loop {
            if text == Text::Plain {
                at = skip_plain(chunk, at);
            }
            let Some(&byte) = chunk.get(at) else {
                self.state = State::Text(text);
                return Ok(at);
            };
            text = match text {
                Text::Plain => match byte {
                    b'"' => {
                        at += 1;
                        if self.key {
                            self.state = State::Colon;
                            sink.key_end(at, self.depth);
                        } else {
                            self.ended(at, sink);
                        }
                        return Ok(at);
                    }
                    b'\\' => Text::Escape,
                    0..0x20 => return Err((at, JsonFault::ControlCharacter)),
                    // Unicode 15, table 3-7: the lead byte bounds the byte after it.
                    0xC2..=0xDF => Text::Utf8 { left: 1, low: 0x80, high: 0xBF },
                    0xE0 => Text::Utf8 { left: 2, low: 0xA0, high: 0xBF },
                    0xED => Text::Utf8 { left: 2, low: 0x80, high: 0x9F },
                    0xE1..=0xEF => Text::Utf8 { left: 2, low: 0x80, high: 0xBF },
                    0xF0 => Text::Utf8 { left: 3, low: 0x90, high: 0xBF },
                    0xF1..=0xF3 => Text::Utf8 { left: 3, low: 0x80, high: 0xBF },
                    0xF4 => Text::Utf8 { left: 3, low: 0x80, high: 0x8F },
                    _ => return Err((at, JsonFault::BadUtf8)),
                },
                Text::Utf8 { left, low, high } => match byte {
                    _ if byte < low || byte > high => return Err((at, JsonFault::BadUtf8)),
                    _ if left == 1 => Text::Plain,
                    _ => Text::Utf8 { left: left - 1, low: 0x80, high: 0xBF },
                },
                Text::Escape => match byte {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Text::Plain,
                    b'u' => Text::Unicode(4),
                    _ => return Err((at, JsonFault::BadEscape)),
                },
                Text::Unicode(left) => match byte {
                    _ if !byte.is_ascii_hexdigit() => return Err((at, JsonFault::BadEscape)),
                    _ if left == 1 => Text::Plain,
                    _ => Text::Unicode(left - 1),
                },
            };
            at += 1;
        }
    }

    /// Goes on in a number, up to the byte after it or the end of the chunk.
    fn number<S: Sink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        mut number: Number,
        sink: &mut S,
    ) -> Result<usize, (usize, JsonFault)> {
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
                    return Err((at, JsonFault::BadNumber));
                }
                _ => {
                    self.ended(at, sink);
                    return Ok(at);
                }
            };
            at += 1;
        }
        self.state = State::Number(number);
        Ok(at)
    }

    /// Goes on in `true`, `false` or `null`, of which `rest` is still to come.
    fn literal<S: Sink>(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        mut rest: &'static [u8],
        sink: &mut S,
    ) -> Result<usize, (usize, JsonFault)> {
        while let Some((&wanted, after)) = rest.split_first() {
            let Some(&byte) = chunk.get(at) else {
                self.state = State::Literal(rest);
                return Ok(at);
            };
            if byte != wanted {
                let expected = "`true`, `false` or `null`";
                return Err((at, JsonFault::UnexpectedByte { expected }));
            }
            rest = after;
            at += 1;
        }
        self.ended(at, sink);
        Ok(at)
    }
}

#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first position from `at` on that is not plain: a quote, a backslash, a control character, or not ASCII.
///
/// Eight bytes at a time. A subtraction borrows only from bytes above a hit, so the lowest flag is always right.
#[inline]
fn skip_plain(chunk: &[u8], mut at: usize) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    while let Some(&eight) = chunk[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(eight);
        let quote = (word ^ (LOW * b'"' as u64)).wrapping_sub(LOW);
        let backslash = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
        let control = word.wrapping_sub(LOW * 0x20);
        let hits = (quote | backslash | control | word) & HIGH;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&byte) = chunk.get(at) {
        if byte == b'"' || byte == b'\\' || !(0x20..0x80).contains(&byte) {
            break;
        }
        at += 1;
    }
    at
}
