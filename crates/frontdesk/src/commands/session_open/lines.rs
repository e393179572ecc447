//! A line on stdout for each request, and the progress on stderr.

use std::sync::{Mutex, PoisonError};

use frontdesk_domain::session::OpeningOutcome;
use frontdesk_domain::{GuestId, Violation};
use frontdesk_sessions::{
    Answered, By, JobError, OpeningCounts, OpeningDesk, OpeningMonitor, OpeningOptions, Requests,
};
use frontdesk_shell::printer::printable;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Failure, Printer};
use serde::Serialize;

use super::summary::Rehearsed;
use crate::context::Context;

/// A request's line, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct OpenedLine<'a> {
    guest_id: Option<&'a GuestId>,
    #[serde(flatten)]
    outcome: &'a OpeningOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_success: Option<bool>,
    latency_ms: u64,
    /// The number of its line in the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Who dealt with it, when it was not this run: `earlier`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [Violation],
}

impl<'a> OpenedLine<'a> {
    fn new(line: Option<u64>, answered: &'a Answered) -> Self {
        let Answered { guest_id, outcome, latency_ms, by, warnings } = answered;
        let routing_success = match outcome {
            OpeningOutcome::Opened(opened) => Some(opened.routing_success()),
            _ => None,
        };
        let by = (*by == By::Other).then_some("earlier");
        Self {
            guest_id: guest_id.as_ref(),
            outcome,
            routing_success,
            latency_ms: *latency_ms,
            line,
            by,
            warnings,
        }
    }

    fn text(&self) -> String {
        let whom = match (self.guest_id, self.line) {
            (Some(guest), _) => printable(guest.as_str()),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => "the request".to_owned(),
        };
        let by = self.by.map_or_else(String::new, |by| format!(" ({by})"));
        let mut text = format!("{whom}: {}{by}", told(self.outcome));
        for warning in self.warnings {
            text.push_str(&format!("\n  warning: {}", printable(&warning.to_string())));
        }
        text
    }
}

/// An outcome in words.
fn told(outcome: &OpeningOutcome) -> String {
    match outcome {
        OpeningOutcome::Opened(opened) => {
            let mut text = format!("opened as {}", printable(opened.session_id.as_str()));
            match (opened.queue_position, opened.estimated_wait) {
                (Some(place), Some(wait)) => {
                    text.push_str(&format!(", place {place} in the queue, about {wait} s"))
                }
                (Some(place), None) => text.push_str(&format!(", place {place} in the queue")),
                (None, _) => text.push_str(", in no queue yet"),
            }
            text
        }
        OpeningOutcome::AlreadyOpen { session_id } => {
            format!("already open as {}", printable(session_id.as_str()))
        }
        OpeningOutcome::Refused(refusal) => {
            let mut text = if refusal.policy { "blocked".to_owned() } else { "refused".to_owned() };
            for violation in &refusal.violations {
                text.push_str(&format!("\n  {}", printable(&violation.to_string())));
            }
            text
        }
        OpeningOutcome::Failed(why) => format!("failed: {}", printable(&why.to_string())),
        OpeningOutcome::Unknown(why) => format!("unknown: {}", printable(&why.to_string())),
    }
}

/// A request of a rehearsal.
#[derive(Serialize)]
struct RehearsedLine<'a> {
    line: u64,
    planned: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a [Violation]>,
}

/// Writes the lines while a job runs.
pub(super) struct Lines<'p> {
    printer: &'p Printer,
    progress: Progress<'p>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: OpeningCounts,
    /// The first line that could not be written.
    failure: Option<Failure>,
}

impl<'p> Lines<'p> {
    pub(super) fn new(context: &Context<'p>, requests: u64) -> Self {
        Self { printer: context.printer, progress: context.progress(Some(requests)), state: Mutex::default() }
    }

    /// Fails when a line could not be written. What was done is done, and recorded.
    pub(super) fn done(self) -> Result<(), Failure> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failure.map_or(Ok(()), Err)
    }

    pub(super) fn tell(&self, line: Option<u64>, answered: &Answered) {
        self.write(&OpenedLine::new(line, answered), OpenedLine::text);
    }

    /// Says of every request what would be done with it.
    pub(super) fn rehearse(
        &self,
        desk: &OpeningDesk,
        requests: &Requests,
        options: &OpeningOptions,
    ) -> Result<Rehearsed, JobError> {
        let mut counts = Rehearsed::default();
        desk.rehearse(requests, options, |line, refusal| {
            counts.add(refusal.as_ref());
            let violations = match &refusal {
                Some(OpeningOutcome::Refused(refusal)) => Some(refusal.violations.as_slice()),
                _ => None,
            };
            let planned = if violations.is_some() { "refuse" } else { "open" };
            self.write(&RehearsedLine { line, planned, violations }, |_| match &refusal {
                Some(outcome) => format!("line {line}: {}", told(outcome)),
                None => format!("line {line}: to be opened"),
            });
        })?;
        Ok(counts)
    }

    fn write<T: Serialize>(&self, line: &T, text: impl FnOnce(&T) -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failure.is_none() {
            state.failure = self.printer.data(line, text).err();
        }
    }
}

impl OpeningMonitor for Lines<'_> {
    fn answered(&self, line: u64, answered: &Answered, done: u64, total: u64) {
        self.tell(Some(line), answered);
        let counts = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.counts.add(answered.outcome.kind());
            state.counts
        };
        self.progress.at(done, || {
            let (opened, errors) = (show_count(counts.done()), show_count(counts.errors()));
            format!(
                "{} of {} requests, {opened} open, {errors} failed or unknown",
                show_count(done),
                show_count(total)
            )
        });
    }

    fn settled(&self, count: u64) {
        self.progress
            .say(self.printer, &format!("{} left open by an earlier run, settled", show_count(count)));
    }
}
