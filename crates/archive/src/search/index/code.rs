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

/// Appends the codes that `bytes` spell to `out`.
#[inline]
pub(super) fn decode(mut bytes: &[u8], out: &mut Vec<u32>) -> Result<()> {
    loop {
        match *bytes {
            [] => return Ok(()),
            [one @ 0..0xC0, ref rest @ ..] => {
                out.push(u32::from(one));
                bytes = rest;
            }
            [high @ 0xC0..0xF0, low, ref rest @ ..] => {
                out.push(TWO + u32::from_le_bytes([low, high - 0xC0, 0, 0]));
                bytes = rest;
            }
            [high @ 0xF0..=0xFE, middle, low, ref rest @ ..] => {
                out.push(THREE + u32::from_le_bytes([low, middle, high - 0xF0, 0]));
                bytes = rest;
            }
            [0xFF, a, b, c, d, ref rest @ ..] => {
                out.push(u32::from_le_bytes([a, b, c, d]));
                bytes = rest;
            }
            _ => return Err(Fault::Damaged("a token is cut short")),
        }
    }
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
        decode(&bytes, &mut read).unwrap();
        assert_eq!(read, codes);
        assert!(decode(&bytes[..bytes.len() - 1], &mut Vec::new()).is_err());
    }
}
