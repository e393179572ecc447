//! Numbers of tokens as bytes: the 192 most frequent tokens of a file take one byte each, most others two.

use super::blocks::{Fault, Result};

const TWO: u32 = 0xC0;
const THREE: u32 = TWO + (0xF0 - 0xC0) * 0x100;
const FIVE: u32 = THREE + (0xFF - 0xF0) * 0x1_0000;

/// Appends the spelling of `code`.
#[inline]
pub(super) fn encode(code: u32, out: &mut Vec<u8>) {
    if code < TWO {
        out.push(code as u8);
    } else if code < THREE {
        let [low, high, ..] = (code - TWO).to_le_bytes();
        out.extend_from_slice(&[0xC0 + high, low]);
    } else if code < FIVE {
        let [low, middle, high, _] = (code - THREE).to_le_bytes();
        out.extend_from_slice(&[0xF0 + high, middle, low]);
    } else {
        out.push(0xFF);
        out.extend_from_slice(&code.to_le_bytes());
    }
}

/// Calls `each` with the codes that `bytes` spell.
#[inline]
pub(super) fn decode(mut bytes: &[u8], mut each: impl FnMut(u32)) -> Result<()> {
    loop {
        match *bytes {
            [] => return Ok(()),
            [one @ 0..0xC0, ref rest @ ..] => {
                each(u32::from(one));
                bytes = rest;
            }
            [high @ 0xC0..0xF0, low, ref rest @ ..] => {
                each(TWO + u32::from_le_bytes([low, high - 0xC0, 0, 0]));
                bytes = rest;
            }
            [high @ 0xF0..=0xFE, middle, low, ref rest @ ..] => {
                each(THREE + u32::from_le_bytes([low, middle, high - 0xF0, 0]));
                bytes = rest;
            }
            [0xFF, a, b, c, d, ref rest @ ..] => {
                each(u32::from_le_bytes([a, b, c, d]));
                bytes = rest;
            }
            _ => return Err(Fault::Damaged("a token is cut short")),
        }
    }
}

/// New codes for old ones, spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spelling {
    /// Four bytes of it; a code that takes five has the rest by itself.
    bytes: [u8; 4],
    /// Bytes that count; 0 for a code that no token may have, 5 for one that is `bytes` behind the sign of five.
    length: u8,
}

impl Spelling {
    pub(super) fn of(code: u32) -> Self {
        let mut spelled = Vec::with_capacity(5);
        encode(code, &mut spelled);
        if spelled.len() == 5 {
            return Self { bytes: code.to_le_bytes(), length: 5 };
        }
        let mut bytes = [0; 4];
        bytes[..spelled.len()].copy_from_slice(&spelled);
        Self { bytes, length: spelled.len() as u8 }
    }
}

/// Appends what `bytes` spell, each code replaced by the one that is spelled in its place.
pub(super) fn translate(bytes: &[u8], codes: &[Spelling], out: &mut Vec<u8>) -> Result<()> {
    // Each code takes a byte at least; what is written beyond the end is taken back.
    let mut end = out.len();
    out.resize(end + 5 * bytes.len(), 0);
    let mut all = true;
    decode(bytes, |code| {
        let Spelling { bytes, length } = codes.get(code as usize).copied().unwrap_or_default();
        all &= length != 0;
        if length == 5 {
            out[end] = 0xFF;
            out[end + 1..end + 5].copy_from_slice(&bytes);
        } else if let Some(four) = out.get_mut(end..end + 4) {
            four.copy_from_slice(&bytes);
        }
        end += usize::from(length);
    })?;
    out.truncate(end);
    if all { Ok(()) } else { Err(Fault::Damaged("a token has no word")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_back_whatever_their_length() {
        let codes = [0, 191, 192, 12_479, 12_480, 995_519, 995_520, u32::MAX];
        let mut bytes = Vec::new();
        codes.iter().for_each(|&code| encode(code, &mut bytes));
        assert_eq!(bytes.len(), 1 + 1 + 2 + 2 + 3 + 3 + 5 + 5);
        let mut read = Vec::new();
        decode(&bytes, |code| read.push(code)).unwrap();
        assert_eq!(read, codes);
        assert!(decode(&bytes[..bytes.len() - 1], |_| {}).is_err());
        let mut translated = Vec::new();
        let new = [191, 192, 70_000, u32::MAX].map(Spelling::of);
        translate(&[2, 0, 3, 1], &new, &mut translated).unwrap();
        let mut read = Vec::new();
        decode(&translated, |code| read.push(code)).unwrap();
        assert_eq!(read, [70_000, 191, u32::MAX, 192]);
        assert!(translate(&[4], &new, &mut translated).is_err());
    }
}
