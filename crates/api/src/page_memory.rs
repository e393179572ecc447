//! Bounds the memory that pages in flight take, whatever their size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that all pages in flight may hold together.
const POOL_BYTES: u64 = 4 << 20;
/// The semaphore counts in this unit, since its permits are 32 bits a request.
const UNIT: u64 = 4 << 10;
const POOL_UNITS: u32 = (POOL_BYTES / UNIT) as u32;

/// The room one page takes, given back when it is dropped.
#[derive(Debug)]
pub struct PageRoom(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Admits a page when the pages in flight leave room for it.
///
/// A page's size is not known before it came, so it is taken to be as large as the largest so far; until
/// the first page came it takes the whole pool. A page larger than the pool goes alone. Peak memory is
/// therefore the pool, or one largest page beside it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let memory = frontdesk_api::PageMemory::new();
/// let page = memory.admit().await; // held until the page is stored
/// memory.learn(20_000);
/// # drop(page);
/// # }
/// ```
#[derive(Debug)]
pub struct PageMemory {
    pool: Arc<Semaphore>,
    largest: AtomicU64,
}

impl Default for PageMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl PageMemory {
    /// A pool of 4 MiB, with nobody in it.
    #[must_use]
    pub fn new() -> Self {
        Self { pool: Arc::new(Semaphore::new(POOL_UNITS as usize)), largest: AtomicU64::new(0) }
    }

    /// Waits for room for one page.
    ///
    /// # Cancel safety
    /// Safe: a dropped wait leaves the queue.
    pub async fn admit(&self) -> Option<PageRoom> {
        let units = match self.largest.load(Ordering::Relaxed) {
            0 => POOL_UNITS,
            largest => u32::try_from(largest / UNIT + 1).unwrap_or(POOL_UNITS).min(POOL_UNITS),
        };
        // The semaphore is never closed.
        Arc::clone(&self.pool).acquire_many_owned(units).await.ok().map(PageRoom)
    }

    /// Learns how large a page was, in bytes.
    pub fn learn(&self, bytes: u64) {
        self.largest.fetch_max(bytes.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_page_goes_alone_and_small_ones_together() {
        let memory = PageMemory::new();
        let first = memory.admit().await;
        assert_eq!(memory.pool.available_permits(), 0);
        memory.learn(POOL_BYTES / 4 - UNIT);
        drop(first);
        let held: Vec<_> =
            [memory.admit().await, memory.admit().await, memory.admit().await, memory.admit().await].into();
        assert_eq!(memory.pool.available_permits(), 0);
        drop(held);
        memory.learn(POOL_BYTES * 3);
        let _large = memory.admit().await;
        assert_eq!(memory.pool.available_permits(), 0, "a page larger than the pool takes all of it");
    }
}
