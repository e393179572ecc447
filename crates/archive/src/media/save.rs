//! Saving files, and the record that refers to them.

use std::fmt;
use std::sync::Arc;

use frontdesk_domain::media::{MediaFile, MediaHash};
use frontdesk_durable::{Dir, Staged, ensure_dir};
use sha2::{Digest, Sha256};

use super::{Bytes, check, sweep, sync, unmark};
use crate::catalog;
use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;
use crate::put::{Prepared, PutOutcome};
use crate::writer::Writer;

/// What became of a record of kind `media` that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaPut {
    /// What becomes of any record. Its files are durable, too.
    Put(PutOutcome),
    /// It refers to this file, which is not there: nothing was written. Save the file first.
    Missing(MediaHash),
}

impl Writer {
    /// Begins to save a file. Several can be on their way at once.
    ///
    /// A file counts from when a record that refers to it is put with [`Writer::put_media`]; until then
    /// [`Writer::sweep_media`] takes it away again, and so does the next maintenance.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use frontdesk_archive::{MediaPut, Prepared, PutOutcome, ReadOptions, Reader, Settings, Writer};
    /// use frontdesk_domain::media::{MediaEntry, MediaListing, MediaState};
    /// use frontdesk_domain::{RawRecord, RecordKey, RecordKind, Timestamp, payload};
    ///
    /// # let temp = tempfile::tempdir()?;
    /// # let root = temp.path().join("archive");
    /// let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH))?;
    /// let mut draft = writer.begin_media()?;
    /// draft.write(b"the bytes of a picture")?;
    /// let file = draft.finish()?;
    ///
    /// let entry = MediaEntry {
    ///     message_id: "m-1".parse()?,
    ///     state: MediaState::Saved,
    ///     sha256: Some(file.sha256),
    ///     bytes: Some(file.bytes),
    ///     content_type: Some("image/png".to_owned()),
    ///     expires_at: None,
    /// };
    /// let bytes = MediaListing { media: vec![entry] }.to_bytes();
    /// let facts = payload::facts(RecordKind::Media, &bytes);
    /// let key = RecordKey { kind: RecordKind::Media, id: "c-1".parse()? };
    /// let put = writer.put_media(Prepared::new(RawRecord::from_parts(key, bytes)?, facts))?;
    /// assert_eq!(put, MediaPut::Put(PutOutcome::Stored));
    /// writer.close()?;
    ///
    /// let mut bytes = Vec::new();
    /// let reader = Reader::open(&root, &ReadOptions::default())?;
    /// reader.media(&file.sha256, &mut |piece| Ok::<(), frontdesk_archive::Error>(bytes.extend_from_slice(piece)))?;
    /// assert_eq!(bytes, b"the bytes of a picture");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Storage`: what the file system says.
    pub fn begin_media(&self) -> Result<MediaDraft, Error> {
        for folder in [layout::MEDIA, layout::INCOMING] {
            if self.dir.metadata(folder).is_err() {
                ensure_dir(&*self.dir, folder).during(Action::Write, folder)?;
            }
        }
        let staged =
            Staged::create(self.dir.clone(), layout::INCOMING).during(Action::Write, layout::INCOMING)?;
        Ok(MediaDraft { dir: self.dir.clone(), staged, digest: Sha256::new() })
    }

    /// Puts a record of kind `media`, and returns when it and the files it refers to are durable.
    ///
    /// # Errors
    /// As [`Writer::put`].
    pub fn put_media(&self, record: Prepared) -> Result<MediaPut, Error> {
        let files = record.media.clone();
        for file in &files {
            let path = layout::media(&file.sha256);
            match self.dir.metadata(&path) {
                Ok(metadata) if metadata.len == file.bytes => {}
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).during(Action::Put, &path);
                }
                _ => return Ok(MediaPut::Missing(file.sha256)),
            }
        }
        if !files.is_empty() {
            // Somebody else's file, which this record refers to as well, may have its name only in memory yet.
            sync(&*self.dir)?;
        }
        let outcomes = self.put(vec![record])?;
        let Some(outcome) = outcomes.first() else {
            return Err(Error::new(Action::Put, "the archive", ErrorKind::Poisoned));
        };
        if *outcome != PutOutcome::Expired {
            files.iter().try_for_each(|file| unmark(&*self.dir, &file.sha256))?;
        }
        Ok(MediaPut::Put(*outcome))
    }

    /// Whether a file of this hash and length is there, referred to or not.
    ///
    /// # Errors
    /// What the file system says.
    pub fn has_media(&self, file: &MediaFile) -> Result<bool, Error> {
        let path = layout::media(&file.sha256);
        match self.dir.metadata(&path) {
            Ok(metadata) => Ok(metadata.len == file.bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).during(Action::Read, &path),
        }
    }

    /// Takes away the files that no record refers to, and says how many they were. Not while any is being saved.
    ///
    /// # Errors
    /// `Catalog`, and what the file system says.
    pub fn sweep_media(&self) -> Result<u64, Error> {
        match catalog::open_for_reading(&*self.dir)? {
            Some(catalog) => sweep(&*self.dir, &catalog),
            None => Ok(0),
        }
    }
}

/// A file on its way into the archive. One that is dropped leaves nothing.
pub struct MediaDraft {
    dir: Arc<dyn Dir>,
    staged: Staged,
    digest: Sha256,
}

impl MediaDraft {
    /// Adds bytes at its end.
    ///
    /// # Errors
    /// `Storage`: what the file system says. The file cannot be finished any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.digest.update(bytes);
        self.staged.write(bytes).during(Action::Write, layout::INCOMING)
    }

    /// The file is whole: it is in the archive, durable, and marked as one that nothing refers to yet. One that was there
    /// already stays as it is, unless its bytes are damaged: then these take its place.
    ///
    /// # Errors
    /// `Storage`: what the file system says.
    pub fn finish(self) -> Result<MediaFile, Error> {
        let Self { dir, staged, digest } = self;
        let file = MediaFile { sha256: MediaHash(digest.finalize().into()), bytes: staged.length() };
        let path = layout::media(&file.sha256);
        if check(&*dir, &file.sha256, Action::Write)? == Bytes::Good {
            return Ok(file);
        }
        let mark = layout::mark(&file.sha256);
        match dir.create(&mark) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => drop(other.during(Action::Write, &mark)?),
        }
        dir.sync_dir(layout::INCOMING).during(Action::Write, layout::INCOMING)?;
        staged.publish(&path).during(Action::Write, &path)?;
        Ok(file)
    }
}

impl fmt::Debug for MediaDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaDraft").field("length", &self.staged.length()).finish_non_exhaustive()
    }
}
