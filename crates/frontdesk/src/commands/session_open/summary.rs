//! What it came to, and the exit code.

use frontdesk_domain::session::OpeningOutcome;
use frontdesk_domain::{GuestId, SessionRefusal};
use frontdesk_sessions::{OpeningCounts, OpeningReport, Percentiles, Stop};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::commands::effort::{Effort, Last};
use crate::commands::session_close::stop_name;
use crate::context::Context;
use crate::failures;

/// What a client needs to open sessions.
const SCOPES: &str = "webchat:conversation:write and conversation:read";

/// A report: counts, success rate, percentiles.
#[derive(Serialize)]
struct OpenedSummary {
    #[serde(flatten)]
    counts: OpeningCounts,
    lines: u64,
    not_reached: u64,
    earlier: u64,
    blocked: u64,
    routed: u64,
    settled: u64,
    success_rate: Option<f64>,
    latency_ms: Option<Percentiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    #[serde(flatten)]
    effort: Effort,
}

impl OpenedSummary {
    fn of(report: &OpeningReport, effort: Effort) -> Self {
        Self {
            counts: report.counts,
            lines: report.requests,
            not_reached: report.not_reached(),
            earlier: report.earlier,
            blocked: report.blocked,
            routed: report.routed,
            settled: report.settled,
            success_rate: report.counts.success_rate(),
            latency_ms: report.latencies.percentiles(),
            stopped: report.stop.as_ref().map(stop_name),
            effort,
        }
    }

    fn text(&self) -> String {
        let OpeningCounts { opened, already_open, refused, failed, unknown } = self.counts;
        let mut text = format!(
            "{} of {} sessions opened, {} open already, {} refused, {} failed, {} unknown",
            show_count(opened),
            show_count(self.lines),
            show_count(already_open),
            show_count(refused),
            show_count(failed),
            show_count(unknown),
        );
        for (count, what) in [
            (self.not_reached, "not reached; the same command goes on"),
            (self.earlier, "of them by an earlier run"),
            (self.blocked, "of the refused ones blocked by policy: personal data, or no consent"),
            (self.settled, "left open by an earlier run, settled"),
        ] {
            if count > 0 {
                text.push_str(&format!("\n{} {what}", show_count(count)));
            }
        }
        if let (Some(rate), Some(latency)) = (self.success_rate, self.latency_ms) {
            let Percentiles { p50, p95, p99, max } = latency;
            text.push_str(&format!(
                "\nsuccess rate {:.1} %, {} in a queue; latency p50 {p50} ms, p95 {p95} ms, p99 {p99} ms, max {max} ms",
                rate * 100.0,
                show_count(self.routed),
            ));
        }
        text.push('\n');
        text.push_str(&self.effort.text());
        text
    }
}

/// More requests than `--max-count` allows.
pub(super) fn too_many(requests: u64) -> Failure {
    let message =
        format!("{} sessions are more than --max-count allows; nothing was done", show_count(requests));
    Failure::new(Exit::Policy, "max_count", message).hint("check the input, or allow more")
}

/// What it came to. With a single request, `one` is its outcome.
pub(super) fn opened(
    context: &Context<'_>,
    report: &OpeningReport,
    one: Option<&OpeningOutcome>,
    effort: &Effort,
) -> Result<Exit, Failure> {
    let summary = OpenedSummary::of(report, *effort);
    let short = one.is_some();
    context.printer.data(&Last { summary }, |last| {
        if short { last.summary.effort.text() } else { last.summary.text() }
    })?;
    let counts = report.counts;
    match (&report.stop, one) {
        (Some(stop), _) => stopped(stop, counts.done() > 0),
        (None, Some(outcome)) => exit_of(outcome),
        (None, None) => {
            let OpeningCounts { refused, failed, unknown, .. } = counts;
            Ok(match (counts.done(), refused, failed, unknown) {
                (_, 0, 0, 0) => Exit::Done,
                // Nothing was sent.
                (0, 1.., 0, 0) if report.blocked > 0 => Exit::Policy,
                (0, 1.., 0, 0) => Exit::Usage,
                // Nothing but failures: the platform was no help.
                (0, 0, 1.., 0) => Exit::Unavailable,
                _ => Exit::Partial,
            })
        }
    }
}

