//! The times of the ledger's lines: what the archive knows of the clock without asking it.

use std::time::Duration;

use frontdesk_domain::Timestamp;

/// When each line was written, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Times(Vec<(Timestamp, bool)>);

impl Times {
    /// Adds a line. `confirmed`: somebody vouched for the clock in it.
    pub(super) fn push(&mut self, at: Timestamp, confirmed: bool) {
        self.0.push((at, confirmed));
    }

    /// The latest time that can be relied on: a line counts when it is at most `limit` later than what counted before
    /// it, or when somebody vouched for it. So a clock that jumped vouches for nothing, however much it wrote.
    pub(crate) fn reliable(&self, limit: Duration) -> Option<Timestamp> {
        let mut high: Option<Timestamp> = None;
        for &(at, confirmed) in &self.0 {
            let near = high.is_none_or(|high| high.checked_add(limit).is_none_or(|border| at <= border));
            if confirmed || near && high.is_none_or(|high| at > high) {
                high = Some(at);
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(hours * 3_600_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_clock_that_jumped_vouches_for_nothing_until_somebody_does() {
        let day = Duration::from_hours(24);
        let mut times = Times::default();
        assert_eq!(times.reliable(day), None);
        times.push(at(0), false);
        times.push(at(24), false);
        assert_eq!(times.reliable(day), Some(at(24)), "exactly the limit is near");
        times.push(at(49), false);
        times.push(at(50), false);
        assert_eq!(times.reliable(day), Some(at(24)));
        times.push(at(40), false);
        assert_eq!(times.reliable(day), Some(at(40)), "a clock that was put right again");
        times.push(at(1_000), true);
        times.push(at(999), false);
        assert_eq!(times.reliable(day), Some(at(1_000)));
        times.push(at(60), true);
        assert_eq!(times.reliable(day), Some(at(60)), "one who vouches may put it back");
    }
}
