//! Storing records: compare, number, pack, write, make durable, acknowledge.

mod assemble;
mod commit;
mod decide;
mod prepare;
mod queue;
mod stable;

pub(crate) use commit::{Store, publish_sum, sealing};
pub(crate) use prepare::Preparing;
pub use queue::Pending;
pub(crate) use queue::{Queue, queue};
pub(crate) use stable::Stable;

use std::fmt;

use frontdesk_domain::media::{MediaFile, media_files};
use frontdesk_domain::payload::{self, Facts};
use frontdesk_domain::{RawRecord, RecordError, RecordKey, RecordKind, Timestamp};
use frontdesk_durable::Sha256Hash;

use crate::catalog;
use crate::layout::Folder;

/// A record that is ready to be stored: hashed, and with what the catalog knows about it.
///
/// Making one is the expensive part of a put that needs no order: do it on the thread that has the bytes.
pub struct Prepared {
    pub(crate) record: RawRecord,
    pub(crate) sha256: Sha256Hash,
    /// What versions are compared by.
    pub(crate) stable: Stable,
    pub(crate) key_hash: i64,
    pub(crate) started_at: Option<i64>,
    pub(crate) folder: Folder,
    /// Whether the payload states the id of the key, so that nothing else need.
    pub(crate) carries_id: bool,
    /// Files it refers to.
    pub(crate) media: Vec<MediaFile>,
}

impl Prepared {
    /// Prepares a record; `facts` are those of its bytes.
    #[must_use]
    pub fn new(record: RawRecord, facts: Facts) -> Self {
        let key = record.key();
        let carries_id = payload::carries_id(key.kind, record.bytes()).is_some_and(|id| id == key.id);
        Self::with(record, &facts, carries_id)
    }

    /// Reads and prepares a conversation in any of the contract's three line forms (contract §5, import),
    /// in one scan of its bytes.
    ///
    /// ```
    /// let prepared = frontdesk_archive::Prepared::from_details(br#"{"id": "c-1"}"#.to_vec())?;
    /// assert_eq!(prepared.key().id.as_str(), "c-1");
    /// # Ok::<(), frontdesk_domain::RecordError>(())
    /// ```
    ///
    /// # Errors
    /// Says why the bytes are not a conversation.
    pub fn from_details(line: Vec<u8>) -> Result<Self, RecordError> {
        let (record, facts) = payload::take_details(line)?;
        Ok(Self::with(record, &facts, true))
    }

    fn with(record: RawRecord, facts: &Facts, carries_id: bool) -> Self {
        let sha256 = frontdesk_durable::sha256(record.bytes());
        Self {
            sha256,
            stable: Stable::of(record.key().kind, record.bytes(), sha256),
            key_hash: catalog::key_hash(record.key()),
            started_at: facts.started_at.map(Timestamp::as_micros),
            folder: Folder::of(facts.started_at),
            carries_id,
            media: match record.key().kind {
                RecordKind::Media => media_files(record.bytes()),
                _ => Vec::new(),
            },
            record,
        }
    }

    /// The record's key.
    #[must_use]
    pub fn key(&self) -> &RecordKey {
        self.record.key()
    }

    /// SHA-256 of the record's exact bytes.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Hash {
        &self.sha256
    }

    /// Bytes of the record.
    #[must_use]
    pub fn length(&self) -> usize {
        self.record.bytes().len()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("key", self.key())
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

/// What became of a record that was put. All of these are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutOutcome {
    /// The first version of its key was stored.
    Stored,
    /// The key was there with other bytes; these are its next version.
    VersionAdded {
        /// The number of the version stored.
        version: u32,
    },
    /// The latest version of the key has these very bytes, or differs from them only in what is signed anew each time, or
    /// in attributes that one of them does not tell ([`payload::stable`]); nothing was written.
    Unchanged {
        /// The number of that version.
        version: u32,
    },
    /// The key was removed by retention and does not come back; nothing was written.
    Expired,
}
