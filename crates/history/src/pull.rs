//! The job: several conversations in flight, each strictly in page order.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::media::MediaDoor;
use frontdesk_api::{Error as ApiError, Flight, HistorySource, PageMemory};
use frontdesk_archive::Error as ArchiveError;
use frontdesk_domain::message::{HistoryTarget, TypeFilter};
use frontdesk_domain::{HistoryPageSize, MaxDepth, PageToken, RunId, Timestamp, hex};
use frontdesk_durable::{Dir, Lock, LockError};
use frontdesk_journal::{Change, Error as JournalError, Journal};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sha2::{Digest, Sha256};

use crate::blocking::blocking;
use crate::checkpoint::{RUN, RunDetail, Stage};
use crate::conversation::{Quit, Shared, Step};
use crate::course::Course;
use crate::destination::Destination;
use crate::keep::MediaArchive;
use crate::media::MediaWork;
use crate::monitor::{Monitor, Progress};
use crate::order::Order;
use crate::report::{ConversationReport, PullReport, Totals};

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Conversations in a row that fail because the server is gone or refuses us, after which no other is begun.
const FAILURES_IN_A_ROW: u32 = 5;

/// Conversations that wait and are put away at the same time when the job ends early: each has a file open meanwhile.
const PUT_AWAY_AT_ONCE: usize = 16;

/// What to pull.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// Messages per page.
    pub page_size: HistoryPageSize,
    /// Pages of one history at most, over all sessions of the run.
    pub depth: MaxDepth,
    /// Which messages are kept.
    pub types: TypeFilter,
    /// Where every history is begun; at its beginning without it. A token of one conversation means nothing to another.
    pub resume: Option<PageToken>,
    /// Conversations in flight at once while the source knows no limit. With one they are as many as use it up.
    pub in_flight: NonZero<usize>,
}

/// Where a job keeps what it must not lose.
#[derive(Debug, Clone)]
pub struct Session {
    /// Checkpoints, audit entries and events.
    pub journal: Arc<Journal>,
    /// The folder of working files: everything in it is this crate's.
    pub work: Arc<dyn Dir>,
}

/// What was fetched could not be stored. The run can be taken up again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The journal.
    #[error("the journal could not record")]
    Journal(#[from] JournalError),
    /// The archive.
    #[error("the archive could not store")]
    Archive(#[from] ArchiveError),
    /// A working file, or a file of the folder.
    #[error("a file could not be written or read")]
    Files(#[from] io::Error),
    /// Another process runs the same job.
    #[error("another process pulls these histories")]
    Busy(#[source] LockError),
}

/// The job: a source, a place to keep what must not be lost, a destination, a clock.
pub struct HistoryPull<'p> {
    source: &'p dyn HistorySource,
    session: Session,
    destination: Arc<dyn Destination>,
    clock: Clock,
    media: Option<MediaWork>,
}

impl fmt::Debug for HistoryPull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryPull").field("session", &self.session).finish_non_exhaustive()
    }
}

impl<'p> HistoryPull<'p> {
    /// A pull from `source` to `destination`.
    pub fn new(
        source: &'p dyn HistorySource,
        session: Session,
        destination: Arc<dyn Destination>,
        clock: Clock,
    ) -> Self {
        Self { source, session, destination, clock, media: None }
    }

    /// Asks the media links of every history through this door, after its last page.
    #[must_use]
    pub fn check_media(mut self, door: MediaDoor) -> Self {
        self.media = Some(MediaWork { door, keep: None });
        self
    }

    /// Takes the files of every history through this door into the archive, after its last page.
    #[must_use]
    pub fn save_media(mut self, door: MediaDoor, archive: MediaArchive) -> Self {
        self.media = Some(MediaWork { door, keep: Some(Arc::new(archive)) });
        self
    }

