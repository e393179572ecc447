//! Whether messages arrived in time.

mod plot;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use maud::{Markup, html};

use self::plot::By;
use super::page::page;
use super::write::{Form, count, several, time};
use crate::desk::{Office, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::sla::{SlaGroupView, SlaView, report};

/// The column of what is a time.
const HOUR: &str = "Hour";
/// What the colours of plots say, in the order in which they are seen.
const OUTCOMES: &str = "green in time, red late, grey not known yet.";
const SHARES: &str = "blue half of them, amber 95 and purple 99 of 100.";

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let shown = (asked.text("from"), asked.text("to"));
    let mut asked = Params::read(uri.query())?;
    let range = (asked.time("from")?, asked.time("to")?);
    asked.finish()?;
    let (now, threshold) = (office.now(), office.desk.sla);
    let view = office.journal(move |reader| Ok(report(reader, now, threshold, range)?)).await?;
    Ok(page(Some(&viewer), "/sla", "Messages", &content(&view, (shown.0.as_deref(), shown.1.as_deref()))))
}

fn content(view: &SlaView, (from, to): (Option<&str>, Option<&str>)) -> Markup {
    html! {
        h1 { "Messages" }
        form .line method="get" action="/sla" {
            div .field { label for="from" { "From" } input #from name="from" type="date" value=[from]; }
            div .field { label for="to" { "To, not in it" } input #to name="to" type="date" value=[to]; }
            button type="submit" { "Show" }
        }
        @if view.all.messages == 0 { div .blank data-state="empty" { p { "No messages were sent in this time." } } } @else {
            p { strong { (share(&view.all)) } " of " (several(view.all.messages, "message", "messages")) " arrived within "
                (seconds(view.threshold_sec)) "." }
            (figure(plot::outcomes(&view.hours, By::Hour), "Messages by the hour", OUTCOMES))
            (figure(plot::percentiles(&view.hours, By::Hour), "Seconds to arrival by the hour", SHARES))
            @if view.channels.len() > 1 {
                (figure(plot::outcomes(&view.channels, By::Channel), "Messages by channel", OUTCOMES))
                (figure(plot::percentiles(&view.channels, By::Channel), "Seconds to arrival by channel", SHARES))
            }
            (table("By channel", "Channel", std::slice::from_ref(&view.all), &view.channels))
            (table("By the hour", HOUR, &[], &view.hours))
        }
    }
}

/// A plot, where there is something to draw. On a narrow screen it is wider than its place, and moved by keys, too.
fn figure(drawn: Option<Markup>, title: &str, key: &str) -> Markup {
    html! {
        @if let Some(drawn) = drawn {
            figure .plot tabindex="0" aria-label=(title) {
                (drawn)
                figcaption { (title) ": " (key) " The tables below have the numbers." }
            }
        }
    }
}

fn share(group: &SlaGroupView) -> String {
    group.met_share.map_or_else(|| "Not known how many".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

fn table(title: &str, name: &str, first: &[SlaGroupView], groups: &[SlaGroupView]) -> Markup {
    html! {
        section .panel {
            h2 { (title) }
            div .scroll tabindex="0" role="region" aria-label=(title) { table {
                thead { tr {
                    th scope="col" { (name) } th .count scope="col" { "Messages" } th .count scope="col" { "In time" } th .count scope="col" { "Late" }
                    th .count scope="col" { "Pending" } th .count scope="col" { "Unknown" } th .count scope="col" { "Share" }
                    th .count scope="col" { "p50" } th .count scope="col" { "p95" } th .count scope="col" { "p99" } th .count scope="col" { "Longest" }
                } }
                tbody { @for group in first.iter().chain(groups) { tr {
                    th scope="row" { @if group.name.is_empty() { "All" } @else if name == HOUR { (time(&group.name, Form::Full)) } @else { (group.name) } }
                    td .count { (count(group.messages)) } td .count { (count(group.met)) } td .count { (count(group.missed)) }
                    td .count { (count(group.pending)) } td .count { (count(group.unknown)) } td .count { (share(group)) }
                    @match group.elapsed_sec {
                        Some(took) => { @for value in [took.p50, took.p95, took.p99, took.max] { td .count { (seconds(value)) } } },
                        None => { @for _ in 0..4 { td .count { "–" } } },
                    }
                } } }
            } }
        }
    }
}
