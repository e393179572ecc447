//! How long to wait where the server named no time.

use std::time::Duration;

use crate::jitter::share;

/// Where a back-off starts (contract §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// After a 429: one second.
    Throttled,
    /// After anything else: half a second.
    Other,
}

/// No back-off is longer.
pub(crate) const CAP: Duration = Duration::from_secs(30);

impl Base {
    fn first(self) -> Duration {
        match self {
            Self::Throttled => Duration::from_secs(1),
            Self::Other => Duration::from_millis(500),
        }
    }

    /// The longest wait before repeat number `repeat` (0 is the first): doubles each time, up to [`CAP`].
    pub(crate) fn ceiling(self, repeat: u32) -> Duration {
        self.first().saturating_mul(2_u32.saturating_pow(repeat.min(16))).min(CAP)
    }

    /// Full jitter: anything between nothing and the ceiling, as `draw` chooses.
    pub(crate) fn wait(self, repeat: u32, draw: u64) -> Duration {
        share(self.ceiling(repeat), draw)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let millis = |base: Base| (0..8).map(|n| base.ceiling(n).as_millis()).collect::<Vec<_>>();
        assert_eq!(millis(Base::Throttled), [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(millis(Base::Other), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }

    proptest! {
        #[test]
        fn a_wait_never_passes_its_ceiling(repeat: u32, draw: u64) {
            for base in [Base::Throttled, Base::Other] {
                prop_assert!(base.wait(repeat, draw) <= base.ceiling(repeat));
            }
        }
    }
}
