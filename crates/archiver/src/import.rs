//! Imports records from NDJSON: read, check and hash on workers, store in the order of the file.
//!
//! Three line forms are kept as they come (contract §5): a conversation of the details query, the documents'
//! `{interactionId, transcript, metadata}`, and a corpus conversation.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use frontdesk_archive::{Error as ArchiveError, Pending, Prepared, Writer};
use memchr::memchr;

use crate::lines::{LONGEST_LINE, Lines, Part};
use crate::monitor::{Monitor, Note, Progress};
use crate::tally::Tally;

/// Rejected lines that are told one by one; the rest is only counted.
const MOST_NOTES: u64 = 20;

/// Parts handed to the archive and not acknowledged yet: enough for the next group to be ready when one is written.
const MOST_IN_FLIGHT: usize = 8;

/// An import: where from, how many workers.
#[derive(Debug)]
pub struct Import<R> {
    input: R,
    workers: NonZero<usize>,
}

/// How an import ended. What was stored stays stored.
#[derive(Debug)]
pub struct ImportReport {
    /// What became of the records.
    pub tally: Tally,
    /// Lines read, empty ones included.
    pub lines: u64,
    /// Bytes of the lines, after decompression.
    pub raw_bytes: u64,
    /// Why reading ended before the end of the input: a disk that fails, or gzip data that is cut or damaged.
    pub input_error: Option<io::Error>,
    /// Whether the caller asked it to stop.
    pub interrupted: bool,
}

/// A part whose lines were checked and hashed.
struct Checked {
    number: u64,
    lines: u64,
    raw_bytes: u64,
    records: Vec<Prepared>,
    rejected: Vec<Note>,
}

/// How reading ended.
enum End {
    Whole,
    Stopped,
    Failed(io::Error),
}

impl<R: Read + Send> Import<R> {
    /// An import of `input`, plain or gzip (told by its first bytes), checked by `workers` threads.
    pub fn new(input: R, workers: NonZero<usize>) -> Self {
        Self { input, workers }
    }

    /// Reads to the end, or until `stop` says so. The monitor's progress counts raw bytes.
    ///
    /// # Errors
    /// When the archive cannot store: nothing was acknowledged after it.
    pub fn run(
        self,
        writer: &Writer,
        stop: &(dyn Fn() -> bool + Sync),
        monitor: &dyn Monitor,
    ) -> Result<ImportReport, ArchiveError> {
        let workers = self.workers.get();
        let (part_sender, parts) = sync_channel::<Part>(workers);
        let parts = Mutex::new(Some(parts));
        let (checked_sender, checked) = sync_channel::<Checked>(workers);
        std::thread::scope(|scope| {
            let input = self.input;
            let reader = scope.spawn(move || read(input, &part_sender, stop));
            for _ in 0..workers {
                let (parts, sender) = (&parts, checked_sender.clone());
                scope.spawn(move || check(parts, &sender));
            }
            drop(checked_sender);
            let stored = store_in_order(checked, writer, monitor);
            // When storing failed, the workers find nobody to give to; without a receiver the reader ends, too.
            parts.lock().unwrap_or_else(PoisonError::into_inner).take();
            let mut report = stored?;
            match reader.join() {
                Ok(End::Whole) => {}
                Ok(End::Stopped) => report.interrupted = true,
                Ok(End::Failed(error)) => report.input_error = Some(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
            Ok(report)
        })
    }
}

fn read<R: Read>(input: R, sender: &SyncSender<Part>, stop: &dyn Fn() -> bool) -> End {
    let mut lines = match Lines::new(input) {
        Ok(lines) => lines,
        Err(error) => return End::Failed(error),
    };
    loop {
        if stop() {
            return End::Stopped;
        }
        match lines.next_part() {
            Ok(Some(part)) => {
                if sender.send(part).is_err() {
                    return End::Stopped;
                }
            }
            Ok(None) => return End::Whole,
            Err(error) => return End::Failed(error),
        }
    }
}

fn check(parts: &Mutex<Option<Receiver<Part>>>, sender: &SyncSender<Checked>) {
    loop {
        // The lock is held while waiting: one worker waits for a part, the others for the lock.
        let part = match parts.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Receiver::recv) {
            Some(Ok(part)) => part,
            Some(Err(_)) | None => return,
        };
        if sender.send(check_part(&part)).is_err() {
            return;
        }
    }
}

fn check_part(part: &Part) -> Checked {
    let mut checked = Checked {
        number: part.number,
        lines: 0,
        raw_bytes: part.bytes.len() as u64,
        records: Vec::new(),
        rejected: Vec::new(),
    };
    let mut line_number = part.first_line;
    let mut rest = &part.bytes[..];
    while !rest.is_empty() {
        let (line, after) = rest.split_at(memchr(b'\n', rest).map_or(rest.len(), |at| at + 1));
        rest = after;
        let line = line.trim_ascii();
        if !line.is_empty() {
            match Prepared::from_details(line.to_vec()) {
                Ok(record) => checked.records.push(record),
                Err(error) => checked.reject(line_number, error.to_string()),
            }
        }
        line_number += 1;
    }
    checked.lines = line_number - part.first_line + u64::from(part.oversized);
    if part.oversized {
        checked.reject(line_number, format!("it is longer than {} MiB", LONGEST_LINE >> 20));
    }
    checked
}

impl Checked {
    fn reject(&mut self, line: u64, reason: String) {
        self.rejected.push(Note::Rejected { place: format!("line {line}"), reason });
    }
}

fn store_in_order(
    checked: Receiver<Checked>,
    writer: &Writer,
    monitor: &dyn Monitor,
) -> Result<ImportReport, ArchiveError> {
    let mut book = Book::new(monitor);
    // Workers overtake each other by a few parts at most: as many as there are workers and channel places.
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut in_flight = VecDeque::with_capacity(MOST_IN_FLIGHT);
    for part in checked {
        early.insert(part.number, part);
        while let Some(mut part) = early.remove(&next) {
            next += 1;
            if in_flight.len() == MOST_IN_FLIGHT {
                book.settle(in_flight.pop_front())?;
            }
            let pending = writer.submit(std::mem::take(&mut part.records))?;
            in_flight.push_back((pending, part));
        }
    }
    while !in_flight.is_empty() {
        book.settle(in_flight.pop_front())?;
    }
    Ok(book.report)
}

/// Counts what is durable, part by part.
struct Book<'m> {
    report: ImportReport,
    monitor: &'m dyn Monitor,
}

impl<'m> Book<'m> {
    fn new(monitor: &'m dyn Monitor) -> Self {
        let report = ImportReport {
            tally: Tally::default(),
            lines: 0,
            raw_bytes: 0,
            input_error: None,
            interrupted: false,
        };
        Self { report, monitor }
    }

    fn settle(&mut self, part: Option<(Pending, Checked)>) -> Result<(), ArchiveError> {
        let Some((pending, part)) = part else { return Ok(()) };
        for outcome in pending.wait()? {
            self.report.tally.count(outcome);
        }
        for note in &part.rejected {
            self.report.tally.rejected += 1;
            if self.report.tally.rejected <= MOST_NOTES {
                self.monitor.note(note);
            }
        }
        self.report.lines += part.lines;
        self.report.raw_bytes += part.raw_bytes;
        let (done, tally) = (self.report.raw_bytes, self.report.tally);
        self.monitor.stored(&Progress { done, total: 0, pages: 0, tally });
        Ok(())
    }
}
