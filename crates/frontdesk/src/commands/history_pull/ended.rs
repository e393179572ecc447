//! How a pull of histories ended: the last line, and the exit code.

use frontdesk_api::Counters;
use frontdesk_history::{PullReport, Totals};
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::failures;

/// The last line, as scripts read it: `{"summary": {…}}`.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Summary<'a> {
    run_id: &'a str,
    #[serde(flatten)]
    totals: Totals,
    requests: u64,
    throttled: u64,
    elapsed_ms: u64,
}

impl<'a> Answer<'a> {
    pub(super) fn new(report: &'a PullReport, counters: Counters, elapsed_ms: u64) -> Self {
        let Counters { requests, throttled, .. } = counters;
        let summary = Summary {
            run_id: report.run.as_str(),
            totals: report.totals.clone(),
            requests,
            throttled,
            elapsed_ms,
        };
        Self { summary }
    }

    pub(super) fn text(&self) -> String {
        let Summary { totals, requests, throttled, elapsed_ms, .. } = &self.summary;
        let counts = &totals.counts;
        let states = [
            (totals.complete, "complete"),
            (totals.depth_limited, "depth limited"),
            (totals.looping, "looping"),
            (totals.failed, "failed"),
            (totals.interrupted, "interrupted"),
            (totals.not_reached, "not reached"),
        ];
        let states: Vec<String> = states
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{} {name}", show_count(count)))
            .collect();
        let media: Vec<String> =
            totals.media.iter().map(|(state, count)| format!("{} {state}", show_count(*count))).collect();
        let media = if media.is_empty() { String::new() } else { format!("\n  media: {}", media.join(", ")) };
        format!(
            "{}\n  {} messages on {} pages in {:.1} s: {} kept, {} of other types, {} duplicates, {} rejected\n  {} out of order, {} with an unreadable time; {} requests, {} throttled{media}",
            if states.is_empty() { "no conversations".to_owned() } else { states.join(", ") },
            show_count(counts.fetched),
            show_count(totals.pages),
            *elapsed_ms as f64 / 1000.0,
            show_count(counts.kept),
            show_count(counts.filtered),
            show_count(counts.duplicates),
            show_count(counts.rejected),
            show_count(counts.out_of_order),
            show_count(counts.unreadable_timestamps),
            show_count(*requests),
            show_count(*throttled),
        )
    }
}

/// The exit code, with what is missing said on stderr.
pub(super) fn exit(report: &PullReport, require_complete: bool) -> Result<Exit, Failure> {
    let totals = &report.totals;
    if report.interrupted && totals.interrupted + totals.not_reached > 0 {
        let message =
            format!("interrupted after {} pages; what was fetched is kept", show_count(totals.pages));
        return Err(Failure::new(Exit::Interrupted, "interrupted", message).hint("the same command resumes"));
    }
    let open = totals.failed + totals.interrupted + totals.not_reached;
    if open + totals.looping > 0 {
        if totals.pages == 0
            && let Some(cause) = &report.cause
        {
            return Err(failures::remote(cause));
        }
        let message = format!(
            "{} of {} histories are not complete",
            show_count(open + totals.looping),
            show_count(open + totals.looping + totals.complete + totals.depth_limited)
        );
        let again = "what was fetched is kept; the same command goes on where a history failed";
        let mut failure = Failure::new(Exit::Partial, "incomplete", message);
        let advice = report.cause.as_ref().and_then(frontdesk_api::Error::hint);
        failure = failure.hint(advice.map_or_else(|| again.to_owned(), |advice| format!("{advice} {again}")));
        if let Some(cause) = &report.cause {
            failure = failure.caused_by(cause).correlation_id(cause.correlation_id().map(str::to_owned));
        }
        return Err(failure);
    }
    if totals.counts.rejected > 0 {
        let message =
            format!("{} elements were no messages and could not be kept", show_count(totals.counts.rejected));
        return Err(Failure::new(Exit::Partial, "rejected", message)
            .hint("the findings say which; a message is an object with an id"));
    }
    if require_complete && totals.depth_limited > 0 {
        let message = format!("{} histories have more pages", show_count(totals.depth_limited));
        return Err(Failure::new(Exit::Partial, "depth_limited", message).hint(
            "give a larger --max-depth, or go on with --resume and the next_page_token of the report",
        ));
    }
    Ok(Exit::Done)
}
