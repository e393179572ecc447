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

/// What stands in the address: two lists on one page, each with its place.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    only_open: bool,
    cursor: Option<u64>,
    ended: Option<u64>,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut asked = Params::read(query)?;
        let only_open = asked.flag("open")?;
        let (cursor, ended) = (asked.cursor("cursor")?, asked.cursor("ended")?);
        asked.finish()?;
        Ok(Self { only_open, cursor, ended })
    }

    /// The address of that page, at one of its lists.
    fn path(self, list: &str) -> String {
        let open = self.only_open.then(|| "open=true".to_owned());
        let cursor = self.cursor.map(|cursor| format!("cursor={cursor}"));
        let ended = self.ended.map(|ended| format!("ended={ended}"));
        let state: Vec<String> = [open, cursor, ended].into_iter().flatten().collect();
        match state.len() {
            0 => format!("/sessions#{list}"),
            _ => format!("/sessions?{}#{list}", state.join("&")),
        }
    }
}

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let asked = Asked::read(uri.query())?;
    let views = office.entries(move |reader| {
        Ok((
            sessions::page(reader, asked.cursor, asked.only_open, ROWS)?,
            sessions::terminations(reader, asked.ended, ROWS)?,
            remembered(reader, PLANS)?,
        ))
    });
    let (opened, ended, plans) = views.await?;
    // It shows all three; endings and plans are those of the sessions.
    office.saw(&viewer, Read::list("sessions")).await?;
    Ok(page(Some(&viewer), "/sessions", "Sessions", &content(asked, &opened, &ended, &plans)))
}

fn content(asked: Asked, opened: &SessionsView, ended: &TerminationsView, plans: &PlansView) -> Markup {
    let only_open = asked.only_open;
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
        section .panel #opened {
            h2 { "Opened" }
            // Another list of sessions begins at its beginning; the endings stay where they are.
            p { a href=(Asked { only_open: !only_open, cursor: None, ..asked }.path("opened")) {
                @if only_open { "All sessions" } @else { "Only those that are open" } } }
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
                div .more { span {} a .button rel="next" href=(Asked { cursor: next.parse().ok(), ..asked }.path("opened")) { "Earlier sessions" } }
            }
        }
        (plans::panel(plans))
        section .panel #ended {
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
                div .more { span {} a .button rel="next" href=(Asked { ended: next.parse().ok(), ..asked }.path("ended")) { "Earlier endings" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address of a link of a page.
    fn link(page: &str, text: &str) -> String {
        let (before, _) = page.split_once(text).unwrap();
        let (_, href) = before.rsplit_once("href=\"").unwrap();
        href.split('"').next().unwrap().replace("&amp;", "&")
    }

    #[test]
    fn a_link_of_one_list_leaves_the_other_where_it_is() {
        let (opened, ended) = (
            SessionsView { next_cursor: Some("70".into()), ..SessionsView::default() },
            TerminationsView { next_cursor: Some("40".into()), ..TerminationsView::default() },
        );
        let shown = |query: &str| {
            let asked = Asked::read(Some(query)).unwrap();
            let page = content(asked, &opened, &ended, &PlansView::default()).into_string();
            ["Earlier sessions", "Earlier endings", "sessions</a>", "open</a>"]
                .map(|text| page.contains(text).then(|| link(&page, text)))
        };
        let [sessions, endings, ..] = shown("");
        assert_eq!(sessions.as_deref(), Some("/sessions?cursor=70#opened"));
        assert_eq!(endings.as_deref(), Some("/sessions?ended=40#ended"));
        let [sessions, endings, ..] = shown("open=true&cursor=90&ended=55");
        assert_eq!(sessions.as_deref(), Some("/sessions?open=true&cursor=70&ended=55#opened"));
        assert_eq!(endings.as_deref(), Some("/sessions?open=true&cursor=90&ended=40#ended"));
        let [_, _, _, only_open] = shown("cursor=90&ended=55");
        assert_eq!(only_open.as_deref(), Some("/sessions?open=true&ended=55#opened"));
    }
}
