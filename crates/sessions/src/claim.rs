//! Who may act on a guest at the moment, among all processes that share a data directory.
//!
//! Two operators may run at once, on one plan or on plans that overlap. What keeps them apart are locks of the operating
//! system on small files: one out of many by a hash of the guest's id, so that a guest is in one pair of hands only, and
//! one of a few slots, so that no more sessions are ended at once than the cap says, by all of them together. A process
//! that dies, however it dies, lets go of both.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::{Cancel, id_hash};
use frontdesk_durable::{Dir, Held};

/// How long to wait between two looks at a lock that somebody else has.
const POLL: Duration = Duration::from_millis(10);

/// Files that guests are spread over. Two guests that share one wait for each other, no more.
const GUEST_FILES: u64 = 1_024;

/// The locks, in a folder of their own.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    dir: Arc<dyn Dir>,
    slots: NonZeroU32,
    cancel: Cancel,
}

/// A guest, and a slot, that nobody else has until this value is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _slot: Box<dyn Held>,
    _guest: Box<dyn Held>,
}

impl Claims {
    /// Claims among everybody who uses `dir`; at most `slots` of them at once.
    pub(crate) fn new(dir: Arc<dyn Dir>, slots: NonZeroU32, cancel: Cancel) -> Self {
        Self { dir, slots, cancel }
    }

    /// How many guests may be dealt with at once.
    pub(crate) fn width(&self) -> usize {
        usize::try_from(self.slots.get()).unwrap_or(usize::MAX)
    }

    /// Waits for a slot, then for the guest, or for whatever else a name stands for. `None` when the signal to stop came first.
    ///
    /// Nobody waits for a slot with a guest in hand, so nobody waits for ever.
    pub(crate) async fn claim(&self, guest: &str) -> io::Result<Option<Claim>> {
        let slots: Vec<String> = (0..self.slots.get()).map(|slot| format!("slot-{slot:03}")).collect();
        let Some(slot) = self.first_free(&slots).await? else { return Ok(None) };
        let Some(guest) = self.first_free(&[guest_file(guest)]).await? else { return Ok(None) };
        Ok(Some(Claim { _slot: slot, _guest: guest }))
    }

    /// The same at once, or not at all.
    pub(crate) fn try_claim(&self, guest: &str) -> io::Result<Option<Claim>> {
        for slot in 0..self.slots.get() {
            if let Some(slot) = self.dir.try_lock(&format!("slot-{slot:03}"))? {
                let guest = self.dir.try_lock(&guest_file(guest))?;
                return Ok(guest.map(|guest| Claim { _slot: slot, _guest: guest }));
            }
        }
        Ok(None)
    }

    async fn first_free(&self, names: &[String]) -> io::Result<Option<Box<dyn Held>>> {
        loop {
            if self.cancel.is_cancelled() {
                return Ok(None);
            }
            for name in names {
                if let Some(held) = self.dir.try_lock(name)? {
                    return Ok(Some(held));
                }
            }
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Ok(None),
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }
}

fn guest_file(guest: &str) -> String {
    format!("guest-{:03x}", id_hash(guest) % GUEST_FILES)
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::testing::MemoryDir;

    use super::*;

    fn claims(dir: &MemoryDir, slots: u32) -> Claims {
        Claims::new(Arc::new(dir.clone()), NonZeroU32::new(slots).unwrap(), Cancel::never())
    }

    #[tokio::test(start_paused = true)]
    async fn a_guest_is_in_one_pair_of_hands() {
        let dir = MemoryDir::new();
        let (one, other) = (claims(&dir, 5), claims(&dir, 5));
        let held = one.claim("g").await.unwrap().unwrap();
        assert!(other.try_claim("g").unwrap().is_none());
        assert!(other.try_claim("h").unwrap().is_some());
        let waiting = tokio::time::timeout(Duration::from_secs(60), other.claim("g"));
        assert!(waiting.await.is_err());
        drop(held);
        assert!(other.claim("g").await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_at_once_than_there_are_slots_whoever_asks() {
        let dir = MemoryDir::new();
        let (one, other) = (claims(&dir, 2), claims(&dir, 2));
        let first = one.claim("a").await.unwrap().unwrap();
        let _second = other.claim("b").await.unwrap().unwrap();
        assert!(one.try_claim("c").unwrap().is_none());
        drop(first);
        assert!(one.try_claim("c").unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_signal_to_stop_ends_the_wait() {
        let dir = MemoryDir::new();
        let (stop, cancel) = Cancel::pair();
        let waiting = Claims { cancel, ..claims(&dir, 1) };
        let _held = waiting.claim("a").await.unwrap().unwrap();
        stop.cancel();
        assert!(waiting.claim("b").await.unwrap().is_none());
    }
}
