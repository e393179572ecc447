//! What can go wrong with a log.

use std::io;

/// Why a log could not be opened, read or appended to.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}")]
pub struct LogError {
    action: &'static str,
    path: String,
    #[source]
    kind: LogErrorKind,
}

/// What kind of trouble it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogErrorKind {
    /// The system refused or failed. After a failed append nothing of it is acknowledged, and the log takes no more
    /// until it is opened again.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not what was written: a line was changed, removed, added or moved. Nothing was changed by us.
    /// Trying again does not help; the log can still be read up to the line before.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// An earlier append on this log failed, so what reached the disk is unknown. Open the log again.
    #[error("an earlier append failed, and what reached the disk is unknown until the log is opened again")]
    Poisoned,
    /// One append may write at most [`MAX_APPEND_BYTES`](crate::MAX_APPEND_BYTES). Nothing was written.
    #[error("{bytes} bytes in one append, more than {}", crate::MAX_APPEND_BYTES)]
    TooLarge {
        /// What the lines would have taken, newlines included.
        bytes: u64,
    },
}

/// Where a log is damaged, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Damage {
    /// The number of the first bad line, counted from 1.
    pub line: u64,
    /// What is wrong with it, in a few words. Never a part of the line.
    pub what: &'static str,
}

impl LogError {
    pub(crate) fn new(action: &'static str, path: &str, kind: impl Into<LogErrorKind>) -> Self {
        Self { action, path: path.to_owned(), kind: kind.into() }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> &LogErrorKind {
        &self.kind
    }

    /// The kind, taken out.
    #[must_use]
    pub fn into_kind(self) -> LogErrorKind {
        self.kind
    }

    /// The log file, relative to the directory.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the log is damaged, if that is what is wrong.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        match &self.kind {
            LogErrorKind::Damage(damage) => Some(damage),
            _ => None,
        }
    }

    /// What the system said, if that is what is wrong.
    #[must_use]
    pub fn io(&self) -> Option<&io::Error> {
        match &self.kind {
            LogErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
