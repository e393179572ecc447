//! SHA-256 values and their text form.

use sha2::{Digest, Sha256};

/// A SHA-256 value; as text, 64 lower-case hexadecimal digits ([`to_hex`]).
pub type Sha256Hash = [u8; 32];

/// The SHA-256 of some bytes.
///
/// ```
/// use frontdesk_durable::{sha256, to_hex};
/// assert!(to_hex(&sha256(b"abc")).starts_with("ba7816bf8f01cfea"));
/// ```
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256Hash {
    Sha256::digest(bytes).into()
}

/// A hash as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
#[must_use]
pub fn to_hex(hash: &Sha256Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(64);
    for byte in hash {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads what [`to_hex`] writes and nothing else: exactly 64 digits, lower case. `None` for anything other.
#[must_use]
pub fn from_hex(text: &[u8]) -> Option<Sha256Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_is_strict() {
        let hash = sha256(b"");
        let text = to_hex(&hash);
        assert_eq!(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(from_hex(text.as_bytes()), Some(hash));
        assert_eq!(from_hex(text.to_uppercase().as_bytes()), None);
        assert_eq!(from_hex(&text.as_bytes()[1..]), None);
        assert_eq!(from_hex(format!("{text}0").as_bytes()), None);
        assert_eq!(from_hex(text.replace('e', "g").as_bytes()), None);
    }
}
