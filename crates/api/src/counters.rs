//! What a client did so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::instant;

/// Counts since the client was built. They only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests sent, repeats and token requests included.
    pub requests: u64,
    /// Answers with status 429 among them.
    pub throttled: u64,
    /// Token requests among them.
    pub token_requests: u64,
    /// Times a caller waited: for its turn, for a closed gate, or before a repeat.
    pub waits: u64,
    /// How long these waits took, added up; of one that goes on nothing yet. Whoever stands in a queue behind the one whose
    /// turn is next is not counted.
    pub waited: Duration,
}

/// Counts while callers run.
#[derive(Debug, Default)]
pub(crate) struct Live {
    requests: AtomicU64,
    throttled: AtomicU64,
    token_requests: AtomicU64,
}

impl Live {
    pub(crate) fn sent(&self, is_token_call: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if is_token_call {
            self.token_requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, waits: &[&Waits]) -> Counters {
        Counters {
            requests: self.requests.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            token_requests: self.token_requests.load(Ordering::Relaxed),
            waits: waits.iter().map(|waits| waits.count.load(Ordering::Relaxed)).sum(),
            waited: Duration::from_micros(
                waits.iter().map(|waits| waits.micros.load(Ordering::Relaxed)).sum(),
            ),
        }
    }
}

/// Waits of callers, counted and added up.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    count: AtomicU64,
    micros: AtomicU64,
}

impl Waits {
    /// A wait begins; it ends when what this gives is dropped, be it that the caller gave up.
    pub(crate) fn begin(&self) -> Waiting<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Waiting { waits: self, since: instant() }
    }
}

/// A caller waits.
#[must_use = "the wait ends when this is dropped"]
pub(crate) struct Waiting<'w> {
    waits: &'w Waits,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let micros = u64::try_from((instant() - self.since).as_micros()).unwrap_or(u64::MAX);
        self.waits.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_are_counted_and_added_up_also_those_that_were_given_up() {
        let (one, other) = (Waits::default(), Waits::default());
        let wait = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        let waiting = one.begin();
        wait(3).await;
        drop(waiting);
        let given_up = async {
            let _waiting = other.begin();
            wait(60).await;
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), given_up).await;
        let counters = Live::default().read(&[&one, &other]);
        assert_eq!((counters.waits, counters.waited), (2, Duration::from_secs(5)));
    }
}
