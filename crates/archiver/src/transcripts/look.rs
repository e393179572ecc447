//! Looking at conversations: several at once, stored in the order in which they were asked for, with a line in the run's log.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_api::{Error as ApiError, Flight, Singles, TranscriptLook, TranscriptSource};
use frontdesk_archive::{Error as ArchiveError, Prepared, PutOutcome, Reader, RunLog, Writer};
use frontdesk_domain::{ConversationId, Filter, TimeRange, Timestamp, TranscriptReport};
use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};

use super::candidates::{Candidate, Candidates};
use super::queue::{Looked, Queue, Waiting};
use super::verdict::{Seen, Verdict, Why, is_waited_for, judge};
use crate::checkpoint::Line;
use crate::pull::Now;
use crate::window::{append, blocking, ends_the_run};

/// Conversations that wait while the next are read from the disk.
const FEW: usize = 32;

/// Looks that are stored together, and the bytes after which no more are.
const TOGETHER: usize = 32;
const BYTES: usize = 1024 * 1024;

/// What looking needs.
pub(crate) struct Looking<'l> {
    pub(crate) source: &'l dyn TranscriptSource,
    pub(crate) writer: &'l Arc<Writer>,
    pub(crate) log: Arc<Mutex<RunLog>>,
    pub(crate) now: &'l Now,
    pub(crate) range: TimeRange,
    /// Which conversations of the range.
    pub(crate) filter: Option<Filter>,
    /// How long after its end a message may be threaded into a conversation.
    pub(crate) window: Duration,
    pub(crate) in_flight: NonZero<usize>,
    /// Called with the counts so far when looks are stored.
    pub(crate) progress: &'l (dyn Fn(&TranscriptReport) + Sync),
}

/// How the looks of a session ended.
pub(crate) struct Ended {
    /// The counts of this session; what is late, failed or waiting is told of the whole range.
    pub(crate) counts: TranscriptReport,
    /// The last sequence of the range that was looked at, or need not be.
    pub(crate) upto: u64,
    /// Whether everybody was looked at.
    pub(crate) whole: bool,
    pub(crate) interrupted: bool,
    /// The first failure of the remote.
    pub(crate) cause: Option<ApiError>,
}

/// What came of one conversation.
struct Done {
    candidate: Candidate,
    look: Look,
    at: Timestamp,
}

enum Look {
    Told(TranscriptLook),
    /// No conversation can have such an id.
    NotAnId,
    Failed(ApiError),
}

impl Done {
    fn bytes(&self) -> usize {
        match &self.look {
            Look::Told(TranscriptLook::Found(found)) => found.record.bytes().len(),
            _ => 0,
        }
    }
}

