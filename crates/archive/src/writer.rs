//! The one writer of an archive.

use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use frontdesk_domain::{RunId, Timestamp};
use frontdesk_durable::{Dir, Lock, OsDir};

use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout;
use crate::ledger::CurrentRun;
use crate::open;
use crate::put::{self, Pending, Prepared, PutOutcome, Queue, Store};
use crate::reader::Reader;
use crate::runs::{self, RunHeads, RunLog};
use crate::search::index::Feed;
use crate::segment::header::RECORD_LIMIT;
use crate::settings::{ReadOptions, Settings};

/// Where the time comes from: it is in the ledger's lines and in every member.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An archive open for writing. There is one at a time, among all processes.
///
/// Call [`Writer::close`] when done. A writer that is dropped closes too, but has nobody to tell when that fails; a
/// process that dies leaves an archive whose next opening checks and settles what it left.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_archive::{Prepared, PutOutcome, Settings, Writer};
/// use frontdesk_domain::Timestamp;
///
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("archive");
/// let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH))?;
/// let line = br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z"}"#;
/// let outcomes = writer.put(vec![Prepared::from_details(line.to_vec())?])?;
/// assert_eq!(outcomes, [PutOutcome::Stored]);
/// let outcomes = writer.put(vec![Prepared::from_details(line.to_vec())?])?;
/// assert_eq!(outcomes, [PutOutcome::Unchanged { version: 1 }]);
/// writer.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    pub(crate) dir: Arc<dyn Dir>,
    format: Format,
    run: CurrentRun,
    heads: RunHeads,
    queue: Option<Queue>,
    threads: Option<(JoinHandle<()>, JoinHandle<Store>)>,
    // Given back after everything else has stopped.
    lock: Option<Lock>,
}

impl Writer {
    /// Opens the archive in `root` for writing, waiting for another writer as long as the settings say. Where the
    /// folder is missing or empty the archive is made. What an unclean stop left is settled first.
    ///
    /// # Errors
    /// `Busy` after the wait; `NotAnArchive`, `NewerFormat`, `ForeignOrganization`; `Damage` when acknowledged
    /// records are gone or members are damaged (reading still works); `ReadOnly` and `Storage`.
    pub fn open(root: &Path, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let shown = root.display().to_string();
        let dir = OsDir::open_or_create(root).during(Action::Create, &shown)?;
        Self::open_in(Arc::new(dir), settings, clock)
    }

    /// The same in a directory that is already open.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_in(dir: Arc<dyn Dir>, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let run = CurrentRun::default();
        let open::Opened { format, lock, preparing, mut store } =
            open::open(dir.clone(), settings, clock, &run)?;
        if settings.search_index {
            store.feed = Some(Feed::start(dir.clone(), format.archive())?);
        }
        let (queue, requests) = put::queue();
        // Handed over hand to hand: at most one group waits while another is written.
        let (prepared, groups) = mpsc::sync_channel(0);
        let threads = (
            spawn("archive-prepare", move || preparing.serve(&requests, &prepared))?,
            spawn("archive-write", move || {
                store.serve(&groups);
                store
            })?,
        );
        let heads = RunHeads::default();
        Ok(Self { dir, format, run, heads, queue: Some(queue), threads: Some(threads), lock: Some(lock) })
    }

    /// Stores records, and returns when every one of them is durable, with what became of each, in their order.
    ///
    /// Callable from several threads: what they bring at the same time is written as one group of up to 2 MiB
    /// (one batch at least). A batch of about 1 MiB is a good size.
    ///
    /// # Errors
    /// `TooLarge` before anything is stored. `Storage` when a write or fsync failed: nothing of the group is
    /// acknowledged, and the writer takes no more (`Poisoned`); open the archive again. A record of the failed
    /// group may turn out to be stored then; putting it again gives `Unchanged`.
    pub fn put(&self, batch: Vec<Prepared>) -> Result<Vec<PutOutcome>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.submit(batch)?.wait()
    }

    /// Hands records over without waiting: the next batch can be prepared meanwhile. Batches are stored in the
    /// order in which they were handed over. Keep a few in flight, not many: they are all in memory.
    ///
    /// # Errors
    /// `TooLarge` and `Poisoned` as [`Writer::put`]; everything else is told by [`Pending::wait`].
    pub fn submit(&self, batch: Vec<Prepared>) -> Result<Pending, Error> {
        if let Some(long) = batch.iter().find(|prepared| prepared.length() > RECORD_LIMIT) {
            let kind = ErrorKind::TooLarge { bytes: long.length() as u64, limit: RECORD_LIMIT as u64 };
            return Err(Error::new(Action::Put, "the archive", kind));
        }
        match &self.queue {
            Some(queue) => Ok(queue.submit(batch)),
            None => Err(Error::new(Action::Put, "the archive", ErrorKind::Poisoned)),
        }
    }

    /// Opens the log of a run, making it if it is not there. From here on the ledger's lines name this run.
    ///
    /// # Errors
    /// `Damage` when a line of it was changed; what the file system says.
    pub fn run_log(&self, run: &RunId) -> Result<RunLog, Error> {
        let log = RunLog::open(self.dir.clone(), &self.format, run, self.heads.clone())?;
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.clone());
        Ok(log)
    }

    /// The first line of a run's log: what the run was asked. Opens nothing for writing; `None` when the log has no line.
    ///
    /// # Errors
    /// `Damage` when a line of it was changed; what the file system says.
    pub fn run_request(&self, run: &RunId) -> Result<Option<serde_json::Value>, Error> {
        runs::first(&*self.dir, &self.format, run)
    }

    /// The runs that have a log, in order of their ids.
    ///
    /// # Errors
    /// What the file system says.
    pub fn runs(&self) -> Result<Vec<RunId>, Error> {
        runs::list(&*self.dir)
    }

    /// A reader of this archive, beside this writer: it sees what is acknowledged.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open_in(self.dir.clone(), &ReadOptions::default())
    }

    /// Waits for the puts in progress, states in the ledger what is durable, and gives the lock back.
    ///
    /// # Errors
    /// `Storage` when that could not be written; what was acknowledged is safe all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.queue = None; // ends the first thread, which ends the second
        let stopped = self.threads.take().map(|(first, second)| (first.join(), second.join()));
        let closed = match stopped {
            None => Ok(()),
            Some((Ok(()), Ok(store))) => store.close(&self.heads),
            Some(_) => Err(Error::new(Action::Put, "the archive", ErrorKind::Poisoned)),
        };
        self.lock = None;
        closed
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).during(Action::Open, "the archive")
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the archive was not closed in good order; the next opening settles it");
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("root", &self.dir.local_path(""))
            .field("archive", &self.format.archive_id)
            .field("segments", &layout::SEGMENTS)
            .finish_non_exhaustive()
    }
}
