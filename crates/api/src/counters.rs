//! What a client did so far.

use std::sync::atomic::{AtomicU64, Ordering};

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

    pub(crate) fn read(&self, waits: u64) -> Counters {
        Counters {
            requests: self.requests.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
            token_requests: self.token_requests.load(Ordering::Relaxed),
            waits,
        }
    }
}
