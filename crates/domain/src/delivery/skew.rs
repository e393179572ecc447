//! How far the platform's clock is ahead of ours, from the `Date` of its answers.
//!
//! A `Date` says a second, and the answer was made somewhere between the request and its arrival, so one answer bounds
//! the difference to about a second and the round trip. Each answer gives an interval; the difference is in all of them,
//! and their intersection gets narrower with each that falls into another part of its second. When they have nothing in
//! common a clock has jumped, and the newest answer begins anew.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Nanoseconds of the second that a `Date` leaves open.
const SECOND: i128 = 1_000_000_000;

/// Clocks that run freely part by at most one in this many: 200 parts in a million, twice what a bad crystal does.
const DRIFT: i128 = 5_000;

/// What one answer says: the difference between the clocks is between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSample {
    /// Nanoseconds the platform is ahead, at least.
    low: i128,
    /// Nanoseconds the platform is ahead, at most.
    high: i128,
    /// When it was answered, in nanoseconds of our clock.
    at: i128,
}

impl ClockSample {
    /// What an answer says that was read at `answered` by our clock, `took` after its request was sent, with this `Date`.
    /// `None` where the times are too far apart to be counted in.
    ///
    /// ```
    /// use std::time::Duration;
    /// use frontdesk_domain::delivery::{ClockSample, ClockSkew};
    ///
    /// let (ours, theirs) = ("2025-03-01T10:00:00.5Z".parse()?, "2025-03-01T10:00:07Z".parse()?);
    /// let mut skew = ClockSkew::default();
    /// skew.add(ClockSample::new(ours, Duration::from_millis(100), theirs).unwrap());
    /// assert_eq!(skew.ahead_ms(), Some(7_050)); // between 6.5 s and 7.6 s
    /// # Ok::<(), frontdesk_domain::TimeError>(())
    /// ```
    #[must_use]
    pub fn new(answered: Timestamp, took: Duration, date: Timestamp) -> Option<Self> {
        let sent = answered.checked_sub(took)?;
        let (date, answered, sent) = (date.as_nanos(), answered.as_nanos(), sent.as_nanos());
        Some(Self { low: date - answered, high: date + SECOND - sent, at: answered })
    }
}

/// How far the platform's clock is ahead of ours, as all answers so far say. Nothing is known before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockSkew {
    known: Option<ClockSample>,
    jumps: u32,
}

/// The difference of the clocks as it is shown: milliseconds the platform is ahead (behind when negative), and by how
/// much that may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredSkew {
    /// Milliseconds the platform's clock is ahead of ours; behind when negative.
    pub ahead_ms: i64,
    /// By how many milliseconds that may be wrong, in both directions.
    pub within_ms: i64,
}

impl ClockSkew {
    /// Adds what an answer says.
    pub fn add(&mut self, sample: ClockSample) {
        let Some(known) = self.known else {
            self.known = Some(sample);
            return;
        };
        let drift = (sample.at - known.at).abs() / DRIFT;
        let both = ClockSample {
            low: (known.low - drift).max(sample.low),
            high: (known.high + drift).min(sample.high),
            at: sample.at,
        };
        if both.low > both.high {
            self.jumps += 1;
            self.known = Some(sample);
        } else {
            self.known = Some(both);
        }
    }

    /// Milliseconds the platform is ahead of us, behind when negative: the middle of what is possible. `None` before the
    /// first answer.
    #[must_use]
    pub fn ahead_ms(&self) -> Option<i64> {
        self.measured().map(|measured| measured.ahead_ms)
    }

    /// The same with how exact it is.
    #[must_use]
    pub fn measured(&self) -> Option<MeasuredSkew> {
        let ClockSample { low, high, .. } = self.known?;
        let millis = |nanos: i128| i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX);
        Some(MeasuredSkew { ahead_ms: millis((low + high) / 2), within_ms: millis((high - low + 1) / 2) })
    }

    /// How often a clock jumped: an answer contradicted those before it.
    #[must_use]
    pub fn jumps(&self) -> u32 {
        self.jumps
    }

    /// What the platform's clock shows when ours shows `ours`; the same where nothing is known.
    #[must_use]
    pub fn platform_time(&self, ours: Timestamp) -> Timestamp {
        let Some(ClockSample { low, high, .. }) = self.known else { return ours };
        // Clocks that agree as far as can be seen are left alone: a guess between them would only add noise.
        if low <= 0 && high >= 0 {
            return ours;
        }
        Timestamp::from_nanos(ours.as_nanos() + (low + high) / 2).unwrap_or(ours)
    }
}
