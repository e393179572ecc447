//! What `frontdesk serve` removes by itself: what is due by the policies of the profile, and never without them.

use std::time::Duration;

use frontdesk_archiver::Retain;
use frontdesk_domain::Timestamp;
use frontdesk_server::{Doing, Task, Trouble};
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};

use super::scheduled;
use crate::args::StoreArgs;
use crate::clock::WallClock;
use crate::commands::archive_retain::Job;
use crate::context::Context;
use crate::{failures, policies, store};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The setting `retain_every` as a task.
pub(super) struct ScheduledRetain<'c> {
    context: &'c Context<'c>,
    clock: &'c WallClock,
    retain: Retain,
    every: Duration,
}

impl<'c> ScheduledRetain<'c> {
    /// `None` when the profile has no policies.
    pub(super) fn of(context: &'c Context<'c>, clock: &'c WallClock) -> Result<Option<Self>, Failure> {
        let hint = "write 24h; a profile without policies removes nothing";
        let every = scheduled::every(context, "retain_every", hint)?.unwrap_or(DAY);
        let policies = policies::of_profile(context)?;
        if policies.is_empty() {
            return Ok(None);
        }
        // Nobody is there to confirm a clock that jumped: then nothing is removed, and that is a warning.
        let retain = Retain { policies, trust: policies::trust(context, false)? };
        Ok(Some(Self { context, clock, retain, every }))
    }

    fn remove(&self) -> Result<(), Failure> {
        if !scheduled::is_archive(self.context)? {
            return Ok(());
        }
        let reader = store::reader(self.context)?;
        let planned = self.retain.plan(&reader, self.clock.now(), &mut |_, _| {});
        drop(reader);
        let (plan, survey) = planned.map_err(|error| failures::archive(&error))?;
        let mut damaged_segments = 0;
        if !plan.removals.is_empty() {
            let store = StoreArgs { organization_id: None, wait: "30s".into() };
            let job = Job { retain: &self.retain, plan: &plan, store: &store };
            damaged_segments = job.run(self.context, self.clock, "serve retain")?.damaged_segments;
        }
        if survey.verdicts.unreadable + damaged_segments == 0 {
            return Ok(());
        }
        let message = format!(
            "{} conversations could not be judged, and {} segments keep what was removed from them",
            show_count(survey.verdicts.unreadable),
            show_count(damaged_segments)
        );
        Err(Failure::new(Exit::Integrity, "damage", message).hint("frontdesk archive verify names it"))
    }
}

impl Task for ScheduledRetain<'_> {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn every(&self) -> Duration {
        self.every
    }

    /// Not written down where nothing was removed; a run that finds nothing due changes nothing.
    fn last_begun(&self) -> Doing<'_, Option<Timestamp>> {
        Box::pin(std::future::ready(None))
    }

    fn run(&self) -> Doing<'_, Result<(), Trouble>> {
        Box::pin(async {
            tokio::task::block_in_place(|| self.remove()).map_err(|failure| scheduled::trouble(&failure))
        })
    }
}
