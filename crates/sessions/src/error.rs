//! Why a job could not go on. What the platform says about a guest is an outcome, and no error.

use std::fmt;
use std::io;

use crate::plan::PlanError;

/// A job that could not go on. What was done by then is recorded, and the same command goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// The journal.
    Journal(frontdesk_journal::Error),
    /// The folder of claims.
    Claims(io::Error),
    /// The plan changed while it was carried out, or cannot be read any more.
    Plan(PlanError),
    /// The file of a selection or of requests, or of the plan that is being written.
    File(io::Error),
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Journal(_) => "the journal could not be written or read",
            Self::Claims(_) => "guests could not be claimed",
            Self::Plan(_) => "the plan could not be carried out to its end",
            Self::File(_) => "a file of the job could not be written or read",
        })
    }
}

impl std::error::Error for JobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Journal(error) => Some(error),
            Self::Claims(error) | Self::File(error) => Some(error),
            Self::Plan(error) => Some(error),
        }
    }
}

impl From<frontdesk_journal::Error> for JobError {
    fn from(error: frontdesk_journal::Error) -> Self {
        Self::Journal(error)
    }
}

impl From<PlanError> for JobError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

/// Claims are the only other files a guest needs.
impl From<io::Error> for JobError {
    fn from(error: io::Error) -> Self {
        Self::Claims(error)
    }
}