    /// Pulls the history of every target, or goes on where the last run of an equal request over the same targets stopped,
    /// until `stop` is ready. The order of the targets does not matter; one that is named twice is pulled once.
    ///
    /// # Errors
    /// Only when something cannot be stored. A remote that fails is in the report.
    ///
    /// # Cancel safety
    /// A dropped future leaves a run that can be taken up again; prefer `stop`, which also ends it in the journal.
    pub async fn run(
        &self,
        request: &PullRequest,
        targets: Vec<HistoryTarget>,
        stop: impl Future<Output = ()>,
        monitor: &dyn Monitor,
    ) -> Result<PullReport, StoreError> {
        let mut named = BTreeSet::new();
        let mut waiting: VecDeque<HistoryTarget> = targets.into();
        waiting.retain(|target| named.insert(target.clone()));
        let ledger = self.ledger(request, &named);
        drop(named);
        let (lock, run, resumed) = self.begin(&ledger).await?;
        monitor.started(&run, resumed, waiting.len());

        let progress = Progress { total: waiting.len() as u64, ..Progress::default() };
        let shared = Shared {
            source: self.source,
            course: Arc::new(Course {
                session: self.session.clone(),
                destination: Arc::clone(&self.destination),
                clock: Arc::clone(&self.clock),
                ledger: ledger.clone(),
                run: run.clone(),
                types: request.types.clone(),
                listing: self.source.listing(),
                keep: self.keep().cloned(),
            }),
            request,
            media: self.media.clone(),
            memory: PageMemory::new(),
            flight: Flight::new(request.in_flight),
            order: Mutex::new(Order::new(waiting)),
            monitor,
            progress: Mutex::new(progress),
            quit: Quit::default(),
        };
        let ended = drive(&shared, stop).await;
        if let Some(error) = ended.storage {
            return Err(error);
        }
        let mut totals = ended.totals;
        totals.not_reached = shared.order().unseen() as u64;
        let open = totals.not_reached + ended.open > 0;
        if !open {
            self.finish(ledger, run.clone()).await?;
        }
        drop(lock);
        Ok(PullReport { run, resumed, totals, interrupted: ended.interrupted, cause: ended.cause })
    }

    /// The name of the ledger: the same for the same job.
    fn ledger(&self, request: &PullRequest, targets: &BTreeSet<HistoryTarget>) -> String {
        let origin = self.source.describe();
        let types: Vec<&str> = request.types.names().collect();
        let identity = serde_json::json!([
            origin.contract,
            origin.host,
            origin.client_id,
            request.page_size,
            request.depth,
            types,
            request.resume,
            digest(targets),
            self.media.as_ref().map_or(serde_json::json!(false), |work| match &work.keep {
                None => serde_json::json!(true),
                Some(keep) => serde_json::json!(["save", keep.limit()]),
            }),
            self.destination.identity(),
        ]);
        format!("history-{}", first_digits(&Sha256::digest(identity.to_string())))
    }

    fn keep(&self) -> Option<&Arc<MediaArchive>> {
        self.media.as_ref()?.keep.as_ref()
    }

    /// Takes the lock, and finds the run to go on with or begins a new one.
    async fn begin(&self, ledger: &str) -> Result<(Lock, RunId, bool), StoreError> {
        let (session, now, ledger) = (self.session.clone(), (self.clock)(), ledger.to_owned());
        blocking(move || {
            let holder = format!("pid {}: frontdesk history pull, since {now}", std::process::id());
            let wait = Duration::ZERO;
            let lock = Lock::acquire(session.work, &lock_name(&ledger), &holder, wait, &mut |_| {})
                .map_err(StoreError::Busy)?;
            if let Some(item) = session.journal.item(&ledger, RUN)?
                && Stage::read(&item.state) == Some(Stage::Open)
                && let Ok(RunDetail { run }) = serde_json::from_str(item.detail.get())
            {
                return Ok((lock, run, true));
            }
            let run = new_run_id(now, &ledger);
            let detail = RunDetail { run: run.clone() };
            let change = Change::new().item(&ledger, RUN, Stage::Open.as_str(), &detail)?;
            session.journal.record(change)?;
            Ok((lock, run, false))
        })
        .await
    }

