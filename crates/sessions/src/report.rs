//! What a job came to (contract §6): counts, success rate, latency.

use frontdesk_domain::closure::OutcomeKind;
use serde::Serialize;

use crate::desk::{By, Closed};

/// Counts by outcome. Every guest is in exactly one of the first five, or was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// We ended the session.
    pub ended: u64,
    /// It had ended before.
    pub duplicate: u64,
    /// It was in a state in which sessions are not ended.
    pub skipped: u64,
    /// It was not ended.
    pub failed: u64,
    /// It may have been ended.
    pub unknown: u64,
}

impl Counts {
    /// Counts one guest.
    pub fn add(&mut self, kind: OutcomeKind) {
        *match kind {
            OutcomeKind::Ended => &mut self.ended,
            OutcomeKind::Duplicate => &mut self.duplicate,
            OutcomeKind::Skipped => &mut self.skipped,
            OutcomeKind::Failed => &mut self.failed,
            OutcomeKind::Unknown => &mut self.unknown,
        } += 1;
    }

    /// Counts several of the kind that [`OutcomeKind::as_str`] calls by this name; others not.
    pub(crate) fn add_named(&mut self, kind: &str, number: u64) {
        let kinds = [
            (OutcomeKind::Ended, &mut self.ended),
            (OutcomeKind::Duplicate, &mut self.duplicate),
            (OutcomeKind::Skipped, &mut self.skipped),
            (OutcomeKind::Failed, &mut self.failed),
            (OutcomeKind::Unknown, &mut self.unknown),
        ];
        for (known, count) in kinds {
            if known.as_str() == kind {
                *count += number;
            }
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ended + self.duplicate + self.errors() + self.skipped
    }

    /// Failed and unknown ones.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.failed + self.unknown
    }

    /// The share of sessions that are over, among those that were to be ended; none when there was no such.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        let over = self.ended + self.duplicate;
        let tried = over + self.errors();
        (tried > 0).then(|| over as f64 / tried as f64)
    }
}

/// Latencies, as they came; 4 bytes a guest.
#[derive(Debug, Clone, Default)]
pub struct Latencies(Vec<u32>);

/// How long guests took, in milliseconds: the time that this share of them did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u32,
    /// 95 of 100.
    pub p95: u32,
    /// 99 of 100.
    pub p99: u32,
    /// All.
    pub max: u32,
}

impl Latencies {
    /// Adds a guest that was dealt with, by this run or another one.
    pub fn add(&mut self, closed: &Closed) {
        if closed.by != By::Plan {
            self.add_ms(closed.latency_ms);
        }
    }

    /// Adds what took this many milliseconds.
    pub fn add_ms(&mut self, latency_ms: u64) {
        self.0.push(u32::try_from(latency_ms).unwrap_or(u32::MAX));
    }

    /// The percentiles, by the nearest rank; none without a guest.
    ///
    /// ```
    /// use frontdesk_domain::closure::Outcome;
    /// use frontdesk_sessions::{By, Closed, Latencies};
    ///
    /// let mut latencies = Latencies::default();
    /// for latency_ms in 1..=200 {
    ///     latencies.add(&Closed { outcome: Outcome::Ended, latency_ms, by: By::This, kept: None });
    /// }
    /// let found = latencies.percentiles().unwrap();
    /// assert_eq!((found.p50, found.p95, found.p99, found.max), (100, 190, 198, 200));
    /// ```
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)];
        Some(Percentiles { p50: at(50), p95: at(95), p99: at(99), max })
    }
}

/// What looking again found of the sessions that were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReadBack {
    /// They are over.
    pub over: u64,
    /// They go on all the same.
    pub still_active: u64,
    /// They could not be looked at.
    pub unread: u64,
}
