//! What is done again and again while the server runs: one task at a time, each at its times.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use frontdesk_domain::Timestamp;

use crate::clock;
use crate::timetable::Timetable;
use crate::warnings::Warnings;

/// What a task comes to, some time.
pub type Doing<'t, T> = Pin<Box<dyn Future<Output = T> + 't>>;

/// Something that is done again and again.
pub trait Task {
    /// What it is called in the log and by `/readyz`.
    fn name(&self) -> &'static str;

    /// From the beginning of one time to the beginning of the next.
    fn every(&self) -> Duration;

    /// When it was begun last, as it is written down where a restart finds it.
    fn last_begun(&self) -> Doing<'_, Option<Timestamp>>;

    /// Does it once. Ends early, and well, when the program is asked to stop.
    fn run(&self) -> Doing<'_, Result<(), Trouble>>;
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// For scripts; all that `/readyz` shows.
    pub kind: &'static str,
    /// For the log. Neither secrets nor customers' words.
    pub detail: String,
}

/// Tasks and their times. Elapsed time decides: a wall clock that jumps neither hurries nor delays a task; it is only
/// asked at the start, for how long ago a task was begun last.
pub struct Schedule<'t> {
    tasks: Vec<(Box<dyn Task + 't>, Instant)>,
    now: &'t dyn Fn() -> Timestamp,
    warnings: Warnings,
    timetable: Timetable,
}

impl std::fmt::Debug for Schedule<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.tasks.iter().map(|(task, _)| task.name()).collect();
        f.debug_struct("Schedule").field("tasks", &names).finish_non_exhaustive()
    }
}

impl<'t> Schedule<'t> {
    /// No tasks yet; `now` is the wall clock. How each of them goes is written into `timetable`.
    pub fn new(now: &'t dyn Fn() -> Timestamp, warnings: Warnings, timetable: Timetable) -> Self {
        Self { tasks: Vec::new(), now, warnings, timetable }
    }

    /// Adds a task. It is due when its time has passed since it was begun last, so at once where it never was.
    pub async fn add(&mut self, task: Box<dyn Task + 't>) {
        let last = task.last_begun().await;
        let since = match last {
            // In the future when the clock was set back: then it was begun just now.
            Some(last) => (self.now)().since(last).min(task.every()),
            None => task.every(),
        };
        let wait = task.every() - since;
        self.timetable.plan(task.name(), task.every(), last, wait);
        self.tasks.push((task, clock::monotonic() + wait));
    }

    /// Does every task at its times, one at a time, until `stop` is ready. A task that fails is tried again at its next
    /// time, and is a warning until it succeeds.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        while let Some((task, due)) = self.tasks.iter_mut().min_by_key(|(_, due)| *due) {
            tokio::select! {
                biased;
                () = stop.as_mut() => return,
                () = tokio::time::sleep(due.saturating_duration_since(clock::monotonic())) => {}
            }
            *due = clock::monotonic() + task.every();
            let name = task.name();
            self.timetable.next_after(name, task.every());
            let turn = self.timetable.begin(name);
            match task.run().await {
                Ok(()) => {
                    turn.end(Ok(()));
                    self.warnings.clear(name);
                }
                Err(trouble) => {
                    turn.end(Err(trouble.kind));
                    tracing::warn!(task = name, kind = trouble.kind, "not done: {}", trouble.detail);
                    self.warnings.set(name, format!("{} at {}", trouble.kind, (self.now)()));
                }
            }
        }
        stop.await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Writes down when it runs, on a clock that only the test moves.
    struct Noted<'n> {
        name: &'static str,
        every: Duration,
        last: Option<Timestamp>,
        takes: Duration,
        fails: Cell<u32>,
        notes: &'n RefCell<Vec<(&'static str, u64)>>,
        start: Instant,
    }

    impl Task for Noted<'_> {
        fn name(&self) -> &'static str {
            self.name
        }

        fn every(&self) -> Duration {
            self.every
        }

        fn last_begun(&self) -> Doing<'_, Option<Timestamp>> {
            Box::pin(async { self.last })
        }

        fn run(&self) -> Doing<'_, Result<(), Trouble>> {
            Box::pin(async {
                let minutes = clock::monotonic().duration_since(self.start).as_secs() / 60;
                self.notes.borrow_mut().push((self.name, minutes));
                tokio::time::sleep(self.takes).await;
                if self.fails.get() > 0 {
                    self.fails.set(self.fails.get() - 1);
                    return Err(Trouble { kind: "unavailable", detail: "no answer".into() });
                }
                Ok(())
            })
        }
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_micros(hour * 3_600_000_000).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_come_at_their_times_one_at_a_time_and_not_sooner_after_a_restart() {
        let notes = RefCell::new(Vec::new());
        let now = || at(100);
        let task = |name, every, last, takes| Noted {
            name,
            every,
            last,
            takes,
            fails: Cell::new(0),
            notes: &notes,
            start: clock::monotonic(),
        };
        let timetable = Timetable::new(Arc::new(|| at(100)));
        let mut schedule = Schedule::new(&now, Warnings::default(), timetable.clone());
        // Begun two hours ago, so due in one; never begun, so due now; overdue, so due now, after the other.
        schedule.add(Box::new(task("every 3 h", HOUR * 3, Some(at(98)), HOUR / 60))).await;
        schedule.add(Box::new(task("daily", HOUR * 24, None, HOUR / 2))).await;
        schedule.add(Box::new(task("hourly", HOUR, Some(at(7)), Duration::ZERO))).await;
        schedule.run(tokio::time::sleep(HOUR * 4 + HOUR / 4)).await;
        let expected = [
            ("daily", 0),
            // It waited for the daily one.
            ("hourly", 30),
            ("every 3 h", 60),
            ("hourly", 90),
            ("hourly", 150),
            ("hourly", 210),
            ("every 3 h", 240),
        ];
        assert_eq!(*notes.borrow(), expected);
        let told: Vec<_> =
            timetable.all().into_iter().map(|job| (job.name, job.runs, job.failures)).collect();
        assert_eq!(told, [("daily", 1, 0), ("every 3 h", 2, 0), ("hourly", 4, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_a_warning_until_it_is_over_and_ends_nothing() {
        let notes = RefCell::new(Vec::new());
        let now = || at(1);
        let warnings = Warnings::default();
        let task = Noted {
            name: "pull",
            every: HOUR,
            // Of the future: the clock was set back.
            last: Some(at(5)),
            takes: Duration::ZERO,
            fails: Cell::new(2),
            notes: &notes,
            start: clock::monotonic(),
        };
        let timetable = Timetable::new(Arc::new(|| at(1)));
        let mut schedule = Schedule::new(&now, warnings.clone(), timetable.clone());
        schedule.add(Box::new(task)).await;
        let mut running = std::pin::pin!(schedule.run(std::future::pending()));
        // A second before each full hour, so that what comes at the hour has surely come, or surely not.
        let mut wait = HOUR - Duration::from_secs(1);
        for expected in [0, 1, 1, 0] {
            tokio::select! {
                () = running.as_mut() => panic!("it ended"),
                () = tokio::time::sleep(wait) => {}
            }
            assert_eq!(warnings.all().len(), expected);
            wait = HOUR;
        }
        assert_eq!(notes.borrow().len(), 3);
        let job = timetable.all().remove(0);
        assert_eq!((job.runs, job.failures, job.outcome), (3, 2, Some(Ok(()))));
        assert_eq!(job.succeeded_at, Some(at(1)));
    }
}
