//! Whether it pays to ask one by one for texts that reads in bulk leave out.
//!
//! What a bulk read lacks is late or purged as a rule, and a single read says 404 of it as well: one request a text, for
//! nothing. So a few are tried, and those that were found pay for more.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::transcripts::Singles;

/// Reads that are tried before any of them found something.
const TRIED: u64 = 16;
/// Reads that one which found something pays for.
const PER_FOUND: u64 = 16;

/// Single reads so far, and how many of them found a text.
#[derive(Debug, Default)]
pub(super) struct Tally {
    asked: AtomicU64,
    found: AtomicU64,
}

impl Tally {
    /// Whether one more is to be asked for; if so it is counted.
    pub(super) fn take(&self, singles: Singles) -> bool {
        let allowed = match singles {
            Singles::All => u64::MAX,
            Singles::WhileFound => {
                TRIED.saturating_add(self.found.load(Ordering::Relaxed).saturating_mul(PER_FOUND))
            }
        };
        let one_more = |asked: u64| Some(asked + 1).filter(|asked| *asked <= allowed);
        self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// One of them found its text.
    pub(super) fn found(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }
}
