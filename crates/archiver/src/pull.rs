//! Pulls a range of conversations: windows, several in flight, a checkpoint per page, one certificate a run.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::{ConversationSource, Error as ApiError, Flight, PageMemory};
use frontdesk_archive::{Error as ArchiveError, ErrorKind as ArchiveErrorKind, RunLog, Writer};
use frontdesk_domain::{
    Certificate, Filter, Missing, OrganizationId, PageSize, RunId, RunOutset, TimeRange, Timestamp,
    TranscriptReport,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::checkpoint::{Line, Replayed, Request, WindowState, replay};
use crate::monitor::{Monitor, Note, Progress};
use crate::tally::Tally;
use crate::transcripts::{Came, Session, Transcripts};
use crate::window::{Quit, Shared, Stopped, append, blocking, ends_the_run};

/// Where the job gets the time from.
pub type Now = dyn Fn() -> Timestamp + Send + Sync;

/// Most windows a range is split into: enough to keep several in flight, few enough that a whole year costs
/// few requests more than its pages (ADR 0009).
const MOST_WINDOWS: u64 = 64;
/// A range of this many days at most, which is what a nightly pull asks for, is cut by the hour: a few days may hold as
/// many conversations as a year, and one listing a day could not keep several in flight.
const SHORT_DAYS: u64 = 3;
const MOST_SHORT_WINDOWS: u64 = 24;
const HOUR_SECONDS: u64 = 3600;
const DAY_SECONDS: u64 = 24 * HOUR_SECONDS;

/// How many earlier runs are looked at for one to go on with: what was interrupted longer ago begins anew,
/// and finds what is stored unchanged.
const RUNS_LOOKED_AT: usize = 16;

/// What to pull.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// Conversations whose start is in this range.
    pub range: TimeRange,
    /// Only those that match.
    pub filter: Option<Filter>,
    /// Conversations asked for per page.
    pub page_size: PageSize,
    /// How long a conversation may still change after it started: a window that ends after now minus this
    /// is provisional.
    pub look_back: Duration,
    /// Windows in flight at once while the source knows no limit. With one they are as many as use it up.
    pub in_flight: NonZero<usize>,
}

/// How a run ended. What was stored stays stored, whatever the state.
#[derive(Debug)]
pub struct PullReport {
    /// The certificate, as it was written to the run's log.
    pub certificate: Certificate,
    /// What became of the records, over all sessions of the run.
    pub tally: Tally,
    /// Whether the run goes on where an earlier session of it stopped.
    pub resumed: bool,
    /// Whether the caller asked it to stop.
    pub interrupted: bool,
    /// The first failure of the remote.
    pub cause: Option<ApiError>,
}

/// How far a session came before the texts.
struct Listed {
    interrupted: bool,
    cause: Option<ApiError>,
}

/// The store failed: nothing was acknowledged after it. The run can be taken up again.
#[derive(Debug)]
pub struct PullError(pub ArchiveError);

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pull stopped because the archive could not store")
    }
}

impl std::error::Error for PullError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<ArchiveError> for PullError {
    fn from(error: ArchiveError) -> Self {
        Self(error)
    }
}

/// The job: a source, a store, a clock.
pub struct Pull<'p> {
    source: &'p dyn ConversationSource,
    transcripts: Option<Transcripts<'p>>,
    writer: Arc<Writer>,
    organization: OrganizationId,
    now: &'p Now,
}

impl fmt::Debug for Pull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pull").field("organization", &self.organization).finish_non_exhaustive()
    }
}

impl<'p> Pull<'p> {
    /// A pull from `source` into `writer`'s archive, which belongs to `organization`.
    pub fn new(
        source: &'p dyn ConversationSource,
        writer: Arc<Writer>,
        organization: OrganizationId,
        now: &'p Now,
    ) -> Self {
        Self { source, transcripts: None, writer, organization, now }
    }

    /// Takes the conversations' texts, too, when their details are stored.
    #[must_use]
    pub fn transcripts(mut self, transcripts: Option<Transcripts<'p>>) -> Self {
        self.transcripts = transcripts;
        self
    }

