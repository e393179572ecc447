//! What `frontdesk serve` checks by itself: some records, chosen anew each time, against their hashes.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_server::{Doing, Task, Trouble};
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use uuid::Uuid;

use super::scheduled;
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, store};

/// Records of one look, where the profile says nothing.
const RECORDS: u64 = 1_000;

/// The setting `verify_every` as a task.
pub(super) struct ScheduledVerify<'c> {
    context: &'c Context<'c>,
    clock: &'c WallClock,
    every: Duration,
    records: u64,
}

impl<'c> ScheduledVerify<'c> {
    /// `None` when no `verify_every` is set.
    pub(super) fn of(context: &'c Context<'c>, clock: &'c WallClock) -> Result<Option<Self>, Failure> {
        let records = context.settings.parsed("verify_sample", str::parse::<u64>)?.unwrap_or(RECORDS);
        if records == 0 {
            let message = "verify_sample is 0: nothing would be looked at";
            return Err(Failure::new(Exit::Usage, "bad_setting", message).hint("write 1000"));
        }
        let hint = "write 1h or 24h, or leave it out for no checks";
        let Some(every) = scheduled::every(context, "verify_every", hint)? else { return Ok(None) };
        Ok(Some(Self { context, clock, every, records }))
    }

    fn verify(&self) -> Result<(), Failure> {
        if !scheduled::is_archive(self.context)? {
            return Ok(());
        }
        let reader = store::reader(self.context)?;
        // The bias of a remainder of 64 bits is nothing to a sample.
        let mut draw = |below: u64| Uuid::new_v4().as_u64_pair().1 % below.max(1);
        let sampled =
            reader.verify_sample(self.records, &mut draw).map_err(|error| failures::archive(&error))?;
        if let Err(error) = reader.note_sampled(&sampled, self.clock.now()) {
            tracing::warn!(%error, "what a check found could not be written down");
        }
        let damaged = sampled.damaged.len() as u64;
        if damaged == 0 {
            tracing::debug!(
                records = sampled.records,
                bytes = sampled.raw_bytes,
                "records are what they were"
            );
            return Ok(());
        }
        let message = format!(
            "{} of {} records are damaged",
            show_count(damaged),
            show_count(damaged + sampled.records)
        );
        Err(Failure::new(Exit::Integrity, "damage", message)
            .hint("frontdesk archive verify names all of them"))
    }
}

impl Task for ScheduledVerify<'_> {
    fn name(&self) -> &'static str {
        "verify"
    }

    fn every(&self) -> Duration {
        self.every
    }

    /// When it was is not written down: only what it found is.
    fn last_begun(&self) -> Doing<'_, Option<Timestamp>> {
        Box::pin(std::future::ready(None))
    }

    fn run(&self) -> Doing<'_, Result<(), Trouble>> {
        Box::pin(async {
            tokio::task::block_in_place(|| self.verify()).map_err(|failure| scheduled::trouble(&failure))
        })
    }
}
