//! Conversations that pulls look at again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use http::{Response, Uri};
use maud::{Markup, html};

use super::page::page;
use super::write::{Form, count, maybe, several, time};
use crate::desk::{Office, Read, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::segment::segment;
use crate::view::late::{self, LateView};

/// Conversations on a page.
const ROWS: usize = 100;

pub(super) async fn get(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let mut asked = Params::read(uri.query())?;
    let from = asked.cursor("cursor")?.unwrap_or_default();
    asked.finish()?;
    let now = office.now();
    let queue = Arc::clone(&office.late);
    let view = office.archive(move |reader| Ok(late::late(&queue, reader, now, from, ROWS)?)).await?;
    office.saw(&viewer, Read::list("late")).await?;
    Ok(page(Some(&viewer), "/runs", "Late queue", &content(&view)))
}

/// What the page of runs says of it.
pub(super) fn panel(view: &LateView) -> Markup {
    html! {
        section .panel #late {
            h2 { "Late queue" }
            (summary(view))
            @if view.total > 0 { p { a href="/runs/late" { "Which they are" } } }
        }
    }
}

fn summary(view: &LateView) -> Markup {
    html! {
        @if view.total == 0 {
            p .quiet { "No text of a conversation is waited for." }
        } @else {
            p { (several(view.total, "conversation is", "conversations are")) " looked at again; the next pull looks at " (count(view.due)) "." }
            dl {
                @for (reason, number) in &view.reasons { dt { (meaning(reason)) } dd { (count(*number)) } }
                @if let Some(next) = &view.next_due { dt { "The next of the others is due" } dd { (time(next, Form::Full)) } }
            }
        }
    }
}

fn content(view: &LateView) -> Markup {
    html! {
        h1 { "Late queue" }
        section .panel { (summary(view)) }
        @if !view.conversations.is_empty() {
            div .panel.scroll tabindex="0" role="region" aria-label="Conversations that are looked at again" { table {
                thead { tr { th scope="col" { "Conversation" } th scope="col" { "Why" } th scope="col" { "Started" } th scope="col" { "First looked at" } th scope="col" { "Again" } } }
                tbody { @for one in &view.conversations { tr {
                    td .id { a href={"/conversations/" (segment(&one.id))} { (one.id) } }
                    td { (meaning(one.reason)) }
                    td { (maybe(one.started_at.as_deref())) }
                    td { (time(&one.first_at, Form::Full)) }
                    td { @match &one.due_at { Some(at) => { "not before " (time(at, Form::Full)) }, None => "by the next pull" } }
                } } }
            } }
        }
        @if let Some(next) = &view.next_cursor {
            div .more { span {} a .button rel="next" href={"/runs/late?cursor=" (next)} { "More" } }
        }
        p { a href="/runs" { "All runs" } }
    }
}

fn meaning(reason: &str) -> &str {
    match reason {
        "open" => "It has not ended",
        "late" => "Its texts are not there yet",
        "threading" => "A message may still be added",
        "failed" => "Asking for it failed",
        other => other,
    }
}
