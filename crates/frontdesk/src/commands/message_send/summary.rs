//! What it came to, and the exit code.

use frontdesk_domain::WhyKind;
use frontdesk_domain::delivery::MeasuredSkew;
use frontdesk_messages::{Counts, Report, Stop};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::commands::effort::{Effort, Last};
use crate::context::Context;

#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    counts: Counts,
    messages: u64,
    polls: u64,
    /// How far the platform's clock is ahead of ours.
    clock_skew: Option<MeasuredSkew>,
    clock_jumps: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    #[serde(flatten)]
    effort: Effort,
}

impl Summary {
    fn text(&self) -> String {
        let Counts { sent, not_sent, refused, unknown, delivered, failed, timeout, pending, .. } =
            self.counts;
        let mut text = format!(
            "{} of {} messages sent, {} refused, {} not sent, {} unknown\n{} arrived, {} failed, {} without a receipt in time, \
             {} not waited for",
            show_count(sent),
            show_count(self.messages),
            show_count(refused),
            show_count(not_sent),
            show_count(unknown),
            show_count(delivered),
            show_count(failed),
            show_count(timeout),
            show_count(pending),
        );
        text.push_str(&format!(
            "\nthreshold met by {}, missed by {}",
            show_count(self.counts.sla_met),
            show_count(self.counts.sla_missed)
        ));
        if self.counts.earlier > 0 {
            text.push_str(&format!(
                "\n{} of them by an earlier run; --batch NAME sends equal lines again",
                show_count(self.counts.earlier)
            ));
        }
        text.push_str(&format!("\n{} looks for receipts; {}", show_count(self.polls), self.effort.text()));
        text
    }
}

/// Writes the summary, and says how the command ends.
pub(super) fn sent(
    context: &Context<'_>,
    report: &Report,
    effort: &Effort,
    one: bool,
) -> Result<Exit, Failure> {
    let summary = Summary {
        counts: report.counts,
        messages: report.counts.total(),
        polls: report.polls,
        clock_skew: report.skew,
        clock_jumps: report.jumps,
        stopped: report.stop.as_ref().map(name),
        effort: *effort,
    };
    context
        .printer
        .data(&Last { summary }, |last| if one { last.summary.effort.text() } else { last.summary.text() })?;
    let Counts { sent, not_sent, refused, unknown, failed, timeout, .. } = report.counts;
    match &report.stop {
        Some(Stop::Interrupted) => return Ok(Exit::Interrupted),
        Some(Stop::Hopeless(why)) => {
            let exit = match (sent + unknown, why.kind) {
                (1.., _) => Exit::Partial,
                (0, WhyKind::Throttled) => Exit::Unavailable,
                (0, _) => Exit::Auth,
            };
            let hint = match why.kind {
                WhyKind::Throttled => "the platform named the time it wants: run the same command after it",
                _ => "check the client and give its role conversation:read and conversation:send",
            };
            let message = format!("{}; the same command goes on", printable(&why.to_string()));
            return Err(Failure::new(exit, name(&Stop::Hopeless(why.clone())), message).hint(hint));
        }
        None => {}
    }
    Ok(match (sent, unknown, not_sent, refused) {
        (_, 0, 0, 0) if failed + timeout == 0 => Exit::Done,
        (0, 0, 0, 1..) => Exit::Usage,
        (0, 0, 1.., _) => Exit::Unavailable,
        _ => Exit::Partial,
    })
}

fn name(stop: &Stop) -> &'static str {
    match stop {
        Stop::Interrupted => "interrupted",
        Stop::Hopeless(why) => match why.kind {
            WhyKind::Forbidden => "forbidden",
            WhyKind::Throttled => "throttled",
            _ => "unauthorized",
        },
    }
}
