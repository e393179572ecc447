//! Bytes as lower-case hexadecimal digits, as digests are written everywhere.

use std::fmt::Write as _;

/// Two lower-case digits a byte.
///
/// ```
/// assert_eq!(frontdesk_domain::hex(&[0, 0xAB]), "00ab");
/// ```
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
