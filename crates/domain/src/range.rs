//! The range of start times that is asked for, and its windows.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, Violation};

const DAY_NANOS: i128 = 86_400 * SECOND_NANOS;
const SECOND_NANOS: i128 = 1_000_000_000;

/// The times from `from` up to, but without, `to`; never empty.
///
/// A conversation belongs to a range when its start time is in it (contract §5).
///
/// ```
/// use std::num::NonZeroU32;
/// use frontdesk_domain::{TimeRange, Timestamp};
///
/// let from: Timestamp = "2025-03-01T00:00:00Z".parse()?;
/// let to: Timestamp = "2025-03-04T00:00:00Z".parse()?;
/// let range = TimeRange::new(from, to)?;
/// assert!(range.contains(from) && !range.contains(to));
///
/// let windows = range.split(NonZeroU32::new(3).unwrap());
/// assert_eq!(windows[0].to_string(), "2025-03-01T00:00:00Z/2025-03-02T00:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
pub struct TimeRange {
    from: Timestamp,
    to: Timestamp,
}

impl TimeRange {
    /// The range `[from, to)`.
    ///
    /// # Errors
    ///
    /// A violation of `range.order` unless `from` is earlier than `to`.
    pub fn new(from: Timestamp, to: Timestamp) -> Result<Self, Violation> {
        if from < to {
            Ok(Self { from, to })
        } else {
            let message = format!("the range must start before it ends, and {from} is not before {to}");
            Err(Violation::new("", "range.order", message))
        }
    }

    /// The first time in the range.
    #[must_use]
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// The first time after the range.
    #[must_use]
    pub fn to(&self) -> Timestamp {
        self.to
    }

    /// Whether `time` is in the range.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// Cuts the range into at most `max_parts` windows that follow each other without gap or overlap.
    ///
    /// The cuts fall on midnights UTC, so that the same days make the same windows in every run, as even as days
    /// allow. Only a range that touches fewer days than there may be parts is cut within its days, on whole seconds.
    #[must_use]
    pub fn split(self, max_parts: NonZeroU32) -> Vec<Self> {
        let (from, to) = (self.from.as_nanos(), self.to.as_nanos());
        let first_day = from.div_euclid(DAY_NANOS);
        let days = (to - 1).div_euclid(DAY_NANOS) - first_day + 1;
        let parts = i128::from(max_parts.get()).min(days.max((to - from) / SECOND_NANOS));

        let mut windows = Vec::new();
        let mut start = self.from;
        for part in 1..parts {
            let cut = if days >= parts {
                (first_day + part * days / parts) * DAY_NANOS
            } else {
                let even = from + part * (to - from) / parts;
                even - even.rem_euclid(SECOND_NANOS)
            };
            // Cuts are between two times of the range, so they are times themselves.
            if let Ok(cut) = Timestamp::from_nanos(cut)
                && start < cut
                && cut < self.to
            {
                windows.push(Self { from: start, to: cut });
                start = cut;
            }
        }
        windows.push(Self { from: start, to: self.to });
        windows
    }
}

impl fmt::Display for TimeRange {
    /// The interval form of ISO 8601: both times with a slash between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.from, self.to)
    }
}

/// The wire form, before its rule is checked.
#[derive(Serialize, Deserialize)]
struct Bounds {
    from: Timestamp,
    to: Timestamp,
}

impl TryFrom<Bounds> for TimeRange {
    type Error = Violation;

    fn try_from(bounds: Bounds) -> Result<Self, Violation> {
        Self::new(bounds.from, bounds.to)
    }
}

impl From<TimeRange> for Bounds {
    fn from(range: TimeRange) -> Self {
        Self { from: range.from, to: range.to }
    }
}
