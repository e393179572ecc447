//! The record of kind `media`: what became of the files of one conversation's messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MediaState;
use crate::{RecordId, Timestamp};

/// SHA-256 of a file's bytes: its name in the archive. Written as 64 lower-case hex digits.
///
/// ```
/// use frontdesk_domain::media::MediaHash;
///
/// let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(text.parse::<MediaHash>()?.to_string(), text);
/// assert!(text.to_uppercase().parse::<MediaHash>().is_err());
/// # Ok::<(), frontdesk_domain::media::MediaHashError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaHash(pub [u8; 32]);

/// The text is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file is named by its SHA-256, 64 lower-case hex digits")]
pub struct MediaHashError;

impl FromStr for MediaHash {
    type Err = MediaHashError;

    fn from_str(text: &str) -> Result<Self, MediaHashError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(MediaHashError);
        }
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(MediaHashError),
        };
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for MediaHash {
    type Error = MediaHashError;

    fn try_from(text: String) -> Result<Self, MediaHashError> {
        text.parse()
    }
}

impl From<MediaHash> for String {
    fn from(hash: MediaHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for MediaHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

/// A file whose bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaFile {
    /// SHA-256 of its bytes.
    pub sha256: MediaHash,
    /// How many they are.
    pub bytes: u64,
}

/// What became of the file of one message: an entry of the record. What changes from one asking to the next (statuses,
/// reasons) is not in it, so that an equal outcome is an equal record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaEntry {
    /// The message it goes with.
    pub message_id: RecordId,
    /// What became of it.
    pub state: MediaState,
    /// SHA-256 of its bytes; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<MediaHash>,
    /// How many bytes it has; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What its server said it is; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Until when its link was good, where it said so; of a file that is not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl MediaEntry {
    /// The file, where it is saved.
    #[must_use]
    pub fn file(&self) -> Option<MediaFile> {
        Some(MediaFile { sha256: self.sha256?, bytes: self.bytes? })
    }
}

/// A record of kind `media`.
///
/// ```
/// use frontdesk_domain::media::{MediaEntry, MediaListing, MediaState, media_files};
///
/// let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
/// let saved = MediaEntry {
///     message_id: "m-1".parse()?,
///     state: MediaState::Saved,
///     sha256: Some(hash),
///     bytes: Some(0),
///     content_type: None,
///     expires_at: None,
/// };
/// let bytes = MediaListing { media: vec![saved] }.to_bytes();
/// assert_eq!(media_files(&bytes)[0].sha256, hash);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MediaListing {
    /// The files, by message.
    pub media: Vec<MediaEntry>,
}

impl MediaListing {
    /// Reads the bytes of a record; `None` where they are no such record.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The bytes of the record: compact, by message, so that an equal outcome gives equal bytes.
    #[must_use]
    pub fn to_bytes(mut self) -> Vec<u8> {
        self.media.sort_by(|a, b| a.message_id.cmp(&b.message_id));
        // Text and numbers only, so this does not fail.
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

/// The files that the bytes of a record of kind `media` refer to, each once, by hash. Like every extractor it never fails:
/// what cannot be read refers to nothing.
#[must_use]
pub fn media_files(bytes: &[u8]) -> Vec<MediaFile> {
    let listing = MediaListing::read(bytes).unwrap_or_default();
    let mut files: Vec<MediaFile> = listing.media.iter().filter_map(MediaEntry::file).collect();
    files.sort_unstable();
    files.dedup_by_key(|file| file.sha256);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str, digit: char) -> MediaEntry {
        MediaEntry {
            message_id: message.parse().unwrap(),
            state: MediaState::Saved,
            sha256: Some(digit.to_string().repeat(64).parse().unwrap()),
            bytes: Some(7),
            content_type: Some("image/png".to_owned()),
            expires_at: None,
        }
    }

    #[test]
    fn an_equal_outcome_gives_equal_bytes_whatever_order_it_came_in() {
        let gone = MediaEntry {
            state: MediaState::Expired,
            sha256: None,
            bytes: None,
            content_type: None,
            ..entry("m-3", 'a')
        };
        let one = MediaListing { media: vec![entry("m-2", 'b'), entry("m-1", 'a'), gone.clone()] };
        let other = MediaListing { media: vec![gone, entry("m-1", 'a'), entry("m-2", 'b')] };
        let bytes = one.to_bytes();
        assert_eq!(bytes, other.to_bytes());
        let files = media_files(&bytes);
        assert_eq!(files.iter().map(|file| file.sha256.0[0]).collect::<Vec<_>>(), [0xaa, 0xbb]);
        assert_eq!(MediaListing::read(&bytes).unwrap().to_bytes(), bytes);
    }

    #[test]
    fn what_is_no_record_refers_to_nothing_and_a_file_of_two_messages_is_one() {
        for bytes in
            [&b""[..], b"{}", b"[]", br#"{"media":[{"message_id":"m","state":"saved","sha256":"AB"}]}"#]
        {
            assert_eq!(media_files(bytes), [], "{bytes:?}");
        }
        let twice = MediaListing { media: vec![entry("m-1", 'c'), entry("m-2", 'c')] };
        assert_eq!(media_files(&twice.to_bytes()).len(), 1);
        for text in ["", "ab", &"g".repeat(64), &"A".repeat(64), &"a".repeat(65), &"a".repeat(66)] {
            assert!(text.parse::<MediaHash>().is_err(), "{text}");
        }
    }
}
