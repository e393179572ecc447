//! The first half of a put: while one group is written and made durable, the next is compared and packed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};

use super::PutOutcome;
use super::assemble::{self, Block};
use super::decide::{self, Accepted, Recent};
use super::queue::{Request, Requests};
use crate::catalog::Catalog;
use crate::error::{Action, Error, ErrorKind};
use crate::segment::pack::Packer;
use crate::segment::write::Draft;

/// A group that is compared, numbered and packed, and has no place yet.
pub(crate) struct Group {
    pub(super) requests: Vec<Request>,
    pub(super) outcomes: Vec<Vec<PutOutcome>>,
    pub(super) accepted: Vec<Accepted>,
    pub(super) blocks: Vec<Block>,
    pub(super) drafts: Vec<Draft>,
}

/// What the two halves tell each other.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Groups that are in the catalog.
    pub(super) finished: AtomicU64,
    /// The first failure. What reached the disk is unknown from then on, so nothing is acknowledged.
    failed: OnceLock<Error>,
}

impl State {
    /// Remembers the first failure.
    pub(super) fn poison(&self, error: &Error) {
        let _ = self.failed.set(error.clone());
    }

    /// What callers are told from the first failure on: that one is the cause, since a caller may never have met it.
    pub(super) fn poisoned(&self) -> Option<Error> {
        self.failed
            .get()
            .map(|first| Error::with_source(Action::Put, "the archive", ErrorKind::Poisoned, first.clone()))
    }
}

/// The first half. One thread has it.
pub(crate) struct Preparing {
    /// A connection of its own: it reads while the other half writes.
    pub(crate) catalog: Catalog,
    pub(crate) packers: Vec<Packer>,
    pub(crate) next_sequence: u64,
    /// Whether retention has removed anything. Nothing is removed while a writer is at work.
    pub(crate) tombstones: bool,
    pub(crate) state: Arc<State>,
}

impl Preparing {
    /// Prepares groups until there are no more callers, and hands each over once the one before is finished.
    ///
    /// A group with nothing to write is handed over too: what it was compared with may not be durable yet.
    pub(crate) fn serve(mut self, requests: &Requests, groups: &SyncSender<Group>) {
        let (mut started, mut pending) = (0, VecDeque::new());
        while let Some(requests) = requests.next_group() {
            // Looked at before the catalog is: what is finished by now is in it.
            let finished = self.state.finished.load(Ordering::Acquire);
            while started - finished < pending.len() as u64 {
                pending.pop_front();
            }
            match self.prepare(&pending, requests) {
                Ok((group, recent)) => {
                    pending.push_back(recent);
                    started += 1;
                    if groups.send(group).is_err() {
                        return; // the other half panicked; its callers are told by their channels
                    }
                }
                Err((requests, error)) => {
                    self.state.poison(&error);
                    refuse(requests, &error);
                }
            }
        }
    }

    fn prepare(
        &mut self,
        pending: &VecDeque<Recent>,
        mut requests: Vec<Request>,
    ) -> Result<(Group, Recent), (Vec<Request>, Error)> {
        if let Some(poisoned) = self.state.poisoned() {
            return Err((requests, poisoned));
        }
        match decide::decide(&self.catalog, self.tombstones, pending, &mut requests, self.next_sequence) {
            Err(error) => Err((requests, error)),
            Ok(decided) => {
                let decide::Decided { outcomes, accepted, recent } = decided;
                self.next_sequence += accepted.len() as u64;
                let blocks = assemble::blocks(&accepted);
                match assemble::pack(&accepted, &blocks, &mut self.packers) {
                    Some(drafts) => Ok((Group { requests, outcomes, accepted, blocks, drafts }, recent)),
                    None => Err((requests, Error::new(Action::Write, "a segment", ErrorKind::Storage))),
                }
            }
        }
    }
}

/// Tells every caller of a group that nothing of it is acknowledged.
pub(super) fn refuse(requests: Vec<Request>, error: &Error) {
    for request in requests {
        // A caller that is gone does not want its answer.
        let _ = request.reply.send(Err(error.clone()));
    }
}
