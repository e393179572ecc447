//! A line on stdout for each message, and the progress on stderr.

use std::sync::{Mutex, PoisonError};

use frontdesk_domain::delivery::{MeasuredSkew, Seconds, SlaState};
use frontdesk_domain::{Violation, Violations};
use frontdesk_messages::{By, Counts, Monitor, Outcome, Sent};
use frontdesk_shell::printer::printable;
use frontdesk_shell::progress::Progress;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Failure, Printer};
use serde::Serialize;

use crate::context::Context;

/// A message's line, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct SentLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    conversation_id: Option<&'a str>,
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    violations: Option<&'a Violations>,
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    findings: &'a [Violation],
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<&'static str>,
    /// `failed` was said beside `delivered`: a finding.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    contradictory: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_time_sec: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sla: Option<SlaState>,
    latency_ms: u64,
    /// Who sent it, when it was not this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
}

impl<'a> SentLine<'a> {
    fn of(sent: &'a Sent) -> Self {
        Self {
            line: sent.line,
            conversation_id: sent.conversation.as_deref(),
            outcome: &sent.outcome,
            violations: sent.violations.as_ref(),
            findings: &sent.findings,
            client_id: sent.client_id.as_ref().map(AsRef::as_ref),
            message_id: sent.message_id.as_ref().map(AsRef::as_ref),
            delivery: sent.delivery.map(frontdesk_messages::Delivery::as_str),
            contradictory: sent.receipts.is_contradictory(),
            elapsed_time_sec: sent.sla.as_ref().and_then(|sla| sla.elapsed_time_sec),
            sla: sent.sla.as_ref().map(|sla| sla.state),
            latency_ms: sent.latency_ms,
            by: (sent.by == By::Other).then_some("earlier"),
        }
    }

    fn text(&self) -> String {
        let mut text = match (self.line, self.conversation_id) {
            (Some(line), Some(id)) => format!("line {line}, {}: ", printable(id)),
            (Some(line), None) => format!("line {line}: "),
            (None, Some(id)) => format!("{}: ", printable(id)),
            (None, None) => String::new(),
        };
        text.push_str(&match self.outcome {
            Outcome::Sent => format!("sent, {}", self.delivery.unwrap_or("pending")),
            Outcome::NotSent(why) => format!("not sent: {}", printable(&why.to_string())),
            Outcome::Refused(why) => format!("refused: {}", printable(&why.to_string())),
            Outcome::Unknown(why) => format!("unknown: {}", printable(&why.to_string())),
        });
        if let (Some(elapsed), Some(state)) = (self.elapsed_time_sec, self.sla) {
            text.push_str(&format!(" ({:.1} s, {})", elapsed.as_f64(), state.as_str()));
        }
        if self.contradictory {
            text.push_str("; the platform also said that it failed");
        }
        for finding in self.findings {
            text.push_str(&format!("; {}", printable(&finding.to_string())));
        }
        if self.by.is_some() {
            text.push_str(" (by an earlier run)");
        }
        text
    }
}

/// Writes the lines while a job runs.
pub(in crate::commands) struct Told<'p> {
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

impl<'p> Told<'p> {
    pub(in crate::commands) fn new(context: &Context<'p>) -> Self {
        Self { printer: context.printer, progress: context.progress(None), state: Mutex::default() }
    }

    /// Fails when a line could not be written. What was done is done, and recorded.
    pub(in crate::commands) fn done(self) -> Result<(), Failure> {
        self.progress.finish();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.failure.map_or(Ok(()), Err)
    }
}

impl Monitor for Told<'_> {
    fn sent(&self, _: &Sent, sent: u64) {
        self.progress.at(sent, || format!("{} messages sent", show_count(sent)));
    }

    fn done(&self, message: &Sent, done: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.failure.is_none() {
            state.failure = self.printer.data(&SentLine::of(message), SentLine::text).err();
        }
        state.counts.add(message);
        let counts = state.counts;
        drop(state);
        self.progress.at(done, || {
            format!(
                "{} messages: {} sent, {} arrived, {} missed the threshold, {} refused, not sent or unknown",
                show_count(done),
                show_count(counts.sent),
                show_count(counts.delivered),
                show_count(counts.sla_missed),
                show_count(counts.refused + counts.not_sent + counts.unknown),
            )
        });
    }

    fn clocks_apart(&self, skew: MeasuredSkew) {
        let MeasuredSkew { ahead_ms, within_ms } = skew;
        let direction = if ahead_ms < 0 { "behind" } else { "ahead of" };
        let text = format!(
            "the platform's clock is {} ms (± {within_ms} ms) {direction} ours; times were corrected",
            ahead_ms.abs()
        );
        self.progress.say(self.printer, &text);
    }
}