    /// Ends the run, and removes its working files.
    async fn finish(&self, ledger: String, run: RunId) -> Result<(), StoreError> {
        let (session, keep) = (self.session.clone(), self.keep().cloned());
        blocking(move || {
            if let Some(keep) = keep {
                keep.sweep()?;
            }
            let change = Change::new().item(&ledger, RUN, Stage::Done.as_str(), &RunDetail { run })?;
            session.journal.record(change)?;
            let prefix = format!("{ledger}-");
            for entry in session.work.list("")? {
                if entry.name.starts_with(&prefix) {
                    session.work.remove(&entry.name)?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// Names exactly these conversations, in whatever order they came.
fn digest(targets: &BTreeSet<HistoryTarget>) -> String {
    let mut digest = Sha256::new();
    for target in targets {
        // A path tells its three ids apart, and has no line break.
        digest.update(target.path());
        digest.update(b"\n");
    }
    first_digits(&digest.finalize())
}

/// Sixteen hexadecimal digits: of as many jobs as one place sees, no two share them.
fn first_digits(digest: &[u8]) -> String {
    hex(&digest[..8])
}

/// The file that keeps two processes from one job. Its name is short of telling all jobs apart, so that however many there
/// were the folder stays small.
fn lock_name(ledger: &str) -> String {
    const DIGITS: usize = "history-".len() + 3;
    format!("{}.lock", ledger.get(..DIGITS).unwrap_or(ledger))
}

/// `history-20250301t100000-1a2b3c4d`: sorts by time, and runs of two jobs differ.
fn new_run_id(now: Timestamp, ledger: &str) -> RunId {
    let stamp: String = now.to_string().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
    let salt = Sha256::digest(format!("{ledger} {now} {}", std::process::id()));
    let text = format!("history-{}-{}", stamp.to_ascii_lowercase(), hex(&salt[..4]));
    text.parse().expect("a stamp and hex digits make a run id")
}

struct Ended {
    totals: Totals,
    /// Conversations that the same request would go on with.
    open: u64,
    storage: Option<StoreError>,
    cause: Option<ApiError>,
    interrupted: bool,
}

/// Runs conversations, several at once, until all are done, the caller stops, or going on is pointless.
async fn drive(shared: &Shared<'_>, stop: impl Future<Output = ()>) -> Ended {
    let mut ended =
        Ended { totals: Totals::default(), open: 0, storage: None, cause: None, interrupted: false };
    let mut running = FuturesUnordered::new();
    let mut stop = std::pin::pin!(stop);
    let mut in_a_row = 0;
    let mut going_on = true;
    loop {
        if going_on {
            let mut order = shared.order();
            let room = shared.flight.room(shared.source.rate(), running.len(), order.len());
            running.extend((0..room).map_while(|_| order.next()).map(|turn| shared.run(turn, true)));
        } else if ended.storage.is_none() {
            // What was put back says how far it is, like what runs.
            let (room, mut order) = (PUT_AWAY_AT_ONCE.saturating_sub(running.len()), shared.order());
            running.extend((0..room).map_while(|_| order.longest()).map(|turn| shared.run(turn, false)));
        }
        tokio::select! {
            biased;
            () = &mut stop, if !ended.interrupted => {
                (ended.interrupted, going_on) = (true, false);
                shared.quit.now();
            }
            () = shared.flight.changed() => {}
            step = running.next() => match step {
                None if !going_on || shared.order().len() == 0 => break,
                // Nothing runs and nothing was started: as before the first page.
                None => running.extend(shared.order().next().map(|turn| shared.run(turn, true))),
                Some(Err(error)) => {
                    ended.storage.get_or_insert(error);
                    going_on = false;
                    shared.quit.now();
                }
                Some(Ok(Step::PutBack(turn, left))) => shared.order().put_back(turn, left),
                Some(Ok(Step::Ended(report, open, error))) => {
                    shared.order().ended();
                    note(shared, &report);
                    ended.totals.add(&report);
                    ended.open += u64::from(open);
                    in_a_row = match &error {
                        Some(error) if error.is_auth() || error.is_unavailable() => in_a_row + 1,
                        _ => 0,
                    };
                    if let Some(error) = error {
                        ended.cause.get_or_insert(error);
                    }
                    if in_a_row >= FAILURES_IN_A_ROW {
                        going_on = false;
                    }
                }
            },
        }
    }
    ended
}

fn note(shared: &Shared<'_>, report: &ConversationReport) {
    let mut progress = shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
    progress.done += 1;
    let now = *progress;
    drop(progress);
    shared.monitor.ended(report);
    shared.monitor.progress(&now);
}
