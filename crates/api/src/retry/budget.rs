//! Ends repeating when a host is down, before the attempts of every single call do.
//!
//! Each call pays a tenth of a repeat in; each repeat takes a whole one out. So in the long run at most 10 % of the
//! requests are repeats, whatever the number of callers (contract §7). A wait the server asked for costs nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one repeat costs, in tenths.
const REPEAT: u64 = 10;
/// What one call pays in.
const CALL: u64 = 1;
/// Repeats there are at the start: a command of a few calls must get over a bad moment, too, and a host that fails one
/// answer in twelve must not use up by bad luck what it does not use up on average (with 10 one run in 25 would end, with
/// 30 one in 15,000).
const RESERVE: u64 = 30 * REPEAT;
/// A long healthy time saves up no more repeats than this, or they would all come at once when it ends.
const MOST: u64 = 100 * REPEAT;

/// The repeats one host has left, shared by all its callers.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU64);

impl Budget {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(RESERVE))
    }

    /// A call begins.
    pub(crate) fn pay_in(&self) {
        self.update(|left| Some((left + CALL).min(MOST)));
    }

    /// Whether there is a repeat left.
    pub(crate) fn has_one(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= REPEAT
    }

    /// Takes a repeat out; says whether there was one.
    pub(crate) fn take(&self) -> bool {
        self.update(|left| left.checked_sub(REPEAT))
    }

    fn update(&self, change: impl Fn(u64) -> Option<u64>) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_down_gets_a_tenth_more_and_the_reserve() {
        let budget = Budget::new();
        let mut repeats = 0;
        for _ in 0..1_000 {
            budget.pay_in();
            // Every call would repeat four times if it could.
            repeats += (0..4).filter(|_| budget.take()).count();
        }
        assert_eq!(repeats, 30 + 100);
        assert!(!budget.has_one());
    }

    #[test]
    fn a_long_healthy_time_saves_up_a_bounded_number() {
        let budget = Budget::new();
        (0..1_000_000).for_each(|_| budget.pay_in());
        assert_eq!((0..1_000).filter(|_| budget.take()).count(), 100);
    }
}
