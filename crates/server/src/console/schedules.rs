//! What the server does by itself, as the page of runs shows it.

use maud::{Markup, html};

use super::write::{Form, count, maybe, several, time, tone};
use crate::view::schedules::{JobView, SchedulesView};

pub(super) fn panel(view: &SchedulesView) -> Markup {
    html! {
        section .panel #schedules {
            h2 { "Done by itself" }
            @if view.jobs.is_empty() {
                p .quiet data-state="none" { "Nothing is. " code { "pull_every" } ", " code { "verify_every" } " and policies of retention in the profile change that." }
            } @else {
                div .scroll tabindex="0" role="region" aria-label="What is done by itself" { table {
                    thead { tr {
                        th scope="col" { "Job" } th scope="col" { "Every" } th scope="col" { "Last" } th scope="col" { "Outcome" }
                        th scope="col" { "Next" } th .count scope="col" { "Times" } th .count scope="col" { "Failed" } th .count scope="col" { "Took, mean" }
                    } }
                    tbody { @for job in &view.jobs { (row(job)) } }
                } }
                p .quiet.small { "Counted since this server was started." }
            }
        }
    }
}

fn row(job: &JobView) -> Markup {
    html! {
        tr data-job=(job.job) data-state=(job.state) {
            td { (job.job) }
            td { (span(job.every_seconds)) }
            td { @match &job.begun_at { Some(at) => (time(at, Form::Full)), None => span .quiet { "not yet" } } }
            td {
                span class=(tone(job.state)) { (job.state) } @if let Some(kind) = job.kind { " " code { (kind) } }
                @if job.state == "failed" { br; span .quiet.small { "well last: " @match &job.succeeded_at { Some(at) => (time(at, Form::Full)), None => "not since the start" } } }
            }
            td { @if job.state == "running" { span .quiet { "after this one" } } @else { (maybe(job.next_at.as_deref())) } }
            td .count { (count(job.runs)) }
            td .count { (count(job.failures)) }
            td .count { @if job.runs > 0 { (format!("{:.1} s", job.seconds / job.runs as f64)) } }
        }
    }
}

/// A span of time in its largest whole unit.
fn span(seconds: f64) -> String {
    let whole = seconds as u64;
    let units = [(86_400, "day", "days"), (3_600, "hour", "hours"), (60, "minute", "minutes")];
    let fits = |(length, ..): &&(u64, &str, &str)| whole >= *length && whole.is_multiple_of(*length);
    match units.iter().find(fits) {
        Some((length, one, many)) => several(whole / length, one, many),
        None if seconds.fract() == 0.0 => several(whole, "second", "seconds"),
        None => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_whole_units() {
        let spans: Vec<String> = [1.0, 0.5, 90.0, 60.0, 900.0, 3600.0, 86_400.0, 172_800.0].map(span).into();
        let told =
            ["1 second", "0.5 seconds", "90 seconds", "1 minute", "15 minutes", "1 hour", "1 day", "2 days"];
        assert_eq!(spans, told);
    }
}
