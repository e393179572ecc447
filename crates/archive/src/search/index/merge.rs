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
const _: () = assert!(FAN_IN <= write::MOST_SOURCES);

/// Bytes of a file that counts as small.
const SMALL: u64 = 2 * 1024 * 1024;

/// Fewer of them become one where so many would make a file that is too large.
const LEAST_FAN_IN: usize = 2;

/// Bytes that a merged file may have: a place among its tokens has 32 bits.
const MOST_BYTES: u64 = 3 << 30;

/// Memory that making a merged file may take beside its grams, and what it takes for each document and each word: where
/// it comes from and goes, where its tokens end; its row, its code in the file before and in the new one. So memory
/// stays the same however large an archive is; it has more files instead.
const MOST_MEMORY: u64 = 3 * 1024 * 1024;
const DOCUMENT_MEMORY: u64 = 9;
const WORD_MEMORY: u64 = 36;

/// The files that should become one now: neighbours, so that every file goes on answering for one range of sequences.
pub(super) fn due(files: &[Listed]) -> Option<Range<usize>> {
    let highest = files.iter().map(|listed| tier(&listed.entry)).max()?;
    let run = (0..=highest).find_map(|most| {
        let is_low = |run: &[Listed]| run.iter().all(|listed| tier(&listed.entry) <= most);
        let starts = 0..(files.len() + 1).saturating_sub(FAN_IN);
        starts.filter(|&start| is_low(&files[start..start + FAN_IN])).find_map(|start| {
            let counts = (LEAST_FAN_IN..=FAN_IN).rev();
            counts.map(|count| start..start + count).find(|run| is_allowed(&files[run.clone()]))
        })
    });
    // A file that is mostly dead is made again by itself.
    let decayed = |listed: &Listed| listed.dead.len() * 2 > u64::from(listed.entry.documents);
    run.or_else(|| files.iter().position(decayed).map(|at| at..at + 1))
}

fn is_allowed(files: &[Listed]) -> bool {
    let memory = |entry: &FileEntry| {
        u64::from(entry.documents) * DOCUMENT_MEMORY + u64::from(entry.words) * WORD_MEMORY
    };
    let memory: u64 = files.iter().map(|listed| memory(&listed.entry)).sum();
    let bytes: u64 = files.iter().map(|listed| listed.entry.length).sum();
    let largest = files.iter().map(|listed| listed.entry.length).max().unwrap_or(0);
    // One large file is not written again for the sake of a few small ones.
    memory <= MOST_MEMORY && bytes <= MOST_BYTES && largest <= bytes / 2
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of these megabytes, documents and words.
    fn files(sizes: &[(u64, u32, u32)]) -> Vec<Listed> {
        let listed = |(number, &(megabytes, documents, words)): (usize, &(u64, u32, u32))| {
            let (first, last) = (number as u64 * 10 + 1, number as u64 * 10 + 10);
            let (number, length) = (number as u32, megabytes << 20);
            let entry = FileEntry { number, first, last, documents, words, length, footer: [0; 32] };
            Listed { entry, dead: RoaringBitmap::new() }
        };
        sizes.iter().enumerate().map(listed).collect()
    }

    #[test]
    fn eight_of_a_size_become_one() {
        assert_eq!(due(&files(&[(4, 9_000, 8_000); 7])), None);
        assert_eq!(due(&files(&[(4, 9_000, 8_000); 8])), Some(0..8));
        let behind_a_large_one = [[(40, 80_000, 70_000)].as_slice(), &[(4, 9_000, 8_000); 8]].concat();
        assert_eq!(due(&files(&behind_a_large_one)), Some(1..9));
    }

    #[test]
    fn no_merge_takes_more_memory_than_it_may() {
        // Three would take 3.9 MiB.
        assert_eq!(due(&files(&[(30, 30_000, 30_000); 8])), Some(0..2));
        // Two would take more than 3 MiB.
        assert_eq!(due(&files(&[(30, 90_000, 80_000); 12])), None);
        assert_eq!(due(&files(&[(30, 350_000, 1_000); 12])), None);
    }

    #[test]
    fn merging_comes_to_an_end() {
        let mut files = files(&[(4, 9_000, 8_000); 300]);
        let mut merges = 0;
        while let Some(range) = due(&files) {
            let sum =
                |of: fn(&FileEntry) -> u64| files[range.clone()].iter().map(|listed| of(&listed.entry)).sum();
            let (documents, words, length): (u64, u64, u64) = (
                sum(|entry| entry.documents.into()),
                sum(|entry| entry.words.into()),
                sum(|entry| entry.length),
            );
            let (first, last) = (files[range.start].entry, files[range.end - 1].entry.last);
            let entry = FileEntry { documents: documents as u32, words: words as u32, length, last, ..first };
            files.splice(range, [Listed { entry, dead: RoaringBitmap::new() }]);
            merges += 1;
        }
        assert!(merges < 100 && files.len() < 45, "{merges} merges, {} files", files.len());
    }
}
