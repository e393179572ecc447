//! A directory that fails, or stops, at a step of one's choice.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::dir::{Dir, Entry, Held, Metadata, ReadAt, WriteAt};
use crate::failure::{Poison, during};

/// Input/output error.
pub const EIO: i32 = 5;
/// No space left on device.
pub const ENOSPC: i32 = 28;
/// Read-only file system.
pub const EROFS: i32 = 30;

/// Passes everything on to another directory, counting: each call of a verb of [`Dir`], [`ReadAt`] or [`WriteAt`] is one
/// step (`local_path` is none), the first is step 1. At the chosen step it fails or stops instead. Clones and the files
/// opened through them share count and plan. Its files keep the contract of [`WriteAt`]: a failed change poisons.
#[derive(Debug, Clone)]
pub struct FaultyDir<D> {
    inner: D,
    faults: Arc<Faults>,
}

type SyncObserver = Arc<dyn Fn(&str) + Send + Sync>;

/// The plan and how far it has come.
#[derive(Default)]
struct Faults {
    plan: Plan,
    steps: AtomicU64,
    struck: AtomicBool,
}

#[derive(Clone, Default)]
struct Plan {
    at: Option<u64>,
    errno: i32,
    /// Every later step fails too.
    for_good: bool,
    /// The machine stopped: no error of the system, and nobody notices a failed sync.
    crash: bool,
    short_writes: bool,
    lying_sync: bool,
    lying_sync_dir: bool,
    on_failed_sync: Option<SyncObserver>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { at, errno, for_good, crash, short_writes, lying_sync, lying_sync_dir, .. } = &self.plan;
        f.debug_struct("Faults")
            .field("at", at)
            .field("errno", errno)
            .field("for_good", for_good)
            .field("crash", crash)
            .field("short_writes", short_writes)
            .field("lying_sync", lying_sync)
            .field("lying_sync_dir", lying_sync_dir)
            .field("steps", &self.steps)
            .field("struck", &self.struck)
            .finish()
    }
}

impl<D: Dir> FaultyDir<D> {
    /// Over a directory, with no fault planned.
    pub fn new(inner: D) -> Self {
        Self { inner, faults: Arc::default() }
    }

    fn plan(self, change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = self.faults.plan.clone();
        change(&mut plan);
        Self { inner: self.inner, faults: Arc::new(Faults { plan, ..Faults::default() }) }
    }

    /// Step `step` alone fails with this error of the system, and is not done.
    #[must_use]
    pub fn fail_at(self, step: u64, errno: i32) -> Self {
        self.plan(|plan| (plan.at, plan.errno, plan.for_good, plan.crash) = (Some(step), errno, false, false))
    }

    /// Step `step` and all later ones fail with this error of the system, and are not done: a disk that stays full or
    /// is read-only from now on.
    #[must_use]
    pub fn fail_from(self, step: u64, errno: i32) -> Self {
        self.plan(|plan| (plan.at, plan.errno, plan.for_good, plan.crash) = (Some(step), errno, true, false))
    }

    /// The machine stops before step `step`: it and all later ones fail and are not done. What the disk kept is for
    /// the directory below to say ([`MemoryDir::crash`](super::MemoryDir::crash)).
    #[must_use]
    pub fn crash_at(self, step: u64) -> Self {
        self.plan(|plan| (plan.at, plan.for_good, plan.crash) = (Some(step), true, true))
    }

    /// If the chosen step is a write, the first half of its bytes is written before it fails.
    #[must_use]
    pub fn short_writes(self) -> Self {
        self.plan(|plan| plan.short_writes = true)
    }

    /// A control: `sync_data` and `sync_all` report success and do nothing. A test of durability that still passes
    /// over this proves nothing.
    #[must_use]
    pub fn lying_sync(self) -> Self {
        self.plan(|plan| plan.lying_sync = true)
    }

    /// A control, as [`lying_sync`](FaultyDir::lying_sync): `sync_dir` reports success and does nothing.
    #[must_use]
    pub fn lying_sync_dir(self) -> Self {
        self.plan(|plan| plan.lying_sync_dir = true)
    }

