//! Our one wrapper around HMAC-SHA256.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 (RFC 2104) of the parts, one after the other.
///
/// ```
/// let tag = frontdesk_journal::mac::hmac_sha256(b"key", &[b"The quick brown fox ", b"jumps over the lazy dog"]);
/// assert_eq!(tag[..4], [0xf7, 0xbc, 0x83, 0xf4]);
/// ```
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

/// Whether `tag` is the HMAC-SHA256 of the parts. Takes the same time wherever they differ; a tag of another length
/// than 32 bytes is none.
#[must_use]
pub fn hmac_sha256_is(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    keyed(key, parts).verify_slice(tag).is_ok()
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of every length"),
    };
    for part in parts {
        mac.update(part);
    }
    mac
}
