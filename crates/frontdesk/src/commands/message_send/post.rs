//! Everything that is open while messages are sent or looked for.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_journal::Journal;
use frontdesk_messages::{Courier, CourierParts, SendError, Watching};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::{Exit, Failure};

use crate::clock::WallClock;
use crate::commands::effort::Effort;
use crate::context::Context;
use crate::interruption::Interruption;
use crate::{connect, failures, journal, outbox};

pub(in crate::commands) struct Post {
    courier: Courier,
    journal: Arc<Journal>,
    watch: Stopwatch,
    interruption: Interruption,
}

impl Post {
    pub(in crate::commands) fn open(
        context: &Context<'_>,
        command: &str,
        watching: Watching,
        clock: &WallClock,
    ) -> Result<Self, Failure> {
        let watch = Stopwatch::start();
        let interruption = Interruption::listen()?;
        let cancel = interruption.cancel.clone();
        let channel = connect::messages(context, clock, cancel.clone())?;
        let journal = Arc::new(journal::open(context, command, clock)?);
        let courier = Courier::new(CourierParts {
            channel,
            journal: Arc::clone(&journal),
            watching,
            now: clock.source(),
            run: frontdesk_messages::new_run(),
            cancel,
        })
        .map_err(|error| failed(&error))?;
        Ok(Self { courier, journal, watch, interruption })
    }

    pub(in crate::commands) fn courier(&self) -> &Courier {
        &self.courier
    }

    pub(in crate::commands) fn effort(&self) -> Effort {
        Effort::of(&self.watch, self.courier.channel().counters())
    }

    /// Delivers events for a few seconds: those of this run, and what else is due.
    pub(in crate::commands) async fn tell(
        &self,
        context: &Context<'_>,
        clock: &WallClock,
    ) -> Result<(), Failure> {
        outbox::drain_before_exit(context, &self.journal, clock, &self.interruption.shutdown).await
    }

    pub(in crate::commands) fn close(self) -> Result<(), Failure> {
        let Self { courier, journal, .. } = self;
        drop(courier);
        journal::close(journal)
    }
}

/// How messages are followed: the settings `sla_threshold`, `poll_interval` and `poll_count`.
pub(in crate::commands) fn watching(context: &Context<'_>, no_wait: bool) -> Result<Watching, Failure> {
    let default = Watching::default();
    let interval = context.settings.duration("poll_interval")?.unwrap_or(default.interval);
    if !(Duration::from_millis(10)..=Duration::from_secs(3_600)).contains(&interval) {
        return Err(Failure::new(Exit::Usage, "bad_setting", "poll_interval is too short or too long")
            .hint("write a time between 10ms and 1h"));
    }
    let polls = context.settings.parsed("poll_count", str::parse::<u32>)?.unwrap_or(default.polls);
    if polls == 0 {
        return Err(Failure::new(Exit::Usage, "bad_setting", "poll_count is 0")
            .hint("--no-wait does not look at all"));
    }
    Ok(Watching { wait: !no_wait, interval, polls, threshold: threshold(context)? })
}

/// Within which time a message is to arrive.
pub(in crate::commands) fn threshold(context: &Context<'_>) -> Result<Duration, Failure> {
    Ok(context.settings.duration("sla_threshold")?.unwrap_or(Watching::default().threshold))
}

/// A job that could not go on.
pub(in crate::commands) fn failed(error: &SendError) -> Failure {
    match error {
        SendError::Journal(error) => failures::journal(error),
        SendError::Input(_) => Failure::from_error(Exit::Usage, "bad_input", error)
            .hint("what was sent is recorded; mend the input and run the same command again"),
        other => Failure::from_error(Exit::Unexpected, "messages", other),
    }
}
