//! Runs, while they go on and when they have ended; what is done by itself, and what waits for the next.

mod events;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use frontdesk_domain::RunId;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, maybe, several, time, tone};
use super::{late, schedules};
use crate::desk::{Office, Viewer};
use crate::params::{Params, encoded};
use crate::problem::Problem;
use crate::view::late::{LateView, late as queue};
use crate::view::runs::{self, RunView, RunsView};
use crate::view::schedules::schedules as standing;

/// Runs on a page.
const RUNS: usize = 20;

pub(super) use events::events;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let (cursor, day) = (asked.text("cursor"), asked.text("day"));
    asked.finish()?;
    let limit = if day.is_some() { 200 } else { RUNS };
    let is_first = cursor.is_none() && day.is_none();
    let now = office.now();
    let (memory, late) = (Arc::clone(&office.runs), Arc::clone(&office.late));
    let views = office.archive(move |reader| {
        let waiting = is_first.then(|| queue(&late, reader, now, 0, 0)).transpose()?;
        Ok((runs::page(&memory, reader, cursor.as_deref(), limit)?, waiting))
    });
    let (mut view, waiting) = views.await?;
    if let Some(day) = &day {
        view.runs.retain(|run| covers(run, day));
    }
    let jobs = is_first.then(|| schedules::panel(&standing(&office.desk.timetable)));
    Ok(page(Some(&viewer), "/runs", "Runs", &list(&view, day.as_deref(), jobs.as_ref(), waiting.as_ref())))
}

/// Whether a run asked for something of a day.
fn covers(run: &RunView, day: &str) -> bool {
    let part = |time: &Option<String>| time.as_deref().and_then(|time| time.get(..10)).map(str::to_owned);
    let (Some(from), Some(to)) = (part(&run.from), part(&run.to)) else { return false };
    let ends_at_midnight = run.to.as_deref().is_some_and(|to| to.get(10..) == Some("T00:00:00Z"));
    from.as_str() <= day && (day < to.as_str() || (day == to && !ends_at_midnight))
}

pub(super) async fn one(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let id = RunId::new(id).map_err(|_| Problem::not_found())?;
    let run = office.archive(move |reader| Ok(runs::run(reader, &id)?)).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    Ok(page(Some(&viewer), "/runs", "Run", &detail(&run)))
}

fn list(view: &RunsView, day: Option<&str>, jobs: Option<&Markup>, waiting: Option<&LateView>) -> Markup {
    let some_open = view.runs.iter().any(|run| run.state == "open");
    html! {
        h1 { "Runs" }
        @match day {
            Some(day) => p { "Those that asked for something of " (day) ". " a href="/runs" { "All runs" } },
            None => p .quiet { "What was asked for, how far it is, and what it could prove. "
                @if some_open { span data-live="/runs/events" role="status" {} } },
        }
        @if let Some(jobs) = jobs { (jobs) }
        @if let Some(waiting) = waiting { (late::panel(waiting)) }
        @if view.runs.is_empty() { div .blank data-state="empty" { p { "There are no runs." } } } @else {
            div .panel.scroll tabindex="0" role="region" aria-label="Runs" {
                table {
                    thead { tr {
                        th scope="col" { "Run" } th scope="col" { "State" } th scope="col" { "Range" }
                        th scope="col" { "Windows" } th .count scope="col" { "Stored" } th .count scope="col" { "Changed" }
                        th .count scope="col" { "Unchanged" } th .count scope="col" { "Late" }
                    } }
                    tbody { @for run in &view.runs { (row(run)) } }
                }
            }
        }
        @if let Some(next) = &view.next_cursor {
            div .more { span {} a .button rel="next" href={"/runs?cursor=" (encoded(next))} { "Earlier runs" } }
        }
    }
}

fn row(run: &RunView) -> Markup {
    html! {
        tr #{"run-" (run.id)} data-state=(run.state) {
            td .id { a href={"/runs/" (encoded(&run.id))} { (run.id) } br; span .quiet { (maybe(run.started_at.as_deref())) } }
            td { span class=(tone(&run.state)) { (run.state) } }
            td { @if let (Some(from), Some(to)) = (&run.from, &run.to) { (time(from, Form::Day)) " to " (time(to, Form::Day)) } }
            td {
                @if run.windows > 0 {
                    progress max=(run.windows) value=(run.windows_done) data-of="windows_done" aria-label="Windows taken to their end" {}
                    span .quiet.small { span data-of="windows_done" { (run.windows_done) } " of " (run.windows) }
                }
            }
            td .count data-of="stored" { (count(run.stored)) }
            td .count data-of="versions_added" { (count(run.versions_added)) }
            td .count data-of="unchanged" { (count(run.unchanged)) }
            td .count data-of="late" { (count(run.late)) }
        }
    }
}

fn detail(run: &RunView) -> Markup {
    html! {
        h1 { "Run " span .id { (run.id) } }
        p { span class=(tone(&run.state)) { (run.state) }
            @if run.resumed > 0 { " gone on with " (several(run.resumed, "time", "times")) }
            @if run.state == "open" { " " span data-live={"/runs/events?run=" (encoded(&run.id))} role="status" {} } }
        section .panel #{"run-" (run.id)} data-state=(run.state) {
            h2 { "What it did" }
            dl {
                dt { "Began" } dd { (maybe(run.started_at.as_deref())) }
                dt { "Wrote last" } dd { (maybe(run.last_at.as_deref())) }
                dt { "Range" } dd { (maybe(run.from.as_deref())) " to " (maybe(run.to.as_deref())) }
                @if let Some(contract) = &run.contract { dt { "Contract" } dd { (contract) } }
                @if let Some(filter) = &run.filter { dt { "Filter" } dd { code { (filter) } } }
                dt { "Windows" } dd { span data-of="windows_done" { (count(run.windows_done)) } " of " (count(run.windows)) }
                dt { "Pages" } dd data-of="pages" { (count(run.pages)) }
                dt { "Stored" } dd data-of="stored" { (count(run.stored)) }
                dt { "Changed" } dd data-of="versions_added" { (count(run.versions_added)) }
                dt { "Unchanged" } dd data-of="unchanged" { (count(run.unchanged)) }
                dt { "Of its range, waiting to be looked at again" } dd data-of="late" { (count(run.late)) }
                @if let Some(waiting) = run.waiting { dt { "In the queue when it ended" } dd { (count(waiting)) } }
            }
        }
        section .panel {
            h2 { "Certificate" }
            @match &run.certificate {
                Some(certificate) => pre .scroll tabindex="0" { code { (pretty(certificate)) } },
                None => p .quiet { "It has none: it has not ended." },
            }
        }
        p { a href="/runs" { "All runs" } }
    }
}

fn pretty(value: &serde_json::Value) -> String {
    // What was read as JSON is written as such.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_covers_the_days_of_its_range() {
        let run = |from: &str, to: &str| RunView {
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            ..RunView::default()
        };
        let whole = run("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z");
        assert!(
            covers(&whole, "2025-01-01") && covers(&whole, "2025-01-31") && !covers(&whole, "2025-02-01")
        );
        assert!(covers(&run("2025-01-01T10:00:00Z", "2025-01-02T01:00:00Z"), "2025-01-02"));
        assert!(!covers(&RunView::default(), "2025-01-01"));
    }
}
