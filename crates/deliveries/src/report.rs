//! What came of a drain.

use frontdesk_domain::Timestamp;
use frontdesk_journal::outbox::Outcome;

/// What came of a [`Drain`](crate::Drain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Attempts made.
    pub attempts: u64,
    /// Deliveries that were taken.
    pub delivered: u64,
    /// Attempts that failed and are due again.
    pub retried: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Endpoints that answered 410 and are out of service.
    pub disabled: u64,
    /// Why it ended.
    pub end: End,
    /// When the next delivery is due, where one is open.
    pub next_due: Option<Timestamp>,
}

/// Why a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// Nothing was due any more; something may be open for later.
    #[default]
    NothingDue,
    /// Nothing was open any more.
    Empty,
    /// Its time was up.
    Time,
    /// The caller gave the signal to stop.
    Cancelled,
    /// Another process delivers, and goes on doing so.
    Busy,
}

impl Report {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        self.attempts += 1;
        match outcome {
            Outcome::Delivered => self.delivered += 1,
            Outcome::Retry { .. } => self.retried += 1,
            Outcome::Dead => self.dead += 1,
            Outcome::Gone => {
                self.dead += 1;
                self.disabled += 1;
            }
        }
    }
}
