//! What can go wrong, in the journal's own words.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_durable::is_full;

/// A call on the journal that did not succeed.
///
/// Says what was being done ([`Error::action`]), on what ([`Error::path`]), and what kind of failure it is
/// ([`Error::kind`]). Never holds a secret or a personal value. Cloning is cheap: several callers of one group may
/// receive the same failure.
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

/// What the journal was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Making a new journal.
    Create,
    /// Opening a journal.
    Open,
    /// Recording changes.
    Record,
    /// Reading.
    Read,
    /// Checking the chain.
    Verify,
    /// Writing an export.
    Export,
    /// Reading or replacing the signing keys.
    Keys,
    /// Destroying personal values.
    Shred,
}

/// What kind of failure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another process was writing for the whole wait.
    Busy {
        /// How long was waited.
        waited: Duration,
    },
    /// A read, write or fsync failed. Nothing was acknowledged for it.
    Storage,
    /// There is no space left, or no more of it is allowed. Nothing was acknowledged for the write.
    Full,
    /// An earlier commit of this journal failed; it acknowledges nothing any more.
    Poisoned,
    /// The folder or its file system does not let us write.
    ReadOnly,
    /// What is stored is not what was written.
    Damage {
        /// What was found, without personal values.
        what: String,
    },
    /// There is no journal in the folder.
    NotAJournal,
    /// The journal was written by a newer version.
    NewerFormat {
        /// The version found.
        version: i64,
    },
    /// The change contradicts what is recorded: an intent that is there with another body, or settled.
    Conflict {
        /// What contradicts it.
        what: String,
    },
    /// The change sets an item once that is there already.
    Repeated,
    /// Something is named that is not in the journal.
    Unknown {
        /// What is not there.
        what: String,
    },
    /// A signing key is needed that is not in the key file.
    KeyMissing {
        /// The key's id; empty when the whole file is missing.
        key_id: String,
    },
    /// Others than its owner may read the key file.
    KeyExposed {
        /// The file's permissions.
        mode: u32,
    },
    /// A file or argument that cannot be understood.
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// The caller asked to stop.
    Interrupted,
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

    pub(crate) fn damage(action: Action, what: impl Into<String>) -> Self {
        Self::new(action, crate::layout::DATABASE, ErrorKind::Damage { what: what.into() })
    }

    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::new(Action::Record, crate::layout::DATABASE, ErrorKind::Conflict { what: what.into() })
    }

    pub(crate) fn poisoned() -> Self {
        Self::new(Action::Record, crate::layout::DATABASE, ErrorKind::Poisoned)
    }

    /// What callers are told after the first failure, which they may never have met.
    pub(crate) fn poisoned_by(first: &Self) -> Self {
        Self::with_source(Action::Record, crate::layout::DATABASE, ErrorKind::Poisoned, first.clone())
    }

    /// What the journal was doing.
    #[must_use]
    pub fn action(&self) -> Action {
        self.inner.action
    }

    /// What it was doing it on: a file of the journal's folder, or the key file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.inner.kind
    }

    /// Whether the same call may succeed later without anybody changing anything: only while another process writes.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.inner.kind, ErrorKind::Busy { .. })
    }

    /// Whether the storage failed (full, read-only, failing write or fsync), so that nothing was acknowledged after it.
    #[must_use]
    pub fn is_storage_failure(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::Storage | ErrorKind::Full | ErrorKind::Poisoned | ErrorKind::ReadOnly
        )
    }

    /// Whether what is stored was found to be wrong or gone.
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
            ErrorKind::ReadOnly => Some("make the folder writable, or choose another --data-dir"),
            // It says itself what to do.
            ErrorKind::Damage { what } if what == crate::open::DATABASE_GONE => None,
            ErrorKind::Damage { .. } => Some(
                "run `frontdesk audit verify`, and compare with a head that was kept elsewhere; nothing is recorded until this is cleared up",
            ),
            ErrorKind::NotAJournal => Some(
                "the first command that changes something makes it; or name another folder with --data-dir",
            ),
            ErrorKind::NewerFormat { .. } => Some("use a newer version of frontdesk"),
            ErrorKind::KeyMissing { .. } => {
                Some("bring the key file back from its backup, or name it with journal_key_file")
            }
            ErrorKind::KeyExposed { .. } => Some("chmod 600 the key file, and think about who has read it"),
            ErrorKind::Conflict { .. }
            | ErrorKind::Repeated
            | ErrorKind::Unknown { .. }
            | ErrorKind::Malformed { .. }
            | ErrorKind::Interrupted => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.path() {
            "" => "the journal's folder",
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
            Action::Record => "record a change in",
            Action::Read => "read",
            Action::Verify => "verify",
            Action::Export => "export",
            Action::Keys => "use the keys of",
            Action::Shred => "destroy personal values in",
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Busy { waited } => {
                write!(f, "another process was writing for the whole {} s of the wait", waited.as_secs_f64())
            }
            ErrorKind::Storage => f.write_str("the storage failed"),
            ErrorKind::Full => f.write_str("no space is left"),
            ErrorKind::Poisoned => f.write_str("an earlier write failed, so nothing more is acknowledged"),
            ErrorKind::ReadOnly => f.write_str("it is read-only"),
            ErrorKind::Damage { what } => write!(f, "damaged: {what}"),
            ErrorKind::NotAJournal => f.write_str("there is no journal"),
            ErrorKind::NewerFormat { version } => {
                write!(f, "it has format {version}, newer than this version writes")
            }
            ErrorKind::Conflict { what } | ErrorKind::Unknown { what } | ErrorKind::Malformed { what } => {
                f.write_str(what)
            }
            ErrorKind::KeyMissing { key_id } if key_id.is_empty() => f.write_str("there is no key file"),
            ErrorKind::KeyMissing { key_id } => write!(f, "the key {key_id} is not in it"),
            ErrorKind::KeyExposed { mode } => {
                write!(f, "its permissions are {mode:03o}: others than its owner can read it")
            }
            ErrorKind::Repeated => f.write_str("it was recorded before"),
            ErrorKind::Interrupted => f.write_str("it was asked to stop"),
        }
    }
}