    /// Called with the path when a sync of a file fails by [`fail_at`](FaultyDir::fail_at) or
    /// [`fail_from`](FaultyDir::fail_from): what the system then forgets is for the directory below to say
    /// ([`MemoryDir::forget_unsynced`](super::MemoryDir::forget_unsynced)).
    #[must_use]
    pub fn on_failed_sync(self, observer: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.plan(|plan| plan.on_failed_sync = Some(Arc::new(observer)))
    }

    /// Steps asked for so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.faults.steps.load(Ordering::SeqCst)
    }

    /// Whether the planned fault happened. When it did not, the operation has fewer steps.
    #[must_use]
    pub fn struck(&self) -> bool {
        self.faults.struck.load(Ordering::SeqCst)
    }

    fn file<F>(&self, path: &str, inner: F) -> FaultyFile<F> {
        FaultyFile { inner, path: path.to_owned(), faults: self.faults.clone(), poison: Poison::default() }
    }
}

/// What a step comes to.
enum Step {
    Goes,
    /// `first` at the chosen step itself, false at the later ones of a fault for good.
    Fails {
        error: io::Error,
        first: bool,
    },
}

impl Faults {
    fn step(&self) -> Step {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        let Plan { at, errno, for_good, crash, .. } = self.plan;
        let first = at == Some(step);
        let later = for_good && at.is_some_and(|at| at < step);
        if !(first || later) {
            return Step::Goes;
        }
        self.struck.store(true, Ordering::SeqCst);
        let error = if crash {
            io::Error::other("the machine stopped here")
        } else {
            io::Error::from_raw_os_error(errno)
        };
        Step::Fails { error, first }
    }

    /// Does `call` unless this step fails.
    fn run<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        match self.step() {
            Step::Goes => call(),
            Step::Fails { error, .. } => Err(during(operation, Path::new(path))(error)),
        }
    }
}

impl<D: Dir> Dir for FaultyDir<D> {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.faults.run("create folder", path, || self.inner.create_dir(path))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let file = self.faults.run("create", path, || self.inner.create(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let file = self.faults.run("open for writing", path, || self.inner.open_write(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let file = self.faults.run("open", path, || self.inner.open_read(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.faults.run("rename to", to, || self.inner.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.faults.run("remove", path, || self.inner.remove(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let lie = self.faults.plan.lying_sync_dir;
        self.faults.run("fsync of folder", path, || if lie { Ok(()) } else { self.inner.sync_dir(path) })
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.faults.run("list", path, || self.inner.list(path))
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        self.faults.run("look at", path, || self.inner.metadata(path))
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        self.faults.run("lock", path, || self.inner.try_lock(path))
    }

    fn local_path(&self, path: &str) -> PathBuf {
        self.inner.local_path(path)
    }
}

#[derive(Debug)]
struct FaultyFile<F> {
    inner: F,
    path: String,
    faults: Arc<Faults>,
    poison: Poison,
}

impl<F: ReadAt> ReadAt for FaultyFile<F> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.faults.run("read", &self.path, || self.inner.read_at(offset, buffer))
    }

    fn len(&self) -> io::Result<u64> {
        self.faults.run("look at", &self.path, || self.inner.len())
    }
}

impl<F: WriteAt> FaultyFile<F> {
    fn sync(
        &mut self,
        operation: &'static str,
        sync: impl FnOnce(&mut F) -> io::Result<()>,
    ) -> io::Result<()> {
        let Self { inner, path, faults, poison } = self;
        poison.guard(operation, Path::new(path), || match faults.step() {
            Step::Goes if faults.plan.lying_sync => Ok(()),
            Step::Goes => sync(inner),
            Step::Fails { error, .. } => {
                if let (false, Some(observer)) = (faults.plan.crash, &faults.plan.on_failed_sync) {
                    observer(path);
                }
                Err(error)
            }
        })
    }
}

impl<F: WriteAt> WriteAt for FaultyFile<F> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Self { inner, path, faults, poison } = self;
        poison.guard("write", Path::new(path), || match faults.step() {
            Step::Goes => inner.write_at(offset, bytes),
            Step::Fails { error, first } => {
                if first && faults.plan.short_writes {
                    inner.write_at(offset, &bytes[..bytes.len() / 2])?;
                }
                Err(error)
            }
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.sync("fdatasync", F::sync_data)
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.sync("fsync", F::sync_all)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let Self { inner, path, faults, poison } = self;
        poison.guard("truncate", Path::new(path), || faults.run("truncate", path, || inner.set_len(len)))
    }
}
