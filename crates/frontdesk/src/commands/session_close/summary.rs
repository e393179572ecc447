//! What it came to, and the exit code.

use std::collections::BTreeMap;
use std::path::Path;

use frontdesk_domain::closure::{Outcome, OutcomeKind, WhyKind};
use frontdesk_domain::{GuestId, GuestState, Why};
use frontdesk_sessions::{Closed, Counts, Percentiles, PlanCounts, ReadBack, Report, Stop};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::lines::{ClosedLine, PlannedLine, told};
use crate::commands::effort::{Effort, Last};
use crate::context::Context;
use crate::failures;

/// What a client needs to end sessions.
const SCOPES: &str = "webchat:guest:read and webchat:guest:manage";

/// A report as §6 wants it: counts, success rate, percentiles.
#[derive(Serialize)]
struct ClosedSummary {
    #[serde(flatten)]
    counts: Counts,
    guests: u64,
    not_reached: u64,
    earlier: u64,
    success_rate: Option<f64>,
    latency_ms: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_back: Option<ReadBack>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(flatten)]
    effort: Effort,
}

impl ClosedSummary {
    fn of(report: &Report, dry_run: bool, effort: Effort) -> Self {
        Self {
            counts: report.counts,
            guests: report.guests,
            not_reached: report.not_reached(),
            earlier: report.earlier,
            success_rate: report.counts.success_rate(),
            latency_ms: report.latencies.percentiles(),
            read_back: (!dry_run).then_some(report.read_back),
            stopped: report.stop.as_ref().map(stop_name),
            dry_run,
            effort,
        }
    }

    fn text(&self) -> String {
        let Counts { ended, duplicate, skipped, failed, unknown } = self.counts;
        let would = if self.dry_run { "would be " } else { "" };
        let mut text = format!(
            "{} of {} guests {would}ended, {} had ended before, {} skipped, {} failed, {} unknown",
            show_count(ended),
            show_count(self.guests),
            show_count(duplicate),
            show_count(skipped),
            show_count(failed),
            show_count(unknown),
        );
        if self.not_reached > 0 {
            text.push_str(&format!(
                "\n{} not reached; the same command goes on",
                show_count(self.not_reached)
            ));
        }
        if self.earlier > 0 {
            text.push_str(&format!("\n{} of them by an earlier run", show_count(self.earlier)));
        }
        if let (Some(rate), Some(latency)) = (self.success_rate, self.latency_ms) {
            let Percentiles { p50, p95, p99, max } = latency;
            text.push_str(&format!(
                "\nsuccess rate {:.1} %; latency p50 {p50} ms, p95 {p95} ms, p99 {p99} ms, max {max} ms",
                rate * 100.0
            ));
        }
        if let Some(ReadBack { over, still_active, unread }) = self.read_back
            && over + still_active + unread > 0
        {
            text.push_str(&format!("\nlooked at once more: {} over", show_count(over)));
            for (count, what) in [(still_active, "still active"), (unread, "could not be looked at")] {
                if count > 0 {
                    text.push_str(&format!(", {} {what}", show_count(count)));
                }
            }
        }
        text.push('\n');
        text.push_str(&self.effort.text());
        text
    }
}

/// What a plan comes to.
#[derive(Serialize)]
struct PlanSummary<'a> {
    guests: u64,
    end: u64,
    duplicate: u64,
    skipped: u64,
    failed: u64,
    repeated: u64,
    states: &'a BTreeMap<GuestState, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    #[serde(flatten)]
    effort: Effort,
}

impl<'a> PlanSummary<'a> {
    fn of(counts: &'a PlanCounts, plan: Option<&Path>, stop: Option<&Stop>, effort: Effort) -> Self {
        Self {
            guests: counts.guests,
            end: counts.end,
            duplicate: counts.duplicate,
            skipped: counts.skipped.values().sum(),
            failed: counts.failed,
            repeated: counts.repeated,
            states: &counts.skipped,
            plan: plan.map(|path| path.display().to_string()),
            stopped: stop.map(stop_name),
            effort,
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} of {} guests are to be ended; nothing was changed\n{} had ended before",
            show_count(self.end),
            show_count(self.guests),
            show_count(self.duplicate),
        );
        for (state, count) in self.states {
            text.push_str(&format!(", {} skipped ({})", show_count(*count), printable(state.as_str())));
        }
        for (count, what) in
            [(self.failed, "could not be looked at"), (self.repeated, "lines named a guest again")]
        {
            if count > 0 {
                text.push_str(&format!(", {} {what}", show_count(count)));
            }
        }
        if let Some(plan) = &self.plan {
            text.push_str(&format!("\nthe plan is in {}; --apply it with --yes", printable(plan)));
        }
        text.push('\n');
        text.push_str(&self.effort.text());
        text
    }
}

