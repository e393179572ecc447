//! What stands between quotes: escapes and UTF-8, checked a word at a time where the text is plain.

use super::JsonFault;
use super::machine::{Stop, stop};

/// Where the machine is in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
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

/// Goes on between quotes: up to the closing one, which is taken, or else to the end of the chunk, where the second
/// value says what is being read.
#[inline(always)]
pub(super) fn quoted(chunk: &[u8], at: usize, text: Text) -> Result<(usize, Option<Text>), Stop> {
    if text == Text::Plain {
        let end = skip_plain(chunk, at);
        if chunk.get(end) == Some(&b'"') { Ok((end + 1, None)) } else { quoted_rest(chunk, end, text) }
    } else {
        quoted_rest(chunk, at, text)
    }
}

/// The same, for what is not plain ASCII up to the closing quote.
#[inline(never)]
fn quoted_rest(chunk: &[u8], mut at: usize, mut text: Text) -> Result<(usize, Option<Text>), Stop> {
    while let Some(&byte) = chunk.get(at) {
        text = match text {
            Text::Plain => match byte {
                b'"' => return Ok((at + 1, None)),
                b'\\' => Text::Escape,
                0..0x20 => return stop(at, JsonFault::ControlCharacter),
                0x20.. => {
                    let end = skip_characters(chunk, at);
                    if end > at {
                        at = end;
                        continue;
                    }
                    lead(byte).ok_or_else(|| Box::new((at, JsonFault::BadUtf8)))?
                }
            },
            Text::Utf8 { left, low, high } => match byte {
                _ if byte < low || byte > high => return stop(at, JsonFault::BadUtf8),
                _ if left == 1 => Text::Plain,
                _ => Text::Utf8 { left: left - 1, low: 0x80, high: 0xBF },
            },
            Text::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Text::Plain,
                b'u' => Text::Unicode(4),
                _ => return stop(at, JsonFault::BadEscape),
            },
            Text::Unicode(left) => match byte {
                _ if !byte.is_ascii_hexdigit() => return stop(at, JsonFault::BadEscape),
                _ if left == 1 => Text::Plain,
                _ => Text::Unicode(left - 1),
            },
        };
        at += 1;
    }
    Ok((at, Some(text)))
}

/// What must follow a byte that starts a character of several bytes; none when no character starts so.
fn lead(byte: u8) -> Option<Text> {
    // The Unicode standard, table 3-7: the first byte bounds the second.
    let (left, low, high) = match byte {
        0xC2..=0xDF => (1, 0x80, 0xBF),
        0xE0 => (2, 0xA0, 0xBF),
        0xED => (2, 0x80, 0x9F),
        0xE1..=0xEF => (2, 0x80, 0xBF),
        0xF0 => (3, 0x90, 0xBF),
        0xF1..=0xF3 => (3, 0x80, 0xBF),
        0xF4 => (3, 0x80, 0x8F),
        _ => return None,
    };
    Some(Text::Utf8 { left, low, high })
}

/// The first position from `at` on where no whole character of two or three bytes stands, nor plain ASCII: most of any
/// text, without going through the states byte by byte.
#[inline]
fn skip_characters(chunk: &[u8], mut at: usize) -> usize {
    loop {
        at = match chunk[at..] {
            [0xC2..=0xDF, 0x80..=0xBF, ..] => at + 2,
            [0xE1..=0xEC | 0xEE | 0xEF, 0x80..=0xBF, 0x80..=0xBF, ..] => at + 3,
            [b' '..=0x7F, ..] => {
                let end = skip_plain(chunk, at);
                if end == at {
                    return at;
                }
                end
            }
            _ => return at,
        };
    }
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
