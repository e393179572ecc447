//! What stays open, and in memory, from one search to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use frontdesk_durable::Dir;

use super::Index;
use super::blocks::Result;
use super::file::{FileEntry, IndexFile};
use super::held::{Held, ROOM, Room};

/// The index as the last search had it. Opening a file reads all its checksums, which takes longer than most searches; what it says
/// afterwards is compared with them as it always is. Files that were merged away leave with the next search.
///
/// For who answers many searches blocks are held, too, as far as there is room ([`Held`]).
#[derive(Debug, Default)]
pub(crate) struct Opened {
    last: Mutex<Last>,
    room: Option<Arc<Room>>,
}

#[derive(Debug, Default)]
struct Last {
    /// The bytes of the manifest, and what it names.
    index: Option<(Vec<u8>, Arc<Index>)>,
    /// What a reader before held of files that this one has not opened yet.
    inherited: Vec<(FileEntry, Arc<Held>)>,
}

impl Opened {
    /// Holds in memory what searches look at again and again.
    pub(crate) fn holding() -> Self {
        Self { room: Some(Room::new(ROOM)), ..Self::default() }
    }

    /// What a new reader of the same archive begins with: nothing is open, and checked on opening, but what is held of a file
    /// that turns out to be the same need not be read again.
    pub(crate) fn renewed(&self) -> Self {
        let last = self.lock();
        let mut inherited = last.inherited.clone();
        for part in last.index.iter().flat_map(|(_, index)| &index.files) {
            inherited.extend(part.file.held().map(|held| (part.file.entry, Arc::clone(held))));
        }
        Self { last: Mutex::new(Last { index: None, inherited }), room: self.room.clone() }
    }

    /// The index that a manifest of these bytes names, where all of it is open.
    pub(super) fn index(&self, manifest: &[u8]) -> Option<Arc<Index>> {
        let last = self.lock();
        let (bytes, index) = last.index.as_ref()?;
        (bytes == manifest && index.broken.is_empty()).then(|| Arc::clone(index))
    }

    /// The file that the manifest names, open.
    ///
    /// # Errors
    /// As [`IndexFile::open`].
    pub(super) fn file(&self, dir: &dyn Dir, archive: &[u8; 16], entry: FileEntry) -> Result<Arc<IndexFile>> {
        let (open, inherited) = {
            let last = self.lock();
            let mut files = last.index.iter().flat_map(|(_, index)| &index.files).map(|part| &part.file);
            let open = files.find(|file| file.entry == entry).map(Arc::clone);
            let inherited = last.inherited.iter().find(|(before, _)| *before == entry);
            (open, inherited.map(|(_, held)| Arc::clone(held)))
        };
        if let Some(file) = open {
            return Ok(file);
        }
        // The entry has the hash of the checksums, so that what they said of a block is still true.
        let held =
            |blocks| inherited.or_else(|| Some(Arc::new(Held::new(blocks, Arc::clone(self.room.as_ref()?)))));
        Ok(Arc::new(IndexFile::open_with(dir, archive, entry, held)?))
    }

    /// Keeps this index, with the manifest that names it, and no other.
    pub(super) fn keep(&self, manifest: Vec<u8>, index: &Arc<Index>) {
        let last = Last { index: Some((manifest, Arc::clone(index))), inherited: Vec::new() };
        // Closed when nobody waits for the lock.
        let before = std::mem::replace(&mut *self.lock(), last);
        drop(before);
    }

    /// Keeps nothing: a file turned out not to be what it was.
    pub(crate) fn forget(&self) {
        let before = std::mem::take(&mut *self.lock());
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
