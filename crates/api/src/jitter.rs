//! Randomness for waits. Nothing here is a secret, so a small generator does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of random waits (SplitMix64). Shared by reference; a seed gives the same sequence again.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Starts from the seed.
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Starts from the operating system's randomness, so that clients started together do not wait together.
    pub(crate) fn from_entropy() -> Self {
        Self::seeded(uuid::Uuid::new_v4().as_u64_pair().0)
    }

    /// The next 64 random bits.
    pub(crate) fn draw(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

/// A share of `whole` chosen by `draw`: zero for 0, all of it for `u64::MAX`.
pub(crate) fn share(whole: Duration, draw: u64) -> Duration {
    let nanos = whole.as_nanos().saturating_mul(u128::from(draw)) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_between_nothing_and_all() {
        let whole = Duration::from_secs(30);
        assert_eq!(share(whole, 0), Duration::ZERO);
        assert_eq!(share(whole, u64::MAX), whole);
        assert_eq!(share(whole, u64::MAX / 2).as_secs(), 14);
    }

    #[test]
    fn draws_spread() {
        let jitter = Jitter::seeded(7);
        let mut quarters = [0_u32; 4];
        for _ in 0..4_000 {
            quarters[usize::try_from(jitter.draw() >> 62).unwrap()] += 1;
        }
        assert!(quarters.iter().all(|count| (900..1_100).contains(count)), "{quarters:?}");
    }
}