    /// Takes every page of the range, or goes on where the last run of an equal request stopped, until `stop`
    /// is ready.
    ///
    /// # Errors
    /// Only when the archive cannot store. A remote that fails ends in a report whose state is `incomplete`
    /// and whose `cause` says why.
    ///
    /// # Cancel safety
    /// A dropped future leaves everything that was acknowledged and a run that can be resumed; prefer `stop`,
    /// which also writes the certificate.
    pub async fn run(
        &self,
        request: &PullRequest,
        stop: impl Future<Output = ()>,
        monitor: &dyn Monitor,
    ) -> Result<PullReport, PullError> {
        let windows = request.range.split(windows_of(&request.range, self.source.days_at_once()));
        let origin = self.source.describe();
        let written = Request {
            organization: self.organization.clone(),
            contract: origin.contract.to_owned(),
            origin: origin.host,
            client_id: Some(origin.client_id),
            from: request.range.from(),
            to: request.range.to(),
            filter: request.filter.as_ref().map(Filter::to_string),
            page_size: request.page_size,
            look_back_seconds: request.look_back.as_secs(),
            windows: u32::try_from(windows.len()).unwrap_or(u32::MAX),
        };
        let begun = self.begin(written.clone(), windows, (self.now)()).await?;
        if let Some(run) = begun.damaged {
            monitor.note(&Note::RunLogDamaged { run });
        }
        monitor.started(&begun.run, begun.resumed, begun.states.len());
        let before = self.source.counters();

        let board = Board::new(request.range, &begun.states, monitor);
        let shared = Shared {
            source: self.source,
            writer: &self.writer,
            log: Arc::clone(&begun.log),
            memory: PageMemory::new(),
            flight: Flight::new(request.in_flight),
            now: self.now,
            size: request.page_size,
            filter: request.filter.clone(),
            look_back: request.look_back,
            monitor,
            told: AtomicU64::new(0),
            quit: Quit::default(),
            progress: &|index, state| board.show(index, state),
        };
        let mut stop = std::pin::pin!(stop);
        let ended = drive(&shared, begun.states, stop.as_mut()).await;
        if let Some(error) = ended.storage {
            return Err(PullError(error));
        }
        let listed = Listed { interrupted: ended.interrupted, cause: ended.cause };
        let session = Session {
            writer: &self.writer,
            log: &begun.log,
            now: self.now,
            request: &written,
            range: request.range,
            filter: request.filter.clone(),
            in_flight: request.in_flight,
            before: begun.transcripts,
            after: begun.looked_upto,
            progress: &|counts| monitor.transcripts(counts),
        };
        let texts = self.texts(&session, &listed, stop).await?;
        let Listed { mut interrupted, mut cause } = listed;
        let (mut transcripts, mut lacking) = (None, None);
        if let Some(came) = texts {
            interrupted |= came.interrupted;
            cause = cause.or(came.cause);
            (transcripts, lacking) = (Some(came.report), came.missing);
        }

        let counters = self.source.counters();
        let mut tally = Tally::default();
        for state in &ended.states {
            tally += state.tally;
        }
        let outset = RunOutset {
            run_id: begun.run.clone(),
            organization: self.organization.clone(),
            contract: written.contract.clone(),
            origin: written.origin.clone(),
            from: written.from,
            to: written.to,
            filter: written.filter.clone(),
            page_size: written.page_size,
            look_back_seconds: written.look_back_seconds,
            started_at: begun.at,
        };
        // The gateway contract states no totals, so nothing is claimed.
        let certificate = Certificate {
            finished_at: (self.now)(),
            windows: ended.states.iter().map(|state| state.report(request.look_back)).collect(),
            stored: tally.stored,
            versions_added: tally.versions_added,
            unchanged: tally.unchanged,
            expired: tally.expired,
            rejected: tally.rejected,
            requests: counters.requests.saturating_sub(before.requests),
            throttled: counters.throttled.saturating_sub(before.throttled),
            late: ended.states.iter().map(|state| state.late).sum::<u64>()
                + transcripts.map_or(0, |transcripts| transcripts.late),
            transcripts,
            missing: ended
                .states
                .iter()
                .filter_map(|state| missing(state, interrupted))
                .chain(lacking)
                .collect(),
            ..Certificate::begun(outset)
        }
        .judged();
        let line = Line::Certificate { certificate: Box::new(certificate.clone()) };
        let log = begun.log;
        blocking(move || append(&log, &line)).await?;
        Ok(PullReport { certificate, tally, resumed: begun.resumed, interrupted, cause })
    }

    /// Takes the texts, unless the listing was ended by what would end this too: then nobody was looked at.
    async fn texts(
        &self,
        session: &Session<'_>,
        listed: &Listed,
        stop: impl Future<Output = ()> + Unpin,
    ) -> Result<Option<Came>, ArchiveError> {
        let Some(transcripts) = &self.transcripts else { return Ok(None) };
        if listed.interrupted || listed.cause.as_ref().is_some_and(ends_the_run) {
            return Ok(Some(Came::not_reached(session)));
        }
        transcripts.run(session, stop).await.map(Some)
    }

