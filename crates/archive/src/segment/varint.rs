//! Unsigned LEB128, shortest form only: one number has one spelling, so no bit can flip unseen.

/// Appends `value` in seven-bit groups, lowest first.
pub(crate) fn encode(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`encode`] takes for `value`.
pub(crate) fn length(value: u64) -> usize {
    let bits = (u64::BITS - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

/// Reads a number from the beginning of `bytes`; `None` when it is cut short, too large or not in
/// its shortest form.
pub(crate) fn decode(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate() {
        let group = u64::from(byte & 0x7f);
        let shift = 7 * u32::try_from(index).ok()?;
        if shift >= 64 || (group << shift) >> shift != group {
            return None;
        }
        value |= group << shift;
        if byte & 0x80 == 0 {
            let shortest = byte != 0 || index == 0;
            return shortest.then_some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_longer_spelling_of_a_number_is_refused() {
        assert_eq!(decode(&[0]), Some((0, &[][..])));
        assert_eq!(decode(&[0x80, 0]), None);
        assert_eq!(decode(&[0xff, 0x00]), None);
        assert_eq!(decode(&[0x80]), None);
        assert_eq!(decode(&[0xff; 11]), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value: u64, tail: Vec<u8>) {
            let mut bytes = Vec::new();
            encode(value, &mut bytes);
            prop_assert_eq!(bytes.len(), length(value));
            bytes.extend_from_slice(&tail);
            prop_assert_eq!(decode(&bytes), Some((value, &tail[..])));
        }

        #[test]
        fn what_is_decoded_is_encoded_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Some((value, rest)) = decode(&bytes) {
                let mut again = Vec::new();
                encode(value, &mut again);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