/// The name of what stopped a job.
pub(crate) fn stop_name(stop: &Stop) -> &'static str {
    match stop {
        Stop::Interrupted => "interrupted",
        Stop::Errors => "max_errors",
        Stop::Refused { kind: WhyKind::Forbidden, .. } => "forbidden",
        Stop::Refused { .. } => "unauthorized",
    }
}

/// More guests than `--max-count` allows.
pub(super) fn too_many(guests: u64) -> Failure {
    let message = format!("{} guests are more than --max-count allows; nothing was done", show_count(guests));
    Failure::new(Exit::Policy, "max_count", message).hint("check the selection, or allow more")
}

/// A plan was made, or would have been.
pub(super) fn planned(
    context: &Context<'_>,
    counts: &PlanCounts,
    plan: Option<&Path>,
    effort: &Effort,
) -> Result<Exit, Failure> {
    let summary = PlanSummary::of(counts, plan, None, *effort);
    context.printer.data(&Last { summary }, |last| last.summary.text())?;
    Ok(match counts {
        PlanCounts { failed: 0, .. } => Exit::Done,
        PlanCounts { failed, guests, .. } if failed == guests => {
            return Err(Failure::new(Exit::Unavailable, "unavailable", "no guest could be looked at")
                .hint("the lines say why; nothing was changed"));
        }
        _ => Exit::Partial,
    })
}

/// A plan was not made.
pub(super) fn plan_stopped(
    context: &Context<'_>,
    stop: &Stop,
    counts: &PlanCounts,
    effort: &Effort,
) -> Result<Exit, Failure> {
    let summary = PlanSummary::of(counts, None, Some(stop), *effort);
    context.printer.data(&Last { summary }, |last| last.summary.text())?;
    stopped(stop, "there is no plan", Exit::Auth)
}

/// A plan was carried out, or rehearsed.
pub(super) fn applied(
    context: &Context<'_>,
    report: &Report,
    dry_run: bool,
    effort: &Effort,
) -> Result<Exit, Failure> {
    let summary = ClosedSummary::of(report, dry_run, *effort);
    context.printer.data(&Last { summary }, |last| last.summary.text())?;
    let done = report.counts.ended + report.counts.duplicate > 0;
    if let Some(stop) = &report.stop {
        return stopped(stop, "the same command goes on", if done { Exit::Partial } else { Exit::Auth });
    }
    let Counts { skipped, failed, unknown, .. } = report.counts;
    let ReadBack { still_active, unread, .. } = report.read_back;
    Ok(match (skipped, failed + unknown, still_active + unread) {
        (0, 0, 0) => Exit::Done,
        // Nothing but failures: the platform was no help.
        (0, 1.., 0) if !done && unknown == 0 => {
            return Err(Failure::new(Exit::Unavailable, "unavailable", "no session was ended")
                .hint("the lines say why; the same command goes on"));
        }
        _ => Exit::Partial,
    })
}

fn stopped(stop: &Stop, then: &str, refused: Exit) -> Result<Exit, Failure> {
    Err(match stop {
        Stop::Interrupted => return Ok(Exit::Interrupted),
        Stop::Errors => {
            Failure::new(Exit::Policy, "max_errors", format!("more errors than --max-errors allows; {then}"))
                .hint("look at why they failed, then run it again")
        }
        Stop::Refused { text, .. } => Failure::new(refused, stop_name(stop), format!("{text}; {then}"))
            .hint(format!("check the client and give its role {SCOPES}")),
    })
}

