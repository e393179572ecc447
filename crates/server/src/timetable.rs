//! What is done again and again, and how it went: shown in Runs and by `/metrics`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_domain::Timestamp;

use crate::clock;

/// The jobs of a server, by their names. Clones share them.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use frontdesk_domain::Timestamp;
/// use frontdesk_server::Timetable;
///
/// let timetable = Timetable::new(Arc::new(|| Timestamp::UNIX_EPOCH));
/// timetable.plan("pull", Duration::from_secs(900), None, Duration::ZERO);
/// let turn = timetable.begin("pull");
/// assert!(timetable.all()[0].is_running);
/// turn.end(Err("unavailable"));
/// assert_eq!(timetable.all()[0].failures, 1);
/// ```
#[derive(Clone)]
pub struct Timetable {
    jobs: Arc<Mutex<BTreeMap<&'static str, Kept>>>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// A job as it stands. Counts are since the server was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What it is called.
    pub name: &'static str,
    /// From the beginning of one time to the beginning of the next.
    pub every: Duration,
    /// When it is begun next; none while it runs.
    pub next_at: Option<Timestamp>,
    /// When it was begun last, by this server or as it is written down of an earlier one.
    pub begun_at: Option<Timestamp>,
    /// When it ended last.
    pub ended_at: Option<Timestamp>,
    /// When it ended well last.
    pub succeeded_at: Option<Timestamp>,
    /// How it ended last: the kind of the failure, or well; none before its first end.
    pub outcome: Option<Result<(), &'static str>>,
    /// Whether it is being done.
    pub is_running: bool,
    /// Times it ended.
    pub runs: u64,
    /// Those that failed.
    pub failures: u64,
    /// How long all of them took.
    pub took: Duration,
}

#[derive(Debug)]
struct Kept {
    job: Job,
    due: Option<Instant>,
}

impl Timetable {
    /// Nothing is planned yet; `now` is the wall clock.
    #[must_use]
    pub fn new(now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { jobs: Arc::default(), now }
    }

    /// A job that is done every so often, `begun_at` for the last time, and next after `wait`.
    pub fn plan(&self, name: &'static str, every: Duration, begun_at: Option<Timestamp>, wait: Duration) {
        let job = Job {
            name,
            every,
            next_at: None,
            begun_at,
            ended_at: None,
            succeeded_at: None,
            outcome: None,
            is_running: false,
            runs: 0,
            failures: 0,
            took: Duration::ZERO,
        };
        self.lock().insert(name, Kept { job, due: Some(clock::monotonic() + wait) });
    }

    /// It is done next after `wait`.
    pub fn next_after(&self, name: &'static str, wait: Duration) {
        self.change(name, |kept| kept.due = Some(clock::monotonic() + wait));
    }

    /// It is begun. Dropped without [`Turn::end`], it counts for nothing: somebody asked it to stop.
    pub fn begin(&self, name: &'static str) -> Turn<'_> {
        let now = (self.now)();
        self.change(name, |kept| {
            kept.job.is_running = true;
            kept.job.begun_at = Some(now);
        });
        Turn { timetable: self, name, since: clock::monotonic() }
    }

    /// Every job, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Job> {
        let (now, elapsed) = ((self.now)(), clock::monotonic());
        let jobs = self.lock();
        let shown = |kept: &Kept| {
            let wait = kept.due.map(|due| due.saturating_duration_since(elapsed));
            let next_at = wait.filter(|_| !kept.job.is_running).and_then(|wait| now.checked_add(wait));
            Job { next_at, ..kept.job.clone() }
        };
        jobs.values().map(shown).collect()
    }

    fn change(&self, name: &'static str, change: impl FnOnce(&mut Kept)) {
        if let Some(kept) = self.lock().get_mut(name) {
            change(kept);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Kept>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Timetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timetable").field("jobs", &*self.lock()).finish_non_exhaustive()
    }
}

/// A job that is being done.
#[derive(Debug)]
#[must_use = "a job that was begun has an end"]
pub struct Turn<'t> {
    timetable: &'t Timetable,
    name: &'static str,
    since: Instant,
}

impl Turn<'_> {
    /// How it ended: well, or with which kind of failure.
    pub fn end(self, outcome: Result<(), &'static str>) {
        let (now, took) = ((self.timetable.now)(), clock::monotonic() - self.since);
        self.timetable.change(self.name, |Kept { job, .. }| {
            job.ended_at = Some(now);
            job.runs += 1;
            job.took += took;
            match outcome {
                Ok(()) => job.succeeded_at = Some(now),
                Err(_) => job.failures += 1,
            }
            job.outcome = Some(outcome);
        });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.timetable.change(self.name, |kept| kept.job.is_running = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_job_says_when_it_comes_next_and_how_it_went() {
        let start = clock::monotonic();
        let epoch = Timestamp::from_micros(1_000_000_000_000).unwrap();
        let now = move || epoch.checked_add(clock::monotonic() - start).unwrap();
        let after = |seconds| epoch.checked_add(Duration::from_secs(seconds));
        let timetable = Timetable::new(Arc::new(now));
        let minute = Duration::from_secs(60);
        timetable.plan("pull", minute, None, minute);
        let one = || timetable.all().remove(0);
        tokio::time::advance(minute / 6).await;
        assert_eq!((one().next_at, one().outcome, one().is_running), (after(60), None, false));

        let turn = timetable.begin("pull");
        timetable.next_after("pull", minute);
        tokio::time::advance(minute / 2).await;
        assert_eq!((one().next_at, one().begun_at, one().is_running), (None, after(10), true));
        turn.end(Ok(()));
        let turn = timetable.begin("pull");
        tokio::time::advance(minute / 12).await;
        turn.end(Err("unavailable"));
        drop(timetable.begin("pull"));
        let job = one();
        assert_eq!((job.runs, job.failures, job.took), (2, 1, Duration::from_secs(35)));
        assert_eq!(
            (job.succeeded_at, job.ended_at, job.outcome),
            (after(40), after(45), Some(Err("unavailable")))
        );
        assert_eq!((job.next_at, job.is_running), (after(70), false));
    }
}
