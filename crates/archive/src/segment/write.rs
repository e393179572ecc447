//! Adding members to a segment that is not sealed.

use std::io;

use frontdesk_durable::{Dir, ReadAt, WriteAt};
use sha2::{Digest, Sha256};

use super::header::{Entry, Hash, Header};
use super::walk::{Identity, Place};
use crate::catalog::SegmentMark;
use crate::layout::{self, Folder};

/// A packed block that has no place yet.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) entries: Vec<Entry>,
    pub(crate) packed: Vec<u8>,
    pub(crate) packed_crc: u32,
    pub(crate) raw_length: u32,
}

/// A segment that takes more members.
///
/// Members are laid out in memory by [`Unsealed::append`], written by [`Unsealed::write`] and durable
/// after [`Unsealed::sync`]; a group of puts calls each once.
#[derive(Debug)]
pub(crate) struct Unsealed {
    pub(crate) identity: Identity,
    pub(crate) folder: Folder,
    /// Behind the last member laid out.
    pub(crate) place: Place,
    pub(crate) records: u64,
    pub(crate) raw_bytes: u64,
    /// Hash of the file so far, where this process wrote all of it.
    digest: Option<Sha256>,
    file: Option<Box<dyn WriteAt>>,
    /// Whether the file is there.
    created: bool,
    pending: Vec<u8>,
}

impl Unsealed {
    /// A new segment, whose file is not there yet.
    pub(crate) fn new(identity: Identity, folder: Folder) -> Self {
        let digest = Some(Sha256::new());
        Self { digest, created: false, ..Self::resume(identity, folder, Place::START, 0, 0) }
    }

    /// Goes on with a segment of an earlier run, whose members end at `place`.
    pub(crate) fn resume(
        identity: Identity,
        folder: Folder,
        place: Place,
        records: u64,
        raw_bytes: u64,
    ) -> Self {
        let pending = Vec::new();
        Self { identity, folder, place, records, raw_bytes, digest: None, file: None, created: true, pending }
    }

    pub(crate) fn is_created(&self) -> bool {
        self.created
    }

    /// Creates the file of a new segment, which must not be there. Its name is durable after its folder is synced.
    ///
    /// # Errors
    /// What the file system says; `AlreadyExists` when the number was used before.
    pub(crate) fn create(&mut self, dir: &dyn Dir) -> io::Result<()> {
        self.file = Some(dir.create(&self.path())?);
        self.created = true;
        Ok(())
    }

    pub(crate) fn path(&self) -> String {
        layout::segment(self.folder, self.identity.segment)
    }

    /// Packed bytes of the segment with everything laid out.
    pub(crate) fn length(&self) -> u64 {
        self.place.offset
    }

    /// What the catalog covers once everything laid out is in it.
    pub(crate) fn mark(&self, sealed: bool) -> SegmentMark {
        SegmentMark {
            folder: self.folder,
            sealed,
            place: self.place,
            records: self.records,
            raw_bytes: self.raw_bytes,
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Lays a member out behind the last one; returns its offset and number.
    pub(crate) fn append(&mut self, draft: Draft, archived_at: i64) -> (u64, u32) {
        let (offset, number) = (self.place.offset, self.place.number);
        let header = Header {
            archive: self.identity.archive,
            segment: self.identity.segment,
            number,
            previous: self.place.previous,
            packed_length: u32::try_from(draft.packed.len()).unwrap_or(u32::MAX),
            raw_length: draft.raw_length,
            archived_at,
            packed_crc: draft.packed_crc,
            entries: draft.entries,
        };
        let start = self.pending.len();
        let previous = header.encode(&mut self.pending);
        self.pending.extend_from_slice(&draft.packed);
        self.place =
            Place { offset: offset + (self.pending.len() - start) as u64, number: number + 1, previous };
        self.records += header.entries.len() as u64;
        self.raw_bytes += header.entries.iter().map(|entry| u64::from(entry.length)).sum::<u64>();
        (offset, number)
    }

    /// Writes what was laid out at the place where the file is known to end.
    ///
    /// # Errors
    /// What the file system says; the handle is poisoned then.
    pub(crate) fn write(&mut self, dir: &dyn Dir) -> io::Result<()> {
        let at = self.place.offset - self.pending.len() as u64;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(dir.open_write(&layout::segment(self.folder, self.identity.segment))?),
        };
        file.write_at(at, &self.pending)?;
        if let Some(digest) = &mut self.digest {
            digest.update(&self.pending);
        }
        // An archive may have a segment for each of many months: none keeps memory between groups.
        self.pending = Vec::new();
        Ok(())
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the file system says; the handle is poisoned then.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.sync_data())
    }

    /// Gives the file handle back; the next [`Unsealed::write`] opens it again.
    pub(crate) fn release(&mut self) {
        self.file = None;
    }

    /// SHA-256 of the whole file.
    ///
    /// # Errors
    /// What the file system says, when the file must be read for it.
    pub(crate) fn sha256(&self, dir: &dyn Dir) -> io::Result<Hash> {
        match &self.digest {
            Some(digest) => Ok(digest.clone().finalize().into()),
            None => file_sha256(&*dir.open_read(&self.path())?, self.place.offset),
        }
    }
}

/// SHA-256 of the first `length` bytes of a file.
///
/// # Errors
/// What the file system says; `UnexpectedEof` when it is shorter.
pub(crate) fn file_sha256(file: &dyn ReadAt, length: u64) -> io::Result<Hash> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut offset = 0;
    while offset < length {
        let wanted = (length - offset).min(buffer.len() as u64) as usize;
        file.read_exact_at(offset, &mut buffer[..wanted])?;
        digest.update(&buffer[..wanted]);
        offset += wanted as u64;
    }
    Ok(digest.finalize().into())
}
