//! How lines of the ledger write hashes and folders.

use frontdesk_durable::{Sha256Hash, from_hex, to_hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::layout::Folder;

/// A hash as hexadecimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Sha256Hash);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(text.as_bytes())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

/// A segment's folder as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderName(pub(crate) Folder);

impl Serialize for FolderName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FolderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Folder::parse(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not a folder of segments"))
    }
}