/// Adds what was being done, and on what, to a failure of the file system or of SQLite.
pub(crate) trait During<T> {
    fn during(self, action: Action, path: &str) -> Result<T, Error>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: Action, path: &str) -> Result<T, Error> {
        self.map_err(|source| {
            let kind = match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => ErrorKind::ReadOnly,
                _ if is_full(&source) => ErrorKind::Full,
                _ => ErrorKind::Storage,
            };
            Error::with_source(action, path, kind, source)
        })
    }
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, action: Action, path: &str) -> Result<T, Error> {
        self.map_err(|source| {
            use rusqlite::ErrorCode;
            // What cannot be read as what was written is damage, whichever layer finds out.
            let damage = |what: &str| ErrorKind::Damage { what: what.to_owned() };
            let kind = match source.sqlite_error_code() {
                None => damage("a row is not what was written"),
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => ErrorKind::ReadOnly,
                Some(ErrorCode::DiskFull) => ErrorKind::Full,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    damage("what SQLite reads is not what was written")
                }
                _ => ErrorKind::Storage,
            };
            // SQLite's messages name tables and files, never values.
            Error::with_source(action, path, kind, source)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_and_the_way_out_reaches_those_who_come_later() {
        let sqlite = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(13), None);
        let in_database = Err::<(), _>(sqlite).during(Action::Record, "journal.sqlite").unwrap_err();
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let in_heads = Err::<(), _>(full).during(Action::Record, "heads").unwrap_err();
        for first in [in_database, in_heads] {
            assert_eq!(*first.kind(), ErrorKind::Full);
            assert!(first.to_string().contains("no space is left"), "{first}");
            let later = Error::poisoned_by(&first);
            assert!(later.is_storage_failure());
            assert!(later.hint().unwrap().contains("make space"), "{:?}", later.hint());
        }
        assert!(Error::poisoned().hint().unwrap().contains("first failure"));
    }
}
