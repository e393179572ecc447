//! Merging: which files become one, and how.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use frontdesk_durable::Dir;
use roaring::RoaringBitmap;

use super::documents::FileSource;
use super::file::{FileEntry, IndexFile};
use super::manifest::Listed;
use super::source::Source;
use super::write::{self, Target, Unwritten};

/// Files of about one size that become one.
const FAN_IN: usize = 8;

/// Bytes of a file that counts as small.
const SMALL: u64 = 2 * 1024 * 1024;

/// Documents and bytes that a merged file may have: merging keeps a few bytes a document in memory, and a place among
/// the tokens of a file has 32 bits.
const MOST_DOCUMENTS: u64 = 1 << 20;
const MOST_BYTES: u64 = 3 << 30;

/// The files that should become one now: neighbours, so that every file goes on answering for one range of sequences.
pub(super) fn due(files: &[Listed]) -> Option<Range<usize>> {
    let highest = files.iter().map(|listed| tier(&listed.entry)).max()?;
    let run = (0..=highest).find_map(|most| {
        let fits = |run: &[Listed]| run.iter().all(|listed| tier(&listed.entry) <= most) && is_allowed(run);
        files.windows(FAN_IN).position(fits)
    });
    // A file that is mostly dead is made again by itself.
    let decayed = |listed: &Listed| listed.dead.len() * 2 > u64::from(listed.entry.documents);
    run.map(|start| start..start + FAN_IN).or_else(|| files.iter().position(decayed).map(|at| at..at + 1))
}

fn is_allowed(files: &[Listed]) -> bool {
    let documents: u64 = files.iter().map(|listed| u64::from(listed.entry.documents)).sum();
    let bytes: u64 = files.iter().map(|listed| listed.entry.length).sum();
    let largest = files.iter().map(|listed| listed.entry.length).max().unwrap_or(0);
    // One large file is not written again for the sake of a few small ones.
    documents <= MOST_DOCUMENTS && bytes <= MOST_BYTES && largest <= bytes / 2
}

fn tier(entry: &FileEntry) -> u32 {
    (entry.length / SMALL).checked_ilog(FAN_IN as u64).map_or(0, |tier| tier + 1)
}

/// Makes one file of several, without their dead documents.
pub(super) fn merge(
    dir: &dyn Dir,
    archive: &[u8; 16],
    number: u32,
    files: &[Listed],
    stop: &AtomicBool,
) -> Result<FileEntry, Unwritten> {
    let open = |listed: &Listed| IndexFile::open(dir, archive, listed.entry);
    let opened = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let mut sources: Vec<Box<dyn Source + '_>> = Vec::with_capacity(files.len());
    for (file, listed) in opened.iter().zip(files) {
        sources.push(Box::new(FileSource::new(file, &listed.dead)?));
    }
    let first = files.first().map_or(0, |listed| listed.entry.first);
    let last = files.last().map_or(0, |listed| listed.entry.last);
    write::write(&Target { dir, archive, number, first, last, stop }, &mut sources)
}

/// The documents of `file` that one of `sequences` names.
pub(super) fn struck(
    dir: &dyn Dir,
    archive: &[u8; 16],
    entry: FileEntry,
    sequences: &[u64],
) -> Result<RoaringBitmap, super::Fault> {
    if sequences.is_empty() {
        return Ok(RoaringBitmap::new());
    }
    IndexFile::open(dir, archive, entry)?.of_sequences(sequences.iter().copied())
}
