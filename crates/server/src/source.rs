//! What is searched: the archive, opened when it is first needed and again every now and then.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_archive::{Error, Expression, Match, ReadOptions, Reader, Searched, Stats};

use crate::clock;

/// Where answers come from. Everything here blocks: it is called on threads of its own.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Calls `each` with every conversation whose transcript contains `term`, newest first, until it says to stop.
    /// Nothing that others wait for may be held while `each` runs.
    ///
    /// # Errors
    /// What is wrong with the archive as a whole; what cannot be read of it is counted.
    fn search_each(
        &self,
        term: &str,
        each: &mut dyn FnMut(Match) -> ControlFlow<()>,
    ) -> Result<Searched, Error>;

    /// Whether there is an archive that answers, and how much it holds.
    ///
    /// # Errors
    /// Why not.
    fn check(&self) -> Result<Stats, Error>;
}

/// After so long the archive is opened again: a repair may have put another catalog in the place of the one that is open.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// The same for a reader that does not see what writers acknowledge, since the folder's catalog was no use when it was
/// opened. Or ten times what opening took, where that is longer.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// The archive in a folder, shared by all requests. It may come to be while the server runs.
pub struct ArchiveSource {
    root: PathBuf,
    options: ReadOptions,
    opened: Mutex<Option<Opened>>,
    /// Held by the one that opens it.
    opening: Mutex<()>,
}

#[derive(Clone)]
struct Opened {
    reader: Arc<Reader>,
    at: Instant,
    fresh_for: Duration,
}

impl ArchiveSource {
    /// The archive in `root`, read with `options`. Opens nothing yet.
    pub fn new(root: PathBuf, options: ReadOptions) -> Self {
        Self { root, options, opened: Mutex::default(), opening: Mutex::default() }
    }

    /// The archive, open. Blocks while it is opened.
    pub(crate) fn reader(&self) -> Result<Arc<Reader>, Error> {
        let opened = || self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_fresh = |opened: &Opened| clock::monotonic().duration_since(opened.at) < opened.fresh_for;
        if let Some(opened) = opened().filter(is_fresh) {
            return Ok(opened.reader);
        }
        let alone = match (self.opening.try_lock(), opened()) {
            (Ok(alone), _) => alone,
            // While somebody opens it again the one before still answers.
            (Err(_), Some(stale)) => return Ok(stale.reader),
            (Err(_), None) => self.opening.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // Another one may have opened it while this one waited.
        if let Some(opened) = opened().filter(is_fresh) {
            return Ok(opened.reader);
        }
        let began = clock::monotonic();
        let reader = Reader::open(&self.root, &ReadOptions { many_searches: true, ..self.options.clone() })?;
        let reader = Arc::new(match opened() {
            Some(before) => reader.after(&before.reader),
            None => reader,
        });
        let at = clock::monotonic();
        let fresh_for = match reader.is_live() {
            true => FRESH_FOR,
            false => STALE_AFTER.max(at.duration_since(began) * 10),
        };
        let now = Opened { reader: Arc::clone(&reader), at, fresh_for };
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        drop(alone);
        Ok(reader)
    }

    /// The archive, opened once more, for who keeps others waiting. Blocks.
    pub(crate) fn another(&self) -> Result<Reader, Error> {
        Reader::open(&self.root, &self.options)
    }

    /// Gives the reader up: the next question opens the archive again.
    pub(crate) fn forget(&self) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Source for ArchiveSource {
    fn search_each(
        &self,
        term: &str,
        each: &mut dyn FnMut(Match) -> ControlFlow<()>,
    ) -> Result<Searched, Error> {
        let found = self.reader()?.search_each(&Expression::Contains(term.to_owned()), each);
        found.inspect_err(|_| self.forget())
    }

    fn check(&self) -> Result<Stats, Error> {
        self.reader()?.stats().inspect_err(|_| self.forget())
    }
}

impl fmt::Debug for ArchiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveSource").field("root", &self.root).finish_non_exhaustive()
    }
}
