//! Reading an archive: from any number of processes, beside a writer, without a lock.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_domain::{OrganizationId, RunId};
use frontdesk_durable::{Dir, Head, Lock, LockError, OsDir};
use serde_json::Value;

use crate::catalog::{self, Catalog, Gathered, Mark, State};
use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout;
use crate::ledger::{self, Ledgered};
use crate::report::KnownRuns;
use crate::runs::{self, RunPlace};
use crate::search::Opened;
use crate::settings::ReadOptions;

/// An archive open for reading. It sees what writers acknowledge after it was opened, too.
///
/// Where the catalog is missing, damaged or behind, it is brought up to date first: in its place when no writer is
/// at work, the folder can be written and the segments are known to be durable, else in a temporary one that is gone
/// with this value and stays as it was when it was made.
///
/// ```
/// # use std::sync::Arc;
/// # use frontdesk_archive::{Prepared, Settings, Writer};
/// use frontdesk_archive::{ReadOptions, Reader};
/// use frontdesk_domain::{RecordKey, RecordKind};
///
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("archive");
/// # let writer = Writer::open(&root, &Settings::default(), Arc::new(|| frontdesk_domain::Timestamp::UNIX_EPOCH))?;
/// # writer.put(vec![Prepared::from_details(br#"{"id":"c-1"}"#.to_vec())?])?;
/// let reader = Reader::open(&root, &ReadOptions::default())?;
/// let key = RecordKey { kind: RecordKind::Details, id: "c-1".parse()? };
/// let record = reader.show(&key, None)?.ok_or("not there")?;
/// assert_eq!(record.bytes, br#"{"id":"c-1"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader {
    pub(crate) dir: Arc<dyn Dir>,
    pub(crate) format: Format,
    pub(crate) workers: usize,
    /// Files of the search index that stay open between searches.
    pub(crate) opened: Opened,
    options: ReadOptions,
    catalog: Mutex<Source>,
    pub(crate) runs: Arc<Mutex<KnownRuns>>,
}

/// Where answers come from.
struct Source {
    catalog: Catalog,
    /// Whether it was built from the segments for this reader, so that there is none to trust more.
    rebuilt: bool,
    /// Whether it is the folder's own, which writers go on with.
    live: bool,
}

/// How much an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records, every version counted.
    pub records: u64,
    /// Conversations: keys of kind `details`.
    pub conversations: u64,
    /// Bytes of all records.
    pub raw_bytes: u64,
    /// Bytes of all segments.
    pub packed_bytes: u64,
    /// Number of segments.
    pub segments: u64,
}

