//! Heads: how many entries there are and what the last one's hash is, signed.

use frontdesk_domain::Timestamp;
use frontdesk_durable::{from_hex, to_hex};
use serde::{Deserialize, Serialize};

use crate::chain::Hash;
use crate::keys::{Key, KeyRing};
use crate::mac::{hmac_sha256, hmac_sha256_is};

/// A signed statement: this journal has `count` entries, and the last one has this hash.
///
/// Kept elsewhere it is what a copy of the journal is checked against: an older copy, and one that was cut or written
/// anew, does not agree with it.
///
/// As JSON: `{"journal", "count", "hash", "key_id", "at", "mac"}`, hashes in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HeadText", into = "HeadText")]
pub struct Head {
    /// The journal's id.
    pub journal: String,
    /// Entries.
    pub count: u64,
    /// Hash of the last of them.
    pub hash: [u8; 32],
    /// Id of the key that signed.
    pub key_id: String,
    /// When it was signed.
    pub at: Timestamp,
    /// HMAC-SHA256 over the other fields.
    pub mac: [u8; 32],
}

impl Head {
    /// Signs.
    pub(crate) fn sign(journal: &str, count: u64, hash: Hash, key: &Key, at: Timestamp) -> Self {
        // What is stored is exact to the microsecond, and so is what is signed.
        let at = Timestamp::from_micros(at.as_micros()).unwrap_or(at);
        let mut head =
            Self { journal: journal.to_owned(), count, hash, key_id: key.id().to_owned(), at, mac: [0; 32] };
        head.mac = hmac_sha256(key.bytes(), &[head.message().as_bytes()]);
        head
    }

    /// The bytes that are signed: six lines, so that `openssl dgst -hmac` can do it too.
    #[must_use]
    pub fn message(&self) -> String {
        let hash = to_hex(&self.hash);
        format!(
            "frontdesk-journal-head-v1\n{}\n{}\n{hash}\n{}\n{}\n",
            self.journal, self.count, self.key_id, self.at
        )
    }

    /// Whether a key of the ring signed this. `None` when the ring does not have the key it names.
    #[must_use]
    pub fn is_signed_by(&self, ring: &KeyRing) -> Option<bool> {
        let key = ring.get(&self.key_id)?;
        Some(hmac_sha256_is(key.bytes(), &[self.message().as_bytes()], &self.mac))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadText {
    journal: String,
    count: u64,
    hash: String,
    key_id: String,
    at: Timestamp,
    mac: String,
}

impl From<Head> for HeadText {
    fn from(head: Head) -> Self {
        Self {
            hash: to_hex(&head.hash),
            mac: to_hex(&head.mac),
            journal: head.journal,
            count: head.count,
            key_id: head.key_id,
            at: head.at,
        }
    }
}

impl TryFrom<HeadText> for Head {
    type Error = &'static str;

    fn try_from(text: HeadText) -> Result<Self, Self::Error> {
        let hex = |text: &str| from_hex(text.as_bytes()).ok_or("a hash is 64 lower-case hexadecimal digits");
        Ok(Self {
            hash: hex(&text.hash)?,
            mac: hex(&text.mac)?,
            journal: text.journal,
            count: text.count,
            key_id: text.key_id,
            at: text.at,
        })
    }
}