fn stopped(stop: &Stop, done: bool) -> Result<Exit, Failure> {
    Err(match stop {
        Stop::Interrupted => return Ok(Exit::Interrupted),
        Stop::Errors => Failure::new(
            Exit::Policy,
            "max_errors",
            "more errors than --max-errors allows; the same command goes on",
        )
        .hint("look at why they failed, then run it again"),
        Stop::Refused { text, .. } => {
            let exit = if done { Exit::Partial } else { Exit::Auth };
            Failure::new(exit, stop_name(stop), format!("{text}; the same command goes on"))
                .hint(format!("check the client and give its role {SCOPES}"))
        }
    })
}

/// The exit code of a single request; the failure says why there is no session.
fn exit_of(outcome: &OpeningOutcome) -> Result<Exit, Failure> {
    Err(match outcome {
        OpeningOutcome::Opened(_) | OpeningOutcome::AlreadyOpen { .. } => return Ok(Exit::Done),
        OpeningOutcome::Unknown(why) => failures::in_doubt(why),
        OpeningOutcome::Refused(refusal) => {
            // The line of the request has said which.
            let rules = match refusal.violations.len() {
                1 => "it breaks a rule".to_owned(),
                broken => format!("it breaks {broken} rules"),
            };
            refused(refusal.policy, &rules)
        }
        OpeningOutcome::Failed(why) => failures::not_done(why, SCOPES),
    })
}

fn refused(policy: bool, told: &str) -> Failure {
    let (exit, kind, hint) = if policy {
        let hint = "personal data does not go into attributes, and without consent to data processing there is no \
                    session; docs/pii.md says what is found, and how a key or a kind is allowed";
        (Exit::Policy, "blocked", hint)
    } else {
        (Exit::Usage, "refused", "see frontdesk session open --help")
    };
    Failure::new(exit, kind, format!("nothing was sent: {told}")).hint(hint)
}

/// What a rehearsal came to.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Rehearsed {
    open: u64,
    refuse: u64,
    blocked: u64,
}

impl Rehearsed {
    pub(super) fn add(&mut self, refusal: Option<&OpeningOutcome>) {
        match refusal {
            Some(OpeningOutcome::Refused(refusal)) => {
                self.refuse += 1;
                self.blocked += u64::from(refusal.policy);
            }
            _ => self.open += 1,
        }
    }
}

/// Many were rehearsed.
pub(super) fn rehearsed(context: &Context<'_>, summary: Rehearsed) -> Result<Exit, Failure> {
    context.printer.data(&Last { summary }, |last| {
        let Rehearsed { open, refuse, blocked } = last.summary;
        format!(
            "{} sessions would be opened, {} refused, {} of these blocked by policy; nothing was sent",
            show_count(open),
            show_count(refuse),
            show_count(blocked),
        )
    })?;
    Ok(match summary {
        Rehearsed { refuse: 0, .. } => Exit::Done,
        Rehearsed { open: 0, blocked: 1.., .. } => Exit::Policy,
        Rehearsed { open: 0, .. } => Exit::Usage,
        _ => Exit::Partial,
    })
}

/// One was rehearsed.
pub(super) fn rehearsed_one(
    context: &Context<'_>,
    outcome: &Result<Option<GuestId>, SessionRefusal>,
) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Planned<'a> {
        /// None where a new one would be made up.
        guest_id: Option<&'a GuestId>,
        planned: &'static str,
    }
    match outcome {
        Ok(guest_id) => {
            let line = Planned { guest_id: guest_id.as_ref(), planned: "open" };
            context.printer.data(&line, |line| {
                let whom =
                    line.guest_id.map_or_else(|| "a new guest".to_owned(), |id| printable(id.as_str()));
                format!("{whom}: would be opened; nothing was sent")
            })?;
            Ok(Exit::Done)
        }
        Err(refusal) => {
            let told: Vec<String> = refusal.violations.iter().map(ToString::to_string).collect();
            Err(refused(refusal.is_policy(), &told.join("; ")))
        }
    }
}
