//! Where callers wait together: what arrives while one group is being committed becomes the next.

use std::sync::mpsc::{self, Receiver, SyncSender};

use frontdesk_domain::Timestamp;

use crate::change::{Change, Intent, NewItem, Recorded};
use crate::error::Error;
use crate::once::Once;
use crate::outbox::OutboxChange;
use crate::prepared::PreparedEntry;

/// Changes not yet on disk; a caller with one more waits (contract §4).
const BOUND: usize = 1_000;

/// A change, and where its answer goes.
pub(crate) struct Request {
    pub(crate) entries: Vec<PreparedEntry>,
    pub(crate) opened: Vec<Intent>,
    pub(crate) settled: Vec<(String, String)>,
    pub(crate) items: Vec<NewItem>,
    pub(crate) once: Vec<Once>,
    pub(crate) outbox: Vec<OutboxChange>,
    pub(crate) prune: Option<Timestamp>,
    pub(crate) reply: SyncSender<Result<Recorded, Error>>,
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(crate) struct Queue(SyncSender<Request>);

/// The writing thread's end.
pub(crate) struct Requests(Receiver<Request>);

pub(crate) fn queue() -> (Queue, Requests) {
    let (sender, receiver) = mpsc::sync_channel(BOUND);
    (Queue(sender), Requests(receiver))
}

impl Queue {
    /// Hands a change over. It is committed after the changes handed over before it.
    pub(crate) fn submit(&self, change: Change, entries: Vec<PreparedEntry>) -> Pending {
        let (reply, answer) = mpsc::sync_channel(1);
        let Change { opened, settled, items, once, outbox, prune, .. } = change;
        // Without a writing thread the request is dropped here, and its answer with it.
        let _ = self.0.send(Request { entries, opened, settled, items, once, outbox, prune, reply });
        Pending(answer)
    }
}

/// A change that was handed over and is not acknowledged yet. Dropping it gives up the answer, not the change.
#[derive(Debug)]
#[must_use = "a change is durable only when its answer says so"]
pub struct Pending(Receiver<Result<Recorded, Error>>);

impl Pending {
    /// Waits until the change is durable.
    ///
    /// # Errors
    /// As [`Journal::record`](crate::Journal::record).
    pub fn wait(self) -> Result<Recorded, Error> {
        // The writing thread ends before its callers only by a panic.
        self.0.recv().unwrap_or_else(|_| Err(Error::poisoned()))
    }
}

impl Requests {
    /// The next group: all that is queued. A lone caller never waits. `None` when there will be no more.
    pub(crate) fn next_group(&self) -> Option<Vec<Request>> {
        let mut group = vec![self.0.recv().ok()?];
        while group.len() < BOUND {
            let Ok(next) = self.0.try_recv() else { break };
            group.push(next);
        }
        Some(group)
    }
}
