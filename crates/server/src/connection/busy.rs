//! Whether a request of a connection is being answered, and which connection has been quiet for longest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

/// The connections that answer nothing at the moment, in the order in which they fell quiet.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Quiet {
    /// Asks the one that has been quiet for longest to go; `false` where all are busy.
    pub(crate) fn evict(&self) -> bool {
        let longest = self.lock().waiting.pop_first();
        longest.is_some_and(|(_, connection)| {
            connection.notify_one();
            true
        })
    }

    fn add(&self, connection: &Arc<Notify>) -> u64 {
        let mut order = self.lock();
        let ticket = order.next;
        order.next += 1;
        order.waiting.insert(ticket, Arc::clone(connection));
        ticket
    }

    fn remove(&self, ticket: u64) {
        self.lock().waiting.remove(&ticket);
    }

    fn lock(&self) -> MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's part in it.
#[derive(Debug)]
pub(crate) struct Busy {
    busy: AtomicBool,
    /// Whether the answer in progress is the connection's last.
    last: AtomicBool,
    /// Bytes of the request's body that hyper has not got; `u64::MAX` where its length is not known.
    body: AtomicU64,
    quiet: Arc<Quiet>,
    ticket: Mutex<Option<u64>>,
    evicted: Arc<Notify>,
    /// Who waits for the answer's end before it reads on.
    reader: Mutex<Option<Waker>>,
}

impl Busy {
    /// A connection that is new, so quiet.
    pub(crate) fn new(quiet: Arc<Quiet>) -> Arc<Self> {
        let evicted = Arc::new(Notify::new());
        let ticket = Mutex::new(Some(quiet.add(&evicted)));
        Arc::new(Self {
            busy: AtomicBool::new(false),
            last: AtomicBool::new(false),
            body: AtomicU64::new(0),
            quiet,
            ticket,
            evicted,
            reader: Mutex::default(),
        })
    }

    pub(super) fn is(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// Says that no other request is read: what still comes belongs to a body that was refused.
    pub(super) fn ends(&self) {
        self.last.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_last(&self) -> bool {
        self.last.load(Ordering::Relaxed)
    }

    /// Wakes the reader when it is no more.
    pub(super) fn wake_after(&self, reader: &Waker) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(reader.clone());
    }

    /// Waits until somebody else needs the place.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// How much of the body is still to be handed over.
    pub(super) fn body_left(&self) -> u64 {
        self.body.load(Ordering::Relaxed)
    }

    /// Says that so much of the body is handed over now.
    pub(super) fn body_read(&self, bytes: u64) {
        let left = self.body_left();
        // Where the length is not known hyper sees the end, and the connection ends with the answer.
        if left != u64::MAX {
            self.body.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }

    /// Marks the connection busy until the guard is dropped, which is when the answer has been handed over whole. The
    /// request has a body of so many bytes.
    pub(super) fn begin(self: &Arc<Self>, body: u64) -> Answering {
        self.body.store(body, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
        self.leave();
        Answering(Arc::clone(self))
    }

    fn leave(&self) {
        if let Some(ticket) = self.ticket.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.quiet.remove(ticket);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A request is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Busy>);

impl Drop for Answering {
    fn drop(&mut self) {
        let busy = &self.0;
        *busy.ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some(busy.quiet.add(&busy.evicted));
        busy.busy.store(false, Ordering::Relaxed);
        if let Some(reader) = busy.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_is_quiet_for_longest_goes_first() {
        let quiet = Arc::new(Quiet::default());
        let [first, second, third] = std::array::from_fn(|_| Busy::new(Arc::clone(&quiet)));
        let answering = second.begin(0);
        // The first falls quiet again, after the third.
        drop(first.begin(0));
        assert!(quiet.evict());
        third.evicted().await;
        assert!(quiet.evict());
        first.evicted().await;
        assert!(!quiet.evict(), "the second is busy");
        drop(answering);
        assert!(quiet.evict());
        second.evicted().await;
        drop(Busy::new(Arc::clone(&quiet)));
        assert!(!quiet.evict(), "a connection that ended is forgotten");
    }
}
