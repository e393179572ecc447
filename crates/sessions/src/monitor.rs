//! What a caller hears while a job runs.

use frontdesk_domain::GuestId;
use frontdesk_domain::closure::Outcome;

use crate::desk::Closed;
use crate::plan::Planned;

/// Listens to a job. Every method does nothing by default; none may block for long.
pub trait Monitor: Send + Sync {
    /// Intents that an earlier run left open were settled.
    fn settled(&self, count: u64) {
        let _ = count;
    }

    /// A guest was looked at for a plan; `done` of `total` are.
    fn planned(&self, guest: &Planned, done: u64, total: u64) {
        let _ = (guest, done, total);
    }

    /// A guest has its outcome, and it is on disk; `done` of `total` have one.
    fn closed(&self, guest: &GuestId, closed: &Closed, done: u64, total: u64) {
        let _ = (guest, closed, done, total);
    }

    /// A dry run says what would become of a guest: ended where there is no outcome.
    fn previewed(&self, guest: &GuestId, outcome: Option<&Outcome>, done: u64, total: u64) {
        let _ = (guest, outcome, done, total);
    }

    /// The sessions that were ended are looked at once more.
    fn reading_back(&self, total: u64) {
        let _ = total;
    }

    /// A session that was ended goes on all the same.
    fn still_active(&self, guest: &GuestId) {
        let _ = guest;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