impl Reader {
    /// Opens the archive in `root` for reading. Works in a folder that cannot be written.
    ///
    /// # Errors
    /// `NotAnArchive`, `NewerFormat`; `Damage` when `FORMAT.json` cannot be understood, or when both the ledger
    /// and the catalog are damaged; what the file system says. Damaged members are no error here: what can be
    /// read is read.
    pub fn open(root: &Path, options: &ReadOptions) -> Result<Self, Error> {
        let shown = root.display().to_string();
        let dir = match OsDir::open(root) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(Error::with_source(Action::Open, shown, ErrorKind::NotAnArchive, error));
            }
            other => other.during(Action::Open, &shown)?,
        };
        Self::open_in(Arc::new(dir), options)
    }

    /// The same in a directory that is already open.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_in(dir: Arc<dyn Dir>, options: &ReadOptions) -> Result<Self, Error> {
        let Some(format) = Format::read(&*dir)? else {
            let root = dir.local_path("").display().to_string();
            return Err(Error::new(Action::Open, root, ErrorKind::NotAnArchive));
        };
        let source = source(&dir, &format, options)?;
        source.catalog.hold(options.many_searches)?;
        let opened = if options.many_searches { Opened::holding() } else { Opened::default() };
        let (workers, options) = (options.workers.max(1), options.clone());
        let (catalog, runs) = (Mutex::new(source), Arc::default());
        Ok(Self { dir, format, workers, opened, options, catalog, runs })
    }

    /// The same with what `before` learned, where it reads the same archive: of the runs' logs, since a log that is over is
    /// read once by all that come after each other so, and what it held in memory of the search index.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        if self.format.archive() == before.format.archive() {
            self.runs = Arc::clone(&before.runs);
            if self.options.many_searches && before.options.many_searches {
                self.opened = before.opened.renewed();
            }
        }
        self
    }

    pub(crate) fn options(&self) -> &ReadOptions {
        &self.options
    }

    /// Whose records the archive keeps.
    #[must_use]
    pub fn organization(&self) -> &OrganizationId {
        &self.format.organization
    }

    /// Whether it sees what writers acknowledge from now on. If not, its catalog is one of its own, made because the
    /// folder's was missing, behind or damaged; opening the archive again may find a better one.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.lock().live
    }

    /// How much the archive holds.
    ///
    /// # Errors
    /// `Catalog` and what the file system says.
    pub fn stats(&self) -> Result<Stats, Error> {
        let mark = self.mark()?;
        let segments = mark.segments.values();
        Ok(Stats {
            records: segments.clone().map(|segment| segment.records).sum(),
            conversations: mark.conversations,
            raw_bytes: segments.clone().map(|segment| segment.raw_bytes).sum(),
            packed_bytes: segments.clone().map(|segment| segment.place.offset).sum(),
            segments: segments.len() as u64,
        })
    }

    /// The highest sequence number of any record, 0 when there is none.
    ///
    /// # Errors
    /// `Catalog` and what the file system says.
    pub fn highest_sequence(&self) -> Result<u64, Error> {
        self.ask(Catalog::highest)
    }

    /// The runs that have a log, in order of their ids.
    ///
    /// # Errors
    /// What the file system says.
    pub fn runs(&self) -> Result<Vec<RunId>, Error> {
        runs::list(&*self.dir)
    }

    /// Every line of a run's log, as it was appended; `None` when there is no such run.
    ///
    /// # Errors
    /// `Damage` when a line was changed; what the file system says.
    pub fn run_lines(&self, run: &RunId) -> Result<Option<Vec<Value>>, Error> {
        runs::read(&*self.dir, &self.format, run)
    }

    /// Calls `each` with the lines of a run's log, as they were appended, until it says `false` or there are no more.
    ///
    /// # Errors
    /// `Damage` when a line was changed; what the file system says.
    pub fn run_each(&self, run: &RunId, each: &mut dyn FnMut(Value) -> bool) -> Result<(), Error> {
        runs::each(&*self.dir, &self.format, run, each)
    }

    /// How many bytes the log of a run has now.
    ///
    /// # Errors
    /// What the file system says; that there is no such run.
    pub fn run_bytes(&self, run: &RunId) -> Result<u64, Error> {
        let path = runs::path(run);
        Ok(self.dir.metadata(&path).during(Action::Read, &path)?.len)
    }

    /// Calls `each` with the lines of a run's log that were appended since `from`, all of them without one, and gives the
    /// place behind them: what was read before is not read again, and not checked again.
    ///
    /// # Errors
    /// As [`Reader::run_each`]; `Damage` too where the log is another one, or shorter, than it was.
    pub fn run_on(
        &self,
        run: &RunId,
        from: Option<RunPlace>,
        each: &mut dyn FnMut(Value),
    ) -> Result<RunPlace, Error> {
        runs::on(&*self.dir, &self.format, run, from, each)
    }

    /// Asks the catalog; when it turns out to be damaged, once more after building one from the segments.
    pub(crate) fn ask<T>(&self, question: impl Fn(&Catalog) -> Result<T, Error>) -> Result<T, Error> {
        let mut source = self.lock();
        match question(&source.catalog) {
            Err(error) if *error.kind() == ErrorKind::Catalog && !source.rebuilt => {
                tracing::warn!(%error, "answers come from a catalog built for this command");
                *source = self.rebuilt()?;
                question(&source.catalog)
            }
            other => other,
        }
    }

    /// Uses the catalog for something that cannot begin again. [`Reader::ask`] first finds out that it can be used.
    pub(crate) fn with_catalog<T, E>(&self, using: impl FnOnce(&Catalog) -> Result<T, E>) -> Result<T, E> {
        using(&self.lock().catalog)
    }

    /// Gives the catalog up for one built from the segments. `false` when this was done before.
    pub(crate) fn distrust_catalog(&self) -> Result<bool, Error> {
        let mut source = self.lock();
        if source.rebuilt {
            return Ok(false);
        }
        *source = self.rebuilt()?;
        Ok(true)
    }

    /// Looks for the best catalog once more: since this reader was opened a writer may have put copies in the place of
    /// segments, which the folder's own catalog knows.
    pub(crate) fn refresh(&self) -> Result<(), Error> {
        let mut catalog = self.lock();
        *catalog = source(&self.dir, &self.format, &self.options)?;
        catalog.catalog.hold(self.options.many_searches)
    }

    /// What the catalog covers now.
    pub(crate) fn mark(&self) -> Result<Mark, Error> {
        let archive = self.format.archive();
        self.ask(|catalog| match catalog.state(&archive)? {
            State::Marked(mark) => Ok(mark),
            State::Empty | State::Foreign => {
                Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog))
            }
        })
    }

    fn rebuilt(&self) -> Result<Source, Error> {
        let ledgered = ledger::read(&*self.dir, &self.format)?;
        let source = rebuilt(&*self.dir, &self.format, &ledgered, self.workers)?;
        source.catalog.hold(self.options.many_searches)?;
        Ok(source)
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        // A panic while asking leaves a catalog as good as before.
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("root", &self.dir.local_path(""))
            .field("archive", &self.format.archive_id)
            .finish_non_exhaustive()
    }
}

