//! The files that go with messages: `media/<sha256>`, which records of kind `media` refer to.
//!
//! A file is there before the record that refers to it, and both are durable before the record is acknowledged. Until
//! then a *mark*, an empty file `incoming/<sha256>`, says that nothing may refer to it: what a stop leaves is known by
//! its mark, so that neither an orphan nor a missing file goes unnoticed. Where the last record that refers to a file is
//! removed, the file goes before the record's bytes do, so that a stop in between is finished with the segment.

mod read;
mod save;

use frontdesk_domain::media::MediaHash;
use frontdesk_durable::{Dir, EntryKind, STAGE_PREFIX, sweep_stages};

use crate::catalog::Catalog;
use crate::error::{Action, During, Error};
use crate::layout;

pub use read::{MediaBytes, MediaStats};
pub use save::{MediaDraft, MediaPut};

pub(crate) use read::{Bytes, check};

/// What a name in `media/` or `incoming/` stands for; `None` where it is none of ours.
pub(crate) fn hash_of(name: &str) -> Option<MediaHash> {
    name.parse().ok()
}

/// The files that nothing may refer to, by their marks. Empty where nothing was ever saved.
pub(crate) fn marks(dir: &dyn Dir, action: Action) -> Result<Vec<MediaHash>, Error> {
    let entries = match dir.list(layout::INCOMING) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.during(action, layout::INCOMING)?,
    };
    let files = entries.iter().filter(|entry| entry.kind == EntryKind::File);
    Ok(files.filter_map(|entry| hash_of(&entry.name)).collect())
}

/// After an unclean stop, alone: takes away stages, and the marks of what is referred to.
pub(crate) fn settle(dir: &dyn Dir, catalog: &Catalog) -> Result<(), Error> {
    if dir.metadata(layout::INCOMING).is_err() {
        return Ok(());
    }
    sweep_stages(dir, layout::INCOMING).during(Action::Recover, layout::INCOMING)?;
    for hash in marks(dir, Action::Recover)? {
        if catalog.refers_to(&hash.0)? {
            unmark(dir, &hash)?;
        }
    }
    Ok(())
}

/// Takes away the files that nothing refers to, by their marks. Only while nothing is being saved.
pub(crate) fn sweep(dir: &dyn Dir, catalog: &Catalog) -> Result<u64, Error> {
    let mut swept = 0;
    for hash in marks(dir, Action::Recover)? {
        if !catalog.refers_to(&hash.0)? {
            swept += 1;
            remove(dir, &layout::media(&hash))?;
            sync(dir)?;
        }
        unmark(dir, &hash)?;
    }
    Ok(swept)
}

/// Takes away the files that only removed records of this segment refer to, before the bytes of those records go.
pub(crate) fn forget_hidden(dir: &dyn Dir, catalog: &Catalog, segment: u32) -> Result<(), Error> {
    let alone = catalog.of_hidden_alone(segment)?;
    for hash in &alone {
        remove(dir, &layout::media(&MediaHash(*hash)))?;
    }
    if alone.is_empty() { Ok(()) } else { sync(dir) }
}

pub(crate) fn unmark(dir: &dyn Dir, hash: &MediaHash) -> Result<(), Error> {
    remove(dir, &layout::mark(hash))
}

pub(crate) fn sync(dir: &dyn Dir) -> Result<(), Error> {
    match dir.sync_dir(layout::MEDIA) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.during(Action::Write, layout::MEDIA),
    }
}

fn remove(dir: &dyn Dir, path: &str) -> Result<(), Error> {
    match dir.remove(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.during(Action::Compact, path),
    }
}

/// Whether a name in these folders is an unfinished one of ours.
pub(crate) fn is_stage(name: &str) -> bool {
    name.starts_with(STAGE_PREFIX)
}
