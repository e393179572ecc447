//! What a caller hears while a job runs.

use frontdesk_domain::{RunId, TimeRange, TranscriptReport};

use crate::tally::Tally;

/// Rejected records that are told one by one; the rest is only counted.
pub(crate) const MOST_NOTES: u64 = 20;

/// Listens to a job. Every method does nothing by default; none may block for long.
pub trait Monitor: Send + Sync {
    /// The job begins, or goes on where an earlier run of it stopped.
    fn started(&self, run: &RunId, resumed: bool, windows: usize) {
        let _ = (run, resumed, windows);
    }

    /// A page, or a part of a file, is stored.
    fn stored(&self, progress: &Progress) {
        let _ = progress;
    }

    /// Transcripts are stored: what came of this session's looks so far.
    fn transcripts(&self, counts: &TranscriptReport) {
        let _ = counts;
    }

    /// Something happened that a person may want to read about.
    fn note(&self, note: &Note) {
        let _ = note;
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Parts done, of [`Progress::total`]: seconds of the range for a pull, bytes of the file for an import.
    pub done: u64,
    /// All parts; zero where that is not known.
    pub total: u64,
    /// Pages taken; zero for an import.
    pub pages: u64,
    /// What became of the records so far.
    pub tally: Tally,
}

/// Something worth a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A record could not be kept. `place` says where it was, `reason` why.
    Rejected {
        /// Where the record was: page and position, or line.
        place: String,
        /// Why it cannot be kept.
        reason: String,
    },
    /// A stored page token was no longer accepted; the window begins again.
    WindowRestarted {
        /// The window.
        window: TimeRange,
    },
    /// The log of an earlier run cannot be read: if this was to go on with it, it begins anew instead.
    RunLogDamaged {
        /// The earlier run.
        run: RunId,
    },
    /// A window ended before its last page.
    WindowFailed {
        /// The window.
        window: TimeRange,
        /// Why.
        reason: String,
    },
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
