//! Asking the platform again for records that were lost: small windows around the times they are known by.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_archive::{LostRecord, Reader};
use frontdesk_archiver::{Pull, PullRequest, Silent};
use frontdesk_domain::{PageSize, RunState, TimeRange, Timestamp};
use frontdesk_shell::{Failure, Shutdown};
use serde::Serialize;

use crate::args::RepairArgs;
use crate::clock::WallClock;
use crate::commands::archive_pull;
use crate::connect::Source;
use crate::context::Context;
use crate::{failures, store};

/// Windows that are nearer to each other than this are asked for as one.
const NEAR: Duration = Duration::from_secs(600);

/// A start time is known to the microsecond; the second it is in is asked for.
const WIDTH: Duration = Duration::from_secs(1);

/// What became of the records that were asked for again.
#[derive(Serialize)]
pub(super) struct Refetched {
    /// Lost records whose start time is known.
    pub(super) asked: u64,
    /// How many of their conversations are in the archive again, as the platform has them now.
    pub(super) back: u64,
    /// Ids of those that are not.
    not_back: Vec<String>,
    windows: u64,
}

pub(super) async fn run(
    context: &Context<'_>,
    arguments: &RepairArgs,
    source: &Source,
    clock: &WallClock,
    shutdown: &Shutdown,
    lost: &[LostRecord],
) -> Result<Refetched, Failure> {
    let windows = windows(lost);
    let before = highest(&store::reader(context)?)?;
    let now = clock.source();
    let writer =
        store::writer(context, &arguments.store, "archive repair --refetch", Arc::clone(&now), shutdown)
            .await?;
    let writer = Arc::new(writer);
    let pull = Pull::new(&*source.conversations, Arc::clone(&writer), store::organization(context)?, &*now);
    let look_back = context.settings.duration("look_back")?.unwrap_or_default();
    let mut ended = Ok(());
    for range in &windows {
        let (page_size, in_flight) = (PageSize::default(), archive_pull::IN_FLIGHT);
        let request = PullRequest { range: *range, filter: None, page_size, look_back, in_flight };
        let report = pull.run(&request, shutdown.requested(), &Silent).await;
        let report = report.map_err(|error| failures::archive(&error.0))?;
        if report.interrupted || report.certificate.state == RunState::Incomplete {
            ended = archive_pull::ended(&report, false).map(drop);
            break;
        }
    }
    drop(pull);
    archive_pull::close(writer)?;
    ended?;
    let reader = store::reader(context)?;
    let mut refetched = Refetched { asked: 0, back: 0, not_back: Vec::new(), windows: windows.len() as u64 };
    for lost in lost.iter().filter(|lost| lost.started_at.is_some()) {
        let Some(key) = &lost.key else { continue };
        refetched.asked += 1;
        let found = reader.show(key, None).map_err(|error| failures::archive(&error))?;
        // An earlier version that is still there is no answer to what was lost.
        if found.is_some_and(|record| record.sequence > before) {
            refetched.back += 1;
        } else {
            refetched.not_back.push(key.id.to_string());
        }
    }
    Ok(refetched)
}

/// The highest sequence number there is.
fn highest(reader: &Reader) -> Result<u64, Failure> {
    reader.highest_sequence().map_err(|error| failures::archive(&error))
}

/// The times to ask for, in order; near ones together.
fn windows(lost: &[LostRecord]) -> Vec<TimeRange> {
    let mut times: Vec<Timestamp> = lost.iter().filter_map(|lost| lost.started_at).collect();
    times.sort_unstable();
    let mut windows: Vec<TimeRange> = Vec::new();
    for from in times {
        let Some(to) = from.checked_add(WIDTH) else { continue };
        let near = windows.last().is_some_and(|last| from.since(last.to()) <= NEAR);
        match windows.last_mut() {
            Some(last) if near => *last = TimeRange::new(last.from(), to).unwrap_or(*last),
            _ => windows.extend(TimeRange::new(from, to)),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_times_are_asked_for_together() {
        let lost = |at: &str| LostRecord {
            sequence: 1,
            key: None,
            version: None,
            started_at: Timestamp::from_date_or_time(at).ok(),
            segment: String::new(),
        };
        let times = ["2025-03-01T10:05:00Z", "2025-03-01T10:00:00Z", "2025-03-02", "nothing"].map(lost);
        let shown: Vec<String> = windows(&times).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            ["2025-03-01T10:00:00Z/2025-03-01T10:05:01Z", "2025-03-02T00:00:00Z/2025-03-02T00:00:01Z"]
        );
    }
}