    /// Finds the run to go on with, or begins a new one.
    async fn begin(
        &self,
        request: Request,
        windows: Vec<TimeRange>,
        now: Timestamp,
    ) -> Result<Begun, ArchiveError> {
        let writer = Arc::clone(&self.writer);
        blocking(move || {
            let mut runs = writer.runs()?;
            // Run ids begin with their time, so the newest is the last.
            runs.sort();
            // Only the newest run of this request counts: an older open one was overtaken.
            let pulls = runs.into_iter().rev().filter(|run| run.as_str().starts_with("pull-"));
            let mut damaged = None;
            for run in pulls.take(RUNS_LOOKED_AT) {
                match writer.run_request(&run) {
                    Ok(Some(line)) if is_run_of(&line, &request) => {}
                    Ok(_) => continue,
                    // A new run needs none of it; verify names the damage.
                    Err(error) if matches!(error.kind(), ArchiveErrorKind::Damage { .. }) => {
                        damaged = Some(run);
                        break;
                    }
                    Err(error) => return Err(error),
                }
                let mut log = writer.run_log(&run)?;
                let replayed = replay(log.lines(), &request, &windows)?;
                let Some(Replayed { begun_at, mut states, transcripts, looked_upto }) = replayed else {
                    break;
                };
                log.append(&serde_json::to_value(Line::Resumed { at: now }).unwrap_or_default())?;
                restart_what_was_rejected(&mut log, &mut states, now)?;
                let log = Arc::new(Mutex::new(log));
                return Ok(Begun {
                    run,
                    at: begun_at,
                    log,
                    states,
                    transcripts,
                    looked_upto,
                    resumed: true,
                    damaged: None,
                });
            }
            let run = new_run_id(now);
            let mut log = writer.run_log(&run)?;
            let line = Line::Run { run_id: run.clone(), at: now, request };
            log.append(&serde_json::to_value(line).unwrap_or_default())?;
            let states = windows.into_iter().map(WindowState::new).collect();
            Ok(Begun {
                run,
                at: now,
                log: Arc::new(Mutex::new(log)),
                states,
                transcripts: TranscriptReport::default(),
                looked_upto: 0,
                resumed: false,
                damaged,
            })
        })
        .await
    }
}

/// One window a day, or an hour of few days, as long as that is not too many. A source that takes in whole days is asked for
/// them at once: it would give a day's conversations once for each of its hours.
fn windows_of(range: &TimeRange, at_once: Option<NonZero<u32>>) -> NonZero<u32> {
    let seconds = range.to().since(range.from()).as_secs();
    let windows = match seconds.div_ceil(DAY_SECONDS) {
        0..=SHORT_DAYS if at_once.is_none() => seconds.div_ceil(HOUR_SECONDS).min(MOST_SHORT_WINDOWS),
        days => days.div_ceil(at_once.map_or(1, |days| days.get().into())).min(MOST_WINDOWS),
    };
    u32::try_from(windows).ok().and_then(NonZero::new).unwrap_or(NonZero::<u32>::MIN)
}

/// Begins every window anew that was taken whole but for records that could not be kept: nothing of it is left to
/// go on with, and the server may have mended them.
fn restart_what_was_rejected(
    log: &mut RunLog,
    states: &mut [WindowState],
    now: Timestamp,
) -> Result<(), ArchiveError> {
    for (window, state) in (0..).zip(states).filter(|(_, state)| state.done && state.tally.rejected > 0) {
        log.append(&serde_json::to_value(Line::Restarted { window, at: now }).unwrap_or_default())?;
        *state = WindowState::new(state.range);
    }
    Ok(())
}

struct Begun {
    run: RunId,
    /// When the run began, which may have been in an earlier session.
    at: Timestamp,
    log: Arc<Mutex<RunLog>>,
    states: Vec<WindowState>,
    /// What came of the texts in earlier sessions, and the last sequence they looked at.
    transcripts: TranscriptReport,
    looked_upto: u64,
    resumed: bool,
    /// An earlier run whose log cannot be read, so that it was not gone on with.
    damaged: Option<RunId>,
}

struct Ended {
    states: Vec<WindowState>,
    storage: Option<ArchiveError>,
    cause: Option<ApiError>,
    interrupted: bool,
}

/// Runs the open windows, several at once, until all are done, the caller stops, or going on is pointless.
async fn drive(
    shared: &Shared<'_>,
    mut states: Vec<WindowState>,
    mut stop: impl Future<Output = ()> + Unpin,
) -> Ended {
    let mut storage = None;
    let mut cause = None;
    let mut interrupted = false;
    let open = states.iter_mut().enumerate().filter(|(_, state)| !state.done);
    let mut waiting: VecDeque<_> =
        open.map(|(index, state)| (u32::try_from(index).unwrap_or(u32::MAX), state)).collect();
    let mut running = FuturesUnordered::new();
    loop {
        let room = shared.flight.room(shared.source.rate(), running.len(), waiting.len());
        running.extend(waiting.drain(..room).map(|(index, state)| shared.run(index, state)));
        tokio::select! {
            biased;
            () = &mut stop, if !interrupted => {
                interrupted = true;
                shared.quit.now();
            }
            () = shared.flight.changed() => {}
            window = running.next() => match window {
                None => break,
                Some(Ok(())) => {}
                Some(Err(Stopped::Storage(error))) => {
                    storage.get_or_insert(error);
                    shared.quit.now();
                }
                Some(Err(Stopped::Remote(error))) => {
                    if ends_the_run(&error) {
                        shared.quit.now();
                    }
                    cause.get_or_insert(*error);
                }
            },
        }
    }
    drop(running);
    Ended { states, storage, cause, interrupted }
}

