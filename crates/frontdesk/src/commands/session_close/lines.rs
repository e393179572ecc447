//! A line on stdout for each guest, and the progress on stderr.

use std::sync::{Mutex, PoisonError};

use frontdesk_domain::GuestId;
use frontdesk_domain::closure::Outcome;
use frontdesk_sessions::{By, Closed, Counts, Monitor, Planned, Step};
use frontdesk_shell::printer::printable;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Failure, Printer};
use serde::Serialize;

use crate::context::Context;

/// A guest's line, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
pub(super) struct ClosedLine<'a> {
    guest_id: &'a GuestId,
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    /// Who dealt with it, when it was not this run: `earlier` or `plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    /// What the platform keeps though it was to forget it.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<&'a str>,
}

impl<'a> ClosedLine<'a> {
    pub(super) fn new(guest_id: &'a GuestId, closed: &'a Closed) -> Self {
        let (latency_ms, by) = match closed.by {
            By::This => (Some(closed.latency_ms), None),
            By::Other => (Some(closed.latency_ms), Some("earlier")),
            By::Plan => (None, Some("plan")),
        };
        Self { guest_id, outcome: &closed.outcome, latency_ms, by, kept: closed.kept.as_deref() }
    }

    pub(super) fn text(&self) -> String {
        let by = self.by.map_or_else(String::new, |by| format!(" ({by})"));
        let kept = self.kept.map_or_else(String::new, |kept| format!("; NOT forgotten: {}", printable(kept)));
        format!("{}: {}{by}{kept}", printable(self.guest_id.as_str()), told(self.outcome))
    }
}

/// A guest of a plan, or of a rehearsal.
#[derive(Serialize)]
pub(super) struct PlannedLine<'a> {
    guest_id: &'a GuestId,
    planned: &'static str,
    #[serde(flatten)]
    outcome: Option<Details<'a>>,
}

/// What an outcome says beside its name.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(flatten)]
    why: Option<&'a frontdesk_domain::closure::Why>,
}

impl<'a> PlannedLine<'a> {
    pub(super) fn new(guest_id: &'a GuestId, outcome: Option<&'a Outcome>) -> Self {
        let details = |outcome: &'a Outcome| Details {
            state: match outcome {
                Outcome::Skipped { state } => Some(state.as_str()),
                _ => None,
            },
            why: outcome.why(),
        };
        let planned = outcome.map_or("end", |outcome| outcome.kind().as_str());
        Self { guest_id, planned, outcome: outcome.map(details) }
    }
}

/// An outcome in words.
pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ended => "ended".to_owned(),
        Outcome::Duplicate => "duplicate: it had ended before".to_owned(),
        Outcome::Skipped { state } => format!("skipped: it is {}", printable(state.as_str())),
        Outcome::Failed(why) => format!("failed: {}", printable(&why.to_string())),
        Outcome::Unknown(why) => format!("unknown: {}", printable(&why.to_string())),
    }
}

/// Writes the lines while a job runs.
pub(super) struct Lines<'p> {
    printer: &'p Printer,
    progress: Progress<'p>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: Counts,
    /// The first line that could not be written.
    failure: Option<Failure>,
}

impl<'p> Lines<'p> {
    pub(super) fn new(context: &Context<'p>, guests: u64) -> Self {
        Self { printer: context.printer, progress: context.progress(Some(guests)), state: Mutex::default() }
    }

    /// Fails when a line could not be written. What was done is done, and recorded.
    pub(super) fn done(self) -> Result<(), Failure> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failure.map_or(Ok(()), Err)
    }

    fn write<T: Serialize>(&self, line: &T, text: impl FnOnce(&T) -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failure.is_none() {
            state.failure = self.printer.data(line, text).err();
        }
    }

    fn planned_line(&self, guest: &GuestId, outcome: Option<&Outcome>, done: u64, total: u64) {
        let line = PlannedLine::new(guest, outcome);
        let text = |_: &PlannedLine<'_>| match outcome {
            None => format!("{}: to be ended", printable(guest.as_str())),
            Some(outcome) => format!("{}: {}", printable(guest.as_str()), told(outcome)),
        };
        self.write(&line, text);
        self.progress.at(done, || format!("{} of {} guests looked at", show_count(done), show_count(total)));
    }
}

impl Monitor for Lines<'_> {
    fn settled(&self, count: u64) {
        self.progress
            .say(self.printer, &format!("{} left open by an earlier run, settled", show_count(count)));
    }

    fn planned(&self, guest: &Planned, done: u64, total: u64) {
        let outcome = match &guest.planned {
            Step::End => None,
            Step::Leave(outcome) => Some(outcome),
        };
        self.planned_line(&guest.ending.guest_id, outcome, done, total);
    }

    fn closed(&self, guest: &GuestId, closed: &Closed, done: u64, total: u64) {
        self.write(&ClosedLine::new(guest, closed), ClosedLine::text);
        let counts = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.counts.add(closed.outcome.kind());
            state.counts
        };
        self.progress.at(done, || {
            let (ended, errors) = (show_count(counts.ended), show_count(counts.errors()));
            format!(
                "{} of {} guests, {ended} ended, {errors} failed or unknown",
                show_count(done),
                show_count(total)
            )
        });
    }

    fn previewed(&self, guest: &GuestId, outcome: Option<&Outcome>, done: u64, total: u64) {
        self.planned_line(guest, outcome, done, total);
    }

    fn reading_back(&self, total: u64) {
        self.progress
            .say(self.printer, &format!("looking once more at {} ended sessions", show_count(total)));
    }

    fn still_active(&self, guest: &GuestId) {
        let guest = printable(guest.as_str());
        self.progress.say(self.printer, &format!("{guest} was ended, and goes on all the same"));
    }
}
