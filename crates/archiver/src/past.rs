//! What earlier pulls came to, as their logs tell: when the present was looked at last, and from when on all of it is there.

use frontdesk_archive::{Error, ErrorKind, Reader};
use frontdesk_domain::{RunId, RunState, Timestamp};

use crate::checkpoint::Line;

/// How many runs are looked at, the newest first.
const RUNS_LOOKED_AT: usize = 64;

/// The pulls without a filter whose range reached the time at which they were begun, by hand or by a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// When the last one was begun, or gone on with.
    pub begun_at: Option<Timestamp>,
    /// When the last one of which nothing is missing was begun: whatever changed since may not be there.
    pub whole_at: Option<Timestamp>,
}

impl Past {
    /// Reads it from the runs' logs. A log that is damaged counts as none: verify names it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(reader: &Reader) -> Result<Self, Error> {
        let mut past = Self::default();
        let mut runs = reader.runs()?;
        // Run ids begin with their time, so the newest is the last.
        runs.sort();
        let pulls = runs.iter().rev().filter(|run| run.as_str().starts_with("pull-"));
        for run in pulls.take(RUNS_LOOKED_AT) {
            let Some(one) = one(reader, run)? else { continue };
            past.begun_at = past.begun_at.max(one.begun_at);
            past.whole_at = past.whole_at.max(one.whole_at);
            if past.whole_at.is_some() {
                break;
            }
        }
        Ok(past)
    }
}

fn one(reader: &Reader, run: &RunId) -> Result<Option<Past>, Error> {
    let lines = match reader.run_lines(run) {
        Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => return Ok(None),
        other => other?.unwrap_or_default(),
    };
    let mut past = Past::default();
    let mut first = None;
    for line in lines {
        match serde_json::from_value(line) {
            Ok(Line::Run { at, request, .. }) if request.filter.is_none() && request.to >= at => {
                first = Some(at);
                past.begun_at = Some(at);
            }
            Ok(Line::Run { .. }) => return Ok(None),
            Ok(Line::Resumed { at }) => past.begun_at = past.begun_at.max(Some(at)),
            Ok(Line::Certificate { certificate }) => {
                past.whole_at = first.filter(|_| certificate.state != RunState::Incomplete);
            }
            // Pages and looks tell nothing here, nor what a later version writes.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(Some(past))
}
