//! Why a job could not go on. What the platform says about a message is an outcome, and no error.

use std::fmt;
use std::io;

/// A job that could not go on. What was done by then is recorded, and the same command goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The journal.
    Journal(frontdesk_journal::Error),
    /// The lines cannot be read any further.
    Input(io::Error),
    /// The runtime is shutting down.
    Shutdown,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal(_) => "the journal could not be written or read",
            Self::Input(_) => "the messages could not be read to their end",
            Self::Shutdown => "the program is ending",
        })
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Journal(error) => Some(error),
            Self::Input(error) => Some(error),
            Self::Shutdown => None,
        }
    }
}

impl From<frontdesk_journal::Error> for SendError {
    fn from(error: frontdesk_journal::Error) -> Self {
        Self::Journal(error)
    }
}
