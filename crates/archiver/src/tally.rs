//! What became of the records of a job.

use std::ops::AddAssign;

use frontdesk_archive::PutOutcome;
use serde::{Deserialize, Serialize};

/// Counts by outcome. `seen` is their sum, so that nothing can be forgotten between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Records that the archive had no version of.
    pub stored: u64,
    /// Records that differ from the latest version and became the next one.
    pub versions_added: u64,
    /// Records equal to the latest version: nothing was written.
    pub unchanged: u64,
    /// Records that were removed before and are not taken again.
    pub expired: u64,
    /// Records that cannot be kept, such as one without an id.
    pub rejected: u64,
}

impl Tally {
    /// Everything that arrived.
    pub fn seen(&self) -> u64 {
        self.stored + self.versions_added + self.unchanged + self.expired + self.rejected
    }

    /// Counts what the archive said about one record.
    pub(crate) fn count(&mut self, outcome: PutOutcome) {
        match outcome {
            PutOutcome::Stored => self.stored += 1,
            PutOutcome::VersionAdded { .. } => self.versions_added += 1,
            PutOutcome::Unchanged { .. } => self.unchanged += 1,
            PutOutcome::Expired => self.expired += 1,
            // An outcome that this version does not know is not a success it could claim.
            _ => self.rejected += 1,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.versions_added += other.versions_added;
        self.unchanged += other.unchanged;
        self.expired += other.expired;
        self.rejected += other.rejected;
    }
}
