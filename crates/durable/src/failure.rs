//! What an [`io::Error`] of this crate carries: the operation and the file, and whether the handle is poisoned.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Which operation failed on which file. It sits inside the [`io::Error`]s that directories and files give, which
/// keep the [`io::ErrorKind`] of the cause; the cause itself is one [`source`](Error::source) further.
#[derive(Debug)]
pub struct Failure {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Failure {
    /// The operation in a word or two: `"write"`, `"fdatasync"`, `"rename"`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The file it was done on.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The failure inside an error of this crate, if there is one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed on {}", self.operation, self.path.display())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Puts the operation and the file around an error, keeping its kind.
pub(crate) fn during(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |source| {
        if is_poisoned(&source) || Failure::of(&source).is_some() {
            return source;
        }
        io::Error::new(source.kind(), Failure { operation, path: path.to_owned(), source })
    }
}

/// The number the operating system gave (`errno`), however deep it sits. `None` for errors that are our own.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(5);
/// assert_eq!(frontdesk_durable::os_code(&error), Some(5));
/// ```
#[must_use]
pub fn os_code(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| os_code(&Failure::of(error)?.source))
}

/// Whether an error says that no space is left, or that no more of it is allowed. Trying again helps once there is some.
///
/// ```
/// let error = std::io::Error::from(std::io::ErrorKind::QuotaExceeded);
/// assert!(frontdesk_durable::is_full(&error));
/// ```
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The error of every write and sync on a file handle after one of them failed ([`WriteAt`](crate::WriteAt)).
#[derive(Debug, thiserror::Error)]
#[error("{} is not written any more: {first} failed on this handle before, so what reached the disk is unknown", path.display())]
pub(crate) struct Poisoned {
    first: &'static str,
    path: PathBuf,
}

/// Whether an error says that the file handle is poisoned, i.e. an *earlier* write or sync on it failed. Trying
/// again on the same handle never helps; what to do is to open the file anew and look at what is there.
#[must_use]
pub fn is_poisoned(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Poisoned>())
}

/// Remembers the first failed change on a file handle and refuses every later one without doing it.
#[derive(Debug, Default)]
pub(crate) struct Poison(Option<&'static str>);

impl Poison {
    /// Does `change` unless an earlier one failed; a failure is remembered.
    pub(crate) fn guard<T>(
        &mut self,
        operation: &'static str,
        path: &Path,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        if let Some(first) = self.0 {
            return Err(io::Error::other(Poisoned { first, path: path.to_owned() }));
        }
        change().map_err(|error| {
            self.0 = Some(operation);
            during(operation, path)(error)
        })
    }
}