fn missing(state: &WindowState, interrupted: bool) -> Option<Missing> {
    let reason = if !state.done {
        match &state.failed {
            Some(failed) => failed.reason.clone(),
            None if interrupted => String::from("interrupted"),
            None => String::from("not reached"),
        }
    } else if state.tally.rejected > 0 {
        format!("{} records could not be kept", state.tally.rejected)
    } else {
        return None;
    };
    let token = state.failed.as_ref().and_then(|failed| failed.token.as_ref()).or(state.next.as_ref());
    Some(Missing {
        window_from: state.range.from(),
        window_to: state.range.to(),
        page_token: token.map(|token| token.as_str().to_owned()),
        reason,
    })
}

fn is_run_of(line: &serde_json::Value, request: &Request) -> bool {
    matches!(serde_json::from_value(line.clone()), Ok(Line::Run { request: written, .. }) if written == *request)
}

/// `pull-20250301t100000-1a2b3c4d`: sorts by time, and two runs of one second differ.
fn new_run_id(now: Timestamp) -> RunId {
    let stamp: String = now.to_string().chars().take(19).filter(|c| c.is_ascii_alphanumeric()).collect();
    let salt = uuid::Uuid::new_v4().simple().to_string();
    let text = format!("pull-{}-{}", stamp.to_ascii_lowercase(), &salt[..8]);
    text.parse().expect("a stamp and hex digits make a run id")
}

/// Adds up the windows for the monitor.
struct Board<'m> {
    total: u64,
    monitor: &'m dyn Monitor,
    windows: Mutex<Vec<WindowProgress>>,
    shown: AtomicU64,
}

#[derive(Clone, Copy, Default)]
struct WindowProgress {
    done: u64,
    pages: u64,
    tally: Tally,
}

impl<'m> Board<'m> {
    fn new(range: TimeRange, states: &[WindowState], monitor: &'m dyn Monitor) -> Self {
        let windows = states.iter().map(progress_of).collect();
        let total = range.to().since(range.from()).as_secs();
        Self { total, monitor, windows: Mutex::new(windows), shown: AtomicU64::new(0) }
    }

    fn show(&self, index: u32, state: &WindowState) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(index as usize) {
            *window = progress_of(state);
        }
        let mut progress = Progress { total: self.total, ..Progress::default() };
        for window in windows.iter() {
            progress.done += window.done;
            progress.pages += window.pages;
            progress.tally += window.tally;
        }
        drop(windows);
        // A bar never goes back, also when a window begins again.
        progress.done = self.shown.fetch_max(progress.done, Ordering::Relaxed).max(progress.done);
        self.monitor.stored(&progress);
    }
}

fn progress_of(state: &WindowState) -> WindowProgress {
    let reached = if state.done { state.range.to() } else { state.reached.unwrap_or(state.range.from()) };
    let done = reached.min(state.range.to()).since(state.range.from()).as_secs();
    WindowProgress { done, pages: state.pages, tally: state.tally }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_days_are_cut_by_the_hour_and_many_by_the_day() {
        for (to, windows) in [
            ("2025-03-01T00:00:01Z", 1),
            ("2025-03-01T01:00:00Z", 1),
            ("2025-03-01T01:00:01Z", 2),
            ("2025-03-02T00:00:00Z", 24),
            ("2025-03-04T00:00:00Z", 24),
            ("2025-03-04T00:00:01Z", 4),
            ("2025-05-04T00:00:00Z", 64),
            ("2026-03-01T00:00:00Z", 64),
        ] {
            let range = TimeRange::new("2025-03-01T00:00:00Z".parse().unwrap(), to.parse().unwrap()).unwrap();
            assert_eq!(windows_of(&range, None).get(), windows, "{to}");
            let days = range.to().since(range.from()).as_secs().div_ceil(DAY_SECONDS);
            let by_days = |at_once| u64::from(windows_of(&range, NonZero::new(at_once)).get());
            assert_eq!(by_days(1), days.min(64), "{to}, by whole days");
            assert_eq!(by_days(31), days.div_ceil(31), "{to}, by months");
        }
    }
}
