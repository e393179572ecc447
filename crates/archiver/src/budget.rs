//! Bounds the memory that pages in flight take, whatever their size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that all pages in flight may hold together.
const POOL_BYTES: u64 = 4 << 20;
/// The semaphore counts in this unit, since its permits are 32 bits a request.
const UNIT: u64 = 4 << 10;
const POOL_UNITS: u32 = (POOL_BYTES / UNIT) as u32;

/// Admits a page when the pages in flight leave room for it.
///
/// A page's size is not known before it came, so it is taken to be as large as the largest so far; until
/// the first page came it takes the whole pool. A page larger than the pool goes alone. Peak memory is
/// therefore the pool, or one largest page beside it.
#[derive(Debug)]
pub(crate) struct Budget {
    pool: Arc<Semaphore>,
    largest: AtomicU64,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { pool: Arc::new(Semaphore::new(POOL_UNITS as usize)), largest: AtomicU64::new(0) }
    }

    /// Waits for room for one page.
    ///
    /// # Cancel safety
    /// Safe: a dropped wait leaves the queue.
    pub(crate) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        let units = match self.largest.load(Ordering::Relaxed) {
            0 => POOL_UNITS,
            largest => u32::try_from(largest / UNIT + 1).unwrap_or(POOL_UNITS).min(POOL_UNITS),
        };
        // The semaphore is never closed.
        Arc::clone(&self.pool).acquire_many_owned(units).await.ok()
    }

    /// Learns how large a page was.
    pub(crate) fn learn(&self, bytes: u64) {
        self.largest.fetch_max(bytes.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_page_goes_alone_and_small_ones_together() {
        let budget = Budget::new();
        let first = budget.admit().await;
        assert_eq!(budget.pool.available_permits(), 0);
        budget.learn(POOL_BYTES / 4 - UNIT);
        drop(first);
        let held: Vec<_> =
            [budget.admit().await, budget.admit().await, budget.admit().await, budget.admit().await].into();
        assert_eq!(budget.pool.available_permits(), 0);
        drop(held);
        budget.learn(POOL_BYTES * 3);
        let _large = budget.admit().await;
        assert_eq!(budget.pool.available_permits(), 0, "a page larger than the pool takes all of it");
    }
}