/// One guest.
pub(super) fn closed_one(
    context: &Context<'_>,
    guest: &GuestId,
    closed: &Closed,
    effort: &Effort,
    stopped: bool,
) -> Result<Exit, Failure> {
    context.printer.data(&ClosedLine::new(guest, closed), ClosedLine::text)?;
    let mut report = Report { guests: 1, ..Report::default() };
    report.counts.add(closed.outcome.kind());
    report.latencies.add(closed);
    let summary = ClosedSummary { read_back: None, ..ClosedSummary::of(&report, false, *effort) };
    context.printer.data(&Last { summary }, |last| last.summary.effort.text())?;
    exit_of(&closed.outcome, stopped)
}

/// The signal to stop came before anything was sent.
pub(super) fn not_begun() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", "interrupted before anything was sent")
        .hint("run the same command again")
}

/// What would become of one guest.
pub(super) fn previewed_one(
    context: &Context<'_>,
    guest: &GuestId,
    outcome: Option<&Outcome>,
    effort: &Effort,
    stopped: bool,
) -> Result<Exit, Failure> {
    context.printer.data(&PlannedLine::new(guest, outcome), |_| match outcome {
        None => format!("{}: would be ended", printable(guest.as_str())),
        Some(outcome) => format!("{}: {}", printable(guest.as_str()), told(outcome)),
    })?;
    let mut report = Report { guests: 1, ..Report::default() };
    report.counts.add(outcome.map_or(OutcomeKind::Ended, Outcome::kind));
    let summary = ClosedSummary::of(&report, true, *effort);
    context.printer.data(&Last { summary }, |last| last.summary.effort.text())?;
    outcome.map_or(Ok(Exit::Done), |outcome| exit_of(outcome, stopped))
}

/// The exit code of a single guest; the failure says what is missing. With `stopped`, the signal to stop came.
fn exit_of(outcome: &Outcome, stopped: bool) -> Result<Exit, Failure> {
    let by_signal = |why: &Why| match stopped {
        true => Why { kind: WhyKind::Interrupted, ..why.clone() },
        false => why.clone(),
    };
    Err(match outcome {
        Outcome::Ended | Outcome::Duplicate => return Ok(Exit::Done),
        Outcome::Skipped { state } => {
            let message = format!("the session is {}", printable(state.as_str()));
            Failure::new(Exit::Partial, "skipped", message)
                .hint("only active sessions are ended; nothing was changed")
        }
        Outcome::Unknown(why) => failures::in_doubt(&by_signal(why)),
        Outcome::Failed(why) => failures::not_done(&by_signal(why), SCOPES),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_guest_that_was_not_ended_has_a_failure_with_its_code_and_a_hint() {
        use WhyKind::{Forbidden, Interrupted, Malformed, Refused, Throttled, Unauthorized, Unavailable};
        let code = |outcome: &Outcome, stopped| {
            let failure = exit_of(outcome, stopped).unwrap_err();
            let line: serde_json::Value = serde_json::from_str(&failure.to_json()).unwrap();
            assert!(!line["error"]["hint"].as_str().unwrap().is_empty(), "{line}");
            assert_eq!(line["error"]["code"], failure.exit().code());
            failure.exit()
        };
        for (kind, exit) in [
            (Unauthorized, Exit::Auth),
            (Forbidden, Exit::Auth),
            (Refused, Exit::Unavailable),
            (Throttled, Exit::Unavailable),
            (Unavailable, Exit::Unavailable),
            (Malformed, Exit::Unavailable),
            (Interrupted, Exit::Interrupted),
        ] {
            assert_eq!(code(&Outcome::Failed(Why::new(kind, "so")), false), exit, "{kind:?}");
        }
        let unknown = |kind| Outcome::Unknown(Why::new(kind, "so").saying("\u{1b}[2J"));
        assert_eq!(code(&unknown(Unavailable), false), Exit::Partial);
        // Ctrl-C while the answer was waited for.
        assert_eq!(code(&unknown(Interrupted), false), Exit::Interrupted);
        assert_eq!(code(&unknown(Unavailable), true), Exit::Interrupted);
        assert_eq!(code(&Outcome::Skipped { state: GuestState::Inactive }, false), Exit::Partial);
        assert!(exit_of(&Outcome::Ended, true).is_ok_and(|exit| exit == Exit::Done));
        assert!(!exit_of(&unknown(Unavailable), false).unwrap_err().to_string().contains('\u{1b}'));
    }
}