impl Looking<'_> {
    /// Looks at what is due and at the range from behind `after` on, until everybody was looked at, `stop` is ready, or
    /// going on is pointless.
    ///
    /// # Errors
    /// When the archive cannot store, or cannot be read.
    ///
    /// # Cancel safety
    /// What was stored stays stored; a look whose line is not written yet is done again by the next session, and found
    /// unchanged.
    pub(crate) async fn run(
        &self,
        reader: Reader,
        queue: &Arc<Mutex<Queue>>,
        after: u64,
        mut stop: impl Future<Output = ()> + Unpin,
    ) -> Result<Ended, ArchiveError> {
        let all = Candidates::new(reader, self.range, self.filter.clone(), &held(queue), (self.now)(), after);
        let flight = Flight::new(self.in_flight);
        let mut ended = Ended {
            counts: TranscriptReport::default(),
            upto: after,
            whole: false,
            interrupted: false,
            cause: None,
        };
        let (mut resting, mut reading) = (Some(all), FuturesUnordered::new());
        let mut waiting: VecDeque<Candidate> = VecDeque::new();
        let mut running = FuturesOrdered::new();
        let mut done: VecDeque<Done> = VecDeque::new();
        let mut storing = FuturesUnordered::new();
        let mut quit = false;
        loop {
            if !quit
                && waiting.len() < FEW
                && let Some(candidates) = resting.take_if(|candidates| !candidates.is_done())
            {
                reading.push(next_page(candidates, Arc::clone(queue)));
            }
            if !quit && done.len() < TOGETHER {
                let room = flight.room(self.source.rate(), running.len(), waiting.len());
                running.extend(waiting.drain(..room).map(|candidate| self.look(candidate, &flight)));
            }
            if storing.is_empty() && !done.is_empty() {
                storing.push(self.store(together(&mut done), &flight));
            }
            if reading.is_empty() && running.is_empty() && storing.is_empty() && (quit || waiting.is_empty())
            {
                break;
            }
            tokio::select! {
                biased;
                () = &mut stop, if !ended.interrupted => {
                    (ended.interrupted, quit) = (true, true);
                    running = FuturesOrdered::new();
                }
                Some(stored) = storing.next(), if !storing.is_empty() => {
                    let looked: Looked = stored?;
                    held(queue).looked(&looked);
                    ended.counts += looked.counts;
                    ended.upto = looked.upto.unwrap_or(ended.upto);
                    (self.progress)(&ended.counts);
                }
                Some(read) = reading.next(), if !reading.is_empty() => {
                    let (candidates, page) = read?;
                    resting = Some(candidates);
                    waiting.extend(page);
                }
                Some(one) = running.next(), if !running.is_empty() => {
                    let one: Done = one;
                    match one.look {
                        // Whoever comes behind it would be asked for in vain, and is looked at by the next session.
                        Look::Failed(error) if ends_the_run(&error) => {
                            quit = true;
                            running = FuturesOrdered::new();
                            ended.cause.get_or_insert(error);
                        }
                        _ => done.push_back(one),
                    }
                }
                () = flight.changed() => {}
            }
        }
        ended.whole = !quit;
        if let Some(candidates) = resting.filter(|_| ended.whole) {
            ended.upto = candidates.upto;
        }
        drop(running);
        Ok(ended)
    }

    async fn look(&self, candidate: Candidate, flight: &Flight) -> Done {
        // Before anything is seen: what comes later is not in it.
        let at = (self.now)();
        let look = match ConversationId::new(candidate.id.as_str()) {
            Err(_) => Look::NotAnId,
            Ok(id) => match self.source.transcript(&id, self.singles(&candidate, at)).await {
                Ok(told) => {
                    if let TranscriptLook::Found(found) = &told {
                        flight.fetched(found.took);
                    }
                    Look::Told(told)
                }
                Err(error) => Look::Failed(error),
            },
        };
        Done { candidate, look, at }
    }

    /// Before a text is given up it is asked for by itself; as long as it is waited for there is another look.
    fn singles(&self, candidate: &Candidate, at: Timestamp) -> Singles {
        if is_waited_for(candidate.first.unwrap_or(at), at, self.window) {
            Singles::WhileFound
        } else {
            Singles::All
        }
    }

    /// Stores what was found, and writes down what follows from it.
    async fn store(&self, done: Vec<Done>, flight: &Flight) -> Result<Looked, ArchiveError> {
        let begun = (self.now)();
        let (writer, log, window) = (Arc::clone(self.writer), Arc::clone(&self.log), self.window);
        let stored = blocking(move || {
            let mut looked = Looked {
                at: begun,
                upto: done.iter().filter_map(|one| one.candidate.sequence).max(),
                counts: TranscriptReport { looked: done.len() as u64, ..TranscriptReport::default() },
                waiting: Vec::new(),
                settled: Vec::new(),
            };
            let mut found = Vec::new();
            for one in done {
                note(one, window, &mut looked, &mut found);
            }
            let counts = &mut looked.counts;
            for outcome in writer.put(found)? {
                match outcome {
                    PutOutcome::Stored => counts.stored += 1,
                    PutOutcome::VersionAdded { .. } => counts.versions_added += 1,
                    PutOutcome::Unchanged { .. } => counts.unchanged += 1,
                    PutOutcome::Expired => counts.expired += 1,
                    // An outcome that this version does not know is not a success it could claim.
                    _ => counts.rejected += 1,
                }
            }
            append(&log, &Line::Looked(looked.clone()))?;
            Ok(looked)
        })
        .await;
        flight.stored((self.now)().since(begun));
        stored
    }
}

/// What follows from one look: what is stored, who is looked at again and who is settled.
fn note(done: Done, window: Duration, looked: &mut Looked, found: &mut Vec<Prepared>) {
    let Done { candidate, look, at } = done;
    let first = candidate.first.unwrap_or(at);
    let mut seen = Seen { missing: false, absent: false, ended_at: candidate.ended_at, first };
    let verdict = match look {
        Look::Failed(_) => Verdict::Waiting { due: None, why: Why::Failed },
        Look::NotAnId => {
            looked.counts.rejected += 1;
            Verdict::Settled { gone: false }
        }
        Look::Told(TranscriptLook::Missing) => {
            seen.missing = true;
            judge(seen, at, window)
        }
        Look::Told(TranscriptLook::Found(transcript)) => {
            seen.absent = transcript.absent > 0;
            seen.ended_at = transcript.ended_at.or(candidate.ended_at);
            looked.counts.messages += transcript.messages;
            found.push(Prepared::new(transcript.record, transcript.facts));
            judge(seen, at, window)
        }
    };
    match verdict {
        Verdict::Waiting { due, why } => {
            let Candidate { id, started_at, .. } = candidate;
            looked.waiting.push(Waiting { id, started_at, first, due, why });
        }
        Verdict::Settled { gone } => {
            looked.counts.gone += u64::from(gone);
            if candidate.first.is_some() {
                looked.settled.push(candidate.id);
            }
        }
    }
}

/// The first looks that are done, as many as are stored together; one at least.
fn together(done: &mut VecDeque<Done>) -> Vec<Done> {
    let mut bytes = 0;
    let mut fits = 0;
    for one in done.iter().take(TOGETHER) {
        bytes += one.bytes();
        if fits > 0 && bytes > BYTES {
            break;
        }
        fits += 1;
    }
    done.drain(..fits).collect()
}

async fn next_page(
    mut candidates: Candidates,
    queue: Arc<Mutex<Queue>>,
) -> Result<(Candidates, Vec<Candidate>), ArchiveError> {
    blocking(move || {
        let page = candidates.page(&queue)?;
        Ok((candidates, page))
    })
    .await
}

/// The queue, for a moment.
pub(super) fn held(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
