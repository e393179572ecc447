//! The texts of the conversations of a range, where a listing does not bring them (platform contract C.4.4).
//!
//! After a [`Pull`](crate::Pull) has stored the details, each conversation whose text is not settled is looked at: its
//! transcript is stored beside its details, several in flight, with checkpoints in the run's log, so that a run that was
//! killed goes on behind the last one. What is late, open or may still grow stays in a queue that later runs work through;
//! what is settled costs no request until its details change (`queue`).

mod candidates;
mod late;
mod look;
pub(crate) mod queue;
mod verdict;

use std::fmt;
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::{Error as ApiError, TranscriptSource};
use frontdesk_archive::{Error as ArchiveError, RunLog, Writer};
use frontdesk_domain::{Filter, Missing, TimeRange, TranscriptReport};

use self::look::{Looking, held};
use self::queue::{Cover, Queue};
use crate::checkpoint::{Line, Request};
use crate::pull::Now;
use crate::window::{append, blocking};

pub use self::late::LateQueue;
pub use self::queue::Waiting;
pub use self::verdict::Why;

/// Takes the transcripts of a pull's conversations; given to [`Pull::transcripts`](crate::Pull::transcripts).
#[derive(Clone, Copy)]
pub struct Transcripts<'t> {
    source: &'t dyn TranscriptSource,
    threading_window: Duration,
}

impl fmt::Debug for Transcripts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcripts")
            .field("threading_window", &self.threading_window)
            .finish_non_exhaustive()
    }
}

/// What a session goes on with, and where it writes.
pub(crate) struct Session<'s> {
    pub(crate) writer: &'s Arc<Writer>,
    pub(crate) log: &'s Arc<Mutex<RunLog>>,
    pub(crate) now: &'s Now,
    pub(crate) request: &'s Request,
    pub(crate) range: TimeRange,
    pub(crate) filter: Option<Filter>,
    pub(crate) in_flight: NonZero<usize>,
    /// What earlier sessions of the run came to.
    pub(crate) before: TranscriptReport,
    /// The last sequence of the range that they looked at.
    pub(crate) after: u64,
    pub(crate) progress: &'s (dyn Fn(&TranscriptReport) + Sync),
}

/// What came of it.
pub(crate) struct Came {
    pub(crate) report: TranscriptReport,
    pub(crate) missing: Option<Missing>,
    pub(crate) interrupted: bool,
    pub(crate) cause: Option<ApiError>,
}

impl Came {
    /// Nobody was looked at, since the session had ended before.
    pub(crate) fn not_reached(session: &Session<'_>) -> Self {
        let missing = missing(&session.range, String::from("transcripts: not reached"));
        Self { report: session.before, missing: Some(missing), interrupted: false, cause: None }
    }
}

impl<'t> Transcripts<'t> {
    /// From `source`; an ended conversation is looked at once more when `threading_window` has passed since its end.
    #[must_use]
    pub fn new(source: &'t dyn TranscriptSource, threading_window: Duration) -> Self {
        Self { source, threading_window }
    }

    /// Looks at what is due and at the range of the session.
    ///
    /// # Errors
    /// When the archive cannot store, or cannot be read.
    pub(crate) async fn run(
        &self,
        session: &Session<'_>,
        stop: impl Future<Output = ()> + Unpin,
    ) -> Result<Came, ArchiveError> {
        let (writer, request) = (Arc::clone(session.writer), session.request.clone());
        let (reader, queue) = blocking(move || {
            let reader = writer.reader()?;
            let queue = Queue::read(&reader, &request)?;
            Ok::<_, ArchiveError>((reader, queue))
        })
        .await?;
        let queue = Arc::new(Mutex::new(queue));
        let looking = Looking {
            source: self.source,
            writer: session.writer,
            log: Arc::clone(session.log),
            now: session.now,
            range: session.range,
            filter: session.filter.clone(),
            window: self.threading_window,
            in_flight: session.in_flight,
            progress: session.progress,
        };
        let ended = looking.run(reader, &queue, session.after, stop).await?;
        let at = (session.now)();
        let mut lines = Vec::new();
        let mut report = session.before;
        report += ended.counts;
        {
            let mut queue = held(&queue);
            if ended.whole && ended.upto > 0 {
                let cover = Cover {
                    from: session.range.from(),
                    to: session.range.to(),
                    upto: ended.upto,
                    filter: session.filter.as_ref().map(Filter::to_string),
                };
                queue.cover(cover.clone());
                lines.push(Line::Covered { at, cover });
            }
            lines.extend(queue.lines(at));
            report.waiting = queue.waiting.len() as u64;
            report.failed = queue.waiting_in(&session.range, |why| why == Why::Failed);
            report.late = queue.waiting_in(&session.range, |why| why != Why::Failed);
        }
        let log = Arc::clone(session.log);
        blocking(move || lines.iter().try_for_each(|line| append(&log, line))).await?;
        let reason = match (ended.whole, ended.interrupted, report.failed) {
            (false, true, _) => Some(String::from("transcripts: interrupted")),
            (false, false, _) => Some(String::from("transcripts: not reached")),
            (true, _, 0) => None,
            (true, _, failed) => Some(format!("transcripts of {failed} conversations failed")),
        };
        let missing = reason.map(|reason| missing(&session.range, reason));
        Ok(Came { report, missing, interrupted: ended.interrupted, cause: ended.cause })
    }
}

fn missing(range: &TimeRange, reason: String) -> Missing {
    Missing { window_from: range.from(), window_to: range.to(), page_token: None, reason }
}