/// The best catalog there is.
fn source(dir: &Arc<dyn Dir>, format: &Format, options: &ReadOptions) -> Result<Source, Error> {
    let ledgered = ledger::read(&**dir, format);
    let found = usable_now(&**dir, format)?;
    let ledgered = match (ledgered, found) {
        (Ok(ledgered), Some((catalog, mark))) => {
            if !is_behind(&**dir, format, &ledgered, &mark)? {
                return Ok(Source { catalog, rebuilt: false, live: true });
            }
            ledgered
        }
        (Ok(ledgered), None) => ledgered,
        // What the catalog covers can be read without the ledger. Verify reports the ledger.
        (Err(_), Some((catalog, _))) => return Ok(Source { catalog, rebuilt: false, live: true }),
        (Err(error), None) => return Err(error),
    };
    match Lock::acquire(dir.clone(), layout::LOCK, &options.holder, Duration::ZERO, &mut std::thread::sleep) {
        Ok(lock) => {
            let updated = update(&**dir, format, options.workers);
            drop(lock);
            if let Some(catalog) = updated? {
                return Ok(Source { catalog, rebuilt: false, live: true });
            }
        }
        // A writer's catalog is right for what it acknowledged.
        Err(LockError::Busy { .. }) => {
            if let Some((catalog, _)) = usable_now(&**dir, format)? {
                return Ok(Source { catalog, rebuilt: false, live: true });
            }
        }
        // Reading needs no lock: only to leave the catalog better than it was.
        Err(error) => tracing::debug!(%error, "the catalog is left as it is"),
    }
    if let Some(catalog) = caught_up(&**dir, format, &ledgered, options.workers)? {
        return Ok(Source { catalog, rebuilt: false, live: false });
    }
    rebuilt(&**dir, format, &ledgered, options.workers)
}

/// The catalog in the folder; `None` when there is none of this archive's. An error says nothing about what is in it.
pub(crate) fn usable(dir: &dyn Dir, format: &Format) -> Result<Option<(Catalog, Mark)>, Error> {
    let Some(catalog) = catalog::open_for_reading(dir)? else { return Ok(None) };
    match catalog.state(&format.archive())? {
        State::Marked(mark) => Ok(Some((catalog, mark))),
        State::Empty | State::Foreign => Ok(None),
    }
}

/// The same for who only wants answers: one that cannot be read now is as good as none.
pub(crate) fn usable_now(dir: &dyn Dir, format: &Format) -> Result<Option<(Catalog, Mark)>, Error> {
    match usable(dir, format) {
        Err(error) if matches!(error.kind(), ErrorKind::Catalog | ErrorKind::ReadOnly) => {
            tracing::debug!(%error, "the catalog cannot be read now");
            Ok(None)
        }
        other => other,
    }
}

