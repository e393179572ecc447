//! Where callers wait together: what arrives while one group is being written becomes the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::time::Duration;

use super::{Prepared, PutOutcome};
use crate::error::{Action, Error, ErrorKind};

/// Record bytes after which a group is written without waiting for more.
const GROUP_BYTES: usize = 2 * 1024 * 1024;

/// How long a group waits for a caller that has announced itself and not yet handed its batch over.
const GROUP_WAIT: Duration = Duration::from_millis(20);

/// One caller's batch and where its answer goes.
pub(crate) struct Request {
    pub(crate) batch: Vec<Prepared>,
    pub(crate) reply: SyncSender<Result<Vec<PutOutcome>, Error>>,
}

impl Request {
    fn bytes(&self) -> usize {
        self.batch.iter().map(Prepared::length).sum()
    }
}

/// The callers' end.
#[derive(Debug)]
pub(crate) struct Queue {
    requests: Sender<Request>,
    callers: std::sync::Arc<AtomicUsize>,
}

/// The writing thread's end.
pub(crate) struct Requests {
    requests: Receiver<Request>,
    callers: std::sync::Arc<AtomicUsize>,
}

pub(crate) fn queue() -> (Queue, Requests) {
    let (sender, receiver) = mpsc::channel();
    let callers = std::sync::Arc::new(AtomicUsize::new(0));
    (Queue { requests: sender, callers: callers.clone() }, Requests { requests: receiver, callers })
}

impl Queue {
    /// Hands a batch over. It is written after the batches handed over before it.
    pub(crate) fn submit(&self, batch: Vec<Prepared>) -> Pending {
        let (reply, answer) = mpsc::sync_channel(1);
        self.callers.fetch_add(1, Ordering::AcqRel);
        // Without a writing thread the request is dropped here, and its answer with it.
        let _ = self.requests.send(Request { batch, reply });
        Pending { answer, callers: self.callers.clone() }
    }
}

/// A batch that was handed over and is not acknowledged yet.
///
/// Dropping it gives up the answer, not the batch.
#[derive(Debug)]
#[must_use = "a batch is durable only when its answer says so"]
pub struct Pending {
    answer: Receiver<Result<Vec<PutOutcome>, Error>>,
    callers: std::sync::Arc<AtomicUsize>,
}

impl Pending {
    /// Waits until every record of the batch is durable; gives what became of each, in their order.
    ///
    /// # Errors
    /// As [`Writer::put`](crate::Writer::put).
    pub fn wait(self) -> Result<Vec<PutOutcome>, Error> {
        // The writing thread ends before its callers only by a panic.
        self.answer
            .recv()
            .unwrap_or_else(|_| Err(Error::new(Action::Put, "the archive", ErrorKind::Poisoned)))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.callers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Requests {
    /// The next group: what is queued, up to its size. It waits only while a caller is known to be on its
    /// way, so that a lone caller never waits at all. `None` when there will be no more.
    pub(crate) fn next_group(&self) -> Option<Vec<Request>> {
        let first = self.requests.recv().ok()?;
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while bytes < GROUP_BYTES {
            let next = if self.callers.load(Ordering::Acquire) > group.len() {
                self.requests.recv_timeout(GROUP_WAIT).ok()
            } else {
                self.requests.try_recv().ok()
            };
            let Some(next) = next else { break };
            bytes += next.bytes();
            group.push(next);
        }
        Some(group)
    }
}
