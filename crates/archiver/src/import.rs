//! Imports records from NDJSON: read, check and hash on workers, store in the order of the file.
//!
//! Three line forms are kept as they come (contract §5): a conversation of the details query, the documents'
//! `{interactionId, transcript, metadata}`, and a corpus conversation.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use frontdesk_archive::{Error as ArchiveError, Pending, Prepared, Writer};
use memchr::memchr;

use crate::lines::{LONGEST_LINE, Lines, Part};
use crate::monitor::{MOST_NOTES, Monitor, Note, Progress};
use crate::tally::Tally;

/// Parts handed to the archive and not acknowledged yet: one group being written, one being packed, and half of the next.
/// With 12 the packing waits for parts: an import takes a fifth longer and peaks 6 MiB lower.
const MOST_IN_FLIGHT: usize = 20;

/// How often a stop is looked for while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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

impl<R: Read + Send + 'static> Import<R> {
    /// An import of `input`, plain or gzip (told by its first bytes), checked by `workers` threads.
    pub fn new(input: R, workers: NonZero<usize>) -> Self {
        Self { input, workers }
    }

    /// Reads to the end, or until `stop` says so: it is asked several times a second, also while the input is silent.
    /// The monitor's progress counts raw bytes.
    ///
    /// A thread that waits for a silent input is left behind after a stop or an error; it ends when the input gives
    /// something or ends.
    ///
    /// # Errors
    /// When the archive cannot store: nothing was acknowledged after it.
    pub fn run(
        self,
        writer: &Writer,
        stop: &dyn Fn() -> bool,
        monitor: &dyn Monitor,
    ) -> Result<ImportReport, ArchiveError> {
        let workers = self.workers.get();
        let (part_sender, parts) = sync_channel::<Part>(workers);
        let parts = Arc::new(Mutex::new(parts));
        let (checked_sender, checked) = sync_channel::<Checked>(workers);
        let input = self.input;
        let reader = std::thread::spawn(move || read(input, &part_sender));
        let workers: Vec<JoinHandle<()>> = (0..workers)
            .map(|_| {
                let (parts, sender) = (Arc::clone(&parts), checked_sender.clone());
                std::thread::spawn(move || check(&parts, &sender))
            })
            .collect();
        drop(checked_sender);
        let mut report = store_in_order(checked, writer, stop, monitor)?;
        if report.interrupted {
            return Ok(report);
        }
        // Every sender is gone, so the threads are ending.
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        report.input_error = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).err();
        Ok(report)
    }
}

/// Reads to the end, or until nobody takes the parts any more.
fn read<R: Read>(input: R, sender: &SyncSender<Part>) -> io::Result<()> {
    let mut lines = Lines::new(input)?;
    while let Some(part) = lines.next_part()? {
        if sender.send(part).is_err() {
            break;
        }
    }
    Ok(())
}

fn check(parts: &Mutex<Receiver<Part>>, sender: &SyncSender<Checked>) {
    loop {
        // The lock is held while waiting: one worker waits for a part, the others for the lock.
        let part = parts.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(part) = part else { return };
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
    stop: &dyn Fn() -> bool,
    monitor: &dyn Monitor,
) -> Result<ImportReport, ArchiveError> {
    let mut book = Book::new(monitor);
    // Workers overtake each other by a few parts at most: as many as there are workers and channel places.
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut in_flight = VecDeque::with_capacity(MOST_IN_FLIGHT);
    loop {
        if stop() {
            book.report.interrupted = true;
            break;
        }
        match checked.recv_timeout(LOOK_EVERY) {
            Ok(part) => early.insert(part.number, part),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
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
