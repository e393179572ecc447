//! Feeding the index behind the writer: a thread of its own takes what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

use frontdesk_domain::RecordKey;
use frontdesk_durable::Dir;

use super::maintain::{Failed, Keeper};
use crate::error::{Action, During, Error};
use crate::search::cursor::Rank;

/// Groups that wait beside the one in work. A group is up to 2 MiB; the next put waits, so that memory stays flat.
const WAITING: usize = 1;

/// Bytes of memory at which documents become a file, with what that takes.
const BUDGET: usize = 4 * 1024 * 1024;

/// How long nothing may come before what waits becomes a file, if it is more than a search reads gladly.
const IDLE: Duration = Duration::from_millis(250);
const MOST_DOCUMENTS: usize = 1024;
const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// A record that is durable and in the catalog, of a kind that is searched.
pub(crate) struct Fed {
    pub(crate) key: RecordKey,
    pub(crate) rank: Rank,
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u32,
    /// The version before it.
    pub(crate) replaces: Option<u64>,
}

/// The conversations of a group.
struct Batch {
    conversations: Vec<Fed>,
    /// The last sequence of the group, of whatever kind.
    last: u64,
}

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Feed {
    batches: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Feed {
    /// Starts feeding. What the index lacks is read from the segments first, while the writer goes on.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(crate) fn start(dir: Arc<dyn Dir>, archive: [u8; 16]) -> Result<Self, Error> {
        let (sender, batches) = mpsc::sync_channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let run = move || {
            if let Err(failed) = feed(&dir, archive, &batches, &stopping) {
                tracing::warn!(%failed, "the search index is left behind; the next writer brings it up to date");
                // The writer must not wait for room.
                batches.iter().for_each(drop);
            }
        };
        let thread = std::thread::Builder::new().name("archive-index".to_owned()).spawn(run);
        let thread = thread.during(Action::Index, "the archive")?;
        Ok(Self { batches: Some(sender), thread: Some(thread), stop })
    }

    /// Hands a group over; waits only while another one does.
    pub(crate) fn group(&self, conversations: Vec<Fed>, last: u64) {
        if let Some(batches) = &self.batches {
            // A thread that is gone has said why.
            let _ = batches.send(Batch { conversations, last });
        }
    }

    /// Waits until everything that was handed over is in files.
    pub(crate) fn finish(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the search index is left behind: its thread ended in the middle of something");
        }
    }
}

impl Drop for Feed {
    /// Without [`Feed::finish`] nobody waits for what is not in a file yet.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.join();
    }
}

fn feed(
    dir: &Arc<dyn Dir>,
    archive: [u8; 16],
    batches: &Receiver<Batch>,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failed> {
    let mut open = true;
    // What is thrown away here is in the catalog, and read from there.
    let mut skip = || {
        while open {
            match batches.try_recv() {
                Ok(_) => {}
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => open = false,
            }
        }
    };
    let mut keeper = Keeper::open(dir.clone(), archive, stop.clone())?;
    keeper.repair(&mut skip)?;
    loop {
        skip();
        if !keeper.catch_up()? {
            break;
        }
        keeper.flush_above(BUDGET)?;
        keeper.poll_merge()?;
    }
    let mut bytes = 0;
    loop {
        match batches.recv_timeout(IDLE) {
            Ok(batch) => {
                bytes += batch.conversations.iter().map(|fed| fed.bytes.len() as u64).sum::<u64>();
                keeper.look_for_transcripts()?;
                for fed in batch.conversations {
                    keeper.take(&fed)?;
                    if keeper.flush_above(BUDGET)? {
                        bytes = 0;
                    }
                }
                keeper.seen(batch.last);
            }
            Err(RecvTimeoutError::Timeout) => {
                if keeper.waiting() > MOST_DOCUMENTS || (keeper.waiting() > 0 && bytes > MOST_BYTES) {
                    keeper.flush()?;
                    bytes = 0;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        keeper.poll_merge()?;
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    keeper.flush()?;
    keeper.finish_merges()
}
