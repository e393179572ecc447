//! What an entry's hash covers, byte by byte (`docs/journal.md`).

use sha2::{Digest, Sha256};

use crate::mac::hmac_sha256;

/// A SHA-256 value.
pub(crate) type Hash = [u8; 32];

const GENESIS: &[u8] = b"frontdesk-journal-v1\n";
const ENTRY: &[u8] = b"frontdesk-journal-entry-v1\n";
const FIELD: &[u8] = b"frontdesk-journal-field-v1\n";

/// Bytes of a salt.
pub(crate) const SALT: usize = 32;

/// What the first entry of a journal follows.
pub(crate) fn genesis(journal: &str) -> Hash {
    let mut digest = Sha256::new();
    digest.update(GENESIS);
    digest.update(journal.as_bytes());
    digest.finalize().into()
}

/// The hash of an entry: of the hash before it and its body.
pub(crate) fn link(previous: &Hash, body: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(ENTRY);
    digest.update(previous);
    digest.update(body);
    digest.finalize().into()
}

/// What stands in a body for a personal value: HMAC-SHA256 with the salt as its key. Without salt and value it says
/// nothing about the value, however few values there can be.
pub(crate) fn commitment(salt: &[u8], field: &str, value: &[u8]) -> Hash {
    hmac_sha256(salt, &[FIELD, field.as_bytes(), b"\n", value])
}

/// A checksum of a row that no chain covers, so that a flipped bit does not pass for an answer. Against accidents only:
/// it has no key.
pub(crate) fn row_sum(fields: &[&[u8]]) -> [u8; 8] {
    let mut digest = Sha256::new();
    for field in fields {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field);
    }
    let hash: Hash = digest.finalize().into();
    let [first, ..] = hash.as_chunks::<8>().0 else { return [0; 8] };
    *first
}
