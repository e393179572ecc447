//! What was said, as bubbles.

use maud::{Markup, html};

use super::super::write::{Form, pieces, size, time, tone};
use super::{parts, path};
use crate::desk::{Role, Viewer};
use crate::params::encoded;
use crate::segment::segment;
use crate::view::conversation::{ConversationAsk, ConversationView, FileView, TurnView};
use crate::view::posts::PostView;

pub(super) fn said(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk) -> Markup {
    let mut last = None;
    // Whether a turn is the first of its day; one without a time is of the day before it.
    let begins_day: Vec<bool> = view
        .turns
        .iter()
        .map(|turn| {
            let today = turn.sent_at.as_deref().and_then(|at| at.split('T').next());
            let begins = today.is_some() && today != last;
            last = today.or(last);
            begins
        })
        .collect();
    html! {
        (parts(view, ask))
        @if view.turns.is_empty() { div .blank { p { "Nothing was said in this conversation." } } }
        ol .said {
            @for (turn, begins) in view.turns.iter().zip(begins_day) {
                @if begins {
                    li .day { @if let Some(at) = &turn.sent_at { (time(at, Form::Day)) } }
                }
                (bubble(viewer, view, ask, turn))
            }
        }
        (parts(view, ask))
    }
}

fn bubble(viewer: &Viewer, view: &ConversationView, ask: &ConversationAsk, turn: &TurnView) -> Markup {
    let number = turn.number.to_string();
    // A message has a link of its own that survives new versions; a line of a transcript only its number.
    let link = match &turn.id {
        Some(id) => path(view, ask, &[("message", id), ("find", "")]),
        None => path(view, ask, &[("at", &number), ("find", "")]),
    };
    html! {
        li #{"t-" (number)} class={"turn " (turn.speaker)} {
            @if !turn.text.is_empty() { p dir="auto" { (pieces(&turn.text)) } }
            @if turn.file_name.is_some() || turn.file.is_some() { (attachment(viewer, view, turn)) }
            div .meta {
                span .speaker { (turn.speaker) }
                a href={(link) "#t-" (number)} title="Link to this turn" {
                    @match &turn.sent_at { Some(at) => (time(at, Form::Clock)), None => { "#" (number) } }
                }
                @if let Some(status) = &turn.status { (ticks(status)) }
                @if let Some(post) = own(view, turn) { (own_ticks(post)) }
            }
        }
    }
}

/// What the journal knows of a turn, where it is a message of ours.
fn own<'v>(view: &'v ConversationView, turn: &TurnView) -> Option<&'v PostView> {
    let id = turn.id.as_deref()?;
    view.posts.iter().find(|post| post.message_id.as_deref() == Some(id))
}

/// What the receipts of a message of ours said, beside what the transcript says.
fn own_ticks(post: &PostView) -> Markup {
    html! {
        span .own data-post=(post.state) title="Sent by frontdesk message send; by the receipts that it has seen" {
            "ours " (ticks(post.state))
            @if let Some(at) = &post.arrived_at { " " (time(at, Form::Clock)) }
        }
    }
}

/// Messages of ours that no turn shown here is: not in the archive yet, on another part, or never sent.
pub(super) fn others(view: &ConversationView) -> Vec<&PostView> {
    let is_shown = |post: &&PostView| view.turns.iter().any(|turn| own(view, turn) == Some(*post));
    view.posts.iter().filter(|post| !is_shown(post)).collect()
}

/// What became of a message: the sign that people know, and the platform's word for it.
pub(super) fn ticks(status: &str) -> Markup {
    let is = |parts: &[&str]| parts.iter().any(|part| status.to_ascii_lowercase().contains(part));
    let (sign, class) = match () {
        () if is(&["fail", "reject", "undeliver", "dead", "expired", "refused", "not_sent"]) => {
            ("✗", "tick failed")
        }
        () if is(&["read"]) => ("✓✓", "tick read"),
        () if is(&["deliver", "received"]) => ("✓✓", "tick"),
        () if is(&["sent", "published"]) => ("✓", "tick"),
        () => ("·", "tick"),
    };
    html! { span class=(class) { span aria-hidden="true" { (sign) } " " (status.replace('_', " ")) } }
}

fn attachment(viewer: &Viewer, view: &ConversationView, turn: &TurnView) -> Markup {
    html! {
        span .file {
            span aria-hidden="true" { "📎" }
            @match &turn.file_name {
                Some(name) if !name.is_empty() => span dir="auto" { (pieces(name)) },
                _ => span { "a file" },
            }
            @match &turn.file {
                Some(file) => (state(viewer, &view.id, file)),
                None => span .badge { "not looked at" },
            }
        }
    }
}

/// What became of a file; who may take exact bytes is led to those of one that was kept.
pub(super) fn state(viewer: &Viewer, id: &str, file: &FileView) -> Markup {
    let why = match file.state {
        "saved" => "its bytes are in the archive",
        "reachable" => "its link answered; its bytes were not kept",
        "expired" => "its link was no good any more when it was looked at",
        "refused" => "its link leads where nothing may be asked for",
        "too_large" => "it is larger than what is kept",
        "unreachable" => "its server did not give it",
        _ => "",
    };
    html! {
        span class=(tone(file.state)) title=(why) { (file.state.replace('_', " ")) }
        @if let Some(bytes) = file.bytes { span .quiet { (size(bytes)) } }
        @if let Some(kind) = &file.content_type { span .quiet { (kind) } }
        @if let Some(until) = file.expires_at.as_deref().filter(|_| file.state != "saved") {
            span .quiet { "link good until " (time(until, Form::Full)) }
        }
        @if let Some(hash) = file.sha256.as_deref().filter(|_| viewer.role >= Role::Auditor) {
            a href={"/api/v1/conversations/" (segment(id)) "/files/" (encoded(hash))} download { "Download" }
        }
    }
}
