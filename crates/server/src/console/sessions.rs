//! Sessions that were opened, and those that were ended.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::plans;
use super::write::{Form, count, several, time};
use crate::desk::{Office, Read, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::view::plans::{PlansView, page as remembered};
use crate::view::sessions::{self, SessionsView, TerminationsView};

/// Sessions, and endings, on a page.
const ROWS: usize = 50;
/// Plans on a page.
const PLANS: usize = 20;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let only_open = asked.flag("open")?;
    let (before, ended) = (asked.cursor("cursor")?, asked.cursor("ended")?);
    asked.finish()?;
    let views = office.entries(move |reader| {
        Ok((
            sessions::page(reader, before, only_open, ROWS)?,
            sessions::terminations(reader, ended, ROWS)?,
            remembered(reader, PLANS)?,
        ))
    });
    let (opened, ended, plans) = views.await?;
    // It shows all three; endings and plans are those of the sessions.
    office.saw(&viewer, Read::list("sessions")).await?;
    Ok(page(Some(&viewer), "/sessions", "Sessions", &content(&opened, &ended, &plans, only_open)))
}

fn content(opened: &SessionsView, ended: &TerminationsView, plans: &PlansView, only_open: bool) -> Markup {
    html! {
        h1 { "Sessions and endings" }
        p .quiet { (several(opened.total, "session", "sessions")) @if only_open { " that we have not ended" } ", "
            (count(opened.open)) " open"
            @if opened.destroyed > 0 { "; what was kept of " (several(opened.destroyed, "guest was", "guests was")) " destroyed" } "." }
        @if !opened.unknown.is_empty() {
            div .note.warn data-state="unknown" {
                p { strong { "Of " (several(opened.unknown.len() as u64, "request", "requests")) " nobody knows whether it came to a session. " }
                    "Ask again with " code { "frontdesk session open" } "." }
                ul { @for one in &opened.unknown { li { span .id { (one.guest_id) } ", asked " (time(&one.asked_at, Form::Full)) } } }
            }
        }
        section .panel {
            h2 { "Opened" }
            p { @if only_open { a href="/sessions" { "All sessions" } } @else { a href="/sessions?open=true" { "Only those that are open" } } }
            @if opened.sessions.is_empty() { p .quiet { "There are none." } } @else {
                div .scroll tabindex="0" role="region" aria-label="Opened sessions" { table {
                    thead { tr { th scope="col" { "Session" } th scope="col" { "Opened" } th scope="col" { "Standing" } th scope="col" { "Consent" } } }
                    tbody { @for one in &opened.sessions { tr {
                        td .id { (one.session_id) br; span .quiet { "guest " (one.guest_id) } }
                        td { (time(&one.opened_at, Form::Full)) }
                        td { @match &one.ended_at {
                            Some(at) => { span .badge { (one.standing) } " " (time(at, Form::Full)) },
                            None => span .badge.ok { (one.standing) },
                        } }
                        td { (time(&one.consented_at, Form::Full)) @if one.marketing { br; span .quiet { "marketing, too" } } }
                    } } }
                } }
            }
            @if let Some(next) = &opened.next_cursor {
                div .more { span {} a .button rel="next" href={"/sessions?cursor=" (next) @if only_open { "&open=true" }} { "Earlier sessions" } }
            }
        }
        (plans::panel(plans))
        section .panel {
            h2 { "Ended" }
            @if ended.terminations.is_empty() { p .quiet { "Nobody was ended." } } @else {
                div .scroll tabindex="0" role="region" aria-label="Ended sessions" { table {
                    thead { tr { th scope="col" { "Guest" } th scope="col" { "When" } th scope="col" { "Result" } th scope="col" { "Reason" } th .count scope="col" { "Took" } } }
                    tbody { @for one in &ended.terminations { tr {
                        td .id { @match &one.guest_id { Some(id) => (id), None => span .quiet { "destroyed" } } }
                        td { (time(&one.timestamp, Form::Full)) }
                        td {
                            @if one.success { span .badge.ok { "ended" } } @else { span .badge.bad { "failed" } }
                            @if one.duplicate { " " span .badge { "had ended already" } }
                            @if let Some(error) = &one.error { br; span .small { (error) } }
                        }
                        td { (one.reason) @if one.retain_data { br; span .quiet.small { "data kept" } } }
                        td .count { (count(one.latency_ms)) " ms" }
                    } } }
                } }
            }
            @if let Some(next) = &ended.next_cursor {
                div .more { span {} a .button rel="next" href={"/sessions?ended=" (next)} { "Earlier endings" } }
            }
        }
    }
}