/// Whether there is more in the segments than the catalog covers. What it covers and the segments no longer
/// have is no reason to build it anew: it knows what is lost.
fn is_behind(dir: &dyn Dir, format: &Format, ledgered: &Ledgered, mark: &Mark) -> Result<bool, Error> {
    if !ledgered.knows(&mark.ledger, &format.ledger_seed()) {
        return Ok(false);
    }
    let gathered = catalog::gather(dir, format.archive(), ledgered, Some(mark))?;
    Ok(!gathered.is_current() && gathered.lost.is_empty())
}

/// Brings the folder's own catalog up to date, under the lock; `None` when it must not be: something is damaged, and
/// what is in the catalog may be the last trace of it; or what it lacks is not known to be on the disk. What a
/// catalog covers counts as acknowledged: a writer does not look at it again, and when a power loss takes it, the
/// archive counts as damaged. Only a writer, who settles what an unclean stop left, may say so.
fn update(dir: &dyn Dir, format: &Format, workers: usize) -> Result<Option<Catalog>, Error> {
    let ledgered = ledger::read(dir, format)?;
    let archive = format.archive();
    // It must be known to be no catalog before another is put in its place.
    let found = match usable(dir, format) {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "the catalog is left as it is");
            return Ok(None);
        }
    };
    let mark = found.as_ref().map(|(_, mark)| mark.clone());
    drop(found);
    let gathered = catalog::gather(dir, archive, &ledgered, mark.as_ref())?;
    // Nor does it take from a ledger that may not be on the disk what was held or removed.
    let ahead = gathered.unsettled || gathered.is_behind_the_ledger();
    if ahead || !gathered.lost.is_empty() || !gathered.missing.is_empty() {
        return Ok(None);
    }
    // For the same reason it vouches for no more of the ledger than before.
    let head = mark.as_ref().map_or(Head { lines: 0, hash: format.ledger_seed() }, |mark| mark.ledger);
    let replayed = (|| -> Result<(), Error> {
        catalog::unseal(dir)?;
        if mark.is_none() {
            catalog::remove(dir)?;
        }
        let Some(mut catalog) = catalog::open_for_writing(dir)? else {
            return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
        };
        if mark.is_none() {
            catalog.initialize(&archive, head)?;
        }
        catalog::replay(dir, &mut catalog, head, &gathered, workers, true)?;
        catalog::seal(dir, catalog)
    })();
    match replayed {
        Ok(()) => Ok(usable_now(dir, format)?.map(|(catalog, _)| catalog)),
        Err(error) => {
            tracing::debug!(%error, "the catalog is left as it is");
            Ok(None)
        }
    }
}

/// A catalog for this reader alone: a copy of the folder's own with what that lacks; `None` where that cannot be.
fn caught_up(
    dir: &dyn Dir,
    format: &Format,
    ledgered: &Ledgered,
    workers: usize,
) -> Result<Option<Catalog>, Error> {
    let archive = format.archive();
    let Some(mut catalog) = Catalog::copied(dir)? else { return Ok(None) };
    let State::Marked(mark) = catalog.state(&archive)? else { return Ok(None) };
    if !ledgered.knows(&mark.ledger, &format.ledger_seed()) {
        return Ok(None);
    }
    let gathered = catalog::gather(dir, archive, ledgered, Some(&mark))?;
    if !gathered.lost.is_empty() {
        return Ok(None);
    }
    match catalog::replay(dir, &mut catalog, ledgered.head, &gathered, workers, true) {
        Ok(_) => Ok(Some(catalog)),
        Err(error) if error.is_storage_failure() => Err(error),
        Err(error) => {
            tracing::debug!(%error, "the catalog in the folder is no use");
            Ok(None)
        }
    }
}

/// A catalog for this reader alone, built from everything that can be read.
fn rebuilt(dir: &dyn Dir, format: &Format, ledgered: &Ledgered, workers: usize) -> Result<Source, Error> {
    let archive = format.archive();
    let mut catalog = Catalog::temporary()?;
    catalog.initialize(&archive, ledgered.head)?;
    let gathered: Gathered = catalog::gather(dir, archive, ledgered, None)?;
    let replayed = catalog::replay(dir, &mut catalog, ledgered.head, &gathered, workers, false)?;
    for (path, what) in &replayed.damaged {
        tracing::warn!(%path, what, "left out: it cannot be read");
    }
    Ok(Source { catalog, rebuilt: true, live: false })
}
