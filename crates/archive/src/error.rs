//! What can go wrong, in the archive's own words.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_durable::is_full;

/// A call on the archive that did not succeed.
///
/// Says what was being done ([`Error::action`]), on what ([`Error::path`], relative to the archive's
/// folder), and what kind of failure it is ([`Error::kind`]). Never holds record bytes. Cloning is
/// cheap: several callers of one group may receive the same failure.
#[derive(Debug, Clone)]
pub struct Error {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    action: Action,
    path: String,
    kind: ErrorKind,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the archive was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Making the folders and `FORMAT.json` of a new archive.
    Create,
    /// Opening the archive: lock, format, ledger, segments.
    Open,
    /// Taking the writer's lock.
    Lock,
    /// Reading a file of the archive.
    Read,
    /// Writing record bytes, or making them durable.
    Write,
    /// Closing a full segment for ever.
    Seal,
    /// Adding a line to the ledger or to a run's log.
    Append,
    /// Settling what an unclean stop left behind.
    Recover,
    /// Reading or updating the catalog.
    Catalog,
    /// Storing records.
    Put,
    /// Reading one record.
    Show,
    /// Scanning transcripts.
    Search,
    /// Checking the archive.
    Verify,
    /// Writing an export.
    Export,
    /// Writing a segment once more without what was removed.
    Compact,
    /// Putting conversations under a legal hold, or releasing them.
    Hold,
    /// Removing conversations by retention.
    Expire,
    /// Keeping the search index.
    Index,
    /// Mending what is damaged.
    Repair,
}

/// What kind of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another process holds the archive and did not let go in the time given.
    Busy {
        /// What the holder says about itself.
        holder: String,
    },
    /// A read, write or fsync failed. Nothing was acknowledged for it.
    Storage,
    /// There is no space left, or no more of it is allowed. Nothing was acknowledged for the write.
    Full,
    /// An earlier write or fsync of this writer failed; it acknowledges nothing any more.
    Poisoned,
    /// Stored bytes are not what was written.
    Damage {
        /// What was found, without customer text.
        what: String,
    },
    /// The archive belongs to another organisation.
    ForeignOrganization {
        /// The organisation that was asked for.
        expected: String,
        /// The organisation in `FORMAT.json`.
        found: String,
    },
    /// A value was made by another archive.
    ForeignArchive,
    /// The archive was written by a newer version.
    NewerFormat {
        /// Major version found.
        major: u32,
        /// Minor version found.
        minor: u32,
    },
    /// The folder is not an archive.
    NotAnArchive,
    /// The folder or its file system does not let us write.
    ReadOnly,
    /// The catalog could not be read or written.
    Catalog,
    /// The folder that was named for something new holds something else.
    Occupied {
        /// What is in it.
        what: String,
    },
    /// The caller asked to stop.
    Interrupted,
    /// A query or cursor that cannot be understood.
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// A cursor whose order is no more: the archive has changed since, or it was another search's.
    OutdatedCursor,
    /// Something is named that is not in the archive.
    Unknown {
        /// What is not there.
        what: String,
    },
    /// The clock is further ahead of the archive's last time than can be believed, so nothing is removed.
    ClockAhead {
        /// The last time that can be relied on.
        last: frontdesk_domain::Timestamp,
        /// What the clock says.
        now: frontdesk_domain::Timestamp,
    },
    /// A record, or a line of a log, is longer than the archive takes.
    TooLarge {
        /// Its length in bytes.
        bytes: u64,
        /// The longest that is taken, in bytes.
        limit: u64,
    },
}

impl ErrorKind {
    /// What a failure of the file system comes to.
    pub(crate) fn of_storage(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ if is_full(error) => Self::Full,
            _ => Self::Storage,
        }
    }
}

impl Error {
    pub(crate) fn new(action: Action, path: impl Into<String>, kind: ErrorKind) -> Self {
        Self { inner: Arc::new(Inner { action, path: path.into(), kind, source: None }) }
    }

    pub(crate) fn with_source(
        action: Action,
        path: impl Into<String>,
        kind: ErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source = Some(source.into());
        Self { inner: Arc::new(Inner { action, path: path.into(), kind, source }) }
    }

    /// The caller asked to stop.
    pub(crate) fn interrupted() -> Self {
        Self::new(Action::Read, "the archive", ErrorKind::Interrupted)
    }

    pub(crate) fn damage(action: Action, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(action, path, ErrorKind::Damage { what: what.into() })
    }

    /// What the archive was doing.
    #[must_use]
    pub fn action(&self) -> Action {
        self.inner.action
    }

