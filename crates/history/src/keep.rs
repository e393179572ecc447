//! Where the files of messages are kept: in the archive, with a record that says what became of each.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_archive::{MediaDraft, MediaPut, Prepared, PutOutcome, ReadOptions, Reader, Writer};
use frontdesk_domain::media::{MediaEntry, MediaFile, MediaListing, MediaState};
use frontdesk_domain::message::HistoryTarget;
use frontdesk_domain::{RawRecord, RecordId, RecordKey, RecordKind, payload};
use frontdesk_durable::Dir;

use crate::destination::Finished;
use crate::pull::StoreError;

/// Keeps the files of messages in an archive: their bytes as `media/<sha256>`, and for each conversation a record of kind
/// `media` that says of each message what became of its file (docs/history.md).
///
/// A file that is kept is not asked for again, whatever became of its link since; one of a conversation that retention
/// removed is not asked for at all.
pub struct MediaArchive {
    writer: Arc<Writer>,
    reader: Reader,
    limit: u64,
}

impl MediaArchive {
    /// The archive in `dir`, which `writer` has open. A file of more than `limit` bytes is not kept.
    ///
    /// # Errors
    /// What the archive's [`Reader::open_in`] says.
    pub fn new(dir: Arc<dyn Dir>, writer: Arc<Writer>, limit: u64) -> Result<Self, frontdesk_archive::Error> {
        let reader = Reader::open_in(dir, &ReadOptions::default())?;
        Ok(Self { writer, reader, limit })
    }

    /// The largest file that is kept, in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What is kept of a conversation already, by message; `None` where nothing may be, because retention removed it.
    pub(crate) fn kept(&self, target: &HistoryTarget) -> Result<Option<Kept>, StoreError> {
        let id = target.conversation();
        if self.reader.tombstone(id)?.is_some() {
            return Ok(None);
        }
        let mut kept = Kept::new();
        let Some(record) = self.reader.show(&key(id), None)? else { return Ok(Some(kept)) };
        for entry in MediaListing::read(&record.bytes).unwrap_or_default().media {
            // One that was damaged and is missing is asked for again.
            if let Some(file) = entry.file()
                && self.writer.has_media(&file)?
            {
                kept.insert(entry.message_id, (file, entry.content_type));
            }
        }
        Ok(Some(kept))
    }

    pub(crate) fn has(&self, file: &MediaFile) -> Result<bool, StoreError> {
        Ok(self.writer.has_media(file)?)
    }

    pub(crate) fn begin(&self) -> Result<MediaDraft, StoreError> {
        Ok(self.writer.begin_media()?)
    }

    /// Stores the record of a history whose links were asked; says what the archive made of it.
    pub(crate) fn put(&self, history: &Finished<'_>) -> Result<Option<&'static str>, StoreError> {
        if history.report().media.as_ref().is_none_or(BTreeMap::is_empty) {
            return Ok(None);
        }
        let mut listing = MediaListing::default();
        let mut size = 0;
        let mut is_large = false;
        history.each_media(&mut |report| {
            is_large |= size > frontdesk_archive::RECORD_LIMIT;
            if is_large {
                return Ok(());
            }
            let saved = report.state == MediaState::Saved;
            listing.media.push(MediaEntry {
                message_id: report.message_id.clone(),
                state: report.state,
                sha256: report.sha256,
                bytes: report.bytes,
                content_type: report.content_type.clone(),
                expires_at: report.expires_at.filter(|_| !saved),
            });
            size += ENTRY + report.message_id.as_str().len();
            Ok(())
        })?;
        if is_large || size > frontdesk_archive::RECORD_LIMIT {
            return Ok(Some("too_large"));
        }
        let bytes = listing.to_bytes();
        let facts = payload::facts(RecordKind::Media, &bytes);
        let record = RawRecord::from_parts(key(history.report().target.conversation()), bytes);
        match self.writer.put_media(Prepared::new(record.map_err(io::Error::other)?, facts))? {
            MediaPut::Put(outcome) => Ok(Some(named(&outcome))),
            // They were there when the conversation was taken up, and this process alone writes.
            MediaPut::Missing(hash) => {
                Err(io::Error::new(io::ErrorKind::NotFound, format!("media/{hash} is gone")).into())
            }
            other => Err(io::Error::other(format!("{other:?}")).into()),
        }
    }

    /// The run ended: takes away the files that no record refers to.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        self.writer.sweep_media()?;
        Ok(())
    }
}

impl fmt::Debug for MediaArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaArchive").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Bytes of an entry without its message's id, at most: names, hash, type, numbers.
const ENTRY: usize = 512;

/// What is kept, by message.
pub(crate) type Kept = BTreeMap<RecordId, (MediaFile, Option<String>)>;

fn key(id: &RecordId) -> RecordKey {
    RecordKey { kind: RecordKind::Media, id: id.clone() }
}

/// What became of a record, as reports say it.
pub(crate) fn named(outcome: &PutOutcome) -> &'static str {
    match outcome {
        PutOutcome::Stored => "stored",
        PutOutcome::VersionAdded { .. } => "version_added",
        PutOutcome::Expired => "expired",
        _ => "unchanged",
    }
}
