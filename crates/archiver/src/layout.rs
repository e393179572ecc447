//! Imports records from a folder in the documents' layout: `{interactionId}_{first 8 hex of sha256}.json.gz`, one
//! conversation each (contract §5). An export of ours in that layout has a manifest, which gives the order of versions.
//!
//! A name is a claim: its hash and its id must be the content's, else the file is rejected by name and the others are
//! kept. Nothing outside the folder is read: no symbolic link is followed, no subfolder entered.

mod content;
mod names;

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use frontdesk_archive::{Error as ArchiveError, Pending, Prepared, Writer};

use crate::monitor::{MOST_NOTES, Monitor, Note, Progress};
use crate::tally::Tally;
use content::Chunk;
use names::Names;

/// Chunks handed to the archive and not acknowledged yet.
const MOST_IN_FLIGHT: usize = 2;

/// An import of a folder.
#[derive(Debug)]
pub struct ImportLayout {
    folder: PathBuf,
    workers: NonZero<usize>,
}

/// How an import of a folder ended. What was stored stays stored.
#[derive(Debug, Default)]
pub struct LayoutReport {
    /// What became of the records; files that are not what their name says are rejected.
    pub tally: Tally,
    /// Files that were looked at.
    pub files: u64,
    /// What else is in the folder and was left alone: other files, folders, links.
    pub skipped: u64,
    /// Bytes of the records, after decompression.
    pub raw_bytes: u64,
    /// Why the folder or its manifest could not be read to the end.
    pub input_error: Option<io::Error>,
    /// Whether the caller asked it to stop.
    pub interrupted: bool,
}

/// A file to read, and what the manifest says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    stated: Option<Stated>,
}

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stated {
    id: String,
    kind: String,
    sha256: String,
}

impl ImportLayout {
    /// An import of `folder`, whose files are read and checked by `workers` threads.
    pub fn new(folder: &Path, workers: NonZero<usize>) -> Self {
        Self { folder: folder.to_owned(), workers }
    }

    /// Reads every file, in the order of the manifest where there is one, else of the names; `stop` is asked between
    /// chunks of files. The monitor's progress counts raw bytes, and its notes name what was not kept.
    ///
    /// # Errors
    /// When the archive cannot store: nothing was acknowledged after it.
    pub fn run(
        self,
        writer: &Writer,
        stop: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<LayoutReport, ArchiveError> {
        let mut book = Book { report: LayoutReport::default(), monitor, in_flight: VecDeque::new(), told: 0 };
        let mut names = match Names::of(&self.folder) {
            Ok(names) => names,
            Err(error) => {
                book.report.input_error = Some(error);
                return Ok(book.report);
            }
        };
        for (name, what) in std::mem::take(&mut names.skipped) {
            book.report.skipped += 1;
            book.note(name, what.to_owned());
        }
        let mut chunk = Chunk::default();
        loop {
            if stop() {
                book.report.interrupted = true;
                break;
            }
            let next = match names.next() {
                Ok(next) => next,
                Err(error) => {
                    book.report.input_error = Some(error);
                    break;
                }
            };
            let last = next.is_none();
            let full = match next {
                None => true,
                Some(Err((name, what))) => {
                    book.reject(name, what);
                    false
                }
                Some(Ok(wanted)) => {
                    book.report.files += 1;
                    chunk.add(&self.folder, wanted)
                }
            };
            if full {
                let taken = std::mem::take(&mut chunk).read(self.workers);
                book.submit(writer, taken)?;
            }
            if last {
                break;
            }
        }
        // What was read before a stop is kept too.
        let taken = chunk.read(self.workers);
        book.submit(writer, taken)?;
        while !book.in_flight.is_empty() {
            book.settle()?;
        }
        Ok(book.report)
    }
}

/// Counts what is durable, chunk by chunk.
struct Book<'m> {
    report: LayoutReport,
    monitor: &'m dyn Monitor,
    in_flight: VecDeque<(Pending, u64)>,
    told: u64,
}

impl Book<'_> {
    fn reject(&mut self, name: String, reason: String) {
        self.report.tally.rejected += 1;
        self.note(name, reason);
    }

    fn note(&mut self, place: String, reason: String) {
        self.told += 1;
        if self.told <= MOST_NOTES {
            self.monitor.note(&Note::Rejected { place, reason });
        }
    }

    fn submit(
        &mut self,
        writer: &Writer,
        taken: Vec<(String, Result<Prepared, String>)>,
    ) -> Result<(), ArchiveError> {
        let mut records = Vec::new();
        let mut bytes = 0;
        for (name, read) in taken {
            match read {
                Ok(record) => {
                    bytes += record.length() as u64;
                    records.push(record);
                }
                Err(reason) => self.reject(name, reason),
            }
        }
        if !records.is_empty() {
            if self.in_flight.len() == MOST_IN_FLIGHT {
                self.settle()?;
            }
            self.in_flight.push_back((writer.submit(records)?, bytes));
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), ArchiveError> {
        let Some((pending, bytes)) = self.in_flight.pop_front() else { return Ok(()) };
        for outcome in pending.wait()? {
            self.report.tally.count(outcome);
        }
        self.report.raw_bytes += bytes;
        let (done, tally) = (self.report.raw_bytes, self.report.tally);
        self.monitor.stored(&Progress { done, total: 0, pages: 0, tally });
        Ok(())
    }
}