    /// What it was doing it on: a path relative to the archive's folder, or the folder itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// Whether the same call may succeed later without anybody changing anything: only while
    /// another process holds the archive.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Busy { .. })
    }

    /// Whether the storage failed (full, read-only, failing write or fsync), so that nothing was
    /// acknowledged after it.
    #[must_use]
    pub fn is_storage_failure(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::Storage | ErrorKind::Full | ErrorKind::Poisoned | ErrorKind::ReadOnly
        )
    }

    /// Whether stored bytes were found to be wrong or gone.
    #[must_use]
    pub fn is_integrity_failure(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Damage { .. })
    }

    /// The failure after which nothing more is acknowledged, if it was one of ours.
    fn first(&self) -> Option<&Self> {
        self.inner.source.as_deref()?.downcast_ref()
    }

    /// What to do about it, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.inner.kind {
            ErrorKind::Busy { .. } => Some("wait for the other process to end, or wait longer with --wait"),
            ErrorKind::Storage => Some(
                "check free space and the health of the disk; what was acknowledged before is kept, and the same command resumes",
            ),
            ErrorKind::Full => Some(
                "make space on the disk; what was acknowledged before is kept, and the same command resumes",
            ),
            // Whoever is told may never have met the first failure.
            ErrorKind::Poisoned => self.first().map_or(
                Some("look at the first failure; what was acknowledged before is kept, and the same command resumes"),
                Self::hint,
            ),
            ErrorKind::Damage { .. } => Some(
                "run `frontdesk archive verify` for the whole list; reading still works, writing is refused until it is repaired",
            ),
            ErrorKind::ForeignOrganization { .. } => {
                Some("use another --data-dir, or set organization_id to the archive's own")
            }
            ErrorKind::ForeignArchive => Some("use the cursor with the archive that gave it"),
            ErrorKind::OutdatedCursor => Some(
                "ask for the first page again, or search with --order newest, whose cursors stay good while the archive grows",
            ),
            ErrorKind::NewerFormat { .. } => Some("use a newer version of frontdesk"),
            ErrorKind::NotAnArchive => Some("name an empty folder, a missing one, or an archive"),
            ErrorKind::ReadOnly => Some("make the folder writable, or choose another --data-dir"),
            ErrorKind::Catalog => Some("catalog.sqlite may be deleted: it is rebuilt from the segments"),
            ErrorKind::Occupied { .. } => Some("name a folder that is empty or not there"),
            ErrorKind::Malformed { .. }
            | ErrorKind::Unknown { .. }
            | ErrorKind::TooLarge { .. }
            | ErrorKind::Interrupted => None,
            ErrorKind::ClockAhead { .. } => Some(
                "look at the machine's clock; when it is right, say so with --confirm-clock, or allow longer pauses with clock_jump",
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path() {
            "" => "the archive's folder",
            path => path,
        };
        write!(f, "could not {} {path}: {}", self.inner.action, self.inner.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Create => "create",
            Action::Open => "open",
            Action::Lock => "lock",
            Action::Read => "read",
            Action::Write => "write",
            Action::Seal => "seal",
            Action::Append => "append to",
            Action::Recover => "recover",
            Action::Catalog => "use",
            Action::Put => "store records in",
            Action::Show => "read a record from",
            Action::Search => "search",
            Action::Verify => "verify",
            Action::Export => "export to",
            Action::Compact => "rewrite",
            Action::Hold => "hold conversations of",
            Action::Expire => "remove conversations from",
            Action::Index => "keep the search index of",
            Action::Repair => "repair",
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Busy { holder } if holder.is_empty() => {
                f.write_str("another process holds the archive")
            }
            ErrorKind::Busy { holder } => write!(f, "the archive is held by {holder}"),
            ErrorKind::Storage => f.write_str("the storage failed"),
            ErrorKind::Full => f.write_str("no space is left"),
            ErrorKind::Poisoned => f.write_str("an earlier write failed, so nothing more is acknowledged"),
            ErrorKind::Damage { what } => write!(f, "damaged: {what}"),
            ErrorKind::ForeignOrganization { expected, found } => {
                write!(f, "it belongs to organisation {found:?}, not to {expected:?}")
            }
            ErrorKind::ForeignArchive => f.write_str("it comes from another archive"),
            ErrorKind::NewerFormat { major, minor } => {
                write!(f, "it has format {major}.{minor}, newer than this version writes")
            }
            ErrorKind::NotAnArchive => f.write_str("it is not an archive"),
            ErrorKind::ReadOnly => f.write_str("it is read-only"),
            ErrorKind::Catalog => f.write_str("the catalog failed"),
            ErrorKind::Malformed { what } | ErrorKind::Occupied { what } | ErrorKind::Unknown { what } => {
                f.write_str(what)
            }
            ErrorKind::ClockAhead { last, now } => {
                write!(f, "the clock says {now}, and the last time that can be relied on is {last}")
            }
            ErrorKind::OutdatedCursor => {
                f.write_str("it belongs to another search, or the archive has changed since")
            }
            ErrorKind::Interrupted => f.write_str("it was asked to stop"),
            ErrorKind::TooLarge { bytes, limit } => {
                write!(f, "{bytes} bytes in one piece are more than the {limit} taken")
            }
        }
    }
}

/// Adds what was being done, and on what, to a failure of the file system.
pub(crate) trait During<T> {
    fn during(self, action: Action, path: &str) -> Result<T, Error>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: Action, path: &str) -> Result<T, Error> {
        self.map_err(|source| Error::with_source(action, path, ErrorKind::of_storage(&source), source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CatalogResult as _;

    #[test]
    fn a_full_disk_is_named_and_the_way_out_reaches_those_who_come_later() {
        let sqlite = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(13), None);
        let in_catalog = Err::<(), _>(sqlite).in_catalog().unwrap_err();
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let in_segment = Err::<(), _>(full).during(Action::Write, "segments/1").unwrap_err();
        for first in [in_catalog, in_segment] {
            assert_eq!(*first.kind(), ErrorKind::Full);
            assert!(first.is_storage_failure());
            assert!(first.to_string().contains("no space is left"), "{first}");
            let later = Error::with_source(Action::Put, "the archive", ErrorKind::Poisoned, first.clone());
            assert!(later.is_storage_failure());
            assert!(later.hint().unwrap().contains("make space"), "{:?}", later.hint());
        }
        let unknown = Error::new(Action::Put, "the archive", ErrorKind::Poisoned);
        assert!(unknown.hint().unwrap().contains("first failure"));
    }
}
