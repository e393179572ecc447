//! What a job came to: counts, success rate, latency, how many are in a queue.

use frontdesk_domain::session::{OpeningKind, OpeningOutcome};
use serde::Serialize;

use super::desk::Answered;
use crate::desk::By;
use crate::planning::Stop;
use crate::report::Latencies;

/// Counts by outcome. Every request is in exactly one of them, or was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OpeningCounts {
    /// We opened the session.
    pub opened: u64,
    /// The guest had the same session already.
    pub already_open: u64,
    /// It broke rules, and was not sent.
    pub refused: u64,
    /// No session was opened.
    pub failed: u64,
    /// A session may have been opened.
    pub unknown: u64,
}

impl OpeningCounts {
    /// Counts one request.
    pub fn add(&mut self, kind: OpeningKind) {
        *match kind {
            OpeningKind::Opened => &mut self.opened,
            OpeningKind::AlreadyOpen => &mut self.already_open,
            OpeningKind::Refused => &mut self.refused,
            OpeningKind::Failed => &mut self.failed,
            OpeningKind::Unknown => &mut self.unknown,
        } += 1;
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.done() + self.refused + self.errors()
    }

    /// Guests that have the session that was asked for.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.opened + self.already_open
    }

    /// Failed and unknown ones.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.failed + self.unknown
    }

    /// The share of the requests that have their session; none when there was no request.
    ///
    /// ```
    /// use frontdesk_sessions::OpeningCounts;
    ///
    /// let counts = OpeningCounts { opened: 2, already_open: 1, failed: 1, ..OpeningCounts::default() };
    /// assert_eq!(counts.success_rate(), Some(0.75));
    /// ```
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.done() as f64 / total as f64)
    }
}

/// What the requests of an input came to.
#[derive(Debug, Clone, Default)]
pub struct OpeningReport {
    /// Requests by outcome, whoever of all runs over the same input dealt with them.
    pub counts: OpeningCounts,
    /// Requests of the input.
    pub requests: u64,
    /// Of the counts: dealt with by an earlier run, or by another one at the same time.
    pub earlier: u64,
    /// Of the opened ones: their place in the queue came back.
    pub routed: u64,
    /// Of the refused ones: blocked by policy.
    pub blocked: u64,
    /// Intents of dead runs that were settled beside them.
    pub settled: u64,
    /// How long those took that were sent.
    pub latencies: Latencies,
    /// Why it did not go on to its end; none when it did.
    pub stop: Option<Stop>,
}

impl OpeningReport {
    /// Counts one request.
    pub fn add(&mut self, answered: &Answered) {
        let Answered { outcome, latency_ms, by, .. } = answered;
        self.counts.add(outcome.kind());
        self.earlier += u64::from(*by == By::Other);
        match outcome {
            OpeningOutcome::Opened(opened) => self.routed += u64::from(opened.routing_success()),
            OpeningOutcome::Refused(refusal) => self.blocked += u64::from(refusal.policy),
            _ => {}
        }
        if !matches!(outcome, OpeningOutcome::Refused(_)) {
            self.latencies.add_ms(*latency_ms);
        }
    }

    /// Requests that have no outcome yet: the run stopped before them.
    #[must_use]
    pub fn not_reached(&self) -> u64 {
        self.requests.saturating_sub(self.counts.total())
    }
}
