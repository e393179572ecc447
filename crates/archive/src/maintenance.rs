//! The session for every change that is not a put: holds, removals, repairs.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use frontdesk_domain::{RunId, Timestamp};
use frontdesk_durable::{Dir, Lock, OsDir};

use crate::compact::{Compaction, LeftOut, Rewrite};
use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout;
use crate::ledger::CurrentRun;
use crate::media;
use crate::open::{self, Opened};
use crate::put::Store;
use crate::reserve;
use crate::runs::RunHeads;
use crate::search::index;
use crate::settings::Settings;
use crate::writer::Clock;

/// An archive open for changes other than puts. It is alone, like a [`Writer`](crate::Writer): among all processes
/// there is one of them. Readers go on beside it.
///
/// A change is acknowledged when its call returns: then it is in the ledger, durable, and in the catalog. A process
/// that stops in between leaves the change done or not done; the next opening finishes what the ledger says.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_archive::{Maintenance, Prepared, Settings, Writer};
/// use frontdesk_domain::{MatterName, Timestamp};
///
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("archive");
/// # let clock: frontdesk_archive::Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
/// # let settings = Settings { reserve: 0, ..Settings::default() };
/// let writer = Writer::open(&root, &settings, clock.clone())?;
/// writer.put(vec![Prepared::from_details(br#"{"id":"c-1"}"#.to_vec())?])?;
/// writer.close()?;
///
/// let mut maintenance = Maintenance::open(&root, &settings, clock)?;
/// let matter = MatterName::new("Smith v. Acme")?;
/// let held = maintenance.hold(&matter, &["c-1".parse()?], None, "served on 1 March")?;
/// assert_eq!(held.added, 1);
/// maintenance.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Maintenance {
    format: Format,
    run: CurrentRun,
    pub(crate) store: Store,
    level: u8,
    reserve: u64,
    /// Whether the reserve was given up, to be made again at the end.
    pub(crate) without_reserve: bool,
    // Given back after everything else.
    lock: Lock,
}

impl Maintenance {
    /// Opens the archive in `root`, waiting for another writer as long as the settings say. What an unclean stop left
    /// is settled first; removals that were interrupted are finished.
    ///
    /// # Errors
    /// As [`Writer::open`](crate::Writer::open); `NotAnArchive` where there is none: none is made.
    pub fn open(root: &Path, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        let shown = root.display().to_string();
        let dir = match OsDir::open(root) {
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(Error::with_source(Action::Open, shown, ErrorKind::NotAnArchive, error));
            }
            other => other.during(Action::Open, &shown)?,
        };
        Self::open_in(Arc::new(dir), settings, clock)
    }

    /// The same in a directory that is already open.
    ///
    /// # Errors
    /// As [`Maintenance::open`].
    pub fn open_in(dir: Arc<dyn Dir>, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        if Format::read(&*dir)?.is_none() {
            let root = dir.local_path("").display().to_string();
            return Err(Error::new(Action::Open, root, ErrorKind::NotAnArchive));
        }
        let run = CurrentRun::default();
        let mut without_reserve = false;
        let opened = match open::open(dir.clone(), settings, clock.clone(), &run) {
            // Opening takes room itself: SQLite's shared memory, whose failure has no name of its own, and what is
            // settled.
            Err(full)
                if matches!(full.kind(), ErrorKind::Full | ErrorKind::Storage)
                    && dir.metadata(layout::RESERVE).is_ok() =>
            {
                without_reserve = true;
                reserve::give_up(&*dir)?;
                open::open(dir, &Settings { reserve: 0, ..settings.clone() }, clock, &run)?
            }
            other => other?,
        };
        let Opened { format, lock, preparing, store } = opened;
        drop(preparing);
        store.catalog.forget_thoroughly()?;
        index::settle(&store.dir, store.archive)?;
        media::sweep(&*store.dir, &store.catalog)?;
        let (level, reserve) = (settings.level, settings.reserve);
        Ok(Self { format, run, store, level, reserve, without_reserve, lock })
    }

    /// From here on the ledger's lines name this run.
    pub fn begin_run(&mut self, run: RunId) {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    /// The archive's id: a plan made for another one must not be carried out here.
    #[must_use]
    pub fn archive_id(&self) -> String {
        self.format.archive_id.to_string()
    }

    /// What the archive's clock says now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.store.clock)()
    }

    /// Rewrites a segment without some of its records.
    pub(crate) fn rewrite(
        &mut self,
        segment: u32,
        left_out: &LeftOut<'_>,
        reason: &str,
    ) -> Result<Rewrite, Error> {
        self.store.begin_changes()?;
        let store = &mut self.store;
        let mut compaction = Compaction {
            dir: &*store.dir,
            archive: store.archive,
            ledger: &mut store.ledger,
            catalog: &mut store.catalog,
            next_segment: &mut store.next_segment,
            level: self.level,
            workers: store.workers,
        };
        let rewrite = compaction.rewrite(segment, left_out, reason)?;
        // The copy is stated in the ledger; what is gone need not be.
        store.unsealed.retain(|_, unsealed| unsealed.identity.segment != segment);
        store.touched.remove(&segment);
        store.conversations = store.catalog.conversations()?;
        Ok(rewrite)
    }

    /// Gives up the bytes kept aside for this, so that removing works on a full disk. They are set aside again when the
    /// session is closed, if there is room.
    pub(crate) fn give_up_reserve(&mut self) -> Result<(), Error> {
        self.without_reserve = true;
        reserve::give_up(&*self.store.dir)
    }

    /// Ends the session: states in the ledger what must be stated, and gives the lock back.
    ///
    /// # Errors
    /// `Storage` when that could not be written; what was acknowledged is safe all the same.
    pub fn close(self) -> Result<(), Error> {
        let Self { store, lock, reserve, without_reserve, .. } = self;
        if without_reserve {
            let largest = store.catalog.largest_segment()?;
            reserve::keep(&*store.dir, reserve, largest);
        }
        let closed = store.close(&RunHeads::default());
        drop(lock);
        closed
    }
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance")
            .field("root", &self.store.dir.local_path(""))
            .field("archive", &self.format.archive_id)
            .finish_non_exhaustive()
    }
}
