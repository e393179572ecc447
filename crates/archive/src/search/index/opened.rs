//! Index files that stay open from one search to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use frontdesk_durable::Dir;

use super::blocks::Result;
use super::file::{FileEntry, IndexFile};

/// The files the last search used. Opening one reads all its checksums, which takes longer than most searches; what it says
/// afterwards is compared with them as it always is. Files that were merged away leave with the next search.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<Vec<Arc<IndexFile>>>);

impl Opened {
    /// The file that the manifest names, open.
    ///
    /// # Errors
    /// As [`IndexFile::open`].
    pub(super) fn file(&self, dir: &dyn Dir, archive: &[u8; 16], entry: FileEntry) -> Result<Arc<IndexFile>> {
        let open = self.lock().iter().find(|file| file.entry == entry).map(Arc::clone);
        match open {
            Some(file) => Ok(file),
            None => Ok(Arc::new(IndexFile::open(dir, archive, entry)?)),
        }
    }

    /// Keeps these and no others.
    pub(super) fn keep(&self, files: impl Iterator<Item = Arc<IndexFile>>) {
        let files = files.collect();
        // Closed when nobody waits for the lock.
        let before = std::mem::replace(&mut *self.lock(), files);
        drop(before);
    }

    /// Keeps none: one of them turned out not to be what it was.
    pub(crate) fn forget(&self) {
        self.keep(std::iter::empty());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<IndexFile>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
