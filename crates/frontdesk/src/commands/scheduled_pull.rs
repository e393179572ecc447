//! What `frontdesk serve` pulls by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::Counters;
use frontdesk_archive::{ErrorKind, ReadOptions, Reader};
use frontdesk_archiver::{Past, PullRequest, Silent};
use frontdesk_domain::{PageSize, TimeRange, Timestamp};
use frontdesk_server::{Doing, Remote, Task, Trouble};
use frontdesk_shell::{Exit, Failure, Shutdown};

use super::scheduled;
use crate::args::StoreArgs;
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::commands::archive_pull::{self, IN_FLIGHT, Job};
use crate::connect::Source;
use crate::context::Context;
use crate::{connect, failures};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The setting `pull_every` as a task.
pub(super) struct ScheduledPull<'c> {
    context: &'c Context<'c>,
    shutdown: &'c Shutdown,
    clock: &'c WallClock,
    source: Source,
    every: Duration,
    range: Duration,
    look_back: Duration,
}

impl<'c> ScheduledPull<'c> {
    /// `None` when no `pull_every` is set. Whatever such a pull needs is checked now, not at its first time.
    pub(super) fn of(
        context: &'c Context<'c>,
        shutdown: &'c Shutdown,
        clock: &'c WallClock,
    ) -> Result<Option<Self>, Failure> {
        let hint = "write 15m or 24h, or leave it out for no pulls";
        let Some(every) = scheduled::every(context, "pull_every", hint)? else { return Ok(None) };
        Ok(Some(Self {
            context,
            shutdown,
            clock,
            source: connect::source(context, clock)?,
            every,
            range: context.settings.duration("pull_range")?.unwrap_or(DAY * 7),
            look_back: context.settings.duration("look_back")?.unwrap_or_default(),
        }))
    }

    /// What its client did with the platform, whenever it is asked.
    pub(super) fn remote(&self) -> impl Fn() -> Remote + Send + Sync + 'static {
        let conversations = Arc::clone(&self.source.conversations);
        move || {
            let Counters { requests, throttled, waits, waited, .. } = conversations.counters();
            Remote { requests, throttled, waits, waited }
        }
    }

    async fn pull(&self) -> Result<(), Failure> {
        let past = past(self.context.archive_root()?).await?;
        let request = PullRequest {
            range: range(self.clock.now(), self.range, self.look_back, past.whole_at)?,
            filter: None,
            page_size: PageSize::default(),
            look_back: self.look_back,
            in_flight: IN_FLIGHT,
        };
        let store = StoreArgs { organization_id: None, wait: "30s".into() };
        let planned = Planned::new("serve pull", &store.wait);
        let begun = audited::begin(self.context, self.clock, Some(self.shutdown), planned).await?;
        let mut outcome = Outcome::default();
        let job = Job { source: &self.source, request: &request, store: &store, command: "serve" };
        let result = job.run(self.context, self.clock, self.shutdown, &Silent, &mut outcome).await;
        let report = tokio::task::block_in_place(|| begun.end(result, outcome))?;
        archive_pull::ended(&report, false).map(|_| ())
    }
}

impl Task for ScheduledPull<'_> {
    fn name(&self) -> &'static str {
        "pull"
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn last_begun(&self) -> Doing<'_, Option<Timestamp>> {
        Box::pin(async {
            // What cannot be read now is told by the pull itself.
            past(self.context.archive_root().ok()?).await.ok()?.begun_at
        })
    }

    fn run(&self) -> Doing<'_, Result<(), Trouble>> {
        Box::pin(async {
            match self.pull().await {
                Err(failure) if failure.exit() != Exit::Interrupted => Err(scheduled::trouble(&failure)),
                // The server stops, and the next one goes on where this pull was.
                Ok(()) | Err(_) => Ok(()),
            }
        })
    }
}

/// What the archive in `root` has of earlier pulls; nothing where there is none yet.
async fn past(root: impl AsRef<Path> + Send + 'static) -> Result<Past, Failure> {
    let read = move || match Reader::open(root.as_ref(), &ReadOptions::default()) {
        Err(error) if *error.kind() == ErrorKind::NotAnArchive => Ok(Past::default()),
        other => Past::read(&other?),
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
        .map_err(|error| failures::archive(&error))
}

/// From midnight `range` ago to the coming one, so that pulls of one day are the same pull, and one that is incomplete is
/// gone on with. After a longer silence it begins where the last whole pull may have missed something.
fn range(
    now: Timestamp,
    range: Duration,
    look_back: Duration,
    whole_at: Option<Timestamp>,
) -> Result<TimeRange, Failure> {
    let usual = now.checked_sub(range);
    let missed = whole_at.and_then(|at| at.checked_sub(look_back));
    let from = missed.map_or(usual, |missed| usual.map(|usual| usual.min(missed)));
    let to = now.start_of_day().checked_add(DAY);
    let bad = || Failure::new(Exit::Usage, "bad_setting", "pull_range reaches beyond the calendar");
    let (from, to) = (from.ok_or_else(bad)?.start_of_day(), to.ok_or_else(bad)?);
    TimeRange::new(from, to).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::from_date_or_time(text).unwrap()
    }

    #[test]
    fn a_pull_looks_back_so_far_and_further_after_a_silence() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let from = |whole_at: Option<&str>| {
            let range =
                range(time("2025-03-20T15:00:00Z"), hours(48), hours(72), whole_at.map(time)).unwrap();
            assert_eq!(range.to(), time("2025-03-21"));
            range.from()
        };
        assert_eq!(from(None), time("2025-03-18"));
        assert_eq!(from(Some("2025-03-20T14:45:00Z")), time("2025-03-17"), "the look-back is longer");
        assert_eq!(from(Some("2025-03-10T12:00:00Z")), time("2025-03-07"));
        assert!(range(time("2025-03-20"), hours(24 * 366 * 9000), hours(1), None).is_err());
    }
}
