//! Where callers wait together: what arrives while one group is being committed becomes the next.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

use frontdesk_domain::Timestamp;

use crate::change::{Change, Intent, NewItem, Recorded};
use crate::error::Error;
use crate::once::Once;
use crate::outbox::OutboxChange;
use crate::prepared::PreparedEntry;

/// Changes not yet on disk; a caller with one more waits (contract §4).
const BOUND: usize = 1_000;

/// What becomes of a change, told once.
pub(crate) type Reply = Box<dyn FnOnce(Result<Recorded, Error>) + Send>;

/// A change that waits for its turn, and where its answer goes.
pub(crate) struct Waiting {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
}

/// A change.
pub(crate) struct Request {
    pub(crate) entries: Vec<PreparedEntry>,
    pub(crate) opened: Vec<Intent>,
    pub(crate) settled: Vec<(String, String)>,
    pub(crate) items: Vec<NewItem>,
    pub(crate) once: Vec<Once>,
    pub(crate) outbox: Vec<OutboxChange>,
    pub(crate) prune: Option<Timestamp>,
}

impl Request {
    pub(crate) fn new(change: Change, entries: Vec<PreparedEntry>) -> Self {
        let Change { opened, settled, items, once, outbox, prune, .. } = change;
        Self { entries, opened, settled, items, once, outbox, prune }
    }
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(crate) struct Queue(SyncSender<Waiting>);

/// The writing thread's end.
pub(crate) struct Requests(Receiver<Waiting>);

pub(crate) fn queue() -> (Queue, Requests) {
    let (sender, receiver) = mpsc::sync_channel(BOUND);
    (Queue(sender), Requests(receiver))
}

impl Queue {
    /// Hands a change over. It is committed after the changes handed over before it.
    pub(crate) fn submit(&self, request: Request) -> Pending {
        let (sender, answer) = mpsc::sync_channel(1);
        let reply: Reply = Box::new(move |recorded| {
            // A caller that went away does not want to know.
            let _ = sender.send(recorded);
        });
        // Without a writing thread the request is dropped here, and its answer with it.
        let _ = self.0.send(Waiting { request, reply });
        Pending(answer)
    }

    /// The same for who may not wait: `reply` is called when it is known what became of the change. Where as many wait
    /// as may, nothing happens, and `false` is said; nor where nobody writes any more, of which `reply` is told.
    pub(crate) fn offer(&self, request: Request, reply: Reply) -> bool {
        match self.0.try_send(Waiting { request, reply }) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(waiting)) => {
                (waiting.reply)(Err(Error::poisoned()));
                true
            }
        }
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
    pub(crate) fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut group = vec![self.0.recv().ok()?];
        // On a busy machine others are about to bring theirs; on another this takes a microsecond.
        std::thread::yield_now();
        while group.len() < BOUND {
            let Ok(next) = self.0.try_recv() else { break };
            group.push(next);
        }
        Some(group)
    }
}
