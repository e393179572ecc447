//! A journal open for writing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use frontdesk_domain::Timestamp;

use crate::change::{Change, Item, Recorded};
use crate::error::{Action, During, Error};
use crate::open;
use crate::prepared::{Origin, PreparedEntry};
use crate::queue::{self, Pending, Queue, Request};
use crate::reader::Reader;
use crate::settings::Settings;
use crate::store::Store;

/// Where the time comes from: it is in every entry.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A journal open for writing. Any number of processes may have one open at once; each commit waits for its turn.
///
/// Call [`Journal::close`] when done. A journal that is dropped closes too, but has nobody to tell when that fails.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_domain::Timestamp;
/// use frontdesk_domain::audit::{ChangeRecord, ChangeState};
/// use frontdesk_journal::{Change, Journal, Settings};
///
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("journal");
/// let journal = Journal::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH))?;
/// let record = ChangeRecord {
///     timestamp: Timestamp::UNIX_EPOCH,
///     change: "c-1".into(),
///     command: "archive import".into(),
///     run_id: None,
///     state: ChangeState::Done,
///     details: Default::default(),
///     counts: [("stored".into(), 3)].into(),
///     error: None,
/// };
/// let recorded = journal.record(Change::new().audit(record))?;
/// assert_eq!(recorded.first_entry, Some(2)); // the first one tells of the journal's key
/// journal.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Journal {
    root: PathBuf,
    settings: Settings,
    queue: Option<Queue>,
    thread: Option<JoinHandle<Store>>,
}

impl Journal {
    /// Opens the journal in the folder `root`, making folder, key and journal where there are none.
    ///
    /// # Errors
    /// `Busy` after the wait; `Damage` when the end of the chain does not hold or acknowledged entries are gone;
    /// `KeyMissing`, `KeyExposed` and `Malformed` for the key file; `NotAJournal`, `NewerFormat`; `ReadOnly` and
    /// `Storage`.
    pub fn open(root: &Path, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let mut store = open::open(root, settings, clock)?;
        let (queue, requests) = queue::queue();
        let thread = std::thread::Builder::new()
            .name("journal-write".to_owned())
            .spawn(move || {
                store.serve(&requests);
                store
            })
            .during(Action::Open, crate::layout::DATABASE)?;
        let settings = settings.clone();
        Ok(Self { root: root.to_owned(), settings, queue: Some(queue), thread: Some(thread) })
    }

    /// Records a change, and returns when it is durable.
    ///
    /// Callable from several threads: what they bring at the same time is one transaction and one fsync.
    ///
    /// # Errors
    /// `Conflict` when an intent contradicts what is there; nothing of the change is recorded then. `Busy` when another
    /// process was writing for the whole wait; it can be tried again. `Storage`, `ReadOnly` and `Damage`: nothing of the
    /// group is acknowledged, and this journal records no more (`Poisoned`); open it again. A change of a failed group
    /// may turn out to be recorded then.
    pub fn record(&self, change: Change) -> Result<Recorded, Error> {
        if change.is_empty() {
            return Ok(Recorded::default());
        }
        self.submit(change)?.wait()
    }

    /// Hands a change over without waiting for the disk. Changes are recorded in the order in which they were handed
    /// over; with 1,000 of them not on the disk yet the caller waits (contract §4).
    ///
    /// # Errors
    /// When the change cannot be written as JSON; everything else is told by [`Pending::wait`].
    pub fn submit(&self, change: Change) -> Result<Pending, Error> {
        let Some(queue) = &self.queue else { return Err(Error::poisoned()) };
        Ok(queue.submit(self.prepare(change)?))
    }

    /// Hands a change over without waiting for anything: `done` is called when it is durable, or is known not to be, on
    /// the thread that writes, which waits for it. `false` where 1,000 changes are not on the disk yet: then nothing was
    /// handed over, and `done` is not called; [`Journal::record`] waits for its turn.
    ///
    /// # Errors
    /// When the change cannot be written as JSON; everything else is told to `done`, as by [`Journal::record`].
    pub fn offer(
        &self,
        change: Change,
        done: impl FnOnce(Result<Recorded, Error>) + Send + 'static,
    ) -> Result<bool, Error> {
        let Some(queue) = &self.queue else { return Err(Error::poisoned()) };
        Ok(queue.offer(self.prepare(change)?, Box::new(done)))
    }

    fn prepare(&self, change: Change) -> Result<Request, Error> {
        let origin = Origin {
            actor: &self.settings.actor,
            command: change.command.as_deref().unwrap_or(&self.settings.command),
            run: change.run.as_ref(),
            about: change.about.as_deref(),
        };
        let entries: Result<Vec<_>, _> =
            change.records.iter().map(|record| PreparedEntry::new(record, &origin)).collect();
        Ok(Request::new(change, entries?))
    }

    /// Takes away what was over before a time, as [`Change::prune`] does, in changes of 1,000 until there is no more of
    /// it, but at most 100,000 of it: the next call goes on. Gives how much it was.
    ///
    /// # Errors
    /// As [`Journal::record`] and [`Reader::open`].
    pub fn prune(&self, before: Timestamp) -> Result<u64, Error> {
        // Commands ask whenever they begin; a look costs them no commit.
        if !self.reader()?.has_settled_before(before)? {
            return Ok(0);
        }
        let mut all = 0;
        for _ in 0..100 {
            match self.record(Change::new().prune(before))?.pruned {
                0 => break,
                some => all += some,
            }
        }
        Ok(all)
    }

    /// Opens the same journal for reading. What is recorded later is seen by its later calls.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open(&self.root)
    }

    /// An item of a ledger as it is now; `None` when it is not there.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn item(&self, ledger: &str, key: &str) -> Result<Option<Item>, Error> {
        self.reader()?.item(ledger, key)
    }

    /// Waits for the changes in progress and writes the newest head beside the database.
    ///
    /// # Errors
    /// `Storage` when that could not be written, or an earlier commit failed; what was acknowledged is safe all the same.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop()
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.queue = None; // ends the thread
        let Some(thread) = self.thread.take() else { return Ok(()) };
        match thread.join() {
            Ok(Store { failed: Some(first), .. }) => Err(Error::poisoned_by(&first)),
            Ok(mut store) => store.finish(),
            Err(_) => Err(Error::poisoned()),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the journal was not closed in good order");
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("root", &self.root).finish_non_exhaustive()
    }
}
